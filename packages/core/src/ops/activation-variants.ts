// Activations that shrink, gate or learn their slope, and those that draw random numbers. The plain
// ones are in activation.ts.
import { type DType, isFloat } from "../dtype.ts";
import { DTypeError, FlambeauError, ShapeError, showShape } from "../errors.ts";
import type { Generator } from "../random.ts";
import { type Scalar, constant, s } from "../scalar/instruction.ts";
import { normalizeAxis } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { logSigmoid, sigmoid } from "./activation.ts";
import { add, div, eq, mul, neg } from "./arithmetic.ts";
import { cast } from "./cast.ts";
import { type Op, attach, composite, kinked } from "./define.ts";
import { drawn } from "./draws.ts";
import { binary, ternary, unary } from "./elementwise.ts";
import { arange } from "./creation.ts";
import { log, log1p } from "./math.ts";
import { rand } from "./random.ts";
import { argmax } from "./argument-reduction.ts";
import { softmax } from "./softmax.ts";
import { split } from "./split.ts";
import { reshape } from "./view.ts";

const floats: readonly DType[] = ["float32", "float64"];
const zeroLike = (x: Scalar): Scalar => constant(0, x.dtype);

/** `logSigmoid` by PyTorch's functional name. */
export const logsigmoid = logSigmoid;
/** `sigmoid` by the name that SciPy and `torch.special` give it. */
export const expit = sigmoid;

const celuWith = /* @__PURE__ */ binary(
  "celu",
  (x, alpha) => s.select(s.gt(x, 0), x, s.mul(alpha, s.expm1(s.div(s.min(x, zeroLike(x)), alpha)))),
  {
    promotion: "float",
    gradient: ([x, alpha], _, grad) => [
      s.select(s.gt(x!, 0), grad, s.mul(grad, s.exp(s.div(s.min(x!, zeroLike(x!)), alpha!)))),
      undefined,
    ],
  },
);

/** `x` above 0, `α(e^(x/α) - 1)` below: an `elu` that is smooth at 0 for every α. Barron, 2017. */
export const celu: Op<(x: Tensor, alpha?: number) => Tensor> = /* @__PURE__ */ attach(
  (x: Tensor, alpha = 1): Tensor => {
    if (alpha === 0) throw new FlambeauError("celu: expected an alpha other than 0.");
    return celuWith(x, alpha);
  },
  {
    ...celuWith.definition,
    samples: [(make) => [make([2, 3])], (make) => [make([2, 3]), 0.7]],
    skips: kinked,
  },
);

const hardshrinkWith = /* @__PURE__ */ binary("hardshrink", (x, lambda) =>
  s.select(s.and(s.ge(x, s.neg(lambda)), s.le(x, lambda)), zeroLike(x), x),
);

/** `x` where `|x| > λ`, else 0. */
export const hardshrink: Op<(x: Tensor, lambd?: number) => Tensor> = /* @__PURE__ */ attach(
  (x: Tensor, lambd = 0.5): Tensor => hardshrinkWith(x, lambd),
  {
    ...hardshrinkWith.definition,
    samples: [(make) => [make([2, 3])], (make) => [make([2, 3]), 1]],
    dtypes: floats,
    skips: kinked,
  },
);

const softshrinkWith = /* @__PURE__ */ binary(
  "softshrink",
  // x · 0 carries NaN.
  (x, lambda) =>
    s.select(
      s.gt(x, lambda),
      s.sub(x, lambda),
      s.select(s.lt(x, s.neg(lambda)), s.add(x, lambda), s.mul(x, 0)),
    ),
  {
    gradient: ([x, lambda], _, grad) => {
      const isInside = s.and(s.ge(x!, s.neg(lambda!)), s.le(x!, lambda!));
      return [s.select(isInside, zeroLike(grad), grad), undefined];
    },
  },
);

/** `x` moved towards 0 by λ, and 0 where it is not further away. */
export const softshrink: Op<(x: Tensor, lambd?: number) => Tensor> = /* @__PURE__ */ attach(
  (x: Tensor, lambd = 0.5): Tensor => {
    if (lambd < 0) throw new FlambeauError(`softshrink: expected lambd ≥ 0, got ${lambd}.`);
    return softshrinkWith(x, lambd);
  },
  {
    ...softshrinkWith.definition,
    samples: [(make) => [make([2, 3])], (make) => [make([2, 3]), 1]],
    dtypes: floats,
    skips: kinked,
  },
);

/** `x - tanh(x)`. */
export const tanhshrink = /* @__PURE__ */ unary("tanhshrink", (x) => s.sub(x, s.tanh(x)), {
  promotion: "float",
  gradient: ([x], _, grad) => {
    const t = s.tanh(x!);
    return [s.mul(grad, s.mul(t, t))];
  },
});

const thresholdWith = /* @__PURE__ */ ternary(
  "threshold",
  (x, limit, value) => s.select(s.le(x, limit), value, x),
  {
    gradient: ([x, limit], _, grad) => [
      s.select(s.le(x!, limit!), zeroLike(grad), grad),
      undefined,
      undefined,
    ],
  },
);

/** `x` above the limit, else `value`. */
export const threshold: Op<(x: Tensor, limit: number, value: number) => Tensor> =
  /* @__PURE__ */ attach((x: Tensor, limit: number, value: number): Tensor => thresholdWith(x, limit, value), {
    ...thresholdWith.definition,
    samples: [(make) => [make([2, 3]), 0.5, 20], (make) => [make([2, 3]), -1, -1]],
    dtypes: floats,
    skips: kinked,
  }); // prettier-ignore

const sloped = /* @__PURE__ */ binary("prelu", (x, weight) =>
  s.select(s.gt(x, 0), x, s.mul(weight, x)),
);

/**
 * `x` above 0, `weight · x` below. The weight has one element, or one for each channel: axis 1 of x.
 * He et al., 2015.
 */
export const prelu = /* @__PURE__ */ composite(
  "prelu",
  (x: Tensor, weight: Tensor): Tensor => {
    if (weight.size === 1) return sloped(x, reshape(weight, []));
    const channels = x.ndim < 2 ? 1 : x.shape[1]!;
    if (weight.ndim !== 1 || weight.size !== channels) {
      throw new ShapeError(
        `prelu: expected a weight with 1 or ${channels} elements (axis 1 of ${showShape(x.shape)}), ` +
          `got shape ${showShape(weight.shape)}.`,
      );
    }
    return sloped(x, reshape(weight, [channels, ...x.shape.slice(2).map(() => 1)]));
  },
  {
    samples: [(make) => [make([2, 3]), make([1])], (make) => [make([2, 3, 2]), make([3])]],
    dtypes: floats,
    skips: kinked,
  },
);

export interface RReluOptions {
  /** Least slope. Default 1/8. */
  readonly lower?: number;
  /** Largest slope. Default 1/3. */
  readonly upper?: number;
  /** Draws a slope per element when true; else their mean serves. Default false. */
  readonly training?: boolean;
  /** Default: the device's own generator. */
  readonly generator?: Generator;
}

/** `x` above 0, `a · x` below, with a random slope a for each element while training. */
export const rrelu = /* @__PURE__ */ composite(
  "rrelu",
  (
    x: Tensor,
    { lower = 1 / 8, upper = 1 / 3, training = false, generator }: RReluOptions = {},
  ): Tensor => {
    if (!(lower <= upper)) {
      throw new FlambeauError(`rrelu: expected lower ≤ upper, got ${lower} and ${upper}.`);
    }
    if (!training) return sloped(x, (lower + upper) / 2);
    const uniform = rand(x.shape, { dtype: x.dtype, device: x.device, generator });
    return sloped(x, add(mul(uniform, upper - lower), lower));
  },
  {
    samples: [(make) => [make([2, 3])], (make) => [make([2, 3]), { lower: 0.2, upper: 0.4 }]],
    dtypes: floats,
    skips: kinked,
  },
);

const gate = /* @__PURE__ */ binary("glu", (x, y) => s.mul(x, s.sigmoid(y)), {
  gradient: ([x, y], _, grad) => {
    const open = s.sigmoid(y!);
    const slope = s.mul(open, s.sigmoid(s.neg(y!)));
    return [s.mul(grad, open), s.mul(grad, s.mul(x!, slope))];
  },
});

/** The first half of an axis times the sigmoid of the second. Dauphin et al., 2016. */
export const glu = /* @__PURE__ */ composite(
  "glu",
  (x: Tensor, axis = -1): Tensor => {
    const at = normalizeAxis("glu", axis, x.ndim);
    const size = x.shape[at]!;
    if (size % 2 !== 0) {
      throw new ShapeError(
        `glu: expected an even size on axis ${at}, got ${size} in shape ${showShape(x.shape)}. Its ` +
          `halves are values and gates.`,
      );
    }
    const [values, gates] = split(x, size / 2, at);
    return gate(values!, gates!);
  },
  {
    samples: [(make) => [make([3, 6])], (make) => [make([4, 3]), 0]],
    dtypes: floats,
  },
);

export interface GumbelSoftmaxOptions {
  /** Temperature: the smaller, the closer to one-hot. Default 1. */
  readonly tau?: number;
  /** Gives one-hot rows, with the gradient of the soft ones. Default false. */
  readonly hard?: boolean;
  /** Default -1. */
  readonly axis?: number;
  readonly generator?: Generator;
}

/** The value of the first operand with the gradient of the second. */
const straightThrough = /* @__PURE__ */ binary("straightThrough", (hard) => hard, {
  gradient: (_operands, _result, grad) => [undefined, grad],
});

/** Rows drawn from the categorical distribution of `logits`, softly: differentiable. Jang et al., 2016. */
export const gumbelSoftmax = /* @__PURE__ */ composite(
  "gumbelSoftmax",
  (
    logits: Tensor,
    { tau = 1, hard = false, axis = -1, generator }: GumbelSoftmaxOptions = {},
  ): Tensor => {
    if (!isFloat(logits.dtype)) {
      throw new DTypeError(
        `gumbelSoftmax: expected float logits, got ${logits.dtype}. Cast with to("float32").`,
      );
    }
    const { shape, dtype, device } = logits;
    const uniform = rand(shape, { dtype, device, generator });
    // -log(1 - u) is finite and, but for u = 0, above 0.
    const gumbel = neg(log(add(neg(log1p(neg(uniform))), 1e-20)));
    const soft = softmax(div(add(logits, gumbel), tau), axis);
    if (!hard) return soft;
    const at = normalizeAxis("gumbelSoftmax", axis, logits.ndim);
    const positions = reshape(
      arange(0, shape[at]!, { dtype: "int32", device }),
      shape.map((n, i) => (i === at ? n : 1)),
    );
    const oneHot = cast(eq(argmax(soft, at, { keepDims: true }), positions), dtype);
    return straightThrough(oneHot, soft);
  },
  {
    ...drawn,
    samples: [(make) => [make([2, 3])], (make) => [make([2, 3]), { tau: 0.5, hard: true }]],
  },
);
