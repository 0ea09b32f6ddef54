// Normal distributions and what is made of them: log-normal, half-normal.
import { abs, add, div, eq, ge, mul, square, sub, where } from "../ops/arithmetic.ts";
import type { GeneratorOption } from "../ops/draws.ts";
import { erf, exp, expm1, log } from "../ops/math.ts";
import { randn } from "../ops/random.ts";
import { ndtr, ndtri } from "../ops/special.ts";
import { expand } from "../ops/view.ts";
import type { Shape } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import * as constraint from "./constraint.ts";
import { Distribution, type DistributionOptions } from "./distribution.ts";
import { type Value, aligned, placed } from "./parameters.ts";

const logRootTwoPi = Math.log(2 * Math.PI) / 2;

const normalLogProb = (value: Tensor, loc: Tensor, scale: Tensor): Tensor =>
  sub(mul(square(div(sub(value, loc), scale)), -0.5), add(log(scale), logRootTwoPi));

const normalEntropy = (scale: Tensor): Tensor => add(log(scale), 0.5 + logRootTwoPi);

const noise = (like: Tensor, shape: Shape, { generator }: GeneratorOption): Tensor =>
  randn(shape, { dtype: like.dtype, device: like.device, generator });

/** The normal distribution with a mean and a standard deviation. */
export class Normal extends Distribution {
  readonly name = "Normal";
  readonly support = constraint.real;
  override readonly hasRsample = true;
  readonly loc: Tensor;
  readonly scale: Tensor;

  constructor(loc: Value, scale: Value, options?: DistributionOptions) {
    const both = aligned("Normal", { loc, scale });
    super(both.loc.shape, [], options);
    ({ loc: this.loc, scale: this.scale } = both);
    this.requireParameter("loc", this.loc, constraint.real);
    this.requireParameter("scale", this.scale, constraint.positive);
  }

  expand(shape: Shape): Normal {
    return new Normal(expand(this.loc, shape), expand(this.scale, shape), { validateArgs: false });
  }

  protected draw(shape: Shape, options: GeneratorOption): Tensor {
    return placed(noise(this.loc, shape, options), this.loc, this.scale);
  }

  protected logDensity(value: Tensor): Tensor {
    return normalLogProb(value, this.loc, this.scale);
  }

  protected override cumulative(value: Tensor): Tensor {
    return ndtr(div(sub(value, this.loc), this.scale));
  }

  protected override quantile(probability: Tensor): Tensor {
    return placed(ndtri(probability), this.loc, this.scale);
  }

  protected override uncertainty(): Tensor {
    return normalEntropy(this.scale);
  }

  protected override expectation(): Tensor {
    return this.loc;
  }

  protected override spread(): Tensor {
    return square(this.scale);
  }

  protected override peak(): Tensor {
    return this.loc;
  }
}

/** The distribution of `eˣ` for a normal x: `loc` and `scale` are those of the logarithm. */
export class LogNormal extends Distribution {
  readonly name = "LogNormal";
  readonly support = constraint.positive;
  override readonly hasRsample = true;
  readonly loc: Tensor;
  readonly scale: Tensor;

  constructor(loc: Value, scale: Value, options?: DistributionOptions) {
    const both = aligned("LogNormal", { loc, scale });
    super(both.loc.shape, [], options);
    ({ loc: this.loc, scale: this.scale } = both);
    this.requireParameter("loc", this.loc, constraint.real);
    this.requireParameter("scale", this.scale, constraint.positive);
  }

  expand(shape: Shape): LogNormal {
    const [loc, scale] = [expand(this.loc, shape), expand(this.scale, shape)];
    return new LogNormal(loc, scale, { validateArgs: false });
  }

  protected draw(shape: Shape, options: GeneratorOption): Tensor {
    return exp(placed(noise(this.loc, shape, options), this.loc, this.scale));
  }

  protected logDensity(value: Tensor): Tensor {
    const logarithm = log(value);
    return sub(normalLogProb(logarithm, this.loc, this.scale), logarithm);
  }

  protected override cumulative(value: Tensor): Tensor {
    return ndtr(div(sub(log(value), this.loc), this.scale));
  }

  protected override quantile(probability: Tensor): Tensor {
    return exp(placed(ndtri(probability), this.loc, this.scale));
  }

  protected override uncertainty(): Tensor {
    return add(normalEntropy(this.scale), this.loc);
  }

  protected override expectation(): Tensor {
    return exp(add(this.loc, mul(square(this.scale), 0.5)));
  }

  protected override spread(): Tensor {
    const variance = square(this.scale);
    return mul(expm1(variance), exp(add(mul(this.loc, 2), variance)));
  }

  protected override peak(): Tensor {
    return exp(sub(this.loc, square(this.scale)));
  }
}

/** The distribution of `|x|` for a normal x of mean 0. */
export class HalfNormal extends Distribution {
  readonly name = "HalfNormal";
  readonly support = constraint.nonnegative;
  override readonly hasRsample = true;
  readonly scale: Tensor;

  constructor(scale: Value, options?: DistributionOptions) {
    const given = aligned("HalfNormal", { scale });
    super(given.scale.shape, [], options);
    this.scale = given.scale;
    this.requireParameter("scale", this.scale, constraint.positive);
  }

  expand(shape: Shape): HalfNormal {
    return new HalfNormal(expand(this.scale, shape), { validateArgs: false });
  }

  protected draw(shape: Shape, options: GeneratorOption): Tensor {
    return mul(abs(noise(this.scale, shape, options)), this.scale);
  }

  protected logDensity(value: Tensor): Tensor {
    const whole = normalLogProb(value, mul(this.scale, 0), this.scale);
    return where(ge(value, 0), add(whole, Math.LN2), -Infinity);
  }

  protected override cumulative(value: Tensor): Tensor {
    return erf(div(value, mul(this.scale, Math.SQRT2)));
  }

  protected override quantile(probability: Tensor): Tensor {
    const upper = ndtri(mul(add(probability, 1), 0.5));
    // ndtri(1/2) is 0 and must not become -0.
    return mul(where(eq(probability, 0), 0, upper), this.scale);
  }

  protected override uncertainty(): Tensor {
    return sub(normalEntropy(this.scale), Math.LN2);
  }

  protected override expectation(): Tensor {
    return mul(this.scale, Math.sqrt(2 / Math.PI));
  }

  protected override spread(): Tensor {
    return mul(square(this.scale), 1 - 2 / Math.PI);
  }

  protected override peak(): Tensor {
    return mul(this.scale, 0);
  }
}
