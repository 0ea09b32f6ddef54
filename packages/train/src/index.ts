// Training in Keras's shape: fit, evaluate, predict, callbacks, metrics, checkpoints.
export { type FitOptions, fit } from "./fit.ts";
export { type EvaluateOptions, evaluate, predict } from "./evaluate.ts";
export type { Batches, LossFunction, Model, OptimizerLike } from "./model.ts";
export { MeanMetric, type Metric, accuracy, meanLoss, topKAccuracy } from "./metric.ts";
export { History, type Logs, type Progress } from "./history.ts";
export { type Callback, LambdaCallback, type TrainingRun } from "./callback.ts";
export { CSVLogger } from "./callbacks/csv-logger.ts";
export { EarlyStopping, type EarlyStoppingOptions } from "./callbacks/early-stopping.ts";
export { LearningRateScheduler } from "./callbacks/learning-rate-scheduler.ts";
export { ModelCheckpoint, type ModelCheckpointOptions } from "./callbacks/model-checkpoint.ts";
export { ProgressBar, type ProgressBarOptions } from "./callbacks/progress-bar.ts";
export {
  type CheckpointParts, type Stateful, loadCheckpoint, saveCheckpoint,
} from "./checkpoint.ts"; // prettier-ignore
export { type PlotOptions, plotLoss } from "./plot.ts";
export { renderDigit } from "./digit.ts";
