// What an op declares. Ops are made by ops/define.ts; apply.ts runs them; the tape, the tracer and
// the printers read only what stands here, never an op's name.
import type { Kernel } from "./compiler/kernel.ts";
import type { ComplexNumber, DType } from "./dtype.ts";
import type { PreparedCalls } from "./prepared.ts";
import type { Layout, Shape } from "./shape.ts";
import type { Tensor } from "./tensor.ts";

/** What is known of a value before it exists. */
export interface Description {
  readonly shape: Shape;
  readonly dtype: DType;
}

/** What lowering knows of an operand: also how it lies in memory, or that it is a bare number. */
export interface OperandDescription extends Description {
  readonly layout: Layout;
  /** A JavaScript number: it reaches the kernel as a parameter, not as a buffer. */
  readonly isNumber: boolean;
}

/** A number that is read anew before each replay of a traced program. */
export class HostValue {
  readonly read: () => number;
  constructor(read: () => number) {
    this.read = read;
  }
}

/** What ops accept where PyTorch accepts a tensor or a Python scalar. */
export type TensorLike = Tensor | number | bigint | boolean | HostValue | ComplexNumber;

/** Attributes are plain data, so that they can be keys, be printed and be saved. */
export type Attribute = number | string | boolean | null | undefined | readonly Attribute[];
export type Attributes = { readonly [name: string]: Attribute };

/** What a gradient function sees of the forward call. */
export interface GradientContext<A> {
  readonly attributes: A;
  /** An operand that `saves` names. */
  input(position: number): Tensor;
  /** As `input`, where a bare number may stand. */
  operand(position: number): TensorLike;
  /** A result that `saves` names. */
  output(position: number): Tensor;
  readonly inputs: readonly Description[];
  readonly outputs: readonly Description[];
  /** Gradients of the results; `undefined` where none arrived. */
  readonly grads: readonly (Tensor | undefined)[];
  /** Which operands need a gradient. */
  readonly needs: readonly boolean[];
}

export interface Saves {
  readonly inputs?: readonly number[];
  readonly outputs?: readonly number[];
}

/** What passes and printers may know of an op. */
export interface Traits {
  /** Operands broadcast against each other; gradients are summed back. */
  readonly broadcasts?: boolean;
  /** Only changes how elements are addressed. */
  readonly isView?: boolean;
  /** Its values differ from call to call or come from a generator's state. */
  readonly isRandom?: boolean;
  /**
   * How many results there are depends on the values: the attribute `size` says it. Eager calls read it
   * from the values, traced ones must be given it.
   */
  readonly hasDataDependentSize?: boolean;
}

/** An operand of a batched call. */
export interface BatchOperand {
  readonly value: TensorLike;
  readonly isBatched: boolean;
}

export interface Operation<A extends Attributes = Attributes> {
  readonly name: string;
  readonly traits: Traits;
  /** Shapes and dtypes of the results; throws where the operands do not fit. */
  infer(inputs: readonly OperandDescription[], attributes: A): readonly Description[];
  /**
   * The same elements addressed differently, or `undefined` where they must be copied. Layout and
   * offset count elements of the result's dtype, which may be that of parts of complex numbers.
   */
  view?(
    input: Layout,
    offset: number,
    attributes: A,
  ): { layout: Layout; offset: number } | undefined;
  /** The portable loops: the meaning that every backend must match. */
  lower(
    inputs: readonly OperandDescription[],
    attributes: A,
    outputs: readonly Description[],
  ): Kernel;
  /** What the gradient reads; nothing else is kept alive. */
  saves?(needs: readonly boolean[], inputs: readonly OperandDescription[], attributes: A): Saves;
  /** One gradient per operand; absent where no gradient exists anywhere. */
  gradient?(context: GradientContext<A>): readonly (Tensor | undefined)[];
  /**
   * The op on a batch: operands that are batched have one more axis, the first; so have the results.
   * Where it is absent, `vmap` calls the op once per element.
   */
  batch?(operands: readonly BatchOperand[], attributes: A, size: number): readonly Tensor[];
  /** What apply worked out for earlier calls. */
  readonly prepared: PreparedCalls;
}

/** A stable text of attributes, for cache keys and graph text. */
export function attributesText(attributes: Attributes): string {
  let text = "";
  for (const name in attributes) {
    const value = attributes[name];
    if (value === undefined) continue;
    text += `${text === "" ? "" : " "}${name}=${attributeText(value)}`;
  }
  return text;
}

function attributeText(value: Attribute): string {
  if (!Array.isArray(value)) return Object.is(value, -0) ? "-0" : String(value);
  let text = "[";
  for (let i = 0; i < value.length; i++) text += (i === 0 ? "" : ",") + attributeText(value[i]);
  return `${text}]`;
}
