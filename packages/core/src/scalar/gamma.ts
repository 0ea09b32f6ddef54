// log Γ, its derivatives and the Hurwitz zeta function as expressions, on float32 and float64. The
// series were computed for this project in 40 digits.
import { type Scalar, constant, s } from "./instruction.ts";
import { chebyshev, polynomial } from "./polynomial.ts";

/** log Γ(1 + t) / (t·(t - 1)) for t in [0, 1]. */
const logGamma = [
  0.49141539302938714, -0.07611416167043585, 0.008432324965932778, -0.001079493726328608,
  0.00014900748003692963, -2.1512399888556784e-5, 3.1979329860862186e-6, -4.851693012139927e-7,
  7.47148782116316e-8, -1.1638296700170518e-8, 1.829400437118668e-9, -2.8969180607129607e-10,
  4.61570140620909e-11, -7.392810230497983e-12, 1.1894280008333085e-12, -1.9212068676522805e-13,
  3.113975526387164e-14, -5.0628432984486114e-15, 8.254150281631144e-16, -1.3490578987574844e-16,
  2.209876116782623e-17,
]; // prettier-ignore
/** ψ(1 + t) / (t - root) for t in [0, 1]. */
const psi = [
  0.983570260441567, -0.2270640863346444, 0.03336889902393011, -0.005320077271596548,
  0.0008788656937820505, -0.00014773492650606044, 2.5060543468359146e-5, -4.2721034029993324e-6,
  7.302769272465923e-7, -1.2502886813559594e-7, 2.1425009322359472e-8, -3.673295918565179e-9,
  6.299717236108931e-10, -1.080593028883266e-10, 1.853735192053638e-11, -3.18023536582553e-12,
  5.456147570322795e-13, -9.360993131036438e-14, 1.606064636295075e-14, -2.7555431377438815e-15,
  4.727736178601912e-16, -8.11148420346509e-17, 1.391707769474154e-17,
]; // prettier-ignore
/** ψ is 0 at 1 + root; in two parts, of which float32 holds the first. */
const root = 0.46163214496836236;
const rootHigh = Math.fround(root);
const rootLow = root - rootHigh - 1.5522348162858677e-17;

/** B₂, B₄, …, B₁₈. */
const bernoulli = [
  1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510, 43867 / 798,
]; // prettier-ignore

/** From here on Stirling's series serves. */
const far = 8;

/** Half the distance of π·x from its nearest multiple, kept off 0 where x >= 0 does not need it. */
const angleOf = (x: Scalar, isNegative: Scalar): Scalar =>
  s.select(isNegative, s.mul(Math.PI, s.sub(x, s.round(x))), constant(1, x.dtype));

/** `Σ coefficients[k]·y^-(2k+1)`, the smallest first. */
const descending = (y: Scalar, coefficients: readonly number[]): Scalar =>
  s.div(polynomial(s.div(1, s.mul(y, y)), coefficients.toReversed()), y);

interface Position {
  /** The whole part of y in [0, 8); 0 where y is far. */
  readonly whole: Scalar;
  /** The rest, in [0, 1). */
  readonly rest: Scalar;
  readonly isFar: Scalar;
  /** y, or 8 where it is near. */
  readonly large: Scalar;
}

function positionOf(y: Scalar): Position {
  const isFar = s.ge(y, far);
  const near = s.select(isFar, constant(0, y.dtype), y);
  const whole = s.floor(near);
  return { whole, rest: s.sub(near, whole), isFar, large: s.select(isFar, y, far) };
}

/** `log Γ(y)` for y >= 0. */
function logGammaOfPositive(y: Scalar): Scalar {
  const { whole, rest, isFar, large } = positionOf(y);
  // Γ(y) = Γ(1 + rest)·(1 + rest)…(y - 1), or Γ(1 + y)/y below 1.
  let product: Scalar = constant(1, y.dtype);
  for (let i = 1; i < far - 1; i++) {
    product = s.mul(product, s.select(s.gt(whole, i), s.add(rest, i), 1));
  }
  const isBelowOne = s.and(s.eq(whole, 0), s.not(isFar));
  const argument = s.select(isFar, large, s.select(isBelowOne, y, product));
  const logarithm = s.log(argument);
  const start = s.mul(s.mul(rest, s.sub(rest, 1)), chebyshev(s.sub(s.mul(2, rest), 1), logGamma));
  const near = s.add(start, s.select(isBelowOne, s.neg(logarithm), logarithm));
  const terms = bernoulli.map((b, k) => b / ((2 * k + 2) * (2 * k + 1)));
  const tail = s.add(descending(large, terms), Math.log(2 * Math.PI) / 2 - 0.5);
  const stirling = s.add(s.mul(s.sub(large, 0.5), s.sub(logarithm, 1)), tail);
  return s.select(isFar, stirling, near);
}

/** `log |Γ(x)|`; ∞ at 0, -1, -2, … and at ±∞. */
export function lgamma(x: Scalar): Scalar {
  const y = s.abs(x);
  const positive = logGammaOfPositive(y);
  // |Γ(x)·Γ(-x)| = π / |x·sin(πx)|
  const isNegative = s.lt(x, 0);
  const sine = s.abs(s.sin(angleOf(x, isNegative)));
  const safe = s.select(isNegative, y, 1);
  const mirrored = s.sub(s.sub(Math.log(Math.PI), s.log(s.mul(safe, sine))), positive);
  const value = s.select(isNegative, mirrored, positive);
  return s.select(s.eq(y, Infinity), y, value);
}

/** `ψ(y)` for y >= 0. */
function psiOfPositive(y: Scalar): Scalar {
  const { whole, rest, isFar, large } = positionOf(y);
  const fromRoot = s.sub(s.sub(rest, rootHigh), rootLow);
  let near = s.mul(fromRoot, chebyshev(s.sub(s.mul(2, rest), 1), psi));
  for (let i = 1; i < far - 1; i++) {
    const isPassed = s.gt(whole, i);
    near = s.add(near, s.select(isPassed, s.div(1, s.add(rest, i)), 0));
  }
  const below = s.and(s.eq(whole, 0), s.not(isFar));
  near = s.sub(near, s.select(below, s.div(1, s.select(below, y, 1)), 0));
  const terms = bernoulli.map((b, k) => b / (2 * k + 2));
  const series = s.div(descending(large, terms), large);
  const distant = s.sub(s.sub(s.log(large), s.div(0.5, large)), series);
  return s.select(isFar, distant, near);
}

/** `ψ(x)`, the derivative of `log Γ`; ∓∞ at ±0, NaN at -1, -2, … */
export function digamma(x: Scalar): Scalar {
  const isNegative = s.lt(x, 0);
  const positive = psiOfPositive(s.select(isNegative, s.sub(1, x), x));
  const angle = angleOf(x, isNegative);
  const mirrored = s.sub(positive, s.div(Math.PI, s.tan(angle)));
  return s.select(isNegative, s.select(s.eq(angle, 0), NaN, mirrored), positive);
}

/** xⁿ as products. */
function wholePower(x: Scalar, n: number): Scalar {
  let result: Scalar | undefined;
  let square = x;
  for (let rest = n; rest > 0; rest = Math.floor(rest / 2)) {
    if (rest % 2 === 1) result = result === undefined ? square : s.mul(result, square);
    if (rest > 1) square = s.mul(square, square);
  }
  return result ?? constant(1, x.dtype);
}

const factorial = (n: number): number => (n <= 1 ? 1 : n * factorial(n - 1));

/** `|ψ⁽ⁿ⁾(y)|` for y >= 0, n >= 1: a sum of n!/(y + i)ⁿ⁺¹, then Euler and Maclaurin's tail. */
function polygammaOfPositive(n: number, y: Scalar): Scalar {
  // The higher the order, the later the tail's series serves.
  const steps = far + n;
  const isFar = s.ge(y, steps);
  const near = s.select(isFar, 1, y);
  const large = s.select(isFar, y, s.add(near, steps));
  let sum: Scalar = constant(0, y.dtype);
  for (let i = steps - 1; i >= 0; i--) {
    sum = s.add(sum, s.div(1, wholePower(i === 0 ? near : s.add(near, i), n + 1)));
  }
  const terms = bernoulli.map((b, k) => (b * factorial(2 * k + 1 + n)) / factorial(2 * k + 2));
  const tail = s.add(
    s.add(factorial(n - 1), s.div(factorial(n) / 2, large)),
    s.div(descending(large, terms), large),
  );
  const distant = s.div(tail, wholePower(large, n));
  return s.select(isFar, distant, s.add(s.mul(factorial(n), sum), distant));
}

/** The coefficients, by power of cot, of the n-th derivative of cot. */
function cotangentDerivative(n: number): number[] {
  let powers = [0, 1];
  for (let i = 0; i < n; i++) {
    // d cotᵏ = -k·(cotᵏ⁻¹ + cotᵏ⁺¹)
    const next = new Array<number>(powers.length + 1).fill(0);
    powers.forEach((c, k) => {
      if (k === 0) return;
      next[k - 1]! -= k * c;
      next[k + 1]! -= k * c;
    });
    powers = next;
  }
  return powers;
}

/** The n-th derivative of ψ, for a fixed n. */
export function polygamma(n: number, x: Scalar): Scalar {
  if (n === 0) return digamma(x);
  const isNegative = s.lt(x, 0);
  const magnitude = polygammaOfPositive(n, s.select(isNegative, s.sub(1, x), x));
  const positive = n % 2 === 1 ? magnitude : s.neg(magnitude);
  // ψ⁽ⁿ⁾(x) = (-1)ⁿ·ψ⁽ⁿ⁾(1 - x) - π·(d/dx)ⁿ cot(πx)
  const cotangent = s.div(1, s.tan(angleOf(x, isNegative)));
  const derivative = polynomial(cotangent, cotangentDerivative(n).toReversed());
  const mirrored = s.sub(s.neg(magnitude), s.mul(Math.PI ** (n + 1), derivative));
  return s.select(isNegative, mirrored, positive);
}
