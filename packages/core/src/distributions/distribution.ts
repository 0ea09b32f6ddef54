// The base of all distributions: shapes, checks, and what a subclass may compute. Families are in files
// of their own; constraint.ts says what parameters and values must be.
import { FlambeauError, ShapeError, showShape } from "../errors.ts";
import { modes, noGrad } from "../modes.ts";
import { exp, sqrt } from "../ops/math.ts";
import type { GeneratorOption } from "../ops/draws.ts";
import { scope } from "../scope.ts";
import { type Shape, broadcastShapes } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { type Constraint, requireConstraint } from "./constraint.ts";

export interface DistributionOptions {
  /** Checks parameters and values, which reads them. Default true. */
  readonly validateArgs?: boolean | undefined;
}

/** Frees what `body` leaves behind, as ops do. */
const kept = <T>(body: () => T): T => (modes.recorder === undefined ? scope(body) : body());

/**
 * A probability distribution over tensors. `batchShape`: independent distributions, one for each
 * parameter; `eventShape`: the shape of one value. Samples have shape sampleShape ++ batch ++ event.
 */
export abstract class Distribution {
  /** The name that errors show. */
  abstract readonly name: string;
  /** Which values have a density. */
  abstract readonly support: Constraint;
  /** Whether `rsample` exists: samples as differentiable functions of the parameters. */
  readonly hasRsample: boolean = false;
  readonly batchShape: Shape;
  readonly eventShape: Shape;
  protected readonly validates: boolean;

  constructor(
    batchShape: Shape,
    eventShape: Shape,
    { validateArgs = true }: DistributionOptions = {},
  ) {
    this.batchShape = batchShape;
    this.eventShape = eventShape;
    this.validates = validateArgs;
  }

  /** Draws values; no gradient flows to the parameters. */
  sample(sampleShape: Shape = [], options: GeneratorOption = {}): Tensor {
    return kept(() => noGrad(() => this.draw(this.extended(sampleShape), options)));
  }

  /** Draws values through which gradients flow to the parameters. */
  rsample(sampleShape: Shape = [], options: GeneratorOption = {}): Tensor {
    if (!this.hasRsample) {
      throw new FlambeauError(
        `${this.name}.rsample: its values are no differentiable function of the parameters. Use ` +
          `sample(), with logProb() as a score-function estimator.`,
      );
    }
    return kept(() => this.draw(this.extended(sampleShape), options));
  }

  /** The logarithm of the density (or probability) at `value`, one number per event. */
  logProb(value: Tensor): Tensor {
    this.requireValue(value);
    return kept(() => this.logDensity(value));
  }

  /** The probability of at most `value`. */
  cdf(value: Tensor): Tensor {
    this.requireValue(value);
    return kept(() => this.cumulative(value));
  }

  /** The value whose `cdf` is `probability`. */
  icdf(probability: Tensor): Tensor {
    return kept(() => this.quantile(probability));
  }

  /** The expected `-logProb`, in nats. */
  entropy(): Tensor {
    return kept(() => this.uncertainty());
  }

  /** `exp(entropy)`. */
  perplexity(): Tensor {
    return kept(() => exp(this.uncertainty()));
  }

  get mean(): Tensor {
    return kept(() => this.expectation());
  }

  get variance(): Tensor {
    return kept(() => this.spread());
  }

  get stddev(): Tensor {
    return kept(() => sqrt(this.spread()));
  }

  /** The most probable value. */
  get mode(): Tensor {
    return kept(() => this.peak());
  }

  /** Every value there is, along a new first axis; of discrete distributions with few values. */
  enumerateSupport(_options: { readonly expand?: boolean } = {}): Tensor {
    return this.missing("enumerateSupport", "its values cannot be listed");
  }

  /** The same distribution with its parameters broadcast to another batch shape. */
  abstract expand(batchShape: Shape): Distribution;

  /** Draws values of the extended shape; differentiable where `hasRsample`. */
  protected abstract draw(shape: Shape, options: GeneratorOption): Tensor;
  protected abstract logDensity(value: Tensor): Tensor;

  protected cumulative(_value: Tensor): Tensor {
    return this.missing("cdf", "no closed form is known");
  }
  protected quantile(_probability: Tensor): Tensor {
    return this.missing("icdf", "no closed form is known");
  }
  protected uncertainty(): Tensor {
    return this.missing("entropy", "no closed form is known");
  }
  protected expectation(): Tensor {
    return this.missing("mean", "no closed form is known");
  }
  protected spread(): Tensor {
    return this.missing("variance", "no closed form is known");
  }
  protected peak(): Tensor {
    return this.missing("mode", "no closed form is known");
  }

  protected missing(what: string, why: string): never {
    throw new FlambeauError(
      `${this.name}.${what}: ${why}. Estimate what you need from samples: d.sample([1000]).`,
    );
  }

  /** The shape of samples. */
  protected extended(sampleShape: Shape): number[] {
    if (!Array.isArray(sampleShape) || sampleShape.some((n) => !Number.isInteger(n) || n < 0)) {
      throw new ShapeError(
        `${this.name}.sample: expected a shape, an array of non-negative integers, got ` +
          `${JSON.stringify(sampleShape)}.`,
      );
    }
    return [...sampleShape, ...this.batchShape, ...this.eventShape];
  }

  /** Throws unless a parameter lies in its set. */
  protected requireParameter(name: string, x: Tensor, constraint: Constraint): void {
    if (this.validates) requireConstraint(`${this.name}: ${name}`, x, constraint);
  }

  /** Throws unless a value has the event's shape and lies in the support. */
  protected requireValue(value: Tensor): void {
    const { eventShape, batchShape, name } = this;
    const events = value.shape.slice(value.ndim - eventShape.length);
    if (value.ndim < eventShape.length || events.some((n, i) => n !== eventShape[i])) {
      throw new ShapeError(
        `${name}: expected values whose last axes are ${showShape(eventShape)}, got shape ` +
          `${showShape(value.shape)}.`,
      );
    }
    broadcastShapes(name, value.shape.slice(0, value.ndim - eventShape.length), batchShape);
    if (this.validates) requireConstraint(`${name}: value`, value, this.support);
  }

  toString(): string {
    return `${this.name}(batch ${showShape(this.batchShape)}, event ${showShape(this.eventShape)})`;
  }
}

/** How many of the last axes of `x` to sum: `-count … -1`. @internal */
export const lastAxes = (count: number): number[] =>
  Array.from({ length: count }, (_, i) => i - count);
