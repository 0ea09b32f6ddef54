// Polynomials as expressions, by Horner's rule.
import { type Scalar, s } from "./instruction.ts";

/** `c[0]·xⁿ + … + c[n]`. */
export function polynomial(x: Scalar, coefficients: readonly number[]): Scalar {
  let sum: Scalar = s.constant(coefficients[0]!, x.dtype);
  for (let i = 1; i < coefficients.length; i++) sum = s.add(s.mul(sum, x), coefficients[i]!);
  return sum;
}

/** Adding this to a small float32 leaves its nearest integer in the lowest bits. */
export const roundingShift = 1.5 * 2 ** 23;
/** The bits of `roundingShift`. */
export const roundingBits = 0x4b400000;
