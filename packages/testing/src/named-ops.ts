// What the generated tests run on: the ops among a module's exports, and their samples' arguments.
import { type DType, type Tensor, device as findDevice, tensor } from "@flambeau/core";
import { dtypes, isComplex, isHalf, isInteger, valueDTypes } from "@flambeau/core/extension"; // prettier-ignore
import { mapTensors } from "@flambeau/core/extension";
import { type Definition, isOp } from "@flambeau/core/extension";
import { type Placement, type Values, createSampleSource, seedOf } from "./sample-source.ts";

export interface NamedOp {
  readonly name: string;
  readonly definition: Definition;
  readonly call: (...inputs: unknown[]) => unknown;
}

const isNamespace = (value: unknown): value is object =>
  Object.prototype.toString.call(value) === "[object Module]";

/** The ops among a module's exports, by name; those of namespaces that have no name outside, as `fft.rfft`. */
export function opsOf(module: object): NamedOp[] {
  const own = Object.entries(module).flatMap(([name, value]) =>
    isOp(value)
      ? [{ name, definition: value.definition, call: value as unknown as NamedOp["call"] }]
      : [],
  );
  const known = new Set(own.map(({ call }) => call));
  const nested = Object.entries(module).flatMap(([name, value]) =>
    isNamespace(value)
      ? opsOf(value)
          .filter(({ call }) => !known.has(call))
          .map((op) => ({ ...op, name: `${name}.${op.name}` }))
      : [],
  );
  return [...own, ...nested];
}

/** The dtypes that an op says it accepts; without a word, all that kernels compute in. */
export const claimedDTypes = ({ definition }: NamedOp): readonly DType[] =>
  definition.dtypes ?? valueDTypes;

/**
 * The dtypes that follow from those: 16-bit floats from float32, other integers from int32 and uint8,
 * complex numbers where the op says nothing. Each must work or be refused with a DTypeError.
 */
export function derivedDTypes(op: NamedOp): DType[] {
  const claimed = claimedDTypes(op);
  const has = (...names: readonly DType[]) => names.every((name) => claimed.includes(name));
  return dtypes.filter((dtype) => {
    if (claimed.includes(dtype)) return false;
    if (isHalf(dtype)) return has("float32");
    if (isInteger(dtype)) return has("int32", "uint8");
    return isComplex(dtype) && op.definition.dtypes === undefined;
  });
}

export interface ArgumentOptions {
  readonly dtype: DType;
  readonly device: string;
  readonly placement?: Placement;
  readonly values?: Values;
  readonly requiresGrad?: boolean;
}

/** The arguments of an op's sample: equal values for equal options, wherever they lie. */
export function argumentsOf(op: NamedOp, sample: number, options: ArgumentOptions): unknown[] {
  const source = createSampleSource({
    ...options,
    seed: seedOf(`${op.name} ${sample}`),
    anyShape: op.definition.kind === "elementwise",
  });
  const inputs = op.definition.samples[sample]!(source);
  return inputs.map((input) => moved(input, options.device));
}

/** Samples may make tensors of their own: these go to the device under test. */
const moved = (value: unknown, device: string): unknown =>
  mapTensors(value, (x) =>
    x.device === findDevice(device)
      ? x
      : tensor(x.dataSync(), { shape: x.shape, dtype: x.dtype, device }),
  );

/** Arguments with their tensors replaced, in the order of `tensorsIn`. */
export function withTensors(value: unknown, replacements: readonly Tensor[]): unknown {
  let next = 0;
  return mapTensors(value, () => replacements[next++]);
}
