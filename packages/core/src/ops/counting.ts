// How often: non-zeros, integers, values in ranges.
import { apply } from "../apply.ts";
import type { RoutineKernel } from "../compiler/kernel.ts";
import { type DType, isFloat } from "../dtype.ts";
import { DTypeError, FlambeauError, ShapeError, showShape } from "../errors.ts";
import type { Attribute, Operation } from "../operation.ts";
import { type Tensor, isTensor } from "../tensor.ts";
import { div, ne } from "./arithmetic.ts";
import { cast } from "./cast.ts";
import { ones } from "./creation.ts";
import { cumsum } from "./cumulative.ts";
import { type SizeOptions, countSkips, resultCount } from "./data-dependent.ts";
import { composite, primitive } from "./define.ts";
import { diff } from "./difference.ts";
import { lowerBound } from "./ordering.ts";

import { type Axes } from "./reduction-core.ts";
import { amax, sum } from "./reduction.ts";
import { slicing } from "./selection.ts";
import { expand, reshape } from "./view.ts";

/** How many elements are not zero, over `axes` (all by default); int64. */
export const countNonzero = /* @__PURE__ */ composite(
  "countNonzero",
  (x: Tensor, axes?: Axes): Tensor => sum(ne(x, 0), axes),
  {
    samples: [(make) => [make([2, 3], 0, 2)], (make) => [make([2, 3], 0, 2), 1]],
    isDifferentiable: false,
  },
);

export interface BincountOptions extends SizeOptions {
  /** What each element counts; default 1. */
  readonly weights?: Tensor;
  /** The least number of bins. Default 0. */
  readonly minLength?: number;
}

const countedSize = { name: "bincount", traits: { hasDataDependentSize: true } } as const;

/**
 * How often each of the integers 0, 1, … occurs in a 1-d tensor: int64, or the sums of weights. As many
 * as the largest plus one, unless `size` says how many.
 */
export const bincount = /* @__PURE__ */ composite(
  "bincount",
  (x: Tensor, { weights, minLength = 0, size }: BincountOptions = {}): Tensor => {
    if (x.ndim !== 1 || isFloat(x.dtype) || x.dtype === "bool") {
      throw new ShapeError(
        `bincount: expected a 1-d tensor of integers, got ${x.dtype} ${showShape(x.shape)}.`,
      );
    }
    if (weights !== undefined && (weights.ndim !== 1 || weights.size !== x.size)) {
      throw new ShapeError(
        `bincount: expected one weight per element, shape ${showShape(x.shape)}, got ` +
          `${showShape(weights.shape)}.`,
      );
    }
    const least = Math.max(minLength, 0);
    const bins =
      size === undefined && x.size === 0
        ? least
        : resultCount(countedSize, x, size, () => amax(x)) + (size === undefined ? 1 : 0);
    const { device } = x;
    const values =
      weights === undefined
        ? expand(ones([], { dtype: "int64", device }), x.shape)
        : cast(weights, weights.dtype === "float32" ? "float32" : "float64");
    const index = cast(x, x.dtype === "int64" ? "int64" : "int32");
    const shape = [Math.max(bins, size === undefined ? least : 0)];
    return slicing.place(values, index, { axis: 0, shape, combine: "add" });
  },
  {
    samples: [
      (make) => [make.integers([6], 0, 5)],
      (make) => [make.integers([6], 0, 5), { weights: make([6]), minLength: 7 }],
      (make) => [make.integers([6], 0, 5), { size: 8 }],
      (make) => [make.integers([0], 0, 5)],
    ],
    isDifferentiable: false,
    skips: countSkips,
  },
);

interface HistogramAttributes {
  readonly [name: string]: Attribute;
  readonly bins: number;
  /** The same number twice: from the values. */
  readonly low: number;
  readonly high: number;
  /** Edges are an operand. */
  readonly hasEdges: boolean;
  /** Bins of equal width are found by division alone. */
  readonly isUniform: boolean;
}

/** The range that is counted: as asked for, else that of the values; never empty. */
function rangeOf(values: ArrayLike<number>, low: number, high: number): [number, number] {
  let [from, to] = [low, high];
  if (from === to && values.length > 0) {
    [from, to] = [Infinity, -Infinity];
    for (let i = 0; i < values.length; i++) {
      from = Math.min(from, values[i]!);
      to = Math.max(to, values[i]!);
    }
  }
  if (!Number.isFinite(from) || !Number.isFinite(to)) {
    throw new FlambeauError(
      `histogram: the range from ${from} to ${to} is not finite. Give a range.`,
    );
  }
  return from === to ? [from - 1, to + 1] : [from, to];
}

/** Counts (or sums of weights) and the edges between which they fall. */
const histogramOperation: Operation<HistogramAttributes> = /* @__PURE__ */ primitive({
  name: "histogram",
  infer: ([x], { bins }) => [
    { shape: [bins], dtype: x!.dtype },
    { shape: [bins + 1], dtype: x!.dtype },
  ],
  lower: (inputs, { bins, low, high, hasEdges, isUniform }, outputs): RoutineKernel => ({
    kind: "routine",
    name: "histogram",
    inputs,
    outputs,
    attributes: [low, high, Number(hasEdges), Number(isUniform)],
    run(from, to) {
      const [source, ...rest] = from as Float64Array[];
      const [counts, edges] = to as [Float64Array, Float64Array];
      const weights = rest[hasEdges ? 1 : 0];
      if (hasEdges) edges.set(rest[0]!);
      else {
        const [start, end] = rangeOf(source!, low, high);
        const step = (end - start) / bins;
        for (let i = 0; i <= bins; i++) {
          edges[i] = i < (bins + 1) / 2 ? start + step * i : end - step * (bins - i);
        }
      }
      const [first, last] = [edges[0]!, edges[bins]!];
      const at = (position: number) => edges[position]!;
      const sums = new Float64Array(bins);
      for (let i = 0; i < source!.length; i++) {
        const value = source![i]!;
        if (!(value >= first && value <= last)) continue;
        const bin = isUniform
          ? Math.trunc(((value - first) * bins) / (last - first))
          : lowerBound(at, bins + 1, value, true) - 1;
        sums[Math.min(bin, bins - 1)]! += weights === undefined ? 1 : weights[i]!;
      }
      counts.set(sums);
    },
  }),
});

function requireHistogram(name: string, x: Tensor, bins: number): void {
  if (!isFloat(x.dtype)) {
    throw new DTypeError(
      `${name}: expected a float dtype, got ${x.dtype}. Cast with to("float32").`,
    );
  }
  if (Number.isInteger(bins) && bins > 0) return;
  throw new FlambeauError(`${name}: expected a positive number of bins, got ${bins}.`);
}

export interface HistcOptions {
  /** Default 100. */
  readonly bins?: number;
  /** The range that is counted; where both are equal (default 0), that of the values. */
  readonly min?: number;
  readonly max?: number;
}

const floats: readonly DType[] = ["float32", "float64"];
const noExtremes = { extreme: "the range of infinite values is refused" } as const;

/** How many elements fall into each of `bins` bins of equal width; those outside are not counted. */
export const histc = /* @__PURE__ */ composite(
  "histc",
  (x: Tensor, { bins = 100, min = 0, max = 0 }: HistcOptions = {}): Tensor => {
    requireHistogram("histc", x, bins);
    if (min > max) throw new FlambeauError(`histc: expected min ≤ max, got ${min} and ${max}.`);
    const attributes = { bins, low: min, high: max, hasEdges: false, isUniform: true };
    return apply(histogramOperation, [reshape(x, [-1])], attributes)[0]!;
  },
  {
    samples: [
      (make) => [make([20]), { bins: 4 }],
      (make) => [make([2, 5]), { bins: 3, min: -1, max: 1 }],
      (make) => [make([0]), { bins: 3 }],
    ],
    dtypes: floats,
    isDifferentiable: false,
    skips: noExtremes,
  },
);

export interface HistogramOptions {
  /** The range that is counted; default that of the values. */
  readonly range?: readonly [number, number];
  /** What each element counts; default 1. */
  readonly weight?: Tensor;
  /** Divides so that the area is 1. */
  readonly density?: boolean;
}

export interface Histogram {
  readonly hist: Tensor;
  readonly binEdges: Tensor;
}

/**
 * How many elements fall between the edges given, or into that many bins of equal width, and the edges:
 * `{ hist, binEdges }`.
 */
export const histogram = /* @__PURE__ */ composite(
  "histogram",
  (
    x: Tensor,
    bins: number | Tensor,
    { range = [0, 0], weight, density = false }: HistogramOptions = {},
  ): Histogram => {
    const count = isTensor(bins) ? bins.size - 1 : bins;
    requireHistogram("histogram", x, count);
    const [low, high] = range;
    const operands = [reshape(x, [-1])];
    if (isTensor(bins)) operands.push(cast(bins, x.dtype));
    if (weight !== undefined) operands.push(cast(reshape(weight, [-1]), x.dtype));
    const attributes = { bins: count, low, high, hasEdges: isTensor(bins), isUniform: false };
    const [hist, binEdges] = apply(histogramOperation, operands, attributes) as [Tensor, Tensor];
    return { hist: density ? div(div(hist, sum(hist)), diff(binEdges)) : hist, binEdges };
  },
  {
    samples: [
      (make) => [make([20]), 4],
      (make) => [make([2, 5]), 3, { range: [-1, 1], density: true }],
      (make) => [make([2, 5]), cumsum(make([4], 0.1, 1) as Tensor, 0), { weight: make([2, 5]) }],
    ],
    dtypes: floats,
    isDifferentiable: false,
    skips: noExtremes,
  },
);
