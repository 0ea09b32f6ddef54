// Prepared calls: what apply works out once for operands of certain layouts and attributes, and how it
// finds it again. Nothing here knows what an op means.
import type { CallPlan } from "./autograd/tape.ts";
import { type DType, isContinuous } from "./dtype.ts";
import { modes } from "./modes.ts";
import {
  type Attribute,
  type Attributes,
  type Description,
  HostValue,
  type OperandDescription,
  type TensorLike,
  attributesText,
} from "./operation.ts";
import type { Executable } from "./runtime/backend.ts";
import type { Device } from "./runtime/device.ts";
import { type Layout, layoutOf } from "./shape.ts";
import { Tensor } from "./tensor.ts";

/** Where a view lies in the buffer of its operand. */
export interface Placed {
  readonly layout: Layout;
  readonly offset: number;
}

/** A result that a kernel writes. */
export interface Target {
  readonly dtype: DType;
  readonly layout: Layout;
  readonly bytes: number;
}

/** What was worked out for a call. */
export interface Work {
  readonly inputs: readonly OperandDescription[];
  readonly outputs: readonly Description[];
  /** Where the call only makes a view; no kernel runs then. */
  readonly view: Placed | undefined;
  readonly targets: readonly Target[];
  readonly executable: Executable | undefined;
}

/** A prepared call, with what it was prepared for. */
export interface Prepared extends Work {
  readonly device: Device;
  readonly hasNumbers: boolean;
  /** Whether a result can have gradients. */
  readonly isContinuous: boolean;
  /** How calls are recorded, by which operands need gradients: the latest first. */
  plans: readonly CallPlan[];
  readonly layouts: readonly Layout[];
  readonly dtypes: readonly DType[];
  /** Of the first operand, where a view depends on it. */
  readonly offset: number;
  readonly attributes: Attributes;
  readonly attributeCount: number;
  readonly precision: string;
}

/** Attributes of ops that have none: known without looking. */
export const noAttributes: { readonly [name: string]: never } = Object.freeze({});

/** Numbers reach kernels as parameters: only their kind matters. These stand for the kinds. */
const [whole, fractional, boolean, refused] = [-1, -2, -3, -4].map((size): Layout => ({
  ...layoutOf([]),
  size,
})) as [Layout, Layout, Layout, Layout];

function kindOf(value: Exclude<TensorLike, Tensor>): Layout {
  if (typeof value === "number") return Number.isInteger(value) ? whole : fractional;
  if (typeof value === "bigint") return whole;
  if (typeof value === "boolean") return boolean;
  return value instanceof HostValue ? fractional : refused;
}

const slots = 16;
const slotShift = 28;
/** How many calls share a slot before the oldest has to be looked for by its text. */
const perSlot = 4;
/** Prepared calls that an op keeps in all. */
const limit = 512;

/** The prepared calls of one op. */
export class PreparedCalls {
  /** By the operands' layouts; the latest of each slot first. */
  readonly #recent = new Array<Prepared[] | undefined>(slots);
  /** All, by text. */
  readonly #all = new Map<string, Prepared>();
  /** Whether the results depend on where in its buffer an operand starts. */
  readonly #dependsOnOffset: boolean;

  constructor(dependsOnOffset = false) {
    this.#dependsOnOffset = dependsOnOffset;
  }

  /** Allocates nothing where the call was seen a short while ago. */
  find(
    inputs: readonly TensorLike[],
    attributes: Attributes,
    device: Device,
  ): Prepared | undefined {
    const recent = this.#recent[slotOf(inputs)];
    if (recent === undefined) return undefined;
    for (let i = 0; i < recent.length; i++) {
      const one = recent[i]!;
      if (one.device !== device || !this.#matches(one, inputs, attributes)) continue;
      for (let at = i; at > 0; at--) recent[at] = recent[at - 1]!;
      recent[0] = one;
      return one;
    }
    return undefined;
  }

  #matches(prepared: Prepared, inputs: readonly TensorLike[], attributes: Attributes): boolean {
    const { device, layouts, dtypes, precision, offset } = prepared;
    if (precision !== modes.matmulPrecision || layouts.length !== inputs.length) return false;
    for (let i = 0; i < inputs.length; i++) {
      const input = inputs[i]!;
      if (!(input instanceof Tensor)) {
        if (layouts[i] !== kindOf(input)) return false;
      } else if (
        input.layout !== layouts[i] ||
        input.dtype !== dtypes[i] ||
        input.device !== device ||
        (this.#dependsOnOffset && input.offset !== offset)
      ) {
        return false;
      }
    }
    return hasAttributes(prepared, attributes);
  }

  /** As `find`, among all calls; `work` does what is to be done for a new one. */
  prepare(
    inputs: readonly TensorLike[],
    attributes: Attributes,
    device: Device,
    work: () => Work,
  ): Prepared {
    let key = `${device.name} ${modes.matmulPrecision} `;
    for (const input of inputs) {
      key +=
        input instanceof Tensor ? `${input.dtype}${input.layout.id},` : `${kindOf(input).size},`;
    }
    const [first] = inputs;
    const offset = this.#dependsOnOffset && first instanceof Tensor ? first.offset : 0;
    key += `${offset} ${attributesText(attributes)}`;
    let prepared = this.#all.get(key);
    if (prepared === undefined) {
      const done = work();
      prepared = {
        ...done,
        device,
        hasNumbers: done.inputs.some(({ isNumber }) => isNumber),
        isContinuous: done.outputs.some(({ dtype }) => isContinuous(dtype)),
        plans: [],
        layouts: inputs.map((x) => (x instanceof Tensor ? x.layout : kindOf(x))),
        dtypes: done.inputs.map(({ dtype }) => dtype),
        offset,
        attributes: snapshot(attributes),
        attributeCount: Object.keys(attributes).length,
        precision: modes.matmulPrecision,
      };
      if (this.#all.size >= limit) this.#all.delete(this.#all.keys().next().value!);
      this.#all.set(key, prepared);
    }
    const recent = (this.#recent[slotOf(inputs)] ??= []);
    if (recent.length >= perSlot) recent.pop();
    recent.unshift(prepared);
    return prepared;
  }
}

function slotOf(inputs: readonly TensorLike[]): number {
  let hash = 0;
  // Multiplied, so that the highest bits tell also operands of one layout apart: ids are small and close.
  for (let i = 0; i < inputs.length; i++) {
    const input = inputs[i];
    if (input instanceof Tensor) hash = Math.imul(hash ^ input.layout.id, 0x9e3779b1);
  }
  return hash >>> slotShift;
}

/** A copy that later changes of arrays cannot reach. */
function snapshot(attributes: Attributes): Attributes {
  const entries = Object.entries(attributes);
  if (entries.length === 0) return noAttributes;
  return Object.fromEntries(entries.map(([name, value]) => [name, copied(value)]));
}

const copied = (value: Attribute): Attribute => (Array.isArray(value) ? value.map(copied) : value);

function hasAttributes({ attributes, attributeCount }: Prepared, given: Attributes): boolean {
  if (given === attributes) return true;
  let count = 0;
  for (const name in given) {
    if (!sameAttribute(attributes[name], given[name])) return false;
    count++;
  }
  return count === attributeCount;
}

function sameAttribute(a: Attribute, b: Attribute): boolean {
  if (!Array.isArray(a) || !Array.isArray(b)) return Object.is(a, b);
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) {
    if (!sameAttribute(a[i], b[i])) return false;
  }
  return true;
}
