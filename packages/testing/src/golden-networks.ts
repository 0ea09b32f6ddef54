// Vision, attention and the losses between distributions, labels and vectors of PyTorch in Flambeau.
// Assembled in golden-adapter.ts.
import * as f from "@flambeau/core";
import type { Tensor } from "@flambeau/core";
import { type Entry, fn } from "./golden-call.ts";

type Reduction = "mean" | "sum" | "none";
type Sizes = number | readonly number[];

export const vision: Readonly<Record<string, Entry>> = {
  "F.interpolate": fn(
    "input size scale_factor mode align_corners recompute_scale_factor antialias",
    (
      x: Tensor,
      size?: Sizes,
      scaleFactor?: Sizes,
      mode?: f.InterpolateMode,
      alignCorners?: boolean,
      recomputeScaleFactor?: boolean,
      antialias?: boolean,
    ) =>
      f.interpolate(x, { size, scaleFactor, mode, alignCorners, recomputeScaleFactor, antialias }),
  ),
  "F.grid_sample": fn(
    "input grid mode padding_mode align_corners",
    (
      x: Tensor,
      grid: Tensor,
      mode?: f.GridSampleOptions["mode"],
      paddingMode?: f.GridSampleOptions["paddingMode"],
      alignCorners?: boolean,
    ) => f.gridSample(x, grid, { mode, paddingMode, alignCorners }),
  ),
  "F.affine_grid": fn(
    "theta size align_corners",
    (theta: Tensor, size: readonly number[], alignCorners?: boolean) =>
      f.affineGrid(theta, size, { alignCorners }),
  ),
};

const unpool = (call: typeof f.maxUnpool2d): Entry =>
  fn(
    "input indices kernel_size stride padding output_size",
    (
      x: Tensor,
      indices: Tensor,
      size: Sizes,
      stride?: Sizes,
      padding?: Sizes,
      outputSize?: readonly number[],
    ) => call(x, indices, size, { stride, padding, outputSize }),
  );

const lpPool = (call: typeof f.lpPool2d): Entry =>
  fn(
    "input norm_type kernel_size stride ceil_mode",
    (x: Tensor, norm: number, size: Sizes, stride?: Sizes, ceilMode?: boolean) =>
      call(x, norm, size, { stride, ceilMode }),
  );

export const morePooling: Readonly<Record<string, Entry>> = {
  "F.max_unpool1d": unpool(f.maxUnpool1d),
  "F.max_unpool2d": unpool(f.maxUnpool2d),
  "F.max_unpool3d": unpool(f.maxUnpool3d),
  "F.lp_pool1d": lpPool(f.lpPool1d),
  "F.lp_pool2d": lpPool(f.lpPool2d),
  "F.lp_pool3d": lpPool(f.lpPool3d),
};

export const attention: Readonly<Record<string, Entry>> = {
  "F.scaled_dot_product_attention": fn(
    "query key value attn_mask dropout_p is_causal scale enable_gqa",
    (
      query: Tensor,
      key: Tensor,
      value: Tensor,
      mask?: Tensor,
      dropout?: number,
      causal?: boolean,
      scale?: number,
      enableGqa?: boolean,
    ) =>
      f.scaledDotProductAttention(query, key, value, { mask, dropout, causal, scale, enableGqa }),
  ),
};

/** PyTorch takes `size_average` and `reduce` between; nobody passes them. */
const pair = (call: (x: Tensor, y: Tensor, options: { reduction?: Reduction }) => Tensor): Entry =>
  fn("input target reduction", (x: Tensor, y: Tensor, reduction?: Reduction) =>
    call(x, y, { reduction }),
  );

export const moreLosses: Readonly<Record<string, Entry>> = {
  "F.kl_div": fn(
    "input target reduction log_target",
    (x: Tensor, y: Tensor, reduction?: f.KlOptions["reduction"], logTarget?: boolean) =>
      f.klDiv(x, y, { reduction, logTarget }),
  ),
  "F.poisson_nll_loss": fn(
    "input target log_input full eps reduction",
    (
      x: Tensor,
      y: Tensor,
      logInput?: boolean,
      full?: boolean,
      eps?: number,
      reduction?: Reduction,
    ) => f.poissonNllLoss(x, y, { logInput, full, eps, reduction }),
  ),
  "F.gaussian_nll_loss": fn(
    "input target var full eps reduction",
    (x: Tensor, y: Tensor, variance: Tensor, full?: boolean, eps?: number, reduction?: Reduction) =>
      f.gaussianNllLoss(x, y, variance, { full, eps, reduction }),
  ),
  "F.hinge_embedding_loss": fn(
    "input target margin reduction",
    (x: Tensor, y: Tensor, margin?: number, reduction?: Reduction) =>
      f.hingeEmbeddingLoss(x, y, { margin, reduction }),
  ),
  "F.margin_ranking_loss": fn(
    "input1 input2 target margin reduction",
    (a: Tensor, b: Tensor, y: Tensor, margin?: number, reduction?: Reduction) =>
      f.marginRankingLoss(a, b, y, { margin, reduction }),
  ),
  "F.cosine_embedding_loss": fn(
    "input1 input2 target margin reduction",
    (a: Tensor, b: Tensor, y: Tensor, margin?: number, reduction?: Reduction) =>
      f.cosineEmbeddingLoss(a, b, y, { margin, reduction }),
  ),
  "F.triplet_margin_loss": fn(
    "anchor positive negative margin p eps swap reduction",
    (
      anchor: Tensor,
      positive: Tensor,
      negative: Tensor,
      margin?: number,
      p?: number,
      eps?: number,
      swap?: boolean,
      reduction?: Reduction,
    ) => f.tripletMarginLoss(anchor, positive, negative, { margin, p, eps, swap, reduction }),
  ),
  "F.multi_margin_loss": fn(
    "input target p margin weight reduction",
    (x: Tensor, y: Tensor, p?: 1 | 2, margin?: number, weight?: Tensor, reduction?: Reduction) =>
      f.multiMarginLoss(x, y, { p, margin, weight, reduction }),
  ),
  "F.multilabel_margin_loss": pair(f.multilabelMarginLoss),
  "F.multilabel_soft_margin_loss": fn(
    "input target weight reduction",
    (x: Tensor, y: Tensor, weight?: Tensor, reduction?: Reduction) =>
      f.multilabelSoftMarginLoss(x, y, { weight, reduction }),
  ),
  "F.soft_margin_loss": pair(f.softMarginLoss),
  "F.ctc_loss": fn(
    "log_probs targets input_lengths target_lengths blank reduction zero_infinity",
    (
      logProbs: Tensor,
      targets: Tensor,
      inputLengths: f.Lengths,
      targetLengths: f.Lengths,
      blank?: number,
      reduction?: Reduction,
      zeroInfinity?: boolean,
    ) =>
      f.ctcLoss(logProbs, targets, { inputLengths, targetLengths, blank, reduction, zeroInfinity }),
  ),
};
