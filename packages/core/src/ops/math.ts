// Exponential, trigonometric and error functions, element by element.
import { constant, s } from "../scalar/instruction.ts";
import { binary, unary } from "./elementwise.ts";

const float = { promotion: "float" } as const;
const positive = { promotion: "float", domain: [0.2, 3] } as const;
const insideOne = { promotion: "float", domain: [-0.9, 0.9] } as const;

/** `eˣ`. */
export const exp = /* @__PURE__ */ unary("exp", s.exp, float);
/** `2ˣ`. */
export const exp2 = /* @__PURE__ */ unary("exp2", (x) => s.pow(constant(2, x.dtype), x), {
  promotion: "float",
  gradient: (_, result, grad) => [s.mul(s.mul(grad, result), Math.LN2)],
});
/** `eˣ - 1`, exact near 0. */
export const expm1 = /* @__PURE__ */ unary("expm1", s.expm1, float);
/** Natural logarithm. */
export const log = /* @__PURE__ */ unary("log", s.log, positive);
/** Logarithm to base 2. */
export const log2 = /* @__PURE__ */ unary("log2", (x) => s.mul(s.log(x), Math.LOG2E), positive);
/** Logarithm to base 10. */
export const log10 = /* @__PURE__ */ unary("log10", (x) => s.mul(s.log(x), Math.LOG10E), positive);
/** `log(1 + x)`, exact near 0. */
export const log1p = /* @__PURE__ */ unary("log1p", s.log1p, positive);
/** Square root; NaN below 0. */
export const sqrt = /* @__PURE__ */ unary("sqrt", s.sqrt, positive);
/** `1 / √x`. */
export const rsqrt = /* @__PURE__ */ unary("rsqrt", (x) => s.div(1, s.sqrt(x)), {
  ...positive,
  gradient: (_, y, grad) => [s.mul(grad, s.mul(-0.5, s.mul(y, s.mul(y, y))))],
});
/** Sine of radians. */
export const sin = /* @__PURE__ */ unary("sin", s.sin, float);
/** Cosine of radians. */
export const cos = /* @__PURE__ */ unary("cos", s.cos, float);
/** Tangent of radians. */
export const tan = /* @__PURE__ */ unary("tan", s.tan, insideOne);
/** Inverse sine, in radians; NaN outside `[-1, 1]`. */
export const asin = /* @__PURE__ */ unary("asin", s.asin, insideOne);
/** Inverse cosine, in radians; NaN outside `[-1, 1]`. */
export const acos = /* @__PURE__ */ unary("acos", s.acos, insideOne);
/** Inverse tangent, in radians. */
export const atan = /* @__PURE__ */ unary("atan", s.atan, float);
/** Hyperbolic sine. */
export const sinh = /* @__PURE__ */ unary("sinh", s.sinh, float);
/** Hyperbolic cosine. */
export const cosh = /* @__PURE__ */ unary("cosh", s.cosh, float);
/** Hyperbolic tangent. */
export const tanh = /* @__PURE__ */ unary("tanh", s.tanh, float);
/** Inverse hyperbolic sine. */
export const asinh = /* @__PURE__ */ unary("asinh", s.asinh, float);
/** Inverse hyperbolic cosine; NaN below 1. */
export const acosh = /* @__PURE__ */ unary("acosh", s.acosh, {
  promotion: "float",
  domain: [1.2, 3],
});
/** Inverse hyperbolic tangent; NaN outside `[-1, 1]`. */
export const atanh = /* @__PURE__ */ unary("atanh", s.atanh, insideOne);
/** The error function. */
export const erf = /* @__PURE__ */ unary("erf", s.erf, float);
/** `√(x² + y²)`. */
export const hypot = /* @__PURE__ */ binary("hypot", (x, y) => {
  const [a, b] = [s.abs(x), s.abs(y)];
  const large = s.max(a, b);
  const ratio = s.div(s.min(a, b), large);
  const scaled = s.mul(large, s.sqrt(s.add(1, s.mul(ratio, ratio))));
  return s.select(s.eq(large, 0), large, s.select(s.eq(large, Infinity), large, scaled));
}, {
  promotion: "float",
  domain: [0.5, 2],
  refuses: { complex64: "Take abs(x) first.", complex128: "Take abs(x) first." },
  gradient: ([x, y], result, grad) => [
    s.mul(grad, s.div(x!, result)),
    s.mul(grad, s.div(y!, result)),
  ],
}); // prettier-ignore
