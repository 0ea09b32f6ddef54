// Ops whose results are as many as the values say: eager calls read the count, traced ones are told it.
import { FlambeauError, TraceError } from "../errors.ts";
import { modes, noGrad } from "../modes.ts";
import type { Operation } from "../operation.ts";
import type { Tensor } from "../tensor.ts";

export interface SizeOptions {
  /** How many results: fewer are filled up, more are cut off. Needed while tracing. */
  readonly size?: number;
}

/** How many results an op gives: `size` where it is said, else what `count` computes, which is read now. */
export function resultCount(
  { name, traits }: Pick<Operation, "name" | "traits">,
  x: Tensor,
  size: number | undefined,
  count: () => Tensor,
): number {
  if (!traits.hasDataDependentSize) throw new FlambeauError(`${name}: its size is known.`);
  if (size !== undefined) {
    if (Number.isInteger(size) && size >= 0) return size;
    throw new FlambeauError(`${name}: expected a size, a non-negative integer, got ${size}.`);
  }
  if (x.isAbstract || modes.recorder !== undefined) {
    throw new TraceError(
      `${name}: how many results there are depends on the values, which a traced or batched function ` +
        `does not know. Pass { size }: fewer are filled up, more are cut off.`,
    );
  }
  return noGrad(() => count().itemSync());
}

/** The `skips` of tests that have no values to count. */
export const countSkips = {
  "shape-only": "the number of results is read from the values",
  traced: "the number of results is read from the values, unless a size is given",
} as const;
