// Losses that ask for a margin: between predictions, between classes, between labels. Those on
// distances of vectors are in distance-loss.ts.
import { isInteger } from "../dtype.ts";
import { DTypeError, FlambeauError, ShapeError, showShape } from "../errors.ts";
import { constant, s } from "../scalar/instruction.ts";
import { sameShape } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { add, div, eq, gt, logicalAnd, logicalNot, lt, mul, sub, where } from "./arithmetic.ts";
import { at } from "./at.ts";
import { cast } from "./cast.ts";
import { arange } from "./creation.ts";
import { cumsum } from "./cumulative.ts";
import { type Op, composite, kinked } from "./define.ts";
import { binary, elementwise, ternary } from "./elementwise.ts";
import { gather } from "./indexing.ts";
import { type LossOptions, reduceLoss, requireFloatInput } from "./loss.ts";
import { mean, sum } from "./reduction.ts";
import { gathering } from "./selection.ts";
import { reshape, unsqueeze } from "./view.ts";

const floats = ["float32", "float64"] as const;

export interface MarginOptions extends LossOptions {
  /** How far apart is far enough. */
  readonly margin?: number;
}

const hinge = /* @__PURE__ */ ternary("hingeEmbeddingLoss", (x, y, margin) => {
  const zero = constant(0, x.dtype);
  const gap = s.sub(margin, x);
  const apart = s.select(s.lt(gap, 0), zero, gap);
  return s.add(s.select(s.eq(y, 1), zero, apart), s.select(s.eq(y, -1), zero, x));
});

/** `input` where the target is 1, `max(0, margin - input)` where it is -1. Margin 1 by default. */
export const hingeEmbeddingLoss: Op<
  (input: Tensor, target: Tensor, options?: MarginOptions) => Tensor
> = /* @__PURE__ */ composite(
  "hingeEmbeddingLoss",
  (input: Tensor, target: Tensor, { margin = 1, reduction = "mean" }: MarginOptions = {}): Tensor => {
    requireFloatInput("hingeEmbeddingLoss", input);
    const losses = hinge(input, cast(target, input.dtype), margin);
    return reduceLoss("hingeEmbeddingLoss", losses, reduction);
  },
  {
    samples: [
      (make) => [make([2, 3]), sub(mul(make.booleans([2, 3]) as Tensor, 2), 1)],
      (make) => [make([3]), sub(mul(make.booleans([3]) as Tensor, 2), 1), { margin: 0.5, reduction: "none" }],
    ],
    dtypes: floats,
    skips: kinked,
  },
); // prettier-ignore

const rank = /* @__PURE__ */ elementwise<
  (x1: Tensor, x2: Tensor, y: Tensor, margin: number) => Tensor
>("marginRankingLoss", (x1, x2, y, margin) => {
  const gap = s.add(s.mul(s.neg(y!), s.sub(x1!, x2!)), margin!);
  return s.select(s.lt(gap, 0), constant(0, gap.dtype), gap);
});

/** `max(0, margin - target · (first - second))`: target 1 ranks the first higher, -1 the second. */
export const marginRankingLoss: Op<
  (first: Tensor, second: Tensor, target: Tensor, options?: MarginOptions) => Tensor
> = /* @__PURE__ */ composite(
  "marginRankingLoss",
  (first: Tensor, second: Tensor, target: Tensor, options: MarginOptions = {}): Tensor => {
    requireFloatInput("marginRankingLoss", first);
    const { margin = 0, reduction = "mean" } = options;
    const losses = rank(first, second, cast(target, first.dtype), margin);
    return reduceLoss("marginRankingLoss", losses, reduction);
  },
  {
    samples: [
      (make) => [make([4]), make([4]), sub(mul(make.booleans([4]) as Tensor, 2), 1)],
      (make) => [make([2, 3]), make([2, 3]), sub(mul(make.booleans([3]) as Tensor, 2), 1), { margin: 0.5, reduction: "sum" }],
    ],
    dtypes: floats,
    skips: kinked,
  },
); // prettier-ignore

const soft = /* @__PURE__ */ binary("softMarginLoss", (x, y) => {
  const z = s.mul(x, y);
  return s.add(s.log1p(s.exp(s.neg(s.abs(z)))), s.max(s.neg(z), 0));
}, {
  gradient: ([x, y], _, grad) => {
    const slope = s.mul(grad, s.neg(s.sigmoid(s.neg(s.mul(x!, y!)))));
    return [s.mul(slope, y!), s.mul(slope, x!)];
  },
}); // prettier-ignore

/** `log(1 + exp(-target · input))`, targets 1 and -1; without overflow. */
export const softMarginLoss: Op<(input: Tensor, target: Tensor, options?: LossOptions) => Tensor> =
  /* @__PURE__ */ composite(
    "softMarginLoss",
    (input: Tensor, target: Tensor, { reduction = "mean" }: LossOptions = {}): Tensor => {
      requireFloatInput("softMarginLoss", input);
      const losses = soft(input, cast(target, input.dtype));
      return reduceLoss("softMarginLoss", losses, reduction);
    },
    {
      samples: [
        (make) => [make([2, 3]), make([2, 3], -1, 1)],
        (make) => [make([3]), make([3], -1, 1), { reduction: "sum" }],
      ],
      dtypes: floats,
    },
  );

export interface MultiMarginOptions extends MarginOptions {
  /** The power of each term, 1 or 2. Default 1. */
  readonly p?: 1 | 2;
  /** A factor for each class, `[classes]`. */
  readonly weight?: Tensor;
}

/** `max(0, gap)^p` where it counts. */
const power = /* @__PURE__ */ elementwise<(gap: Tensor, counts: Tensor) => Tensor>(
  "multiMarginLoss",
  (gap, counts) => s.select(s.and(counts!, s.gt(gap!, 0)), gap!, constant(0, gap!.dtype)),
  { apart: [1] },
);

/** Predictions `[batch, classes]`; without a batch as a batch of one. */
function asBatch(name: string, input: Tensor): Tensor {
  requireFloatInput(name, input);
  if (input.ndim === 1) return unsqueeze(input, 0);
  if (input.ndim === 2) return input;
  throw new ShapeError(
    `${name}: expected predictions [batch, classes] or [classes], got shape ${showShape(input.shape)}.`,
  );
}

function requireTarget(name: string, target: Tensor, shape: readonly number[]): void {
  if (!isInteger(target.dtype)) {
    throw new DTypeError(`${name}: targets are classes, integers, got ${target.dtype}. Convert with to("int64").`); // prettier-ignore
  }
  if (sameShape(target.shape, shape)) return;
  throw new ShapeError(
    `${name}: expected targets of shape ${showShape(shape)}, got ${showShape(target.shape)}.`,
  );
}

/**
 * `Σ max(0, margin - input[target] + input[i])^p / classes` over the other classes i; input
 * `[batch, classes]` or `[classes]`, target `[batch]` or `[]`. Margin 1 by default.
 */
export const multiMarginLoss: Op<
  (input: Tensor, target: Tensor, options?: MultiMarginOptions) => Tensor
> = /* @__PURE__ */ composite(
  "multiMarginLoss",
  (input: Tensor, target: Tensor, options: MultiMarginOptions = {}): Tensor => {
    const { p = 1, margin = 1, weight, reduction = "mean" } = options;
    if (p !== 1 && p !== 2) throw new FlambeauError(`multiMarginLoss: p is 1 or 2, got ${String(p)}.`);
    const x = asBatch("multiMarginLoss", input);
    requireTarget("multiMarginLoss", target, input.shape.slice(0, -1));
    const [, classes] = x.shape as [number, number];
    const wanted = reshape(target, [-1, 1]);
    const gaps = add(sub(x, gather(x, 1, wanted)), margin); // [batch, classes]
    const others = logicalNot(eq(wanted, arange(classes, undefined, { dtype: "int32", device: x.device })));
    const terms = power(gaps, others);
    const total = sum(p === 1 ? terms : mul(terms, terms), 1);
    const scaled = weight === undefined ? total : mul(total, at(weight, reshape(target, [-1])));
    const losses = reshape(div(scaled, classes), target.shape);
    return reduceLoss("multiMarginLoss", losses, reduction);
  },
  {
    samples: [
      (make) => [make([3, 4]), make.integers([3], 0, 4)],
      (make) => [make([3, 4]), make.integers([3], 0, 4), { p: 2, margin: 0.5, reduction: "sum", weight: make([4], 0.5, 2) }],
      (make) => [make([4]), make.integers([], 0, 4), { reduction: "none" }],
    ],
    dtypes: floats,
    skips: kinked,
  },
); // prettier-ignore

/**
 * `Σ max(0, 1 - input[j] + input[i]) / classes` over labels j and all that are no labels i; input and
 * target `[batch, classes]` or `[classes]`, target the labels in front, then -1.
 */
export const multilabelMarginLoss: Op<
  (input: Tensor, target: Tensor, options?: LossOptions) => Tensor
> = /* @__PURE__ */ composite(
  "multilabelMarginLoss",
  (input: Tensor, target: Tensor, { reduction = "mean" }: LossOptions = {}): Tensor => {
    const x = asBatch("multilabelMarginLoss", input);
    requireTarget("multilabelMarginLoss", target, input.shape);
    const [batch, classes] = x.shape as [number, number];
    const labels = reshape(target, [batch, classes]);
    // Labels end at the first negative number.
    const isLabel = eq(cumsum(cast(lt(labels, 0), "int32"), 1), 0);
    const safe = where(isLabel, labels, 0);
    const placed = { axis: 1, shape: [batch, classes], combine: "add" } as const;
    const isWanted = gt(gathering.place(cast(isLabel, "int32"), safe, placed), 0);
    const wanted = gather(x, 1, safe);
    const gaps = add(sub(unsqueeze(x, 1), unsqueeze(wanted, 2)), 1); // [batch, labels, classes]
    const counts = logicalAnd(unsqueeze(isLabel, 2), logicalNot(unsqueeze(isWanted, 1)));
    const total = div(sum(power(gaps, counts), [1, 2]), classes);
    const losses = reshape(total, input.shape.slice(0, -1));
    return reduceLoss("multilabelMarginLoss", losses, reduction);
  },
  {
    samples: [
      (make) => [make([2, 3]), sub(make.integers([2, 3], 0, 4) as Tensor, 1)],
      (make) => [make([4]), sub(make.integers([4], 0, 5) as Tensor, 1), { reduction: "sum" }],
      (make) => [make([2, 3]), make.integers([2, 3], 0, 3), { reduction: "none" }],
    ],
    dtypes: floats,
    skips: kinked,
  },
);

export interface MultilabelOptions extends LossOptions {
  /** A factor for each class; broadcast. */
  readonly weight?: Tensor;
}

/** Cross-entropy of `sigmoid(x)` and y. */
const labelError = /* @__PURE__ */ binary("multilabelSoftMarginLoss", (x, y) => {
  const rest = s.log1p(s.exp(s.neg(s.abs(x))));
  return s.add(s.sub(s.max(x, 0), s.mul(x, y)), rest);
}, {
  gradient: ([x, y], _, grad) => [s.mul(grad, s.sub(s.sigmoid(x!), y!)), s.mul(grad, s.neg(x!))],
}); // prettier-ignore

/** Cross-entropy of `sigmoid(input)` and targets in `[0, 1]`, averaged over the last axis. */
export const multilabelSoftMarginLoss: Op<
  (input: Tensor, target: Tensor, options?: MultilabelOptions) => Tensor
> = /* @__PURE__ */ composite(
  "multilabelSoftMarginLoss",
  (input: Tensor, target: Tensor, { weight, reduction = "mean" }: MultilabelOptions = {}): Tensor => {
    requireFloatInput("multilabelSoftMarginLoss", input);
    const errors = labelError(input, cast(target, input.dtype));
    const losses = mean(weight === undefined ? errors : mul(errors, weight), -1);
    return reduceLoss("multilabelSoftMarginLoss", losses, reduction);
  },
  {
    samples: [
      (make) => [make([2, 3]), make([2, 3], 0, 1)],
      (make) => [make([2, 3]), make([2, 3], 0, 1), { weight: make([3], 0.5, 2), reduction: "none" }],
    ],
    dtypes: floats,
  },
); // prettier-ignore
