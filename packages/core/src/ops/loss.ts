// Losses that compare predictions with targets element by element. Those on classes are in
// class-loss.ts.
import { isFloat } from "../dtype.ts";
import { DTypeError, FlambeauError } from "../errors.ts";
import type { TensorLike } from "../operation.ts";
import { constant, s } from "../scalar/instruction.ts";
import type { Tensor } from "../tensor.ts";
import { mul } from "./arithmetic.ts";
import { type Op, type Sample, composite } from "./define.ts";
import { binary, ternary } from "./elementwise.ts";
import { mean, sum } from "./reduction.ts";
import { inFloat32 } from "./widen.ts";

/** How the losses of the elements become one: their mean, their sum, or not at all. */
export type LossReduction = "mean" | "sum" | "none";

export interface LossOptions {
  readonly reduction?: LossReduction;
}

/** @internal */
export function requireReduction(name: string, reduction: LossReduction): void {
  if (reduction === "none" || reduction === "sum" || reduction === "mean") return;
  throw new FlambeauError(
    `${name}: reduction is "mean", "sum" or "none", got ${JSON.stringify(reduction)}.`,
  );
}

/** Applies a reduction. @internal */
export function reduceLoss(name: string, losses: Tensor, reduction: LossReduction): Tensor {
  requireReduction(name, reduction);
  return reduction === "none" ? losses : reduction === "sum" ? sum(losses) : mean(losses);
}

/** Losses are of float predictions. @internal */
export function requireFloatInput(name: string, x: Tensor): void {
  if (isFloat(x.dtype)) return;
  throw new DTypeError(`${name}: expected float predictions, got ${x.dtype}.`);
}

const pairSamples: readonly Sample[] = [
  (make) => [make([2, 3]), make([2, 3])],
  (make) => [make([2, 3]), make([2, 3]), { reduction: "sum" }],
  (make) => [make([2, 3]), make([2, 3]), { reduction: "none" }],
];
const tested = { samples: pairSamples, dtypes: ["float32", "float64"], inFloat32 } as const;

type PairLoss<O = LossOptions> = Op<(input: Tensor, target: Tensor, options?: O) => Tensor>;

const squaredError = /* @__PURE__ */ binary("mseLoss", (x, y) => {
  const d = s.sub(x, y);
  return s.mul(d, d);
});

/** Squared error, `(input - target)²`. */
export const mseLoss: PairLoss = /* @__PURE__ */ composite(
  "mseLoss",
  (input: Tensor, target: Tensor, { reduction = "mean" }: LossOptions = {}): Tensor =>
    reduceLoss("mseLoss", squaredError(input, target), reduction),
  tested,
);

const absoluteError = /* @__PURE__ */ binary("l1Loss", (x, y) => s.abs(s.sub(x, y)));

/** Absolute error, `|input - target|`. */
export const l1Loss: PairLoss = /* @__PURE__ */ composite(
  "l1Loss",
  (input: Tensor, target: Tensor, { reduction = "mean" }: LossOptions = {}): Tensor =>
    reduceLoss("l1Loss", absoluteError(input, target), reduction),
  tested,
);

const huberError = /* @__PURE__ */ ternary("huberLoss", (x, y, delta) => {
  const d = s.abs(s.sub(x, y));
  const far = s.mul(delta, s.sub(d, s.mul(0.5, delta)));
  return s.select(s.le(d, delta), s.mul(0.5, s.mul(d, d)), far);
});

export interface HuberOptions extends LossOptions {
  /** Where the square becomes a line. Default 1. */
  readonly delta?: number;
}

/** Squared near zero, absolute beyond `delta`. Huber, 1964. */
export const huberLoss: PairLoss<HuberOptions> = /* @__PURE__ */ composite(
  "huberLoss",
  (input: Tensor, target: Tensor, { delta = 1, reduction = "mean" }: HuberOptions = {}): Tensor =>
    reduceLoss("huberLoss", huberError(input, target, delta), reduction),
  { ...tested, samples: [...pairSamples, (make) => [make([3]), make([3]), { delta: 0.5 }]] },
);

const smoothError = /* @__PURE__ */ ternary("smoothL1Loss", (x, y, beta) => {
  const d = s.abs(s.sub(x, y));
  return s.select(s.lt(d, beta), s.div(s.mul(0.5, s.mul(d, d)), beta), s.sub(d, s.mul(0.5, beta)));
});

export interface SmoothL1Options extends LossOptions {
  /** Where the parabola becomes a line; 0 is `l1Loss`. Default 1. */
  readonly beta?: number;
}

/** `d² / 2β` below β, `d - β/2` above, of `d = |input - target|`. Girshick, 2015. */
export const smoothL1Loss: PairLoss<SmoothL1Options> = /* @__PURE__ */ composite(
  "smoothL1Loss",
  (input: Tensor, target: Tensor, { beta = 1, reduction = "mean" }: SmoothL1Options = {}): Tensor =>
    beta === 0
      ? l1Loss(input, target, { reduction })
      : reduceLoss("smoothL1Loss", smoothError(input, target, beta), reduction),
  { ...tested, samples: [...pairSamples, (make) => [make([3]), make([3]), { beta: 0.5 }]] },
);

export interface BinaryOptions extends LossOptions {
  /** Factors of the elements' losses; broadcast. */
  readonly weight?: Tensor;
}

const logitError = /* @__PURE__ */ ternary(
  "binaryCrossEntropyWithLogits",
  (x, y, positive) => {
    const weight = s.add(1, s.mul(s.sub(positive, 1), y));
    const soft = s.add(s.log1p(s.exp(s.neg(s.abs(x)))), s.max(s.neg(x), 0));
    return s.add(s.mul(s.sub(1, y), x), s.mul(weight, soft));
  },
  {
    gradient: ([x, y, positive], _, grad) => {
      const weight = s.add(1, s.mul(s.sub(positive!, 1), y!));
      const soft = s.add(s.log1p(s.exp(s.neg(s.abs(x!)))), s.max(s.neg(x!), 0));
      return [
        s.mul(grad, s.sub(s.sub(1, y!), s.mul(weight, s.sigmoid(s.neg(x!))))),
        s.mul(grad, s.sub(s.mul(s.sub(positive!, 1), soft), x!)),
        s.mul(grad, s.mul(y!, soft)),
      ];
    },
  },
);

export interface LogitsOptions extends BinaryOptions {
  /** Weight of positive targets, per class; broadcast. */
  readonly posWeight?: Tensor;
}

const weighted = (losses: Tensor, weight: TensorLike | undefined): Tensor =>
  weight === undefined ? losses : mul(losses, weight);

/** Cross-entropy of `sigmoid(input)` and targets in `[0, 1]`, without overflow. */
export const binaryCrossEntropyWithLogits: PairLoss<LogitsOptions> = /* @__PURE__ */ composite(
  "binaryCrossEntropyWithLogits",
  (
    input: Tensor,
    target: Tensor,
    { weight, posWeight, reduction = "mean" }: LogitsOptions = {},
  ): Tensor => {
    requireFloatInput("binaryCrossEntropyWithLogits", input);
    const losses = logitError(input, target, posWeight ?? 1);
    return reduceLoss("binaryCrossEntropyWithLogits", weighted(losses, weight), reduction);
  },
  {
    inFloat32,
    samples: [
      (make) => [make([2, 3]), make([2, 3], 0, 1)],
      (make) => [make([2, 3]), make([2, 3], 0, 1), { reduction: "sum", posWeight: make([3], 1, 2) }],
      (make) => [make([2, 3]), make([2, 3], 0, 1), { reduction: "none", weight: make([2, 3], 0, 1) }],
    ],
    dtypes: ["float32", "float64"],
  },
); // prettier-ignore

/** Logarithms are cut at -100, as PyTorch does, so that the loss stays finite. */
const probabilityError = /* @__PURE__ */ binary(
  "binaryCrossEntropy",
  (p, y) => {
    const yes = s.max(s.log(p), -100);
    const no = s.max(s.log1p(s.neg(p)), -100);
    return s.sub(s.mul(s.sub(y, 1), no), s.mul(y, yes));
  },
  {
    gradient: ([p, y], _, grad) => {
      const spread = s.max(s.mul(s.sub(1, p!), p!), constant(1e-12, grad.dtype));
      const yes = s.max(s.log(p!), -100);
      const no = s.max(s.log1p(s.neg(p!)), -100);
      return [s.mul(grad, s.div(s.sub(p!, y!), spread)), s.mul(grad, s.sub(no, yes))];
    },
  },
);

/** Cross-entropy of probabilities and targets in `[0, 1]`. */
export const binaryCrossEntropy: PairLoss<BinaryOptions> = /* @__PURE__ */ composite(
  "binaryCrossEntropy",
  (input: Tensor, target: Tensor, { weight, reduction = "mean" }: BinaryOptions = {}): Tensor => {
    requireFloatInput("binaryCrossEntropy", input);
    return reduceLoss("binaryCrossEntropy", weighted(probabilityError(input, target), weight), reduction); // prettier-ignore
  },
  {
    inFloat32,
    samples: [
      (make) => [make([2, 3], 0.1, 0.9), make([2, 3], 0, 1)],
      (make) => [make([3], 0.1, 0.9), make([3], 0, 1), { reduction: "sum", weight: make([3], 0, 1) }],
    ],
    dtypes: ["float32", "float64"],
  },
); // prettier-ignore
