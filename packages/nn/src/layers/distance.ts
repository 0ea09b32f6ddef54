// Layers that compare vectors.
import { type Tensor, cosineSimilarity, pairwiseDistance } from "@flambeau/core";
import { Module } from "../module.ts";
import { showOptions } from "../outline.ts";

export interface CosineSimilarityOptions {
  /** Where the vectors lie. Default 1. */
  readonly axis?: number;
  /** The least product of lengths. Default 1e-8. */
  readonly eps?: number;
}

/** The cosine of the angle between vectors along an axis, which goes. `torch.nn.CosineSimilarity`. */
export class CosineSimilarity extends Module {
  readonly axis: number;
  readonly eps: number;

  constructor({ axis = 1, eps = 1e-8 }: CosineSimilarityOptions = {}) {
    super();
    this.axis = axis;
    this.eps = eps;
  }

  forward(first: Tensor, second: Tensor): Tensor {
    return cosineSimilarity(first, second, { axis: this.axis, eps: this.eps });
  }

  override extraRepr(): string {
    return showOptions({ axis: this.axis, eps: this.eps });
  }
}

export interface PairwiseDistanceOptions {
  /** The norm. Default 2. */
  readonly p?: number;
  /** Added to differences. Default 1e-6. */
  readonly eps?: number;
  /** Keeps the last axis with length 1. Default false. */
  readonly keepDims?: boolean;
}

/** The p-norm of differences along the last axis. `torch.nn.PairwiseDistance`. */
export class PairwiseDistance extends Module {
  readonly options: PairwiseDistanceOptions;

  constructor(options: PairwiseDistanceOptions = {}) {
    super();
    this.options = { p: 2, eps: 1e-6, ...options };
  }

  forward(first: Tensor, second: Tensor): Tensor {
    return pairwiseDistance(first, second, this.options);
  }

  override extraRepr(): string {
    return showOptions({ ...this.options });
  }
}
