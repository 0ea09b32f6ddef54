// Normalization: batch, layer, group, instance, root-mean-square and local response. The core of most
// is standardize.ts.
import type { DType } from "../dtype.ts";
import { isFloat } from "../dtype.ts";
import { DTypeError, FlambeauError, ShapeError, showShape } from "../errors.ts";
import { noGrad } from "../modes.ts";
import { s } from "../scalar/instruction.ts";
import { type Shape, sizeOf } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import type { TensorLike } from "../operation.ts";
import { Variable } from "../variable.ts";
import { add, div, mul, pow, square } from "./arithmetic.ts";
import { cast } from "./cast.ts";
import { type Op, composite } from "./define.ts";
import { binary, elementwise, ternary } from "./elementwise.ts";
import { pad } from "./pad.ts";
import { avgPool2d } from "./pool.ts";
import { sum } from "./reduction.ts";
import { divideByRootMeanSquare, standardize } from "./standardize.ts";
import { reshape } from "./view.ts";
import { inFloat32 } from "./widen.ts";

export interface AffineOptions {
  /** Multiplies the normalized values. */
  readonly weight?: Tensor;
  /** Added at the end. */
  readonly bias?: Tensor;
  /** Added to the variance. Default 1e-5. */
  readonly eps?: number;
}

export interface BatchNormOptions extends AffineOptions {
  /** Normalizes with the batch's own statistics, and updates the running ones. Default false. */
  readonly training?: boolean;
  /** How much of the batch's statistics enters the running ones. Default 0.1. */
  readonly momentum?: number;
}

export interface InstanceNormOptions extends AffineOptions {
  /** Normalizes with each image's own statistics, not the running ones. Default true. */
  readonly useInputStats?: boolean;
  readonly momentum?: number;
}

function requireFloat(name: string, x: Tensor): void {
  if (isFloat(x.dtype)) return;
  throw new DTypeError(`${name}: expected a float dtype, got ${x.dtype}. Cast with to("float32").`);
}

function requireShape(name: string, what: string, x: Tensor | undefined, shape: Shape): void {
  if (x === undefined) return;
  if (x.ndim === shape.length && shape.every((n, axis) => n === x.shape[axis])) return;
  throw new ShapeError(
    `${name}: expected ${what} of shape ${showShape(shape)}, got ${showShape(x.shape)}.`,
  );
}

/** Throws unless x has channels on axis 1 and each given tensor has one value per channel. */
function requireChannels(
  name: string,
  x: Tensor,
  least: number,
  given: { readonly [what: string]: Tensor | undefined },
): void {
  requireFloat(name, x);
  if (x.ndim < least) {
    throw new ShapeError(
      `${name}: expected at least ${least} axes [batch, channels, …], got shape ` +
        `${showShape(x.shape)}.`,
    );
  }
  for (const what in given) requireShape(name, what, given[what], [x.shape[1]!]);
}

/** `[c]` as `[1, c, 1, …]`. */
const alongChannels = (x: Tensor, ndim: number): Tensor =>
  reshape(x, [1, x.size, ...new Array<number>(ndim - 2).fill(1)]);

const inverseDeviation = /* @__PURE__ */ binary("inverseDeviation", (variance, eps) =>
  s.div(1, s.sqrt(s.add(variance, eps))),
);

/** `(x - mean) · inverse · weight + bias`. */
const scaleAndShift = /* @__PURE__ */ elementwise<(...operands: TensorLike[]) => Tensor>(
  "normalize",
  (x, mean, inverse, weight, bias) =>
    s.add(s.mul(s.mul(s.sub(x!, mean!), inverse!), weight!), bias!),
);

/** `old · (1 - momentum) + value · momentum`. */
const runningAverage = /* @__PURE__ */ ternary("runningAverage", (old, value, momentum) =>
  s.add(s.mul(old, s.sub(1, momentum)), s.mul(value, momentum)),
);

function update(name: string, running: Tensor, value: Tensor, momentum: number): void {
  if (!(running instanceof Variable)) {
    throw new FlambeauError(
      `${name}: in training the running statistics are updated, so they must be Variables. Wrap ` +
        `them: new Variable(zeros([channels])).`,
    );
  }
  const own = reshape(value, running.shape);
  running.assign(cast(runningAverage(running, own, momentum), running.dtype));
}

const affine = (x: Tensor, { weight, bias }: AffineOptions) => ({
  weight: weight && alongChannels(weight, x.ndim),
  bias: bias && alongChannels(bias, x.ndim),
});

/** Normalization with statistics that are given, per channel. */
function normalizeWith(
  name: string,
  x: Tensor,
  mean: Tensor | undefined,
  variance: Tensor | undefined,
  options: AffineOptions,
): Tensor {
  if (mean === undefined || variance === undefined) {
    throw new FlambeauError(
      `${name}: without the batch's own statistics, runningMean and runningVar are needed.`,
    );
  }
  const inverse = alongChannels(inverseDeviation(variance, options.eps ?? 1e-5), x.ndim);
  const { weight, bias } = affine(x, options);
  const centre = alongChannels(mean, x.ndim);
  return cast(scaleAndShift(x, centre, inverse, weight ?? 1, bias ?? 0), x.dtype);
}

const floats: readonly DType[] = ["float32", "float64"];

type RunningNorm<O> = Op<
  (x: Tensor, runningMean?: Tensor, runningVar?: Tensor, options?: O) => Tensor
>;

/**
 * Normalizes each channel, `x` being `[n, c, …]`, over the batch and all other axes; in training with
 * the batch's mean and biased variance, else with the running ones. In training the running statistics
 * (Variables) move towards the batch's mean and unbiased variance. Ioffe and Szegedy, 2015.
 */
export const batchNorm: RunningNorm<BatchNormOptions> = /* @__PURE__ */ composite(
  "batchNorm",
  (
    x: Tensor,
    runningMean?: Tensor,
    runningVar?: Tensor,
    options: BatchNormOptions = {},
  ): Tensor => {
    const { weight, bias, training = false, momentum = 0.1, eps = 1e-5 } = options;
    requireChannels("batchNorm", x, 2, { runningMean, runningVar, weight, bias });
    if (!training) return normalizeWith("batchNorm", x, runningMean, runningVar, options);
    const axes = x.shape.map((_, axis) => axis).filter((axis) => axis !== 1);
    const count = sizeOf(axes.map((axis) => x.shape[axis]!));
    if (count === 1) {
      throw new ShapeError(
        `batchNorm: training needs more than one value per channel, got shape ${showShape(x.shape)}. ` +
          `Use a larger batch, or eval().`,
      );
    }
    const own = affine(x, options);
    const { y, mean, variance } = standardize(x, own.weight, own.bias, axes, eps);
    noGrad(() => {
      if (runningMean) update("batchNorm", runningMean, mean, momentum);
      if (runningVar) {
        update("batchNorm", runningVar, mul(variance, count / (count - 1)), momentum);
      }
    });
    return y;
  },
  {
    samples: [
      (make) => [make([4, 2]), undefined, undefined, { training: true }],
      (make) => [make([2, 2, 3]), undefined, undefined, { training: true, weight: make([2]), bias: make([2]), eps: 0.1 }],
      (make) => [make([2, 1, 2, 2]), undefined, undefined, { training: true, weight: make([1]) }],
      (make) => [make([3, 2]), make([2]), make([2], 0.5, 2)],
      (make) => [make([2, 2, 2, 2]), make([2]), make([2], 0.5, 2), { weight: make([2]), bias: make([2]) }],
      (make) => [make([0, 2]), make([2]), make([2], 0.5, 2)],
    ],
    dtypes: floats,
  },
); // prettier-ignore

/**
 * Normalizes over the last axes, whose lengths are `normalizedShape`; weight and bias have that shape.
 * Ba et al., 2016.
 */
export const layerNorm: Op<(x: Tensor, normalizedShape: Shape, options?: AffineOptions) => Tensor> =
  /* @__PURE__ */ composite(
    "layerNorm",
    (x: Tensor, normalizedShape: Shape, options: AffineOptions = {}): Tensor => {
      const { weight, bias, eps = 1e-5 } = options;
      requireFloat("layerNorm", x);
      const axes = lastAxes("layerNorm", x, normalizedShape);
      requireShape("layerNorm", "a weight", weight, normalizedShape);
      requireShape("layerNorm", "a bias", bias, normalizedShape);
      return standardize(x, weight && raise(weight, x.ndim), bias && raise(bias, x.ndim), axes, eps)
        .y;
    },
    {
      inFloat32,
      samples: [
        (make) => [make([2, 5]), [5]],
        (make) => [make([2, 2, 3]), [2, 3], { weight: make([2, 3]), bias: make([2, 3]) }],
        (make) => [make([2, 3]), [3], { weight: make([3]), eps: 0.1 }],
        (make) => [make([2, 3]), [3], { bias: make([3]), eps: 0.1 }],
        (make) => [make([0, 3]), [3], { weight: make([3]), bias: make([3]) }],
      ],
      dtypes: floats,
    },
  );

/** With axes of length 1 in front. */
const raise = (t: Tensor, ndim: number): Tensor =>
  reshape(t, [...new Array<number>(ndim - t.ndim).fill(1), ...t.shape]);

/** The last axes, which must have the given lengths. */
function lastAxes(name: string, x: Tensor, normalizedShape: Shape): number[] {
  const first = x.ndim - normalizedShape.length;
  const fits = normalizedShape.every((n, i) => n === x.shape[first + i]);
  if (normalizedShape.length > 0 && first >= 0 && fits) {
    return normalizedShape.map((_, i) => first + i);
  }
  throw new ShapeError(
    `${name}: normalizedShape ${showShape(normalizedShape)} must equal the last axes of the input ` +
      `${showShape(x.shape)}.`,
  );
}

/**
 * Normalizes groups of channels of each image, `x` being `[n, c, …]`; weight and bias are `[c]`.
 * Wu and He, 2018.
 */
export const groupNorm: Op<(x: Tensor, numGroups: number, options?: AffineOptions) => Tensor> =
  /* @__PURE__ */ composite(
    "groupNorm",
    (x: Tensor, numGroups: number, options: AffineOptions = {}): Tensor => {
      const { weight, bias, eps = 1e-5 } = options;
      requireChannels("groupNorm", x, 2, { weight, bias });
      const [n, channels] = x.shape as readonly [number, number];
      if (!Number.isInteger(numGroups) || numGroups < 1 || channels % numGroups !== 0) {
        throw new ShapeError(
          `groupNorm: numGroups must divide the ${channels} channels of ${showShape(x.shape)}, got ` +
            `${numGroups}.`,
        );
      }
      const perGroup = channels / numGroups;
      const grouped = reshape(x, [n, numGroups, perGroup, sizeOf(x.shape.slice(2))]);
      const raised = (t: Tensor | undefined) => t && reshape(t, [1, numGroups, perGroup, 1]);
      const { y } = standardize(grouped, raised(weight), raised(bias), [2, 3], eps);
      return reshape(y, x.shape);
    },
    {
      inFloat32,
      samples: [
        (make) => [make([2, 4, 3]), 2],
        (make) => [make([2, 4, 2, 2]), 2, { weight: make([4]), bias: make([4]), eps: 0.1 }],
        (make) => [make([2, 4]), 1, { weight: make([4]) }],
      ],
      dtypes: floats,
    },
  );

/**
 * Normalizes each channel of each image over its spatial axes, `x` being `[n, c, …]`. Running statistics
 * (Variables), where given, move towards the mean over the batch. Ulyanov et al., 2016.
 */
export const instanceNorm: RunningNorm<InstanceNormOptions> = /* @__PURE__ */ composite(
  "instanceNorm",
  (
    x: Tensor,
    runningMean?: Tensor,
    runningVar?: Tensor,
    options: InstanceNormOptions = {},
  ): Tensor => {
    const { weight, bias, useInputStats = true, momentum = 0.1, eps = 1e-5 } = options;
    requireChannels("instanceNorm", x, 3, { runningMean, runningVar, weight, bias });
    if (!useInputStats) return normalizeWith("instanceNorm", x, runningMean, runningVar, options);
    const axes = x.shape.map((_, axis) => axis).slice(2);
    const count = sizeOf(x.shape.slice(2));
    if (count === 1) {
      throw new ShapeError(
        `instanceNorm: needs more than one value per channel, got shape ${showShape(x.shape)}.`,
      );
    }
    const own = affine(x, options);
    const { y, mean, variance } = standardize(x, own.weight, own.bias, axes, eps);
    noGrad(() => {
      const overBatch = (t: Tensor, scale: number) => mul(sum(t, 0), scale / x.shape[0]!);
      if (runningMean) update("instanceNorm", runningMean, overBatch(mean, 1), momentum);
      if (runningVar) {
        update("instanceNorm", runningVar, overBatch(variance, count / (count - 1)), momentum);
      }
    });
    return y;
  },
  {
    samples: [
      (make) => [make([2, 1, 5])],
      (make) => [make([2, 2, 2, 2]), undefined, undefined, { weight: make([2]), bias: make([2]), eps: 0.1 }],
      (make) => [make([2, 2, 3]), make([2]), make([2], 0.5, 2), { useInputStats: false }],
    ],
    dtypes: floats,
  },
); // prettier-ignore

export interface RmsNormOptions {
  /** Multiplies the normalized values; of `normalizedShape`. */
  readonly weight?: Tensor;
  /** Added to the mean square. Default: the distance from 1 to the next number of the dtype. */
  readonly eps?: number;
}

/** Divides by the root of the mean square over the last axes. Zhang and Sennrich, 2019. */
export const rmsNorm: Op<(x: Tensor, normalizedShape: Shape, options?: RmsNormOptions) => Tensor> =
  /* @__PURE__ */ composite(
    "rmsNorm",
    (x: Tensor, normalizedShape: Shape, { weight, eps }: RmsNormOptions = {}): Tensor => {
      requireFloat("rmsNorm", x);
      const axes = lastAxes("rmsNorm", x, normalizedShape);
      requireShape("rmsNorm", "a weight", weight, normalizedShape);
      const least = eps ?? (x.dtype === "float64" ? 2 ** -52 : 2 ** -23);
      const raised = weight && raise(weight, x.ndim);
      return divideByRootMeanSquare(x, raised, axes, least);
    },
    {
      inFloat32,
      samples: [
        (make) => [make([2, 4]), [4]],
        (make) => [make([2, 2, 3]), [2, 3], { weight: make([2, 3]), eps: 0.1 }],
      ],
      dtypes: floats,
    },
  );

export interface LocalResponseOptions {
  /** Default 1e-4. */
  readonly alpha?: number;
  /** Default 0.75. */
  readonly beta?: number;
  /** Default 1. */
  readonly k?: number;
}

/**
 * Divides by `(k + α · mean of squares over size neighbouring channels)^β`, `x` being `[n, c, …]`.
 * Krizhevsky et al., 2012.
 */
export const localResponseNorm: Op<
  (x: Tensor, size: number, options?: LocalResponseOptions) => Tensor
> = /* @__PURE__ */ composite(
  "localResponseNorm",
  (x: Tensor, size: number, options: LocalResponseOptions = {}): Tensor => {
    const { alpha = 1e-4, beta = 0.75, k = 1 } = options;
    requireChannels("localResponseNorm", x, 3, {});
    const [n, channels] = x.shape as readonly [number, number];
    const squares = reshape(square(x), [n, 1, channels, sizeOf(x.shape.slice(2))]);
    const before = Math.floor(size / 2);
    const padded = pad(squares, [0, 0, before, Math.floor((size - 1) / 2)]);
    const means = reshape(avgPool2d(padded, [size, 1], { stride: 1 }), x.shape);
    return div(x, pow(add(mul(means, alpha), k), beta));
  },
  {
    inFloat32,
    samples: [
      (make) => [make([2, 4, 3]), 3],
      (make) => [make([1, 5, 2, 2]), 2, { alpha: 0.1, beta: 0.5, k: 2 }],
    ],
    dtypes: floats,
  },
);
