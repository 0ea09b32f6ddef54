// Layers, losses, initialisers, and the base class of models.
export { Parameter } from "@flambeau/core";
export * as init from "./init.ts";
export { Buffer } from "./buffer.ts";
export type { BackwardHook, ForwardHook, ForwardPreHook } from "./hooks.ts";
export { type LoadReport, Module, type StateDict, type TensorModule } from "./module.ts";
export type { SummaryOptions } from "./summary.ts";
export { showOptions } from "./outline.ts";
export * from "./layers/activation.ts";
export { ModuleDict, ModuleList, Sequential } from "./layers/container.ts";
export {
  Conv1d,
  Conv2d,
  Conv3d,
  type ConvLayerOptions,
  ConvTranspose1d,
  ConvTranspose2d,
  ConvTranspose3d,
  type ConvTransposeLayerOptions,
} from "./layers/convolution.ts";
export { Dropout, Dropout2d, type DropoutLayerOptions } from "./layers/dropout.ts";
export { Embedding, type EmbeddingLayerOptions } from "./layers/embedding.ts";
export { Bilinear, Linear, type LinearOptions } from "./layers/linear.ts";
export {
  BatchNorm1d,
  BatchNorm2d,
  BatchNorm3d,
  GroupNorm,
  type GroupNormOptions,
  InstanceNorm1d,
  InstanceNorm2d,
  LayerNorm,
  type LayerNormOptions,
  LocalResponseNorm,
  type LocalResponseNormOptions,
  RMSNorm,
  type RMSNormOptions,
  type RunningNormOptions,
} from "./layers/normalization.ts";
export type { LayerOptions } from "./layers/parameter.ts";
export {
  AdaptiveAvgPool1d,
  AdaptiveAvgPool2d,
  AdaptiveMaxPool2d,
  AvgPool1d,
  AvgPool2d,
  AvgPool3d,
  type AvgPoolLayerOptions,
  MaxPool1d,
  MaxPool2d,
  MaxPool3d,
  type MaxPoolLayerOptions,
} from "./layers/pooling.ts";
export { Flatten, Identity, Unflatten } from "./layers/shape.ts";
export * from "./losses.ts";
