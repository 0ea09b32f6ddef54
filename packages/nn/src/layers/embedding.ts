// Tables of vectors.
import { type Parameter, type Tensor, embedding, embeddingBag } from "@flambeau/core";
import * as init from "../init.ts";
import { Module } from "../module.ts";
import { showOptions } from "../outline.ts";
import { type LayerOptions, parameter } from "./parameter.ts";

export interface EmbeddingLayerOptions extends LayerOptions {
  /** A row of zeros that does not learn. */
  readonly paddingIndex?: number;
}

/** Rows of a table by integer: [...] → [..., size]. `torch.nn.Embedding`. */
export class Embedding extends Module {
  readonly count: number;
  readonly size: number;
  readonly paddingIndex: number | undefined;
  weight: Parameter; // [count, size]; assign another layer's to share it

  constructor(count: number, size: number, options: EmbeddingLayerOptions = {}) {
    super();
    this.count = count;
    this.size = size;
    this.paddingIndex = options.paddingIndex;
    this.weight = init.normal(parameter([count, size], options), options);
    if (this.paddingIndex !== undefined) this.weight.setAt([this.paddingIndex], 0);
  }

  forward(index: Tensor): Tensor {
    return embedding(this.weight, index, { paddingIndex: this.paddingIndex });
  }

  override extraRepr(): string {
    const { count, size, paddingIndex } = this;
    return `${count}, ${size}${paddingIndex === undefined ? "" : `, ${showOptions({ paddingIndex })}`}`;
  }
}

export interface EmbeddingBagLayerOptions extends EmbeddingLayerOptions {
  /** Default `mean`. */
  readonly mode?: "sum" | "mean" | "max";
  /** The last offset is the end of the last bag. Default false. */
  readonly includeLastOffset?: boolean;
}

/**
 * Rows of a table, reduced by bags: [bags, length] (or [all] with the offsets of bags) → [bags, size].
 * `torch.nn.EmbeddingBag`.
 */
export class EmbeddingBag extends Embedding {
  readonly mode: "sum" | "mean" | "max";
  readonly includeLastOffset: boolean;

  constructor(count: number, size: number, options: EmbeddingBagLayerOptions = {}) {
    super(count, size, options);
    this.mode = options.mode ?? "mean";
    this.includeLastOffset = options.includeLastOffset ?? false;
  }

  override forward(index: Tensor, offsets?: Tensor, perSampleWeights?: Tensor): Tensor {
    const { mode, includeLastOffset, paddingIndex } = this;
    const options = { mode, includeLastOffset, paddingIndex, perSampleWeights };
    return embeddingBag(this.weight, index, offsets, options);
  }

  override extraRepr(): string {
    return `${super.extraRepr()}, ${showOptions({ mode: this.mode })}`;
  }
}
