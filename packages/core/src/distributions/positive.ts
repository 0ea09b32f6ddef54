// Distributions on intervals and half-lines by their quantiles: uniform, exponential, Weibull, Pareto.
import { add, div, ge, gt, logicalAnd, lt, mul, neg, pow, reciprocal, square, sub, where } from "../ops/arithmetic.ts"; // prettier-ignore
import { zerosLike } from "../ops/creation.ts";
import type { GeneratorOption } from "../ops/draws.ts";
import { clamp } from "../ops/masking.ts";
import { exp, expm1, log, log1p } from "../ops/math.ts";
import { rand } from "../ops/random.ts";
import { lgamma } from "../ops/special.ts";
import { expand } from "../ops/view.ts";
import type { Shape } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import * as constraint from "./constraint.ts";
import { Distribution, type DistributionOptions } from "./distribution.ts";
import { euler } from "./location-scale.ts";
import { type Value, above, aligned, placed } from "./parameters.ts";

const uniform = (like: Tensor, shape: Shape, { generator }: GeneratorOption): Tensor =>
  rand(shape, { dtype: like.dtype, device: like.device, generator });

/** All values from `low` up to but without `high`, equally likely. */
export class Uniform extends Distribution {
  readonly name = "Uniform";
  readonly support: constraint.Constraint;
  override readonly hasRsample = true;
  readonly low: Tensor;
  readonly high: Tensor;

  constructor(low: Value, high: Value, options?: DistributionOptions) {
    const both = aligned("Uniform", { low, high });
    super(both.low.shape, [], options);
    ({ low: this.low, high: this.high } = both);
    this.support = constraint.interval(this.low, this.high);
    this.requireParameter("high - low", sub(this.high, this.low), constraint.positive);
  }

  expand(shape: Shape): Uniform {
    return new Uniform(expand(this.low, shape), expand(this.high, shape), { validateArgs: false });
  }

  get #width(): Tensor {
    return sub(this.high, this.low);
  }

  protected draw(shape: Shape, options: GeneratorOption): Tensor {
    return placed(uniform(this.low, shape, options), this.low, this.#width);
  }

  protected logDensity(value: Tensor): Tensor {
    const isInside = logicalAnd(ge(value, this.low), lt(value, this.high));
    return where(isInside, neg(log(this.#width)), -Infinity);
  }

  protected override cumulative(value: Tensor): Tensor {
    return clamp(div(sub(value, this.low), this.#width), { min: 0, max: 1 });
  }

  protected override quantile(probability: Tensor): Tensor {
    return placed(probability, this.low, this.#width);
  }

  protected override uncertainty(): Tensor {
    return log(this.#width);
  }

  protected override expectation(): Tensor {
    return mul(add(this.low, this.high), 0.5);
  }

  protected override spread(): Tensor {
    return div(square(this.#width), 12);
  }
}

/** Waiting times at a given rate. */
export class Exponential extends Distribution {
  readonly name = "Exponential";
  readonly support = constraint.nonnegative;
  override readonly hasRsample = true;
  readonly rate: Tensor;

  constructor(rate: Value, options?: DistributionOptions) {
    const given = aligned("Exponential", { rate });
    super(given.rate.shape, [], options);
    this.rate = given.rate;
    this.requireParameter("rate", this.rate, constraint.positive);
  }

  expand(shape: Shape): Exponential {
    return new Exponential(expand(this.rate, shape), { validateArgs: false });
  }

  protected draw(shape: Shape, options: GeneratorOption): Tensor {
    return this.quantile(uniform(this.rate, shape, options));
  }

  protected logDensity(value: Tensor): Tensor {
    return sub(log(this.rate), mul(this.rate, value));
  }

  protected override cumulative(value: Tensor): Tensor {
    return neg(expm1(neg(mul(this.rate, value))));
  }

  protected override quantile(probability: Tensor): Tensor {
    return div(neg(log1p(neg(probability))), this.rate);
  }

  protected override uncertainty(): Tensor {
    return sub(1, log(this.rate));
  }

  protected override expectation(): Tensor {
    return reciprocal(this.rate);
  }

  protected override spread(): Tensor {
    return reciprocal(square(this.rate));
  }

  protected override peak(): Tensor {
    return zerosLike(this.rate);
  }
}

/** Weibull's distribution of life times: `concentration` below 1 means early failures. */
export class Weibull extends Distribution {
  readonly name = "Weibull";
  readonly support = constraint.positive;
  override readonly hasRsample = true;
  readonly scale: Tensor;
  readonly concentration: Tensor;

  constructor(scale: Value, concentration: Value, options?: DistributionOptions) {
    const both = aligned("Weibull", { scale, concentration });
    super(both.scale.shape, [], options);
    ({ scale: this.scale, concentration: this.concentration } = both);
    this.requireParameter("scale", this.scale, constraint.positive);
    this.requireParameter("concentration", this.concentration, constraint.positive);
  }

  expand(shape: Shape): Weibull {
    const [scale, concentration] = [expand(this.scale, shape), expand(this.concentration, shape)];
    return new Weibull(scale, concentration, { validateArgs: false });
  }

  protected draw(shape: Shape, options: GeneratorOption): Tensor {
    return this.quantile(uniform(this.scale, shape, options));
  }

  protected logDensity(value: Tensor): Tensor {
    const k = this.concentration;
    const ratio = div(value, this.scale);
    const slope = mul(sub(k, 1), log(ratio));
    return sub(add(log(div(k, this.scale)), slope), pow(ratio, k));
  }

  protected override cumulative(value: Tensor): Tensor {
    return neg(expm1(neg(pow(div(value, this.scale), this.concentration))));
  }

  protected override quantile(probability: Tensor): Tensor {
    const hazard = neg(log1p(neg(probability)));
    return mul(pow(hazard, reciprocal(this.concentration)), this.scale);
  }

  protected override uncertainty(): Tensor {
    const tail = mul(sub(1, reciprocal(this.concentration)), euler);
    return add(add(tail, log(div(this.scale, this.concentration))), 1);
  }

  /** `E xⁿ` over scaleⁿ. */
  #moment(n: number): Tensor {
    return exp(lgamma(add(div(n, this.concentration), 1)));
  }

  protected override expectation(): Tensor {
    return mul(this.#moment(1), this.scale);
  }

  protected override spread(): Tensor {
    return mul(sub(this.#moment(2), square(this.#moment(1))), square(this.scale));
  }

  protected override peak(): Tensor {
    const k = this.concentration;
    const inside = div(clamp(sub(k, 1), { min: 0 }), k);
    return mul(pow(inside, reciprocal(k)), this.scale);
  }
}

/** Pareto's distribution: values from `scale` on, whose tail falls with the power `alpha`. */
export class Pareto extends Distribution {
  readonly name = "Pareto";
  readonly support: constraint.Constraint;
  override readonly hasRsample = true;
  readonly scale: Tensor;
  readonly alpha: Tensor;

  constructor(scale: Value, alpha: Value, options?: DistributionOptions) {
    const both = aligned("Pareto", { scale, alpha });
    super(both.scale.shape, [], options);
    ({ scale: this.scale, alpha: this.alpha } = both);
    this.support = constraint.atLeast(this.scale);
    this.requireParameter("scale", this.scale, constraint.positive);
    this.requireParameter("alpha", this.alpha, constraint.positive);
  }

  expand(shape: Shape): Pareto {
    return new Pareto(expand(this.scale, shape), expand(this.alpha, shape), {
      validateArgs: false,
    });
  }

  protected draw(shape: Shape, options: GeneratorOption): Tensor {
    return this.quantile(uniform(this.scale, shape, options));
  }

  protected logDensity(value: Tensor): Tensor {
    const { alpha, scale } = this;
    return sub(add(log(alpha), mul(alpha, log(scale))), mul(add(alpha, 1), log(value)));
  }

  protected override cumulative(value: Tensor): Tensor {
    return sub(1, pow(div(this.scale, value), this.alpha));
  }

  protected override quantile(probability: Tensor): Tensor {
    return mul(exp(div(neg(log1p(neg(probability))), this.alpha)), this.scale);
  }

  protected override uncertainty(): Tensor {
    return add(add(log(div(this.scale, this.alpha)), reciprocal(this.alpha)), 1);
  }

  /** ∞ where alpha ≤ 1. */
  protected override expectation(): Tensor {
    const { alpha, scale } = this;
    return above(alpha, 1, div(mul(alpha, scale), sub(alpha, 1)), Infinity);
  }

  /** ∞ where alpha ≤ 2. */
  protected override spread(): Tensor {
    const { alpha, scale } = this;
    const below = mul(square(sub(alpha, 1)), sub(alpha, 2));
    return where(gt(alpha, 2), div(mul(square(scale), alpha), below), Infinity);
  }

  protected override peak(): Tensor {
    return this.scale;
  }
}
