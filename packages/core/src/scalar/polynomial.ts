// Polynomials and Chebyshev series as expressions.
import { type Scalar, s } from "./instruction.ts";

/** `c[0]·xⁿ + … + c[n]`, by Horner's rule. */
export function polynomial(x: Scalar, coefficients: readonly number[]): Scalar {
  let sum: Scalar = s.constant(coefficients[0]!, x.dtype);
  for (let i = 1; i < coefficients.length; i++) sum = s.add(s.mul(sum, x), coefficients[i]!);
  return sum;
}

/**
 * A Chebyshev series in t of [-1, 1], by Clenshaw's rule. float32 leaves out the terms below its
 * precision, so one table serves both.
 */
export function chebyshev(t: Scalar, coefficients: readonly number[]): Scalar {
  const largest = Math.max(...coefficients.map(Math.abs));
  const visible = t.dtype === "float32" ? largest * 2 ** -26 : 0;
  const count = coefficients.findLastIndex((c) => Math.abs(c) > visible);
  const twice = s.mul(t, 2);
  let last: Scalar = s.constant(0, t.dtype);
  let sum: Scalar = s.constant(coefficients[count]!, t.dtype);
  for (let i = count - 1; i > 0; i--) {
    [sum, last] = [s.add(s.sub(s.mul(twice, sum), last), coefficients[i]!), sum];
  }
  return s.add(s.sub(s.mul(t, sum), last), coefficients[0]!);
}

/** Adding this to a small float32 leaves its nearest integer in the lowest bits. */
export const roundingShift = 1.5 * 2 ** 23;
/** The bits of `roundingShift`. */
export const roundingBits = 0x4b400000;
