// ModelCheckpoint: saves checkpoints while training runs.
import type { Callback, TrainingRun } from "../callback.ts";
import { type CheckpointParts, type Stateful, saveCheckpoint } from "../checkpoint.ts";
import type { Logs } from "../history.ts";
import { type Monitor, type MonitorOptions, createMonitor } from "../monitor.ts";

export interface ModelCheckpointOptions extends MonitorOptions {
  /** Saves after each epoch (the default), or after so many steps. */
  readonly every?: "epoch" | number;
  /** Keeps the best by `monitor` (valLoss if left out), instead of the latest. */
  readonly saveBestOnly?: boolean;
  /** More to save: schedules, generators, a second model. */
  readonly parts?: Partial<CheckpointParts>;
}

const isStateful = (value: unknown): value is Stateful =>
  typeof (value as { stateDict?: unknown }).stateDict === "function";

/**
 * Saves model, optimizer, loader position, random numbers and progress, so that training can continue
 * exactly: after each epoch, and when training was stopped before its end. Keras's ModelCheckpoint.
 */
export class ModelCheckpoint implements Callback {
  readonly path: string | ((epoch: number, logs: Logs) => string);
  readonly #options: ModelCheckpointOptions;
  readonly #monitor: Monitor;

  constructor(
    path: string | ((epoch: number, logs: Logs) => string),
    options: ModelCheckpointOptions = {},
  ) {
    this.path = path;
    this.#options = options;
    this.#monitor = createMonitor("ModelCheckpoint", options);
  }

  async onBatchEnd(_batch: number, logs: Logs, run: TrainingRun): Promise<void> {
    const { every = "epoch", saveBestOnly } = this.#options;
    if (every === "epoch" || saveBestOnly || run.step % every !== 0) return;
    await this.#save(run, logs);
  }

  async onEpochEnd(_epoch: number, logs: Logs, run: TrainingRun): Promise<void> {
    const { every = "epoch", saveBestOnly } = this.#options;
    if (saveBestOnly ? this.#monitor.improves(logs) : every === "epoch")
      await this.#save(run, logs);
  }

  async onTrainEnd(run: TrainingRun): Promise<void> {
    const { saveBestOnly } = this.#options;
    if (run.history.stopped !== undefined && !saveBestOnly) await this.#save(run, {});
  }

  async #save(run: TrainingRun, logs: Logs): Promise<void> {
    const { model, optimizer, data } = run;
    const path = typeof this.path === "string" ? this.path : this.path(run.epoch, logs);
    const parts: Record<string, Stateful> = {};
    for (const [name, part] of Object.entries({ model, optimizer, loader: data })) {
      if (isStateful(part)) parts[name] = part;
    }
    const progress = await run.progress();
    await saveCheckpoint(path, { ...parts, ...this.#options.parts } as CheckpointParts, progress);
  }
}
