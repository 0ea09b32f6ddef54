// Layers that take the largest or the mean of windows.
import {
  type Tensor,
  adaptiveAvgPool1d,
  adaptiveAvgPool2d,
  adaptiveAvgPool3d,
  adaptiveMaxPool1d,
  adaptiveMaxPool2d,
  adaptiveMaxPool3d,
  avgPool1d,
  avgPool2d,
  avgPool3d,
  maxPool1d,
  maxPool2d,
  maxPool3d,
} from "@flambeau/core";
import { Module } from "../module.ts";
import { showOptions } from "../outline.ts";
import type { PerAxis } from "./convolution.ts";

export interface MaxPoolLayerOptions {
  /** Default: the size of the window. */
  readonly stride?: PerAxis;
  readonly padding?: PerAxis;
  readonly dilation?: PerAxis;
  readonly ceilMode?: boolean;
}

/** The largest of each window. */
abstract class MaxPool extends Module {
  readonly kernelSize: PerAxis;
  readonly options: MaxPoolLayerOptions;

  constructor(kernelSize: PerAxis, options: MaxPoolLayerOptions = {}) {
    super();
    this.kernelSize = kernelSize;
    this.options = { stride: kernelSize, padding: 0, dilation: 1, ceilMode: false, ...options };
  }

  override extraRepr(): string {
    return showOptions({ kernelSize: this.kernelSize, ...this.options });
  }
}

/** [batch, channels, length]. `torch.nn.MaxPool1d`. */
export class MaxPool1d extends MaxPool {
  forward(x: Tensor): Tensor {
    return maxPool1d(x, this.kernelSize, this.options);
  }
}

/** [batch, channels, height, width]. `torch.nn.MaxPool2d`. */
export class MaxPool2d extends MaxPool {
  forward(x: Tensor): Tensor {
    return maxPool2d(x, this.kernelSize, this.options);
  }
}

/** [batch, channels, depth, height, width]. `torch.nn.MaxPool3d`. */
export class MaxPool3d extends MaxPool {
  forward(x: Tensor): Tensor {
    return maxPool3d(x, this.kernelSize, this.options);
  }
}

export interface AvgPoolLayerOptions {
  /** Default: the size of the window. */
  readonly stride?: PerAxis;
  readonly padding?: PerAxis;
  readonly ceilMode?: boolean;
  /** Whether padding counts. Default true. */
  readonly countIncludePad?: boolean;
}

/** The mean of each window. */
abstract class AvgPool extends Module {
  readonly kernelSize: PerAxis;
  readonly options: AvgPoolLayerOptions;

  constructor(kernelSize: PerAxis, options: AvgPoolLayerOptions = {}) {
    super();
    this.kernelSize = kernelSize;
    this.options = { stride: kernelSize, padding: 0, ...options };
  }

  override extraRepr(): string {
    return showOptions({ kernelSize: this.kernelSize, ...this.options });
  }
}

/** [batch, channels, length]. `torch.nn.AvgPool1d`. */
export class AvgPool1d extends AvgPool {
  forward(x: Tensor): Tensor {
    return avgPool1d(x, this.kernelSize, this.options);
  }
}

/** [batch, channels, height, width]. `torch.nn.AvgPool2d`. */
export class AvgPool2d extends AvgPool {
  forward(x: Tensor): Tensor {
    return avgPool2d(x, this.kernelSize, this.options);
  }
}

/** [batch, channels, depth, height, width]. `torch.nn.AvgPool3d`. */
export class AvgPool3d extends AvgPool {
  forward(x: Tensor): Tensor {
    return avgPool3d(x, this.kernelSize, this.options);
  }
}

/** One length for all axes, or one for each; null keeps an axis. */
export type OutputSize = number | readonly (number | null)[];

abstract class AdaptivePool extends Module {
  readonly outputSize: OutputSize;

  constructor(outputSize: OutputSize) {
    super();
    this.outputSize = outputSize;
  }

  override extraRepr(): string {
    return showOptions({ outputSize: this.outputSize });
  }
}

/** Means, whatever the input's length: [batch, channels, outputSize]. `torch.nn.AdaptiveAvgPool1d`. */
export class AdaptiveAvgPool1d extends AdaptivePool {
  forward(x: Tensor): Tensor {
    return adaptiveAvgPool1d(x, this.outputSize);
  }
}

/** Means, whatever the image's size: [batch, channels, …outputSize]. `torch.nn.AdaptiveAvgPool2d`. */
export class AdaptiveAvgPool2d extends AdaptivePool {
  forward(x: Tensor): Tensor {
    return adaptiveAvgPool2d(x, this.outputSize);
  }
}

/** Maxima, whatever the image's size: [batch, channels, …outputSize]. `torch.nn.AdaptiveMaxPool2d`. */
export class AdaptiveMaxPool2d extends AdaptivePool {
  forward(x: Tensor): Tensor {
    return adaptiveMaxPool2d(x, this.outputSize);
  }
}

/** Means, whatever the volume's size: [batch, channels, …outputSize]. `torch.nn.AdaptiveAvgPool3d`. */
export class AdaptiveAvgPool3d extends AdaptivePool {
  forward(x: Tensor): Tensor {
    return adaptiveAvgPool3d(x, this.outputSize);
  }
}

/** Maxima, whatever the input's length: [batch, channels, outputSize]. `torch.nn.AdaptiveMaxPool1d`. */
export class AdaptiveMaxPool1d extends AdaptivePool {
  forward(x: Tensor): Tensor {
    return adaptiveMaxPool1d(x, this.outputSize);
  }
}

/** Maxima, whatever the volume's size: [batch, channels, …outputSize]. `torch.nn.AdaptiveMaxPool3d`. */
export class AdaptiveMaxPool3d extends AdaptivePool {
  forward(x: Tensor): Tensor {
    return adaptiveMaxPool3d(x, this.outputSize);
  }
}
