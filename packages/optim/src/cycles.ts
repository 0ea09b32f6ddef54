// Schedules that go up and down: warm restarts, cycles, and Smith's single cycle.
import { FlambeauError } from "@flambeau/core";
import {
  LRScheduler,
  type ScheduleOptions,
  type Scheduled,
  type ScheduledGroup,
  perGroup,
} from "./schedule.ts";

type Momentous = ScheduledGroup & { momentum?: number; betas?: readonly [number, number] };

/** Momentum is called betas[0] in Adam's family. */
function setMomentum(group: Momentous, value: number): void {
  if (group.betas !== undefined) group.betas = [value, group.betas[1]];
  else group.momentum = value;
}

function requireMomentum(name: string, optimizer: Scheduled): void {
  if (optimizer.paramGroups.every((group) => "betas" in group || "momentum" in group)) return;
  throw new FlambeauError(
    `${name}: the optimizer has neither momentum nor betas to cycle. Pass { cycleMomentum: false }.`,
  );
}

export interface WarmRestartOptions extends ScheduleOptions {
  /** Each period is this many times as long as the last. Default 1. */
  readonly tMult?: number;
  /** Default 0. */
  readonly etaMin?: number;
}

/** Half a cosine down in `t0` steps, then up at once. Loshchilov and Hutter, 2017. */
export class CosineAnnealingWarmRestarts extends LRScheduler {
  readonly t0: number;
  readonly tMult: number;
  readonly etaMin: number;

  constructor(optimizer: Scheduled, t0: number, options: WarmRestartOptions = {}) {
    super(optimizer, options);
    this.t0 = t0;
    this.tMult = options.tMult ?? 1;
    this.etaMin = options.etaMin ?? 0;
    this.start();
  }

  override getLr(): number[] {
    let length = this.t0;
    let position = this.lastEpoch;
    if (this.tMult === 1) position %= length;
    for (; position >= length; length *= this.tMult) position -= length;
    const height = (1 + Math.cos((Math.PI * position) / length)) / 2;
    return this.baseLrs.map((base) => this.etaMin + (base - this.etaMin) * height);
  }
}

export interface CyclicOptions extends ScheduleOptions {
  /** Default 2000. */
  readonly stepSizeUp?: number;
  /** Default: as `stepSizeUp`. */
  readonly stepSizeDown?: number;
  readonly mode?: "triangular" | "triangular2" | "expRange";
  /** Of mode `expRange`. Default 1. */
  readonly gamma?: number;
  /** Default true. */
  readonly cycleMomentum?: boolean;
  /** Default 0.8. */
  readonly baseMomentum?: number | readonly number[];
  /** Default 0.9. */
  readonly maxMomentum?: number | readonly number[];
}

/** Between `baseLr` and `maxLr`, up and down in straight lines; momentum the other way. Smith, 2017. */
export class CyclicLR extends LRScheduler {
  readonly maxLrs: readonly number[];
  readonly stepSizeUp: number;
  readonly stepSizeDown: number;
  readonly mode: "triangular" | "triangular2" | "expRange";
  readonly gamma: number;
  readonly cycleMomentum: boolean;
  readonly baseMomentums: readonly number[];
  readonly maxMomentums: readonly number[];

  constructor(
    optimizer: Scheduled,
    limits: { baseLr: number | readonly number[]; maxLr: number | readonly number[] },
    options: CyclicOptions = {},
  ) {
    super(optimizer, options);
    const name = "CyclicLR";
    this.baseLrs = perGroup(optimizer, limits.baseLr, name);
    this.maxLrs = perGroup(optimizer, limits.maxLr, name);
    this.stepSizeUp = options.stepSizeUp ?? 2000;
    this.stepSizeDown = options.stepSizeDown ?? this.stepSizeUp;
    this.mode = options.mode ?? "triangular";
    this.gamma = options.gamma ?? 1;
    this.cycleMomentum = options.cycleMomentum ?? true;
    this.baseMomentums = perGroup(optimizer, options.baseMomentum ?? 0.8, name);
    this.maxMomentums = perGroup(optimizer, options.maxMomentum ?? 0.9, name);
    if (this.cycleMomentum) requireMomentum(name, optimizer);
    this.start();
  }

  /** How far up the triangle we are, and how far up that triangle reaches. */
  #height(): number {
    const period = this.stepSizeUp + this.stepSizeDown;
    const peak = this.stepSizeUp / period;
    const cycle = Math.floor(1 + this.lastEpoch / period);
    const x = 1 + this.lastEpoch / period - cycle;
    const height = x <= peak ? x / peak : (x - 1) / (peak - 1);
    const scale = {
      triangular: 1,
      triangular2: 1 / 2 ** (cycle - 1),
      expRange: this.gamma ** this.lastEpoch,
    }[this.mode];
    return height * scale;
  }

  override getLr(): number[] {
    const height = this.#height();
    return this.baseLrs.map((base, i) => base + (this.maxLrs[i]! - base) * height);
  }

  protected override apply(): void {
    super.apply();
    if (!this.cycleMomentum) return;
    const height = this.#height();
    this.optimizer.paramGroups.forEach((group, i) => {
      const [base, max] = [this.baseMomentums[i]!, this.maxMomentums[i]!];
      setMomentum(group, max - (max - base) * height);
    });
  }
}

export interface OneCycleOptions extends ScheduleOptions {
  readonly totalSteps?: number;
  /** Instead of `totalSteps`, together with `stepsPerEpoch`. */
  readonly epochs?: number;
  readonly stepsPerEpoch?: number;
  /** Part of the cycle in which the rate rises. Default 0.3. */
  readonly pctStart?: number;
  readonly annealStrategy?: "cos" | "linear";
  /** Default true. */
  readonly cycleMomentum?: boolean;
  /** Default 0.85. */
  readonly baseMomentum?: number | readonly number[];
  /** Default 0.95. */
  readonly maxMomentum?: number | readonly number[];
  /** The first rate is `maxLr / divFactor`. Default 25. */
  readonly divFactor?: number;
  /** The last rate is the first one divided by this. Default 1e4. */
  readonly finalDivFactor?: number;
  /** Falls to the first rate, and only then to the last one. Default false. */
  readonly threePhase?: boolean;
}

interface Phase {
  readonly end: number;
  /** Positions in `[first, max, last]` and in `[max, base]`. */
  readonly lr: readonly [number, number];
  readonly momentum: readonly [number, number];
}

/** Up to `maxLr` and down to almost nothing, once. Smith and Topin, 2018. */
export class OneCycleLR extends LRScheduler {
  readonly totalSteps: number;
  readonly maxLrs: readonly number[];
  readonly finalDivFactor: number;
  readonly annealStrategy: "cos" | "linear";
  readonly pctStart: number;
  readonly threePhase: boolean;
  readonly cycleMomentum: boolean;
  readonly baseMomentums: readonly number[];
  readonly maxMomentums: readonly number[];

  constructor(optimizer: Scheduled, maxLr: number | readonly number[], options: OneCycleOptions) {
    super(optimizer, options);
    const name = "OneCycleLR";
    const total = options.totalSteps ?? options.epochs! * options.stepsPerEpoch!;
    if (!(Number.isInteger(total) && total > 0)) {
      throw new FlambeauError(`${name}: pass totalSteps, or both epochs and stepsPerEpoch.`);
    }
    this.totalSteps = total;
    this.maxLrs = perGroup(optimizer, maxLr, name);
    this.finalDivFactor = options.finalDivFactor ?? 1e4;
    this.annealStrategy = options.annealStrategy ?? "cos";
    this.pctStart = options.pctStart ?? 0.3;
    this.threePhase = options.threePhase ?? false;
    this.cycleMomentum = options.cycleMomentum ?? true;
    this.baseMomentums = perGroup(optimizer, options.baseMomentum ?? 0.85, name);
    this.maxMomentums = perGroup(optimizer, options.maxMomentum ?? 0.95, name);
    if (this.cycleMomentum) requireMomentum(name, optimizer);
    if (this.lastEpoch === -1) {
      this.baseLrs = this.maxLrs.map((max) => max / (options.divFactor ?? 25));
      optimizer.paramGroups.forEach((group, i) => (group.initialLr = this.baseLrs[i]!));
    }
    this.start();
  }

  get #phases(): readonly Phase[] {
    const { totalSteps: total, pctStart: rise } = this;
    const up: Phase = { end: rise * total - 1, lr: [0, 1], momentum: [0, 1] };
    return this.threePhase
      ? [
          up,
          { end: 2 * rise * total - 2, lr: [1, 0], momentum: [1, 0] },
          { end: total - 1, lr: [0, 2], momentum: [0, 0] },
        ]
      : [up, { end: total - 1, lr: [1, 2], momentum: [1, 0] }];
  }

  /** The phase we are in, and how much of it is over. */
  #position(): { phase: Phase; done: number } {
    if (this.lastEpoch > this.totalSteps) {
      throw new FlambeauError(
        `OneCycleLR: step ${this.lastEpoch} of a cycle of ${this.totalSteps}. Make totalSteps the ` +
          `number of all steps.`,
      );
    }
    const phases = this.#phases;
    let start = 0;
    for (const phase of phases) {
      if (this.lastEpoch <= phase.end || phase === phases.at(-1)) {
        return { phase, done: (this.lastEpoch - start) / (phase.end - start) };
      }
      start = phase.end;
    }
    throw new FlambeauError("OneCycleLR: no phase.");
  }

  #between(from: number, to: number, done: number): number {
    return this.annealStrategy === "linear"
      ? from + (to - from) * done
      : to + ((from - to) / 2) * (1 + Math.cos(Math.PI * done));
  }

  override getLr(): number[] {
    const { phase, done } = this.#position();
    return this.baseLrs.map((first, i) => {
      const marks = [first, this.maxLrs[i]!, first / this.finalDivFactor];
      return this.#between(marks[phase.lr[0]]!, marks[phase.lr[1]]!, done);
    });
  }

  protected override apply(): void {
    super.apply();
    if (!this.cycleMomentum) return;
    const { phase, done } = this.#position();
    this.optimizer.paramGroups.forEach((group, i) => {
      const marks = [this.maxMomentums[i]!, this.baseMomentums[i]!];
      const [from, to] = phase.momentum;
      setMomentum(group, this.#between(marks[from]!, marks[to]!, done));
    });
  }
}
