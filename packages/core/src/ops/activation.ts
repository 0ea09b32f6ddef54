// Activations: elementwise functions that follow a layer. Row-wise ones (softmax) are in softmax.ts.
import { constant, s } from "../scalar/instruction.ts";
import type { Scalar } from "../scalar/instruction.ts";
import type { Tensor } from "../tensor.ts";
import { composite, eitherZero, kinked, type Op } from "./define.ts";
import { binary, ternary, unary } from "./elementwise.ts";

const float = { promotion: "float" } as const;
const zeroLike = (x: Scalar): Scalar => constant(0, x.dtype);

/** `max(x, 0)`; the gradient at 0 is 0. */
export const relu = /* @__PURE__ */ unary("relu", (x) => s.max(x, 0), {
  refuses: { bool: "Cast with to(…) first." },
  dtypes: ["float32", "float64", "int32", "int64", "uint8"],
  skips: { ...kinked, ...eitherZero },
  gradient: (_, result, grad) => [s.select(s.gt(result, 0), grad, zeroLike(grad))],
});

/** `1 / (1 + e⁻ˣ)`. */
export const sigmoid = /* @__PURE__ */ unary("sigmoid", s.sigmoid, {
  promotion: "float",
  gradient: (_, y, grad) => [s.mul(grad, s.mul(y, s.sub(1, y)))],
});

/** `log(sigmoid(x))`, without overflow: `min(x, 0) - log(1 + e^-|x|)`. */
export const logSigmoid = /* @__PURE__ */ unary(
  "logSigmoid",
  (x) => s.sub(s.min(x, 0), s.log1p(s.exp(s.neg(s.abs(x))))),
  {
    promotion: "float",
    gradient: ([x], _, grad) => [s.mul(grad, s.sigmoid(s.neg(x!)))],
  },
);

/** `x · sigmoid(x)`, also called swish. */
export const silu = /* @__PURE__ */ unary("silu", (x) => s.mul(x, s.sigmoid(x)), {
  promotion: "float",
  gradient: ([x], _, grad) => {
    const y = s.sigmoid(x!);
    return [s.mul(grad, s.mul(y, s.add(1, s.mul(x!, s.sub(1, y)))))];
  },
});

/** `x · clamp(x + 3, 0, 6) / 6`. */
export const hardswish = /* @__PURE__ */ unary(
  "hardswish",
  (x) => s.div(s.mul(x, s.min(s.max(s.add(x, 3), 0), 6)), 6),
  {
    promotion: "float",
    gradient: ([x], _, grad) => [
      s.select(
        s.le(x!, -3),
        zeroLike(grad),
        s.select(s.lt(x!, 3), s.mul(grad, s.add(s.div(x!, 3), 0.5)), grad),
      ),
    ],
  },
);

/** `clamp(x + 3, 0, 6) / 6`. */
export const hardsigmoid = /* @__PURE__ */ unary(
  "hardsigmoid",
  (x) => s.div(s.min(s.max(s.add(x, 3), 0), 6), 6),
  {
    promotion: "float",
    gradient: ([x], _, grad) => [
      s.select(s.and(s.gt(x!, -3), s.lt(x!, 3)), s.div(grad, 6), zeroLike(grad)),
    ],
  },
);

const strictlyInside = (x: Scalar, low: Scalar | number, high: Scalar | number): Scalar =>
  s.and(s.gt(x, low), s.lt(x, high));

/** `min(max(x, 0), 6)`. */
export const relu6 = /* @__PURE__ */ unary("relu6", (x) => s.min(s.max(x, 0), 6), {
  skips: { ...kinked, ...eitherZero },
  gradient: ([x], _, grad) => [s.select(strictlyInside(x!, 0, 6), grad, zeroLike(grad))],
});

const geluExact = /* @__PURE__ */ unary(
  "gelu",
  (x) => s.mul(s.mul(x, 0.5), s.add(1, s.erf(s.mul(x, Math.SQRT1_2)))),
  float,
);

const geluTanh = /* @__PURE__ */ unary(
  "geluTanh",
  (x) => {
    const inner = s.mul(Math.sqrt(2 / Math.PI), s.mul(x, s.add(1, s.mul(0.044715, s.mul(x, x)))));
    return s.mul(s.mul(x, 0.5), s.add(1, s.tanh(inner)));
  },
  float,
);

export interface GeluOptions {
  /** `"tanh"` takes the cheaper approximation. Default `"none"`. */
  readonly approximate?: "none" | "tanh";
}

/** `x · Φ(x)`, with the normal distribution function Φ. Hendrycks and Gimpel, 2016. */
export const gelu: Op<(x: Tensor, options?: GeluOptions) => Tensor> = /* @__PURE__ */ composite(
  "gelu",
  (x: Tensor, { approximate = "none" }: GeluOptions = {}): Tensor =>
    approximate === "tanh" ? geluTanh(x) : geluExact(x),
  {
    samples: [(make) => [make([2, 3])], (make) => [make([2, 3]), { approximate: "tanh" }]],
  },
);

const leaky = /* @__PURE__ */ binary("leakyRelu", (x, slope) =>
  s.select(s.gt(x, 0), x, s.mul(x, slope)),
);

/** `x` above 0, `slope · x` below. */
export const leakyRelu: Op<(x: Tensor, slope?: number) => Tensor> = /* @__PURE__ */ composite(
  "leakyRelu",
  (x: Tensor, slope = 0.01): Tensor => leaky(x, slope),
  {
    samples: [(make) => [make([2, 3])], (make) => [make([2, 3]), 0.2]],
    dtypes: ["float32", "float64"],
    skips: kinked,
  },
); // prettier-ignore

const eluWith = /* @__PURE__ */ binary("elu", (x, alpha) =>
  s.select(s.gt(x, 0), x, s.mul(alpha, s.expm1(s.min(x, zeroLike(x))))),
{
  promotion: "float",
  gradient: ([x, alpha], _, grad) => [
    s.select(s.gt(x!, 0), grad, s.mul(grad, s.mul(alpha!, s.exp(x!)))),
    s.select(s.gt(x!, 0), zeroLike(grad), s.mul(grad, s.expm1(x!))),
  ],
}); // prettier-ignore

/** `x` above 0, `α(eˣ - 1)` below. Clevert et al., 2015. */
export const elu: Op<(x: Tensor, alpha?: number) => Tensor> = /* @__PURE__ */ composite(
  "elu",
  (x: Tensor, alpha = 1): Tensor => eluWith(x, alpha),
  { samples: [(make) => [make([2, 3])], (make) => [make([2, 3]), 0.5]], skips: kinked },
);

const softplusWith = /* @__PURE__ */ ternary(
  "softplus",
  (x, beta, threshold) => {
    const scaled = s.mul(x, beta);
    const soft = s.div(s.add(s.max(scaled, 0), s.log1p(s.exp(s.neg(s.abs(scaled))))), beta);
    return s.select(s.gt(scaled, threshold), x, soft);
  },
  {
    promotion: "float",
    gradient: ([x, beta, threshold], _, grad) => {
      const scaled = s.mul(x!, beta!);
      return [
        s.select(s.gt(scaled, threshold!), grad, s.mul(grad, s.sigmoid(scaled))),
        undefined,
        undefined,
      ];
    },
  },
);

export interface SoftplusOptions {
  readonly beta?: number;
  /** Above `beta · x > threshold` the function is `x`. */
  readonly threshold?: number;
}

/** `log(1 + e^(βx)) / β`. */
export const softplus: Op<(x: Tensor, options?: SoftplusOptions) => Tensor> =
  /* @__PURE__ */ composite(
    "softplus",
    (x: Tensor, { beta = 1, threshold = 20 }: SoftplusOptions = {}): Tensor =>
      softplusWith(x, beta, threshold),
    { samples: [(make) => [make([2, 3])], (make) => [make([2, 3]), { beta: 2 }]] },
  );

/** `x / (1 + |x|)`. */
export const softsign = /* @__PURE__ */ unary(
  "softsign",
  (x) => s.div(x, s.add(1, s.abs(x))),
  { promotion: "float", gradient: ([x], _, grad) => {
    const base = s.add(1, s.abs(x!));
    return [s.div(grad, s.mul(base, base))];
  } },
); // prettier-ignore

/** `x · tanh(softplus(x))`. Misra, 2019. */
export const mish = /* @__PURE__ */ unary(
  "mish",
  (x) => s.mul(x, s.tanh(s.add(s.max(x, 0), s.log1p(s.exp(s.neg(s.abs(x))))))),
  {
    promotion: "float",
    gradient: ([x], _, grad) => {
      const t = s.tanh(s.add(s.max(x!, 0), s.log1p(s.exp(s.neg(s.abs(x!))))));
      const slope = s.mul(x!, s.mul(s.sigmoid(x!), s.mul(s.sub(1, t), s.add(1, t))));
      return [s.mul(grad, s.add(t, slope))];
    },
  },
);

const seluAlpha = 1.6732632423543772;
const seluScale = 1.0507009873554805;

/** Scaled exponential linear unit. Klambauer et al., 2017. */
export const selu = /* @__PURE__ */ unary(
  "selu",
  (x) => s.select(s.gt(x, 0), s.mul(seluScale, x), s.mul(seluScale * seluAlpha, s.expm1(s.min(x, 0)))),
  {
    promotion: "float",
    skips: kinked,
    gradient: ([x], _, grad) => [
      s.mul(grad, s.select(s.gt(x!, 0), constant(seluScale, grad.dtype), s.mul(seluScale * seluAlpha, s.exp(s.min(x!, 0))))),
    ],
  },
); // prettier-ignore

const hardtanhBetween = /* @__PURE__ */ ternary(
  "hardtanh",
  (x, low, high) => s.min(s.max(x, low), high),
  {
    gradient: ([x, low, high], _, grad) => [
      s.select(strictlyInside(x!, low!, high!), grad, zeroLike(grad)),
      undefined,
      undefined,
    ],
  },
);

/** `x` limited to `[low, high]`; on the limits the gradient is 0. */
export const hardtanh: Op<(x: Tensor, low?: number, high?: number) => Tensor> =
  /* @__PURE__ */ composite(
    "hardtanh",
    (x: Tensor, low = -1, high = 1): Tensor => hardtanhBetween(x, low, high),
    {
      samples: [(make) => [make([2, 3])], (make) => [make([2, 3]), -0.5, 0.5]],
      skips: kinked,
    },
  );
