// Special functions, element by element: gamma, Bessel and normal distribution families, and products
// with logarithms. Their scalar expressions are in scalar/{gamma,bessel,normal}.ts; those that only a
// loop can compute are in incomplete-gamma.ts.
import { FlambeauError } from "../errors.ts";
import * as bessel from "../scalar/bessel.ts";
import * as gamma from "../scalar/gamma.ts";
import { type Scalar, constant, s } from "../scalar/instruction.ts";
import * as normal from "../scalar/normal.ts";
import type { Tensor } from "../tensor.ts";
import { add, sub } from "./arithmetic.ts";
import { type Op, attach, composite } from "./define.ts";
import { binary, ternary, unary } from "./elementwise.ts";

const hint = "It is defined on real numbers; take abs(x) or the real part.";
const real = { promotion: "float", refuses: { complex64: hint, complex128: hint } } as const;
const positive = { ...real, domain: [0.2, 3] } as const;
const zeroLike = (x: Scalar): Scalar => constant(0, x.dtype);
const like = (value: number, x: Scalar): Scalar => constant(value, x.dtype);

/** `log |Γ(x)|`; ∞ at 0, -1, -2, … */
export const lgamma = /* @__PURE__ */ unary("lgamma", gamma.lgamma, {
  ...positive,
  gradient: ([x], _, grad) => [s.mul(grad, gamma.digamma(x!))],
});

/** `ψ(x) = d log Γ(x) / dx`; ∓∞ at ±0, NaN at -1, -2, … */
export const digamma = /* @__PURE__ */ unary("digamma", gamma.digamma, {
  ...positive,
  gradient: ([x], _, grad) => [s.mul(grad, gamma.polygamma(1, x!))],
});

const polygammas = new Map<number, Op<(x: Tensor) => Tensor>>();

function polygammaOf(n: number): Op<(x: Tensor) => Tensor> {
  let found = polygammas.get(n);
  if (found === undefined) {
    found = unary("polygamma", (x) => gamma.polygamma(n, x), {
      ...real,
      gradient: ([x], _, grad) => [s.mul(grad, gamma.polygamma(n + 1, x!))],
    });
    polygammas.set(n, found);
  }
  return found;
}

/** The highest order whose factorials float64 and the tail's series carry. */
const largestOrder = 30;

/** The n-th derivative of `digamma`, n ≥ 0. As a method: `x.polygamma(n)`, unlike PyTorch's order. */
export const polygamma: Op<(x: Tensor, n: number) => Tensor> = /* @__PURE__ */ composite(
  "polygamma",
  (x: Tensor, n: number): Tensor => {
    if (!Number.isInteger(n) || n < 0 || n > largestOrder) {
      throw new FlambeauError(
        `polygamma: expected an order n, a whole number from 0 to ${largestOrder}, got ${n}.`,
      );
    }
    return polygammaOf(n)(x);
  },
  {
    samples: [
      (make) => [make([2, 3], 0.2, 3), 1],
      (make) => [make([2, 3], 0.5, 3), 2],
      (make) => [make([3], 0.5, 3), 0],
    ],
  },
);

/** `Σ_{i<p} log Γ(x - i/2) + p(p-1)/4 · log π`: the multivariate log Γ, for x > (p-1)/2. */
export const mvlgamma: Op<(x: Tensor, p: number) => Tensor> = /* @__PURE__ */ composite(
  "mvlgamma",
  (x: Tensor, p: number): Tensor => {
    if (!Number.isInteger(p) || p < 1) {
      throw new FlambeauError(`mvlgamma: expected a dimension p, a whole number ≥ 1, got ${p}.`);
    }
    let sum = lgamma(x);
    for (let i = 1; i < p; i++) sum = add(sum, lgamma(sub(x, i / 2)));
    return add(sum, ((p * (p - 1)) / 4) * Math.log(Math.PI));
  },
  {
    samples: [(make) => [make([2, 3], 1.5, 4), 1], (make) => [make([2, 3], 1.5, 4), 3]],
    dtypes: ["float32", "float64"],
  },
);

/** `mvlgamma` by its other name. */
export const multigammaln = mvlgamma;

/** The Bessel function `I₀`; NaN at ±∞. */
export const i0 = /* @__PURE__ */ unary("i0", bessel.i0, {
  ...real,
  domain: [-3, 3],
  gradient: ([x], _, grad) => [s.mul(grad, bessel.i1(x!))],
});

/** `e^-|x|·I₁'(x) = e^-|x|·(I₀ - I₁/x)`, without the division at 0. */
const slopeOfI1e = (x: Scalar): Scalar => s.sub(bessel.i0e(x), bessel.i1eOverX(x));
const signOf = (x: Scalar): Scalar =>
  s.select(s.gt(x, 0), 1, s.select(s.lt(x, 0), -1, zeroLike(x)));

/** The Bessel function `I₁`; NaN at ±∞. */
export const i1 = /* @__PURE__ */ unary("i1", bessel.i1, {
  ...real,
  domain: [-3, 3],
  gradient: ([x], _, grad) => {
    const half = s.exp(s.mul(0.5, s.abs(x!)));
    return [s.mul(grad, s.mul(s.mul(half, slopeOfI1e(x!)), half))];
  },
});

/** `e^-|x|·I₀(x)`, which does not overflow. */
export const i0e = /* @__PURE__ */ unary("i0e", bessel.i0e, {
  ...real,
  gradient: ([x], result, grad) => [s.mul(grad, s.sub(bessel.i1e(x!), s.mul(signOf(x!), result)))],
});

/** `e^-|x|·I₁(x)`, which does not overflow. */
export const i1e = /* @__PURE__ */ unary("i1e", bessel.i1e, {
  ...real,
  gradient: ([x], result, grad) => [s.mul(grad, s.sub(slopeOfI1e(x!), s.mul(signOf(x!), result)))],
});

const twoOverRootPi = 2 / Math.sqrt(Math.PI);

/** `1 - erf(x)`, exact in the right tail. */
export const erfc = /* @__PURE__ */ unary("erfc", normal.erfc, {
  ...real,
  gradient: ([x], _, grad) => [s.mul(grad, s.mul(-twoOverRootPi, s.exp(s.neg(s.mul(x!, x!)))))],
});

/** `eˣ²·erfc(x)`, which neither overflows nor vanishes on the right. */
export const erfcx = /* @__PURE__ */ unary("erfcx", normal.erfcx, {
  ...real,
  domain: [-1, 3],
  gradient: ([x], result, grad) => [s.mul(grad, s.sub(s.mul(2, s.mul(x!, result)), twoOverRootPi))],
});

/** The inverse of `erf`: ±∞ at ±1, NaN beyond. */
export const erfinv = /* @__PURE__ */ unary("erfinv", normal.erfinv, {
  ...real,
  domain: [-0.9, 0.9],
  gradient: (_, result, grad) => [
    s.mul(grad, s.mul(1 / twoOverRootPi, s.exp(s.mul(result, result)))),
  ],
});

/** The distribution function of the standard normal. */
export const ndtr = /* @__PURE__ */ unary("ndtr", normal.ndtr, {
  ...real,
  gradient: ([x], _, grad) => [
    s.mul(grad, s.mul(1 / Math.sqrt(2 * Math.PI), s.exp(s.mul(-0.5, s.mul(x!, x!))))),
  ],
});

/** The inverse of `ndtr`: ∓∞ at 0 and 1, NaN outside. */
export const ndtri = /* @__PURE__ */ unary("ndtri", normal.ndtri, {
  ...real,
  domain: [0.05, 0.95],
  gradient: (_, result, grad) => [
    s.mul(grad, s.mul(Math.sqrt(2 * Math.PI), s.exp(s.mul(0.5, s.mul(result, result))))),
  ],
});

/** `log(ndtr(x))`, exact in the left tail. */
export const logNdtr = /* @__PURE__ */ unary("logNdtr", normal.logNdtr, {
  ...real,
  gradient: ([x], result, grad) => {
    // φ(x)/Φ(x); the logarithms' difference keeps both tails.
    const density = s.sub(s.mul(-0.5, s.mul(x!, x!)), Math.log(2 * Math.PI) / 2);
    const tail = s.min(x!, like(-1, x!));
    const ratio = s.div(Math.sqrt(2 / Math.PI), normal.erfcx(s.mul(tail, -Math.SQRT1_2)));
    return [s.mul(grad, s.select(s.lt(x!, -1), ratio, s.exp(s.sub(density, result))))];
  },
});

/** `-x·log(x)`: 0 at 0, -∞ below. */
export const entr = /* @__PURE__ */ unary(
  "entr",
  (x) => {
    const inside = s.neg(s.mul(x, s.log(x)));
    const value = s.select(s.gt(x, 0), inside, s.select(s.eq(x, 0), zeroLike(x), -Infinity));
    return s.select(s.isNaN(x), x, value);
  },
  { ...positive, gradient: ([x], _, grad) => [s.mul(grad, s.sub(-1, s.log(x!)))] },
);

/** `x·log(y)`, which is 0 where x = 0, unless y is NaN. */
export const xlogy = /* @__PURE__ */ binary(
  "xlogy",
  (x, y) => {
    const value = s.select(s.eq(x, 0), zeroLike(x), s.mul(x, s.log(y)));
    return s.select(s.isNaN(y), y, value);
  },
  {
    ...positive,
    gradient: ([x, y], _, grad) => [
      s.mul(grad, s.select(s.and(s.eq(x!, 0), s.le(y!, 0)), zeroLike(y!), s.log(y!))),
      s.mul(grad, s.div(x!, y!)),
    ],
  },
);

/** `x·log(1 + y)`, which is 0 where x = 0, unless y is NaN. */
export const xlog1py = /* @__PURE__ */ binary(
  "xlog1py",
  (x, y) => {
    const value = s.select(s.eq(x, 0), zeroLike(x), s.mul(x, s.log1p(y)));
    return s.select(s.isNaN(y), y, value);
  },
  {
    ...positive,
    gradient: ([x, y], _, grad) => [
      s.mul(grad, s.select(s.and(s.eq(x!, 0), s.le(y!, -1)), zeroLike(y!), s.log1p(y!))),
      s.mul(grad, s.div(x!, s.add(y!, 1))),
    ],
  },
);

/** `sin(πx) / (πx)`, 1 at 0. */
export const sinc = /* @__PURE__ */ unary(
  "sinc",
  (x) => {
    const angle = s.mul(Math.PI, s.select(s.eq(x, 0), 1, x));
    return s.select(s.eq(x, 0), like(1, x), s.div(s.sin(angle), angle));
  },
  {
    ...real,
    skips: { secondOrder: "at 0 the slope is a constant 0, as in PyTorch" },
    gradient: ([x], result, grad) => {
      const safe = s.select(s.eq(x!, 0), 1, x!);
      const slope = s.div(s.sub(s.cos(s.mul(Math.PI, safe)), result), safe);
      return [s.select(s.eq(x!, 0), zeroLike(grad), s.mul(grad, slope))];
    },
  },
);

const logitPlain = /* @__PURE__ */ unary("logit", (x) => s.log(s.div(x, s.sub(1, x))), {
  ...real,
  domain: [0.1, 0.9],
  gradient: ([x], _, grad) => {
    const inside = s.and(s.ge(x!, 0), s.le(x!, 1));
    return [s.select(inside, s.div(grad, s.mul(x!, s.sub(1, x!))), like(NaN, grad))];
  },
});

const logitBetween = /* @__PURE__ */ ternary(
  "logit",
  (x, low, high) => {
    const p = s.min(s.max(x, low), high);
    return s.log(s.div(p, s.sub(1, p)));
  },
  {
    ...real,
    gradient: ([x, low, high], _, grad) => {
      const outside = s.or(s.lt(x!, low!), s.gt(x!, high!));
      const slope = s.div(grad, s.mul(x!, s.sub(1, x!)));
      return [s.select(outside, zeroLike(grad), slope), undefined, undefined];
    },
  },
);

export interface LogitOptions {
  /** Limits x to `[eps, 1 - eps]` first. */
  readonly eps?: number;
}

/** `log(x / (1 - x))`, the inverse of `sigmoid`; NaN outside `[0, 1]` unless `eps` is given. */
export const logit: Op<(x: Tensor, options?: LogitOptions) => Tensor> = /* @__PURE__ */ attach(
  (x: Tensor, { eps }: LogitOptions = {}): Tensor =>
    eps === undefined ? logitPlain(x) : logitBetween(x, eps, 1 - eps),
  {
    ...logitPlain.definition,
    samples: [
      (make) => [make([2, 3], 0.1, 0.9)],
      (make) => [make([2, 3], 0.1, 0.9), { eps: 0.01 }],
    ],
  },
);
