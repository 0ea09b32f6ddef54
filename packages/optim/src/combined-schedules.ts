// Schedules that follow a metric, or are made of other schedules.
import { FlambeauError } from "@flambeau/core";
import {
  type LRScheduler,
  type ScheduleState,
  type Scheduled,
  perGroup,
  plainFields,
} from "./schedule.ts";

export interface PlateauOptions {
  /** Whether the metric should fall or rise. Default `"min"`. */
  readonly mode?: "min" | "max";
  /** Default 0.1. */
  readonly factor?: number;
  /** Steps without improvement that are tolerated. Default 10. */
  readonly patience?: number;
  /** What counts as an improvement. Default 1e-4. */
  readonly threshold?: number;
  readonly thresholdMode?: "rel" | "abs";
  /** Steps to wait after a change. Default 0. */
  readonly cooldown?: number;
  /** Default 0. */
  readonly minLr?: number | readonly number[];
  /** Smaller changes are not made. Default 1e-8. */
  readonly eps?: number;
}

/** Multiplies the rate by `factor` when a metric stops improving. `ReduceLROnPlateau`. */
export class ReduceLROnPlateau {
  readonly optimizer: Scheduled;
  readonly mode: "min" | "max";
  readonly factor: number;
  readonly patience: number;
  readonly threshold: number;
  readonly thresholdMode: "rel" | "abs";
  readonly cooldown: number;
  readonly minLrs: readonly number[];
  readonly eps: number;
  best: number;
  badEpochs = 0;
  cooldownCounter = 0;
  lastEpoch = 0;

  constructor(optimizer: Scheduled, options: PlateauOptions = {}) {
    this.optimizer = optimizer;
    this.mode = options.mode ?? "min";
    this.factor = options.factor ?? 0.1;
    if (!(this.factor < 1)) {
      throw new FlambeauError(`ReduceLROnPlateau: expected a factor below 1, got ${this.factor}.`);
    }
    this.patience = options.patience ?? 10;
    this.threshold = options.threshold ?? 1e-4;
    this.thresholdMode = options.thresholdMode ?? "rel";
    this.cooldown = options.cooldown ?? 0;
    this.minLrs = perGroup(optimizer, options.minLr ?? 0, "ReduceLROnPlateau");
    this.eps = options.eps ?? 1e-8;
    this.best = this.mode === "min" ? Infinity : -Infinity;
  }

  #isBetter(metric: number): boolean {
    const sign = this.mode === "min" ? -1 : 1;
    const bar =
      this.thresholdMode === "abs"
        ? this.best + sign * this.threshold
        : this.best * (1 + sign * this.threshold);
    return this.mode === "min" ? metric < bar : metric > bar;
  }

  /** Takes note of the metric after an epoch. */
  step(metric: number): void {
    this.lastEpoch++;
    if (this.#isBetter(metric)) {
      this.best = metric;
      this.badEpochs = 0;
    } else this.badEpochs++;
    if (this.cooldownCounter > 0) {
      this.cooldownCounter--;
      this.badEpochs = 0;
    }
    if (this.badEpochs <= this.patience) return;
    this.optimizer.paramGroups.forEach((group, i) => {
      const next = Math.max(group.lr * this.factor, this.minLrs[i]!);
      if (group.lr - next > this.eps) group.lr = next;
    });
    this.cooldownCounter = this.cooldown;
    this.badEpochs = 0;
  }

  getLastLr(): number[] {
    return this.optimizer.paramGroups.map(({ lr }) => lr);
  }

  stateDict(): ScheduleState {
    return plainFields(this);
  }

  loadStateDict(state: ScheduleState): void {
    Object.assign(this, structuredClone(state));
  }
}

/** Several schedules on one optimizer. */
abstract class Combined {
  protected readonly schedules: readonly LRScheduler[];

  constructor(schedules: readonly LRScheduler[]) {
    const [first] = schedules;
    if (first === undefined || schedules.some(({ optimizer }) => optimizer !== first.optimizer)) {
      throw new FlambeauError(
        `${this.constructor.name}: expected one or more schedules of the same optimizer.`,
      );
    }
    this.schedules = schedules;
  }

  abstract step(): void;

  getLastLr(): number[] {
    return this.schedules[0]!.getLastLr();
  }

  stateDict(): ScheduleState {
    return { ...plainFields(this), schedules: this.schedules.map((one) => one.stateDict()) };
  }

  loadStateDict({ schedules, ...own }: ScheduleState): void {
    Object.assign(this, structuredClone(own));
    (schedules as readonly ScheduleState[]).forEach((state, i) =>
      this.schedules[i]!.loadStateDict(state),
    );
  }
}

/** Steps all of its schedules, each changing what the one before left. `ChainedScheduler`. */
export class ChainedScheduler extends Combined {
  override step(): void {
    for (const schedule of this.schedules) schedule.step();
  }
}

/** One schedule after another; `milestones` says at which steps the next one takes over. */
export class SequentialLR extends Combined {
  readonly milestones: readonly number[];
  lastEpoch = 0;

  constructor(schedules: readonly LRScheduler[], milestones: readonly number[]) {
    super(schedules);
    if (milestones.length !== schedules.length - 1) {
      throw new FlambeauError(
        `SequentialLR: expected ${schedules.length - 1} milestones for ${schedules.length} ` +
          `schedules, got ${milestones.length}.`,
      );
    }
    this.milestones = milestones;
    // Each schedule took its first step when it was made; only that of the first one counts.
    for (const group of schedules[0]!.optimizer.paramGroups) group.lr = group.initialLr!;
    for (const schedule of schedules) schedule.lastEpoch--;
    schedules[0]!.step();
  }

  override step(): void {
    this.lastEpoch++;
    const current = this.milestones.filter((milestone) => milestone <= this.lastEpoch).length;
    const schedule = this.schedules[current]!;
    if (current > 0 && this.milestones[current - 1] === this.lastEpoch) schedule.restart();
    else schedule.step();
  }
}
