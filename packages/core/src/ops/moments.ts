// Sums and means that leave NaN out, pairs of moments, and how variables vary together.
import { type DType, isFloat, requireReal } from "../dtype.ts";
import { DTypeError, ShapeError, showShape } from "../errors.ts";
import type { Tensor } from "../tensor.ts";
import { div, isnan, logicalNot, mul, sub, where } from "./arithmetic.ts";
import { cast } from "./cast.ts";
import { type Sample, composite } from "./define.ts";
import { diagonal } from "./diagonal.ts";
import { clamp } from "./masking.ts";
import { sqrt } from "./math.ts";
import { matmul } from "./matmul.ts";
import { type Axes, type ReduceOptions } from "./reduction-core.ts";
import { type VarianceOptions, mean, std, sum, variance } from "./reduction.ts";
import { reshape, transpose, unsqueeze } from "./view.ts";

const floats: readonly DType[] = ["float32", "float64"];
const samples: readonly Sample[] = [
  (make) => [make([2, 3])],
  (make) => [make([2, 3]), 1],
  (make) => [make([2, 3, 4]), [0, 2], { keepDims: true }],
  (make) => [make([0, 3]), 0],
];

/** Sum over `axes` (all by default) in which NaN counts as 0. */
export const nansum = /* @__PURE__ */ composite(
  "nansum",
  (x: Tensor, axes?: Axes, options?: ReduceOptions): Tensor => {
    requireReal("nansum", x.dtype);
    return sum(isFloat(x.dtype) ? where(isnan(x), 0, x) : x, axes, options);
  },
  { samples },
);

/** Mean over `axes` (all by default) of what is not NaN; NaN where there is nothing else. */
export const nanmean = /* @__PURE__ */ composite(
  "nanmean",
  (x: Tensor, axes?: Axes, options?: ReduceOptions): Tensor => {
    if (!isFloat(x.dtype)) {
      throw new DTypeError(
        `nanmean: expected a float dtype, got ${x.dtype}. Cast with to("float32").`,
      );
    }
    const count = sum(cast(logicalNot(isnan(x)), x.dtype), axes, options);
    return div(nansum(x, axes, options), count);
  },
  { samples, dtypes: floats },
);

const momentSamples: readonly Sample[] = [
  (make) => [make([2, 3])],
  (make) => [make([4, 3]), 0, { correction: 0, keepDims: true }],
];

/** Variance and mean over `axes` (all by default): `{ variance, mean }`. */
export const varMean = /* @__PURE__ */ composite(
  "varMean",
  (x: Tensor, axes?: Axes, options: VarianceOptions = {}) => ({
    variance: variance(x, axes, options),
    mean: mean(x, axes, { keepDims: options.keepDims }),
  }),
  { samples: momentSamples, dtypes: floats },
);

/** Standard deviation and mean over `axes` (all by default): `{ std, mean }`. */
export const stdMean = /* @__PURE__ */ composite(
  "stdMean",
  (x: Tensor, axes?: Axes, options: VarianceOptions = {}) => ({
    std: std(x, axes, options),
    mean: mean(x, axes, { keepDims: options.keepDims }),
  }),
  { samples: momentSamples, dtypes: floats },
);

export interface CovarianceOptions {
  /** Subtracted from the count: 1 (default) for samples, 0 for populations. */
  readonly correction?: number;
  /** How often each observation counts: integers, one per column. */
  readonly frequencies?: Tensor;
  /** The weight of each observation, one per column. */
  readonly weights?: Tensor;
}

/** Covariances of variables (rows) from observations (columns): `[rows, rows]`; of a vector, 0-d. */
export const cov = /* @__PURE__ */ composite(
  "cov",
  (x: Tensor, { correction = 1, frequencies, weights }: CovarianceOptions = {}): Tensor => {
    if (x.ndim > 2) {
      throw new ShapeError(`cov: expected at most 2 axes, got shape ${showShape(x.shape)}.`);
    }
    requireReal("cov", x.dtype);
    const source = isFloat(x.dtype) ? x : cast(x, "float32");
    const rows = x.ndim === 2 ? source : reshape(source, [1, x.size]);
    const own = [frequencies, weights]
      .filter((w) => w !== undefined)
      .map((w) => cast(w, rows.dtype));
    let centred: Tensor;
    let products: Tensor;
    let count: Tensor | number;
    if (own.length === 0) {
      centred = sub(rows, mean(rows, 1, { keepDims: true }));
      products = matmul(centred, transpose(centred, 0, 1));
      count = Math.max(rows.shape[1]! - correction, 0);
    } else {
      const weight = own.reduce((a, b) => mul(a, b));
      const total = sum(weight);
      centred = sub(rows, unsqueeze(div(sum(mul(rows, weight), 1), total), 1));
      products = matmul(mul(centred, weight), transpose(centred, 0, 1));
      // Of what counts with weights, their mean weight is what one observation is worth.
      const worth =
        weights === undefined
          ? correction
          : mul(div(sum(mul(weight, own.at(-1)!)), total), correction);
      count = clamp(sub(total, worth), { min: 0 });
    }
    const result = div(products, count);
    return x.ndim === 2 ? result : reshape(result, []);
  },
  {
    samples: [
      (make) => [make([3, 5])],
      (make) => [make([2, 4]), { correction: 0 }],
      (make) => [make([4])],
      (make) => [
        make([2, 4]),
        { weights: make([4], 0.5, 2), frequencies: make.integers([4], 1, 4) },
      ],
    ],
    dtypes: floats,
  },
);

/** Correlations of variables (rows) from observations (columns), limited to [-1, 1]. */
export const corrcoef = /* @__PURE__ */ composite(
  "corrcoef",
  (x: Tensor): Tensor => {
    const covariances = cov(x);
    if (covariances.ndim === 0) return div(covariances, covariances);
    const deviations = sqrt(diagonal(covariances));
    const scaled = div(div(covariances, unsqueeze(deviations, 1)), deviations);
    return clamp(scaled, { min: -1, max: 1 });
  },
  {
    samples: [(make) => [make([3, 5])], (make) => [make([4])]],
    dtypes: floats,
  },
);
