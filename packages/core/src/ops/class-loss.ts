// Losses on classes: negative log likelihood and cross-entropy, with class indices or probabilities.
import { isFloat, isInteger } from "../dtype.ts";
import { DTypeError, FlambeauError, IndexError, ShapeError, showShape } from "../errors.ts";
import { sameShape } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { add, div, eq, mul, ne, neg, where } from "./arithmetic.ts";
import { at } from "./at.ts";
import { cast } from "./cast.ts";
import { crossEntropyOfTargets } from "./cross-entropy.ts";
import { type Op, composite } from "./define.ts";
import { gather } from "./indexing.ts";
import { type LossOptions, type LossReduction, reduceLoss, requireFloatInput } from "./loss.ts";
import { sum } from "./reduction.ts";
import { logSoftmax } from "./softmax.ts";
import { reshape, unsqueeze } from "./view.ts";
import { inFloat32 } from "./widen.ts";

export interface ClassOptions extends LossOptions {
  /** A factor for each class, `[classes]`. */
  readonly weight?: Tensor;
  /** Targets of this value count nothing. Default -100. */
  readonly ignoreIndex?: number;
}

export interface CrossEntropyOptions extends ClassOptions {
  /** How much of the target is spread evenly over all classes, from 0 to 1. Default 0. */
  readonly labelSmoothing?: number;
}

/** Classes stand on axis 1, or on axis 0 of an unbatched vector. */
const classAxis = (x: Tensor): number => (x.ndim === 1 ? 0 : 1);

function requireWeight(name: string, weight: Tensor | undefined, classes: number): void {
  if (weight === undefined || sameShape(weight.shape, [classes])) return;
  throw new ShapeError(
    `${name}: weight has one factor per class, [${classes}], got ${showShape(weight.shape)}.`,
  );
}

/** Weights of classes along the class axis of `x`. */
const alongClasses = (weight: Tensor, x: Tensor): Tensor =>
  reshape(
    weight,
    x.shape.map((n, axis) => (axis === classAxis(x) ? n : 1)),
  );

interface Picked {
  /** `-weight[target] · log p[target]` for each target; 0 where it is ignored. */
  readonly losses: Tensor;
  /** `weight[target]`, or 1; 0 where it is ignored. */
  readonly weights: Tensor;
}

function pick(
  name: string,
  logProbabilities: Tensor,
  target: Tensor,
  weight: Tensor | undefined,
  ignoreIndex: number,
): Picked {
  const axis = classAxis(logProbabilities);
  const counts = ne(target, ignoreIndex);
  const classes = where(counts, target, 0);
  let picked: Tensor;
  try {
    picked = reshape(gather(logProbabilities, axis, unsqueeze(classes, axis)), target.shape);
  } catch (error) {
    if (!(error instanceof IndexError)) throw error;
    // The cause is the kernel's own message, without the name of the op that picked.
    const { message } = error.cause instanceof Error ? error.cause : error;
    throw new IndexError(`${name}: ${message}`, { cause: error });
  }
  const one = cast(counts, logProbabilities.dtype);
  const weights = weight === undefined ? one : mul(at(weight, classes), one);
  return { losses: neg(where(counts, mul(picked, weights), 0)), weights };
}

/** The mean of class losses is weighted by the classes. */
function reduceClassLoss(name: string, { losses, weights }: Picked, reduction: LossReduction) {
  return reduction === "mean"
    ? div(sum(losses), sum(weights))
    : reduceLoss(name, losses, reduction);
}

function requireIndexShape(name: string, input: Tensor, target: Tensor): void {
  const axis = classAxis(input);
  const expected = input.shape.filter((_, i) => i !== axis);
  if (input.ndim > 0 && sameShape(expected, target.shape)) return;
  throw new ShapeError(
    `${name}: predictions of shape ${showShape(input.shape)} (classes on axis ${axis}) need targets ` +
      `of shape ${showShape(expected)}, got ${showShape(target.shape)}.`,
  );
}

/**
 * Negative log likelihood: `-weight[target] · input[target]`, input `[n, classes, …]` of log
 * probabilities, target `[n, …]` of class indices. The mean is weighted.
 */
export const nllLoss: Op<(input: Tensor, target: Tensor, options?: ClassOptions) => Tensor> =
  /* @__PURE__ */ composite(
    "nllLoss",
    (
      input: Tensor,
      target: Tensor,
      { weight, ignoreIndex = -100, reduction = "mean" }: ClassOptions = {},
    ): Tensor => {
      requireFloatInput("nllLoss", input);
      requireIndexShape("nllLoss", input, target);
      requireIndices("nllLoss", input, target);
      requireWeight("nllLoss", weight, input.shape[classAxis(input)]!);
      const picked = pick("nllLoss", input, target, weight, ignoreIndex);
      return reduceClassLoss("nllLoss", picked, reduction);
    },
    {
      inFloat32,
      samples: [
        (make) => [make([3, 4]), make.integers([3], 0, 4)],
        (make) => [make([4]), make.integers([], 0, 4), { reduction: "sum" }],
        (make) => [make([2, 3, 2]), make.integers([2, 2], 0, 3), { reduction: "none", weight: make([3], 0.5, 2) }],
        (make) => [make([3, 4]), make.integers([3], 0, 4), { ignoreIndex: 1 }],
      ],
      dtypes: ["float32", "float64"],
    },
  ); // prettier-ignore

function requireIndices(name: string, input: Tensor, target: Tensor): void {
  if (isInteger(target.dtype)) return;
  throw new DTypeError(
    `${name}: class indices are integers, got ${target.dtype} of shape ${showShape(target.shape)}. ` +
      `Convert labels with to("int64"); class probabilities have the shape of the predictions, ` +
      `${showShape(input.shape)}.`,
  );
}

/** Targets as probabilities: the loss is the mean over all but the class axis. */
function probabilityLoss(
  logProbabilities: Tensor,
  target: Tensor,
  { weight, labelSmoothing = 0, reduction = "mean" }: CrossEntropyOptions,
): Tensor {
  const axis = classAxis(logProbabilities);
  const classes = logProbabilities.shape[axis]!;
  const smooth =
    labelSmoothing === 0 ? target : add(mul(target, 1 - labelSmoothing), labelSmoothing / classes);
  const terms = mul(logProbabilities, smooth);
  const weighted = weight === undefined ? terms : mul(terms, alongClasses(weight, terms));
  const losses = neg(sum(weighted, axis));
  return reduction === "mean"
    ? div(sum(losses), losses.size)
    : reduceLoss("crossEntropy", losses, reduction);
}

function indexLoss(logProbabilities: Tensor, target: Tensor, options: CrossEntropyOptions): Tensor {
  const { weight, ignoreIndex = -100, reduction = "mean", labelSmoothing = 0 } = options;
  const picked = pick("crossEntropy", logProbabilities, target, weight, ignoreIndex);
  const sharp = reduceClassLoss("crossEntropy", picked, reduction);
  if (labelSmoothing === 0) return sharp;
  // The part spread over all classes, with the same targets ignored.
  const axis = classAxis(logProbabilities);
  const terms = weight === undefined ? logProbabilities : mul(logProbabilities, alongClasses(weight, logProbabilities)); // prettier-ignore
  const even = where(eq(target, ignoreIndex), 0, neg(sum(terms, axis)));
  const spread = reduceClassLoss(
    "crossEntropy",
    { losses: even, weights: picked.weights },
    reduction,
  );
  const share = labelSmoothing / logProbabilities.shape[axis]!;
  return add(mul(sharp, 1 - labelSmoothing), mul(spread, share));
}

/** The common case: class indices without smoothing. */
function targetLoss(input: Tensor, target: Tensor, options: CrossEntropyOptions): Tensor {
  const { weight, ignoreIndex = -100, reduction = "mean" } = options;
  const own = { weight: weight && cast(weight, input.dtype), ignoreIndex, reduction };
  if (input.ndim > 1) return crossEntropyOfTargets(input, target, own);
  const loss = crossEntropyOfTargets(unsqueeze(input, 0), unsqueeze(target, 0), own);
  return reshape(loss, []);
}

/**
 * Cross-entropy of `softmax(input)` and targets: class indices `[n, …]` (integers), or probabilities
 * with the shape of the input `[n, classes, …]` (floats). The mean over indices is weighted.
 */
export const crossEntropy: Op<
  (input: Tensor, target: Tensor, options?: CrossEntropyOptions) => Tensor
> = /* @__PURE__ */ composite(
  "crossEntropy",
  (input: Tensor, target: Tensor, options: CrossEntropyOptions = {}): Tensor => {
    requireFloatInput("crossEntropy", input);
    if (input.ndim === 0) throw new ShapeError("crossEntropy: predictions need a class axis.");
    const { labelSmoothing = 0, weight } = options;
    if (!(labelSmoothing >= 0 && labelSmoothing <= 1)) {
      throw new FlambeauError(`crossEntropy: labelSmoothing is from 0 to 1, got ${labelSmoothing}.`);
    }
    requireWeight("crossEntropy", weight, input.shape[classAxis(input)]!);
    const hasProbabilities = isFloat(target.dtype) && sameShape(target.shape, input.shape);
    if (!hasProbabilities) {
      requireIndices("crossEntropy", input, target);
      requireIndexShape("crossEntropy", input, target);
    }
    // A weight that learns, and smoothing, take the longer way.
    if (!hasProbabilities && labelSmoothing === 0 && !weight?.requiresGrad) {
      return targetLoss(input, target, options);
    }
    const logProbabilities = logSoftmax(input, classAxis(input));
    return hasProbabilities
      ? probabilityLoss(logProbabilities, target, options)
      : indexLoss(logProbabilities, target, options);
  },
  {
    inFloat32,
    samples: [
      (make) => [make([3, 4]), make.integers([3], 0, 4)],
      (make) => [make([4]), make.integers([], 0, 4)],
      (make) => [make([3, 4]), make([3, 4], 0, 1), { labelSmoothing: 0.1 }],
      (make) => [make([3, 4]), make.integers([3], 0, 4), { labelSmoothing: 0.2, weight: make([4], 0.5, 2) }],
      (make) => [make([2, 3, 2]), make.integers([2, 2], 0, 3), { reduction: "none" }],
      (make) => [make([3, 4]), make.integers([3], 0, 4), { ignoreIndex: 2, reduction: "sum" }],
      (make) => [make([3, 4]), make([3, 4], 0, 1), { weight: make([4], 0.5, 2), reduction: "sum" }],
    ],
    dtypes: ["float32", "float64"],
  },
); // prettier-ignore
