// The moments of training that callbacks hear of, with Keras's names.
import type { History, Logs, Progress } from "./history.ts";
import type { Batches, Model, OptimizerLike } from "./model.ts";

/** A call of `fit` in progress. */
export interface TrainingRun {
  readonly model: Model;
  readonly optimizer: OptimizerLike;
  readonly data: Batches;
  readonly epochs: number;
  /** Batches in an epoch, where known. */
  readonly batches: number | undefined;
  /** Samples in an epoch, where known. */
  readonly samples: number | undefined;
  readonly history: History;
  /** The running epoch, from 0. */
  readonly epoch: number;
  /** Steps taken in it. */
  readonly batch: number;
  /** Steps taken in all epochs. */
  readonly step: number;
  /** Samples seen by this call. */
  readonly samplesSeen: number;
  /** What `fit({ resume })` needs to continue from here. */
  progress(): Promise<Progress>;
  /** Ends training after the running step; `history.stopped` gives the reason. */
  stop(reason: string): void;
}

type Answer = void | Promise<void>;

/** Any of Keras's hooks; what they return is awaited. */
export interface Callback {
  onTrainBegin?(run: TrainingRun): Answer;
  onTrainEnd?(run: TrainingRun): Answer;
  onEpochBegin?(epoch: number, run: TrainingRun): Answer;
  onEpochEnd?(epoch: number, logs: Logs, run: TrainingRun): Answer;
  onBatchBegin?(batch: number, run: TrainingRun): Answer;
  onBatchEnd?(batch: number, logs: Logs, run: TrainingRun): Answer;
  onTestBegin?(run: TrainingRun): Answer;
  onTestEnd?(logs: Logs, run: TrainingRun): Answer;
}

/** A callback of functions; any object with hooks is one. */
// eslint-disable-next-line typescript/no-extraneous-class
export class LambdaCallback implements Callback {
  constructor(hooks: Callback) {
    Object.assign(this, hooks);
  }
}
