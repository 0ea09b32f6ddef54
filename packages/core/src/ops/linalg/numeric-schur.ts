// The real Schur form of one matrix: A = V · T · Vᵀ with T upper triangular but for 2 × 2 blocks, which
// hold pairs of complex eigenvalues. Reflections to Hessenberg's form, then Francis's double-shift QR
// steps (EISPACK's hqr2). Float64 arrays, no tensors.
import { reflectionOf } from "./numeric-reflections.ts";

/** Steps after which an eigenvalue counts as not found; two or three are usual. */
const stepLimit = 90;

/** Eigenvalues, and the factors that their vectors are read from. */
export interface RealSchur {
  /** Real and imaginary parts; of a pair the one with the positive imaginary part comes first. */
  readonly re: Float64Array;
  readonly im: Float64Array;
  /** T; what stands below it is not zero. */
  readonly triangle: Float64Array;
  readonly vectors: Float64Array;
  /** The sum of all entries' absolute values. */
  readonly size: number;
}

/** A matrix on its way to Schur's form. */
class Schur {
  readonly n: number;
  readonly h: Float64Array;
  readonly v: Float64Array;
  readonly re: Float64Array;
  readonly im: Float64Array;
  readonly size: number;
  /** What was subtracted from the diagonal. */
  shift = 0;

  constructor(a: Float64Array, n: number) {
    this.n = n;
    this.h = new Float64Array(a);
    this.v = new Float64Array(n * n);
    for (let i = 0; i < n; i++) this.v[i * n + i] = 1;
    this.re = new Float64Array(n);
    this.im = new Float64Array(n);
    this.size = a.reduce((sum, x) => sum + Math.abs(x), 0);
  }

  at(i: number, j: number): number {
    return this.h[i * this.n + j]!;
  }

  /** Zeros below the first subdiagonal. */
  reduceToHessenberg(): void {
    const { n, h, v } = this;
    const column = new Float64Array(n);
    for (let m = 1; m < n - 1; m++) {
      for (let i = m; i < n; i++) column[i] = h[i * n + m - 1]!;
      const scale = reflectionOf(column, m, n);
      const image = column[m]!;
      column[m] = 1;
      if (scale !== 0) {
        for (let j = m; j < n; j++) {
          let sum = 0;
          for (let i = m; i < n; i++) sum += column[i]! * h[i * n + j]!;
          for (let i = m; i < n; i++) h[i * n + j]! -= scale * sum * column[i]!;
        }
        for (const matrix of [h, v]) {
          for (let i = 0; i < n; i++) {
            let sum = 0;
            for (let j = m; j < n; j++) sum += matrix[i * n + j]! * column[j]!;
            for (let j = m; j < n; j++) matrix[i * n + j]! -= scale * sum * column[j]!;
          }
        }
      }
      h[m * n + m - 1] = image;
      for (let i = m + 1; i < n; i++) h[i * n + m - 1] = 0;
    }
  }

  /** Where the block that ends at `last` starts: a small subdiagonal entry stands before it. */
  blockStart(last: number): number {
    let first = last;
    for (; first > 0; first--) {
      const around = Math.abs(this.at(first - 1, first - 1)) + Math.abs(this.at(first, first));
      const scale = around === 0 ? this.size : around;
      if (Math.abs(this.at(first, first - 1)) <= Number.EPSILON * scale) break;
    }
    return first;
  }

  /** Notes the eigenvalues of the block of two that ends at `last`; a real pair is made triangular. */
  finishPair(last: number): void {
    const { n, h, v, re, im } = this;
    const before = last - 1;
    const w = this.at(last, before) * this.at(before, last);
    const p = (this.at(before, before) - this.at(last, last)) / 2;
    const q = p * p + w;
    h[last * n + last]! += this.shift;
    h[before * n + before]! += this.shift;
    const x = this.at(last, last);
    if (q < 0) {
      re[before] = re[last] = x + p;
      im[before] = Math.sqrt(-q);
      im[last] = -im[before]!;
      return;
    }
    const z = p >= 0 ? p + Math.sqrt(q) : p - Math.sqrt(q);
    re[before] = x + z;
    re[last] = z === 0 ? x + z : x - w / z;
    const length = Math.hypot(this.at(last, before), z);
    const [sine, cosine] = [this.at(last, before) / length, z / length];
    for (let j = before; j < n; j++) {
      const [a, b] = [h[before * n + j]!, h[last * n + j]!];
      h[before * n + j] = cosine * a + sine * b;
      h[last * n + j] = cosine * b - sine * a;
    }
    for (const [matrix, rows] of [[h, last + 1], [v, n]] as const) {
      for (let i = 0; i < rows; i++) {
        const [a, b] = [matrix[i * n + before]!, matrix[i * n + last]!];
        matrix[i * n + before] = cosine * a + sine * b;
        matrix[i * n + last] = cosine * b - sine * a;
      }
    } // prettier-ignore
    h[last * n + before] = 0;
  }

  /** One double-shift step on the block from `first` to `last`. */
  step(first: number, last: number, count: number): void {
    const { n, h } = this;
    let x = this.at(last, last);
    let y = this.at(last - 1, last - 1);
    let w = this.at(last, last - 1) * this.at(last - 1, last);
    if (count % 20 === 10) {
      // Wilkinson's exceptional shift.
      this.shift += x;
      for (let i = 0; i <= last; i++) h[i * n + i]! -= x;
      const s = Math.abs(this.at(last, last - 1)) + Math.abs(this.at(last - 1, last - 2));
      x = 0.75 * s;
      y = x;
      w = -0.4375 * s * s;
    }
    let [p, q, r] = [0, 0, 0];
    let start = last - 2;
    for (; start >= first; start--) {
      const z = this.at(start, start);
      const [a, b] = [x - z, y - z];
      p = (a * b - w) / this.at(start + 1, start) + this.at(start, start + 1);
      q = this.at(start + 1, start + 1) - z - a - b;
      r = this.at(start + 2, start + 1);
      const s = Math.abs(p) + Math.abs(q) + Math.abs(r);
      [p, q, r] = [p / s, q / s, r / s];
      if (start === first) break;
      const side = Math.abs(this.at(start, start - 1)) * (Math.abs(q) + Math.abs(r));
      const around =
        Math.abs(this.at(start - 1, start - 1)) +
        Math.abs(z) +
        Math.abs(this.at(start + 1, start + 1));
      if (side < Number.EPSILON * Math.abs(p) * around) break;
    }
    for (let i = start + 2; i <= last; i++) {
      h[i * n + i - 2] = 0;
      if (i > start + 2) h[i * n + i - 3] = 0;
    }
    for (let k = start; k < last; k++) {
      let scale = 0;
      if (k > start) {
        p = this.at(k, k - 1);
        q = this.at(k + 1, k - 1);
        r = k < last - 1 ? this.at(k + 2, k - 1) : 0;
        scale = Math.abs(p) + Math.abs(q) + Math.abs(r);
        if (scale === 0) continue;
        [p, q, r] = [p / scale, q / scale, r / scale];
      }
      const length = Math.sqrt(p * p + q * q + r * r);
      if (length === 0) continue;
      const s = p < 0 ? -length : length;
      if (k > start) h[k * n + k - 1] = -s * scale;
      else if (first !== start) h[k * n + k - 1] = -this.at(k, k - 1);
      p += s;
      this.reflectThree(k, last, [p / s, q / s, r / s], [q / p, r / p]);
    }
  }

  /** Reflects rows and columns `k`, `k + 1` and, before the end of the block, `k + 2`. */
  reflectThree(
    k: number,
    last: number,
    [x, y, z]: readonly [number, number, number],
    [q, r]: readonly [number, number],
  ): void {
    const { n, h, v } = this;
    const hasThird = k < last - 1;
    for (let j = k; j < n; j++) {
      let sum = h[k * n + j]! + q * h[(k + 1) * n + j]!;
      if (hasThird) {
        sum += r * h[(k + 2) * n + j]!;
        h[(k + 2) * n + j]! -= sum * z;
      }
      h[k * n + j]! -= sum * x;
      h[(k + 1) * n + j]! -= sum * y;
    }
    for (const [matrix, rows] of [[h, Math.min(last, k + 3) + 1], [v, n]] as const) {
      for (let i = 0; i < rows; i++) {
        const at = i * n + k;
        let sum = x * matrix[at]! + y * matrix[at + 1]!;
        if (hasThird) {
          sum += z * matrix[at + 2]!;
          matrix[at + 2]! -= sum * r;
        }
        matrix[at]! -= sum;
        matrix[at + 1]! -= sum * q;
      }
    } // prettier-ignore
  }
}

/** Schur's form of `a` `[n, n]`; `undefined` where it is not finite or no eigenvalues were found. */
export function realSchur(a: Float64Array, n: number): RealSchur | undefined {
  const schur = new Schur(a, n);
  if (!Number.isFinite(schur.size)) return undefined;
  schur.reduceToHessenberg();
  let last = n - 1;
  let count = 0;
  while (last >= 0) {
    const first = schur.blockStart(last);
    if (first === last) {
      schur.h[last * n + last]! += schur.shift;
      schur.re[last] = schur.at(last, last);
      last--;
      count = 0;
    } else if (first === last - 1) {
      schur.finishPair(last);
      last -= 2;
      count = 0;
    } else {
      if (count === stepLimit) return undefined;
      schur.step(first, last, count++);
    }
  }
  const { re, im, h: triangle, v: vectors, size } = schur;
  return { re, im, triangle, vectors, size };
}
