// Largest and smallest elements with where they stand; both at once.
import { normalizeAxis } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { cast } from "./cast.ts";
import { type Sample, composite } from "./define.ts";
import { argmax, argmin } from "./argument-reduction.ts";
import { type ReduceOptions } from "./reduction-core.ts";
import { amax, amin } from "./reduction.ts";
import type { ValuesAndIndices } from "./rows.ts";
import { gathering } from "./selection.ts";
import { orderSkips } from "./sort.ts";
import { reshape, squeeze } from "./view.ts";

function extremeWithIndices(
  name: string,
  position: typeof argmax,
  x: Tensor,
  axis: number,
  { keepDims = false }: ReduceOptions,
): ValuesAndIndices {
  const at = normalizeAxis(name, axis, x.ndim);
  const source = x.ndim === 0 ? reshape(x, [1]) : x;
  const ordered = x.dtype === "bool" ? cast(source, "uint8") : source;
  const indices = position(ordered, at, { keepDims: true });
  const values = gathering.pick(source, indices, at);
  if (x.ndim === 0) return { values: reshape(values, []), indices: reshape(indices, []) };
  if (keepDims) return { values, indices };
  return { values: squeeze(values, at), indices: squeeze(indices, at) };
}

const axisSamples: readonly Sample[] = [
  (make) => [make.distinct([5]), 0],
  (make) => [make.distinct([3, 4]), 1],
  (make) => [make.distinct([2, 3, 2]), -2, { keepDims: true }],
  (make) => [make.distinct([]), 0],
];
const samples: readonly Sample[] = [(make) => [make.distinct([2, 3])], ...axisSamples];

/** The largest elements along `axis` and their first positions: `{ values, indices }`. NaN is largest. */
export const maxWithIndices = /* @__PURE__ */ composite(
  "maxWithIndices",
  (x: Tensor, axis: number, options: ReduceOptions = {}): ValuesAndIndices =>
    extremeWithIndices("maxWithIndices", argmax, x, axis, options),
  { samples: axisSamples, skips: orderSkips },
);

/** The smallest elements along `axis` and their first positions: `{ values, indices }`. NaN is smallest. */
export const minWithIndices = /* @__PURE__ */ composite(
  "minWithIndices",
  (x: Tensor, axis: number, options: ReduceOptions = {}): ValuesAndIndices =>
    extremeWithIndices("minWithIndices", argmin, x, axis, options),
  { samples: axisSamples, skips: orderSkips },
);

/**
 * The largest element, or the largest along `axis`. Of equal ones along an axis the first gets the
 * gradient (`amax` shares it); of all elements they share it.
 */
export const max = /* @__PURE__ */ composite(
  "max",
  (x: Tensor, axis?: number, options: ReduceOptions = {}): Tensor =>
    axis === undefined ? amax(x) : maxWithIndices(x, axis, options).values,
  { samples, skips: orderSkips },
);

/**
 * The smallest element, or the smallest along `axis`. Of equal ones along an axis the first gets the
 * gradient (`amin` shares it); of all elements they share it.
 */
export const min = /* @__PURE__ */ composite(
  "min",
  (x: Tensor, axis?: number, options: ReduceOptions = {}): Tensor =>
    axis === undefined ? amin(x) : minWithIndices(x, axis, options).values,
  { samples, skips: orderSkips },
);

export interface Extremes {
  readonly min: Tensor;
  readonly max: Tensor;
}

/** The smallest and the largest element, of all or along `axis`: `{ min, max }`. Ties share the gradient. */
export const aminmax = /* @__PURE__ */ composite(
  "aminmax",
  (x: Tensor, axis?: number, options: ReduceOptions = {}): Extremes => ({
    min: amin(x, axis, options),
    max: amax(x, axis, options),
  }),
  { samples, skips: { tied: "equal extremes share the gradient" } },
);
