// Invertible functions and the distributions of what they make of random values.
import { FlambeauError } from "../errors.ts";
import { abs, add, div, ge, mul, neg, sub } from "../ops/arithmetic.ts";
import { logSigmoid, sigmoid } from "../ops/activation.ts";
import { logit } from "../ops/special.ts";
import type { GeneratorOption } from "../ops/draws.ts";
import { atanh, exp, log, tanh } from "../ops/math.ts";
import { sum } from "../ops/reduction.ts";
import { where } from "../ops/arithmetic.ts";
import { fullLike } from "../ops/creation.ts";
import type { Shape } from "../shape.ts";
import { type Tensor, isTensor } from "../tensor.ts";
import * as constraint from "./constraint.ts";
import { Distribution, type DistributionOptions, lastAxes } from "./distribution.ts";
import { type Value, softplusOf } from "./parameters.ts";

/** An invertible function of each element. */
export abstract class Transform {
  /** The values that it gives. */
  readonly codomain: constraint.Constraint = constraint.real;
  /** Whether it grows: 1, or -1 where it falls; a tensor where that differs. */
  readonly sign: Tensor | 1 | -1 = 1;
  abstract forward(x: Tensor): Tensor;
  abstract inverse(y: Tensor): Tensor;
  /** `log |dy/dx|`. */
  abstract logAbsDetJacobian(x: Tensor, y: Tensor): Tensor;
}

/** `y = eˣ`. */
export class ExpTransform extends Transform {
  override readonly codomain = constraint.positive;

  forward(x: Tensor): Tensor {
    return exp(x);
  }

  inverse(y: Tensor): Tensor {
    return log(y);
  }

  logAbsDetJacobian(x: Tensor): Tensor {
    return x;
  }
}

/** `y = loc + scale · x`. */
export class AffineTransform extends Transform {
  readonly loc: Value;
  readonly scale: Value;
  override readonly sign: Tensor | 1 | -1;

  constructor(loc: Value, scale: Value) {
    super();
    this.loc = loc;
    this.scale = scale;
    this.sign = isTensor(scale) ? where(ge(scale, 0), 1, -1) : scale < 0 ? -1 : 1;
  }

  forward(x: Tensor): Tensor {
    return add(mul(x, this.scale), this.loc);
  }

  inverse(y: Tensor): Tensor {
    return div(sub(y, this.loc), this.scale);
  }

  logAbsDetJacobian(x: Tensor): Tensor {
    const { scale } = this;
    if (!isTensor(scale)) return fullLike(x, Math.log(Math.abs(scale)));
    return add(log(abs(scale)), mul(x, 0));
  }
}

/** `y = 1 / (1 + e⁻ˣ)`. */
export class SigmoidTransform extends Transform {
  override readonly codomain = constraint.unitInterval;

  forward(x: Tensor): Tensor {
    return sigmoid(x);
  }

  inverse(y: Tensor): Tensor {
    return logit(y);
  }

  logAbsDetJacobian(x: Tensor): Tensor {
    return add(logSigmoid(x), logSigmoid(neg(x)));
  }
}

/** `y = tanh(x)`. */
export class TanhTransform extends Transform {
  override readonly codomain: constraint.Constraint = {
    ...constraint.real,
    description: "a number in [-1, 1]",
    check: (x) => constraint.unitInterval.check(abs(x)),
  };

  forward(x: Tensor): Tensor {
    return tanh(x);
  }

  inverse(y: Tensor): Tensor {
    return atanh(y);
  }

  /** `log(1 - tanh²)`, without cancellation. */
  logAbsDetJacobian(x: Tensor): Tensor {
    return mul(sub(sub(Math.LN2, x), softplusOf(mul(x, -2))), 2);
  }
}

/** The distribution of `transforms(x)`, applied in order, for x of a base distribution. */
export class TransformedDistribution extends Distribution {
  readonly name = "TransformedDistribution";
  readonly support: constraint.Constraint;
  override readonly hasRsample: boolean;
  readonly base: Distribution;
  readonly transforms: readonly Transform[];

  constructor(
    base: Distribution,
    transforms: Transform | readonly Transform[],
    options?: DistributionOptions,
  ) {
    super(base.batchShape, base.eventShape, options);
    this.base = base;
    this.transforms = transforms instanceof Transform ? [transforms] : transforms;
    if (!this.transforms.every((one) => one instanceof Transform)) {
      throw new FlambeauError(
        "TransformedDistribution: expected a Transform or an array of them, for instance " +
          "new ExpTransform().",
      );
    }
    this.hasRsample = base.hasRsample;
    // Of the last transform alone: what the ones before exclude has density 0.
    this.support = this.transforms.at(-1)?.codomain ?? base.support;
  }

  expand(shape: Shape): TransformedDistribution {
    const base = this.base.expand(shape);
    return new TransformedDistribution(base, this.transforms, { validateArgs: false });
  }

  protected draw(shape: Shape, options: GeneratorOption): Tensor {
    const { base } = this;
    const own = base.batchShape.length + base.eventShape.length;
    const samples = shape.slice(0, shape.length - own);
    const x = base.hasRsample ? base.rsample(samples, options) : base.sample(samples, options);
    return this.transforms.reduce((value, one) => one.forward(value), x);
  }

  protected logDensity(value: Tensor): Tensor {
    const eventNdim = this.eventShape.length;
    let y = value;
    let volume: Tensor | undefined;
    for (const one of this.transforms.toReversed()) {
      const x = one.inverse(y);
      const each = one.logAbsDetJacobian(x, y);
      const term = eventNdim === 0 ? each : sum(each, lastAxes(eventNdim));
      volume = volume === undefined ? term : add(volume, term);
      y = x;
    }
    const base = this.base.logProb(y);
    return volume === undefined ? base : sub(base, volume);
  }

  protected override cumulative(value: Tensor): Tensor {
    const x = this.transforms.toReversed().reduce((y, one) => one.inverse(y), value);
    return this.#oriented(this.base.cdf(x));
  }

  protected override quantile(probability: Tensor): Tensor {
    const x = this.base.icdf(this.#oriented(probability));
    return this.transforms.reduce((value, one) => one.forward(value), x);
  }

  /** `1 - p` where the transforms fall. */
  #oriented(p: Tensor): Tensor {
    let sign: Tensor | number = 1;
    for (const one of this.transforms) {
      sign = isTensor(sign) || isTensor(one.sign) ? mul(sign, one.sign) : sign * one.sign;
    }
    if (!isTensor(sign)) return sign > 0 ? p : sub(1, p);
    return where(ge(sign, 0), p, sub(1, p));
  }
}
