// The exponential of one matrix: halved until it is small, Padé's approximant of degree 13, squared
// back (Higham, 2005). Float64 arrays, no tensors.
import { eliminate, substituteFactors } from "./numeric-triangular.ts";

const coefficients = [
  64764752532480000, 32382376266240000, 7771770303897600, 1187353796428800, 129060195264000,
  10559470521600, 670442572800, 33522128640, 1323241920, 40840800, 960960, 16380, 182, 1,
]; // prettier-ignore

/** Up to this norm the approximant is exact to float64. */
const radius = 5.371920351148152;

function product(a: Float64Array, b: Float64Array, n: number): Float64Array {
  const result = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    for (let k = 0; k < n; k++) {
      const factor = a[i * n + k]!;
      for (let j = 0; j < n; j++) result[i * n + j] = result[i * n + j]! + factor * b[k * n + j]!;
    }
  }
  return result;
}

/** `Σ factors[i] · matrices[i]`. */
function combined(factors: readonly number[], matrices: readonly Float64Array[]): Float64Array {
  const result = new Float64Array(matrices[0]!.length);
  matrices.forEach((matrix, i) => {
    for (let j = 0; j < result.length; j++) result[j] = result[j]! + factors[i]! * matrix[j]!;
  });
  return result;
}

/** The largest absolute column sum. */
function columnNorm(a: Float64Array, n: number): number {
  let most = 0;
  for (let j = 0; j < n; j++) {
    let sum = 0;
    for (let i = 0; i < n; i++) sum += Math.abs(a[i * n + j]!);
    if (sum > most || sum !== sum) most = sum;
  }
  return most;
}

/** `exp(a)` for `a` `[n, n]`. */
export function exponential(a: Float64Array, n: number): Float64Array {
  const norm = columnNorm(a, n);
  if (!Number.isFinite(norm)) return new Float64Array(n * n).fill(NaN);
  const halvings = norm > radius ? Math.ceil(Math.log2(norm / radius)) : 0;
  const x = combined([2 ** -halvings], [a]);
  const one = new Float64Array(n * n);
  for (let i = 0; i < n; i++) one[i * n + i] = 1;
  const x2 = product(x, x, n);
  const x4 = product(x2, x2, n);
  const x6 = product(x4, x2, n);
  const c = coefficients;
  const part = (odd: 0 | 1): Float64Array => {
    const high = combined([c[8 + odd]!, c[10 + odd]!, c[12 + odd]!], [x2, x4, x6]);
    const low = combined([c[odd]!, c[2 + odd]!, c[4 + odd]!, c[6 + odd]!], [one, x2, x4, x6]);
    return combined([1, 1], [product(x6, high, n), low]);
  };
  const odd = product(x, part(1), n);
  const even = part(0);
  // (even - odd) · result = even + odd
  const denominator = combined([1, -1], [even, odd]);
  let result = combined([1, 1], [even, odd]);
  const pivots = new Int32Array(n);
  eliminate(denominator, n, n, pivots);
  substituteFactors(denominator, n, pivots, result, n);
  for (let i = 0; i < halvings; i++) result = product(result, result, n);
  return result;
}
