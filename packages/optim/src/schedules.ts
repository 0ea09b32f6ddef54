// Schedules that lower (or raise) the learning rate step by step. Formulas are PyTorch's chainable
// ones: each step changes the current rate, so that several schedules may act on one optimizer.
import { LRScheduler, type ScheduleOptions, type Scheduled, perGroup } from "./schedule.ts";

export type RateFunction = (epoch: number) => number;

/** The initial rate times `factor(epoch)`; one function, or one for each group. */
export class LambdaLR extends LRScheduler {
  readonly #factors: readonly RateFunction[];

  constructor(
    optimizer: Scheduled,
    factor: RateFunction | readonly RateFunction[],
    options: ScheduleOptions = {},
  ) {
    super(optimizer, options);
    this.#factors = perGroup(optimizer, factor, "LambdaLR");
    this.start();
  }

  override getLr(): number[] {
    return this.baseLrs.map((base, i) => base * this.#factors[i]!(this.lastEpoch));
  }
}

/** The current rate times `factor(epoch)`. */
export class MultiplicativeLR extends LRScheduler {
  readonly #factors: readonly RateFunction[];

  constructor(
    optimizer: Scheduled,
    factor: RateFunction | readonly RateFunction[],
    options: ScheduleOptions = {},
  ) {
    super(optimizer, options);
    this.#factors = perGroup(optimizer, factor, "MultiplicativeLR");
    this.start();
  }

  override getLr(): number[] {
    if (this.lastEpoch === 0) return this.currentLrs;
    return this.currentLrs.map((lr, i) => lr * this.#factors[i]!(this.lastEpoch));
  }
}

export interface StepOptions extends ScheduleOptions {
  /** Default 0.1. */
  readonly gamma?: number;
}

/** Multiplies the rate by gamma every `stepSize` steps. */
export class StepLR extends LRScheduler {
  readonly stepSize: number;
  readonly gamma: number;

  constructor(optimizer: Scheduled, stepSize: number, options: StepOptions = {}) {
    super(optimizer, options);
    this.stepSize = stepSize;
    this.gamma = options.gamma ?? 0.1;
    this.start();
  }

  override getLr(): number[] {
    const falls = this.lastEpoch > 0 && this.lastEpoch % this.stepSize === 0;
    return this.currentLrs.map((lr) => (falls ? lr * this.gamma : lr));
  }
}

/** Multiplies the rate by gamma at each milestone, as often as it is listed. */
export class MultiStepLR extends LRScheduler {
  readonly milestones: readonly number[];
  readonly gamma: number;

  constructor(optimizer: Scheduled, milestones: readonly number[], options: StepOptions = {}) {
    super(optimizer, options);
    this.milestones = milestones;
    this.gamma = options.gamma ?? 0.1;
    this.start();
  }

  override getLr(): number[] {
    const times = this.milestones.filter((milestone) => milestone === this.lastEpoch).length;
    return this.currentLrs.map((lr) => lr * this.gamma ** times);
  }
}

export interface ConstantOptions extends ScheduleOptions {
  /** Default 1/3. */
  readonly factor?: number;
  /** Default 5. */
  readonly totalIters?: number;
}

/** The rate times `factor` for `totalIters` steps, then the rate itself. */
export class ConstantLR extends LRScheduler {
  readonly factor: number;
  readonly totalIters: number;

  constructor(optimizer: Scheduled, options: ConstantOptions = {}) {
    super(optimizer, options);
    this.factor = options.factor ?? 1 / 3;
    this.totalIters = options.totalIters ?? 5;
    this.start();
  }

  override getLr(): number[] {
    const { lastEpoch, factor, totalIters } = this;
    const by = lastEpoch === 0 ? factor : lastEpoch === totalIters ? 1 / factor : 1;
    return this.currentLrs.map((lr) => lr * by);
  }
}

export interface LinearOptions extends ScheduleOptions {
  /** Default 1/3. */
  readonly startFactor?: number;
  /** Default 1. */
  readonly endFactor?: number;
  /** Default 5. */
  readonly totalIters?: number;
}

/** The rate times a factor that goes from `startFactor` to `endFactor` in a line. */
export class LinearLR extends LRScheduler {
  readonly startFactor: number;
  readonly endFactor: number;
  readonly totalIters: number;

  constructor(optimizer: Scheduled, options: LinearOptions = {}) {
    super(optimizer, options);
    this.startFactor = options.startFactor ?? 1 / 3;
    this.endFactor = options.endFactor ?? 1;
    this.totalIters = options.totalIters ?? 5;
    this.start();
  }

  override getLr(): number[] {
    const { lastEpoch, startFactor, endFactor, totalIters } = this;
    const rise = endFactor - startFactor;
    const by =
      lastEpoch === 0
        ? startFactor
        : lastEpoch > totalIters
          ? 1
          : 1 + rise / (totalIters * startFactor + (lastEpoch - 1) * rise);
    return this.currentLrs.map((lr) => lr * by);
  }
}

/** Multiplies the rate by gamma each step. */
export class ExponentialLR extends LRScheduler {
  readonly gamma: number;

  constructor(optimizer: Scheduled, gamma: number, options: ScheduleOptions = {}) {
    super(optimizer, options);
    this.gamma = gamma;
    this.start();
  }

  override getLr(): number[] {
    return this.currentLrs.map((lr) => (this.lastEpoch === 0 ? lr : lr * this.gamma));
  }
}

export interface PolynomialOptions extends ScheduleOptions {
  /** Default 5. */
  readonly totalIters?: number;
  /** Default 1. */
  readonly power?: number;
}

/** Falls to zero within `totalIters` steps as `(1 - t / total) ** power`. */
export class PolynomialLR extends LRScheduler {
  readonly totalIters: number;
  readonly power: number;

  constructor(optimizer: Scheduled, options: PolynomialOptions = {}) {
    super(optimizer, options);
    this.totalIters = options.totalIters ?? 5;
    this.power = options.power ?? 1;
    this.start();
  }

  override getLr(): number[] {
    const { lastEpoch, totalIters, power } = this;
    if (lastEpoch === 0 || lastEpoch > totalIters) return this.currentLrs;
    const left = (epoch: number): number => 1 - epoch / totalIters;
    const by = (left(lastEpoch) / left(lastEpoch - 1)) ** power;
    return this.currentLrs.map((lr) => lr * by);
  }
}

export interface CosineOptions extends ScheduleOptions {
  /** The lowest rate. Default 0. */
  readonly etaMin?: number;
}

/** Half a cosine from the initial rate down to `etaMin` in `tMax` steps, and up again. Loshchilov and Hutter, 2017. */
export class CosineAnnealingLR extends LRScheduler {
  readonly tMax: number;
  readonly etaMin: number;

  constructor(optimizer: Scheduled, tMax: number, options: CosineOptions = {}) {
    super(optimizer, options);
    this.tMax = tMax;
    this.etaMin = options.etaMin ?? 0;
    this.start();
  }

  override getLr(): number[] {
    const { lastEpoch, tMax, etaMin } = this;
    if (lastEpoch === 0) return this.currentLrs;
    const height = (epoch: number): number => 1 + Math.cos((Math.PI * epoch) / tMax);
    // At the bottom the quotient below would divide by zero.
    const isAtBottom = (lastEpoch - 1 - tMax) % (2 * tMax) === 0;
    return this.currentLrs.map((lr, i) =>
      isAtBottom
        ? lr + ((this.baseLrs[i]! - etaMin) * (1 - Math.cos(Math.PI / tMax))) / 2
        : (height(lastEpoch) / height(lastEpoch - 1)) * (lr - etaMin) + etaMin,
    );
  }
}
