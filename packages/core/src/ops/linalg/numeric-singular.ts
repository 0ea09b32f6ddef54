// Singular values and vectors of one matrix: QR with column exchanges, then Jacobi's rotations of the
// rows of R until they are orthogonal. Small singular values come out as accurate as large ones.
// Float64 arrays, no tensors.
import { lengthOf, orthogonalFactor, transposed, triangulate } from "./numeric-reflections.ts";
import { exchangeRows } from "./numeric-triangular.ts";

/** Rounds over all pairs of rows; 4 to 8 are usual. */
const roundLimit = 60;

/** `a = Uᵀ · diag(values) · V`, with the vectors as rows: U `[k, m]`, V `[k, n]`, k = min(m, n). */
export interface SingularFactors {
  /** Descending. */
  readonly values: Float64Array;
  /** Empty where not asked for. */
  readonly left: Float64Array;
  readonly right: Float64Array;
}

/** Factors of `a` `[m, n]`, row-major; `undefined` where it is not finite. */
export function singularFactors(
  a: Float64Array,
  m: number,
  n: number,
  wantsVectors: boolean,
): SingularFactors | undefined {
  if (m < n) {
    const flipped = singularFactors(transposed(a, m, n), n, m, wantsVectors);
    return flipped && { values: flipped.values, left: flipped.right, right: flipped.left };
  }
  let largest = 0;
  for (const x of a) {
    if (!Number.isFinite(x)) return undefined;
    largest = Math.max(largest, Math.abs(x));
  }
  const scale = largest === 0 ? 1 : 2 ** Math.floor(Math.log2(largest));
  const columns = transposed(a, m, n);
  for (let i = 0; i < columns.length; i++) columns[i] = columns[i]! / scale;
  const order = Int32Array.from({ length: n }, (_, i) => i);
  const scales = triangulate(columns, m, n, order);
  // The rows of R, with its columns back in their order.
  const rows = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    for (let j = i; j < n; j++) rows[i * n + order[j]!] = columns[j * m + i]!;
  }
  const turns = new Float64Array(wantsVectors ? n * n : 0);
  if (wantsVectors) for (let i = 0; i < n; i++) turns[i * n + i] = 1;
  orthogonalizeRows(rows, turns, n);
  const values = sortByLength(rows, turns, n);
  if (wantsVectors) normalizeRows(rows, values, n);
  const left = wantsVectors
    ? product(turns, orthogonalFactor(columns, m, scales, n), n, m)
    : new Float64Array(0);
  for (let i = 0; i < n; i++) values[i] = values[i]! * scale;
  return { values, left, right: wantsVectors ? rows : new Float64Array(0) };
}

/** `a` `[n, n]` times `b` `[n, m]`. */
function product(a: Float64Array, b: Float64Array, n: number, m: number): Float64Array {
  const result = new Float64Array(n * m);
  for (let i = 0; i < n; i++) {
    for (let k = 0; k < n; k++) {
      const factor = a[i * n + k]!;
      if (factor === 0) continue;
      for (let j = 0; j < m; j++) result[i * m + j] = result[i * m + j]! + factor * b[k * m + j]!;
    }
  }
  return result;
}

function dotRows(rows: Float64Array, n: number, p: number, q: number): number {
  let sum = 0;
  for (let j = 0; j < n; j++) sum += rows[p * n + j]! * rows[q * n + j]!;
  return sum;
}

/** Rotates pairs of rows until all are orthogonal; `turns` takes the same rotations. */
function orthogonalizeRows(rows: Float64Array, turns: Float64Array, n: number): void {
  const squares = new Float64Array(n);
  for (let round = 0; round < roundLimit; round++) {
    for (let i = 0; i < n; i++) squares[i] = dotRows(rows, n, i, i);
    let isDone = true;
    for (let p = 0; p < n - 1; p++) {
      // Large rows first: fewer rounds.
      let best = p;
      for (let q = p + 1; q < n; q++) if (squares[q]! > squares[best]!) best = q;
      if (best !== p) {
        exchangeRows(rows, n, p, best);
        if (turns.length > 0) exchangeRows(turns, n, p, best);
        [squares[p], squares[best]] = [squares[best]!, squares[p]!];
      }
      for (let q = p + 1; q < n; q++) {
        const inner = dotRows(rows, n, p, q);
        if (Math.abs(inner) <= Number.EPSILON * Math.sqrt(squares[p]! * squares[q]!)) continue;
        isDone = false;
        const zeta = (squares[q]! - squares[p]!) / (2 * inner);
        const tangent = (zeta < 0 ? -1 : 1) / (Math.abs(zeta) + Math.hypot(1, zeta));
        const cosine = 1 / Math.hypot(1, tangent);
        const sine = cosine * tangent;
        rotate(rows, n, p, q, cosine, sine);
        if (turns.length > 0) rotate(turns, n, p, q, cosine, sine);
        squares[p] = Math.max(0, squares[p]! - tangent * inner);
        squares[q] = squares[q]! + tangent * inner;
      }
    }
    if (isDone) return;
  }
}

function rotate(
  rows: Float64Array,
  n: number,
  p: number,
  q: number,
  cosine: number,
  sine: number,
): void {
  const [first, second] = [p * n, q * n];
  for (let j = 0; j < n; j++) {
    const x = rows[first + j]!;
    const y = rows[second + j]!;
    rows[first + j] = cosine * x - sine * y;
    rows[second + j] = sine * x + cosine * y;
  }
}

/** Lengths of the rows, descending; rows and turns are brought into that order. */
function sortByLength(rows: Float64Array, turns: Float64Array, n: number): Float64Array {
  const lengths = Float64Array.from({ length: n }, (_, i) => lengthOf(rows, i * n, (i + 1) * n));
  const order = Array.from(lengths.keys()).sort((a, b) => lengths[b]! - lengths[a]!);
  for (const array of turns.length > 0 ? [rows, turns] : [rows]) {
    const before = new Float64Array(array);
    order.forEach((from, to) => array.set(before.subarray(from * n, (from + 1) * n), to * n));
  }
  return Float64Array.from(order, (i) => lengths[i]!);
}

/** Rows become unit vectors; rows of length 0, any that are orthogonal to all others. */
function normalizeRows(rows: Float64Array, lengths: Float64Array, n: number): void {
  for (let i = 0; i < n; i++) {
    const length = lengths[i]!;
    if (length === 0) fillRow(rows, n, i);
    else for (let j = 0; j < n; j++) rows[i * n + j] = rows[i * n + j]! / length;
  }
}

/** Row `at` becomes a unit vector orthogonal to those before it: the best of the axes, made so. */
function fillRow(rows: Float64Array, n: number, at: number): void {
  const candidate = rows.subarray(at * n, (at + 1) * n);
  for (let axis = 0; axis < n; axis++) {
    candidate.fill(0);
    candidate[axis] = 1;
    // Twice is enough.
    for (let pass = 0; pass < 2; pass++) {
      for (let i = 0; i < at; i++) {
        const along = dotRows(rows, n, i, at);
        for (let j = 0; j < n; j++) candidate[j] = candidate[j]! - along * rows[i * n + j]!;
      }
    }
    const length = lengthOf(candidate, 0, n);
    // Some axis keeps at least this much.
    if (length * length * n < 0.5) continue;
    for (let j = 0; j < n; j++) candidate[j] = candidate[j]! / length;
    return;
  }
}
