// Attention with several heads. Encoders and decoders made of it are in transformer.ts.
import {
  DTypeError,
  FlambeauError,
  type Generator,
  type Parameter,
  ShapeError,
  type Tensor,
  concat,
  dropout,
  linear,
  logicalNot,
  scaledDotProductAttention,
  scope,
  where,
  zeros,
} from "@flambeau/core";
import { attentionWeights } from "@flambeau/core/extension";
import * as init from "../init.ts";
import { Module } from "../module.ts";
import { showOptions } from "../outline.ts";
import { Linear } from "./linear.ts";
import { type LayerOptions, parameter } from "./parameter.ts";

export interface MultiheadAttentionOptions extends LayerOptions {
  /** Probability of dropping a weight, in training. Default 0. */
  readonly dropout?: number;
  /** Default true. */
  readonly bias?: boolean;
  /** Learned key and value that are added to every sequence. Default false. */
  readonly addBiasKv?: boolean;
  /** A key and value of zeros that are added to every sequence. Default false. */
  readonly addZeroAttn?: boolean;
  /** Size of keys. Default `embedDim`. */
  readonly kdim?: number | null;
  /** Size of values. Default `embedDim`. */
  readonly vdim?: number | null;
  /** Tensors are `[batch, length, size]`. Default false: `[length, batch, size]`. */
  readonly batchFirst?: boolean;
}

export interface MultiheadAttentionCall {
  /** bool, true where a key counts nothing; or numbers that are added. [batch, keys] or [keys]. */
  readonly keyPaddingMask?: Tensor;
  /** Whether the weights are returned. Default true; without them they are never averaged. */
  readonly needWeights?: boolean;
  /**
   * bool, true where a query may not look at a key (the opposite of `scaledDotProductAttention`, as
   * in PyTorch); or numbers that are added. [queries, keys] or [batch · heads, queries, keys].
   */
  readonly mask?: Tensor;
  /** Whether weights are averaged over heads. Default true. */
  readonly averageWeights?: boolean;
  /** Query i looks at keys 0 … i; needs no mask. Default false. */
  readonly causal?: boolean;
}

/** PyTorch's meaning of a bool mask, turned around. */
const allowed = (mask: Tensor): Tensor => {
  if (mask.dtype === "bool") return logicalNot(mask);
  if (mask.dtype.includes("float")) return mask;
  throw new DTypeError(
    `MultiheadAttention: masks are bool or float, got ${mask.dtype}. Compare it, for instance mask.ne(0).`,
  );
};

/** Both masks as one. */
function joined(a: Tensor | undefined, b: Tensor | undefined): Tensor | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  if (a.dtype === "bool" && b.dtype === "bool") return a.logicalAnd(b);
  if (a.dtype === "bool") return where(a, b, -Infinity);
  return b.dtype === "bool" ? where(b, a, -Infinity) : a.add(b);
}

/**
 * Attention of queries to keys in several heads, each with its own linear maps: query
 * [queries, batch, embedDim], key [keys, batch, kdim], value [keys, batch, vdim] →
 * [queries, batch, embedDim] and the weights [batch, queries, keys]. `torch.nn.MultiheadAttention`.
 */
export class MultiheadAttention extends Module {
  readonly embedDim: number;
  readonly numHeads: number;
  readonly dropout: number;
  readonly batchFirst: boolean;
  readonly addZeroAttn: boolean;
  readonly generator: Generator | undefined;
  readonly inProjWeight: Parameter | undefined; // [3 · embedDim, embedDim]
  readonly qProjWeight: Parameter | undefined; // [embedDim, embedDim]
  readonly kProjWeight: Parameter | undefined; // [embedDim, kdim]
  readonly vProjWeight: Parameter | undefined; // [embedDim, vdim]
  readonly inProjBias: Parameter | undefined; // [3 · embedDim]
  readonly biasK: Parameter | undefined; // [1, 1, embedDim]
  readonly biasV: Parameter | undefined; // [1, 1, embedDim]
  readonly outProj: Linear;

  constructor(embedDim: number, numHeads: number, options: MultiheadAttentionOptions = {}) {
    super();
    const { bias = true } = options;
    if (!(embedDim > 0 && numHeads > 0) || embedDim % numHeads !== 0) {
      throw new FlambeauError(
        `MultiheadAttention: embedDim must be a multiple of numHeads, got ${embedDim} and ${numHeads}.`,
      );
    }
    this.embedDim = embedDim;
    this.numHeads = numHeads;
    this.dropout = options.dropout ?? 0;
    this.batchFirst = options.batchFirst ?? false;
    this.addZeroAttn = options.addZeroAttn ?? false;
    this.generator = options.generator;
    const [kdim, vdim] = [options.kdim ?? embedDim, options.vdim ?? embedDim];
    const weight = (rows: number, columns: number) =>
      init.xavierUniform(parameter([rows, columns], options), options);
    if (kdim === embedDim && vdim === embedDim) this.inProjWeight = weight(3 * embedDim, embedDim);
    else {
      this.qProjWeight = weight(embedDim, embedDim);
      this.kProjWeight = weight(embedDim, kdim);
      this.vProjWeight = weight(embedDim, vdim);
    }
    if (bias) this.inProjBias = parameter([3 * embedDim], options);
    if (options.addBiasKv) {
      const extra = () => init.xavierNormal(parameter([1, 1, embedDim], options), options);
      this.biasK = extra();
      this.biasV = extra();
    }
    this.outProj = new Linear(embedDim, embedDim, { ...options, bias });
    if (this.outProj.bias !== undefined) init.zeros(this.outProj.bias);
  }

  forward(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    options: MultiheadAttentionCall = {},
  ): [output: Tensor, weights: Tensor | undefined] {
    this.#requireInputs(query, key, value);
    // The map at the end is a module, whose hooks may keep what they see.
    const [rows, weights] = scope(() => this.#attend(query, key, value, options));
    return [this.outProj(rows), weights];
  }

  /** What the heads see, side by side, in the layout of the query; and the weights. */
  #attend(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    options: MultiheadAttentionCall,
  ): [Tensor, Tensor | undefined] {
    const { needWeights = true, averageWeights = true } = options;
    const isBatch = query.ndim === 3;
    let [q, k, v] = this.#project(query, key, value).map((x) =>
      isBatch ? (this.batchFirst ? x : x.transpose(0, 1)) : x.unsqueeze(0),
    ) as [Tensor, Tensor, Tensor]; // [batch, length, embedDim]
    const [batch, queries] = q.shape as [number, number];
    const own = k.shape[1]!;
    [k, v] = this.#extended(k, v, batch);
    const mask = this.#mask(options, [batch, queries, own], k.shape[1]! - own);
    [q, k, v] = [q, k, v].map((x) => this.#heads(x)) as [Tensor, Tensor, Tensor];
    const causal = (options.causal ?? false) && mask === undefined;
    const p = this.training ? this.dropout : 0;
    const { generator } = this;
    let weights: Tensor | undefined;
    let mixed: Tensor;
    if (needWeights) {
      const scores = q.matmul(k.transpose(-1, -2)); // [batch, heads, queries, keys]
      const scale = 1 / Math.sqrt(this.embedDim / this.numHeads);
      weights = attentionWeights("MultiheadAttention", scores, { mask, causal, scale });
      if (p > 0) weights = dropout(weights, p, { generator });
      mixed = weights.matmul(v);
      if (averageWeights) weights = weights.mean(1);
      if (!isBatch) weights = weights.squeeze(0);
    } else {
      mixed = scaledDotProductAttention(q, k, v, { mask, causal, dropout: p, generator });
    }
    const rows = mixed.transpose(1, 2).reshape([batch, queries, this.embedDim]);
    const laid = isBatch ? (this.batchFirst ? rows : rows.transpose(0, 1)) : rows.squeeze(0);
    return [laid, weights];
  }

  #requireInputs(query: Tensor, key: Tensor, value: Tensor): void {
    const { embedDim } = this;
    const [kdim, vdim] = [
      this.kProjWeight?.shape[1] ?? embedDim,
      this.vProjWeight?.shape[1] ?? embedDim,
    ];
    const inputs = [query, key, value];
    const sizes = [embedDim, kdim, vdim];
    const ndim = query.ndim;
    if (
      (ndim === 2 || ndim === 3) &&
      inputs.every((x, i) => x.ndim === ndim && x.shape.at(-1) === sizes[i])
    )
      return;
    throw new ShapeError(
      `MultiheadAttention: expected query, key and value of ${this.batchFirst ? "[batch, length" : "[length, batch"}, ` +
        `size] (or [length, size]) with sizes ${sizes.join(", ")}, got ` +
        `${inputs.map((x) => `[${x.shape.join(", ")}]`).join(", ")}.`,
    );
  }

  /** The three linear maps; those of equal inputs are one product. */
  #project(query: Tensor, key: Tensor, value: Tensor): Tensor[] {
    const { embedDim: size, inProjWeight, inProjBias } = this;
    const bias = (from: number, to: number) =>
      inProjBias?.slice(0, { start: from * size, end: to * size });
    if (inProjWeight === undefined) {
      const weights = [this.qProjWeight!, this.kProjWeight!, this.vProjWeight!];
      return [query, key, value].map((x, i) => linear(x, weights[i]!, bias(i, i + 1)));
    }
    const weight = (from: number, to: number) =>
      inProjWeight.slice(0, { start: from * size, end: to * size });
    if (query === key && key === value) return linear(query, inProjWeight, inProjBias).chunk(3, -1);
    const first = linear(query, weight(0, 1), bias(0, 1));
    if (key === value) return [first, ...linear(key, weight(1, 3), bias(1, 3)).chunk(2, -1)];
    return [first, linear(key, weight(1, 2), bias(1, 2)), linear(value, weight(2, 3), bias(2, 3))];
  }

  /** Keys and values `[batch, keys, embedDim]` with those that are added. */
  #extended(key: Tensor, value: Tensor, batch: number): [Tensor, Tensor] {
    const { embedDim } = this;
    const more = (x: Tensor, learned: Parameter | undefined): Tensor => {
      const parts = [x];
      if (learned !== undefined) parts.push(learned.expand([batch, 1, embedDim]));
      if (this.addZeroAttn)
        parts.push(zeros([batch, 1, embedDim], { dtype: x.dtype, device: x.device }));
      return parts.length === 1 ? x : concat(parts, 1);
    };
    return [more(key, this.biasK), more(value, this.biasV)];
  }

  /** `[batch, length, embedDim]` → `[batch, heads, length, size]`, a view. */
  #heads(x: Tensor): Tensor {
    const [batch, length] = x.shape as [number, number];
    return x.reshape([batch, length, this.numHeads, -1]).transpose(1, 2);
  }

  /** One mask for all heads and keys, true where a query may look; `added` keys are open to all. */
  #mask(
    { mask, keyPaddingMask, causal = false }: MultiheadAttentionCall,
    [batch, queries, keys]: readonly [number, number, number],
    added: number,
  ): Tensor | undefined {
    const { numHeads: heads } = this;
    let own = mask && allowed(mask);
    if (own?.ndim === 3) own = own.reshape([batch, heads, queries, keys]);
    let padding = keyPaddingMask && allowed(keyPaddingMask);
    if (padding !== undefined) {
      const expected = padding.ndim === 1 ? [1, keys] : [batch, keys];
      if (padding.size !== expected[0]! * keys) {
        throw new ShapeError(
          `MultiheadAttention: expected a keyPaddingMask [batch, keys] of shape [${batch}, ${keys}], got ` +
            `[${padding.shape.join(", ")}].`,
        );
      }
      padding = padding.reshape([expected[0]!, 1, 1, keys]);
    }
    let both = joined(own, padding);
    if (both === undefined && added === 0) return undefined;
    if (both === undefined && !causal) return undefined;
    if (causal) {
      const open = zeros([queries, keys], { dtype: "bool", device: this.outProj.weight.device });
      both = joined(both, logicalNot(open).tril());
    }
    if (added === 0) return both;
    const fill = both!.dtype === "bool" ? 1 : 0;
    return both!.pad([0, added], { value: fill });
  }

  override extraRepr(): string {
    const { embedDim, numHeads, batchFirst } = this;
    return showOptions({
      embedDim,
      numHeads,
      ...(this.dropout > 0 && { dropout: this.dropout }),
      batchFirst,
    });
  }
}
