// Encoders and decoders of attention. Vaswani et al., 2017.
import { FlambeauError, type Tensor, full, gelu, relu } from "@flambeau/core";
import * as init from "../init.ts";
import { Module } from "../module.ts";
import { MultiheadAttention } from "./attention.ts";
import { ModuleList } from "./container.ts";
import { Dropout } from "./dropout.ts";
import { Linear } from "./linear.ts";
import { LayerNorm } from "./normalization.ts";
import type { LayerOptions } from "./parameter.ts";

export interface TransformerLayerOptions extends LayerOptions {
  /** Size between the two linear layers. Default 2048. */
  readonly dimFeedforward?: number;
  /** Default 0.1. */
  readonly dropout?: number;
  /** Default `relu`. */
  readonly activation?: "relu" | "gelu" | ((x: Tensor) => Tensor);
  /** Default 1e-5. */
  readonly layerNormEps?: number;
  /** Tensors are `[batch, length, size]`. Default false: `[length, batch, size]`. */
  readonly batchFirst?: boolean;
  /** Normalizes before attention and linear layers, not after. Default false. */
  readonly normFirst?: boolean;
  /** Default true. */
  readonly bias?: boolean;
}

/** Masks are as those of `MultiheadAttention`: bool ones are true where nothing is looked at. */
export interface EncoderLayerMasks {
  readonly srcMask?: Tensor;
  readonly srcKeyPaddingMask?: Tensor;
  /** Each position looks at earlier ones and itself. Default false. */
  readonly causal?: boolean;
}

export interface EncoderMasks {
  readonly mask?: Tensor;
  readonly srcKeyPaddingMask?: Tensor;
  readonly causal?: boolean;
}

export interface DecoderMasks {
  readonly tgtMask?: Tensor;
  readonly memoryMask?: Tensor;
  readonly tgtKeyPaddingMask?: Tensor;
  readonly memoryKeyPaddingMask?: Tensor;
  /** Each target position looks at earlier ones and itself. Default false. */
  readonly tgtCausal?: boolean;
  readonly memoryCausal?: boolean;
}

const activations = { relu, gelu } as const;

function activationOf(
  given: TransformerLayerOptions["activation"] = "relu",
): (x: Tensor) => Tensor {
  if (typeof given === "function") return given;
  if (Object.hasOwn(activations, given)) return activations[given];
  throw new FlambeauError(
    `Transformer: activation is "relu", "gelu" or a function, got ${JSON.stringify(given)}.`,
  );
}

/** What encoder and decoder layers share: attention to oneself, and two linear layers. */
abstract class TransformerLayer extends Module {
  readonly selfAttn: MultiheadAttention;
  /** Of decoders alone. */
  readonly multiheadAttn: MultiheadAttention | undefined;
  readonly linear1: Linear;
  readonly dropout: Dropout;
  readonly linear2: Linear;
  readonly normFirst: boolean;
  readonly #activation: (x: Tensor) => Tensor;

  constructor(
    dModel: number,
    nhead: number,
    options: TransformerLayerOptions & { readonly hasMemory: boolean },
  ) {
    super();
    const { dimFeedforward = 2048, activation: _, ...rest } = options;
    const attention = () =>
      new MultiheadAttention(dModel, nhead, { ...rest, dropout: options.dropout ?? 0.1 });
    this.selfAttn = attention();
    this.multiheadAttn = options.hasMemory ? attention() : undefined;
    this.linear1 = new Linear(dModel, dimFeedforward, options);
    this.dropout = this.drop(options);
    this.linear2 = new Linear(dimFeedforward, dModel, options);
    this.normFirst = options.normFirst ?? false;
    this.#activation = activationOf(options.activation);
  }

  protected drop({ dropout: p = 0.1, generator }: TransformerLayerOptions): Dropout {
    return new Dropout(p, { generator });
  }

  protected norm(
    dModel: number,
    { layerNormEps: eps = 1e-5, ...options }: TransformerLayerOptions,
  ): LayerNorm {
    return new LayerNorm([dModel], { ...options, eps });
  }

  protected feedForward(x: Tensor): Tensor {
    return this.linear2(this.dropout(this.#activation(this.linear1(x))));
  }

  /** `x + part(norm(x))` or `norm(x + part(x))`. */
  protected residual(x: Tensor, norm: LayerNorm, part: (x: Tensor) => Tensor): Tensor {
    return this.normFirst ? x.add(part(norm(x))) : norm(x.add(part(x)));
  }

  /** A layer of its own with equal parameters. */
  abstract copy(): TransformerLayer;
}

/** Attention and two linear layers: [length, batch, dModel]. `torch.nn.TransformerEncoderLayer`. */
export class TransformerEncoderLayer extends TransformerLayer {
  readonly norm1: LayerNorm;
  readonly norm2: LayerNorm;
  readonly dropout1: Dropout;
  readonly dropout2: Dropout;
  readonly #copy: () => TransformerEncoderLayer;

  constructor(dModel: number, nhead: number, options: TransformerLayerOptions = {}) {
    super(dModel, nhead, { ...options, hasMemory: false });
    this.norm1 = this.norm(dModel, options);
    this.norm2 = this.norm(dModel, options);
    this.dropout1 = this.drop(options);
    this.dropout2 = this.drop(options);
    this.#copy = () => new TransformerEncoderLayer(dModel, nhead, options);
  }

  forward(src: Tensor, masks: EncoderLayerMasks = {}): Tensor {
    const options = { mask: masks.srcMask, keyPaddingMask: masks.srcKeyPaddingMask, causal: masks.causal, needWeights: false };
    const x = this.residual(src, this.norm1, (y) => this.dropout1(this.selfAttn(y, y, y, options)[0]));
    return this.residual(x, this.norm2, (y) => this.dropout2(this.feedForward(y)));
  }

  override copy(): TransformerEncoderLayer {
    return copied(this, this.#copy());
  }
} // prettier-ignore

/** As an encoder layer, with attention to a memory between. `torch.nn.TransformerDecoderLayer`. */
export class TransformerDecoderLayer extends TransformerLayer {
  declare readonly multiheadAttn: MultiheadAttention;
  readonly norm1: LayerNorm;
  readonly norm2: LayerNorm;
  readonly norm3: LayerNorm;
  readonly dropout1: Dropout;
  readonly dropout2: Dropout;
  readonly dropout3: Dropout;
  readonly #copy: () => TransformerDecoderLayer;

  constructor(dModel: number, nhead: number, options: TransformerLayerOptions = {}) {
    super(dModel, nhead, { ...options, hasMemory: true });
    this.norm1 = this.norm(dModel, options);
    this.norm2 = this.norm(dModel, options);
    this.norm3 = this.norm(dModel, options);
    this.dropout1 = this.drop(options);
    this.dropout2 = this.drop(options);
    this.dropout3 = this.drop(options);
    this.#copy = () => new TransformerDecoderLayer(dModel, nhead, options);
  }

  forward(tgt: Tensor, memory: Tensor, masks: DecoderMasks = {}): Tensor {
    const own = { mask: masks.tgtMask, keyPaddingMask: masks.tgtKeyPaddingMask, causal: masks.tgtCausal, needWeights: false };
    const other = { mask: masks.memoryMask, keyPaddingMask: masks.memoryKeyPaddingMask, causal: masks.memoryCausal, needWeights: false };
    let x = this.residual(tgt, this.norm1, (y) => this.dropout1(this.selfAttn(y, y, y, own)[0]));
    x = this.residual(x, this.norm2, (y) => this.dropout2(this.multiheadAttn(y, memory, memory, other)[0]));
    return this.residual(x, this.norm3, (y) => this.dropout3(this.feedForward(y)));
  }

  override copy(): TransformerDecoderLayer {
    return copied(this, this.#copy());
  }
} // prettier-ignore

function copied<M extends Module>(from: M, to: M): M {
  to.loadStateDict(from.stateDict());
  return to.train(from.training);
}

/** Copies of a layer; each has parameters of its own. */
const repeated = <L extends TransformerLayer>(layer: L, count: number): ModuleList<L> =>
  new ModuleList(Array.from({ length: count }, () => layer.copy() as L));

export interface StackOptions {
  /** Normalizes the result. */
  readonly norm?: Module & { forward(x: Tensor): Tensor };
}

/** Encoder layers in a row, copies of one. `torch.nn.TransformerEncoder`. */
export class TransformerEncoder extends Module {
  readonly layers: ModuleList<TransformerEncoderLayer>;
  readonly norm: StackOptions["norm"];

  constructor(
    encoderLayer: TransformerEncoderLayer,
    numLayers: number,
    { norm }: StackOptions = {},
  ) {
    super();
    this.layers = repeated(encoderLayer, numLayers);
    this.norm = norm;
  }

  forward(src: Tensor, { mask, srcKeyPaddingMask, causal }: EncoderMasks = {}): Tensor {
    let x = src;
    for (const layer of this.layers) x = layer(x, { srcMask: mask, srcKeyPaddingMask, causal });
    return this.norm === undefined ? x : this.norm(x);
  }
}

/** Decoder layers in a row, copies of one. `torch.nn.TransformerDecoder`. */
export class TransformerDecoder extends Module {
  readonly layers: ModuleList<TransformerDecoderLayer>;
  readonly norm: StackOptions["norm"];

  constructor(
    decoderLayer: TransformerDecoderLayer,
    numLayers: number,
    { norm }: StackOptions = {},
  ) {
    super();
    this.layers = repeated(decoderLayer, numLayers);
    this.norm = norm;
  }

  forward(tgt: Tensor, memory: Tensor, masks: DecoderMasks = {}): Tensor {
    let x = tgt;
    for (const layer of this.layers) x = layer(x, memory, masks);
    return this.norm === undefined ? x : this.norm(x);
  }
}

export interface TransformerOptions extends TransformerLayerOptions {
  /** Default 512. */
  readonly dModel?: number;
  /** Default 8. */
  readonly nhead?: number;
  /** Default 6. */
  readonly numEncoderLayers?: number;
  /** Default 6. */
  readonly numDecoderLayers?: number;
  /** In place of the encoder, with its `forward`. */
  readonly customEncoder?: EncoderModule;
  /** In place of the decoder, with its `forward`. */
  readonly customDecoder?: DecoderModule;
}

export interface EncoderModule extends Module {
  forward(src: Tensor, masks?: EncoderMasks): Tensor;
}

export interface DecoderModule extends Module {
  forward(tgt: Tensor, memory: Tensor, masks?: DecoderMasks): Tensor;
}

export interface TransformerMasks extends DecoderMasks {
  readonly srcMask?: Tensor;
  readonly srcKeyPaddingMask?: Tensor;
  readonly srcCausal?: boolean;
}

/** An encoder and a decoder: src [source, batch, dModel], tgt [target, batch, dModel]. `torch.nn.Transformer`. */
export class Transformer extends Module {
  readonly encoder: EncoderModule;
  readonly decoder: DecoderModule;

  constructor(options: TransformerOptions = {}) {
    super();
    const { dModel = 512, nhead = 8, numEncoderLayers = 6, numDecoderLayers = 6 } = options;
    const norm = new LayerNorm([dModel], { ...options, eps: options.layerNormEps ?? 1e-5 });
    const otherNorm = new LayerNorm([dModel], { ...options, eps: options.layerNormEps ?? 1e-5 });
    const encoder = (): EncoderModule => {
      const layer = new TransformerEncoderLayer(dModel, nhead, options);
      return new TransformerEncoder(layer, numEncoderLayers, { norm });
    };
    const decoder = (): DecoderModule => {
      const layer = new TransformerDecoderLayer(dModel, nhead, options);
      return new TransformerDecoder(layer, numDecoderLayers, { norm: otherNorm });
    };
    this.encoder = options.customEncoder ?? encoder();
    this.decoder = options.customDecoder ?? decoder();
    for (const weight of this.parameters())
      if (weight.ndim > 1) init.xavierUniform(weight, options);
  }

  forward(src: Tensor, tgt: Tensor, masks: TransformerMasks = {}): Tensor {
    const { srcMask: mask, srcKeyPaddingMask, srcCausal: causal, ...others } = masks;
    return this.decoder(tgt, this.encoder(src, { mask, srcKeyPaddingMask, causal }), others);
  }

  /** `[size, size]`: 0 where a position may look, -∞ at later ones. To be added to scores. */
  static generateSquareSubsequentMask(size: number): Tensor {
    return full([size, size], -Infinity).triu(1);
  }
}
