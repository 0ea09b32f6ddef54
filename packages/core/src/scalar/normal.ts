// The normal distribution's integrals and their inverses as expressions, on float32 and float64:
// erfcx, erfc, erfinv, ndtr, ndtri. The series were computed for this project in 40 digits.
import { type Scalar, constant, s } from "./instruction.ts";
import { chebyshev } from "./polynomial.ts";

/** (1 + 2x)·eˣ²·erfc(x) in (x - 3)/(x + 3), for x >= 0. */
const complement = [
  1.17756257419656, 0.005353904539615676, -0.09377550342284209, 0.05436652555744322,
  -0.018976596707845208, 0.004453426061462712, -0.0006335531710553147, 1.7661719523171593e-5,
  1.2841532864056671e-5, -2.0072285659059913e-6, -1.807522790414837e-7, 7.549828343825093e-8,
  1.885668523838603e-9, -2.699519049798364e-9, -1.460079119939105e-11, 1.0361607445969489e-10,
  1.475715976623473e-12, -4.277340064396911e-12, -2.07922492859799e-13, 1.8134502003176963e-13,
  1.973425574544739e-14, -7.287943737592673e-15, -1.5169878690228116e-15, 2.3514112258781403e-16,
  1.0006111691821667e-16,
]; // prettier-ignore
/** erfinv(x)/x in x², for |x| <= 0.75. */
const centre = [
  0.9744859196197088, 0.09767121365429762, 0.0106798426748877, 0.00145839261934236,
  0.00022139561793534646, 3.5754642695386944e-5, 6.013052435846527e-6, 1.0405605281919531e-6,
  1.8393099988652242e-7, 3.3048595802566894e-8, 6.015922964924221e-9, 1.1067505460742694e-9,
  2.0540500062873634e-10, 3.8404854958353785e-11, 7.226135143013051e-12, 1.3670906380006421e-12,
  2.598708098538055e-13, 4.960649711523937e-14, 9.504612363589054e-15, 1.8271407438754928e-15,
  3.5229350975383005e-16, 6.810937482440025e-17, 1.319990081950303e-17,
]; // prettier-ignore
/** The quantile of e^(-r²/2) in r, for r in [2, 5]. */
const nearTail = [
  2.8212400448363377, 1.68421006677161, -0.02939960281195425, 0.005018359795989409,
  -0.0008915781059644136, 0.00016304783615498145, -3.0521597661241963e-5, 5.828093215361231e-6,
  -1.1321835067586135e-6, 2.2324189506605986e-7, -4.458617363330438e-8, 9.002959962560884e-9,
  -1.8349807457946589e-9, 3.7700414778307884e-10, -7.798955577166529e-11, 1.6229202927516693e-11,
  -3.3946581288146986e-12, 7.132794476073604e-13, -1.5047413351736073e-13, 3.185761652520191e-14,
  -6.7663475032769144e-15, 1.4412814657936865e-15, -3.0780791239485554e-16, 6.589399668878311e-17,
]; // prettier-ignore
/** r minus the quantile of e^(-r²/2) in log r, for r in [5, 39]. */
const farTail = [
  0.28733675706709116, -0.1986499126261032, 0.031324309490127274, -0.0024080957588841654,
  -7.215079857065064e-6, 2.3653103228496032e-5, -2.7907292280111478e-6, 1.3283118494770468e-7,
  1.2394605146838096e-8, -4.7186420760055054e-9, 8.497679367043244e-10, -7.929754972411315e-11,
  -6.694828161617608e-12, 4.002300384127265e-12, -6.821606142256448e-13, 2.2389338652038395e-14,
  1.7044586727699816e-14, -4.401446579645108e-15, 3.81718170302214e-16, 6.612653361195648e-17,
  -2.7190190272415846e-17, 3.514544588702132e-18,
]; // prettier-ignore

/** e⁻ˣ², with x split so that rounding x² costs nothing where it is large. */
function expOfMinusSquare(x: Scalar): Scalar {
  // Beyond 40 the result is 0, and infinity would give NaN.
  const y = s.min(s.abs(x), 40);
  const head = s.div(s.trunc(s.mul(y, 16)), 16);
  const rest = s.mul(s.sub(y, head), s.add(y, head));
  return s.mul(s.exp(s.neg(s.mul(head, head))), s.exp(s.neg(rest)));
}

/** eˣ²·erfc(x) for x >= 0. */
const scaledTail = (x: Scalar): Scalar => {
  const t = s.sub(1, s.div(6, s.add(x, 3)));
  return s.div(chebyshev(t, complement), s.add(1, s.mul(2, x)));
};

/** `1 - erf(x)`, exact in the right tail. */
export function erfc(x: Scalar): Scalar {
  const y = s.abs(x);
  const tail = s.mul(expOfMinusSquare(y), scaledTail(y));
  return s.select(s.lt(x, 0), s.sub(2, tail), tail);
}

/** `eˣ²·erfc(x)`. */
export function erfcx(x: Scalar): Scalar {
  const y = s.abs(x);
  const tail = scaledTail(y);
  // What is not chosen must not overflow: its derivative would be NaN.
  const left = s.min(x, constant(0, x.dtype));
  return s.select(s.lt(x, 0), s.sub(s.mul(2, s.exp(s.mul(left, left))), tail), tail);
}

/** The distribution function of the standard normal. */
export const ndtr = (x: Scalar): Scalar => s.mul(0.5, erfc(s.mul(x, -Math.SQRT1_2)));

/** Its logarithm, exact in the left tail. */
export function logNdtr(x: Scalar): Scalar {
  const scaled = s.mul(x, Math.SQRT1_2);
  const isTail = s.lt(x, -1);
  const left = s.min(scaled, constant(-0.5, x.dtype));
  const tail = s.sub(s.log(s.mul(0.5, scaledTail(s.neg(left)))), s.mul(left, left));
  return s.select(isTail, tail, s.log1p(s.mul(-0.5, erfc(scaled))));
}

/** The x > 0 with P(X > x) = p, for p in (0, 1/8]. */
function upperQuantile(p: Scalar): Scalar {
  const square = s.mul(-2, s.log(p));
  const r = s.sqrt(square);
  const near = chebyshev(s.div(s.sub(s.min(r, 5), 3.5), 1.5), nearTail);
  const [low, high] = [Math.log(5), Math.log(39)];
  const logarithm = s.mul(0.5, s.log(s.max(square, 25)));
  const t = s.div(s.sub(logarithm, (low + high) / 2), (high - low) / 2);
  return s.select(s.lt(r, 5), near, s.sub(r, chebyshev(t, farTail)));
}

/** erfinv(x) for |x| <= 3/4. */
const centralInverse = (x: Scalar): Scalar =>
  s.mul(x, chebyshev(s.sub(s.mul(s.mul(x, x), 2 / 0.5625), 1), centre));

/** The x of erf; ±∞ at ±1, NaN beyond. */
export function erfinv(x: Scalar): Scalar {
  const y = s.abs(x);
  const isCentral = s.le(y, 0.75);
  const p = s.select(s.and(s.gt(y, 0.75), s.lt(y, 1)), s.mul(0.5, s.sub(1, y)), constant(0.125, x.dtype));
  const tail = s.mul(upperQuantile(p), Math.SQRT1_2);
  const signed = s.select(s.lt(x, 0), s.neg(tail), tail);
  const outside = s.select(s.eq(y, 1), s.mul(x, Infinity), NaN);
  const inner = s.select(isCentral, x, constant(0, x.dtype));
  return s.select(isCentral, centralInverse(inner), s.select(s.lt(y, 1), signed, outside));
} // prettier-ignore

/** The quantile of the standard normal: the inverse of ndtr. ∓∞ at 0 and 1, NaN outside. */
export function ndtri(p: Scalar): Scalar {
  const q = s.sub(1, p);
  const small = s.min(p, q);
  const isTail = s.lt(small, 0.125);
  const inside = s.gt(small, 0);
  const safe = s.select(s.and(isTail, inside), small, constant(0.125, p.dtype));
  const tail = upperQuantile(safe);
  const signed = s.select(s.lt(p, 0.5), s.neg(tail), tail);
  const outside = s.select(s.eq(p, 0), -Infinity, s.select(s.eq(p, 1), Infinity, constant(NaN, p.dtype)));
  const middle = s.select(isTail, constant(0, p.dtype), s.sub(s.mul(2, p), 1));
  const central = s.mul(Math.SQRT2, centralInverse(middle));
  return s.select(inside, s.select(isTail, signed, central), outside);
} // prettier-ignore
