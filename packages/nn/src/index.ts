// Layers, losses, initialisers, and the base class of models.
export { Parameter } from "@flambeau/core";
export * as init from "./init.ts";
export { Buffer } from "./buffer.ts";
export type { BackwardHook, ForwardHook, ForwardPreHook } from "./hooks.ts";
export { type LoadReport, Module, type StateDict, type TensorModule } from "./module.ts";
export type { SummaryOptions } from "./summary.ts";
export { showOptions } from "./outline.ts";
export * from "./layers/activation.ts";
export {
  MultiheadAttention,
  type MultiheadAttentionCall,
  type MultiheadAttentionOptions,
} from "./layers/attention.ts";
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
export {
  CosineSimilarity,
  type CosineSimilarityOptions,
  PairwiseDistance,
  type PairwiseDistanceOptions,
} from "./layers/distance.ts";
export {
  AlphaDropout,
  Dropout,
  Dropout1d,
  Dropout2d,
  Dropout3d,
  type DropoutLayerOptions,
  FeatureAlphaDropout,
} from "./layers/dropout.ts";
export {
  Embedding,
  EmbeddingBag,
  type EmbeddingBagLayerOptions,
  type EmbeddingLayerOptions,
} from "./layers/embedding.ts";
export { Bilinear, Linear, type LinearOptions } from "./layers/linear.ts";
export {
  BatchNorm1d,
  BatchNorm2d,
  BatchNorm3d,
  GroupNorm,
  type GroupNormOptions,
  InstanceNorm1d,
  InstanceNorm2d,
  InstanceNorm3d,
  LayerNorm,
  type LayerNormOptions,
  LocalResponseNorm,
  type LocalResponseNormOptions,
  RMSNorm,
  type RMSNormOptions,
  type RunningNormOptions,
} from "./layers/normalization.ts";
export {
  CircularPad1d, CircularPad2d, CircularPad3d, ConstantPad1d, ConstantPad2d, ConstantPad3d,
  type PaddingWidths, ReflectionPad1d, ReflectionPad2d, ReflectionPad3d, ReplicationPad1d,
  ReplicationPad2d, ReplicationPad3d, ZeroPad1d, ZeroPad2d, ZeroPad3d,
} from "./layers/padding.ts"; // prettier-ignore
export type { LayerOptions } from "./layers/parameter.ts";
export {
  AdaptiveAvgPool1d,
  AdaptiveAvgPool2d,
  AdaptiveAvgPool3d,
  AdaptiveMaxPool1d,
  AdaptiveMaxPool2d,
  AdaptiveMaxPool3d,
  AvgPool1d,
  AvgPool2d,
  AvgPool3d,
  type AvgPoolLayerOptions,
  MaxPool1d,
  MaxPool2d,
  MaxPool3d,
  type MaxPoolLayerOptions,
} from "./layers/pooling.ts";
export {
  GRUCell,
  LSTMCell,
  RNNCell,
  type RecurrentCellOptions,
  type RnnCellOptions,
} from "./layers/recurrent-cell.ts";
export {
  GRU,
  LSTM,
  type LstmLayerOptions,
  RNN,
  type RecurrentLayerOptions,
  type RnnLayerOptions,
} from "./layers/recurrent.ts";
export { Flatten, Identity, Unflatten } from "./layers/shape.ts";
export {
  type DecoderMasks,
  type EncoderLayerMasks,
  type EncoderMasks,
  Transformer,
  TransformerDecoder,
  TransformerDecoderLayer,
  TransformerEncoder,
  TransformerEncoderLayer,
  type TransformerLayerOptions,
  type TransformerMasks,
  type TransformerOptions,
} from "./layers/transformer.ts";
export {
  LPPool1d, LPPool2d, LPPool3d, MaxUnpool1d, MaxUnpool2d, MaxUnpool3d, type MaxUnpoolLayerOptions,
} from "./layers/unpooling.ts"; // prettier-ignore
export {
  ChannelShuffle, Fold, PixelShuffle, PixelUnshuffle, Unfold, Upsample, type UpsampleOptions,
  UpsamplingBilinear2d, UpsamplingNearest2d, type WindowLayerOptions,
} from "./layers/vision.ts"; // prettier-ignore
export { functionalCall, parametersToVector, vectorToParameters } from "./functional-call.ts";
export * from "./losses.ts";
export * from "./margin-losses.ts";
export * from "./probability-losses.ts";
export { type WeightNormOptions, removeWeightNorm, weightNorm } from "./weight-norm.ts";
