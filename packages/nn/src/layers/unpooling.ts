// Layers that undo maximum pooling, and that pool by power means.
import {
  type LpPoolOptions,
  type Tensor,
  lpPool1d,
  lpPool2d,
  lpPool3d,
  maxUnpool1d,
  maxUnpool2d,
  maxUnpool3d,
} from "@flambeau/core";
import { Module } from "../module.ts";
import { showOptions } from "../outline.ts";
import type { PerAxis } from "./convolution.ts";

export interface MaxUnpoolLayerOptions {
  /** Default: the size of the window. */
  readonly stride?: PerAxis;
  readonly padding?: PerAxis;
}

export interface MaxUnpoolCall {
  /** Lengths of the spatial axes, where rounding lost them. */
  readonly outputSize?: readonly number[];
}

/** Maxima back where they were. */
abstract class MaxUnpool extends Module {
  readonly kernelSize: PerAxis;
  readonly options: MaxUnpoolLayerOptions;

  constructor(kernelSize: PerAxis, options: MaxUnpoolLayerOptions = {}) {
    super();
    this.kernelSize = kernelSize;
    this.options = { stride: kernelSize, padding: 0, ...options };
  }

  override extraRepr(): string {
    return showOptions({ kernelSize: this.kernelSize, ...this.options });
  }
}

/** Maxima [batch, channels, length] and their positions → the input's length. `torch.nn.MaxUnpool1d`. */
export class MaxUnpool1d extends MaxUnpool {
  forward(x: Tensor, indices: Tensor, options: MaxUnpoolCall = {}): Tensor {
    return maxUnpool1d(x, indices, this.kernelSize, { ...this.options, ...options });
  }
}

/** Maxima [batch, channels, height, width] and their positions → images. `torch.nn.MaxUnpool2d`. */
export class MaxUnpool2d extends MaxUnpool {
  forward(x: Tensor, indices: Tensor, options: MaxUnpoolCall = {}): Tensor {
    return maxUnpool2d(x, indices, this.kernelSize, { ...this.options, ...options });
  }
}

/** Maxima [batch, channels, depth, height, width] and their positions → volumes. `torch.nn.MaxUnpool3d`. */
export class MaxUnpool3d extends MaxUnpool {
  forward(x: Tensor, indices: Tensor, options: MaxUnpoolCall = {}): Tensor {
    return maxUnpool3d(x, indices, this.kernelSize, { ...this.options, ...options });
  }
}

/** `(Σ x^p)^(1/p)` of each window. */
abstract class LPPool extends Module {
  readonly normType: number;
  readonly kernelSize: PerAxis;
  readonly options: LpPoolOptions;

  constructor(normType: number, kernelSize: PerAxis, options: LpPoolOptions = {}) {
    super();
    this.normType = normType;
    this.kernelSize = kernelSize;
    this.options = { stride: kernelSize, ceilMode: false, ...options };
  }

  override extraRepr(): string {
    return showOptions({ normType: this.normType, kernelSize: this.kernelSize, ...this.options });
  }
}

/** [batch, channels, length]. `torch.nn.LPPool1d`. */
export class LPPool1d extends LPPool {
  forward(x: Tensor): Tensor {
    return lpPool1d(x, this.normType, this.kernelSize, this.options);
  }
}

/** [batch, channels, height, width]. `torch.nn.LPPool2d`. */
export class LPPool2d extends LPPool {
  forward(x: Tensor): Tensor {
    return lpPool2d(x, this.normType, this.kernelSize, this.options);
  }
}

/** [batch, channels, depth, height, width]. `torch.nn.LPPool3d`. */
export class LPPool3d extends LPPool {
  forward(x: Tensor): Tensor {
    return lpPool3d(x, this.normType, this.kernelSize, this.options);
  }
}
