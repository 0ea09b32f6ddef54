// Distributions over categories: which one, one-hot, and how often each in many draws.
import { type DType, isFloat } from "../dtype.ts";
import { FlambeauError } from "../errors.ts";
import { add, div, eq, mul, neg, sub, where } from "../ops/arithmetic.ts";
import { cast } from "../ops/cast.ts";
import { arange, eye, full } from "../ops/creation.ts";
import { type GeneratorOption, multinomial } from "../ops/draws.ts";
import { gather } from "../ops/indexing.ts";
import { clamp } from "../ops/masking.ts";
import { exp, log } from "../ops/math.ts";
import { argmax } from "../ops/argument-reduction.ts";
import { sum } from "../ops/reduction.ts";
import { lgamma } from "../ops/special.ts";
import { logSoftmax } from "../ops/softmax.ts";
import { expand, permute, reshape, unsqueeze } from "../ops/view.ts";
import { type Shape, broadcastShapes, sizeOf } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import * as constraint from "./constraint.ts";
import type { OddsOptions } from "./counts.ts";
import { listed } from "./counts.ts";
import { Distribution } from "./distribution.ts";
import { aligned, batchOf, expandBatch, givenOdds, margin } from "./parameters.ts";

/** Weights of rows, as normalised probabilities and their logarithms. */
interface Weights {
  readonly probs: Tensor;
  readonly logits: Tensor;
}

/** Rows `[…batch, categories]` from probabilities, which are normalised, or from logits. */
function weightsOf(name: string, options: OddsOptions): Weights {
  const kind = givenOdds(name, options);
  const { rows } = aligned(name, { rows: options[kind]! });
  batchOf(name, rows, 1);
  if (options.validateArgs ?? true) {
    const set = kind === "logits" ? constraint.realVector : weightVector;
    constraint.requireConstraint(`${name}: ${kind}`, rows, set);
  }
  if (kind === "logits") {
    const logits = logSoftmax(rows, -1);
    return { probs: exp(logits), logits };
  }
  const probs = div(rows, sum(rows, -1, { keepDims: true }));
  const eps = margin(probs.dtype);
  return { probs, logits: log(clamp(probs, { min: eps, max: 1 - eps })) };
}

const weightVector: constraint.Constraint = {
  description: "a vector of weights ≥ 0, one of them > 0",
  eventNdim: 1,
  check: (x) => {
    const negative = sum(cast(constraint.nonnegative.check(x), "float32"), -1);
    return eq(where(constraint.positive.check(sum(x, -1)), negative, -1), x.shape.at(-1)!);
  },
};

/** Weights of another batch shape. */
const expandedWeights = ({ probs, logits }: Weights, shape: Shape): Weights => ({
  probs: expandBatch(probs, shape, 1),
  logits: expandBatch(logits, shape, 1),
});

/** `Σ -p·log p` along rows. */
const entropyOf = ({ probs, logits }: Weights): Tensor =>
  neg(sum(mul(probs, clamp(logits, { min: -1e30 })), -1));

/** Positions drawn for the batch, `[…sample, …batch]` of the given shape. */
function positionsFrom({ probs }: Weights, shape: Shape, options: GeneratorOption): Tensor {
  const categories = probs.shape.at(-1)!;
  const batch = probs.shape.slice(0, -1);
  const samples = shape.slice(0, shape.length - batch.length);
  const rows = reshape(probs, [sizeOf(batch), categories]);
  const drawn = multinomial(rows, Math.max(1, sizeOf(samples)), { ...options, replacement: true });
  if (sizeOf(samples) === 0) return full(shape, 0, { dtype: "int32", device: probs.device });
  return reshape(permute(drawn, [1, 0]), shape);
}

/** `log p` of positions. */
function logitsAt(logits: Tensor, positions: Tensor): Tensor {
  const shape = broadcastShapes("Categorical", positions.shape, logits.shape.slice(0, -1));
  const whole = isFloat(positions.dtype) ? cast(positions, "int32") : positions;
  const index = unsqueeze(expand(whole, shape), -1);
  const rows = expand(logits, [...shape, logits.shape.at(-1)!]);
  return reshape(gather(rows, -1, index), shape);
}

/** Rows of zeros with a 1 at each position. */
const hotRows = (positions: Tensor, categories: number, dtype: DType): Tensor =>
  cast(
    eq(unsqueeze(positions, -1), arange(0, categories, { dtype: "int32", device: positions.device })),
    dtype,
  ); // prettier-ignore

/** One of n categories, as its position (int32), with probabilities or logits `[…batch, n]`. */
export class Categorical extends Distribution {
  readonly name = "Categorical";
  readonly support: constraint.Constraint;
  readonly probs: Tensor;
  /** Normalised: `log(probs)`. */
  readonly logits: Tensor;

  constructor(options: OddsOptions) {
    const { probs, logits } = weightsOf("Categorical", options);
    super(probs.shape.slice(0, -1), [], options);
    this.probs = probs;
    this.logits = logits;
    this.support = constraint.integersUpTo(this.numEvents - 1);
  }

  get numEvents(): number {
    return this.probs.shape.at(-1)!;
  }

  expand(shape: Shape): Categorical {
    const { logits } = expandedWeights(this, shape);
    return new Categorical({ logits, validateArgs: false });
  }

  protected draw(shape: Shape, options: GeneratorOption): Tensor {
    return positionsFrom(this, shape, options);
  }

  protected logDensity(value: Tensor): Tensor {
    return logitsAt(this.logits, value);
  }

  protected override uncertainty(): Tensor {
    return entropyOf(this);
  }

  /** Categories have no mean: NaN, as in PyTorch. */
  protected override expectation(): Tensor {
    return full(this.batchShape, NaN, { dtype: this.probs.dtype, device: this.probs.device });
  }

  protected override spread(): Tensor {
    return this.expectation();
  }

  protected override peak(): Tensor {
    return argmax(this.probs, -1);
  }

  override enumerateSupport({ expand: wide = true } = {}): Tensor {
    const { device } = this.probs;
    return listed(arange(0, this.numEvents, { dtype: "int32", device }), this.batchShape, wide);
  }
}

/** One of n categories, as a vector with a 1 at its position. */
export class OneHotCategorical extends Distribution {
  readonly name = "OneHotCategorical";
  readonly support = constraint.oneHotVector;
  readonly probs: Tensor;
  readonly logits: Tensor;

  constructor(options: OddsOptions) {
    const { probs, logits } = weightsOf("OneHotCategorical", options);
    super(probs.shape.slice(0, -1), probs.shape.slice(-1), options);
    this.probs = probs;
    this.logits = logits;
  }

  expand(shape: Shape): OneHotCategorical {
    const { logits } = expandedWeights(this, shape);
    return new OneHotCategorical({ logits, validateArgs: false });
  }

  protected draw(shape: Shape, options: GeneratorOption): Tensor {
    const positions = positionsFrom(this, shape.slice(0, -1), options);
    return hotRows(positions, shape.at(-1)!, this.probs.dtype);
  }

  protected logDensity(value: Tensor): Tensor {
    return logitsAt(this.logits, argmax(value, -1));
  }

  protected override uncertainty(): Tensor {
    return entropyOf(this);
  }

  protected override expectation(): Tensor {
    return this.probs;
  }

  protected override spread(): Tensor {
    return mul(this.probs, sub(1, this.probs));
  }

  protected override peak(): Tensor {
    return hotRows(argmax(this.probs, -1), this.probs.shape.at(-1)!, this.probs.dtype);
  }

  override enumerateSupport({ expand: wide = true } = {}): Tensor {
    const { dtype, device, shape } = this.probs;
    const n = shape.at(-1)!;
    const rows = reshape(eye(n, n, { dtype, device }), [n, ...this.batchShape.map(() => 1), n]);
    return wide ? expand(rows, [n, ...shape]) : rows;
  }
}

/** How often each category comes in `totalCount` draws. */
export class Multinomial extends Distribution {
  readonly name = "Multinomial";
  readonly support: constraint.Constraint;
  readonly totalCount: number;
  readonly probs: Tensor;
  readonly logits: Tensor;

  constructor(totalCount: number, options: OddsOptions) {
    if (!Number.isInteger(totalCount) || totalCount < 0) {
      throw new FlambeauError(
        `Multinomial: expected totalCount, a whole number ≥ 0 (the same for the batch), got ` +
          `${String(totalCount)}.`,
      );
    }
    const { probs, logits } = weightsOf("Multinomial", options);
    super(probs.shape.slice(0, -1), probs.shape.slice(-1), options);
    this.totalCount = totalCount;
    this.probs = probs;
    this.logits = logits;
    this.support = {
      description: `a vector of whole numbers ≥ 0 that sum to ${totalCount}`,
      eventNdim: 1,
      check: (x) => {
        const whole = sum(cast(constraint.nonnegativeInteger.check(x), "float32"), -1);
        return eq(where(eq(sum(x, -1), totalCount), whole, -1), x.shape.at(-1)!);
      },
    };
  }

  expand(shape: Shape): Multinomial {
    const { logits } = expandedWeights(this, shape);
    return new Multinomial(this.totalCount, { logits, validateArgs: false });
  }

  protected draw(shape: Shape, options: GeneratorOption): Tensor {
    const positions = positionsFrom(this, [this.totalCount, ...shape.slice(0, -1)], options);
    return sum(hotRows(positions, shape.at(-1)!, this.probs.dtype), 0);
  }

  protected logDensity(value: Tensor): Tensor {
    const ways = sub(lgamma(add(sum(value, -1), 1)), sum(lgamma(add(value, 1)), -1));
    // 0 · -∞ counts as 0.
    const never = eq(value, 0);
    return add(ways, sum(where(never, 0, mul(value, where(never, 0, this.logits))), -1));
  }

  protected override expectation(): Tensor {
    return mul(this.probs, this.totalCount);
  }

  protected override spread(): Tensor {
    return mul(mul(this.probs, sub(1, this.probs)), this.totalCount);
  }
}
