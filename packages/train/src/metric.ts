// Metrics: means over samples, kept as streams. They work inside fit and evaluate, and by hand:
// update() after each batch, result() at the end.
import { FlambeauError, type Tensor, arange, noGrad, scope } from "@flambeau/core";
import type { LossFunction } from "./model.ts";
import { RunningMean } from "./running-mean.ts";

/** A quantity of outputs and targets that is averaged over samples. */
export interface Metric {
  /** Its key in logs. */
  readonly name: string;
  /** One value per sample (or position); or the mean of the batch, 0-d. */
  measure(output: Tensor, target: Tensor): Tensor;
}

/** A metric with a running mean, for loops written by hand. */
export class MeanMetric implements Metric {
  readonly name: string;
  readonly measure: Metric["measure"];
  readonly #mean = new RunningMean();

  constructor(name: string, measure: Metric["measure"]) {
    this.name = name;
    this.measure = measure;
  }

  /** Takes a batch into account. Await it where the device is asynchronous. */
  update(output: Tensor, target: Tensor): void | Promise<void> {
    const values = scope(() => noGrad(() => this.measure(output, target)));
    return addMeasured(this.#mean, values, target);
  }

  /** The mean over all batches since the last reset. */
  result(): Promise<number> {
    return this.#mean.result();
  }

  reset(): void {
    this.#mean.reset();
  }
}

/** Adds what a metric measured of a batch with this target. */
export function addMeasured(
  mean: RunningMean,
  values: Tensor,
  target: Tensor,
): void | Promise<void> {
  return mean.add(values, values.ndim === 0 ? (target.shape[0] ?? 1) : undefined);
}

/** How often the largest output along axis 1 is at the target's class. */
export const accuracy = (): MeanMetric =>
  new MeanMetric("accuracy", (output, target) => output.argmax(1).eq(target));

/** How often the target's class is among the `k` largest outputs along axis 1. */
export function topKAccuracy(k = 5): MeanMetric {
  if (!(Number.isInteger(k) && k >= 1)) {
    throw new FlambeauError(`topKAccuracy: k must be a positive integer, got ${k}.`);
  }
  return new MeanMetric(`top${k}Accuracy`, (output, target) => {
    // In the top k: fewer than k classes score higher than the target's.
    const rows = arange(0, target.size, { dtype: "int32", device: target.device });
    const scores = output.at(rows, target).unsqueeze(1); // [samples, 1]
    return output.gt(scores).cast("int32").sum(1).lt(k);
  });
}

/** The mean of a loss, as a metric. */
export const meanLoss = (loss: LossFunction, name = "meanLoss"): MeanMetric =>
  new MeanMetric(name, loss);
