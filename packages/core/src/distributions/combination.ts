// Distributions made of distributions: batch axes that become event axes, and mixtures.
import { ShapeError, showShape } from "../errors.ts";
import { add, mul, square, sub } from "../ops/arithmetic.ts";
import type { GeneratorOption } from "../ops/draws.ts";
import { gather } from "../ops/indexing.ts";
import { sum } from "../ops/reduction.ts";
import { logsumexp } from "../ops/softmax.ts";
import { expand, reshape, unsqueeze } from "../ops/view.ts";
import { FlambeauError } from "../errors.ts";
import { type Shape, sameShape } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { Categorical } from "./categorical.ts";
import type { Constraint } from "./constraint.ts";
import { all } from "../ops/reduction.ts";
import { Distribution, type DistributionOptions, lastAxes } from "./distribution.ts";

/** Sums the last axes of what a base distribution gives. */
const summed = (x: Tensor, count: number): Tensor => (count === 0 ? x : sum(x, lastAxes(count)));

/** A distribution whose last batch axes count as part of the event: their log-probabilities add up. */
export class Independent<D extends Distribution = Distribution> extends Distribution {
  readonly name = "Independent";
  readonly support: Constraint;
  override readonly hasRsample: boolean;
  readonly base: D;
  readonly reinterpretedBatchNdims: number;

  constructor(base: D, reinterpretedBatchNdims: number, options?: DistributionOptions) {
    const { batchShape, eventShape } = base;
    const kept = batchShape.length - reinterpretedBatchNdims;
    if (!Number.isInteger(kept) || kept < 0 || reinterpretedBatchNdims < 0) {
      throw new ShapeError(
        `Independent: expected 0 … ${batchShape.length} batch axes to reinterpret (the batch is ` +
          `${showShape(batchShape)}), got ${reinterpretedBatchNdims}.`,
      );
    }
    super(batchShape.slice(0, kept), [...batchShape.slice(kept), ...eventShape], options);
    this.base = base;
    this.reinterpretedBatchNdims = reinterpretedBatchNdims;
    this.hasRsample = base.hasRsample;
    const { check, description, eventNdim } = base.support;
    this.support = {
      description,
      eventNdim: eventNdim + reinterpretedBatchNdims,
      check: (x) =>
        reinterpretedBatchNdims === 0 ? check(x) : all(check(x), lastAxes(reinterpretedBatchNdims)),
    };
  }

  expand(shape: Shape): Independent {
    const inner = this.base.batchShape.slice(this.batchShape.length);
    const base = this.base.expand([...shape, ...inner]);
    return new Independent(base, this.reinterpretedBatchNdims, { validateArgs: false });
  }

  protected draw(shape: Shape, options: GeneratorOption): Tensor {
    const { batchShape, eventShape } = this.base;
    const samples = shape.slice(0, shape.length - batchShape.length - eventShape.length);
    return this.base.hasRsample ? this.base.rsample(samples, options) : this.base.sample(samples, options);
  } // prettier-ignore

  protected logDensity(value: Tensor): Tensor {
    return summed(this.base.logProb(value), this.reinterpretedBatchNdims);
  }

  protected override uncertainty(): Tensor {
    return summed(this.base.entropy(), this.reinterpretedBatchNdims);
  }

  protected override expectation(): Tensor {
    return this.base.mean;
  }

  protected override spread(): Tensor {
    return this.base.variance;
  }

  protected override peak(): Tensor {
    return this.base.mode;
  }
}

/**
 * Values of one of several distributions of a kind: `mixture` chooses along the last batch axis of
 * `components`.
 */
export class MixtureSameFamily<D extends Distribution = Distribution> extends Distribution {
  readonly name = "MixtureSameFamily";
  readonly support: Constraint;
  readonly mixture: Categorical;
  readonly components: D;

  constructor(mixture: Categorical, components: D, options?: DistributionOptions) {
    if (!(mixture instanceof Categorical)) {
      throw new FlambeauError("MixtureSameFamily: expected a Categorical as the mixture.");
    }
    const count = components.batchShape.at(-1);
    const batch = components.batchShape.slice(0, -1);
    const fits = mixture.batchShape.length === 0 || sameShape(mixture.batchShape, batch);
    if (count !== mixture.numEvents || !fits) {
      throw new ShapeError(
        `MixtureSameFamily: a mixture of ${mixture.numEvents} with batch ` +
          `${showShape(mixture.batchShape)} does not fit components with batch ` +
          `${showShape(components.batchShape)}, whose last axis counts them.`,
      );
    }
    super(batch, components.eventShape, options);
    this.mixture = mixture;
    this.components = components;
    this.support = components.support;
  }

  expand(shape: Shape): MixtureSameFamily {
    const components = this.components.expand([...shape, this.mixture.numEvents]);
    return new MixtureSameFamily(this.mixture.expand(shape), components, { validateArgs: false });
  }

  /** The axis of the components in what they give per event of them. */
  get #axis(): number {
    return -1 - this.eventShape.length;
  }

  /** The mixture's weights, beside events. */
  #weights(): Tensor {
    const { probs } = this.mixture;
    return reshape(probs, [...probs.shape, ...this.eventShape.map(() => 1)]);
  }

  /** A value beside each component. The checks of components see the axis too. */
  #spreadOut(value: Tensor): Tensor {
    return unsqueeze(value, this.#axis);
  }

  protected draw(shape: Shape, options: GeneratorOption): Tensor {
    const { eventShape, batchShape } = this;
    const samples = shape.slice(0, shape.length - batchShape.length - eventShape.length);
    const lead = [...samples, ...batchShape];
    const chosen = this.mixture.expand(batchShape).sample(samples, options);
    const values = this.components.sample(samples, options);
    const index = reshape(chosen, [...lead, 1, ...eventShape.map(() => 1)]);
    const wide = expand(index, [...lead, 1, ...eventShape]);
    return reshape(gather(values, lead.length, wide), shape);
  }

  protected logDensity(value: Tensor): Tensor {
    const each = this.components.logProb(this.#spreadOut(value));
    return logsumexp(add(each, this.mixture.logits), -1);
  }

  protected override cumulative(value: Tensor): Tensor {
    return sum(mul(this.components.cdf(this.#spreadOut(value)), this.mixture.probs), -1);
  }

  protected override expectation(): Tensor {
    return sum(mul(this.#weights(), this.components.mean), this.#axis);
  }

  /** The mean of the variances and the variance of the means. */
  protected override spread(): Tensor {
    const weights = this.#weights();
    const { mean, variance } = this.components;
    const centre = sum(mul(weights, mean), this.#axis, { keepDims: true });
    return sum(mul(weights, add(variance, square(sub(mean, centre)))), this.#axis);
  }
}
