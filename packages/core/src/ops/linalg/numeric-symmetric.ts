// Eigenvalues and eigenvectors of one symmetric matrix: reflections to a tridiagonal one, then implicit
// QL steps (Wilkinson's shifts). Float64 arrays, no tensors.
import { reflectionOf } from "./numeric-reflections.ts";

/** Steps after which an eigenvalue counts as not found; a few are usual. */
const stepLimit = 60;

export interface SymmetricEigen {
  /** Ascending. */
  readonly values: Float64Array;
  /** One eigenvector per row, in the order of the values; empty where not asked for. */
  readonly vectors: Float64Array;
}

/** Eigenvalues of `a` `[n, n]`, of which only the lower triangle is read; `undefined` without success. */
export function symmetricEigen(
  a: Float64Array,
  n: number,
  wantsVectors: boolean,
): SymmetricEigen | undefined {
  const work = new Float64Array(a);
  let largest = 0;
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) {
      work[j * n + i] = work[i * n + j]!;
      largest = Math.max(largest, Math.abs(work[i * n + j]!));
    }
  }
  if (!Number.isFinite(largest)) return undefined;
  // Powers of two scale without rounding; squares must neither overflow nor vanish.
  const scale = largest === 0 ? 1 : 2 ** Math.floor(Math.log2(largest));
  for (let i = 0; i < work.length; i++) work[i] = work[i]! / scale;
  const diagonal = new Float64Array(n);
  const beside = new Float64Array(n);
  const scales = tridiagonalize(work, n, diagonal, beside);
  const vectors = wantsVectors ? rowsOfReflections(work, n, scales) : new Float64Array(0);
  if (!diagonalize(diagonal, beside, n, vectors)) return undefined;
  for (let i = 0; i < n; i++) diagonal[i] = diagonal[i]! * scale;
  return ordered(diagonal, vectors, n);
}

/**
 * Symmetric `a` becomes tridiagonal: its diagonal, and what stands beside it. The reflection of step k is
 * left in row k, from column k + 1.
 */
function tridiagonalize(
  a: Float64Array,
  n: number,
  diagonal: Float64Array,
  beside: Float64Array,
): Float64Array {
  const scales = new Float64Array(n);
  const product = new Float64Array(n);
  for (let k = 0; k < n - 1; k++) {
    diagonal[k] = a[k * n + k]!;
    const row = k * n;
    const scale = reflectionOf(a, row + k + 1, row + n);
    scales[k] = scale;
    beside[k] = a[row + k + 1]!;
    a[row + k + 1] = 1;
    if (scale === 0) continue;
    let alongV = 0;
    for (let i = k + 1; i < n; i++) {
      let sum = 0;
      for (let j = k + 1; j < n; j++) sum += a[i * n + j]! * a[row + j]!;
      product[i] = scale * sum;
      alongV += product[i]! * a[row + i]!;
    }
    for (let i = k + 1; i < n; i++) product[i] = product[i]! - (scale / 2) * alongV * a[row + i]!;
    for (let i = k + 1; i < n; i++) {
      const v = a[row + i]!;
      const p = product[i]!;
      for (let j = k + 1; j < n; j++) {
        a[i * n + j] = a[i * n + j]! - (v * product[j]! + p * a[row + j]!);
      }
    }
  }
  if (n > 0) diagonal[n - 1] = a[n * n - 1]!;
  return scales;
}

/** The product of all reflections, the last one first. */
function rowsOfReflections(a: Float64Array, n: number, scales: Float64Array): Float64Array {
  const q = new Float64Array(n * n);
  for (let i = 0; i < n; i++) q[i * n + i] = 1;
  for (let k = n - 2; k >= 0; k--) {
    if (scales[k] === 0) continue;
    for (let i = k + 1; i < n; i++) {
      let sum = 0;
      for (let j = k + 1; j < n; j++) sum += q[i * n + j]! * a[k * n + j]!;
      sum *= scales[k]!;
      for (let j = k + 1; j < n; j++) q[i * n + j] = q[i * n + j]! - sum * a[k * n + j]!;
    }
  }
  return q;
}

/** Implicit QL: the diagonal becomes the eigenvalues, rows of `vectors` turn along. */
function diagonalize(d: Float64Array, e: Float64Array, n: number, vectors: Float64Array): boolean {
  for (let first = 0; first < n; first++) {
    for (let step = 0; ; step++) {
      let last = first;
      while (last < n - 1) {
        const around = Math.abs(d[last]!) + Math.abs(d[last + 1]!);
        if (Math.abs(e[last]!) <= Number.EPSILON * around || around + Math.abs(e[last]!) === around)
          break;
        last++;
      }
      if (last === first) break;
      if (step === stepLimit) return false;
      qlStep(d, e, first, last, n, vectors);
    }
  }
  return true;
}

/** One QL step on the block from `first` to `last`. */
function qlStep(
  d: Float64Array,
  e: Float64Array,
  first: number,
  last: number,
  n: number,
  vectors: Float64Array,
): void {
  const half = (d[first + 1]! - d[first]!) / (2 * e[first]!);
  const root = Math.hypot(half, 1);
  let g = d[last]! - d[first]! + e[first]! / (half + (half < 0 ? -root : root));
  let [sine, cosine, shift] = [1, 1, 0];
  for (let i = last - 1; i >= first; i--) {
    const f = sine * e[i]!;
    const b = cosine * e[i]!;
    const length = Math.hypot(f, g);
    e[i + 1] = length;
    if (length === 0) {
      d[i + 1] = d[i + 1]! - shift;
      e[last] = 0;
      return;
    }
    [sine, cosine] = [f / length, g / length];
    g = d[i + 1]! - shift;
    const r = (d[i]! - g) * sine + 2 * cosine * b;
    shift = sine * r;
    d[i + 1] = g + shift;
    g = cosine * r - b;
    if (vectors.length > 0) turnRows(vectors, n, i, cosine, sine);
  }
  d[first] = d[first]! - shift;
  e[first] = g;
  e[last] = 0;
}

/** Rotates rows `i` and `i + 1`. */
function turnRows(rows: Float64Array, n: number, i: number, cosine: number, sine: number): void {
  const [p, q] = [i * n, (i + 1) * n];
  for (let j = 0; j < n; j++) {
    const x = rows[p + j]!;
    const y = rows[q + j]!;
    rows[q + j] = sine * x + cosine * y;
    rows[p + j] = cosine * x - sine * y;
  }
}

function ordered(values: Float64Array, vectors: Float64Array, n: number): SymmetricEigen {
  const order = Array.from(values.keys()).sort((a, b) => values[a]! - values[b]!);
  const rows = new Float64Array(vectors.length);
  if (vectors.length > 0) {
    order.forEach((from, to) => rows.set(vectors.subarray(from * n, (from + 1) * n), to * n));
  }
  return { values: Float64Array.from(order, (i) => values[i]!), vectors: rows };
}
