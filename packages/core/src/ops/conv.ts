// Convolutions over one, two and three spatial axes, and their transposes. What they lower to, and
// their gradients, are in conv-core.ts.
import { DTypeError, ShapeError, showShape } from "../errors.ts";
import type { Tensor } from "../tensor.ts";
import { type Geometry, conv, convInput } from "./conv-core.ts";
import { type Op, type Sample, attach } from "./define.ts";
import { type PerAxis, batched, perAxis, requireFit, requireImages, spatialNames, windowCount } from "./window.ts"; // prettier-ignore

export interface ConvOptions {
  /** Steps between windows. Default 1. */
  readonly stride?: PerAxis;
  /** Zeros on both sides; `"same"` keeps the size (stride 1 only), `"valid"` adds none. Default 0. */
  readonly padding?: PerAxis | "same" | "valid";
  /** Steps between the elements of a window. Default 1. */
  readonly dilation?: PerAxis;
  /** Channels fall into this many groups that do not mix. Default 1. */
  readonly groups?: number;
}

export interface ConvTransposeOptions {
  /** Steps between windows on the output. Default 1. */
  readonly stride?: PerAxis;
  /** What is cut from both sides of the output. Default 0. */
  readonly padding?: PerAxis;
  /** Added to the output's end; less than stride or dilation. Default 0. */
  readonly outputPadding?: PerAxis;
  readonly dilation?: PerAxis;
  readonly groups?: number;
}

type Conv = (x: Tensor, weight: Tensor, bias?: Tensor, options?: ConvOptions) => Tensor;
type ConvTranspose = (
  x: Tensor,
  weight: Tensor,
  bias?: Tensor,
  options?: ConvTransposeOptions,
) => Tensor;

function requireGroups(name: string, groups: number, channels: number, what: string): void {
  if (Number.isInteger(groups) && groups > 0 && channels % groups === 0) return;
  throw new ShapeError(
    `${name}: groups must be a positive integer that divides the ${channels} ${what}, got ${groups}.`,
  );
}

function requireOperands(
  name: string,
  x: Tensor,
  weight: Tensor,
  bias: Tensor | undefined,
  {
    spatial,
    weightAxes,
    outChannels,
  }: { spatial: number; weightAxes: string; outChannels: number },
): void {
  requireImages(name, x, spatial);
  if (weight.ndim !== spatial + 2) {
    throw new ShapeError(
      `${name}: expected a weight of ${spatial + 2} axes [${weightAxes}, ` +
        `${spatialNames(spatial)}], got shape ${showShape(weight.shape)}.`,
    );
  }
  for (const [what, other] of [["weight", weight], ["bias", bias]] as const) {
    if (other === undefined || other.dtype === x.dtype) continue;
    throw new DTypeError(
      `${name}: the input is ${x.dtype}, the ${what} ${other.dtype}. Convert one with to(…).`,
    );
  } // prettier-ignore
  if (x.dtype === "bool") throw new DTypeError(`${name}: bool is not accepted. Cast with to(…).`);
  if (bias !== undefined && (bias.ndim !== 1 || bias.shape[0] !== outChannels)) {
    throw new ShapeError(
      `${name}: expected a bias of shape [${outChannels}], one per output channel, got ` +
        `${showShape(bias.shape)}.`,
    );
  }
}

/** Zeros before and after each axis. */
function paddingOf(
  name: string,
  padding: PerAxis | "same" | "valid",
  { kernel, stride, dilation }: Pick<Geometry, "kernel" | "stride" | "dilation">,
): { before: number[]; after: number[] } {
  if (padding === "same") {
    if (stride.some((n) => n !== 1)) {
      throw new ShapeError(
        `${name}: padding "same" needs stride 1, got ${showShape(stride)}. Give the padding as ` +
          `numbers.`,
      );
    }
    const total = kernel.map((n, axis) => dilation[axis]! * (n - 1));
    const before = total.map((n) => Math.floor(n / 2));
    return { before, after: total.map((n, axis) => n - before[axis]!) };
  }
  const both = perAxis(name, "padding", padding === "valid" ? 0 : padding, kernel.length, 0);
  return { before: both, after: both };
}

function convolution(name: string, spatial: number): Conv {
  return (x, weight, bias, options = {}) => {
    const { groups = 1, padding = 0 } = options;
    requireOperands(name, x, weight, bias, {
      spatial,
      weightAxes: "out, in / groups",
      outChannels: weight.shape[0]!,
    });
    const stride = perAxis(name, "stride", options.stride ?? 1, spatial, 1);
    const dilation = perAxis(name, "dilation", options.dilation ?? 1, spatial, 1);
    const kernel = weight.shape.slice(2);
    const input = x.shape.slice(-spatial);
    const channels = x.shape.at(-spatial - 1)!;
    requireGroups(name, groups, weight.shape[0]!, "output channels");
    if (channels !== weight.shape[1]! * groups) {
      throw new ShapeError(
        `${name}: the input ${showShape(x.shape)} has ${channels} channels, but the weight ` +
          `${showShape(weight.shape)} with groups ${groups} takes ${weight.shape[1]! * groups}. ` +
          `Channels come before ${spatialNames(spatial)}.`,
      );
    }
    const { before, after } = paddingOf(name, padding, { kernel, stride, dilation });
    const padded = input.map((n, axis) => n + before[axis]! + after[axis]!);
    requireFit(name, kernel, dilation, padded);
    const output = padded.map((n, axis) =>
      windowCount(n, kernel[axis]!, stride[axis]!, dilation[axis]!),
    );
    const geometry = { input, kernel, output, stride, before, dilation, groups };
    return batched(x, spatial, (images) => conv(images, weight, bias, geometry));
  };
}

function transposedConvolution(name: string, spatial: number): ConvTranspose {
  return (x, weight, bias, options = {}) => {
    const { groups = 1 } = options;
    requireOperands(name, x, weight, bias, {
      spatial,
      weightAxes: "in, out / groups",
      outChannels: (weight.shape[1] ?? 0) * groups,
    });
    const stride = perAxis(name, "stride", options.stride ?? 1, spatial, 1);
    const dilation = perAxis(name, "dilation", options.dilation ?? 1, spatial, 1);
    const before = perAxis(name, "padding", options.padding ?? 0, spatial, 0);
    const extra = perAxis(name, "outputPadding", options.outputPadding ?? 0, spatial, 0);
    const kernel = weight.shape.slice(2);
    const output = x.shape.slice(-spatial);
    const channels = x.shape.at(-spatial - 1)!;
    requireGroups(name, groups, weight.shape[0]!, "input channels");
    if (channels !== weight.shape[0]) {
      throw new ShapeError(
        `${name}: the input ${showShape(x.shape)} has ${channels} channels, but the weight ` +
          `${showShape(weight.shape)} takes ${weight.shape[0]}. Its axes are [in, out / groups, ` +
          `${spatialNames(spatial)}].`,
      );
    }
    if (extra.some((n, axis) => n >= Math.max(stride[axis]!, dilation[axis]!))) {
      throw new ShapeError(
        `${name}: outputPadding ${showShape(extra)} must be less than stride ${showShape(stride)} or ` +
          `dilation ${showShape(dilation)} on each axis.`,
      );
    }
    const input = output.map(
      (n, axis) =>
        (n - 1) * stride[axis]! -
        2 * before[axis]! +
        dilation[axis]! * (kernel[axis]! - 1) +
        extra[axis]! +
        1,
    );
    if (input.some((n) => n < 1)) {
      throw new ShapeError(
        `${name}: padding ${showShape(before)} leaves an output of ${showShape(input)}. Pad less.`,
      );
    }
    const geometry = { input, kernel, output, stride, before, dilation, groups };
    return batched(x, spatial, (images) => convInput(images, weight, bias, geometry));
  };
}

const described = {
  kind: "primitive",
  isDifferentiable: true,
  dtypes: ["float32", "float64"],
} as const;

/** A weight's shape from its channels, groups and the length of its kernel. */
type WeightShape = (inputs: number, outputs: number, groups: number, size: number) => number[];

/** Calls that cover every option on `spatial` axes; small, since each element is checked. */
function samplesFor(spatial: number, weight: WeightShape, options: readonly object[]): Sample[] {
  const images = (batch: number, channels: number) => [
    batch,
    channels,
    ...[2, 3, 4].slice(-spatial),
  ];
  const first: Sample[] = [
    (make) => [make(images(2, 2)), make(weight(2, 1, 1, 2)), make([1])],
    (make) => [make(images(1, 1)), make(weight(1, 2, 1, 1))],
    (make) => [make(images(2, 1).slice(1)), make(weight(1, 1, 1, 2)), make([1]), { stride: 2 }],
    (make) => [make(images(0, 2)), make(weight(2, 3, 1, 2)), make([3])],
    (make) => [make(images(1, 2)), make(weight(2, 2, 2, 2)), make([2]), { groups: 2, padding: 1 }],
  ];
  const more = options.map((option): Sample => (make) => [
    make(images(1, 1)),
    make(weight(1, 1, 1, 2)),
    undefined,
    option,
  ]);
  return [...first, ...more];
}

const kernelOf = (size: number, spatial: number) => new Array<number>(spatial).fill(size);

function exposeConv(name: string, spatial: number): Op<Conv> {
  const weight: WeightShape = (inputs, outputs, groups, size) => [
    outputs,
    inputs / groups,
    ...kernelOf(size, spatial),
  ];
  const samples = samplesFor(spatial, weight, [
    { stride: 2, padding: 1, dilation: 2 },
    { padding: "same", dilation: 2 },
    { padding: "same" },
    { padding: "valid", stride: kernelOf(2, spatial) },
  ]);
  return attach(convolution(name, spatial), { ...described, name, samples });
}

function exposeTranspose(name: string, spatial: number): Op<ConvTranspose> {
  const weight: WeightShape = (inputs, outputs, groups, size) => [
    inputs,
    outputs / groups,
    ...kernelOf(size, spatial),
  ];
  const samples = samplesFor(spatial, weight, [
    { stride: 2, padding: 1, outputPadding: 1 },
    { dilation: 2, padding: kernelOf(1, spatial) },
  ]);
  const skips = { extreme: "whether the gaps between windows meet infinities is left to backends" };
  return attach(transposedConvolution(name, spatial), { ...described, name, samples, skips });
}

/**
 * Convolution (cross-correlation) over one axis: x `[n, c, length]` or `[c, length]`, weight
 * `[out, c / groups, k]`, bias `[out]`.
 */
export const conv1d: Op<Conv> = /* @__PURE__ */ exposeConv("conv1d", 1);

/**
 * Convolution (cross-correlation) over two axes: x `[n, c, h, w]` or `[c, h, w]`, weight
 * `[out, c / groups, kh, kw]`, bias `[out]`.
 */
export const conv2d: Op<Conv> = /* @__PURE__ */ exposeConv("conv2d", 2);

/**
 * Convolution (cross-correlation) over three axes: x `[n, c, d, h, w]` or `[c, d, h, w]`, weight
 * `[out, c / groups, kd, kh, kw]`, bias `[out]`.
 */
export const conv3d: Op<Conv> = /* @__PURE__ */ exposeConv("conv3d", 3);

/** The transpose of `conv1d`: x `[n, in, length]`, weight `[in, out / groups, k]`. */
export const convTranspose1d: Op<ConvTranspose> = /* @__PURE__ */ exposeTranspose("convTranspose1d", 1); // prettier-ignore

/** The transpose of `conv2d`: x `[n, in, h, w]`, weight `[in, out / groups, kh, kw]`. */
export const convTranspose2d: Op<ConvTranspose> = /* @__PURE__ */ exposeTranspose("convTranspose2d", 2); // prettier-ignore

/** The transpose of `conv3d`: x `[n, in, d, h, w]`, weight `[in, out / groups, kd, kh, kw]`. */
export const convTranspose3d: Op<ConvTranspose> = /* @__PURE__ */ exposeTranspose("convTranspose3d", 3); // prettier-ignore
