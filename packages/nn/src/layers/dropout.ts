// Layers that drop values while training.
import {
  type Generator,
  type Tensor,
  alphaDropout,
  dropout,
  dropout1d,
  dropout2d,
  dropout3d,
  featureAlphaDropout,
} from "@flambeau/core";
import { Module } from "../module.ts";
import { showOptions } from "../outline.ts";

export interface DropoutLayerOptions {
  /** Default: the device's own, seeded by `manualSeed`. */
  readonly generator?: Generator;
}

/** Zeroes elements with probability `p` and scales the rest by `1 / (1 - p)`. `torch.nn.Dropout`. */
export class Dropout extends Module {
  readonly p: number;
  readonly generator: Generator | undefined;

  constructor(p = 0.5, options: DropoutLayerOptions = {}) {
    super();
    this.p = p;
    this.generator = options.generator;
  }

  forward(x: Tensor): Tensor {
    return dropout(x, this.p, { training: this.training, generator: this.generator });
  }

  override extraRepr(): string {
    return showOptions({ p: this.p });
  }
}

/** Zeroes whole channels: [batch, channels, height, width]. `torch.nn.Dropout2d`. */
export class Dropout2d extends Dropout {
  override forward(x: Tensor): Tensor {
    return dropout2d(x, this.p, { training: this.training, generator: this.generator });
  }
}

/** Zeroes whole channels: [batch, channels, length]. `torch.nn.Dropout1d`. */
export class Dropout1d extends Dropout {
  override forward(x: Tensor): Tensor {
    return dropout1d(x, this.p, { training: this.training, generator: this.generator });
  }
}

/** Zeroes whole channels: [batch, channels, depth, height, width]. `torch.nn.Dropout3d`. */
export class Dropout3d extends Dropout {
  override forward(x: Tensor): Tensor {
    return dropout3d(x, this.p, { training: this.training, generator: this.generator });
  }
}

/** Dropout that keeps mean and variance, for `SELU`. `torch.nn.AlphaDropout`. */
export class AlphaDropout extends Dropout {
  override forward(x: Tensor): Tensor {
    return alphaDropout(x, this.p, { training: this.training, generator: this.generator });
  }
}

/** `AlphaDropout` of whole channels: [batch, channels, …]. `torch.nn.FeatureAlphaDropout`. */
export class FeatureAlphaDropout extends Dropout {
  override forward(x: Tensor): Tensor {
    return featureAlphaDropout(x, this.p, { training: this.training, generator: this.generator });
  }
}
