// Quantiles: values at a fraction of the way through each sorted row, between elements if need be.
import { type DType, isFloat } from "../dtype.ts";
import { DTypeError, FlambeauError, ShapeError, showShape } from "../errors.ts";
import { type Tensor, isTensor } from "../tensor.ts";
import { add, floor, ge, isnan, logicalNot, lt, mul, round, sub, where } from "./arithmetic.ts";
import { cast } from "./cast.ts";
import { full } from "./creation.ts";
import { type Sample, composite } from "./define.ts";
import { clamp } from "./masking.ts";
import { sum } from "./reduction.ts";
import { rowAxis, rowsOf } from "./rows.ts";
import { gathering } from "./selection.ts";
import { orderSkips, sort } from "./sort.ts";
import { expand, permute, reshape } from "./view.ts";

/** What stands between two elements. */
export type Interpolation = "linear" | "lower" | "higher" | "nearest" | "midpoint";

export interface QuantileOptions {
  /** Keeps the axis with length 1. */
  readonly keepDims?: boolean;
  /** Default `linear`. */
  readonly interpolation?: Interpolation;
}

const interpolations: readonly Interpolation[] = [
  "linear",
  "lower",
  "higher",
  "nearest",
  "midpoint",
];

function fractions(name: string, x: Tensor, q: number | Tensor): Tensor {
  if (isTensor(q)) {
    if (q.ndim > 1 || q.dtype !== x.dtype) {
      throw new ShapeError(
        `${name}: expected fractions of at most one axis and dtype ${x.dtype}, got ${q.dtype} ` +
          `${showShape(q.shape)}.`,
      );
    }
    return q;
  }
  if (!(q >= 0 && q <= 1)) {
    throw new FlambeauError(`${name}: expected a fraction from 0 to 1, got ${q}.`);
  }
  return full([], q, { dtype: x.dtype, device: x.device });
}

function quantileOf(
  name: string,
  x: Tensor,
  q: number | Tensor,
  axis: number | undefined,
  options: QuantileOptions,
  ignoresNaN: boolean,
): Tensor {
  const { keepDims = false, interpolation = "linear" } = options;
  if (!isFloat(x.dtype)) {
    throw new DTypeError(
      `${name}: expected a float dtype, got ${x.dtype}. Cast with to("float32").`,
    );
  }
  if (!interpolations.includes(interpolation)) {
    throw new FlambeauError(
      `${name}: unknown interpolation ${JSON.stringify(interpolation)}. Expected one of ` +
        `${interpolations.join(", ")}.`,
    );
  }
  const wanted = fractions(name, x, q);
  const source = axis === undefined ? reshape(x, [-1]) : x;
  const at = rowAxis(name, source, axis ?? 0, true);
  const rows = rowsOf(source, at);
  const n = rows.shape.at(-1)!;
  // Ranks per row: [rows…, fractions]
  const count = wanted.ndim === 0 ? 1 : wanted.size;
  const missing = cast(sum(isnan(rows), -1, { keepDims: true }), x.dtype);
  const last = n - 1;
  const scaled = reshape(wanted, [count]);
  // NaNs stand last: a row that has one is NaN, unless they are left out.
  const ranks = ignoresNaN
    ? clamp(mul(scaled, sub(last, missing)), { min: 0 })
    : where(lt(missing, 0.5), mul(scaled, last), last);
  const target = [...rows.shape.slice(0, -1), count];
  const places = interpolation === "nearest" ? round(ranks) : ranks;
  const ordered = sort(rows, -1).values;
  const pick = (rank: Tensor) =>
    gathering.pick(ordered, expand(cast(rank, "int32"), target), target.length - 1);
  const below = floor(places);
  const above = clamp(add(below, 1), { max: last });
  const hasFraction = logicalNot(ge(below, places));
  let result: Tensor;
  if (interpolation === "lower" || interpolation === "nearest") result = pick(below);
  else if (interpolation === "higher") result = pick(where(hasFraction, above, below));
  else {
    const weight = interpolation === "midpoint" ? where(hasFraction, 0.5, 0) : sub(places, below);
    const [low, high] = [pick(below), pick(where(hasFraction, above, below))];
    result = lerp(low, high, cast(weight, x.dtype));
  }
  return arranged(result, x, axis, at, wanted.ndim, keepDims);
}

/** From the nearer end, as PyTorch does: `low + w (high - low)` or `high - (1 - w) (high - low)`. */
function lerp(low: Tensor, high: Tensor, weight: Tensor): Tensor {
  const step = sub(high, low);
  const fromHigh = sub(high, mul(step, sub(1, weight)));
  return where(lt(weight, 0.5), add(low, mul(step, weight)), fromHigh);
}

/** `[rows…, fractions]` with the fractions first (if they are a list) and the axis kept (if asked). */
function arranged(
  result: Tensor,
  x: Tensor,
  axis: number | undefined,
  at: number,
  ndim: number,
  keepDims: boolean,
): Tensor {
  const order = [result.ndim - 1, ...[...result.shape.keys()].slice(0, -1)];
  const first = permute(result, order);
  const count = first.shape[0]!;
  const rest =
    axis === undefined
      ? keepDims
        ? x.shape.map(() => 1)
        : []
      : x.ndim === 0
        ? []
        : x.shape.flatMap((length, i) => (i === at ? (keepDims ? [1] : []) : [length]));
  return reshape(first, ndim === 0 ? rest : [count, ...rest]);
}

const samples: readonly Sample[] = [
  (make) => [make.distinct([5]), 0.3],
  (make) => [make.distinct([3, 4]), 0.5, 1],
  (make) => [make.distinct([4, 3]), 0.8, 0, { keepDims: true, interpolation: "lower" }],
  (make) => [make.distinct([4, 3]), 0.2, -1, { interpolation: "higher" }],
  (make) => [make.distinct([2, 3]), 0.6, 1, { interpolation: "nearest" }],
  (make) => [make.distinct([2, 4]), 0.6, 1, { interpolation: "midpoint" }],
  (make) => [make.distinct([]), 1],
];
const tested = {
  samples,
  dtypes: ["float32", "float64"] as readonly DType[],
  skips: orderSkips,
};

/**
 * The value at fraction `q` (or each of a list of them, which becomes the first axis) of the sorted
 * elements along `axis`, or of all. NaN where there is one.
 */
export const quantile = /* @__PURE__ */ composite(
  "quantile",
  (x: Tensor, q: number | Tensor, axis?: number, options: QuantileOptions = {}): Tensor =>
    quantileOf("quantile", x, q, axis, options, false),
  tested,
);

/** As `quantile`, leaving NaNs out; NaN where there is nothing else. */
export const nanquantile = /* @__PURE__ */ composite(
  "nanquantile",
  (x: Tensor, q: number | Tensor, axis?: number, options: QuantileOptions = {}): Tensor =>
    quantileOf("nanquantile", x, q, axis, options, true),
  tested,
);
