// Elimination of one complex matrix, in place on row-major float64 pairs. Of real ones:
// numeric-triangular.ts. No tensors here.
import { type Elimination, exchangeRows } from "./numeric-triangular.ts";

/** `target[from … to] -= factor · source[from … to]` of pairs, both counted from their own start. */
function subtractRow(
  target: Float64Array,
  targetStart: number,
  source: Float64Array,
  sourceStart: number,
  re: number,
  im: number,
  from: number,
  to: number,
): void {
  for (let j = 2 * from; j < 2 * to; j += 2) {
    const a = source[sourceStart + j]!;
    const b = source[sourceStart + j + 1]!;
    target[targetStart + j] = target[targetStart + j]! - (re * a - im * b);
    target[targetStart + j + 1] = target[targetStart + j + 1]! - (re * b + im * a);
  }
}

/** Divides `count` pairs from `start` by a number. */
function divide(x: Float64Array, start: number, count: number, re: number, im: number): void {
  // Scaled, so that squares neither overflow nor vanish.
  const size = Math.max(Math.abs(re), Math.abs(im));
  const [c, d] = [re / size, im / size];
  const square = (c * c + d * d) * size;
  for (let i = start; i < start + 2 * count; i += 2) {
    const [a, b] = [x[i]!, x[i + 1]!];
    x[i] = (a * c + b * d) / square;
    x[i + 1] = (b * c - a * d) / square;
  }
}

/** `a` `[n, n]` becomes its factors, as `eliminate` says. */
export function eliminateComplex(a: Float64Array, n: number, pivots: Int32Array): Elimination {
  const width = 2 * n;
  let zeroPivot = -1;
  let sign = 1;
  for (let k = 0; k < n; k++) {
    let best = k;
    let most = -1;
    for (let i = k; i < n; i++) {
      const at = i * width + 2 * k;
      const size = Math.abs(a[at]!) + Math.abs(a[at + 1]!);
      if (size > most || size !== size) [best, most] = [i, size];
    }
    pivots[k] = best;
    if (best !== k) {
      exchangeRows(a, width, k, best);
      sign = -sign;
    }
    if (most === 0) {
      if (zeroPivot < 0) zeroPivot = k;
      continue;
    }
    const row = k * width;
    for (let i = k + 1; i < n; i++) {
      const at = i * width + 2 * k;
      divide(a, at, 1, a[row + 2 * k]!, a[row + 2 * k + 1]!);
      subtractRow(a, i * width, a, row, a[at]!, a[at + 1]!, k + 1, n);
    }
  }
  return { zeroPivot, sign };
}

/** `b` `[n, k]` becomes the solution of `A · x = b` from the factors that `eliminateComplex` left. */
export function substituteComplex(
  factors: Float64Array,
  n: number,
  pivots: Float64Array | Int32Array,
  b: Float64Array,
  k: number,
): void {
  const width = 2 * k;
  for (let i = 0; i < n; i++) if (pivots[i] !== i) exchangeRows(b, width, i, pivots[i]!);
  const subtract = (i: number, j: number): void => {
    const at = 2 * (i * n + j);
    subtractRow(b, i * width, b, j * width, factors[at]!, factors[at + 1]!, 0, k);
  };
  for (let i = 0; i < n; i++) for (let j = 0; j < i; j++) subtract(i, j);
  for (let i = n - 1; i >= 0; i--) {
    for (let j = i + 1; j < n; j++) subtract(i, j);
    const at = 2 * (i * n + i);
    divide(b, i * width, k, factors[at]!, factors[at + 1]!);
  }
}
