// Every op. The export is everything: function, method, documentation, tests.
export {
  abs, add, atan2, bitwiseAnd, bitwiseNot, bitwiseOr, bitwiseXor, ceil, div, eq, floor, floorDivide,
  fmod, frac, ge, gt, isfinite, isinf, isnan, le, logicalAnd, logicalNot, logicalOr, logicalXor, lt,
  maximum, minimum, mul, ne, neg, pow, reciprocal, remainder, round, sign, square, sub, trunc,
} from "./arithmetic.ts"; // prettier-ignore
export * from "./activation.ts";
export { at } from "./at.ts";
export { cast, clone, contiguous } from "./cast.ts";
export * from "./math.ts";
export { bmm, dot, linear, matmul, mm } from "./matmul.ts";
export { pad } from "./pad.ts";
export {
  all, amax, amin, any, argmax, argmin, mean, prod, std, sum, variance,
} from "./reduction.ts"; // prettier-ignore
export {
  expand, flatten, flip, permute, reshape, slice, squeeze, t, transpose, unsqueeze,
} from "./view.ts"; // prettier-ignore
