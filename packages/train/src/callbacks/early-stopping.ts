// EarlyStopping: ends training when a quantity no longer improves.
import { type Tensor, scope } from "@flambeau/core";
import type { Callback, TrainingRun } from "../callback.ts";
import type { Logs } from "../history.ts";
import type { Model } from "../model.ts";
import { type Monitor, type MonitorOptions, createMonitor } from "../monitor.ts";

export interface EarlyStoppingOptions extends MonitorOptions {
  /** Epochs without improvement before training ends; 0 by default. */
  readonly patience?: number;
  /** Gives the model back the weights of its best epoch. */
  readonly restoreBestWeights?: boolean;
}

type Weights = Record<string, Tensor>;

/** What can be remembered and restored. */
interface Restorable {
  stateDict(): Weights;
  loadStateDict(state: Weights): unknown;
}

/** Stops when `monitor` has not improved for `patience` epochs. Keras's EarlyStopping. */
export class EarlyStopping implements Callback {
  readonly #options: EarlyStoppingOptions;
  #monitor: Monitor;
  #waited = 0;
  #best: Weights | undefined;

  constructor(options: EarlyStoppingOptions = {}) {
    this.#options = options;
    this.#monitor = createMonitor("EarlyStopping", options);
  }

  onTrainBegin(): void {
    this.#monitor = createMonitor("EarlyStopping", this.#options);
    this.#waited = 0;
    this.#forget();
  }

  onEpochEnd(epoch: number, logs: Logs, run: TrainingRun): void {
    const { patience = 0, restoreBestWeights } = this.#options;
    if (run.history.stopped !== undefined) return;
    if (this.#monitor.improves(logs)) {
      this.#waited = 0;
      if (restoreBestWeights) this.#remember(run.model);
    } else if (++this.#waited >= patience) {
      const { monitor = "valLoss" } = this.#options;
      run.stop(`${monitor} has not improved since epoch ${epoch - this.#waited + 1}`);
    }
  }

  onTrainEnd(run: TrainingRun): void {
    if (this.#best !== undefined) (run.model as unknown as Restorable).loadStateDict(this.#best);
    this.#forget();
  }

  /** Handles, not copies: parameters get new buffers as long as someone holds the old ones. */
  #remember(model: Model): void {
    this.#forget();
    const state = scope(() => {
      const own = (model as unknown as Restorable).stateDict();
      return Object.fromEntries(Object.entries(own).map(([name, one]) => [name, one.detach()]));
    });
    this.#best = state;
  }

  #forget(): void {
    for (const one of Object.values(this.#best ?? {})) one.dispose();
    this.#best = undefined;
  }
}
