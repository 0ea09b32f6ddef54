// Activation functions as layers.
import {
  type GeluOptions,
  type Parameter,
  type SoftplusOptions,
  type Tensor,
  elu,
  gelu,
  hardsigmoid,
  hardswish,
  hardtanh,
  leakyRelu,
  logSigmoid,
  logSoftmax,
  mish,
  relu,
  relu6,
  selu,
  sigmoid,
  silu,
  softmax,
  softplus,
  softsign,
  tanh,
  where,
} from "@flambeau/core";
import * as init from "../init.ts";
import { Module } from "../module.ts";
import { showOptions } from "../outline.ts";
import { type LayerOptions, parameter } from "./parameter.ts";

/** `max(x, 0)`. `torch.nn.ReLU`. */
export class ReLU extends Module {
  forward(x: Tensor): Tensor {
    return relu(x);
  }
}

/** `min(max(x, 0), 6)`. `torch.nn.ReLU6`. */
export class ReLU6 extends Module {
  forward(x: Tensor): Tensor {
    return relu6(x);
  }
}

/** `1 / (1 + e⁻ˣ)`. `torch.nn.Sigmoid`. */
export class Sigmoid extends Module {
  forward(x: Tensor): Tensor {
    return sigmoid(x);
  }
}

/** `log(sigmoid(x))`. `torch.nn.LogSigmoid`. */
export class LogSigmoid extends Module {
  forward(x: Tensor): Tensor {
    return logSigmoid(x);
  }
}

/** The hyperbolic tangent. `torch.nn.Tanh`. */
export class Tanh extends Module {
  forward(x: Tensor): Tensor {
    return tanh(x);
  }
}

/** `x · sigmoid(x)`, also called swish. `torch.nn.SiLU`. */
export class SiLU extends Module {
  forward(x: Tensor): Tensor {
    return silu(x);
  }
}

/** `x · tanh(softplus(x))`. `torch.nn.Mish`. */
export class Mish extends Module {
  forward(x: Tensor): Tensor {
    return mish(x);
  }
}

/** Scaled exponential linear unit. `torch.nn.SELU`. */
export class SELU extends Module {
  forward(x: Tensor): Tensor {
    return selu(x);
  }
}

/** `x / (1 + |x|)`. `torch.nn.Softsign`. */
export class Softsign extends Module {
  forward(x: Tensor): Tensor {
    return softsign(x);
  }
}

/** `x · clamp(x + 3, 0, 6) / 6`. `torch.nn.Hardswish`. */
export class Hardswish extends Module {
  forward(x: Tensor): Tensor {
    return hardswish(x);
  }
}

/** `clamp(x + 3, 0, 6) / 6`. `torch.nn.Hardsigmoid`. */
export class Hardsigmoid extends Module {
  forward(x: Tensor): Tensor {
    return hardsigmoid(x);
  }
}

/** `x` limited to `[low, high]`. `torch.nn.Hardtanh`. */
export class Hardtanh extends Module {
  readonly low: number;
  readonly high: number;

  constructor(low = -1, high = 1) {
    super();
    this.low = low;
    this.high = high;
  }

  forward(x: Tensor): Tensor {
    return hardtanh(x, this.low, this.high);
  }

  override extraRepr(): string {
    return showOptions({ low: this.low, high: this.high });
  }
}

/** `x · Φ(x)`. `torch.nn.GELU`. */
export class GELU extends Module {
  readonly approximate: "none" | "tanh";

  constructor(options: GeluOptions = {}) {
    super();
    this.approximate = options.approximate ?? "none";
  }

  forward(x: Tensor): Tensor {
    return gelu(x, { approximate: this.approximate });
  }

  override extraRepr(): string {
    return showOptions({ approximate: this.approximate });
  }
}

/** `x` above 0, `slope · x` below. `torch.nn.LeakyReLU`. */
export class LeakyReLU extends Module {
  readonly slope: number;

  constructor(slope = 0.01) {
    super();
    this.slope = slope;
  }

  forward(x: Tensor): Tensor {
    return leakyRelu(x, this.slope);
  }

  override extraRepr(): string {
    return showOptions({ slope: this.slope });
  }
}

export interface PReLUOptions extends LayerOptions {
  /** 1 slope for all, or one for each channel (axis 1). Default 1. */
  readonly numParameters?: number;
  /** The slope at the start. Default 0.25. */
  readonly init?: number;
}

/** `x` above 0, below it a slope that is learned. He et al., 2015. `torch.nn.PReLU`. */
export class PReLU extends Module {
  readonly weight: Parameter; // [numParameters]

  constructor(options: PReLUOptions = {}) {
    super();
    const weight = parameter([options.numParameters ?? 1], options);
    this.weight = init.constant(weight, options.init ?? 0.25);
  }

  forward(x: Tensor): Tensor {
    const slope =
      x.ndim > 1 ? this.weight.reshape([-1, ...x.shape.slice(2).map(() => 1)]) : this.weight;
    return where(x.gt(0), x, x.mul(slope));
  }

  override extraRepr(): string {
    return showOptions({ numParameters: this.weight.size });
  }
}

/** `x` above 0, `α(eˣ - 1)` below. `torch.nn.ELU`. */
export class ELU extends Module {
  readonly alpha: number;

  constructor(alpha = 1) {
    super();
    this.alpha = alpha;
  }

  forward(x: Tensor): Tensor {
    return elu(x, this.alpha);
  }

  override extraRepr(): string {
    return showOptions({ alpha: this.alpha });
  }
}

/** `log(1 + e^(βx)) / β`. `torch.nn.Softplus`. */
export class Softplus extends Module {
  readonly beta: number;
  readonly threshold: number;

  constructor(options: SoftplusOptions = {}) {
    super();
    this.beta = options.beta ?? 1;
    this.threshold = options.threshold ?? 20;
  }

  forward(x: Tensor): Tensor {
    return softplus(x, { beta: this.beta, threshold: this.threshold });
  }

  override extraRepr(): string {
    return showOptions({ beta: this.beta, threshold: this.threshold });
  }
}

/** Exponentials that sum to 1 along `axis`. `torch.nn.Softmax`. */
export class Softmax extends Module {
  readonly axis: number;

  constructor(axis: number) {
    super();
    this.axis = axis;
  }

  forward(x: Tensor): Tensor {
    return softmax(x, this.axis);
  }

  override extraRepr(): string {
    return showOptions({ axis: this.axis });
  }
}

/** `log(softmax(x))` along `axis`. `torch.nn.LogSoftmax`. */
export class LogSoftmax extends Module {
  readonly axis: number;

  constructor(axis: number) {
    super();
    this.axis = axis;
  }

  forward(x: Tensor): Tensor {
    return logSoftmax(x, this.axis);
  }

  override extraRepr(): string {
    return showOptions({ axis: this.axis });
  }
}
