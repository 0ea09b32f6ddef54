// Eigenvectors of one matrix from its Schur form: substitution in complex numbers. Float64 arrays, no
// tensors.
import type { RealSchur } from "./numeric-schur.ts";

type Complex = readonly [number, number];

const times = ([a, b]: Complex, [c, d]: Complex): Complex => [a * c - b * d, a * d + b * c];
const minus = ([a, b]: Complex, [c, d]: Complex): Complex => [a - c, b - d];
const size1 = ([a, b]: Complex): number => Math.abs(a) + Math.abs(b);

function quotient([xr, xi]: Complex, [yr, yi]: Complex): Complex {
  if (Math.abs(yr) >= Math.abs(yi)) {
    const ratio = yi / yr;
    const d = yr + yi * ratio;
    return [(xr + xi * ratio) / d, (xi - xr * ratio) / d];
  }
  const ratio = yr / yi;
  const d = yr * ratio + yi;
  return [(xr * ratio + xi) / d, (xi * ratio - xr) / d];
}

/** Equal eigenvalues: a divisor of 0 becomes as small as rounding makes it. */
const kept = (x: Complex, least: number): Complex => (size1(x) < least ? [least, 0] : x);

/**
 * Unit eigenvectors as columns, `[n, n]` complex pairs. Each is turned so that its largest element is real,
 * as LAPACK does.
 */
export function eigenvectors(schur: RealSchur, n: number): Float64Array {
  const result = new Float64Array(2 * n * n);
  const x = new Float64Array(n);
  const y = new Float64Array(n);
  for (let k = 0; k < n; k++) {
    const isSecond = schur.im[k]! < 0;
    if (isSecond) {
      for (let i = 0; i < n; i++) {
        const at = 2 * (i * n + k);
        result[at] = result[at - 2]!;
        result[at + 1] = -result[at - 1]!;
      }
      continue;
    }
    substitute(schur, n, k, x, y);
    const top = schur.im[k]! > 0 ? k + 1 : k;
    for (let i = 0; i < n; i++) {
      let [re, im] = [0, 0];
      for (let j = 0; j <= top; j++) {
        re += schur.vectors[i * n + j]! * x[j]!;
        im += schur.vectors[i * n + j]! * y[j]!;
      }
      result[2 * (i * n + k)] = re;
      result[2 * (i * n + k) + 1] = im;
    }
    normalize(result, n, k);
  }
  return result;
}

/** `(T - λₖ) · (x + i·y) = 0`, with everything below the block of λₖ zero. */
function substitute(
  { re, im, triangle: t, size }: RealSchur,
  n: number,
  k: number,
  x: Float64Array,
  y: Float64Array,
): void {
  x.fill(0);
  y.fill(0);
  const [lr, li] = [re[k]!, im[k]!];
  const least = Number.EPSILON * (size === 0 ? 1 : size);
  let last = k;
  if (li > 0) {
    last = k + 1;
    x[last] = 1;
    // t[k+1, k] · xₖ + (t[k+1, k+1] - λ) = 0
    const below = t[last * n + k]!;
    x[k] = (lr - t[last * n + last]!) / below;
    y[k] = li / below;
  } else x[k] = 1;
  /** What row `i` still has to be made zero of. */
  const rest = (i: number): Complex => {
    let [a, b] = [0, 0];
    for (let j = i + 1; j <= last; j++) {
      a -= t[i * n + j]! * x[j]!;
      b -= t[i * n + j]! * y[j]!;
    }
    return [a, b];
  };
  for (let i = k - 1; i >= 0; i--) {
    if (im[i] === 0) {
      const divisor = kept([t[i * n + i]! - lr, -li], least);
      [x[i], y[i]] = quotient(rest(i), divisor);
    } else {
      i--;
      const matrix: Block = [
        [t[i * n + i]! - lr, -li],
        [t[i * n + i + 1]!, 0],
        [t[(i + 1) * n + i]!, 0],
        [t[(i + 1) * n + i + 1]! - lr, -li],
      ];
      // x[i + 1] is still 0, so that row i misses nothing else.
      const [first, second] = solvedBlock(matrix, rest(i), rest(i + 1), least);
      [x[i], y[i]] = first;
      [x[i + 1], y[i + 1]] = second;
    }
    rescale(x, y, i, last);
  }
}

type Block = readonly [Complex, Complex, Complex, Complex];

/** `[[p, q], [r, s]] · x = (a, b)` by elimination, from the larger of p and r. */
function solvedBlock(
  [p, q, r, s]: Block,
  a: Complex,
  b: Complex,
  least: number,
): readonly [Complex, Complex] {
  if (size1(p) < size1(r)) return solvedBlock([r, s, p, q], b, a, least);
  const factor = quotient(r, p);
  const second = quotient(minus(b, times(factor, a)), kept(minus(s, times(factor, q)), least));
  return [quotient(minus(a, times(q, second)), p), second];
}

/** Keeps vectors of nearly equal eigenvalues from overflowing. */
function rescale(x: Float64Array, y: Float64Array, i: number, last: number): void {
  if (Math.abs(x[i]!) + Math.abs(y[i]!) < 1e100) return;
  for (let j = i; j <= last; j++) {
    x[j] = x[j]! * 1e-100;
    y[j] = y[j]! * 1e-100;
  }
}

function normalize(vectors: Float64Array, n: number, k: number): void {
  let [sum, most, re, im] = [0, 0, 1, 0];
  for (let i = 0; i < n; i++) {
    const at = 2 * (i * n + k);
    const square = vectors[at]! ** 2 + vectors[at + 1]! ** 2;
    sum += square;
    if (square <= most) continue;
    [most, re, im] = [square, vectors[at]!, vectors[at + 1]!];
  }
  if (sum === 0) return;
  const length = Math.sqrt(sum);
  // A real vector keeps its sign.
  const size = Math.sqrt(most);
  const [c, s] = im === 0 ? [1, 0] : [re / size, -im / size];
  for (let i = 0; i < n; i++) {
    const at = 2 * (i * n + k);
    const a = vectors[at]! / length;
    const b = vectors[at + 1]! / length;
    vectors[at] = a * c - b * s;
    vectors[at + 1] = a * s + b * c;
  }
}
