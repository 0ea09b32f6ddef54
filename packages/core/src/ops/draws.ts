// Random tensors of the common distributions, made of uniform and normal ones (random.ts). Those that
// reject what they draw are in rejection.ts; distributions with densities in distributions/.
import { type DType, isFloat } from "../dtype.ts";
import { DTypeError, FlambeauError, ShapeError, showShape } from "../errors.ts";
import { noGrad } from "../modes.ts";
import type { Generator } from "../random.ts";
import { type Scalar, constant, s } from "../scalar/instruction.ts";
import { type Shape, broadcastShapes } from "../shape.ts";
import { type Tensor, isTensor } from "../tensor.ts";
import { add, mul } from "./arithmetic.ts";
import { cast } from "./cast.ts";
import { cumsum } from "./cumulative.ts";
import { type Tested, composite } from "./define.ts";
import { binary, ternary } from "./elementwise.ts";
import { clamp } from "./masking.ts";
import { exp } from "./math.ts";
import { type RandomOptions, rand, randn } from "./random.ts";
import { searchsorted } from "./search.ts";
import { topk } from "./sort.ts";
import { slice } from "./view.ts";

const reason = "draws random numbers";

/** The tests of ops whose values differ from call to call. */
export const drawn: Omit<Tested, "samples"> = {
  dtypes: ["float32", "float64"],
  skips: {
    eager: reason,
    traced: reason,
    strided: reason,
    extreme: reason,
    large: reason,
    tied: reason,
    gradient: reason,
  },
};

export interface GeneratorOption {
  /** Default: the device's own generator, seeded by `manualSeed`. */
  readonly generator?: Generator | undefined;
}

function requireFloat(name: string, dtype: DType): void {
  if (isFloat(dtype)) return;
  throw new DTypeError(`${name}: expected a float dtype, got ${dtype}. Cast with to("float32").`);
}

function requireBelow(name: string, what: string, value: number, isRight: boolean): void {
  if (isRight) return;
  throw new FlambeauError(`${name}: expected ${what}, got ${value}.`);
}

const isBelow = /* @__PURE__ */ binary("bernoulli", (uniform, p) =>
  s.select(s.lt(uniform, p), constant(1, uniform.dtype), constant(0, uniform.dtype)),
);

export interface BernoulliOptions extends GeneratorOption {
  /** One probability for all elements, instead of the tensor's values. */
  readonly p?: number | undefined;
}

/** 1 with the probability that each element says, else 0, in the tensor's shape and dtype. */
export const bernoulli = /* @__PURE__ */ composite(
  "bernoulli",
  (probabilities: Tensor, { p, generator }: BernoulliOptions = {}): Tensor => {
    const { shape, dtype, device } = probabilities;
    if (p === undefined) requireFloat("bernoulli", dtype);
    else requireBelow("bernoulli", "a probability from 0 to 1", p, p >= 0 && p <= 1);
    const drawnAs = isFloat(dtype) ? dtype : "float32";
    const uniform = rand(shape, { dtype: drawnAs, device, generator });
    return cast(isBelow(uniform, p ?? probabilities), dtype);
  },
  { ...drawn, samples: [(make) => [make([2, 3], 0, 1)], (make) => [make([2]), { p: 0.25 }]] },
);

export interface MultinomialOptions extends GeneratorOption {
  /** Whether a position may be drawn again. Default false. */
  readonly replacement?: boolean | undefined;
}

const arrival = /* @__PURE__ */ binary("arrival", (weight, uniform) =>
  // weight / (exponential number): the largest k of them are k draws without replacement.
  s.select(
    s.gt(weight, 0),
    s.div(weight, s.neg(s.log1p(s.neg(uniform)))),
    constant(0, weight.dtype),
  ),
);

/**
 * Positions drawn with probabilities proportional to the weights of each row, `[…, categories]` →
 * `[…, count]`; int32. Weights need not sum to 1.
 */
export const multinomial = /* @__PURE__ */ composite(
  "multinomial",
  (
    weights: Tensor,
    count: number,
    { replacement = false, generator }: MultinomialOptions = {},
  ): Tensor => {
    requireFloat("multinomial", weights.dtype);
    const { shape, ndim, device } = weights;
    const categories = shape.at(-1) ?? 0;
    if (ndim === 0 || categories === 0) {
      throw new ShapeError(
        `multinomial: expected rows of weights, got shape ${showShape(shape)}. The last axis holds ` +
          `the categories.`,
      );
    }
    if (!Number.isInteger(count) || count < 1 || (!replacement && count > categories)) {
      throw new ShapeError(
        `multinomial: cannot draw ${count} of ${categories} categories without replacement. ` +
          `Pass { replacement: true }, or draw fewer.`,
      );
    }
    const options = { dtype: "float64", device, generator } as const;
    return noGrad(() => {
      const wide = cast(weights, "float64");
      if (!replacement) return topk(arrival(wide, rand(shape, options)), count).indices;
      const sums = cumsum(wide, -1);
      const total = slice(sums, -1, { start: categories - 1 });
      const uniform = rand([...shape.slice(0, -1), count], options);
      const found = searchsorted(sums, mul(uniform, total), { right: true });
      return clamp(found, { max: categories - 1 });
    });
  },
  {
    ...drawn,
    samples: [
      (make) => [make([2, 3], 0.1, 1), 2],
      (make) => [make([3], 0.1, 1), 5, { replacement: true }],
    ],
  },
);

export interface NormalOptions extends RandomOptions {
  /** The shape of the result where mean and deviation are both numbers. */
  readonly size?: Shape;
}

/** Normal values of given means and standard deviations, tensors (which broadcast) or numbers. */
export function normal(
  mean: Tensor | number,
  std: Tensor | number,
  { size, ...options }: NormalOptions = {},
): Tensor {
  const given = [mean, std].filter(isTensor);
  if (size === undefined && given.length === 0) {
    throw new ShapeError("normal: mean and std are numbers; give the shape as { size: [...] }.");
  }
  if (typeof std === "number") requireBelow("normal", "std ≥ 0", std, std >= 0);
  const shape = size ?? broadcastShapes("normal", ...given.map((x) => x.shape));
  const like = given[0];
  const noise = randn(shape, {
    ...(like && { dtype: like.dtype, device: like.device }),
    ...options,
  });
  return add(mul(noise, std), mean);
}

const fromUniform = (
  name: string,
  transform: (uniform: Scalar, x: Scalar, y: Scalar) => Scalar,
): ((shape: Shape, x: number, y: number, options: RandomOptions) => Tensor) => {
  const op = ternary(name, transform);
  return (shape, x, y, options) => op(rand(shape, options), x, y);
}; // prettier-ignore

const exponentialOf = /* @__PURE__ */ fromUniform("exponential", (uniform, rate) =>
  s.div(s.neg(s.log1p(s.neg(uniform))), rate),
);

export interface ExponentialOptions extends RandomOptions {
  /** The rate: 1 over the mean. Default 1. */
  readonly lambd?: number;
}

/** Exponentially distributed values. `Tensor.exponential_`. */
export function exponential(shape: Shape, options: ExponentialOptions = {}): Tensor {
  const { lambd = 1, ...rest } = options;
  requireBelow("exponential", "lambd > 0", lambd, lambd > 0);
  return exponentialOf(shape, lambd, 0, rest);
}

const cauchyOf = /* @__PURE__ */ fromUniform("cauchy", (uniform, median, sigma) =>
  s.add(median, s.mul(sigma, s.tan(s.mul(Math.PI, s.sub(uniform, 0.5))))),
);

export interface CauchyOptions extends RandomOptions {
  readonly median?: number;
  /** Half the width at half the height. Default 1. */
  readonly sigma?: number;
}

/** Cauchy distributed values. `Tensor.cauchy_`. */
export function cauchy(shape: Shape, options: CauchyOptions = {}): Tensor {
  const { median = 0, sigma = 1, ...rest } = options;
  requireBelow("cauchy", "sigma > 0", sigma, sigma > 0);
  return cauchyOf(shape, median, sigma, rest);
}

const geometricOf = /* @__PURE__ */ fromUniform("geometric", (uniform, p) =>
  // 1 - u lies in (0, 1].
  s.max(s.ceil(s.div(s.log1p(s.neg(uniform)), s.log1p(s.neg(p)))), 1),
);

/** How many trials until the first success, 1 or more, each with probability p. `Tensor.geometric_`. */
export function geometric(shape: Shape, p: number, options: RandomOptions = {}): Tensor {
  requireBelow("geometric", "a probability p in (0, 1)", p, p > 0 && p < 1);
  return geometricOf(shape, p, 0, options);
}

export interface LogNormalOptions extends RandomOptions {
  /** Mean of the logarithms. Default 1. */
  readonly mean?: number;
  /** Standard deviation of the logarithms. Default 2. */
  readonly std?: number;
}

/** Values whose logarithms are normal. `Tensor.log_normal_`, whose defaults are 1 and 2. */
export function logNormal(shape: Shape, options: LogNormalOptions = {}): Tensor {
  const { mean = 1, std = 2, ...rest } = options;
  requireBelow("logNormal", "std > 0", std, std > 0);
  return exp(add(mul(randn(shape, rest), std), mean));
}
