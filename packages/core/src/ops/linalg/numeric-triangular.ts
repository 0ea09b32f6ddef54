// Triangular factors of one matrix, in place on row-major float64 arrays: elimination, substitution,
// Cholesky's square root. No tensors here.

/** What elimination found out on the way. */
export interface Elimination {
  /** The first column without a usable pivot, or -1. */
  readonly zeroPivot: number;
  /** 1 or -1: the sign of the row exchanges. */
  readonly sign: number;
}

/**
 * `a` `[m, n]` becomes its factors: L below the diagonal (its own is 1), U from it upwards. Row `i` was
 * exchanged with row `pivots[i]`.
 */
export function eliminate(
  a: Float64Array,
  m: number,
  n: number,
  pivots: Float64Array | Int32Array,
): Elimination {
  let zeroPivot = -1;
  let sign = 1;
  for (let k = 0; k < Math.min(m, n); k++) {
    let best = k;
    let most = Math.abs(a[k * n + k]!);
    for (let i = k + 1; i < m; i++) {
      const size = Math.abs(a[i * n + k]!);
      // NaN counts as largest, so that it is not taken for a singular matrix.
      if (size > most || size !== size) [best, most] = [i, size];
    }
    pivots[k] = best;
    if (best !== k) {
      exchangeRows(a, n, k, best);
      sign = -sign;
    }
    const pivot = a[k * n + k]!;
    if (pivot === 0) {
      if (zeroPivot < 0) zeroPivot = k;
      continue;
    }
    for (let i = k + 1; i < m; i++) {
      const factor = a[i * n + k]! / pivot;
      a[i * n + k] = factor;
      if (factor !== 0) subtractRow(a, i * n, a, k * n, factor, k + 1, n);
    }
  }
  return { zeroPivot, sign };
}

/** `target[from … to] -= factor · source[from … to]`, both from their own start. */
function subtractRow(
  target: Float64Array,
  targetStart: number,
  source: Float64Array,
  sourceStart: number,
  factor: number,
  from: number,
  to: number,
): void {
  for (let j = from; j < to; j++) {
    target[targetStart + j] = target[targetStart + j]! - factor * source[sourceStart + j]!;
  }
}

/** Exchanges two rows of a matrix with `n` columns. */
export function exchangeRows(a: Float64Array, n: number, first: number, second: number): void {
  for (let j = 0; j < n; j++) {
    const kept = a[first * n + j]!;
    a[first * n + j] = a[second * n + j]!;
    a[second * n + j] = kept;
  }
}

/** `b` `[n, k]` becomes the solution of `T · x = b` for a triangle of `t` `[n, n]`. */
export function substitute(
  t: Float64Array,
  n: number,
  b: Float64Array,
  k: number,
  { isUpper, isUnit }: { readonly isUpper: boolean; readonly isUnit: boolean },
): void {
  for (let step = 0; step < n; step++) {
    const i = isUpper ? n - 1 - step : step;
    const [from, to] = isUpper ? [i + 1, n] : [0, i];
    for (let j = from; j < to; j++) {
      const factor = t[i * n + j]!;
      if (factor !== 0) subtractRow(b, i * k, b, j * k, factor, 0, k);
    }
    if (isUnit) continue;
    const pivot = t[i * n + i]!;
    for (let j = 0; j < k; j++) b[i * k + j] = b[i * k + j]! / pivot;
  }
}

/** `b` `[n, k]` becomes the solution of `A · x = b` from the factors that `eliminate` left. */
export function substituteFactors(
  factors: Float64Array,
  n: number,
  pivots: Float64Array | Int32Array,
  b: Float64Array,
  k: number,
): void {
  for (let i = 0; i < n; i++) if (pivots[i] !== i) exchangeRows(b, k, i, pivots[i]!);
  substitute(factors, n, b, k, { isUpper: false, isUnit: true });
  substitute(factors, n, b, k, { isUpper: true, isUnit: false });
}

/**
 * `a` `[n, n]`, of which only the lower triangle is read, becomes L with `L · Lᵀ = a`. Gives the first
 * row that shows that it is not positive definite, or -1.
 */
export function squareRoot(a: Float64Array, n: number): number {
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = a[i * n + j]!;
      for (let k = 0; k < j; k++) sum -= a[i * n + k]! * a[j * n + k]!;
      if (j < i) a[i * n + j] = sum / a[j * n + j]!;
      else {
        if (!(sum > 0)) return i;
        a[i * n + i] = Math.sqrt(sum);
      }
    }
    a.fill(0, i * n + i + 1, (i + 1) * n);
  }
  return -1;
}
