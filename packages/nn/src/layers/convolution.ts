// Convolutions over one, two and three axes, and their transposes.
import {
  FlambeauError,
  type Parameter,
  type Tensor,
  conv1d,
  conv2d,
  conv3d,
  convTranspose1d,
  convTranspose2d,
  convTranspose3d,
} from "@flambeau/core";
import { Module } from "../module.ts";
import { showOptions } from "../outline.ts";
import { type BorderMode, withBorder } from "./border.ts";
import { type LayerOptions, fillWeights, parameter } from "./parameter.ts";

/** One number for all spatial axes, or one for each. */
export type PerAxis = number | readonly number[];

export interface ConvLayerOptions extends LayerOptions {
  readonly stride?: PerAxis;
  readonly padding?: PerAxis | "same" | "valid";
  readonly dilation?: PerAxis;
  /** Channels see only their own group. Default 1. */
  readonly groups?: number;
  /** Default true. */
  readonly bias?: boolean;
  /** What lies beyond the border. Default zeros. */
  readonly paddingMode?: "zeros" | BorderMode;
}

const perAxis = (value: PerAxis, spatial: number): number[] =>
  typeof value === "number" ? new Array<number>(spatial).fill(value) : [...value];

const unless = <T>(value: T, usual: PerAxis | string, spatial: number): T | undefined =>
  String(value) === String(typeof usual === "string" ? usual : perAxis(usual, spatial))
    ? undefined
    : value;

function requireGroups(
  layer: Module,
  sizes: { inChannels: number; outChannels: number; groups: number },
): void {
  const { inChannels, outChannels, groups } = sizes;
  if (inChannels % groups === 0 && outChannels % groups === 0) return;
  throw new FlambeauError(
    `${layer.constructor.name}: ${groups} groups do not divide inChannels ${inChannels} and ` +
      `outChannels ${outChannels}.`,
  );
}

/** What convolutions over any number of axes share. */
abstract class Convolution extends Module {
  readonly inChannels: number;
  readonly outChannels: number;
  readonly kernelSize: readonly number[];
  readonly stride: readonly number[];
  readonly padding: readonly number[] | "same" | "valid";
  readonly dilation: readonly number[];
  readonly groups: number;
  readonly paddingMode: "zeros" | BorderMode;
  readonly weight: Parameter; // [outChannels, inChannels / groups, …kernelSize]
  readonly bias: Parameter | undefined; // [outChannels]

  constructor(
    spatial: number,
    inChannels: number,
    outChannels: number,
    kernelSize: PerAxis,
    options: ConvLayerOptions,
  ) {
    super();
    const { padding = 0, groups = 1 } = options;
    requireGroups(this, { inChannels, outChannels, groups });
    this.inChannels = inChannels;
    this.outChannels = outChannels;
    this.kernelSize = perAxis(kernelSize, spatial);
    this.stride = perAxis(options.stride ?? 1, spatial);
    this.padding = typeof padding === "string" ? padding : perAxis(padding, spatial);
    this.dilation = perAxis(options.dilation ?? 1, spatial);
    this.groups = groups;
    this.paddingMode = options.paddingMode ?? "zeros";
    this.weight = parameter([outChannels, inChannels / groups, ...this.kernelSize], options);
    this.bias = options.bias === false ? undefined : parameter([outChannels], options);
    fillWeights(this.weight, this.bias, options);
  }

  protected convolve(operation: typeof conv2d, x: Tensor): Tensor {
    const { stride, dilation, groups, padding, paddingMode } = this;
    if (paddingMode === "zeros") {
      return operation(x, this.weight, this.bias, { stride, padding, dilation, groups });
    }
    const padded = withBorder(x, this.#borders(), paddingMode);
    return operation(padded, this.weight, this.bias, { stride, dilation, groups });
  }

  /** `[before, after]` of each spatial axis. */
  #borders(): [number, number][] {
    const { padding, kernelSize, dilation } = this;
    return kernelSize.map((size, axis) => {
      if (typeof padding !== "string") return [padding[axis]!, padding[axis]!];
      const total = padding === "valid" ? 0 : dilation[axis]! * (size - 1);
      const before = Math.floor(total / 2);
      return [before, total - before];
    });
  }

  override extraRepr(): string {
    const spatial = this.kernelSize.length;
    const rest = showOptions({
      kernelSize: this.kernelSize,
      stride: this.stride,
      padding: unless(this.padding, 0, spatial),
      dilation: unless(this.dilation, 1, spatial),
      groups: this.groups === 1 ? undefined : this.groups,
      bias: this.bias === undefined ? false : undefined,
      paddingMode: unless(this.paddingMode, "zeros", spatial),
    });
    return `${this.inChannels}, ${this.outChannels}, ${rest}`;
  }
}

/** [batch, in, length] → [batch, out, length']. `torch.nn.Conv1d`. */
export class Conv1d extends Convolution {
  constructor(
    inChannels: number,
    outChannels: number,
    kernelSize: PerAxis,
    options: ConvLayerOptions = {},
  ) {
    super(1, inChannels, outChannels, kernelSize, options);
  }

  forward(x: Tensor): Tensor {
    return this.convolve(conv1d, x);
  }
}

/** [batch, in, height, width] → [batch, out, height', width']. `torch.nn.Conv2d`. */
export class Conv2d extends Convolution {
  constructor(
    inChannels: number,
    outChannels: number,
    kernelSize: PerAxis,
    options: ConvLayerOptions = {},
  ) {
    super(2, inChannels, outChannels, kernelSize, options);
  }

  forward(x: Tensor): Tensor {
    return this.convolve(conv2d, x);
  }
}

/** [batch, in, depth, height, width] → [batch, out, depth', height', width']. `torch.nn.Conv3d`. */
export class Conv3d extends Convolution {
  constructor(
    inChannels: number,
    outChannels: number,
    kernelSize: PerAxis,
    options: ConvLayerOptions = {},
  ) {
    super(3, inChannels, outChannels, kernelSize, options);
  }

  forward(x: Tensor): Tensor {
    return this.convolve(conv3d, x);
  }
}

export interface ConvTransposeLayerOptions extends LayerOptions {
  readonly stride?: PerAxis;
  readonly padding?: PerAxis;
  /** Added to one side of the result. Default 0. */
  readonly outputPadding?: PerAxis;
  readonly dilation?: PerAxis;
  readonly groups?: number;
  readonly bias?: boolean;
}

abstract class TransposedConvolution extends Module {
  readonly inChannels: number;
  readonly outChannels: number;
  readonly kernelSize: readonly number[];
  readonly stride: readonly number[];
  readonly padding: readonly number[];
  readonly outputPadding: readonly number[];
  readonly dilation: readonly number[];
  readonly groups: number;
  readonly weight: Parameter; // [inChannels, outChannels / groups, …kernelSize]
  readonly bias: Parameter | undefined; // [outChannels]

  constructor(
    spatial: number,
    inChannels: number,
    outChannels: number,
    kernelSize: PerAxis,
    options: ConvTransposeLayerOptions,
  ) {
    super();
    const { groups = 1 } = options;
    requireGroups(this, { inChannels, outChannels, groups });
    this.inChannels = inChannels;
    this.outChannels = outChannels;
    this.kernelSize = perAxis(kernelSize, spatial);
    this.stride = perAxis(options.stride ?? 1, spatial);
    this.padding = perAxis(options.padding ?? 0, spatial);
    this.outputPadding = perAxis(options.outputPadding ?? 0, spatial);
    this.dilation = perAxis(options.dilation ?? 1, spatial);
    this.groups = groups;
    this.weight = parameter([inChannels, outChannels / groups, ...this.kernelSize], options);
    this.bias = options.bias === false ? undefined : parameter([outChannels], options);
    fillWeights(this.weight, this.bias, options);
  }

  protected convolve(operation: typeof convTranspose2d, x: Tensor): Tensor {
    const { stride, padding, outputPadding, dilation, groups } = this;
    return operation(x, this.weight, this.bias, {
      stride,
      padding,
      outputPadding,
      dilation,
      groups,
    });
  }

  override extraRepr(): string {
    const spatial = this.kernelSize.length;
    const rest = showOptions({
      kernelSize: this.kernelSize,
      stride: this.stride,
      padding: unless(this.padding, 0, spatial),
      outputPadding: unless(this.outputPadding, 0, spatial),
      dilation: unless(this.dilation, 1, spatial),
      groups: this.groups === 1 ? undefined : this.groups,
      bias: this.bias === undefined ? false : undefined,
    });
    return `${this.inChannels}, ${this.outChannels}, ${rest}`;
  }
}

/** The transpose of Conv1d: [batch, in, length] → a longer [batch, out, length']. `torch.nn.ConvTranspose1d`. */
export class ConvTranspose1d extends TransposedConvolution {
  constructor(
    inChannels: number,
    outChannels: number,
    kernelSize: PerAxis,
    options: ConvTransposeLayerOptions = {},
  ) {
    super(1, inChannels, outChannels, kernelSize, options);
  }

  forward(x: Tensor): Tensor {
    return this.convolve(convTranspose1d, x);
  }
}

/** The transpose of Conv2d: [batch, in, h, w] → [batch, out, h', w']. `torch.nn.ConvTranspose2d`. */
export class ConvTranspose2d extends TransposedConvolution {
  constructor(
    inChannels: number,
    outChannels: number,
    kernelSize: PerAxis,
    options: ConvTransposeLayerOptions = {},
  ) {
    super(2, inChannels, outChannels, kernelSize, options);
  }

  forward(x: Tensor): Tensor {
    return this.convolve(convTranspose2d, x);
  }
}

/** The transpose of Conv3d: [batch, in, d, h, w] → [batch, out, d', h', w']. `torch.nn.ConvTranspose3d`. */
export class ConvTranspose3d extends TransposedConvolution {
  constructor(
    inChannels: number,
    outChannels: number,
    kernelSize: PerAxis,
    options: ConvTransposeLayerOptions = {},
  ) {
    super(3, inChannels, outChannels, kernelSize, options);
  }

  forward(x: Tensor): Tensor {
    return this.convolve(convTranspose3d, x);
  }
}
