// What all losses share. The losses are in losses.ts, margin-losses.ts and probability-losses.ts.
import type { LossOptions, LossReduction, Tensor } from "@flambeau/core";
import { Buffer } from "./buffer.ts";
import { stateOf } from "./layers/parameter.ts";
import { Module } from "./module.ts";

/** Weights move with the module and are saved, as PyTorch's. */
export const weightOf = (weight: Tensor | undefined): Buffer | undefined =>
  weight && stateOf(() => new Buffer(weight));

export abstract class Loss extends Module {
  readonly reduction: LossReduction;

  constructor(options: LossOptions) {
    super();
    this.reduction = options.reduction ?? "mean";
  }
}
