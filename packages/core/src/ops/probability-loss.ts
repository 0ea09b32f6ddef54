// Losses between distributions: how likely targets are where predictions are parameters. Losses on
// classes are in class-loss.ts.
import { FlambeauError, ShapeError, showShape } from "../errors.ts";
import { constant, s } from "../scalar/instruction.ts";
import { type Shape, sameShape } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { add, div } from "./arithmetic.ts";
import { type Op, composite } from "./define.ts";
import { binary, ternary } from "./elementwise.ts";
import { type LossOptions, type LossReduction, reduceLoss, requireFloatInput } from "./loss.ts";
import { sum } from "./reduction.ts";
import { unsqueeze } from "./view.ts";

export interface KlOptions {
  /** `batchmean` is the sum divided by the length of the first axis. Default `mean`. */
  readonly reduction?: LossReduction | "batchmean";
  /** Whether the target is log probabilities. Default false. */
  readonly logTarget?: boolean;
}

/** `t · (log t - x)`, which is 0 where t is 0. */
const divergence = /* @__PURE__ */ binary("klDiv", (x, t) => {
  const safe = s.select(s.gt(t, 0), t, 1);
  return s.sub(s.mul(safe, s.log(safe)), s.mul(t, x));
});

/** `e^t · (t - x)`. */
const logDivergence = /* @__PURE__ */ binary("klDiv", (x, t) => s.mul(s.exp(t), s.sub(t, x)));

/**
 * Divergence of Kullback and Leibler from log probabilities `input` to probabilities `target`,
 * `target · (log target - input)`. The mathematical divergence is `reduction: "batchmean"`.
 */
export const klDiv: Op<(input: Tensor, target: Tensor, options?: KlOptions) => Tensor> =
  /* @__PURE__ */ composite(
    "klDiv",
    (input: Tensor, target: Tensor, { reduction = "mean", logTarget = false }: KlOptions = {}) => {
      requireFloatInput("klDiv", input);
      const losses = (logTarget ? logDivergence : divergence)(input, target);
      if (reduction !== "batchmean") return reduceLoss("klDiv", losses, reduction);
      return div(sum(losses), Math.max(input.shape[0] ?? 1, 1));
    },
    {
      samples: [
        (make) => [make([2, 3], -3, 0), make([2, 3], 0.1, 1)],
        (make) => [make([2, 3], -3, 0), make([2, 3], 0.1, 1), { reduction: "batchmean" }],
        (make) => [make([2, 3], -3, 0), make([3], -3, 0), { reduction: "sum", logTarget: true }],
        (make) => [make([3], -3, 0), make([3], 0.1, 1), { reduction: "none" }],
      ],
      dtypes: ["float32", "float64"],
    },
  );

export interface PoissonOptions extends LossOptions {
  /** Whether the input is the logarithm of the rate. Default true. */
  readonly logInput?: boolean;
  /** Adds Stirling's approximation of `log target!`. Default false. */
  readonly full?: boolean;
  /** Keeps the logarithm of rates finite. Default 1e-8. */
  readonly eps?: number;
}

const logRateError = /* @__PURE__ */ binary("poissonNllLoss", (x, t) =>
  s.sub(s.exp(x), s.mul(t, x)),
);
const rateError = /* @__PURE__ */ ternary("poissonNllLoss", (x, t, eps) =>
  s.sub(x, s.mul(t, s.log(s.add(x, eps)))),
);
/** What is added: `t log t - t + log(2πt) / 2` above 1. */
const withStirling = /* @__PURE__ */ binary("poissonNllLoss", (loss, t) => {
  const safe = s.select(s.gt(t, 1), t, 1);
  const term = s.add(
    s.sub(s.mul(safe, s.log(safe)), safe),
    s.mul(0.5, s.log(s.mul(2 * Math.PI, safe))),
  );
  return s.add(loss, s.select(s.gt(t, 1), term, constant(0, loss.dtype)));
});

/** Negative log likelihood of counts under Poisson distributions with rate `e^input`. */
export const poissonNllLoss: Op<
  (input: Tensor, target: Tensor, options?: PoissonOptions) => Tensor
> = /* @__PURE__ */ composite(
  "poissonNllLoss",
  (input: Tensor, target: Tensor, options: PoissonOptions = {}): Tensor => {
    requireFloatInput("poissonNllLoss", input);
    const { logInput = true, full = false, eps = 1e-8, reduction = "mean" } = options;
    const losses = logInput ? logRateError(input, target) : rateError(input, target, eps);
    return reduceLoss("poissonNllLoss", full ? withStirling(losses, target) : losses, reduction);
  },
  {
    samples: [
      (make) => [make([2, 3]), make([2, 3], 0, 4)],
      (make) => [make([2, 3], 0.5, 3), make([2, 3], 0, 4), { logInput: false, eps: 1e-3 }],
      (make) => [make([4]), make([4], 1.5, 4), { full: true, reduction: "sum" }],
      (make) => [make([2]), make([2], 0, 0.9), { full: true, reduction: "none" }],
    ],
    dtypes: ["float32", "float64"],
    skips: { tied: "at target 1 the approximation begins with a step" },
  },
);

export interface GaussianOptions extends LossOptions {
  /** Adds the constant `log(2π) / 2`. Default false. */
  readonly full?: boolean;
  /** The least variance; what is below counts as this, with the gradient of this. Default 1e-6. */
  readonly eps?: number;
}

const gaussianError = /* @__PURE__ */ ternary("gaussianNllLoss", (x, t, variance) => {
  const d = s.sub(x, t);
  return s.mul(0.5, s.add(s.log(variance), s.div(s.mul(d, d), variance)));
});

/** `max(variance, eps)`, through which gradients pass as they are. */
const atLeast = /* @__PURE__ */ binary("gaussianNllLoss", (x, least) => s.max(x, least), {
  gradient: (_operands, _result, grad) => [grad, undefined],
});

/** The variance of each element, or of each row. */
function alignedVariance(shape: Shape, variance: Tensor): Tensor {
  if (variance.ndim === 0 || sameShape(variance.shape, shape)) return variance;
  if (sameShape(variance.shape, shape.slice(0, -1))) return unsqueeze(variance, -1);
  if (sameShape(variance.shape, [...shape.slice(0, -1), 1])) return variance;
  throw new ShapeError(
    `gaussianNllLoss: predictions of shape ${showShape(shape)} need variances of that shape, or one ` +
      `per row ${showShape([...shape.slice(0, -1), 1])}, got ${showShape(variance.shape)}.`,
  );
}

/** Negative log likelihood of targets under normal distributions with mean `input` and `variance`. */
export const gaussianNllLoss: Op<
  (input: Tensor, target: Tensor, variance: Tensor, options?: GaussianOptions) => Tensor
> = /* @__PURE__ */ composite(
  "gaussianNllLoss",
  (input: Tensor, target: Tensor, variance: Tensor, options: GaussianOptions = {}): Tensor => {
    requireFloatInput("gaussianNllLoss", input);
    const { full = false, eps = 1e-6, reduction = "mean" } = options;
    if (!(eps > 0)) throw new FlambeauError(`gaussianNllLoss: eps is positive, got ${eps}.`);
    const safe = atLeast(alignedVariance(input.shape, variance), eps);
    const losses = gaussianError(input, target, safe);
    const shifted = full ? add(losses, Math.log(2 * Math.PI) / 2) : losses;
    return reduceLoss("gaussianNllLoss", shifted, reduction);
  },
  {
    samples: [
      (make) => [make([2, 3]), make([2, 3]), make([2, 3], 0.5, 2)],
      (make) => [make([2, 3]), make([2, 3]), make([2], 0.5, 2), { full: true, reduction: "sum" }],
      (make) => [make([2, 3]), make([2, 3]), make([2, 1], 0.5, 2), { eps: 0.1, reduction: "none" }],
    ],
    dtypes: ["float32", "float64"],
  },
);
