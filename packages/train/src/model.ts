// What training needs of a model, an optimizer and data. Modules of packages/nn and optimizers of
// packages/optim fit; so do plain functions and arrays of batches.
import type { Tensor } from "@flambeau/core";

/** A function of a tensor. Where it can be switched between training and evaluation, it is. */
export interface Model {
  (input: Tensor): Tensor;
  readonly training?: boolean;
  train?(mode?: boolean): unknown;
}

export interface OptimizerLike {
  zeroGrad(): unknown;
  step(): unknown;
}

/** The mean loss of a batch, 0-d. */
export type LossFunction = (output: Tensor, target: Tensor) => Tensor;

/** Pairs of inputs and targets: a DataLoader, an array, a generator function's result. */
export type Batches =
  | AsyncIterable<readonly [Tensor, Tensor]>
  | Iterable<readonly [Tensor, Tensor]>;

/** Number of batches, where the data know it. */
export function batchCount(data: object): number | undefined {
  const { length } = data as { length?: unknown };
  return typeof length === "number" ? length : undefined;
}

/** Number of samples in all batches, where the data know it. */
export function sampleCount(data: object): number | undefined {
  const { dataset, dropLast, batchSize } = data as {
    dataset?: { length: number };
    dropLast?: boolean;
    batchSize?: number;
  };
  if (dataset === undefined) return undefined;
  return dropLast ? batchCount(data)! * batchSize! : dataset.length;
}

/** Switches a model to a mode; gives the function that switches it back. */
export function switchMode(model: Model, training: boolean): () => void {
  const before = model.training;
  if (before === undefined || before === training) return () => {};
  model.train?.(training);
  return () => model.train?.(before);
}
