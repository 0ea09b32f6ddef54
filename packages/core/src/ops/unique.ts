// Distinct elements or slices.
import { apply } from "../apply.ts";
import type { RoutineKernel } from "../compiler/kernel.ts";
import { type DType, type TypedArray, isBig, requireReal } from "../dtype.ts";
import type { Operation } from "../operation.ts";
import { normalizeAxis, sizeOf } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { type SizeOptions, countSkips, resultCount } from "./data-dependent.ts";
import { type Sample, composite, primitive } from "./define.ts";
import { compare, rowOrder } from "./ordering.ts";
import { permute, reshape, slice } from "./view.ts";

interface UniqueAttributes {
  readonly [name: string]: number | boolean;
  readonly size: number;
  /** Only neighbours are compared. */
  readonly isConsecutive: boolean;
}

/** The order in which equal slices are neighbours. */
function orderOf(source: TypedArray, dtype: DType, rows: number, width: number): ArrayLike<number> {
  if (width === 1) return rowOrder(dtype, rows, false)(source, 0);
  const difference = (a: number, b: number): number => {
    for (let i = 0; i < width; i++) {
      const sign = compare(source[a * width + i]!, source[b * width + i]!);
      if (sign !== 0) return sign;
    }
    return a - b;
  };
  return Uint32Array.from({ length: rows }, (_, i) => i).sort(difference);
}

/** Rows `[n, width]` → distinct rows, the distinct row of each, how often each occurs, how many there are. */
const uniqueOperation: Operation<UniqueAttributes> = /* @__PURE__ */ primitive({
  name: "unique",
  traits: { hasDataDependentSize: true },
  infer: ([x], { size }) => {
    requireReal("unique", x!.dtype);
    const [n, width] = x!.shape as [number, number];
    return [
      { shape: [size, width], dtype: x!.dtype },
      { shape: [n], dtype: "int32" },
      { shape: [size], dtype: "int64" },
      { shape: [], dtype: "int32" },
    ];
  },
  lower: ([x], { size, isConsecutive }, outputs): RoutineKernel => ({
    kind: "routine",
    name: "unique",
    inputs: [x!],
    outputs,
    attributes: [Number(isConsecutive)],
    run([source], [values, inverse, counts, count]) {
      const [n, width] = x!.shape as [number, number];
      const order = isConsecutive ? undefined : orderOf(source!, x!.dtype, n, width);
      const tally = new Float64Array(size);
      let group = -1;
      let previous = -1;
      for (let i = 0; i < n; i++) {
        const row = order?.[i] ?? i;
        // NaN equals nothing, as in PyTorch.
        let isSame = previous >= 0;
        for (let k = 0; k < width && isSame; k++) {
          isSame = source![row * width + k] === source![previous * width + k];
        }
        if (!isSame) {
          group++;
          if (group < size) {
            for (let k = 0; k < width; k++) {
              values![group * width + k] = source![row * width + k] as never;
            }
          }
        }
        if (group < size) tally[group]!++;
        inverse![row] = group;
        previous = row;
      }
      count![0] = group + 1;
      values!.fill((isBig(x!.dtype) ? 0n : 0) as never, Math.min(group + 1, size) * width);
      tally.forEach((times, i) => (counts![i] = BigInt(times) as never));
    },
  }),
});

export interface Unique {
  /** The distinct elements or slices. */
  readonly values: Tensor;
  /** For each element (or slice), which of the values it is; int32. */
  readonly inverse: Tensor;
  /** How often each value occurs; int64. */
  readonly counts: Tensor;
}

export interface UniqueOptions extends SizeOptions {
  /** Compares slices along an axis instead of elements. */
  readonly axis?: number;
}

/** Calls once, and only when asked: without a size, a tracer must be refused first. */
function lazily<T>(make: () => T): () => T {
  let value: T | undefined;
  return () => (value ??= make());
}

function uniqueOf(x: Tensor, { axis, size }: UniqueOptions, isConsecutive: boolean): Unique {
  const at = axis === undefined ? undefined : normalizeAxis("unique", axis, x.ndim);
  const isFlat = at === undefined || x.ndim === 0;
  const rest = isFlat ? [] : x.shape.toSpliced(at, 1);
  const order = isFlat ? [] : [at, ...[...x.shape.keys()].filter((i) => i !== at)];
  const n = isFlat ? x.size : x.shape[at]!;
  const rows = reshape(isFlat ? x : permute(x, order), [n, sizeOf(rest)]);
  // There are at most n values: what is beyond the count is cut off.
  const attributes = { size: size ?? n, isConsecutive };
  const results = lazily(() => apply(uniqueOperation, [rows], attributes));
  const count = resultCount(uniqueOperation, x, size, () => results()[3]!);
  const [distinct, inverse, counts] = results() as [Tensor, Tensor, Tensor];
  const cut = slice(distinct, 0, { end: count });
  const slices = reshape(cut, [count, ...rest]);
  const back = order.map((_, i) => order.indexOf(i));
  return {
    values: isFlat ? reshape(cut, [count]) : permute(slices, back),
    inverse: isFlat ? reshape(inverse, x.shape) : inverse,
    counts: slice(counts, 0, { end: count }),
  };
}

const samples: readonly Sample[] = [
  (make) => [make([2, 4], 0, 3)],
  (make) => [make([5, 2], 0, 2), { axis: 0 }],
  (make) => [make([2, 4], 0, 2), { axis: -1 }],
  (make) => [make([6], 0, 3), { size: 4 }],
  (make) => [make([])],
  (make) => [make([0])],
];
const tested = { samples, isDifferentiable: false, skips: countSkips };

/**
 * The distinct elements in ascending order, which of them each element is, and how often each occurs:
 * `{ values, inverse, counts }`. NaNs are distinct. With `size`, values and counts are filled up with 0.
 */
export const unique = /* @__PURE__ */ composite(
  "unique",
  (x: Tensor, options: UniqueOptions = {}): Unique => uniqueOf(x, options, false),
  tested,
);

/** As `unique`, but only neighbours that are equal become one, in the order in which they stand. */
export const uniqueConsecutive = /* @__PURE__ */ composite(
  "uniqueConsecutive",
  (x: Tensor, options: UniqueOptions = {}): Unique => uniqueOf(x, options, true),
  tested,
);
