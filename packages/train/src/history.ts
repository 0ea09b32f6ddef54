// What training leaves behind: logs of each epoch and the course of the loss; and the position that
// a checkpoint stores so that training can continue.
import type { MeanState } from "./running-mean.ts";

/** Quantities by name: loss, accuracy, valLoss, … */
export type Logs = Record<string, number>;

/** The course keeps no more points; neighbours are merged when it is full. */
const mostPoints = 4096;

/** Where training is, as JSON. */
export interface Progress {
  /** The epoch that runs, or runs next, from 0. */
  readonly epoch: number;
  /** Steps of it that were taken. */
  readonly batch: number;
  /** Running means of loss and metrics. */
  readonly means: Readonly<Record<string, MeanState>>;
  readonly history: HistoryState;
}

interface HistoryState {
  readonly epochs: readonly Logs[];
  readonly course: readonly number[];
  readonly stepsPerPoint: number;
  readonly partial: MeanState;
}

/** The record of a call of `fit`. */
export class History {
  /** Logs at the end of each epoch. */
  readonly epochs: Logs[];
  /** The loss over time; each point is the mean of `stepsPerPoint` steps. */
  course: number[];
  stepsPerPoint: number;
  /** Why training ended early: its signal, or a callback's reason. */
  stopped: string | undefined = undefined;
  #partial: MeanState;

  constructor(state?: HistoryState) {
    this.epochs = (state?.epochs ?? []).map((logs) => ({ ...logs }));
    this.course = [...(state?.course ?? [])];
    this.stepsPerPoint = state?.stepsPerPoint ?? 1;
    this.#partial = state?.partial ?? { sum: 0, count: 0 };
  }

  /** One quantity over the epochs, as Keras's `history.history[name]`. */
  get(name: string): number[] {
    return this.epochs.map((logs) => logs[name] ?? NaN);
  }

  /** Notes the loss of a step. */
  record(loss: number): void {
    this.#partial = { sum: this.#partial.sum + loss, count: this.#partial.count + 1 };
    if (this.#partial.count < this.stepsPerPoint) return;
    this.course.push(this.#partial.sum / this.#partial.count);
    this.#partial = { sum: 0, count: 0 };
    if (this.course.length < mostPoints) return;
    const pairs = this.course.length / 2;
    this.course = Array.from(
      { length: pairs },
      (_, i) => (this.course[2 * i]! + this.course[2 * i + 1]!) / 2,
    );
    this.stepsPerPoint *= 2;
  }

  toJSON(): HistoryState {
    const { epochs, course, stepsPerPoint } = this;
    return { epochs, course, stepsPerPoint, partial: this.#partial };
  }
}
