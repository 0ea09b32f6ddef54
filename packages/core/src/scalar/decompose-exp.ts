// exp and expm1 on float32: x = n·ln 2 + r, a polynomial in r, then 2ⁿ made from bits.
import { type Scalar, s } from "./instruction.ts";
import { polynomial, roundingBits, roundingShift } from "./polynomial.ts";

/** ln 2 in two parts, the first short enough that its product with n is exact. */
const ln2High = 0.693359375;
const ln2Low = -2.1219444e-4;

const tail = [
  1.987569150e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1,
  5.0000001201e-1,
]; // prettier-ignore

interface Reduced {
  /** The integer n. */
  readonly n: Scalar;
  readonly r: Scalar;
  /** e^r - 1 - r. */
  readonly rest: Scalar;
}

function reduce(x: Scalar): Reduced {
  const shifted = s.add(s.mul(x, Math.LOG2E), roundingShift);
  const whole = s.sub(shifted, roundingShift);
  const r = s.sub(s.sub(x, s.mul(whole, ln2High)), s.mul(whole, ln2Low));
  return {
    n: s.sub(s.bitcast(shifted, "int32"), roundingBits),
    r,
    rest: s.mul(polynomial(r, tail), s.mul(r, r)),
  };
}

/** 2ⁿ for n in -126 … 127. */
const powerOfTwo = (n: Scalar): Scalar => s.bitcast(s.shl(s.add(n, 127), 23), "float32");

/** e^x · 2^shift; in two factors of 2, so that results may be subnormal or the largest. */
function scaledExp(x: Scalar, shift: number): Scalar {
  const clamped = s.min(s.max(x, -104), 90);
  const { n, r, rest } = reduce(clamped);
  const half = s.shr(n, 1);
  const other = s.sub(n, shift === 0 ? half : s.add(half, -shift));
  return s.mul(s.mul(s.add(s.add(rest, r), 1), powerOfTwo(half)), powerOfTwo(other));
}

export const exp = (x: Scalar): Scalar => scaledExp(x, 0);
/** e^x / 2. */
export const halfExp = (x: Scalar): Scalar => scaledExp(x, -1);

/** e^x - 1 without cancellation: 2ⁿ·(e^r - 1) + (2ⁿ - 1), halved so that n may be 128. */
export function expm1(x: Scalar): Scalar {
  const { n, r, rest } = reduce(s.min(s.max(x, -30), 89));
  const half = powerOfTwo(s.sub(n, 1));
  const value = s.mul(s.add(s.mul(half, s.add(rest, r)), s.sub(half, 0.5)), 2);
  return s.select(s.lt(s.abs(x), 2 ** -25), x, value);
}
