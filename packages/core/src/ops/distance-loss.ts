// Losses on distances and angles between vectors, for embeddings that should lie close or apart.
import { FlambeauError } from "../errors.ts";
import { constant, s } from "../scalar/instruction.ts";
import type { Tensor } from "../tensor.ts";
import { add, minimum, mul } from "./arithmetic.ts";
import { cast } from "./cast.ts";
import { type Op, composite, kinked } from "./define.ts";
import { elementwise, ternary } from "./elementwise.ts";
import { type LossOptions, reduceLoss, requireFloatInput } from "./loss.ts";
import type { MarginOptions } from "./margin-loss.ts";
import { pairwiseDistance } from "./norms.ts";
import { sum } from "./reduction.ts";

const floats = ["float32", "float64"] as const;

/** Of the inner product and both squared lengths. */
const cosineError = /* @__PURE__ */ elementwise<
  (inner: Tensor, first: Tensor, second: Tensor, target: Tensor, margin: number) => Tensor
>("cosineEmbeddingLoss", (inner, first, second, target, margin) => {
  const eps = 1e-12;
  const zero = constant(0, inner!.dtype);
  const lengths = s.sqrt(s.mul(s.add(first!, eps), s.add(second!, eps)));
  const cosine = s.div(inner!, lengths);
  const beyond = s.sub(cosine, margin!);
  const apart = s.select(s.lt(beyond, 0), zero, beyond);
  const unlike = s.select(s.eq(target!, -1), apart, zero);
  return s.add(s.select(s.eq(target!, 1), s.sub(1, cosine), zero), unlike);
});

/**
 * `1 - cos(first, second)` where the target is 1, `max(0, cos - margin)` where it is -1; vectors lie
 * along the last axis: `[batch, size]` with targets `[batch]`, or `[size]`. Margin 0 by default.
 */
export const cosineEmbeddingLoss: Op<
  (first: Tensor, second: Tensor, target: Tensor, options?: MarginOptions) => Tensor
> = /* @__PURE__ */ composite(
  "cosineEmbeddingLoss",
  (first: Tensor, second: Tensor, target: Tensor, options: MarginOptions = {}): Tensor => {
    requireFloatInput("cosineEmbeddingLoss", first);
    const { margin = 0, reduction = "mean" } = options;
    const product = (a: Tensor, b: Tensor) => sum(mul(a, b), -1);
    const inner = product(first, second);
    const squares = [product(first, first), product(second, second)] as const;
    const losses = cosineError(inner, ...squares, cast(target, first.dtype), margin);
    return reduceLoss("cosineEmbeddingLoss", losses, reduction);
  },
  {
    samples: [
      (make) => [make([3, 4]), make([3, 4]), add(mul(make.booleans([3]) as Tensor, 2), -1)],
      (make) => [make([4]), make([4]), add(mul(make.booleans([]) as Tensor, 2), -1), { margin: -0.5, reduction: "sum" }],
    ],
    dtypes: floats,
    skips: { ...kinked, large: "cosines of ±1 lie near the kink" },
  },
); // prettier-ignore

/** `max(0, margin + positive - negative)`. */
const tripletError = /* @__PURE__ */ ternary("tripletMarginLoss", (positive, negative, margin) => {
  const gap = s.sub(s.add(margin, positive), negative);
  return s.select(s.lt(gap, 0), constant(0, gap.dtype), gap);
});

export interface TripletOptions extends LossOptions {
  /** How much farther the negative should be than the positive. Default 1. */
  readonly margin?: number;
  /** Takes the distance from positive to negative where that is smaller. Default false. */
  readonly swap?: boolean;
}

export interface TripletDistanceOptions extends TripletOptions {
  /** Distances of vectors along the last axis, `[…, size]` → `[…]`. Default Euclidean. */
  readonly distanceFunction?: (a: Tensor, b: Tensor) => Tensor;
}

export interface TripletMarginOptions extends TripletOptions {
  /** The norm. Default 2. */
  readonly p?: number;
  /** Added to the difference. Default 1e-6. */
  readonly eps?: number;
}

type Triplet<O> = (anchor: Tensor, positive: Tensor, negative: Tensor, options?: O) => Tensor;

function tripletLoss(
  name: string,
  [anchor, positive, negative]: readonly [Tensor, Tensor, Tensor],
  distance: (a: Tensor, b: Tensor) => Tensor,
  { margin = 1, swap = false, reduction = "mean" }: TripletOptions,
): Tensor {
  requireFloatInput(name, anchor);
  const near = distance(anchor, positive);
  const far = distance(anchor, negative);
  const other = swap ? minimum(far, distance(positive, negative)) : far;
  return reduceLoss(name, tripletError(near, other, margin), reduction);
}

/**
 * `max(0, margin + d(anchor, positive) - d(anchor, negative))` with the p-norm of differences along the
 * last axis. Schroff et al., 2015; the swap is Balntas et al., 2016.
 */
export const tripletMarginLoss: Op<Triplet<TripletMarginOptions>> = /* @__PURE__ */ composite(
  "tripletMarginLoss",
  (anchor: Tensor, positive: Tensor, negative: Tensor, options: TripletMarginOptions = {}): Tensor => {
    const { p = 2, eps = 1e-6 } = options;
    const distance = (a: Tensor, b: Tensor) => pairwiseDistance(a, b, { p, eps });
    return tripletLoss("tripletMarginLoss", [anchor, positive, negative], distance, options);
  },
  {
    samples: [
      (make) => [make([3, 4]), make([3, 4]), make([3, 4])],
      (make) => [make([2, 4]), make([2, 4]), make([2, 4]), { p: 3, margin: 2, swap: true, reduction: "none" }],
      (make) => [make([4]), make([4]), make([4]), { eps: 1e-3, reduction: "sum" }],
    ],
    dtypes: floats,
    skips: kinked,
  },
); // prettier-ignore

/** `tripletMarginLoss` with any distance. */
export const tripletMarginWithDistanceLoss: Op<Triplet<TripletDistanceOptions>> =
  /* @__PURE__ */ composite(
    "tripletMarginWithDistanceLoss",
    (anchor: Tensor, positive: Tensor, negative: Tensor, options: TripletDistanceOptions = {}) => {
      const { distanceFunction = (a: Tensor, b: Tensor) => pairwiseDistance(a, b) } = options;
      if (typeof distanceFunction !== "function") {
        throw new FlambeauError(
          `tripletMarginWithDistanceLoss: distanceFunction is a function of two tensors, got ` +
            `${typeof distanceFunction}.`,
        );
      }
      const triplet = [anchor, positive, negative] as const;
      return tripletLoss("tripletMarginWithDistanceLoss", triplet, distanceFunction, options);
    },
    {
      samples: [
        (make) => [make([2, 3]), make([2, 3]), make([2, 3])],
        (make) => [
          make([2, 3]),
          make([2, 3]),
          make([2, 3]),
          { distanceFunction: (a: Tensor, b: Tensor) => sum(mul(a, b), -1), swap: true, margin: 3 },
        ],
      ],
      dtypes: floats,
      skips: kinked,
    },
  );
