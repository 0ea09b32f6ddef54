// Norms of vectors and matrices, and distances between them.
import { customFunction } from "../autograd/function.ts";
import { type DType, isComplex, isFloat } from "../dtype.ts";
import { DTypeError, FlambeauError, ShapeError, showShape } from "../errors.ts";
import { normalizeAxes, normalizeAxis } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { abs, add, div, eq, gt, mul, ne, pow, sub, where } from "./arithmetic.ts";
import { cast } from "./cast.ts";
import { type Sample, composite } from "./define.ts";
import { triuIndices } from "./diagonal.ts";
import { clamp } from "./masking.ts";
import { sqrt } from "./math.ts";
import { select } from "./rearrange.ts";
import { type Axes, type ReduceOptions } from "./reduction-core.ts";
import { amax, amin, sum } from "./reduction.ts";
import { slicing } from "./selection.ts";
import { reshape, unsqueeze } from "./view.ts";
import { inFloat32 } from "./widen.ts";

const floats: readonly DType[] = ["float32", "float64"];
const cornered = { tied: "at 0 the gradient is 0; equal extremes share it" } as const;

function requireFloat(name: string, x: Tensor): void {
  if (isFloat(x.dtype)) return;
  throw new DTypeError(`${name}: expected a float dtype, got ${x.dtype}. Cast with to("float32").`);
}

/** A function that is steep at 0, where PyTorch's gradient is 0. */
function flatAtZero(x: Tensor, body: (x: Tensor) => Tensor): Tensor {
  const isZero = eq(x, 0);
  return where(isZero, 0, body(where(isZero, 1, x)));
}

/** How many elements are not zero: differentiable, but no gradient comes of it, as in PyTorch. */
const nonzeros = /* @__PURE__ */ customFunction({
  name: "vectorNorm",
  forward: (x: Tensor, axes: Axes | undefined, options: ReduceOptions | undefined) => ({
    result: sum(cast(ne(x, 0), x.dtype), axes, options),
    saved: {},
  }),
  backward: () => [undefined, undefined, undefined],
});

/** `(Σ |x|ᵖ)^(1/p)` over axes; p = ±∞ are extremes, 0 counts what is not zero. */
function powerNorm(x: Tensor, p: number, axes: Axes | undefined, options?: ReduceOptions): Tensor {
  if (p === 2) return flatAtZero(sum(mul(x, x), axes, options), sqrt);
  const size = abs(x);
  if (p === 1) return sum(size, axes, options);
  if (p === Infinity) return amax(size, axes, options);
  if (p === -Infinity) return amin(size, axes, options);
  if (p === 0) return nonzeros(x, axes, options);
  const power = p > 1 ? pow(size, p) : p > 0 ? flatAtZero(size, (s) => pow(s, p)) : pow(size, p);
  const total = sum(power, axes, options);
  return p > 0 ? flatAtZero(total, (s) => pow(s, 1 / p)) : pow(total, 1 / p);
}

const samples: readonly Sample[] = [
  (make) => [make.distinct([2, 3])],
  (make) => [make.distinct([2, 3]), 1, 1],
  (make) => [make.distinct([2, 3]), 3, [0, 1]],
  (make) => [make.distinct([2, 3]), Infinity, 0, { keepDims: true }],
  (make) => [make.distinct([2, 3]), -Infinity, -1],
  (make) => [make.distinct([2, 3]), 0.5, 1],
  (make) => [make([0, 3]), 2, 0],
];

/** The norm `(Σ |x|ᵖ)^(1/p)` over `axes` (all by default); p = 2, ±∞ and 0 included. */
export const vectorNorm = /* @__PURE__ */ composite(
  "vectorNorm",
  (x: Tensor, p = 2, axes?: Axes, options: ReduceOptions = {}): Tensor => {
    if (isComplex(x.dtype)) return powerNorm(abs(x), p, axes, options);
    requireFloat("vectorNorm", x);
    return powerNorm(x, p, axes, options);
  },
  { samples, dtypes: [...floats, "complex64", "complex128"], skips: cornered, inFloat32 },
);

/** The norm of matrices over two axes: `fro`, or the extreme absolute column (±1) or row (±∞) sum. */
export const matrixNorm = /* @__PURE__ */ composite(
  "matrixNorm",
  (
    x: Tensor,
    order: "fro" | number = "fro",
    axes: readonly number[] = [-2, -1],
    { keepDims = false }: ReduceOptions = {},
  ): Tensor => {
    requireFloat("matrixNorm", x);
    if (x.ndim < 2 || axes.length !== 2 || normalizeAxes("matrixNorm", axes, x.ndim).length !== 2) {
      throw new ShapeError(
        `matrixNorm: expected two axes of a tensor of at least two, got ${showShape(axes)} of shape ` +
          `${showShape(x.shape)}.`,
      );
    }
    if (order === "fro") return powerNorm(x, 2, axes, { keepDims });
    const [rows, columns] = axes.map((axis) => normalizeAxis("matrixNorm", axis, x.ndim)) as [number, number]; // prettier-ignore
    if (Math.abs(order) !== 1 && Math.abs(order) !== Infinity) {
      throw new FlambeauError(
        `matrixNorm: order ${order} is not known. Expected "fro", 1, -1, Infinity or -Infinity.`,
      );
    }
    const [summed, compared] = Math.abs(order) === 1 ? [rows, columns] : [columns, rows];
    const sums = sum(abs(x), summed, { keepDims: true });
    const best = (order > 0 ? amax : amin)(sums, compared, { keepDims: true });
    return keepDims ? best : reshape(best, x.shape.filter((_, i) => i !== rows && i !== columns)); // prettier-ignore
  },
  {
    samples: [
      (make) => [make.distinct([2, 3])],
      (make) => [make.distinct([2, 3, 2]), 1],
      (make) => [make.distinct([2, 3, 2]), -Infinity, [0, 1], { keepDims: true }],
      (make) => [make.distinct([2, 3]), Infinity],
      (make) => [make.distinct([2, 3]), -1],
    ],
    dtypes: floats,
    skips: cornered,
  },
);

/** PyTorch's `norm`: `"fro"` (default) and numbers alike are norms of all elements over `axes`. */
export const norm = /* @__PURE__ */ composite(
  "norm",
  (x: Tensor, p: "fro" | number = "fro", axes?: Axes, options: ReduceOptions = {}): Tensor => {
    if (p !== "fro" && typeof p !== "number") {
      throw new FlambeauError(
        `norm: order ${JSON.stringify(p)} is not known. Expected "fro" or a number.`,
      );
    }
    return vectorNorm(x, p === "fro" ? 2 : p, axes, options);
  },
  {
    samples: [(make) => [make([2, 3])], (make) => [make([2, 3]), 1, 1]],
    dtypes: floats,
    skips: cornered,
  },
);

export interface NormalizeOptions {
  /** Which norm. Default 2. */
  readonly p?: number;
  /** Default 1. */
  readonly axis?: number;
  /** What it is at least. */
  readonly eps?: number;
}

/** `x` divided by its norm along an axis. */
export const normalize = /* @__PURE__ */ composite(
  "normalize",
  (x: Tensor, { p = 2, axis = 1, eps = 1e-12 }: NormalizeOptions = {}): Tensor =>
    div(x, clamp(vectorNorm(x, p, axis, { keepDims: true }), { min: eps })),
  {
    samples: [(make) => [make([2, 3])], (make) => [make([2, 3]), { p: 1, axis: 0 }]],
    dtypes: floats,
    skips: cornered,
  },
);

export interface CosineOptions {
  /** Default 1. */
  readonly axis?: number;
  /** What each norm is at least. Default 1e-8. */
  readonly eps?: number;
}

/** The cosine of the angle between vectors along an axis; both broadcast. */
export const cosineSimilarity = /* @__PURE__ */ composite(
  "cosineSimilarity",
  (a: Tensor, b: Tensor, { axis = 1, eps = 1e-8 }: CosineOptions = {}): Tensor => {
    const product = mul(a, b);
    const at = normalizeAxis("cosineSimilarity", axis, product.ndim) - product.ndim;
    const length = (x: Tensor) => clamp(vectorNorm(x, 2, at, { keepDims: true }), { min: eps });
    return sum(mul(div(a, length(a)), div(b, length(b))), at);
  },
  {
    samples: [
      (make) => [make([2, 3]), make([2, 3])],
      (make) => [make([2, 3, 2]), make([3, 1]), { axis: -2 }],
    ],
    dtypes: floats,
    skips: cornered,
  },
);

export interface DistanceOptions {
  /** Which norm. Default 2. */
  readonly p?: number;
  /** Added to each difference. Default 1e-6. */
  readonly eps?: number;
  /** Keeps the last axis with length 1. */
  readonly keepDims?: boolean;
}

/** The norm of the difference along the last axis. */
export const pairwiseDistance = /* @__PURE__ */ composite(
  "pairwiseDistance",
  (a: Tensor, b: Tensor, { p = 2, eps = 1e-6, keepDims = false }: DistanceOptions = {}): Tensor =>
    vectorNorm(add(sub(a, b), eps), p, -1, { keepDims }),
  {
    samples: [
      (make) => [make([2, 3]), make([2, 3])],
      (make) => [make([2, 3]), make([3]), { p: 1, keepDims: true }],
    ],
    dtypes: floats,
    skips: cornered,
  },
);

function requirePoints(name: string, x: Tensor, other: Tensor): void {
  if (x.ndim >= 2 && other.ndim >= 2 && x.shape.at(-1) === other.shape.at(-1)) return;
  throw new ShapeError(
    `${name}: expected points […, count, size] of equal size, got ${showShape(x.shape)} and ` +
      `${showShape(other.shape)}.`,
  );
}

/** Distances of every point of `a` `[…, m, size]` to every point of `b` `[…, n, size]`: `[…, m, n]`. */
export const cdist = /* @__PURE__ */ composite(
  "cdist",
  (a: Tensor, b: Tensor, { p = 2 }: { readonly p?: number } = {}): Tensor => {
    requireFloat("cdist", a);
    requirePoints("cdist", a, b);
    if (!(p >= 0)) throw new FlambeauError(`cdist: expected p ≥ 0, got ${p}.`);
    return powerNorm(sub(unsqueeze(a, -2), unsqueeze(b, -3)), p, -1);
  },
  {
    samples: [
      (make) => [make([3, 2]), make([4, 2])],
      (make) => [make([2, 3, 2]), make([1, 2, 2]), { p: 1 }],
      (make) => [make([2, 3]), make([2, 3]), { p: Infinity }],
    ],
    dtypes: floats,
    skips: cornered,
  },
);

/** Distances of all pairs of points `[count, size]`, in the order of an upper triangle. */
export const pdist = /* @__PURE__ */ composite(
  "pdist",
  (x: Tensor, { p = 2 }: { readonly p?: number } = {}): Tensor => {
    requireFloat("pdist", x);
    if (x.ndim !== 2) {
      throw new ShapeError(
        `pdist: expected points [count, size], got shape ${showShape(x.shape)}.`,
      );
    }
    if (!(p >= 0)) throw new FlambeauError(`pdist: expected p ≥ 0, got ${p}.`);
    const count = x.shape[0]!;
    const pairs = triuIndices(count, count, { offset: 1, device: x.device });
    const points = (end: number) => slicing.pick(x, select(pairs, 0, end), 0);
    return powerNorm(sub(points(0), points(1)), p, -1);
  },
  {
    samples: [
      (make) => [make([4, 2])],
      (make) => [make([3, 2]), { p: 3 }],
      (make) => [make([1, 2])],
    ],
    dtypes: floats,
    skips: cornered,
  },
);

/** Slices along `axis` whose norm is above `most` scaled down to it. */
export const renorm = /* @__PURE__ */ composite(
  "renorm",
  (x: Tensor, p: number, axis: number, most: number): Tensor => {
    requireFloat("renorm", x);
    const at = normalizeAxis("renorm", axis, x.ndim);
    const others = [...x.shape.keys()].filter((i) => i !== at);
    const length = powerNorm(x, p, others, { keepDims: true });
    return mul(x, where(gt(length, most), div(most, add(length, 1e-7)), 1));
  },
  { samples: [(make) => [make([3, 4]), 2, 0, 1]], dtypes: floats, skips: cornered },
);
