// Sorting along an axis. What picks single order statistics is order-statistics.ts; the loops are in
// ordering.ts.
import { apply } from "../apply.ts";
import { FlambeauError, showShape } from "../errors.ts";
import type { BatchOperand, Operation } from "../operation.ts";
import type { Tensor } from "../tensor.ts";
import { composite, primitive } from "./define.ts";
import { rowOrder } from "./ordering.ts";
import { type ValuesAndIndices, fromRows, rowAxis, rowRoutine, rowsOf } from "./rows.ts";
import { gathering } from "./selection.ts";

interface SortAttributes {
  readonly [name: string]: boolean | number;
  readonly isDescending: boolean;
  /** How many of each row are wanted, from the first. */
  readonly count: number;
}

/** The first `count` elements of each sorted row, and where they stood. */
const sortOperation: Operation<SortAttributes> = /* @__PURE__ */ primitive({
  name: "sort",
  infer: ([x], { count }) => {
    const shape = [...x!.shape.slice(0, -1), count];
    return [
      { shape, dtype: x!.dtype },
      { shape, dtype: "int32" },
    ];
  },
  lower: ([x], { isDescending, count }, outputs) =>
    rowRoutine("sort", [x!], outputs, [Number(isDescending)], (n) => {
      const orderOf = rowOrder(x!.dtype, n, isDescending, count);
      return ([source], [values, indices], row) => {
        const order = orderOf(source!, row * n);
        for (let i = 0; i < count; i++) {
          values![row * count + i] = source![row * n + order[i]!] as never;
          indices![row * count + i] = order[i]!;
        }
      };
    }),
  saves: () => ({ outputs: [1] }),
  gradient: ({ grads, inputs, output }) => {
    const { shape } = inputs[0]!;
    const attributes = { axis: shape.length - 1, shape, combine: "add" as const };
    return [grads[0] && gathering.place(grads[0], output(1), attributes)];
  },
  batch(this: Operation<SortAttributes>, [x]: readonly BatchOperand[], attributes) {
    return apply(this, [x!.value], attributes);
  },
});

function sorted(x: Tensor, axis: number, isDescending: boolean, count: number): ValuesAndIndices {
  const results = apply(sortOperation, [rowsOf(x, axis)], { isDescending, count });
  const [values, indices] = results.map((rows) => fromRows(rows, axis, x.ndim));
  return { values: values!, indices: indices! };
}

export interface SortOptions {
  /** From the largest to the smallest. */
  readonly descending?: boolean;
}

const tied = "where elements are equal the gradient goes to the one that was picked; differences see all"; // prettier-ignore
export const orderSkips = { tied } as const;

/**
 * The elements in order along `axis`, and where they stood: `{ values, indices }`. Equal elements keep
 * their order; NaN is greatest.
 */
export const sort = /* @__PURE__ */ composite(
  "sort",
  (x: Tensor, axis = -1, { descending = false }: SortOptions = {}): ValuesAndIndices => {
    const at = rowAxis("sort", x, axis);
    return sorted(x, at, descending, x.shape[at] ?? 1);
  },
  {
    samples: [
      (make) => [make.distinct([5])],
      (make) => [make.distinct([3, 4]), 0],
      (make) => [make.distinct([2, 3, 4]), 1, { descending: true }],
      (make) => [make.distinct([])],
      (make) => [make([0, 3]), 0],
      (make) => [make([3, 0])],
    ],
    skips: orderSkips,
  },
);

/** The positions that sort `x` along `axis`; int32. Equal elements keep their order. */
export const argsort = /* @__PURE__ */ composite(
  "argsort",
  (x: Tensor, axis = -1, options: SortOptions = {}): Tensor => sort(x, axis, options).indices,
  {
    samples: [
      (make) => [make.distinct([5])],
      (make) => [make.distinct([3, 4]), 0, { descending: true }],
      (make) => [make.distinct([])],
    ],
    isDifferentiable: false,
  },
);

export interface TopkOptions {
  /** The largest (default) or the smallest elements. */
  readonly largest?: boolean;
}

/**
 * The `k` largest elements along `axis`, in order, and where they stood: `{ values, indices }`. Of
 * equal elements the first come first; NaN is greatest.
 */
export const topk = /* @__PURE__ */ composite(
  "topk",
  (x: Tensor, k: number, axis = -1, { largest = true }: TopkOptions = {}): ValuesAndIndices => {
    const at = rowAxis("topk", x, axis);
    const n = x.shape[at] ?? 1;
    if (!Number.isInteger(k) || k < 0 || k > n) {
      throw new FlambeauError(
        `topk: expected k from 0 to ${n}, the length of axis ${at} of shape ${showShape(x.shape)}, ` +
          `got ${k}.`,
      );
    }
    return sorted(x, at, largest, k);
  },
  {
    samples: [
      (make) => [make.distinct([5]), 2],
      (make) => [make.distinct([3, 4]), 3, 0, { largest: false }],
      (make) => [make.distinct([2, 30]), 2],
      (make) => [make.distinct([]), 1],
      (make) => [make.distinct([4]), 0],
    ],
    skips: orderSkips,
  },
);
