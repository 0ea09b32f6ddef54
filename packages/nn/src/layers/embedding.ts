// Tables of vectors.
import { type Parameter, type Tensor, embedding } from "@flambeau/core";
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
  readonly weight: Parameter; // [count, size]

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
