// float32 transcendentals as arithmetic that every backend has: polynomials, bit tricks, selects.
// Within a few ulp of the truth over the whole range (decompose.test.ts measures them). The cores of
// exp, log, sine and arctangent follow Cephes and FreeBSD's msun. float64 functions stay whole but erf.
import { erfDouble, erfSingle } from "./decompose-erf.ts";
import { exp, expm1, halfExp } from "./decompose-exp.ts";
import { log, log1p } from "./decompose-log.ts";
import { acos, asin, atan, atan2, cos, sin, tan } from "./decompose-trigonometry.ts";
import { type Scalar, type UnaryInstruction, s, transform } from "./instruction.ts";

export { farAngle } from "./decompose-trigonometry.ts";

const signBit = -(2 ** 31);

/** An odd function from its values at x >= 0; keeps the sign of zero. */
function odd(x: Scalar, positive: (magnitude: Scalar) => Scalar): Scalar {
  const sign = s.bitAnd(s.bitcast(x, "int32"), signBit);
  const value = s.bitcast(positive(s.abs(x)), "int32");
  return s.bitcast(s.bitXor(value, sign), "float32");
}

/** t / (t + 2) for t = e^2a - 1; from 10 on it is 1. */
const tanh = (a: Scalar): Scalar => {
  const t = expm1(s.mul(s.min(a, 10), 2));
  return s.div(t, s.add(t, 2));
};

const sinh = (a: Scalar): Scalar => {
  const t = expm1(a);
  return s.select(s.gt(a, 9), halfExp(a), s.mul(s.add(t, s.div(t, s.add(t, 1))), 0.5));
};

const cosh = (x: Scalar): Scalar => {
  const half = halfExp(s.abs(x));
  return s.add(half, s.div(0.25, half));
};

/** Above this, 1 vanishes beside the square. */
const large = 4096;

const asinh = (a: Scalar): Scalar => {
  const square = s.mul(a, a);
  const near = s.add(a, s.div(square, s.add(s.sqrt(s.add(square, 1)), 1)));
  return s.select(s.gt(a, large), s.add(log(a), Math.LN2), log1p(near));
};

const acosh = (x: Scalar): Scalar => {
  const t = s.sub(x, 1);
  const near = s.add(t, s.sqrt(s.add(s.mul(t, 2), s.mul(t, t))));
  const value = s.select(s.gt(x, large), s.add(log(x), Math.LN2), log1p(near));
  return s.select(s.lt(x, 1), NaN, value);
};

const atanh = (a: Scalar): Scalar => s.mul(log1p(s.div(s.mul(a, 2), s.sub(1, a))), 0.5);

const float32Rules: Partial<Record<UnaryInstruction, (x: Scalar) => Scalar>> = {
  exp,
  expm1,
  log,
  log1p,
  sin: (x) => odd(x, sin),
  cos: (x) => cos(s.abs(x)),
  tan: (x) => odd(x, tan),
  asin: (x) => odd(x, asin),
  acos,
  atan: (x) => odd(x, atan),
  sinh: (x) => odd(x, sinh),
  cosh,
  tanh: (x) => odd(x, tanh),
  asinh: (x) => odd(x, asinh),
  acosh,
  atanh: (x) => odd(x, atanh),
  erf: (x) => odd(x, erfSingle),
};

/** Powers that are products or roots. */
function constantPower(x: Scalar, exponent: number): Scalar | undefined {
  switch (exponent) {
    case 0:
      return s.constant(1, x.dtype);
    case 1:
      return x;
    case 2:
      return s.mul(x, x);
    case 3:
      return s.mul(s.mul(x, x), x);
    case -1:
      return s.div(1, x);
    case 0.5:
      // pow(-0, 0.5) is 0 and pow(-infinity, 0.5) infinity.
      return s.select(s.eq(x, -Infinity), Infinity, s.sqrt(s.add(x, 0)));
  }
  return undefined;
}

/**
 * Replaces what has a decomposition. What remains of float32: `pow` with a varying exponent, `rem`,
 * and `sin`, `cos` and `tan` of angles beyond `farAngle`, which backends take from elsewhere.
 */
export const decompose = (e: Scalar): Scalar =>
  transform(e, (node) => {
    if (node.dtype === "float64") {
      if (node.op === "erf") return erfDouble(node.x);
    } else if (node.dtype === "float32" && "x" in node && !("y" in node)) {
      return float32Rules[node.op as UnaryInstruction]?.(node.x) ?? node;
    } else if (node.dtype === "float32" && node.op === "atan2") {
      return atan2(node.x, node.y);
    }
    if (node.op === "pow" && node.y.op === "const" && node.dtype.startsWith("float")) {
      return constantPower(node.x, Number(node.y.value)) ?? node;
    }
    return node;
  });
