// Distributions made of gamma variables: gamma, chi-squared, beta, Dirichlet, Student's t. Their samples
// are reparameterised implicitly (ops/rejection.ts).
import { add, div, gt, le, mul, reciprocal, square, sub, where } from "../ops/arithmetic.ts";
import type { GeneratorOption } from "../ops/draws.ts";
import { clamp } from "../ops/masking.ts";
import { log, log1p, rsqrt } from "../ops/math.ts";
import { randn } from "../ops/random.ts";
import { sum } from "../ops/reduction.ts";
import { standardGamma } from "../ops/rejection.ts";
import { gammainc } from "../ops/special-host.ts";
import { digamma, lgamma, xlog1py, xlogy } from "../ops/special.ts";
import { expand } from "../ops/view.ts";
import { neg } from "../ops/arithmetic.ts";
import type { Shape } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import * as constraint from "./constraint.ts";
import { Distribution, type DistributionOptions } from "./distribution.ts";
import { type Value, aligned, batchOf, expandBatch, placed, tiny } from "./parameters.ts";

/** Gamma variables above 0, so that their logarithms are finite. */
const gammas = (concentration: Tensor, shape: Shape, options: GeneratorOption): Tensor =>
  clamp(standardGamma(expand(concentration, shape), options), { min: tiny(concentration.dtype) });

/** The gamma distribution of a shape (`concentration`) and a rate. */
export class Gamma extends Distribution {
  readonly name: string = "Gamma";
  readonly support = constraint.nonnegative;
  override readonly hasRsample = true;
  readonly concentration: Tensor;
  readonly rate: Tensor;

  constructor(concentration: Value, rate: Value, options?: DistributionOptions) {
    const both = aligned("Gamma", { concentration, rate });
    super(both.rate.shape, [], options);
    ({ concentration: this.concentration, rate: this.rate } = both);
    this.requireParameter("concentration", this.concentration, constraint.positive);
    this.requireParameter("rate", this.rate, constraint.positive);
  }

  expand(shape: Shape): Gamma {
    const [concentration, rate] = [expand(this.concentration, shape), expand(this.rate, shape)];
    return new Gamma(concentration, rate, { validateArgs: false });
  }

  protected draw(shape: Shape, options: GeneratorOption): Tensor {
    return div(gammas(this.concentration, shape, options), this.rate);
  }

  protected logDensity(value: Tensor): Tensor {
    const { concentration: a, rate } = this;
    const powers = add(xlogy(a, rate), xlogy(sub(a, 1), value));
    return sub(sub(powers, mul(rate, value)), lgamma(a));
  }

  protected override cumulative(value: Tensor): Tensor {
    return gammainc(this.concentration, mul(this.rate, value));
  }

  protected override uncertainty(): Tensor {
    const { concentration: a, rate } = this;
    return add(sub(a, log(rate)), add(lgamma(a), mul(sub(1, a), digamma(a))));
  }

  protected override expectation(): Tensor {
    return div(this.concentration, this.rate);
  }

  protected override spread(): Tensor {
    return div(this.concentration, square(this.rate));
  }

  protected override peak(): Tensor {
    return div(clamp(sub(this.concentration, 1), { min: 0 }), this.rate);
  }
}

/** The distribution of sums of `df` squared standard normal values: Gamma(df/2, 1/2). */
export class Chi2 extends Gamma {
  override readonly name = "Chi2";

  constructor(df: Value, options?: DistributionOptions) {
    const given = aligned("Chi2", { df });
    if (options?.validateArgs ?? true) {
      constraint.requireConstraint("Chi2: df", given.df, constraint.positive);
    }
    super(mul(given.df, 0.5), 0.5, options);
  }

  get df(): Tensor {
    return mul(this.concentration, 2);
  }

  override expand(shape: Shape): Chi2 {
    return new Chi2(expand(this.df, shape), { validateArgs: false });
  }
}

/** The beta distribution on [0, 1]. */
export class Beta extends Distribution {
  readonly name = "Beta";
  readonly support = constraint.unitInterval;
  override readonly hasRsample = true;
  readonly concentration1: Tensor;
  readonly concentration0: Tensor;

  constructor(concentration1: Value, concentration0: Value, options?: DistributionOptions) {
    const both = aligned("Beta", { concentration1, concentration0 });
    super(both.concentration1.shape, [], options);
    ({ concentration1: this.concentration1, concentration0: this.concentration0 } = both);
    this.requireParameter("concentration1", this.concentration1, constraint.positive);
    this.requireParameter("concentration0", this.concentration0, constraint.positive);
  }

  expand(shape: Shape): Beta {
    const [a, b] = [expand(this.concentration1, shape), expand(this.concentration0, shape)];
    return new Beta(a, b, { validateArgs: false });
  }

  protected draw(shape: Shape, options: GeneratorOption): Tensor {
    const first = gammas(this.concentration1, shape, options);
    const second = gammas(this.concentration0, shape, options);
    return div(first, add(first, second));
  }

  protected logDensity(value: Tensor): Tensor {
    const { concentration1: a, concentration0: b } = this;
    const powers = add(xlogy(sub(a, 1), value), xlog1py(sub(b, 1), neg(value)));
    return sub(powers, logBeta(a, b));
  }

  protected override uncertainty(): Tensor {
    const { concentration1: a, concentration0: b } = this;
    const total = add(a, b);
    const parts = add(mul(sub(a, 1), digamma(a)), mul(sub(b, 1), digamma(b)));
    return add(sub(logBeta(a, b), parts), mul(sub(total, 2), digamma(total)));
  }

  protected override expectation(): Tensor {
    return div(this.concentration1, add(this.concentration1, this.concentration0));
  }

  protected override spread(): Tensor {
    const { concentration1: a, concentration0: b } = this;
    const total = add(a, b);
    return div(mul(a, b), mul(square(total), add(total, 1)));
  }
}

/** `log B(a, b)`. */
const logBeta = (a: Tensor, b: Tensor): Tensor => sub(add(lgamma(a), lgamma(b)), lgamma(add(a, b)));

/** The Dirichlet distribution of vectors that sum to 1: `[…batch, n]`. */
export class Dirichlet extends Distribution {
  readonly name = "Dirichlet";
  readonly support = constraint.simplex;
  override readonly hasRsample = true;
  readonly concentration: Tensor;

  constructor(concentration: Tensor, options?: DistributionOptions) {
    const given = aligned("Dirichlet", { concentration }).concentration;
    super(batchOf("Dirichlet", given, 1), given.shape.slice(-1), options);
    this.concentration = given;
    this.requireParameter("concentration", given, constraint.positiveVector);
  }

  expand(shape: Shape): Dirichlet {
    return new Dirichlet(expandBatch(this.concentration, shape, 1), { validateArgs: false });
  }

  protected draw(shape: Shape, options: GeneratorOption): Tensor {
    const parts = gammas(this.concentration, shape, options);
    return div(parts, sum(parts, -1, { keepDims: true }));
  }

  /** `log B` of the vector. */
  #logBeta(): Tensor {
    const a = this.concentration;
    return sub(sum(lgamma(a), -1), lgamma(sum(a, -1)));
  }

  protected logDensity(value: Tensor): Tensor {
    return sub(sum(xlogy(sub(this.concentration, 1), value), -1), this.#logBeta());
  }

  protected override uncertainty(): Tensor {
    const a = this.concentration;
    const total = sum(a, -1);
    const whole = mul(sub(total, a.shape.at(-1)!), digamma(total));
    return sub(add(this.#logBeta(), whole), sum(mul(sub(a, 1), digamma(a)), -1));
  }

  protected override expectation(): Tensor {
    return div(this.concentration, sum(this.concentration, -1, { keepDims: true }));
  }

  protected override spread(): Tensor {
    const total = sum(this.concentration, -1, { keepDims: true });
    const mean = div(this.concentration, total);
    return div(mul(mean, sub(1, mean)), add(total, 1));
  }
}

/** Student's t: a normal value over the root of a chi-squared one. Mean and variance may not exist. */
export class StudentT extends Distribution {
  readonly name = "StudentT";
  readonly support = constraint.real;
  override readonly hasRsample = true;
  readonly df: Tensor;
  readonly loc: Tensor;
  readonly scale: Tensor;

  constructor(df: Value, loc: Value = 0, scale: Value = 1, options?: DistributionOptions) {
    const all = aligned("StudentT", { df, loc, scale });
    super(all.df.shape, [], options);
    ({ df: this.df, loc: this.loc, scale: this.scale } = all);
    this.requireParameter("df", this.df, constraint.positive);
    this.requireParameter("loc", this.loc, constraint.real);
    this.requireParameter("scale", this.scale, constraint.positive);
  }

  expand(shape: Shape): StudentT {
    const [df, loc, scale] = [this.df, this.loc, this.scale].map((x) => expand(x, shape));
    return new StudentT(df!, loc, scale, { validateArgs: false });
  }

  protected draw(shape: Shape, options: GeneratorOption): Tensor {
    const { dtype, device } = this.df;
    const normal = randn(shape, { dtype, device, generator: options.generator });
    const chi2 = mul(gammas(mul(this.df, 0.5), shape, options), 2);
    return placed(mul(normal, rsqrt(div(chi2, this.df))), this.loc, this.scale);
  }

  protected logDensity(value: Tensor): Tensor {
    const { df, loc, scale } = this;
    const half = mul(df, 0.5);
    const z = div(sub(value, loc), scale);
    const constant = add(
      add(log(scale), mul(add(log(df), Math.log(Math.PI)), 0.5)),
      sub(lgamma(half), lgamma(add(half, 0.5))),
    );
    return sub(mul(add(half, 0.5), neg(log1p(div(square(z), df)))), constant);
  }

  protected override uncertainty(): Tensor {
    const { df, scale } = this;
    const half = mul(df, 0.5);
    const next = add(half, 0.5);
    const beta = sub(add(lgamma(half), Math.log(Math.PI) / 2), lgamma(next));
    const parts = mul(next, sub(digamma(next), digamma(half)));
    return add(add(log(scale), parts), add(mul(log(df), 0.5), beta));
  }

  /** NaN where df ≤ 1. */
  protected override expectation(): Tensor {
    return where(le(this.df, 1), NaN, this.loc);
  }

  /** ∞ where df ≤ 2, NaN where df ≤ 1. */
  protected override spread(): Tensor {
    const { df, scale } = this;
    const finite = mul(square(scale), mul(df, reciprocal(sub(df, 2))));
    return where(le(df, 1), NaN, where(gt(df, 2), finite, Infinity));
  }

  protected override peak(): Tensor {
    return this.loc;
  }
}
