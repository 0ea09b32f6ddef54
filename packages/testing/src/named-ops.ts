// What the generated tests run on: the ops among a module's exports, and their samples' arguments.
import { type DType, type Tensor, device as findDevice, tensor } from "@flambeau/core";
import { dtypes } from "@flambeau/core/extension";
import { mapTensors } from "@flambeau/core/extension";
import { type Definition, isOp } from "@flambeau/core/extension";
import { type Placement, type Values, createSampleSource, seedOf } from "./sample-source.ts";

export interface NamedOp {
  readonly name: string;
  readonly definition: Definition;
  readonly call: (...inputs: unknown[]) => unknown;
}

/** The ops among a module's exports, by name. */
export function opsOf(module: object): NamedOp[] {
  return Object.entries(module).flatMap(([name, value]) =>
    isOp(value)
      ? [{ name, definition: value.definition, call: value as unknown as NamedOp["call"] }]
      : [],
  );
}

/** The dtypes that an op says it accepts. */
export const claimedDTypes = ({ definition }: NamedOp): readonly DType[] =>
  definition.dtypes ?? dtypes;

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
