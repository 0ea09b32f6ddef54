// LearningRateScheduler: the learning rate as a function of the step.
import { FlambeauError } from "@flambeau/core";
import type { Callback, TrainingRun } from "../callback.ts";

interface Groups {
  readonly paramGroups: readonly { lr: number }[];
}

/**
 * Sets the learning rate before each step (Keras's: each epoch) to `schedule(step, steps)`: steps
 * count from 0 over all epochs. It keeps no state, so resumed training continues it.
 */
export class LearningRateScheduler implements Callback {
  readonly schedule: (step: number, steps: number) => number;

  constructor(schedule: (step: number, steps: number) => number) {
    this.schedule = schedule;
  }

  onBatchBegin(_batch: number, run: TrainingRun): void {
    const { paramGroups } = run.optimizer as unknown as Groups;
    const lr = this.schedule(run.step, run.epochs * (run.batches ?? NaN));
    if (!(lr >= 0)) {
      throw new FlambeauError(
        `LearningRateScheduler: the schedule gave ${lr} for step ${run.step}; expected a number of ` +
          `at least 0.`,
      );
    }
    for (const group of paramGroups) group.lr = lr;
  }
}
