// Householder's reflections of one matrix: A = Q · R. Arrays are float64; matrices are kept by columns,
// so that reflections walk along memory. No tensors here.

/** A `[rows, columns]` matrix as `[columns, rows]`. */
export function transposed(a: Float64Array, rows: number, columns: number): Float64Array {
  const result = new Float64Array(a.length);
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) result[j * rows + i] = a[i * columns + j]!;
  }
  return result;
}

/** The length of `x[from … to]`, safe from overflow. */
export function lengthOf(x: Float64Array, from: number, to: number): number {
  let sum = 0;
  for (let i = from; i < to; i++) sum += x[i]! * x[i]!;
  if (sum > 1e-280 && sum < 1e280) return Math.sqrt(sum);
  let most = 0;
  for (let i = from; i < to; i++) {
    const size = Math.abs(x[i]!);
    if (size > most || size !== size) most = size;
  }
  if (most === 0 || !Number.isFinite(most)) return most;
  sum = 0;
  for (let i = from; i < to; i++) sum += (x[i]! / most) ** 2;
  return most * Math.sqrt(sum);
}

/**
 * The reflection `1 - scale · v · vᵀ`, v₀ = 1, that maps `x[from … to]` onto its first axis: leaves the
 * image at `from` and the rest of v behind it, and gives `scale`. LAPACK's signs.
 */
export function reflectionOf(x: Float64Array, from: number, to: number): number {
  const first = x[from]!;
  const rest = lengthOf(x, from + 1, to);
  if (rest === 0) return 0;
  const image = first > 0 ? -Math.hypot(first, rest) : Math.hypot(first, rest);
  for (let i = from + 1; i < to; i++) x[i] = x[i]! / (first - image);
  x[from] = image;
  return (image - first) / image;
}

/** Reflects `target[start … start + length]` by the v behind `source[at]`. */
function reflect(
  target: Float64Array,
  start: number,
  source: Float64Array,
  at: number,
  length: number,
  scale: number,
): void {
  let product = target[start]!;
  for (let i = 1; i < length; i++) product += source[at + i]! * target[start + i]!;
  product *= scale;
  target[start] = target[start]! - product;
  for (let i = 1; i < length; i++) {
    target[start + i] = target[start + i]! - product * source[at + i]!;
  }
}

/** Where the columns that are left are largest, from column `k`. */
function largestColumn(a: Float64Array, m: number, n: number, k: number): number {
  let best = k;
  let most = -1;
  for (let j = k; j < n; j++) {
    const size = lengthOf(a, j * m + k, (j + 1) * m);
    if (size > most) [best, most] = [j, size];
  }
  return best;
}

/**
 * `a`, columns of an `[m, n]` matrix, becomes R on and above the diagonal and the reflections below it.
 * Gives their scales; with `order`, columns are exchanged so that R's diagonal falls, and `order` says
 * where each came from.
 */
export function triangulate(
  a: Float64Array,
  m: number,
  n: number,
  order?: Int32Array,
): Float64Array {
  const scales = new Float64Array(Math.min(m, n));
  for (let k = 0; k < scales.length; k++) {
    if (order !== undefined) {
      const best = largestColumn(a, m, n, k);
      if (best !== k) {
        for (let i = 0; i < m; i++) {
          const kept = a[k * m + i]!;
          a[k * m + i] = a[best * m + i]!;
          a[best * m + i] = kept;
        }
        [order[k], order[best]] = [order[best]!, order[k]!];
      }
    }
    const at = k * m + k;
    const scale = reflectionOf(a, at, (k + 1) * m);
    scales[k] = scale;
    if (scale === 0) continue;
    for (let j = k + 1; j < n; j++) reflect(a, j * m + k, a, at, m - k, scale);
  }
  return scales;
}

/** The first `columns` columns of Q, by columns, from what `triangulate` left. */
export function orthogonalFactor(
  reflections: Float64Array,
  m: number,
  scales: Float64Array,
  columns: number,
): Float64Array {
  const q = new Float64Array(columns * m);
  for (let j = 0; j < columns; j++) q[j * m + j] = 1;
  for (let k = scales.length - 1; k >= 0; k--) {
    if (scales[k] === 0) continue;
    for (let j = 0; j < columns; j++)
      reflect(q, j * m + k, reflections, k * m + k, m - k, scales[k]!);
  }
  return q;
}
