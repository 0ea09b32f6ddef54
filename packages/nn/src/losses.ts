// Losses as modules: options at construction, `loss(input, target)` when called. Those with margins are
// in margin-losses.ts, those between distributions in probability-losses.ts.
import {
  type ClassOptions,
  type CrossEntropyOptions,
  type HuberOptions,
  type LogitsOptions,
  type LossOptions,
  type SmoothL1Options,
  type Tensor,
  binaryCrossEntropy,
  binaryCrossEntropyWithLogits,
  crossEntropy,
  huberLoss,
  l1Loss,
  mseLoss,
  nllLoss,
  smoothL1Loss,
} from "@flambeau/core";
import type { Buffer } from "./buffer.ts";
import { Loss, weightOf } from "./loss.ts";

/** Squared error. `torch.nn.MSELoss`. */
export class MSELoss extends Loss {
  constructor(options: LossOptions = {}) {
    super(options);
  }

  forward(input: Tensor, target: Tensor): Tensor {
    return mseLoss(input, target, { reduction: this.reduction });
  }
}

/** Absolute error. `torch.nn.L1Loss`. */
export class L1Loss extends Loss {
  constructor(options: LossOptions = {}) {
    super(options);
  }

  forward(input: Tensor, target: Tensor): Tensor {
    return l1Loss(input, target, { reduction: this.reduction });
  }
}

/** Squared below `beta`, absolute above. `torch.nn.SmoothL1Loss`. */
export class SmoothL1Loss extends Loss {
  readonly beta: number;

  constructor(options: SmoothL1Options = {}) {
    super(options);
    this.beta = options.beta ?? 1;
  }

  forward(input: Tensor, target: Tensor): Tensor {
    return smoothL1Loss(input, target, { reduction: this.reduction, beta: this.beta });
  }
}

/** Squared near zero, absolute beyond `delta`. `torch.nn.HuberLoss`. */
export class HuberLoss extends Loss {
  readonly delta: number;

  constructor(options: HuberOptions = {}) {
    super(options);
    this.delta = options.delta ?? 1;
  }

  forward(input: Tensor, target: Tensor): Tensor {
    return huberLoss(input, target, { reduction: this.reduction, delta: this.delta });
  }
}

/** Of logits [batch, classes, …] and class indices or probabilities. `torch.nn.CrossEntropyLoss`. */
export class CrossEntropyLoss extends Loss {
  readonly weight: Buffer | undefined; // [classes]
  readonly ignoreIndex: number;
  readonly labelSmoothing: number;

  constructor(options: CrossEntropyOptions = {}) {
    super(options);
    this.weight = weightOf(options.weight);
    this.ignoreIndex = options.ignoreIndex ?? -100;
    this.labelSmoothing = options.labelSmoothing ?? 0;
  }

  forward(input: Tensor, target: Tensor): Tensor {
    const { weight, ignoreIndex, labelSmoothing, reduction } = this;
    return crossEntropy(input, target, { weight, ignoreIndex, labelSmoothing, reduction });
  }
}

/** Of log-probabilities [batch, classes, …] and class indices. `torch.nn.NLLLoss`. */
export class NLLLoss extends Loss {
  readonly weight: Buffer | undefined; // [classes]
  readonly ignoreIndex: number;

  constructor(options: ClassOptions = {}) {
    super(options);
    this.weight = weightOf(options.weight);
    this.ignoreIndex = options.ignoreIndex ?? -100;
  }

  forward(input: Tensor, target: Tensor): Tensor {
    const { weight, ignoreIndex, reduction } = this;
    return nllLoss(input, target, { weight, ignoreIndex, reduction });
  }
}

/** Of probabilities and targets in [0, 1]. `torch.nn.BCELoss`. */
export class BCELoss extends Loss {
  readonly weight: Buffer | undefined;

  constructor(options: Omit<LogitsOptions, "posWeight"> = {}) {
    super(options);
    this.weight = weightOf(options.weight);
  }

  forward(input: Tensor, target: Tensor): Tensor {
    return binaryCrossEntropy(input, target, { weight: this.weight, reduction: this.reduction });
  }
}

/** Of logits and targets in [0, 1], without overflow. `torch.nn.BCEWithLogitsLoss`. */
export class BCEWithLogitsLoss extends Loss {
  readonly weight: Buffer | undefined;
  readonly posWeight: Buffer | undefined;

  constructor(options: LogitsOptions = {}) {
    super(options);
    this.weight = weightOf(options.weight);
    this.posWeight = weightOf(options.posWeight);
  }

  forward(input: Tensor, target: Tensor): Tensor {
    const { weight, posWeight, reduction } = this;
    return binaryCrossEntropyWithLogits(input, target, { weight, posWeight, reduction });
  }
}
