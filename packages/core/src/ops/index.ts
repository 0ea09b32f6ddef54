// Every op. The export is everything: function, method, documentation, tests.
export {
  abs, add, atan2, bitwiseAnd, bitwiseNot, bitwiseOr, bitwiseXor, ceil, div, eq, floor, floorDivide,
  fmod, frac, ge, gt, isfinite, isinf, isnan, le, logicalAnd, logicalNot, logicalOr, logicalXor, lt,
  maximum, minimum, mul, ne, neg, pow, reciprocal, remainder, round, sign, square, sub, trunc,
} from "./arithmetic.ts"; // prettier-ignore
export * from "./activation.ts";
export {
  adaptiveAvgPool1d, adaptiveAvgPool2d, adaptiveAvgPool3d, adaptiveMaxPool1d, adaptiveMaxPool2d,
  adaptiveMaxPool3d,
} from "./adaptive.ts"; // prettier-ignore
export { at } from "./at.ts";
export { cast, clone, contiguous } from "./cast.ts";
export {
  conv1d, conv2d, conv3d, convTranspose1d, convTranspose2d, convTranspose3d,
} from "./conv.ts"; // prettier-ignore
export * from "./functions.ts";
export {
  embedding, gather, indexAdd, indexSelect, oneHot, scatter, scatterAdd, takeAlongAxis,
} from "./indexing.ts"; // prettier-ignore
export { clamp, maskedFill } from "./masking.ts";
export * from "./math.ts";
export { bmm, dot, linear, matmul, mm } from "./matmul.ts";
export {
  batchNorm, groupNorm, instanceNorm, layerNorm, localResponseNorm, rmsNorm,
} from "./normalization.ts"; // prettier-ignore
export { pad } from "./pad.ts";
export {
  avgPool1d, avgPool2d, avgPool3d, maxPool1d, maxPool1dWithIndices, maxPool2d, maxPool2dWithIndices,
  maxPool3d, maxPool3dWithIndices,
} from "./pool.ts"; // prettier-ignore
export {
  all, amax, amin, any, argmax, argmin, mean, prod, std, sum, variance,
} from "./reduction.ts"; // prettier-ignore
export { logSoftmax, logsumexp, softmax, softmin } from "./softmax.ts";
export { chunk, split, unbind } from "./split.ts";
export {
  expand, flatten, flip, permute, reshape, slice, squeeze, t, transpose, unsqueeze,
} from "./view.ts"; // prettier-ignore
export { crossEntropy, nllLoss } from "./class-loss.ts";
export { dropout, dropout2d } from "./dropout.ts";
export {
  binaryCrossEntropy, binaryCrossEntropyWithLogits, huberLoss, l1Loss, mseLoss, smoothL1Loss,
} from "./loss.ts"; // prettier-ignore
export { bincount, countNonzero, histc, histogram } from "./counting.ts";
export { cummax, cummin, cumprod, cumsum, logcumsumexp } from "./cumulative.ts";
export { cumulativeTrapezoid, diff, trapezoid } from "./difference.ts";
export { maskedSelect, nonzero } from "./nonzero.ts";
export {
  kthvalue, median, medianWithIndices, mode, nanmedian, nanmedianWithIndices,
} from "./order-statistics.ts"; // prettier-ignore
export { nanquantile, quantile } from "./quantile.ts";
export { bucketize, searchsorted } from "./search.ts";
export { argsort, sort, topk } from "./sort.ts";
export { unique, uniqueConsecutive } from "./unique.ts";
export {
  diag,
  diagEmbed,
  diagflat,
  diagonal,
  diagonalScatter,
  matrixTrace,
  tril,
  triu,
} from "./diagonal.ts";
export { embeddingBag } from "./embedding-bag.ts";
export { aminmax, max, maxWithIndices, min, minWithIndices } from "./extremes.ts";
export {
  indexCopy, indexFill, maskedScatter, put, selectScatter, set, sliceScatter, take,
} from "./index-write.ts"; // prettier-ignore
export { corrcoef, cov, nanmean, nansum, stdMean, varMean } from "./moments.ts";
export {
  cdist, cosineSimilarity, matrixNorm, norm, normalize, pairwiseDistance, pdist, renorm, vectorNorm,
} from "./norms.ts"; // prettier-ignore
export { channelShuffle, pixelShuffle, pixelUnshuffle } from "./pixel.ts";
export {
  addbmm, addmm, addmv, addr, baddbmm, bilinear, cross, inner, kron, matrixPower, outer, tensordot, vdot,
} from "./products.ts"; // prettier-ignore
export {
  atleast1d, atleast2d, atleast3d, fliplr, flipud, moveaxis, movedim, narrow, repeat, roll, rot90, select,
  swapaxes, tile, unflatten, view,
} from "./rearrange.ts"; // prettier-ignore
export { repeatInterleave } from "./repeat-interleave.ts";
export { scatterReduce } from "./scatter-reduce.ts";
export { combinations, vander } from "./sequences.ts";
export { dsplit, hsplit, tensorSplit, vsplit } from "./stacking.ts";
export { foldImage, unfold, unfoldImage } from "./unfold.ts";
