// Products, convolutions, pooling, normalisation and losses of PyTorch in Flambeau. Assembled in
// golden-adapter.ts.
import * as f from "@flambeau/core";
import type { Tensor } from "@flambeau/core";
import { type Entry, fn, indexFn } from "./golden-call.ts";

export const products: Readonly<Record<string, Entry>> = {
  "torch.matmul": fn("input other", f.matmul),
  "torch.mm": fn("input mat2", f.mm),
  "torch.bmm": fn("input mat2", f.bmm),
  "torch.mv": fn("input vec", f.matmul),
  "torch.dot": fn("input other", f.dot),
  "F.linear": fn("input weight bias", f.linear),
};

/** Options that are one number or one per axis; PyTorch also takes words for the padding. */
type Windows = number | readonly number[];

type Conv = typeof f.conv2d;
type ConvTranspose = typeof f.convTranspose2d;

const conv = (call: Conv): Entry =>
  fn(
    "input weight bias stride padding dilation groups",
    (
      x: Tensor,
      weight: Tensor,
      bias?: Tensor,
      stride?: Windows,
      padding?: Windows | "same" | "valid",
      dilation?: Windows,
      groups?: number,
    ) => call(x, weight, bias, { stride, padding, dilation, groups }),
  );

const convTranspose = (call: ConvTranspose): Entry =>
  fn(
    "input weight bias stride padding output_padding groups dilation",
    (
      x: Tensor,
      weight: Tensor,
      bias?: Tensor,
      stride?: Windows,
      padding?: Windows,
      outputPadding?: Windows,
      groups?: number,
      dilation?: Windows,
    ) => call(x, weight, bias, { stride, padding, outputPadding, groups, dilation }),
  );

export const convolutions: Readonly<Record<string, Entry>> = {
  "F.conv1d": conv(f.conv1d),
  "F.conv2d": conv(f.conv2d),
  "F.conv3d": conv(f.conv3d),
  "F.conv_transpose1d": convTranspose(f.convTranspose1d),
  "F.conv_transpose2d": convTranspose(f.convTranspose2d),
  "F.conv_transpose3d": convTranspose(f.convTranspose3d),
};

const maxPool = (call: typeof f.maxPool2d, withIndices: typeof f.maxPool2dWithIndices): Entry =>
  indexFn(
    "input kernel_size stride padding dilation ceil_mode return_indices",
    (
      x: Tensor,
      size: Windows,
      stride?: Windows,
      padding?: Windows,
      dilation?: Windows,
      ceilMode?: boolean,
      wantsIndices = false,
    ) => {
      const options = { stride, padding, dilation, ceilMode };
      if (!wantsIndices) return call(x, size, options);
      const { values, indices } = withIndices(x, size, options);
      return [values, indices];
    },
  );

const avgPool = (call: typeof f.avgPool2d): Entry =>
  fn(
    "input kernel_size stride padding ceil_mode count_include_pad divisor_override",
    (
      x: Tensor,
      size: Windows,
      stride?: Windows,
      padding?: Windows,
      ceilMode?: boolean,
      countIncludePad?: boolean,
      divisorOverride?: number,
    ) => call(x, size, { stride, padding, ceilMode, countIncludePad, divisorOverride }),
  );

const adaptive = (call: typeof f.adaptiveAvgPool2d): Entry =>
  fn("input output_size", (x: Tensor, size: number | (number | undefined)[]) =>
    call(x, Array.isArray(size) ? size.map((n) => n ?? null) : size),
  );

export const pooling: Readonly<Record<string, Entry>> = {
  "F.max_pool1d": maxPool(f.maxPool1d, f.maxPool1dWithIndices),
  "F.max_pool2d": maxPool(f.maxPool2d, f.maxPool2dWithIndices),
  "F.max_pool3d": maxPool(f.maxPool3d, f.maxPool3dWithIndices),
  "F.avg_pool1d": avgPool(f.avgPool1d),
  "F.avg_pool2d": avgPool(f.avgPool2d),
  "F.avg_pool3d": avgPool(f.avgPool3d),
  "F.adaptive_avg_pool1d": adaptive(f.adaptiveAvgPool1d),
  "F.adaptive_avg_pool2d": adaptive(f.adaptiveAvgPool2d),
  "F.adaptive_avg_pool3d": adaptive(f.adaptiveAvgPool3d),
  "F.adaptive_max_pool1d": adaptive(f.adaptiveMaxPool1d),
  "F.adaptive_max_pool2d": adaptive(f.adaptiveMaxPool2d),
  "F.adaptive_max_pool3d": adaptive(f.adaptiveMaxPool3d),
};

/** PyTorch updates running statistics that are plain tensors; here they are variables. */
const variable = (x: Tensor | undefined): Tensor | undefined => x && new f.Variable(x);

export const norms: Readonly<Record<string, Entry>> = {
  "F.batch_norm": fn(
    "input running_mean running_var weight bias training momentum eps",
    (
      x: Tensor,
      mean?: Tensor,
      variance?: Tensor,
      weight?: Tensor,
      bias?: Tensor,
      training?: boolean,
      momentum?: number,
      eps?: number,
    ) =>
      f.batchNorm(x, variable(mean), variable(variance), { weight, bias, training, momentum, eps }),
  ),
  "F.instance_norm": fn(
    "input running_mean running_var weight bias use_input_stats momentum eps",
    (
      x: Tensor,
      mean?: Tensor,
      variance?: Tensor,
      weight?: Tensor,
      bias?: Tensor,
      useInputStats?: boolean,
      momentum?: number,
      eps?: number,
    ) =>
      f.instanceNorm(x, variable(mean), variable(variance), {
        weight,
        bias,
        useInputStats,
        momentum,
        eps,
      }),
  ),
  "F.layer_norm": fn(
    "input normalized_shape weight bias eps",
    (x: Tensor, shape: readonly number[], weight?: Tensor, bias?: Tensor, eps?: number) =>
      f.layerNorm(x, shape, { weight, bias, eps }),
  ),
  "F.group_norm": fn(
    "input num_groups weight bias eps",
    (x: Tensor, groups: number, weight?: Tensor, bias?: Tensor, eps?: number) =>
      f.groupNorm(x, groups, { weight, bias, eps }),
  ),
  "F.local_response_norm": fn(
    "input size alpha beta k",
    (x: Tensor, size: number, alpha?: number, beta?: number, k?: number) =>
      f.localResponseNorm(x, size, { alpha, beta, k }),
  ),
};

type Reduction = "mean" | "sum" | "none";

const pairLoss = (call: typeof f.mseLoss): Entry =>
  fn(
    "input target size_average reduce reduction",
    (x: Tensor, y: Tensor, _: unknown, __: unknown, reduction?: Reduction) =>
      call(x, y, { reduction }),
  );

export const losses: Readonly<Record<string, Entry>> = {
  "F.mse_loss": pairLoss(f.mseLoss),
  "F.l1_loss": pairLoss(f.l1Loss),
  "F.smooth_l1_loss": fn(
    "input target reduction beta",
    (x: Tensor, y: Tensor, reduction?: Reduction, beta?: number) =>
      f.smoothL1Loss(x, y, { reduction, beta }),
  ),
  "F.huber_loss": fn(
    "input target reduction delta",
    (x: Tensor, y: Tensor, reduction?: Reduction, delta?: number) =>
      f.huberLoss(x, y, { reduction, delta }),
  ),
  "F.binary_cross_entropy": fn(
    "input target weight reduction",
    (x: Tensor, y: Tensor, weight?: Tensor, reduction?: Reduction) =>
      f.binaryCrossEntropy(x, y, { weight, reduction }),
  ),
  "F.binary_cross_entropy_with_logits": fn(
    "input target weight pos_weight reduction",
    (x: Tensor, y: Tensor, weight?: Tensor, posWeight?: Tensor, reduction?: Reduction) =>
      f.binaryCrossEntropyWithLogits(x, y, { weight, posWeight, reduction }),
  ),
  "F.cross_entropy": fn(
    "input target weight ignore_index label_smoothing reduction",
    (
      x: Tensor,
      y: Tensor,
      weight?: Tensor,
      ignoreIndex?: number,
      labelSmoothing?: number,
      reduction?: Reduction,
    ) => f.crossEntropy(x, y, { weight, ignoreIndex, labelSmoothing, reduction }),
  ),
  "F.nll_loss": fn(
    "input target weight ignore_index reduction",
    (x: Tensor, y: Tensor, weight?: Tensor, ignoreIndex?: number, reduction?: Reduction) =>
      f.nllLoss(x, y, { weight, ignoreIndex, reduction }),
  ),
};
