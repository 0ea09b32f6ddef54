// Losses between distributions, and of sequences without alignment, as modules.
import {
  type CtcLengths,
  type CtcOptions,
  type GaussianOptions,
  type KlOptions,
  type PoissonOptions,
  type Tensor,
  ctcLoss,
  gaussianNllLoss,
  klDiv,
  poissonNllLoss,
} from "@flambeau/core";
import { Loss } from "./loss.ts";
import { Module } from "./module.ts";

/** Of log probabilities and probabilities. `torch.nn.KLDivLoss`. */
export class KLDivLoss extends Module {
  readonly reduction: NonNullable<KlOptions["reduction"]>;
  readonly logTarget: boolean;

  constructor(options: KlOptions = {}) {
    super();
    this.reduction = options.reduction ?? "mean";
    this.logTarget = options.logTarget ?? false;
  }

  forward(input: Tensor, target: Tensor): Tensor {
    return klDiv(input, target, { reduction: this.reduction, logTarget: this.logTarget });
  }
}

/** Of (logarithms of) rates and counts. `torch.nn.PoissonNLLLoss`. */
export class PoissonNLLLoss extends Loss {
  readonly logInput: boolean;
  readonly full: boolean;
  readonly eps: number;

  constructor(options: PoissonOptions = {}) {
    super(options);
    this.logInput = options.logInput ?? true;
    this.full = options.full ?? false;
    this.eps = options.eps ?? 1e-8;
  }

  forward(input: Tensor, target: Tensor): Tensor {
    const { logInput, full, eps, reduction } = this;
    return poissonNllLoss(input, target, { logInput, full, eps, reduction });
  }
}

/** Of means, targets and variances. `torch.nn.GaussianNLLLoss`. */
export class GaussianNLLLoss extends Loss {
  readonly full: boolean;
  readonly eps: number;

  constructor(options: GaussianOptions = {}) {
    super(options);
    this.full = options.full ?? false;
    this.eps = options.eps ?? 1e-6;
  }

  forward(input: Tensor, target: Tensor, variance: Tensor): Tensor {
    const { full, eps, reduction } = this;
    return gaussianNllLoss(input, target, variance, { full, eps, reduction });
  }
}

/** Of log probabilities [steps, batch, classes] and labels without alignment. `torch.nn.CTCLoss`. */
export class CTCLoss extends Loss {
  readonly blank: number;
  readonly zeroInfinity: boolean;

  constructor(options: Omit<CtcOptions, keyof CtcLengths> = {}) {
    super(options);
    this.blank = options.blank ?? 0;
    this.zeroInfinity = options.zeroInfinity ?? false;
  }

  forward(logProbs: Tensor, targets: Tensor, lengths: CtcLengths = {}): Tensor {
    const { blank, zeroInfinity, reduction } = this;
    return ctcLoss(logProbs, targets, { ...lengths, blank, zeroInfinity, reduction });
  }
}
