// Losses that ask for a margin, as modules.
import {
  type LossOptions,
  type MarginOptions,
  type MultiMarginOptions,
  type MultilabelOptions,
  type Tensor,
  type TripletDistanceOptions,
  type TripletMarginOptions,
  cosineEmbeddingLoss,
  hingeEmbeddingLoss,
  marginRankingLoss,
  multiMarginLoss,
  multilabelMarginLoss,
  multilabelSoftMarginLoss,
  softMarginLoss,
  tripletMarginLoss,
  tripletMarginWithDistanceLoss,
} from "@flambeau/core";
import type { Buffer } from "./buffer.ts";
import { Loss, weightOf } from "./loss.ts";

/** Of distances and targets 1 and -1; margin 1. `torch.nn.HingeEmbeddingLoss`. */
export class HingeEmbeddingLoss extends Loss {
  readonly margin: number;

  constructor(options: MarginOptions = {}) {
    super(options);
    this.margin = options.margin ?? 1;
  }

  forward(input: Tensor, target: Tensor): Tensor {
    return hingeEmbeddingLoss(input, target, { margin: this.margin, reduction: this.reduction });
  }
}

/** Of two lists of scores and which should be higher, 1 or -1; margin 0. `torch.nn.MarginRankingLoss`. */
export class MarginRankingLoss extends Loss {
  readonly margin: number;

  constructor(options: MarginOptions = {}) {
    super(options);
    this.margin = options.margin ?? 0;
  }

  forward(first: Tensor, second: Tensor, target: Tensor): Tensor {
    const { margin, reduction } = this;
    return marginRankingLoss(first, second, target, { margin, reduction });
  }
}

/** Of scores and targets 1 and -1. `torch.nn.SoftMarginLoss`. */
export class SoftMarginLoss extends Loss {
  constructor(options: LossOptions = {}) {
    super(options);
  }

  forward(input: Tensor, target: Tensor): Tensor {
    return softMarginLoss(input, target, { reduction: this.reduction });
  }
}

/** Of scores [batch, classes] and classes. `torch.nn.MultiMarginLoss`. */
export class MultiMarginLoss extends Loss {
  readonly p: 1 | 2;
  readonly margin: number;
  readonly weight: Buffer | undefined; // [classes]

  constructor(options: MultiMarginOptions = {}) {
    super(options);
    this.p = options.p ?? 1;
    this.margin = options.margin ?? 1;
    this.weight = weightOf(options.weight);
  }

  forward(input: Tensor, target: Tensor): Tensor {
    const { p, margin, weight, reduction } = this;
    return multiMarginLoss(input, target, { p, margin, weight, reduction });
  }
}

/** Of scores [batch, classes] and labels in front, then -1. `torch.nn.MultiLabelMarginLoss`. */
export class MultiLabelMarginLoss extends Loss {
  constructor(options: LossOptions = {}) {
    super(options);
  }

  forward(input: Tensor, target: Tensor): Tensor {
    return multilabelMarginLoss(input, target, { reduction: this.reduction });
  }
}

/** Of logits [batch, classes] and targets in [0, 1]. `torch.nn.MultiLabelSoftMarginLoss`. */
export class MultiLabelSoftMarginLoss extends Loss {
  readonly weight: Buffer | undefined; // [classes]

  constructor(options: MultilabelOptions = {}) {
    super(options);
    this.weight = weightOf(options.weight);
  }

  forward(input: Tensor, target: Tensor): Tensor {
    const { weight, reduction } = this;
    return multilabelSoftMarginLoss(input, target, { weight, reduction });
  }
}

/** Of two lists of vectors and whether they belong together, 1 or -1. `torch.nn.CosineEmbeddingLoss`. */
export class CosineEmbeddingLoss extends Loss {
  readonly margin: number;

  constructor(options: MarginOptions = {}) {
    super(options);
    this.margin = options.margin ?? 0;
  }

  forward(first: Tensor, second: Tensor, target: Tensor): Tensor {
    const { margin, reduction } = this;
    return cosineEmbeddingLoss(first, second, target, { margin, reduction });
  }
}

/** Of anchors, what should lie near them, and what should not. `torch.nn.TripletMarginLoss`. */
export class TripletMarginLoss extends Loss {
  readonly options: TripletMarginOptions;

  constructor(options: TripletMarginOptions = {}) {
    super(options);
    this.options = options;
  }

  forward(anchor: Tensor, positive: Tensor, negative: Tensor): Tensor {
    return tripletMarginLoss(anchor, positive, negative, this.options);
  }
}

/** The same with any distance. `torch.nn.TripletMarginWithDistanceLoss`. */
export class TripletMarginWithDistanceLoss extends Loss {
  readonly options: TripletDistanceOptions;

  constructor(options: TripletDistanceOptions = {}) {
    super(options);
    this.options = options;
  }

  forward(anchor: Tensor, positive: Tensor, negative: Tensor): Tensor {
    return tripletMarginWithDistanceLoss(anchor, positive, negative, this.options);
  }
}
