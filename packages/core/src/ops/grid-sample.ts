// Images sampled at any place: a grid of coordinates says where, and receives a gradient, too.
import { DTypeError, FlambeauError, ShapeError, showShape } from "../errors.ts";
import { type Scalar, type ScalarLike, constant, s } from "../scalar/instruction.ts";
import { sizeOf } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { add, mul } from "./arithmetic.ts";
import { arange, tensor } from "./creation.ts";
import { type Op, composite } from "./define.ts";
import { elementwise } from "./elementwise.ts";
import { matmul } from "./matmul.ts";
import { gathering } from "./selection.ts";
import { sumProduct } from "./sum-product.ts";
import { expand, reshape, slice, transpose, unsqueeze } from "./view.ts";

export type GridPadding = "zeros" | "border" | "reflection";

export interface GridSampleOptions {
  /** Default `bilinear` (with three spatial axes: trilinear). `bicubic` is for two. */
  readonly mode?: "bilinear" | "nearest" | "bicubic";
  /** What lies outside: zeros, the nearest border, or the reflected image. Default `zeros`. */
  readonly paddingMode?: GridPadding;
  /** Whether ±1 are the centres of the corner pixels, not their edges. Default false. */
  readonly alignCorners?: boolean;
}

/** Limits without a gradient on the limits, as PyTorch. */
const clip = (x: Scalar, size: Scalar): Scalar => {
  const end = s.sub(size, 1);
  return s.select(s.le(x, 0), constant(0, x.dtype), s.select(s.ge(x, end), end, x));
};

/** Reflects at the borders until x is inside. */
function reflect(x: Scalar, size: Scalar, alignCorners: boolean): Scalar {
  const low = constant(alignCorners ? 0 : -0.5, x.dtype);
  const span = alignCorners ? s.sub(size, 1) : size;
  const from = s.sub(x, low);
  const away = s.select(s.lt(from, 0), s.neg(from), from);
  const flips = s.floor(s.div(away, span));
  const rest = s.sub(away, s.mul(flips, span));
  const isEven = s.eq(s.mul(2, s.floor(s.mul(flips, 0.5))), flips);
  const inside = s.select(isEven, s.add(rest, low), s.add(s.sub(span, rest), low));
  return s.select(s.le(span, 0), constant(0, x.dtype), clip(inside, size));
}

const brought = (x: Scalar, size: Scalar, padding: GridPadding, alignCorners: boolean): Scalar =>
  padding === "zeros" ? x : padding === "border" ? clip(x, size) : reflect(x, size, alignCorners);

type Coordinates = (grid: Tensor, size: number) => Tensor;
type OfTap = (position: Tensor, tap: Tensor | number, size: number) => Tensor;

/** Coordinates -1 … 1 as positions of pixels. */
const positions = (alignCorners: boolean, padding: GridPadding): Coordinates =>
  elementwise("gridSample", (grid, size) => {
    const scaled = alignCorners
      ? s.mul(s.mul(s.add(grid!, 1), 0.5), s.sub(size!, 1))
      : s.mul(s.sub(s.mul(s.add(grid!, 1), size!), 1), 0.5);
    return brought(scaled, size!, padding, alignCorners);
  });

/** Which pixel a tap takes, before padding; `first` is the one nearest to the start. */
const pixel = (position: Scalar, tap: Scalar, first: number, isNearest: boolean): Scalar =>
  s.add(isNearest ? s.round(position) : s.floor(position), s.add(tap, first));

interface Sampler {
  readonly taps: number;
  /** Positions of pixels. */
  readonly positions: Coordinates;
  /** The pixel that a tap takes, inside the image, int32. */
  readonly places: OfTap;
  /** What it counts; 0 where there is none. */
  readonly weights: OfTap;
}

/** Cubic convolution with a = -0.75, at distances `1 + t`, `t`, `1 - t`, `2 - t`. */
function cubic(t: Scalar, tap: Scalar): Scalar {
  const a = -0.75;
  const d = s.select(s.lt(tap, 2), s.add(t, s.sub(1, tap)), s.sub(s.sub(tap, 1), t));
  const near = s.add(s.mul(s.mul(s.sub(s.mul(a + 2, d), a + 3), d), d), 1);
  const far = s.mul(a, s.sub(s.mul(s.add(s.mul(s.sub(d, 5), d), 8), d), 4));
  const isNear = s.and(s.le(1, tap), s.le(tap, 2));
  return s.select(isNear, near, far);
}

const between = (x: Scalar, low: ScalarLike, high: Scalar): Scalar =>
  s.and(s.ge(x, low), s.lt(x, high));

function samplerOf(mode: "bilinear" | "nearest" | "bicubic", padding: GridPadding, alignCorners: boolean): Sampler {
  const isNearest = mode === "nearest";
  const isCubic = mode === "bicubic";
  const first = isCubic ? -1 : 0;
  // Cubic taps are brought inside one by one, others all at once.
  const taken = (position: Scalar, tap: Scalar, size: Scalar): Scalar => {
    const at = pixel(position, tap, first, isNearest);
    return isCubic ? brought(at, size, padding, alignCorners) : at;
  };
  const places: OfTap = elementwise("gridSamplePlaces", (position, tap, size) => {
    const at = taken(position!, tap!, size!);
    return s.cast(s.select(between(at, 0, size!), at, constant(0, at.dtype)), "int32");
  });
  const weights: OfTap = elementwise("gridSampleWeights", (position, tap, size) => {
    const t = s.sub(position!, s.floor(position!));
    const linear = s.add(s.sub(1, tap!), s.mul(s.sub(s.mul(2, tap!), 1), t));
    const weight = isNearest ? constant(1, t.dtype) : isCubic ? cubic(t, tap!) : linear;
    const isInside = between(taken(position!, tap!, size!), 0, size!);
    return s.select(isInside, weight, constant(0, t.dtype));
  });
  return {
    taps: isNearest ? 1 : isCubic ? 4 : 2,
    positions: positions(alignCorners, isCubic ? "zeros" : padding),
    places,
    weights,
  };
} // prettier-ignore

const samplers = new Map<string, Sampler>();

function samplerFor({ mode = "bilinear", paddingMode = "zeros", alignCorners = false }: GridSampleOptions): Sampler {
  const key = `${mode} ${paddingMode} ${alignCorners}`;
  let found = samplers.get(key);
  if (found === undefined) {
    if (!["bilinear", "nearest", "bicubic"].includes(mode) || !["zeros", "border", "reflection"].includes(paddingMode)) {
      throw new FlambeauError(
        `gridSample: mode is "bilinear", "nearest" or "bicubic", and paddingMode "zeros", "border" or ` +
          `"reflection", got ${JSON.stringify(mode)} and ${JSON.stringify(paddingMode)}.`,
      );
    }
    found = samplerOf(mode, paddingMode, alignCorners);
    samplers.set(key, found);
  }
  return found;
} // prettier-ignore

function requireGrid(x: Tensor, grid: Tensor, mode: GridSampleOptions["mode"]): void {
  const spatial = x.ndim - 2;
  const fits = grid.ndim === x.ndim && grid.shape.at(-1) === spatial && grid.shape[0] === x.shape[0];
  if ((spatial !== 2 && spatial !== 3) || !fits || x.shape.slice(2).includes(0)) {
    throw new ShapeError(
      `gridSample: expected an input [batch, channels, height, width] and a grid [batch, rows, columns, 2] (or ` +
        `with depth, and 3), got ${showShape(x.shape)} and ${showShape(grid.shape)}.`,
    );
  }
  if (mode === "bicubic" && spatial !== 2) {
    throw new ShapeError(`gridSample: bicubic is for images with two spatial axes, got ${showShape(x.shape)}.`);
  }
  if (x.dtype === grid.dtype && x.dtype.includes("float")) return;
  throw new DTypeError(
    `gridSample: expected input and grid of the same float dtype, got ${x.dtype} and ${grid.dtype}.`,
  );
} // prettier-ignore

/**
 * Samples `x` `[batch, channels, height, width]` at `grid` `[batch, rows, columns, 2]` of coordinates (x, y)
 * from -1 to 1 → `[batch, channels, rows, columns]`; volumes likewise, with (x, y, z).
 */
export const gridSample: Op<(x: Tensor, grid: Tensor, options?: GridSampleOptions) => Tensor> =
  /* @__PURE__ */ composite(
    "gridSample",
    (x: Tensor, grid: Tensor, options: GridSampleOptions = {}): Tensor => {
      requireGrid(x, grid, options.mode);
      const { taps, positions: positionsOf, places, weights } = samplerFor(options);
      const [batch, channels, ...image] = x.shape as [number, number, ...number[]];
      const rest = grid.shape.slice(1, -1);
      const points = sizeOf(rest);
      const tapNumbers = arange(taps, undefined, { dtype: x.dtype, device: x.device });
      let place: Tensor | undefined;
      let weight: Tensor | undefined;
      // The last spatial axis comes first in the grid.
      image.forEach((size, axis) => {
        const at = image.length - 1 - axis;
        const own = reshape(slice(grid, -1, { start: at, end: at + 1 }), [batch, 1, points]);
        const position = positionsOf(own, size);
        const column = reshape(tapNumbers, [taps, 1]);
        const [its, share] = [places(position, column, size), weights(position, column, size)]; // [batch, taps, points]
        const joined = (a: Tensor, b: Tensor, join: (a: Tensor, b: Tensor) => Tensor): Tensor =>
          reshape(join(unsqueeze(a, 2), unsqueeze(b, 1)), [batch, -1, points]);
        place = place === undefined ? its : joined(mul(place, size), its, add);
        weight = weight === undefined ? share : joined(weight, share, mul);
      });
      const count = taps ** image.length;
      const flat = reshape(x, [batch, channels, sizeOf(image)]);
      const index = expand(reshape(place!, [batch, 1, count * points]), [batch, channels, count * points]);
      const taken = reshape(gathering.pick(flat, index, 2), [batch, channels, count, points]);
      const shares = expand(unsqueeze(weight!, 1), taken.shape);
      return reshape(sumProduct(taken, shares, [2]), [batch, channels, ...rest]);
    },
    {
      samples: [
        (make) => [make([1, 2, 3, 4]), make([1, 2, 3, 2], -1.2, 1.2)],
        (make) => [make([2, 1, 3, 3]), make([2, 2, 2, 2], -1.5, 1.5), { paddingMode: "border", alignCorners: true }],
        (make) => [make([1, 1, 4, 3]), make([1, 3, 2, 2], -2, 2), { paddingMode: "reflection" }],
        (make) => [make([1, 2, 3, 3]), make([1, 2, 2, 2], -1, 1), { mode: "nearest" }],
        (make) => [make([1, 1, 5, 5]), make([1, 2, 2, 2], -1.2, 1.2), { mode: "bicubic" }],
        (make) => [make([1, 1, 4, 4]), make([1, 2, 2, 2], -1.2, 1.2), { mode: "bicubic", paddingMode: "reflection", alignCorners: true }],
        (make) => [make([1, 1, 2, 3, 2]), make([1, 2, 1, 2, 3], -0.9, 0.9), { alignCorners: true }],
      ],
      dtypes: ["float32", "float64"],
      skips: {
        tied: "between pixels the slope is that of the next one; central differences see both",
        large: "far outside rounding decides where a coordinate lands",
        extreme: "coordinates that are no numbers",
      },
    },
  ); // prettier-ignore

export interface AffineGridOptions {
  /** Whether ±1 are the centres of the corner pixels, not their edges. Default false. */
  readonly alignCorners?: boolean;
}

/** `count` coordinates from -1 to 1: the centres of pixels, or with the corners on ±1. */
function ticks(count: number, alignCorners: boolean): number[] {
  const centre = (i: number) => (2 * i + 1) / count - 1;
  const corner = (i: number) => (count > 1 ? (2 * i) / (count - 1) - 1 : 0);
  return Array.from({ length: count }, (_, i) => (alignCorners ? corner(i) : centre(i)));
}

/**
 * Grids for `gridSample` from affine maps `theta` `[batch, 2, 3]` and the size `[batch, channels, height, width]` of the
 * result → `[batch, height, width, 2]`; with `[batch, 3, 4]` for volumes.
 */
export const affineGrid: Op<
  (theta: Tensor, size: readonly number[], options?: AffineGridOptions) => Tensor
> = /* @__PURE__ */ composite(
  "affineGrid",
  (theta: Tensor, size: readonly number[], { alignCorners = false }: AffineGridOptions = {}) => {
    const spatial = size.length - 2;
    const expected = [size[0]!, spatial, spatial + 1];
    const fits = theta.ndim === 3 && expected.every((n, i) => n === theta.shape[i]);
    if ((spatial !== 2 && spatial !== 3) || !fits) {
      throw new ShapeError(
        `affineGrid: expected theta [batch, 2, 3] and a size [batch, channels, height, width] (or [batch, 3, 4] and ` +
          `five lengths), got ${showShape(theta.shape)} and ${showShape(size)}.`,
      );
    }
    const lengths = size.slice(2);
    // Rows (x, y, 1), row-major over the result.
    let rows: number[][] = [[1]];
    for (const length of lengths) {
      const own = ticks(length, alignCorners);
      rows = rows.flatMap((row) => own.map((tick) => [tick, ...row]));
    }
    const { dtype, device } = theta;
    const base = tensor(rows.flat(), { shape: [rows.length, spatial + 1], dtype, device });
    return reshape(matmul(base, transpose(theta, 1, 2)), [size[0]!, ...lengths, spatial]);
  },
  {
    samples: [
      (make) => [make([2, 2, 3]), [2, 1, 3, 2]],
      (make) => [make([1, 2, 3]), [1, 2, 2, 4], { alignCorners: true }],
      (make) => [make([1, 3, 4]), [1, 1, 2, 1, 3]],
    ],
    dtypes: ["float32", "float64"],
  },
);
