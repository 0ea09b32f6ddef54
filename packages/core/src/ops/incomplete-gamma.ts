// The incomplete gamma functions and the derivative that gamma samples need, in float64 on the host.
// Series and continued fraction: Abramowitz and Stegun 6.5.29 and 6.5.31, with derivatives carried along.

/** `log Γ(x)` for x > 0. */
export function logGamma(x: number): number {
  // Stirling's series serves from 12 on.
  let product = 1;
  let y = x;
  for (; y < 12; y++) product *= y;
  const z = 1 / (y * y);
  const series = (1 / 12 - z * (1 / 360 - z * (1 / 1260 - z * (1 / 1680 - z / 1188)))) / y;
  const value = (y - 0.5) * Math.log(y) - y + 0.5 * Math.log(2 * Math.PI) + series;
  return value - Math.log(product);
}

/** `ψ(x)` for x > 0. */
export function psi(x: number): number {
  let sum = 0;
  let y = x;
  for (; y < 12; y++) sum -= 1 / y;
  const z = 1 / (y * y);
  const series = z * (1 / 12 - z * (1 / 120 - z * (1 / 252 - z * (1 / 240 - z / 132))));
  return sum + Math.log(y) - 0.5 / y - series;
}

/** A number and its derivative by a. */
interface Dual {
  readonly value: number;
  readonly slope: number;
}

const precision = 2 ** -54;
const mostTerms = 100_000;

/** `Σ xⁿ / ((a+1)…(a+n))`: P(a, x) over its first term. */
function lowerSeries(a: number, x: number): Dual {
  let term = 1;
  let logSlope = 0;
  let [value, slope] = [1, 0];
  for (let n = 1; n < mostTerms; n++) {
    term *= x / (a + n);
    logSlope -= 1 / (a + n);
    value += term;
    slope += term * logSlope;
    if (term < value * precision) break;
  }
  return { value, slope };
}

/** The continued fraction of Q(a, x)·Γ(a)·eˣ·x⁻ᵃ, by Lentz's method. */
function upperFraction(a: number, x: number): Dual {
  const tiny = 1e-300;
  let b = x + 1 - a;
  let [c, dc] = [1 / tiny, 0];
  let d = 1 / (b === 0 ? tiny : b);
  let dd = d * d;
  let [h, dh] = [d, dd];
  for (let n = 1; n < mostTerms; n++) {
    const factor = -n * (n - a);
    b += 2;
    // b falls with a, the factor grows.
    const [under, dUnder] = [factor * d + b, n * d + factor * dd - 1];
    const [over, dOver] = [b + factor / c, (n * c - factor * dc) / (c * c) - 1];
    d = 1 / (under === 0 ? tiny : under);
    dd = -dUnder * d * d;
    [c, dc] = [over === 0 ? tiny : over, dOver];
    const [step, dStep] = [c * d, dc * d + c * dd];
    dh = dh * step + h * dStep;
    h *= step;
    if (Math.abs(step - 1) < precision * 4 && Math.abs(dStep) < precision * 4) break;
  }
  return { value: h, slope: dh };
}

/** `xᵃ·e⁻ˣ / Γ(a)`. */
const firstTerm = (a: number, x: number): number => Math.exp(a * Math.log(x) - x - logGamma(a));

/** Whether a and x are where the functions are defined; NaN, 0 or 1 for P at the edges. */
function edge(a: number, x: number): number | undefined {
  if (!(a >= 0) || !(x >= 0) || (a === 0 && x === 0)) return NaN;
  if (a === Infinity) return x === Infinity ? NaN : 0;
  if (a === 0 || x === Infinity) return 1;
  return x === 0 ? 0 : undefined;
}

/** The regularised lower incomplete gamma function P(a, x). */
export function lowerGamma(a: number, x: number): number {
  const known = edge(a, x);
  if (known !== undefined) return known;
  const first = firstTerm(a, x);
  return x < a + 1 ? (first / a) * lowerSeries(a, x).value : 1 - first * upperFraction(a, x).value;
}

/** The regularised upper incomplete gamma function Q(a, x) = 1 - P(a, x). */
export function upperGamma(a: number, x: number): number {
  const known = edge(a, x);
  if (known !== undefined) return 1 - known;
  const first = firstTerm(a, x);
  return x < a + 1 ? 1 - (first / a) * lowerSeries(a, x).value : first * upperFraction(a, x).value;
}

/** How a sample x of the standard gamma distribution moves with a at a fixed quantile: -∂P/∂a over the density. */
export function gammaSampleSlope(a: number, x: number): number {
  if (!(x > 0)) return 0;
  if (x < a + 1) {
    const { value, slope } = lowerSeries(a, x);
    return (-x / a) * ((Math.log(x) - psi(a + 1)) * value + slope);
  }
  const { value, slope } = upperFraction(a, x);
  return x * ((Math.log(x) - psi(a)) * value + slope);
}

/** B₂ₖ / (2k)!, of Euler and Maclaurin's tail. */
const tailFactors = [
  1 / 12, -1 / 720, 1 / 30240, -1 / 1209600, 1 / 47900160, -691 / 1307674368000, 1 / 74724249600,
]; // prettier-ignore

/** Hurwitz's zeta function `Σ (q + k)^-x`: ∞ at x = 1 and at poles, NaN for x < 1. */
export function hurwitzZeta(x: number, q: number): number {
  if (x === 1) return Infinity;
  if (!(x > 1) || Number.isNaN(q)) return NaN;
  if (q <= 0 && q === Math.floor(q)) return Infinity;
  if (q < 0 && x !== Math.floor(x)) return NaN;
  if (q === Infinity) return 0;
  let sum = 0;
  let y = q;
  // The tail's series wants y beyond x; where x is large the sum is its first terms.
  const start = 16 + Math.min(x, 170);
  for (; y < start; y++) sum += y ** -x;
  const power = y ** -x;
  sum += (power * y) / (x - 1) + power / 2;
  let factor = (x * power) / y;
  tailFactors.forEach((ratio, i) => {
    sum += factor * ratio;
    const k = 2 * i + 2;
    factor *= ((x + k - 1) * (x + k)) / (y * y);
  });
  return sum;
}
