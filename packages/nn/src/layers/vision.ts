// Layers that resize images, take them apart into windows, and turn channels into pixels.
import {
  type InterpolateOptions,
  type Tensor,
  channelShuffle,
  foldImage,
  interpolate,
  pixelShuffle,
  pixelUnshuffle,
  unfoldImage,
} from "@flambeau/core";
import { Module } from "../module.ts";
import { showOptions } from "../outline.ts";
import type { PerAxis } from "./convolution.ts";

export type UpsampleOptions = Omit<InterpolateOptions, "antialias">;

/** Resizes the spatial axes: [batch, channels, …]. `torch.nn.Upsample`. */
export class Upsample extends Module {
  readonly options: UpsampleOptions;

  constructor(options: UpsampleOptions) {
    super();
    this.options = options;
  }

  forward(x: Tensor): Tensor {
    return interpolate(x, this.options);
  }

  override extraRepr(): string {
    const { size, scaleFactor, mode = "nearest" } = this.options;
    return showOptions({ size, scaleFactor, mode });
  }
}

/** Resizes by repeating pixels: [batch, channels, height, width]. `torch.nn.UpsamplingNearest2d`. */
export class UpsamplingNearest2d extends Upsample {
  constructor(options: Pick<UpsampleOptions, "size" | "scaleFactor">) {
    super({ ...options, mode: "nearest" });
  }
}

/** Resizes with aligned corners: [batch, channels, height, width]. `torch.nn.UpsamplingBilinear2d`. */
export class UpsamplingBilinear2d extends Upsample {
  constructor(options: Pick<UpsampleOptions, "size" | "scaleFactor">) {
    super({ ...options, mode: "bilinear", alignCorners: true });
  }
}

/** Channels as pixels: [batch, c · r², h, w] → [batch, c, h · r, w · r]. `torch.nn.PixelShuffle`. */
export class PixelShuffle extends Module {
  readonly upscaleFactor: number;

  constructor(upscaleFactor: number) {
    super();
    this.upscaleFactor = upscaleFactor;
  }

  forward(x: Tensor): Tensor {
    return pixelShuffle(x, this.upscaleFactor);
  }

  override extraRepr(): string {
    return showOptions({ upscaleFactor: this.upscaleFactor });
  }
}

/** Pixels as channels: [batch, c, h · r, w · r] → [batch, c · r², h, w]. `torch.nn.PixelUnshuffle`. */
export class PixelUnshuffle extends Module {
  readonly downscaleFactor: number;

  constructor(downscaleFactor: number) {
    super();
    this.downscaleFactor = downscaleFactor;
  }

  forward(x: Tensor): Tensor {
    return pixelUnshuffle(x, this.downscaleFactor);
  }

  override extraRepr(): string {
    return showOptions({ downscaleFactor: this.downscaleFactor });
  }
}

/** Mixes groups of channels: [batch, channels, …]. `torch.nn.ChannelShuffle`. */
export class ChannelShuffle extends Module {
  readonly groups: number;

  constructor(groups: number) {
    super();
    this.groups = groups;
  }

  forward(x: Tensor): Tensor {
    return channelShuffle(x, this.groups);
  }

  override extraRepr(): string {
    return showOptions({ groups: this.groups });
  }
}

export interface WindowLayerOptions {
  readonly dilation?: PerAxis;
  readonly padding?: PerAxis;
  readonly stride?: PerAxis;
}

/** Windows as columns: [batch, c, h, w] → [batch, c · window, windows]. `torch.nn.Unfold`. */
export class Unfold extends Module {
  readonly kernelSize: PerAxis;
  readonly options: WindowLayerOptions;

  constructor(kernelSize: PerAxis, options: WindowLayerOptions = {}) {
    super();
    this.kernelSize = kernelSize;
    this.options = { dilation: 1, padding: 0, stride: 1, ...options };
  }

  forward(x: Tensor): Tensor {
    return unfoldImage(x, this.kernelSize, this.options);
  }

  override extraRepr(): string {
    return showOptions({ kernelSize: this.kernelSize, ...this.options });
  }
}

/** Columns added up to images: [batch, c · window, windows] → [batch, c, …outputSize]. `torch.nn.Fold`. */
export class Fold extends Module {
  readonly outputSize: PerAxis;
  readonly kernelSize: PerAxis;
  readonly options: WindowLayerOptions;

  constructor(outputSize: PerAxis, kernelSize: PerAxis, options: WindowLayerOptions = {}) {
    super();
    this.outputSize = outputSize;
    this.kernelSize = kernelSize;
    this.options = { dilation: 1, padding: 0, stride: 1, ...options };
  }

  forward(x: Tensor): Tensor {
    return foldImage(x, this.outputSize, this.kernelSize, this.options);
  }

  override extraRepr(): string {
    return showOptions({
      outputSize: this.outputSize,
      kernelSize: this.kernelSize,
      ...this.options,
    });
  }
}
