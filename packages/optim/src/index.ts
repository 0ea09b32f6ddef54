// Optimizers, learning-rate schedules, gradient clipping.
export {
  type GroupInput,
  type Hyperparameters,
  Optimizer,
  type OptimizerStateDict,
  type ParamGroup,
  type ParamsInput,
} from "./optimizer.ts";
export { SGD, type SGDOptions } from "./sgd.ts";
export { Adam, type AdamOptions, AdamW } from "./adam.ts";
export { Adadelta, type AdadeltaOptions, Adagrad, type AdagradOptions } from "./adagrad.ts";
export {
  type AdamVariantOptions,
  Adamax,
  NAdam,
  type NAdamOptions,
  RAdam,
} from "./adam-variants.ts";
export { RMSprop, type RMSpropOptions } from "./rmsprop.ts";
export { type ClipNormOptions, clipGradNorm, clipGradValue } from "./clip-gradients.ts";
export {
  LRScheduler,
  type ScheduleOptions,
  type ScheduleState,
  type Scheduled,
} from "./schedule.ts";
export * from "./schedules.ts";
export * from "./cycles.ts";
export * from "./combined-schedules.ts";
