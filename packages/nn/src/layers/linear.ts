// Linear maps of the last axis.
import { type Parameter, type Tensor, linear } from "@flambeau/core";
import * as init from "../init.ts";
import { Module } from "../module.ts";
import { showOptions } from "../outline.ts";
import { type LayerOptions, fillWeights, parameter } from "./parameter.ts";

export interface LinearOptions extends LayerOptions {
  /** Default true. */
  readonly bias?: boolean;
}

/** `x · weightᵀ + bias`: [..., inFeatures] → [..., outFeatures]. `torch.nn.Linear`. */
export class Linear extends Module {
  readonly inFeatures: number;
  readonly outFeatures: number;
  weight: Parameter; // [outFeatures, inFeatures]; assign another layer's to share it
  readonly bias: Parameter | undefined; // [outFeatures]

  constructor(inFeatures: number, outFeatures: number, options: LinearOptions = {}) {
    super();
    this.inFeatures = inFeatures;
    this.outFeatures = outFeatures;
    this.weight = parameter([outFeatures, inFeatures], options);
    this.bias = options.bias === false ? undefined : parameter([outFeatures], options);
    fillWeights(this.weight, this.bias, options);
  }

  forward(x: Tensor): Tensor {
    return linear(x, this.weight, this.bias);
  }

  override extraRepr(): string {
    const { inFeatures, outFeatures } = this;
    return showOptions({ inFeatures, outFeatures, bias: this.bias !== undefined });
  }
}

/** `x₁ᵀ W x₂ + bias` for each output: [..., in1], [..., in2] → [..., out]. `torch.nn.Bilinear`. */
export class Bilinear extends Module {
  readonly weight: Parameter; // [outFeatures, in1Features, in2Features]
  readonly bias: Parameter | undefined; // [outFeatures]

  constructor(
    in1Features: number,
    in2Features: number,
    outFeatures: number,
    options: LinearOptions = {},
  ) {
    super();
    const bound = 1 / Math.sqrt(in1Features);
    const limits = { ...options, low: -bound, high: bound };
    this.weight = init.uniform(parameter([outFeatures, in1Features, in2Features], options), limits);
    this.bias =
      options.bias === false ? undefined : init.uniform(parameter([outFeatures], options), limits);
  }

  forward(first: Tensor, second: Tensor): Tensor {
    const mapped = first.unsqueeze(-2).unsqueeze(-2).matmul(this.weight); // [..., out, 1, in2]
    const y = mapped.matmul(second.unsqueeze(-1).unsqueeze(-3)).squeeze(-1).squeeze(-1);
    return this.bias === undefined ? y : y.add(this.bias);
  }

  override extraRepr(): string {
    const [outFeatures, in1Features, in2Features] = this.weight.shape;
    const bias = this.bias !== undefined;
    return showOptions({ in1Features, in2Features, outFeatures, bias });
  }
}
