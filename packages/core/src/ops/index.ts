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
export { angle, conj, imag, real, sgn, viewAsComplex, viewAsReal } from "./complex.ts";
export {
  conv1d, conv2d, conv3d, convTranspose1d, convTranspose2d, convTranspose3d,
} from "./conv.ts"; // prettier-ignore
export * from "./functions.ts";
export {
  embedding, gather, indexAdd, indexSelect, oneHot, scatter, scatterAdd, takeAlongAxis,
} from "./indexing.ts"; // prettier-ignore
export { clamp, maskedFill } from "./masking.ts";
export * from "./math.ts";
export { linear } from "./linear.ts";
export { bmm, dot, matmul, mm } from "./matmul.ts";
export {
  batchNorm, groupNorm, instanceNorm, layerNorm, localResponseNorm, rmsNorm,
} from "./normalization.ts"; // prettier-ignore
export { pad } from "./pad.ts";
export {
  avgPool1d, avgPool2d, avgPool3d, maxPool1d, maxPool1dWithIndices, maxPool2d, maxPool2dWithIndices,
  maxPool3d, maxPool3dWithIndices,
} from "./pool.ts"; // prettier-ignore
export { argmax, argmin } from "./argument-reduction.ts";
export { all, amax, amin, any, mean, prod, std, sum, variance } from "./reduction.ts";
export { logSoftmax, logsumexp, softmax, softmin } from "./softmax.ts";
export { chunk, split, unbind } from "./split.ts";
export {
  expand, flatten, flip, permute, reshape, slice, squeeze, t, transpose, unsqueeze,
} from "./view.ts"; // prettier-ignore
export { crossEntropy, nllLoss } from "./class-loss.ts";
export {
  alphaDropout, dropout, dropout1d, dropout2d, dropout3d, featureAlphaDropout,
} from "./dropout.ts"; // prettier-ignore
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
  addbmm, addmm, addmv, addr, baddbmm, bilinear, cross, inner, kron, outer, tensordot, vdot,
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
export { ctcLoss } from "./ctc-loss.ts";
export {
  cosineEmbeddingLoss,
  tripletMarginLoss,
  tripletMarginWithDistanceLoss,
} from "./distance-loss.ts";
export {
  hingeEmbeddingLoss, marginRankingLoss, multiMarginLoss, multilabelMarginLoss, multilabelSoftMarginLoss,
  softMarginLoss,
} from "./margin-loss.ts"; // prettier-ignore
export { gaussianNllLoss, klDiv, poissonNllLoss } from "./probability-loss.ts";
export {
  celu, expit, glu, gumbelSoftmax, hardshrink, logsigmoid, prelu, rrelu, softshrink, tanhshrink, threshold,
} from "./activation-variants.ts"; // prettier-ignore
export { allclose, equal, isclose } from "./closeness.ts";
export { bernoulli, multinomial } from "./draws.ts";
export {
  absolute, addcdiv, addcmul, bitwiseLeftShift, bitwiseRightShift, clip, copysign, deg2rad, floatPower, fmax,
  fmin, frexp, heaviside, isneginf, isposinf, isreal, ldexp, lerp, logaddexp, logaddexp2, nanToNum, nextafter,
  positive, rad2deg, rsub, signbit, trueDivide,
} from "./pointwise.ts"; // prettier-ignore
export { binomial, poisson, standardGamma } from "./rejection.ts";
export { gammainc, gammaincc, gcd, lcm, zeta } from "./special-host.ts";
export {
  digamma, entr, erfc, erfcx, erfinv, i0, i0e, i1, i1e, lgamma, logNdtr, logit, multigammaln, mvlgamma, ndtr,
  ndtri, polygamma, sinc, xlog1py, xlogy,
} from "./special.ts"; // prettier-ignore
export { cholesky, choleskyInverse, choleskySolve } from "./linalg/cholesky.ts";
export { det, logdet, slogdet } from "./linalg/determinant.ts";
export { matrixExp, matrixPower } from "./linalg/exponential.ts";
export { inv as inverse } from "./linalg/inverse.ts";
export { luUnpack } from "./linalg/lu.ts";
export { pinverse } from "./linalg/pseudo-inverse.ts";
export { gridSample } from "./grid-sample.ts";
export { interpolate } from "./interpolate.ts";
export { lpPool1d, lpPool2d, lpPool3d, maxUnpool1d, maxUnpool2d, maxUnpool3d } from "./unpool.ts";
export { istft, stft } from "./fft/spectrogram.ts";
