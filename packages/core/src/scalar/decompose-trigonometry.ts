// Sine, tangent and their inverses on float32, mostly for x >= 0: decompose.ts restores signs.
// Polynomials are those of Cephes' single-precision library.
import { type Scalar, s } from "./instruction.ts";
import { polynomial, roundingBits, roundingShift } from "./polynomial.ts";

/** Angles up to here are reduced accurately; beyond, the function itself is left in place. */
export const farAngle = 100_000;

/** π/2 in parts of eight bits, so that products with the quadrant (below 2¹⁶) are exact. */
const halfPi = splitHalfPi();

function splitHalfPi(): number[] {
  const parts: number[] = [];
  let rest = Math.PI / 2;
  for (let i = 0; i < 3; i++) {
    const unit = 2 ** (Math.floor(Math.log2(rest)) - 7);
    const part = Math.floor(rest / unit) * unit;
    parts.push(part);
    rest -= part;
  }
  return [...parts, rest];
}

interface Angle {
  /** Number of the quarter turn, modulo 4 in its lowest bits. */
  readonly quadrant: Scalar;
  readonly sine: Scalar;
  readonly cosine: Scalar;
}

/** Sine and cosine of what is left after whole quarter turns: |r| <= π/4. */
function reduce(x: Scalar): Angle {
  const shifted = s.add(s.mul(x, 2 / Math.PI), roundingShift);
  const whole = s.sub(shifted, roundingShift);
  const r = halfPi.reduce<Scalar>((rest, part) => s.sub(rest, s.mul(whole, part)), x);
  const z = s.mul(r, r);
  const sine = polynomial(z, [-1.9515295891e-4, 8.3321608736e-3, -1.6666654611e-1]);
  const cosine = polynomial(z, [2.443315711809948e-5, -1.388731625493765e-3, 4.166664568298827e-2]);
  return {
    quadrant: s.sub(s.bitcast(shifted, "int32"), roundingBits),
    sine: s.add(s.mul(s.mul(sine, z), r), r),
    cosine: s.add(s.sub(s.mul(cosine, s.mul(z, z)), s.mul(z, 0.5)), 1),
  };
}

const isOdd = (n: Scalar): Scalar => s.ne(s.bitAnd(n, 1), 0);

/** `value`, or the function itself where the angle is far. */
const nearOrFar = (op: "sin" | "cos" | "tan", x: Scalar, value: Scalar): Scalar =>
  s.select(s.gt(s.abs(x), farAngle), s[op](x), value);

function wave(op: "sin" | "cos", x: Scalar, turn: number): Scalar {
  const { quadrant, sine, cosine } = reduce(x);
  const n = turn === 0 ? quadrant : s.add(quadrant, turn);
  const value = s.select(isOdd(n), cosine, sine);
  const sign = s.shl(s.bitAnd(n, 2), 30);
  const signed = s.bitcast(s.bitXor(s.bitcast(value, "int32"), sign), "float32");
  return nearOrFar(op, x, signed);
}

/** x >= 0 */
export const sin = (x: Scalar): Scalar => wave("sin", x, 0);
export const cos = (x: Scalar): Scalar => wave("cos", x, 1);

/** x >= 0 */
export function tan(x: Scalar): Scalar {
  const { quadrant, sine, cosine } = reduce(x);
  const odd = isOdd(quadrant);
  const value = s.div(s.select(odd, s.neg(cosine), sine), s.select(odd, sine, cosine));
  return nearOrFar("tan", x, value);
}

/** x >= 0, possibly infinite */
export function atan(x: Scalar): Scalar {
  const isFar = s.gt(x, Math.tan((3 * Math.PI) / 8));
  const isMiddle = s.gt(x, Math.tan(Math.PI / 8));
  const over = s.select(isFar, -1, s.select(isMiddle, s.sub(x, 1), x));
  const under = s.select(isFar, x, s.select(isMiddle, s.add(x, 1), s.constant(1, "float32")));
  const base = s.select(
    isFar,
    Math.PI / 2,
    s.select(isMiddle, Math.PI / 4, s.constant(0, "float32")),
  );
  const t = s.div(over, under);
  const z = s.mul(t, t);
  const coefficients = [8.05374449538e-2, -1.38776856032e-1, 1.99777106478e-1, -3.33329491539e-1];
  return s.add(s.add(s.mul(s.mul(polynomial(z, coefficients), z), t), t), base);
}

const piHigh = Math.fround(Math.PI);
const piLow = Math.PI - piHigh;
/** π - x */
const fromPi = (x: Scalar): Scalar => s.sub(piHigh, s.sub(x, piLow));

export function atan2(y: Scalar, x: Scalar): Scalar {
  const [a, b] = [s.abs(y), s.abs(x)];
  // 0/0 counts as 0 and infinity over infinity as 1.
  const ratio = s.select(
    s.eq(a, b),
    s.select(s.eq(a, 0), 0, s.constant(1, "float32")),
    s.div(a, b),
  );
  const angle = atan(ratio);
  const value = s.select(s.lt(s.bitcast(x, "int32"), 0), fromPi(angle), angle);
  const sign = s.bitAnd(s.bitcast(y, "int32"), -(2 ** 31));
  return s.bitcast(s.bitXor(s.bitcast(value, "int32"), sign), "float32");
}

/** asin(t) - t for z = t², |t| <= 1/2, divided by t. */
const arcTail = (z: Scalar): Scalar =>
  s.mul(
    polynomial(
      z,
      [4.2163199048e-2, 2.4181311049e-2, 4.5470025998e-2, 7.4953002686e-2, 1.6666752422e-1],
    ),
    z,
  );

/** asin and its argument near 1, through asin(x) = π/2 - 2·asin(sqrt((1 - x)/2)). */
function arc(x: Scalar): { isFar: Scalar; value: Scalar } {
  const isFar = s.gt(x, 0.5);
  const z = s.select(isFar, s.mul(s.sub(1, x), 0.5), s.mul(x, x));
  const t = s.select(isFar, s.sqrt(z), x);
  return { isFar, value: s.add(s.mul(arcTail(z), t), t) };
}

/** x >= 0 */
export function asin(x: Scalar): Scalar {
  const { isFar, value } = arc(x);
  return s.select(isFar, s.sub(Math.PI / 2, s.mul(value, 2)), value);
}

export function acos(x: Scalar): Scalar {
  const { isFar, value } = arc(s.abs(x));
  const twice = s.mul(value, 2);
  const isNegative = s.lt(x, 0);
  const far = s.select(isNegative, fromPi(twice), twice);
  const near = s.sub(Math.PI / 2, s.select(isNegative, s.neg(value), value));
  return s.select(isFar, far, near);
}
