// One element of each row by its rank or its frequency: k-th values, medians, modes. Quantiles, which
// lie between elements, are in quantile.ts.
import { apply } from "../apply.ts";
import type { TypedArray } from "../dtype.ts";
import { FlambeauError, showShape } from "../errors.ts";
import type { BatchOperand, Operation } from "../operation.ts";
import type { Tensor } from "../tensor.ts";
import { type Sample, composite, primitive } from "./define.ts";
import { rowOrder } from "./ordering.ts";
import { type ValuesAndIndices, fromRows, rowAxis, rowRoutine, rowsOf } from "./rows.ts";
import { gathering } from "./selection.ts";
import { orderSkips } from "./sort.ts";
import { reshape, squeeze } from "./view.ts";

type Statistic = "kth" | "median" | "nanmedian" | "mode";

interface StatisticAttributes {
  readonly [name: string]: string | number;
  readonly statistic: Statistic;
  /** The rank of `kth`, from 0. */
  readonly rank: number;
}

/** Which element of a sorted row is meant: its place in `order`. */
type Choose = (
  values: TypedArray,
  start: number,
  order: ArrayLike<number>,
  n: number,
  rank: number,
) => number;

/** How many elements before the NaNs, which stand last. */
function ordinary(values: TypedArray, start: number, order: ArrayLike<number>, n: number): number {
  let count = n;
  while (count > 0) {
    const value = values[start + order[count - 1]!]!;
    if (value === value) break;
    count--;
  }
  return count;
}

const chosen: Record<Statistic, Choose> = {
  kth: (_values, _start, _order, _n, rank) => rank,
  /** The lower of two in the middle; the first NaN where there is one. */
  median(values, start, order, n) {
    const count = ordinary(values, start, order, n);
    return count < n ? count : (n - 1) >> 1;
  },
  nanmedian(values, start, order, n) {
    const count = ordinary(values, start, order, n);
    return count === 0 ? 0 : (count - 1) >> 1;
  },
  /** The last of the longest run of equal elements; of equally long ones, the smallest. */
  mode(values, start, order, n) {
    let [best, longest, length] = [0, 0, 0];
    for (let i = 0; i < n; i++) {
      length++;
      if (i + 1 < n && values[start + order[i]!] === values[start + order[i + 1]!]) continue;
      if (length > longest) [best, longest] = [i, length];
      length = 0;
    }
    return best;
  },
};

/** Reduces the last axis to length 1. */
const statisticOperation: Operation<StatisticAttributes> = /* @__PURE__ */ primitive({
  name: "orderStatistic",
  infer: ([x]) => {
    const shape = [...x!.shape.slice(0, -1), 1];
    return [
      { shape, dtype: x!.dtype },
      { shape, dtype: "int32" },
    ];
  },
  lower: ([x], { statistic, rank }, outputs) =>
    rowRoutine(statistic, [x!], outputs, [rank], (n) => {
      const orderOf = rowOrder(x!.dtype, n, false);
      const choose = chosen[statistic];
      return ([source], [values, indices], row) => {
        const order = orderOf(source!, row * n);
        const at = order[choose(source!, row * n, order, n, rank)]!;
        values![row] = source![row * n + at] as never;
        indices![row] = at;
      };
    }),
  saves: () => ({ outputs: [1] }),
  gradient: ({ grads, inputs, output }) => {
    const { shape } = inputs[0]!;
    const attributes = { axis: shape.length - 1, shape, combine: "add" as const };
    return [grads[0] && gathering.place(grads[0], output(1), attributes)];
  },
  batch(this: Operation<StatisticAttributes>, [x]: readonly BatchOperand[], attributes) {
    return apply(this, [x!.value], attributes);
  },
});

export interface StatisticOptions {
  /** Keeps the axis with length 1. */
  readonly keepDims?: boolean;
}

function statisticOf(
  name: string,
  x: Tensor,
  axis: number,
  attributes: StatisticAttributes,
  { keepDims = false }: StatisticOptions,
): ValuesAndIndices {
  const at = rowAxis(name, x, axis, true);
  const results = apply(statisticOperation, [rowsOf(x, at)], attributes).map((rows) => {
    const back = fromRows(rows, at, x.ndim);
    return keepDims || x.ndim === 0 ? back : squeeze(back, at);
  });
  return { values: results[0]!, indices: results[1]! };
}

/** The `k`-th smallest element along `axis`, k from 1, and where it stands: `{ values, indices }`. */
export const kthvalue = /* @__PURE__ */ composite(
  "kthvalue",
  (x: Tensor, k: number, axis = -1, options: StatisticOptions = {}): ValuesAndIndices => {
    const n = x.shape[rowAxis("kthvalue", x, axis, true)] ?? 1;
    if (!Number.isInteger(k) || k < 1 || k > n) {
      throw new FlambeauError(
        `kthvalue: expected k from 1 to ${n}, the length of the axis of shape ` +
          `${showShape(x.shape)}, got ${k}.`,
      );
    }
    return statisticOf("kthvalue", x, axis, { statistic: "kth", rank: k - 1 }, options);
  },
  {
    samples: [
      (make) => [make.distinct([5]), 2],
      (make) => [make.distinct([3, 4]), 3, 0, { keepDims: true }],
      (make) => [make.distinct([]), 1],
    ],
    skips: orderSkips,
  },
);

const axisSamples: readonly Sample[] = [
  (make) => [make.distinct([5]), 0],
  (make) => [make.distinct([3, 4]), 1],
  (make) => [make.distinct([4, 2, 3]), 0, { keepDims: true }],
  (make) => [make.distinct([]), 0],
];
const samples: readonly Sample[] = [(make) => [make.distinct([2, 3])], ...axisSamples];

/** Of all elements where there is no axis. */
function medianOf(
  statistic: "median" | "nanmedian",
  x: Tensor,
  axis: number | undefined,
  options: StatisticOptions,
): ValuesAndIndices {
  const rows = axis === undefined ? reshape(x, [-1]) : x;
  return statisticOf(statistic, rows, axis ?? 0, { statistic, rank: 0 }, options);
}

/**
 * The middle element along `axis`, or of all; the lower one of two in the middle. NaN where there is
 * one.
 */
export const median = /* @__PURE__ */ composite(
  "median",
  (x: Tensor, axis?: number, options: StatisticOptions = {}): Tensor =>
    medianOf("median", x, axis, options).values,
  { samples, skips: orderSkips },
);

/** As `median` along an axis, with where it stands: `{ values, indices }`. */
export const medianWithIndices = /* @__PURE__ */ composite(
  "medianWithIndices",
  (x: Tensor, axis: number, options: StatisticOptions = {}): ValuesAndIndices =>
    medianOf("median", x, axis, options),
  { samples: axisSamples, skips: orderSkips },
);

/** As `median`, leaving NaNs out; NaN where there is nothing else. */
export const nanmedian = /* @__PURE__ */ composite(
  "nanmedian",
  (x: Tensor, axis?: number, options: StatisticOptions = {}): Tensor =>
    medianOf("nanmedian", x, axis, options).values,
  { samples, skips: orderSkips },
);

/** As `nanmedian` along an axis, with where it stands: `{ values, indices }`. */
export const nanmedianWithIndices = /* @__PURE__ */ composite(
  "nanmedianWithIndices",
  (x: Tensor, axis: number, options: StatisticOptions = {}): ValuesAndIndices =>
    medianOf("nanmedian", x, axis, options),
  { samples: axisSamples, skips: orderSkips },
);

/**
 * The most frequent element along `axis`, the smallest of several, and the last position that has it:
 * `{ values, indices }`.
 */
export const mode = /* @__PURE__ */ composite(
  "mode",
  (x: Tensor, axis = -1, options: StatisticOptions = {}): ValuesAndIndices =>
    statisticOf("mode", x, axis, { statistic: "mode", rank: 0 }, options),
  { samples: axisSamples, skips: orderSkips },
);
