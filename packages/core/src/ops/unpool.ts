// Maximum pooling undone: maxima put back where they were, zeros elsewhere; and pooling by power means.
import { FlambeauError, ShapeError, showShape } from "../errors.ts";
import { sizeOf } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { abs, mul, pow, sign } from "./arithmetic.ts";
import { relu } from "./activation.ts";
import { arange } from "./creation.ts";
import { type Op, type Sample, composite, kinked } from "./define.ts";
import { avgPool1d, avgPool2d, avgPool3d } from "./pool.ts";
import { scattering } from "./selection.ts";
import { reshape } from "./view.ts";
import { type PerAxis, perAxis, requireImages } from "./window.ts";

export interface MaxUnpoolOptions {
  /** Default: the size of the window. */
  readonly stride?: PerAxis;
  readonly padding?: PerAxis;
  /** Lengths of the spatial axes (or the whole shape), where rounding lost them. */
  readonly outputSize?: readonly number[];
}

type MaxUnpool = (
  x: Tensor,
  indices: Tensor,
  kernelSize: PerAxis,
  options?: MaxUnpoolOptions,
) => Tensor;

function outputLengths(
  name: string,
  spatial: number,
  x: Tensor,
  kernelSize: PerAxis,
  { stride = kernelSize, padding = 0, outputSize }: MaxUnpoolOptions,
): number[] {
  const kernel = perAxis(name, "kernelSize", kernelSize, spatial, 1);
  const steps = perAxis(name, "stride", stride, spatial, 1);
  const before = perAxis(name, "padding", padding, spatial, 0);
  const natural = kernel.map(
    (n, i) => (x.shape.at(i - spatial)! - 1) * steps[i]! + n - 2 * before[i]!,
  );
  if (outputSize === undefined) return natural;
  const lengths = outputSize.slice(-spatial);
  const fits = lengths.every((n, i) => Math.abs(n - natural[i]!) < steps[i]!);
  if (lengths.length === spatial && fits) return lengths;
  throw new ShapeError(
    `${name}: outputSize ${showShape(outputSize)} is too far from ${showShape(natural)}: expected less than a ` +
      `stride ${showShape(steps)} away.`,
  );
}

const unpool =
  (name: string, spatial: number): MaxUnpool =>
  (x, indices, kernelSize, options = {}) => {
    requireImages(name, x, spatial);
    if (indices.dtype !== "int32" && indices.dtype !== "int64") {
      throw new ShapeError(`${name}: expected integer positions, from ${name.replace("Unpool", "Pool")}WithIndices, got ${indices.dtype}.`); // prettier-ignore
    }
    if (String(indices.shape) !== String(x.shape)) {
      throw new ShapeError(
        `${name}: expected positions of the shape of the input ${showShape(x.shape)}, got ` +
          `${showShape(indices.shape)}.`,
      );
    }
    const lengths = outputLengths(name, spatial, x, kernelSize, options);
    const leading = x.shape.slice(0, -spatial);
    const rows = (y: Tensor) => reshape(y, [sizeOf(leading), sizeOf(x.shape.slice(-spatial))]);
    const shape = [sizeOf(leading), sizeOf(lengths)];
    const placed = scattering.place(rows(x), rows(indices), { axis: 1, shape, combine: "set" });
    return reshape(placed, [...leading, ...lengths]);
  };

/** Distinct positions, as pooling gives them. */
const corners = (shape: readonly number[], width: number): Tensor =>
  mul(reshape(arange(sizeOf(shape), undefined, { dtype: "int32" }), shape), width);

const unpoolSamples = (spatial: number): Sample[] => {
  const image = [2, 2, 2].slice(-spatial);
  return [
    (make) => [make([1, 1, ...image]), corners([1, 1, ...image], 2), 2],
    (make) => [
      make([1, ...image]),
      corners([1, ...image], 1),
      2,
      { outputSize: image.map(() => 5) },
    ],
    (make) => [make([1, 1, ...image]), corners([1, 1, ...image], 1), 3, { stride: 2, padding: 1 }],
  ];
};

const exposeUnpool = (name: string, spatial: number): Op<MaxUnpool> =>
  composite(name, unpool(name, spatial), {
    samples: unpoolSamples(spatial),
    dtypes: ["float32", "float64", "int32"],
  });

/** `maxPool1d` undone: maxima `[n, c, length]` at the positions that `maxPool1dWithIndices` gave. */
export const maxUnpool1d: Op<MaxUnpool> = /* @__PURE__ */ exposeUnpool("maxUnpool1d", 1);
/** `maxPool2d` undone: maxima `[n, c, h, w]` at the positions that `maxPool2dWithIndices` gave. */
export const maxUnpool2d: Op<MaxUnpool> = /* @__PURE__ */ exposeUnpool("maxUnpool2d", 2);
/** `maxPool3d` undone: maxima `[n, c, d, h, w]` at the positions that `maxPool3dWithIndices` gave. */
export const maxUnpool3d: Op<MaxUnpool> = /* @__PURE__ */ exposeUnpool("maxUnpool3d", 3);

export interface LpPoolOptions {
  /** Default: the size of the window. */
  readonly stride?: PerAxis;
  readonly ceilMode?: boolean;
}

type LpPool = (x: Tensor, normType: number, kernelSize: PerAxis, options?: LpPoolOptions) => Tensor;

const lpPool =
  (name: string, spatial: number, average: typeof avgPool1d): LpPool =>
  (x, normType, kernelSize, { stride, ceilMode } = {}) => {
    if (!(normType > 0)) throw new FlambeauError(`${name}: the norm is positive, got ${normType}.`);
    const kernel = perAxis(name, "kernelSize", kernelSize, spatial, 1);
    const means = average(pow(x, normType), kernelSize, { stride, ceilMode });
    // A sum of odd powers may be negative, and has no root.
    const sums = mul(mul(sign(means), relu(abs(means))), sizeOf(kernel));
    return pow(sums, 1 / normType);
  };

const exposeLp = (name: string, spatial: number, average: typeof avgPool1d): Op<LpPool> =>
  composite(name, lpPool(name, spatial, average), {
    samples: [
      (make) => [make([1, 2, ...[4, 4, 4].slice(-spatial)], 0.2, 2), 2, 2],
      (make) => [
        make([1, ...[3, 5, 5].slice(-spatial)], 0.2, 2),
        3,
        2,
        { stride: 1, ceilMode: true },
      ],
    ],
    dtypes: ["float32", "float64"],
    skips: kinked,
  });

/** `(Σ x^p)^(1/p)` over windows: x `[n, c, length]`. */
export const lpPool1d: Op<LpPool> = /* @__PURE__ */ exposeLp("lpPool1d", 1, avgPool1d);
/** `(Σ x^p)^(1/p)` over windows: x `[n, c, h, w]`. */
export const lpPool2d: Op<LpPool> = /* @__PURE__ */ exposeLp("lpPool2d", 2, avgPool2d);
/** `(Σ x^p)^(1/p)` over windows: x `[n, c, d, h, w]`. */
export const lpPool3d: Op<LpPool> = /* @__PURE__ */ exposeLp("lpPool3d", 3, avgPool3d);
