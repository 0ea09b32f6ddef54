// Distributions of whole numbers: Bernoulli, geometric, Poisson, binomial.
import { add, div, floor, ge, mul, neg, reciprocal, square, sub } from "../ops/arithmetic.ts";
import { cast } from "../ops/cast.ts";
import { arange, zerosLike } from "../ops/creation.ts";
import { type GeneratorOption, bernoulli } from "../ops/draws.ts";
import { clamp } from "../ops/masking.ts";
import { exp, log, log1p } from "../ops/math.ts";
import { rand } from "../ops/random.ts";
import { amax, sum } from "../ops/reduction.ts";
import { binomial, poisson } from "../ops/rejection.ts";
import { lgamma, xlog1py, xlogy } from "../ops/special.ts";
import { expand, reshape } from "../ops/view.ts";
import { FlambeauError } from "../errors.ts";
import type { Shape } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import * as constraint from "./constraint.ts";
import { Distribution, type DistributionOptions } from "./distribution.ts";
import { type Odds, type Value, aligned, bernoulliLogProb, givenOdds, logitsOf, probsOf, softplusOf } from "./parameters.ts"; // prettier-ignore

export type OddsOptions = Odds & DistributionOptions;

/** A distribution of a probability that is given as it is or as a logit. */
abstract class OddsDistribution extends Distribution {
  /** What was given. */
  protected readonly given: Tensor;
  protected readonly isLogits: boolean;

  constructor(name: string, options: OddsOptions, allowed: constraint.Constraint) {
    const kind = givenOdds(name, options);
    const { given } = aligned(name, { given: options[kind]! });
    super(given.shape, [], options);
    this.given = given;
    this.isLogits = kind === "logits";
    if (!this.validates) return;
    const set = this.isLogits ? constraint.real : allowed;
    constraint.requireConstraint(`${name}: ${kind}`, given, set);
  }

  get probs(): Tensor {
    return this.isLogits ? probsOf(this.given) : this.given;
  }

  get logits(): Tensor {
    return this.isLogits ? this.given : logitsOf(this.given);
  }

  /** The parameter as constructors take it, of another batch shape. */
  protected expandedOdds(shape: Shape): OddsOptions {
    const given = expand(this.given, shape);
    return { [this.isLogits ? "logits" : "probs"]: given, validateArgs: false };
  }
}

/** 1 with a probability, else 0. */
export class Bernoulli extends OddsDistribution {
  readonly name = "Bernoulli";
  readonly support = constraint.isBoolean;

  constructor(options: OddsOptions) {
    super("Bernoulli", options, constraint.unitInterval);
  }

  expand(shape: Shape): Bernoulli {
    return new Bernoulli(this.expandedOdds(shape));
  }

  protected draw(shape: Shape, options: GeneratorOption): Tensor {
    return bernoulli(expand(this.probs, shape), options);
  }

  protected logDensity(value: Tensor): Tensor {
    return bernoulliLogProb(this.logits, value);
  }

  protected override uncertainty(): Tensor {
    return neg(bernoulliLogProb(this.logits, this.probs));
  }

  protected override expectation(): Tensor {
    return this.probs;
  }

  protected override spread(): Tensor {
    const { probs } = this;
    return mul(probs, sub(1, probs));
  }

  /** 1 from a probability of 1/2 on; PyTorch gives NaN at 1/2. */
  protected override peak(): Tensor {
    return cast(ge(this.probs, 0.5), this.given.dtype);
  }

  override enumerateSupport({ expand: wide = true } = {}): Tensor {
    return listed(arange(0, 2, { dtype: this.given.dtype, device: this.given.device }), this.batchShape, wide); // prettier-ignore
  }
}

/** The failures before the first success: 0, 1, 2, … (`geometric()` counts the success too). */
export class Geometric extends OddsDistribution {
  readonly name = "Geometric";
  readonly support = constraint.nonnegativeInteger;

  constructor(options: OddsOptions) {
    super("Geometric", options, constraint.openUnitInterval);
  }

  expand(shape: Shape): Geometric {
    return new Geometric(this.expandedOdds(shape));
  }

  protected draw(shape: Shape, { generator }: GeneratorOption): Tensor {
    const { dtype, device } = this.given;
    const uniform = rand(shape, { dtype, device, generator });
    return floor(div(log1p(neg(uniform)), log1p(neg(this.probs))));
  }

  protected logDensity(value: Tensor): Tensor {
    const { probs } = this;
    return add(xlog1py(value, neg(probs)), log(probs));
  }

  protected override uncertainty(): Tensor {
    const { probs } = this;
    return div(neg(bernoulliLogProb(this.logits, probs)), probs);
  }

  protected override expectation(): Tensor {
    return sub(reciprocal(this.probs), 1);
  }

  protected override spread(): Tensor {
    const { probs } = this;
    return div(sub(reciprocal(probs), 1), probs);
  }

  protected override peak(): Tensor {
    return zerosLike(this.given);
  }
}

/** Counts of events at a given rate. */
export class Poisson extends Distribution {
  readonly name = "Poisson";
  readonly support = constraint.nonnegativeInteger;
  readonly rate: Tensor;

  constructor(rate: Value, options?: DistributionOptions) {
    const given = aligned("Poisson", { rate });
    super(given.rate.shape, [], options);
    this.rate = given.rate;
    this.requireParameter("rate", this.rate, constraint.nonnegative);
  }

  expand(shape: Shape): Poisson {
    return new Poisson(expand(this.rate, shape), { validateArgs: false });
  }

  protected draw(shape: Shape, options: GeneratorOption): Tensor {
    return poisson(expand(this.rate, shape), options);
  }

  protected logDensity(value: Tensor): Tensor {
    return sub(sub(xlogy(value, this.rate), this.rate), lgamma(add(value, 1)));
  }

  protected override expectation(): Tensor {
    return this.rate;
  }

  protected override spread(): Tensor {
    return this.rate;
  }

  protected override peak(): Tensor {
    return floor(this.rate);
  }
}

/** The successes of `totalCount` trials. */
export class Binomial extends OddsDistribution {
  readonly name = "Binomial";
  readonly support: constraint.Constraint;
  /** The trials, in the dtype and shape of the probabilities. */
  readonly totalCount: Tensor;

  constructor(totalCount: Value, options: OddsOptions) {
    const kind = givenOdds("Binomial", options);
    const both = aligned("Binomial", { totalCount, odds: options[kind]! });
    super("Binomial", { ...options, [kind]: both.odds }, constraint.unitInterval);
    this.totalCount = both.totalCount;
    this.support = constraint.integersUpTo(this.totalCount);
    this.requireParameter("totalCount", this.totalCount, constraint.nonnegativeInteger);
  }

  expand(shape: Shape): Binomial {
    return new Binomial(expand(this.totalCount, shape), this.expandedOdds(shape));
  }

  protected draw(shape: Shape, options: GeneratorOption): Tensor {
    return binomial(expand(this.totalCount, shape), expand(this.probs, shape), options);
  }

  protected logDensity(value: Tensor): Tensor {
    const { totalCount: n } = this;
    const rest = sub(n, value);
    const ways = sub(lgamma(add(n, 1)), add(lgamma(add(value, 1)), lgamma(add(rest, 1))));
    if (!this.isLogits) {
      const { probs } = this;
      return add(ways, add(xlogy(value, probs), xlog1py(rest, neg(probs))));
    }
    return add(ways, sub(mul(value, this.given), mul(n, softplusOf(this.given))));
  }

  /** A sum over all counts; every distribution of the batch must have the same `totalCount`. */
  protected override uncertainty(): Tensor {
    const logProb = this.logDensity(this.enumerateSupport());
    return neg(sum(mul(exp(logProb), clamp(logProb, { min: -1e30 })), 0));
  }

  protected override expectation(): Tensor {
    return mul(this.totalCount, this.probs);
  }

  protected override spread(): Tensor {
    const { probs } = this;
    return mul(this.totalCount, mul(probs, sub(1, probs)));
  }

  protected override peak(): Tensor {
    const highest = floor(mul(add(this.totalCount, 1), this.probs));
    return clamp(highest, { max: this.totalCount });
  }

  override enumerateSupport({ expand: wide = true } = {}): Tensor {
    const most = amax(this.totalCount).itemSync();
    if (sum(square(sub(this.totalCount, most))).itemSync() !== 0) {
      throw new FlambeauError(
        "Binomial.enumerateSupport: the distributions of this batch have different totalCounts. " +
          "Enumerate them one at a time.",
      );
    }
    const { dtype, device } = this.given;
    return listed(arange(0, most + 1, { dtype, device }), this.batchShape, wide);
  }
}

/** Values along a new first axis before a batch. */
export const listed = (values: Tensor, batch: Shape, isExpanded: boolean): Tensor => {
  const column = reshape(values, [values.size, ...batch.map(() => 1)]);
  return isExpanded ? expand(column, [values.size, ...batch]) : column;
};
