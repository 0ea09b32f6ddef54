// fit: the training loop. Its step is what one would write by hand; around it are epochs, metrics,
// callbacks, validation, and the memory of what each step made.
import { type Tensor, FlambeauError, noGrad, scope, settle } from "@flambeau/core";
import { breathe } from "@flambeau/data";
import type { Callback, TrainingRun } from "./callback.ts";
import { evaluate } from "./evaluate.ts";
import { History, type Logs, type Progress } from "./history.ts";
import { type Metric, addMeasured } from "./metric.ts";
import {
  type Batches, type LossFunction, type Model, type OptimizerLike, batchCount, sampleCount,
  switchMode,
} from "./model.ts"; // prettier-ignore
import { RunningMean } from "./running-mean.ts";

export interface FitOptions {
  readonly loss: LossFunction;
  readonly optimizer: OptimizerLike;
  /** Passes over the data; 1 by default. */
  readonly epochs?: number;
  /** Averaged over each epoch, beside the loss. */
  readonly metrics?: readonly Metric[];
  readonly callbacks?: readonly Callback[];
  /** Evaluated after each epoch; logged as valLoss, valAccuracy, … */
  readonly validation?: Batches;
  /** Aborting it ends training after the running step. */
  readonly signal?: AbortSignal;
  /** Continues where `run.progress()` or `loadCheckpoint` left off. */
  readonly resume?: Progress | undefined;
}

/** One step: what is measured of it, the loss first. */
function trainStep(
  model: Model,
  [input, target]: readonly [Tensor, Tensor],
  { loss, optimizer, metrics = [] }: FitOptions,
): Tensor[] {
  return scope(() => {
    optimizer.zeroGrad();
    const output = model(input);
    const value = loss(output, target);
    value.backward();
    optimizer.step();
    const result = output.detach();
    return [
      value.detach(),
      // Handles of their own: a metric may return a tensor that is not its to free.
      ...noGrad(() => metrics.map((metric) => metric.measure(result, target).detach())),
    ];
  });
}

class Run implements TrainingRun {
  readonly model: Model;
  readonly optimizer: OptimizerLike;
  readonly data: Batches;
  readonly epochs: number;
  readonly batches: number | undefined;
  readonly samples: number | undefined;
  readonly history: History;
  readonly means = new Map<string, RunningMean>();
  epoch: number;
  batch: number;
  step: number;
  samplesSeen = 0;

  constructor(model: Model, data: Batches, options: FitOptions) {
    const { resume } = options;
    this.model = model;
    this.optimizer = options.optimizer;
    this.data = data;
    this.epochs = options.epochs ?? 1;
    this.batches = batchCount(data);
    this.samples = sampleCount(data);
    this.history = new History(resume?.history);
    this.epoch = resume?.epoch ?? 0;
    this.batch = resume?.batch ?? 0;
    this.step = this.epoch * (this.batches ?? 0) + this.batch;
    for (const { name } of [{ name: "loss" }, ...(options.metrics ?? [])]) {
      if (this.means.has(name)) {
        throw new FlambeauError(`fit: two metrics are named ${JSON.stringify(name)}. Rename one.`);
      }
      const mean = new RunningMean(
        name === "loss" ? (value) => this.history.record(value) : undefined,
      );
      mean.reset(resume?.means[name]);
      this.means.set(name, mean);
    }
  }

  stop(reason: string): void {
    this.history.stopped ??= reason;
  }

  async progress(): Promise<Progress> {
    const means: [string, Awaited<ReturnType<RunningMean["state"]>>][] = [];
    for (const [name, mean] of this.means) means.push([name, await mean.state()]);
    const { epoch, batch, history } = this;
    return { epoch, batch, means: Object.fromEntries(means), history: history.toJSON() };
  }

  /** Running means without waiting for the device. */
  currentLogs(): Logs {
    return Object.fromEntries([...this.means].map(([name, mean]) => [name, mean.current]));
  }

  async finalLogs(): Promise<Logs> {
    const logs: Logs = {};
    for (const [name, mean] of this.means) logs[name] = await mean.result();
    return logs;
  }
}

async function runEpoch(run: Run, options: FitOptions): Promise<void> {
  const { model, data, means, history } = run;
  const { callbacks = [], signal } = options;
  for await (const batch of data) {
    for (const callback of callbacks) await callback.onBatchBegin?.(run.batch, run);
    const measured = trainStep(model, batch, options);
    const [, target] = batch;
    let next = 0;
    for (const mean of means.values()) await addMeasured(mean, measured[next++]!, target);
    for (const one of measured) one.dispose();
    run.samplesSeen += target.shape[0] ?? 1;
    run.step++;
    run.batch++;
    const logs = run.currentLogs();
    for (const callback of callbacks) await callback.onBatchEnd?.(run.batch - 1, logs, run);
    if (signal?.aborted) run.stop("signal");
    if (history.stopped !== undefined) return;
    await settle();
    await breathe();
  }
}

async function validate(run: Run, options: FitOptions): Promise<Logs> {
  const { validation, loss, metrics = [], callbacks = [], signal } = options;
  if (validation === undefined) return {};
  for (const callback of callbacks) await callback.onTestBegin?.(run);
  const found = await evaluate(run.model, validation, { loss, metrics, ...(signal && { signal }) });
  // Cut short, it says nothing about the whole.
  if (signal?.aborted) return {};
  const logs = Object.fromEntries(
    Object.entries(found).map(([name, value]) => [
      `val${name[0]!.toUpperCase()}${name.slice(1)}`,
      value,
    ]),
  );
  for (const callback of callbacks) await callback.onTestEnd?.(logs, run);
  return logs;
}

/**
 * Trains a model: `await fit(model, loader, { loss, optimizer, epochs })`. Memory that a step takes is
 * freed after it. Keras's `model.fit`.
 */
export async function fit(model: Model, data: Batches, options: FitOptions): Promise<History> {
  const run = new Run(model, data, options);
  const { history } = run;
  const { callbacks = [], signal } = options;
  for (const callback of callbacks) await callback.onTrainBegin?.(run);
  while (run.epoch < run.epochs && history.stopped === undefined) {
    for (const callback of callbacks) await callback.onEpochBegin?.(run.epoch, run);
    const restoreMode = switchMode(model, true);
    try {
      await runEpoch(run, options);
    } finally {
      restoreMode();
    }
    // An epoch that was left in the middle has no logs: it will be continued, or never.
    if (history.stopped !== undefined) break;
    const logs = { ...(await run.finalLogs()), ...(await validate(run, options)) };
    if (signal?.aborted) run.stop("signal");
    history.epochs.push(logs);
    run.epoch++;
    run.batch = 0;
    for (const mean of run.means.values()) mean.reset();
    for (const callback of callbacks) await callback.onEpochEnd?.(run.epoch - 1, logs, run);
  }
  for (const callback of callbacks) await callback.onTrainEnd?.(run);
  return history;
}
