// Pooling to a given output size: window lengths follow from it, and may differ by one. Axes where they
// do not differ pool as usual. Windows of a fixed size are in pool.ts.
import { apply } from "../apply.ts";
import type { MapKernel } from "../compiler/kernel.ts";
import { contiguousStore } from "../compiler/lower.ts";
import { ShapeError } from "../errors.ts";
import type { Operation } from "../operation.ts";
import { leaf, s } from "../scalar/instruction.ts";
import type { Tensor } from "../tensor.ts";
import { tensor } from "./creation.ts";
import { type Op, type Sample, composite, kinked, primitive } from "./define.ts";
import { indexSelect } from "./indexing.ts";
import { matmul } from "./matmul.ts";
import { avgPool1d, avgPool2d, avgPool3d, maxPool1d, maxPool2d, maxPool3d } from "./pool.ts";
import { transpose } from "./view.ts";
import { requireImages } from "./window.ts";

/** One length for all axes, or one for each; null keeps an axis as it is. */
export type OutputSize = number | readonly (number | null)[];

type AdaptivePool = (x: Tensor, outputSize: OutputSize) => Tensor;

function outputLengths(name: string, spatial: number, x: Tensor, size: OutputSize): number[] {
  requireImages(name, x, spatial);
  const list = typeof size === "number" ? new Array<number>(spatial).fill(size) : size;
  const lengths = list.map((n, axis) => n ?? x.shape.at(axis - spatial)!);
  if (lengths.length !== spatial || !lengths.every((n) => Number.isInteger(n) && n > 0)) {
    throw new ShapeError(
      `${name}: outputSize is one positive integer or ${spatial} of them (null keeps an axis), got ` +
        `${JSON.stringify(size)}.`,
    );
  }
  return lengths;
}

/** Window `i` of `count` over `n` elements is from `⌊i·n / count⌋` up to `⌈(i + 1)·n / count⌉`. */
const windowStart = (i: number, n: number, count: number): number => Math.floor((i * n) / count);
const windowEnd = (i: number, n: number, count: number): number => Math.ceil(((i + 1) * n) / count);

interface WeightAttributes {
  readonly [name: string]: number;
  readonly length: number;
  readonly count: number;
}

/** `[length, count]`: what each element adds to each window's mean. */
const weightOperation: Operation<WeightAttributes> = /* @__PURE__ */ primitive({
  name: "adaptiveWeights",
  infer: ([like], { length, count }) => [{ shape: [length, count], dtype: like!.dtype }],
  lower([like], { length, count }): MapKernel {
    const [element, window] = [leaf("index", 0, "int32"), leaf("index", 1, "int32")];
    const start = s.div(s.mul(window, length), count);
    const end = s.div(s.add(s.mul(s.add(window, 1), length), count - 1), count);
    const isInside = s.and(s.ge(element, start), s.lt(element, end));
    const share = s.div(1, s.cast(s.sub(end, start), like!.dtype));
    const value = s.select(isInside, share, 0);
    const axes = [length, count];
    return { kind: "map", axes, loads: [], params: [], stores: [contiguousStore(axes, value)] };
  },
});

/** Means over uneven windows of one axis, as a product with their weights. */
function averageAxis(x: Tensor, axis: number, count: number): Tensor {
  const length = x.shape.at(axis)!;
  const weights = apply(weightOperation, [x], { length, count })[0]!;
  return transpose(matmul(transpose(x, axis, -1), weights), axis, -1);
}

/** Uneven windows of one axis side by side, each as long as the longest by repeating its last. */
function unrollAxis(x: Tensor, axis: number, count: number): { x: Tensor; window: number } {
  const n = x.shape.at(axis)!;
  const windows = Array.from({ length: count }, (_, i) => i);
  const window = Math.max(...windows.map((i) => windowEnd(i, n, count) - windowStart(i, n, count)));
  const positions = windows.flatMap((i) =>
    Array.from({ length: window }, (_, k) =>
      Math.min(windowStart(i, n, count) + k, windowEnd(i, n, count) - 1),
    ),
  );
  const index = tensor(positions, { dtype: "int32", device: x.device });
  return { x: indexSelect(x, axis, index), window };
}

const isEven = (n: number, count: number): boolean => n % count === 0;

const average =
  (name: string, spatial: number, pool: typeof avgPool1d): AdaptivePool =>
  (x, outputSize) => {
    const lengths = outputLengths(name, spatial, x, outputSize);
    const sizes = x.shape.slice(-spatial);
    const kernel = sizes.map((n, i) => (isEven(n, lengths[i]!) ? n / lengths[i]! : 1));
    let result = kernel.some((n) => n > 1) ? pool(x, kernel) : x;
    lengths.forEach((count, i) => {
      if (!isEven(sizes[i]!, count)) result = averageAxis(result, i - spatial, count);
    });
    return result;
  };

const maximum =
  (name: string, spatial: number, pool: typeof maxPool1d): AdaptivePool =>
  (x, outputSize) => {
    const lengths = outputLengths(name, spatial, x, outputSize);
    let unrolled = x;
    const kernel = lengths.map((count, i) => {
      const n = x.shape.at(i - spatial)!;
      if (isEven(n, count)) return n / count;
      const next = unrollAxis(unrolled, i - spatial, count);
      unrolled = next.x;
      return next.window;
    });
    return kernel.some((n) => n > 1) ? pool(unrolled, kernel) : unrolled;
  };

const samplesFor = (spatial: number): Sample[] => {
  const images = [4, 5, 6].slice(-spatial);
  return [
    (make) => [make.distinct([1, 2, ...images]), 1],
    (make) => [make.distinct([1, 1, ...images]), 3],
    (make) => [make.distinct([1, ...images]), [...images.slice(1).map(() => null), 2]],
  ];
};

const tested = (spatial: number) =>
  ({ samples: samplesFor(spatial), dtypes: ["float32", "float64"] }) as const;

const exposeAverage = (name: string, spatial: number, pool: typeof avgPool1d): Op<AdaptivePool> =>
  composite(name, average(name, spatial, pool), tested(spatial));
const exposeMaximum = (name: string, spatial: number, pool: typeof maxPool1d): Op<AdaptivePool> =>
  composite(name, maximum(name, spatial, pool), { ...tested(spatial), skips: kinked });

/** Means over windows that divide the length into `outputSize` parts. */
export const adaptiveAvgPool1d = /* @__PURE__ */ exposeAverage("adaptiveAvgPool1d", 1, avgPool1d);
/** Means over windows that divide height and width into `outputSize` parts. */
export const adaptiveAvgPool2d = /* @__PURE__ */ exposeAverage("adaptiveAvgPool2d", 2, avgPool2d);
/** Means over windows that divide depth, height and width into `outputSize` parts. */
export const adaptiveAvgPool3d = /* @__PURE__ */ exposeAverage("adaptiveAvgPool3d", 3, avgPool3d);
/** Maxima over windows that divide the length into `outputSize` parts. */
export const adaptiveMaxPool1d = /* @__PURE__ */ exposeMaximum("adaptiveMaxPool1d", 1, maxPool1d);
/** Maxima over windows that divide height and width into `outputSize` parts. */
export const adaptiveMaxPool2d = /* @__PURE__ */ exposeMaximum("adaptiveMaxPool2d", 2, maxPool2d);
/** Maxima over windows that divide depth, height and width into `outputSize` parts. */
export const adaptiveMaxPool3d = /* @__PURE__ */ exposeMaximum("adaptiveMaxPool3d", 3, maxPool3d);
