// Sliding windows as views, the images that they come from, and the sums that lead back.
import { apply } from "../apply.ts";
import type { MapKernel } from "../compiler/kernel.ts";
import { broadcastLoad, copyKernel } from "../compiler/lower.ts";
import { ShapeError, showShape } from "../errors.ts";
import type { Operation } from "../operation.ts";
import { leaf } from "../scalar/instruction.ts";
import { type Shape, contiguousStrides, layoutOf, normalizeAxis } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { type Sample, composite, expose, primitive } from "./define.ts";
import { pad } from "./pad.ts";
import { permute, reshape } from "./view.ts";
import { type PerAxis, perAxis, windowCount } from "./window.ts";

interface WindowAttributes {
  readonly [name: string]: number | readonly number[];
  readonly axis: number;
  readonly size: number;
  readonly step: number;
  readonly dilation: number;
  /** Of the tensor that the windows slide over. */
  readonly shape: readonly number[];
}

/** Windows along an axis: their number there, their elements as a new last axis. */
function windowsOf(strides: readonly number[], attributes: WindowAttributes) {
  const { axis, size, step, dilation, shape } = attributes;
  const count = Math.max(windowCount(shape[axis]!, size, step, dilation), 0);
  const stride = strides[axis]!;
  return {
    shape: [...shape.with(axis, count), size],
    strides: [...strides.with(axis, stride * step), stride * dilation],
  };
}

const unfoldOperation: Operation<WindowAttributes> = /* @__PURE__ */ primitive({
  name: "unfold",
  traits: { isView: true },
  infer: ([x], attributes) => [{ shape: windowsOf(x!.shape, attributes).shape, dtype: x!.dtype }],
  view(layout, offset, attributes) {
    const { shape, strides } = windowsOf(layout.strides, attributes);
    return { layout: layoutOf(shape, strides), offset };
  },
  lower([x], attributes) {
    const { shape, strides } = windowsOf(x!.layout.strides, attributes);
    return copyKernel(shape, { operand: 0, dtype: x!.dtype, offset: 0, strides });
  },
  gradient: ({ grads, attributes }) => [overlapped(grads[0]!, attributes)],
  batch: ([x], attributes, size) => apply(unfoldOperation, [x!.value], further(attributes, size)),
});

/** The same with a batch axis before all others. */
const further = (attributes: WindowAttributes, size: number): WindowAttributes => ({
  ...attributes,
  axis: attributes.axis + 1,
  shape: [size, ...attributes.shape],
});

/** Adds windows up where they overlap. */
const overlapOperation: Operation<WindowAttributes> = /* @__PURE__ */ primitive({
  name: "unfoldGradient",
  infer: ([x], { shape }) => [{ shape, dtype: x!.dtype }],
  lower([x], attributes): MapKernel {
    const { shape, dtype } = x!;
    const { strides } = windowsOf(contiguousStrides(attributes.shape), attributes);
    const value = leaf("load", 0, dtype);
    return {
      kind: "map",
      axes: shape,
      loads: [broadcastLoad(0, x!, shape)],
      params: [],
      stores: [{ operand: 0, dtype, offset: 0, strides, value, combine: "add" }],
      initial: 0,
    };
  },
  gradient: ({ grads, attributes }) => [windows(grads[0]!, attributes)],
  batch: ([x], attributes, size) => apply(overlapOperation, [x!.value], further(attributes, size)),
});

const windows = (x: Tensor, attributes: WindowAttributes): Tensor =>
  apply(unfoldOperation, [x], attributes)[0]!;

/** The sum of windows where they overlap: the adjoint of `unfold`. @internal */
export const overlapped = (x: Tensor, attributes: WindowAttributes): Tensor =>
  apply(overlapOperation, [x], attributes)[0]!;

/** Windows of `size` elements along `axis`, every `step`, with the elements as a new last axis; a view. */
export const unfold = /* @__PURE__ */ expose(
  unfoldOperation,
  (x: Tensor, axis: number, size: number, step = 1): Tensor => {
    const at = normalizeAxis("unfold", axis, x.ndim);
    const shape = x.ndim === 0 ? [1] : x.shape;
    const isWindow = Number.isInteger(size) && size >= 0 && size <= shape[at]!;
    if (!isWindow || !Number.isInteger(step) || step < 1) {
      throw new ShapeError(
        `unfold: expected a size from 0 to ${shape[at]}, the length of axis ${at} of shape ` +
          `${showShape(x.shape)}, and a positive step, got ${size} and ${step}.`,
      );
    }
    const source = x.ndim === 0 ? reshape(x, [1]) : x;
    const result = windows(source, { axis: at, size, step, dilation: 1, shape });
    return x.ndim === 0 ? reshape(result, [size]) : result;
  },
  {
    samples: [
      (make) => [make([2, 7]), 1, 3, 2],
      (make) => [make([5, 2]), 0, 2],
      (make) => [make([6]), -1, 2, 3],
    ],
  },
);

export interface UnfoldImageOptions {
  readonly dilation?: PerAxis;
  readonly padding?: PerAxis;
  readonly stride?: PerAxis;
}

/** Window options of both spatial axes of padded images. */
function slides(
  name: string,
  kernel: PerAxis,
  { dilation = 1, padding = 0, stride = 1 }: UnfoldImageOptions,
) {
  const sizes = perAxis(name, "kernel", kernel, 2, 1);
  const dilations = perAxis(name, "dilation", dilation, 2, 1);
  const steps = perAxis(name, "stride", stride, 2, 1);
  const paddings = perAxis(name, "padding", padding, 2, 0);
  /** Of the axis that is `place`-th of the two. */
  const along = (shape: Shape, place: 0 | 1): WindowAttributes => ({
    axis: 2 + place,
    size: sizes[place]!,
    step: steps[place]!,
    dilation: dilations[place]!,
    shape,
  });
  const counts = (height: number, width: number) =>
    [height, width].map((n, i) =>
      windowCount(n + 2 * paddings[i]!, sizes[i]!, steps[i]!, dilations[i]!),
    ) as [number, number];
  return { sizes, paddings, along, counts };
}

/**
 * The windows of images as columns, `[batch, channels, height, width]` →
 * `[batch, channels · kernel, windows]`: `torch.nn.functional.unfold`, also called im2col.
 */
export const unfoldImage = /* @__PURE__ */ composite(
  "unfoldImage",
  (x: Tensor, kernel: PerAxis, options: UnfoldImageOptions = {}): Tensor => {
    const { sizes, paddings, along, counts } = slides("unfoldImage", kernel, options);
    const images = x.ndim === 3 ? reshape(x, [1, ...x.shape]) : x;
    const [batch, channels, height, width] = images.shape;
    if (images.ndim !== 4 || counts(height!, width!).some((n) => n < 1)) {
      throw new ShapeError(
        `unfoldImage: expected images [batch, channels, height, width] (or one without the batch) ` +
          `that the kernel ${showShape(sizes)} fits into, got shape ${showShape(x.shape)}.`,
      );
    }
    const [top, left] = paddings as [number, number];
    const padded = pad(images, [left, left, top, top]);
    const rows = windows(padded, along(padded.shape, 0)); // [batch, channels, down, width, kh]
    const both = windows(rows, along(rows.shape, 1)); // [batch, channels, down, across, kh, kw]
    const [down, across] = both.shape.slice(2) as [number, number];
    const area = sizes[0]! * sizes[1]!;
    const shape = [channels! * area, down * across];
    const columns = permute(both, [0, 1, 4, 5, 2, 3]);
    return reshape(columns, x.ndim === 3 ? shape : [batch!, ...shape]);
  },
  {
    samples: [
      (make) => [make([2, 2, 3, 4]), 2],
      (make) => [make([1, 2, 5, 5]), [2, 3], { dilation: [2, 1], padding: 1, stride: 2 }],
      (make) => [make([2, 3, 3]), 2],
    ],
  },
);

const foldSamples: readonly Sample[] = [
  (make) => [make([2, 8, 6]), [3, 4], 2],
  (make) => [make([1, 12, 9]), [5, 5], [2, 3], { dilation: [2, 1], padding: 1, stride: 2 }],
  (make) => [make([8, 4]), 3, 2],
];

/**
 * Images of the size given from columns of windows, which add up where they overlap:
 * `torch.nn.functional.fold`, the transpose of `unfoldImage`.
 */
export const foldImage = /* @__PURE__ */ composite(
  "foldImage",
  (x: Tensor, size: PerAxis, kernel: PerAxis, options: UnfoldImageOptions = {}): Tensor => {
    const { sizes, paddings, along, counts } = slides("foldImage", kernel, options);
    const [height, width] = perAxis("foldImage", "size", size, 2, 1) as [number, number];
    const [down, across] = counts(height, width);
    const [kh, kw] = sizes as [number, number];
    const columns = x.ndim === 2 ? reshape(x, [1, ...x.shape]) : x;
    const [batch, rows, count] = columns.shape as [number, number, number];
    if (columns.ndim !== 3 || rows % (kh * kw) !== 0 || count !== down * across) {
      throw new ShapeError(
        `foldImage: expected columns [batch, channels · ${kh * kw}, ${Math.max(down, 0) * Math.max(across, 0)}] ` +
          `for images of ${showShape([height, width])}, got shape ${showShape(x.shape)}.`,
      );
    }
    const channels = rows / (kh * kw);
    const [top, left] = paddings as [number, number];
    const padded = [batch, channels, height + 2 * top, width + 2 * left];
    const apart = reshape(columns, [batch, channels, kh, kw, down, across]);
    const both = permute(apart, [0, 1, 4, 5, 2, 3]); // [batch, channels, down, across, kh, kw]
    const between = [batch, channels, down, padded[3]!, kh];
    const images = overlapped(overlapped(both, along(between, 1)), along(padded, 0));
    const result = pad(images, [-left, -left, -top, -top]);
    return x.ndim === 2 ? reshape(result, result.shape.slice(1)) : result;
  },
  { samples: foldSamples },
);
