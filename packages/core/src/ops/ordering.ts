// Sorting rows of typed arrays: the loops of the sorting routines. No tensors here. Equal elements keep
// their order; NaN is greater than everything, 0 and -0 are equal.
import { type DType, type TypedArray, isHalf, isUnsigned } from "../dtype.ts";

/** Positions of a row's elements in order, counted from the row's start; overwritten by the next call. */
export type RowOrder = (values: TypedArray, start: number) => ArrayLike<number>;

/** Elements as 32-bit words that compare as they do, or `undefined` for wider dtypes. */
function words(values: TypedArray, dtype: DType): ((at: number) => number) | undefined {
  if (dtype === "float32" || isHalf(dtype)) {
    const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
    return (at) => {
      const value = values[at] as number;
      if (value !== value) return 0xffffffff;
      if (value === 0) return 0x80000000;
      const word = bits[at]!;
      return (word >>> 31 === 1 ? ~word : word | 0x80000000) >>> 0;
    };
  }
  if (dtype === "int8" || dtype === "int16" || dtype === "int32") {
    return (at) => (values[at] as number) + 2 ** 31;
  }
  if (isUnsigned(dtype) && dtype !== "uint64") return (at) => values[at] as number;
  return undefined;
}

/** A word and a position below this fit into one float64. */
const positions = 2 ** 21;

const isNaN = (x: number | bigint): number => (x !== x ? 1 : 0);

/** Negative where x stands before y. */
export const compare = (x: number | bigint, y: number | bigint): number =>
  x < y ? -1 : x > y ? 1 : isNaN(x) - isNaN(y);

/** The order of rows of `n` elements; of the first `wanted` positions only, if that is less. */
export function rowOrder(dtype: DType, n: number, isDescending: boolean, wanted = n): RowOrder {
  const order = new Uint32Array(n);
  const byComparison: RowOrder = (values, start) => {
    for (let i = 0; i < n; i++) order[i] = i;
    const sign = isDescending ? -1 : 1;
    return order.sort((a, b) => sign * compare(values[start + a]!, values[start + b]!) || a - b);
  };
  if (n > positions) return byComparison;
  const isPartial = wanted * 8 < n;
  const keys = new Float64Array(isPartial ? wanted : n);
  return (values, start) => {
    const wordAt = words(values, dtype);
    if (wordAt === undefined) return byComparison(values, start);
    const keyAt = (i: number): number => {
      const word = wordAt(start + i);
      return (isDescending ? 0xffffffff - word : word) * positions + i;
    };
    if (isPartial) smallest(keys, n, keyAt);
    else for (let i = 0; i < n; i++) keys[i] = keyAt(i);
    // Without a comparator the engine sorts numbers natively.
    keys.sort();
    for (let i = 0; i < keys.length; i++) {
      const key = keys[i]!;
      order[i] = key - Math.floor(key / positions) * positions;
    }
    return order;
  };
}

/** Leaves the smallest of `n` keys in `heap`, in any order: a heap whose top is the largest of them. */
function smallest(heap: Float64Array, n: number, keyAt: (i: number) => number): void {
  const size = heap.length;
  if (size === 0) return;
  heap.fill(Infinity);
  for (let i = 0; i < n; i++) {
    const key = keyAt(i);
    if (key >= heap[0]!) continue;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= size) break;
      if (child + 1 < size && heap[child + 1]! > heap[child]!) child++;
      if (heap[child]! <= key) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = key;
  }
}

/** The first position of `sorted[start … start + n - 1]` whose element is not less than `value`. */
export function lowerBound(
  at: (position: number) => number | bigint,
  n: number,
  value: number | bigint,
  isRight: boolean,
): number {
  let [low, high] = [0, n];
  while (low < high) {
    const middle = (low + high) >>> 1;
    const element = at(middle);
    // As PyTorch compares: NaN among the values goes to the end.
    if (isRight ? !(element > value) : !(element >= value)) low = middle + 1;
    else high = middle;
  }
  return low;
}
