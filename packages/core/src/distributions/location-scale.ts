// Distributions of a location and a scale other than the normal: Cauchy, half-Cauchy, Laplace, Gumbel.
import { abs, add, div, ge, mul, neg, sign, square, sub, where } from "../ops/arithmetic.ts";
import { fullLike } from "../ops/creation.ts";
import type { GeneratorOption } from "../ops/draws.ts";
import { clamp } from "../ops/masking.ts";
import { atan, exp, expm1, log, log1p, tan } from "../ops/math.ts";
import { rand } from "../ops/random.ts";
import { expand } from "../ops/view.ts";
import type { Shape } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import * as constraint from "./constraint.ts";
import { Distribution, type DistributionOptions } from "./distribution.ts";
import { type Value, aligned, margin, placed, tiny } from "./parameters.ts";

/** Euler's constant. */
export const euler = 0.57721566490153286;

abstract class LocationScale extends Distribution {
  override readonly hasRsample = true;
  readonly loc: Tensor;
  readonly scale: Tensor;

  constructor(name: string, loc: Value, scale: Value, options?: DistributionOptions) {
    const both = aligned(name, { loc, scale });
    super(both.loc.shape, [], options);
    ({ loc: this.loc, scale: this.scale } = both);
    if (!this.validates) return;
    constraint.requireConstraint(`${name}: loc`, this.loc, constraint.real);
    constraint.requireConstraint(`${name}: scale`, this.scale, constraint.positive);
  }

  /** `(value - loc) / scale` */
  protected standardized(value: Tensor): Tensor {
    return div(sub(value, this.loc), this.scale);
  }

  protected uniform(shape: Shape, { generator }: GeneratorOption): Tensor {
    return rand(shape, { dtype: this.loc.dtype, device: this.loc.device, generator });
  }
}

/** The Cauchy distribution: it has no mean and no variance, which are NaN. */
export class Cauchy extends LocationScale {
  readonly name = "Cauchy";
  readonly support = constraint.real;

  constructor(loc: Value, scale: Value, options?: DistributionOptions) {
    super("Cauchy", loc, scale, options);
  }

  expand(shape: Shape): Cauchy {
    return new Cauchy(expand(this.loc, shape), expand(this.scale, shape), { validateArgs: false });
  }

  protected draw(shape: Shape, options: GeneratorOption): Tensor {
    return this.quantile(this.uniform(shape, options));
  }

  protected logDensity(value: Tensor): Tensor {
    const tails = log1p(square(this.standardized(value)));
    return sub(neg(tails), add(log(this.scale), Math.log(Math.PI)));
  }

  protected override cumulative(value: Tensor): Tensor {
    return add(div(atan(this.standardized(value)), Math.PI), 0.5);
  }

  protected override quantile(probability: Tensor): Tensor {
    return placed(tan(mul(sub(probability, 0.5), Math.PI)), this.loc, this.scale);
  }

  protected override uncertainty(): Tensor {
    return add(log(this.scale), Math.log(4 * Math.PI));
  }

  protected override expectation(): Tensor {
    return fullLike(this.loc, NaN);
  }

  protected override spread(): Tensor {
    return fullLike(this.loc, NaN);
  }

  protected override peak(): Tensor {
    return this.loc;
  }
}

/** The distribution of `|x|` for a Cauchy x around 0. */
export class HalfCauchy extends LocationScale {
  readonly name = "HalfCauchy";
  readonly support = constraint.nonnegative;

  constructor(scale: Value, options?: DistributionOptions) {
    super("HalfCauchy", 0, scale, options);
  }

  expand(shape: Shape): HalfCauchy {
    return new HalfCauchy(expand(this.scale, shape), { validateArgs: false });
  }

  protected draw(shape: Shape, options: GeneratorOption): Tensor {
    return this.quantile(this.uniform(shape, options));
  }

  protected logDensity(value: Tensor): Tensor {
    const tails = log1p(square(this.standardized(value)));
    const density = sub(neg(tails), add(log(this.scale), Math.log(Math.PI / 2)));
    return where(ge(value, 0), density, -Infinity);
  }

  protected override cumulative(value: Tensor): Tensor {
    return mul(atan(this.standardized(value)), 2 / Math.PI);
  }

  protected override quantile(probability: Tensor): Tensor {
    return mul(tan(mul(probability, Math.PI / 2)), this.scale);
  }

  protected override uncertainty(): Tensor {
    return add(log(this.scale), Math.log(2 * Math.PI));
  }

  protected override expectation(): Tensor {
    return fullLike(this.loc, Infinity);
  }

  protected override spread(): Tensor {
    return fullLike(this.loc, NaN);
  }

  protected override peak(): Tensor {
    return this.loc;
  }
}

/** The Laplace distribution, `e^-|x - loc|/scale / (2 scale)`. */
export class Laplace extends LocationScale {
  readonly name = "Laplace";
  readonly support = constraint.real;

  constructor(loc: Value, scale: Value, options?: DistributionOptions) {
    super("Laplace", loc, scale, options);
  }

  expand(shape: Shape): Laplace {
    return new Laplace(expand(this.loc, shape), expand(this.scale, shape), { validateArgs: false });
  }

  protected draw(shape: Shape, options: GeneratorOption): Tensor {
    // In (0, 1): at the ends the value would be infinite.
    const inside = clamp(this.uniform(shape, options), { min: margin(this.loc.dtype) });
    return this.quantile(inside);
  }

  protected logDensity(value: Tensor): Tensor {
    return sub(neg(abs(this.standardized(value))), log(mul(this.scale, 2)));
  }

  protected override cumulative(value: Tensor): Tensor {
    const z = this.standardized(value);
    return sub(0.5, mul(mul(sign(z), expm1(neg(abs(z)))), 0.5));
  }

  protected override quantile(probability: Tensor): Tensor {
    const centred = sub(probability, 0.5);
    const z = mul(neg(sign(centred)), log1p(mul(abs(centred), -2)));
    return placed(z, this.loc, this.scale);
  }

  protected override uncertainty(): Tensor {
    return add(log(this.scale), 1 + Math.LN2);
  }

  protected override expectation(): Tensor {
    return this.loc;
  }

  protected override spread(): Tensor {
    return mul(square(this.scale), 2);
  }

  protected override peak(): Tensor {
    return this.loc;
  }
}

/** The Gumbel distribution: of the largest of many values. */
export class Gumbel extends LocationScale {
  readonly name = "Gumbel";
  readonly support = constraint.real;

  constructor(loc: Value, scale: Value, options?: DistributionOptions) {
    super("Gumbel", loc, scale, options);
  }

  expand(shape: Shape): Gumbel {
    return new Gumbel(expand(this.loc, shape), expand(this.scale, shape), { validateArgs: false });
  }

  protected draw(shape: Shape, options: GeneratorOption): Tensor {
    const arrival = neg(log1p(neg(this.uniform(shape, options))));
    const positive = clamp(arrival, { min: tiny(this.loc.dtype) });
    return placed(neg(log(positive)), this.loc, this.scale);
  }

  protected logDensity(value: Tensor): Tensor {
    const z = neg(this.standardized(value));
    return sub(sub(z, exp(z)), log(this.scale));
  }

  protected override cumulative(value: Tensor): Tensor {
    return exp(neg(exp(neg(this.standardized(value)))));
  }

  protected override quantile(probability: Tensor): Tensor {
    return placed(neg(log(neg(log(probability)))), this.loc, this.scale);
  }

  protected override uncertainty(): Tensor {
    return add(log(this.scale), 1 + euler);
  }

  protected override expectation(): Tensor {
    return add(this.loc, mul(this.scale, euler));
  }

  protected override spread(): Tensor {
    return mul(square(this.scale), Math.PI ** 2 / 6);
  }

  protected override peak(): Tensor {
    return this.loc;
  }
}
