// Pooling over one, two and three spatial axes: windows of a fixed size that slide. Kernels are in
// pool-core.ts, pooling to a given output size in adaptive.ts.
import { DTypeError, ShapeError, showShape } from "../errors.ts";
import { isGradEnabled } from "../modes.ts";
import type { Tensor } from "../tensor.ts";
import { div } from "./arithmetic.ts";
import { type Op, type Sample, attach, composite, kinked } from "./define.ts";
import { type PoolGeometry, maxPositions, maxValues, poolCounts, sumPool } from "./pool-core.ts";
import { reshape } from "./view.ts";
import {
  type PerAxis,
  batched,
  perAxis,
  requireFit,
  requireImages,
  windowCount,
} from "./window.ts";

export interface MaxPoolOptions {
  /** Steps between windows. Default: the window's size, so that windows tile. */
  readonly stride?: PerAxis;
  /** Positions added on both sides, which never win; at most half a window. Default 0. */
  readonly padding?: PerAxis;
  /** Steps between the elements of a window. Default 1. */
  readonly dilation?: PerAxis;
  /** Keeps a last window that reaches beyond the input. Default false. */
  readonly ceilMode?: boolean;
}

export interface AvgPoolOptions {
  readonly stride?: PerAxis;
  /** Zeros added on both sides; at most half a window. Default 0. */
  readonly padding?: PerAxis;
  readonly ceilMode?: boolean;
  /** Whether padding counts as elements. Default true. */
  readonly countIncludePad?: boolean;
  /** Divides the sums in place of the number of elements. */
  readonly divisorOverride?: number;
}

type MaxPool = (x: Tensor, kernelSize: PerAxis, options?: MaxPoolOptions) => Tensor;
type MaxPoolWithIndices = (
  x: Tensor,
  kernelSize: PerAxis,
  options?: MaxPoolOptions,
) => { values: Tensor; indices: Tensor };
type AvgPool = (x: Tensor, kernelSize: PerAxis, options?: AvgPoolOptions) => Tensor;

/** Windows over the last `spatial` axes of x, and the padding on both sides. */
function geometryOf(
  name: string,
  spatial: number,
  x: Tensor,
  kernelSize: PerAxis,
  options: MaxPoolOptions,
): PoolGeometry {
  requireImages(name, x, spatial);
  const kernel = perAxis(name, "kernelSize", kernelSize, spatial, 1);
  const stride = perAxis(name, "stride", options.stride ?? kernel, spatial, 1);
  const before = perAxis(name, "padding", options.padding ?? 0, spatial, 0);
  const dilation = perAxis(name, "dilation", options.dilation ?? 1, spatial, 1);
  const spans = kernel.map((n, axis) => dilation[axis]! * (n - 1) + 1);
  if (before.some((n, axis) => n > spans[axis]! / 2)) {
    throw new ShapeError(
      `${name}: padding ${showShape(before)} is more than half the window ${showShape(spans)}, so that ` +
        `a window could hold nothing. Pad at most ${showShape(spans.map((n) => Math.floor(n / 2)))}.`,
    );
  }
  const input = x.shape.slice(-spatial);
  const padded = input.map((n, axis) => n + 2 * before[axis]!);
  requireFit(name, kernel, dilation, padded);
  const output = padded.map((n, axis) => {
    const step = stride[axis]!;
    const count = windowCount(n, kernel[axis]!, step, dilation[axis]!, options.ceilMode);
    // The last window starts inside the input or its left padding.
    return (count - 1) * step >= input[axis]! + before[axis]! ? count - 1 : count;
  });
  return { input, kernel, output, stride, before, dilation };
}

/** One image as a batch of one. */
const asBatch = (x: Tensor, spatial: number): Tensor =>
  x.ndim === spatial + 1 ? reshape(x, [1, ...x.shape]) : x;

const withoutBatch = (result: Tensor, x: Tensor): Tensor =>
  result.ndim === x.ndim ? result : reshape(result, result.shape.slice(1));

function requireOrder(name: string, x: Tensor): void {
  if (x.dtype === "bool") {
    throw new DTypeError(`${name}: bool is not accepted. Cast with to("uint8").`);
  }
}

const maxPool =
  (name: string, spatial: number): MaxPool =>
  (x, kernelSize, options = {}) => {
    requireOrder(name, x);
    const geometry = geometryOf(name, spatial, x, kernelSize, options);
    // Positions are for the gradient; without it, maxima alone are cheaper.
    const isTaped = x.requiresGrad && isGradEnabled();
    return batched(x, spatial, (images) =>
      isTaped ? maxPositions(images, geometry)[0] : maxValues(images, geometry),
    );
  };

const maxPoolWithIndices =
  (name: string, spatial: number): MaxPoolWithIndices =>
  (x, kernelSize, options = {}) => {
    requireOrder(name, x);
    const geometry = geometryOf(name, spatial, x, kernelSize, options);
    const [values, indices] = maxPositions(asBatch(x, spatial), geometry);
    return { values: withoutBatch(values, x), indices: withoutBatch(indices, x) };
  };

/** Averages over windows; counts differ where windows reach beyond what is counted. */
function average(x: Tensor, geometry: PoolGeometry, options: AvgPoolOptions): Tensor {
  const { countIncludePad = true, divisorOverride } = options;
  if (divisorOverride !== undefined) return sumPool(x, geometry, divisorOverride);
  const { input, kernel, output, stride, before } = geometry;
  const low = before.map((n) => (countIncludePad ? -n : 0));
  const high = input.map((n, axis) => (countIncludePad ? n + before[axis]! : n));
  const isEven = output.every((n, axis) => {
    const last = (n - 1) * stride[axis]! - before[axis]! + kernel[axis]!;
    return low[axis] === -before[axis]! && last <= high[axis]!;
  });
  if (isEven) return sumPool(x, geometry, kernel.reduce((a, b) => a * b)); // prettier-ignore
  return div(sumPool(x, geometry, 1), poolCounts(x, { ...geometry, low, high }));
}

const avgPool =
  (name: string, spatial: number): AvgPool =>
  (x, kernelSize, options = {}) => {
    if (options.divisorOverride === 0) {
      throw new ShapeError(`${name}: divisorOverride must not be 0.`);
    }
    requireOrder(name, x);
    const geometry = geometryOf(name, spatial, x, kernelSize, options);
    return batched(x, spatial, (images) => average(images, geometry, options));
  };

const images = (spatial: number, ...leading: number[]): number[] => [
  ...leading,
  ...[3, 4, 5].slice(-spatial),
];

function maxSamples(spatial: number): Sample[] {
  return [
    (make) => [make.distinct(images(spatial, 1, 2)), 2],
    (make) => [make.distinct(images(spatial, 1)), 3, { stride: 2, padding: 1 }],
    (make) => [make.distinct(images(spatial, 1, 1)), new Array(spatial).fill(2), { stride: 1, dilation: 2 }],
    (make) => [make.distinct(images(spatial, 1, 1)), 2, { ceilMode: true }],
    (make) => [make.distinct(images(spatial, 0, 2)), 2],
  ]; // prettier-ignore
}

const avgSamples = (spatial: number): Sample[] => [
  (make) => [make(images(spatial, 1, 2)), 2],
  (make) => [make([1, 1, ...new Array<number>(spatial).fill(4)]), 2],
  (make) => [make(images(spatial, 1)), 3, { stride: 2, padding: 1 }],
  (make) => [make(images(spatial, 1, 1)), 3, { stride: 2, padding: 1, countIncludePad: false }],
  (make) => [make(images(spatial, 1, 1)), 2, { ceilMode: true }],
  (make) => [make(images(spatial, 1, 1)), 2, { stride: 1, divisorOverride: 3 }],
  (make) => [make(images(spatial, 0, 2)), 2],
];

const exposeMax = (name: string, spatial: number): Op<MaxPool> =>
  attach(maxPool(name, spatial), {
    kind: "primitive",
    name,
    isDifferentiable: true,
    samples: maxSamples(spatial),
    dtypes: ["float32", "float64", "int32", "int64", "uint8"],
    skips: kinked,
  });

const exposeMaxWithIndices = (name: string, spatial: number): Op<MaxPoolWithIndices> =>
  attach(maxPoolWithIndices(name, spatial), {
    kind: "primitive",
    name,
    isDifferentiable: true,
    samples: maxSamples(spatial).slice(0, 3),
    dtypes: ["float32", "float64", "int32", "int64", "uint8"],
    skips: kinked,
  });

const exposeAvg = (name: string, spatial: number): Op<AvgPool> =>
  composite(name, avgPool(name, spatial), {
    samples: avgSamples(spatial),
    dtypes: ["float32", "float64"],
  });

/** The largest element of each window: x `[n, c, length]` or `[c, length]`. */
export const maxPool1d: Op<MaxPool> = /* @__PURE__ */ exposeMax("maxPool1d", 1);
/** The largest element of each window: x `[n, c, h, w]` or `[c, h, w]`. */
export const maxPool2d: Op<MaxPool> = /* @__PURE__ */ exposeMax("maxPool2d", 2);
/** The largest element of each window: x `[n, c, d, h, w]` or `[c, d, h, w]`. */
export const maxPool3d: Op<MaxPool> = /* @__PURE__ */ exposeMax("maxPool3d", 3);

/** `maxPool1d` and the positions of the maxima along the input, int32. */
export const maxPool1dWithIndices: Op<MaxPoolWithIndices> = /* @__PURE__ */ exposeMaxWithIndices("maxPool1dWithIndices", 1); // prettier-ignore
/** `maxPool2d` and the positions of the maxima in the flattened image, int32. */
export const maxPool2dWithIndices: Op<MaxPoolWithIndices> = /* @__PURE__ */ exposeMaxWithIndices("maxPool2dWithIndices", 2); // prettier-ignore
/** `maxPool3d` and the positions of the maxima in the flattened volume, int32. */
export const maxPool3dWithIndices: Op<MaxPoolWithIndices> = /* @__PURE__ */ exposeMaxWithIndices("maxPool3dWithIndices", 3); // prettier-ignore

/** The mean of each window: x `[n, c, length]` or `[c, length]`. */
export const avgPool1d: Op<AvgPool> = /* @__PURE__ */ exposeAvg("avgPool1d", 1);
/** The mean of each window: x `[n, c, h, w]` or `[c, h, w]`. */
export const avgPool2d: Op<AvgPool> = /* @__PURE__ */ exposeAvg("avgPool2d", 2);
/** The mean of each window: x `[n, c, d, h, w]` or `[c, d, h, w]`. */
export const avgPool3d: Op<AvgPool> = /* @__PURE__ */ exposeAvg("avgPool3d", 3);
