// Layers that drop values while training.
import { type Generator, type Tensor, dropout, dropout2d } from "@flambeau/core";
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
