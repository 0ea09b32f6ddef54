// Ops that address the same elements differently: reshape, permute, expand, slice. On a device they
// share the buffer; where they cannot (a reshape of a permuted tensor), they copy.
import { apply } from "../apply.ts";
import type { Load } from "../compiler/kernel.ts";
import { broadcastLoad, copyKernel } from "../compiler/lower.ts";
import { IndexError, ShapeError, showShape } from "../errors.ts";
import type { OperandDescription, Operation } from "../operation.ts";
import {
  type Layout,
  type Shape,
  broadcastStrides,
  contiguousStrides,
  layoutOf,
  normalizeAxes,
  normalizeAxis,
  sameShape,
  sizeOf,
} from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { expose, primitive, composite } from "./define.ts";
import { dilatedPad } from "./pad.ts";
import { sumTo } from "./reduction.ts";

const viewTraits = { isView: true } as const;

/** Strides for another shape of the same elements, or `undefined` where no strides do. */
function reshapedStrides({ shape, strides, size }: Layout, target: Shape): number[] | undefined {
  if (size === 0) return contiguousStrides(target);
  const result = new Array<number>(target.length);
  let from = shape.length - 1;
  let to = target.length - 1;
  while (to >= 0 || from >= 0) {
    while (from >= 0 && shape[from] === 1) from--;
    while (to >= 0 && target[to] === 1) result[to--] = 1;
    if (to < 0 || from < 0) break;
    // Groups of axes with equal size, whose source axes lie one inside the other.
    let have = shape[from]!;
    let want = target[to]!;
    const firstFrom = from--;
    const firstTo = to--;
    while (have !== want) {
      if (have < want) {
        if (strides[from] !== strides[from + 1]! * shape[from + 1]!) {
          if (shape[from] !== 1) return undefined;
          // A length-1 axis may have any stride; skip it.
        }
        have *= shape[from--]!;
      } else want *= target[to--]!;
    }
    let step = strides[firstFrom]!;
    for (let axis = firstTo; axis > to; axis--) {
      result[axis] = step;
      step *= target[axis]!;
    }
  }
  return result;
}

const withoutOnes = ({ shape, strides }: Layout): Layout => {
  const kept = shape.map((_, axis) => axis).filter((axis) => shape[axis] !== 1);
  return layoutOf(
    kept.map((axis) => shape[axis]!),
    kept.map((axis) => strides[axis]!),
  );
};

const reshapeOperation: Operation<{ shape: readonly number[] }> = /* @__PURE__ */ primitive({
  name: "reshape",
  traits: viewTraits,
  infer: ([x], { shape }) => [{ shape, dtype: x!.dtype }],
  view(layout, offset, { shape }) {
    const strides = reshapedStrides(withoutOnes(layout), shape);
    return strides && { layout: layoutOf(shape, strides), offset };
  },
  // Row-major over the old shape is row-major over the new one.
  lower: ([x]) => copyKernel(x!.shape, broadcastLoad(0, x!, x!.shape)),
  gradient: ({ grads, inputs }) => [reshape(grads[0]!, inputs[0]!.shape)],
  batch: ([x], { shape }, size) => [reshape(x!.value as Tensor, [size, ...shape])],
});

/** Fills in the one -1 of a shape. */
function resolveShape(from: Shape, shape: Shape): number[] {
  const result = [...shape];
  const hole = result.indexOf(-1);
  const size = sizeOf(from);
  if (hole >= 0) {
    result[hole] = 1;
    const rest = sizeOf(result);
    result[hole] = rest === 0 ? -1 : size / rest;
  }
  if (result.some((n) => !Number.isInteger(n) || n < 0) || sizeOf(result) !== size) {
    throw new ShapeError(
      `reshape: ${showShape(from)} has ${size} elements and does not fit ${showShape(shape)}. ` +
        `Lengths must multiply to ${size}; one of them may be -1.`,
    );
  }
  return result;
}

/** Whether a reshape needs no copy. @internal */
export const sharesBuffer = (x: Tensor, shape: Shape): boolean =>
  reshapedStrides(withoutOnes(x.layout), resolveShape(x.shape, shape)) !== undefined;

/** The same elements, row-major, in another shape; one length may be -1. */
export const reshape = /* @__PURE__ */ expose(
  reshapeOperation,
  (x: Tensor, shape: Shape): Tensor => {
    const target = resolveShape(x.shape, shape);
    if (sameShape(target, x.shape)) return x;
    return apply(reshapeOperation, [x], { shape: target })[0]!;
  },
  {
    samples: [
      (make) => [make([2, 6]), [3, 4]],
      (make) => [make([2, 6]), [-1]],
      (make) => [make([1]), []],
      (make) => [make([0, 2]), [2, 0]],
    ],
  },
);

const permuteOperation: Operation<{ axes: readonly number[] }> = /* @__PURE__ */ primitive({
  name: "permute",
  traits: viewTraits,
  infer: ([x], { axes }) => [{ shape: axes.map((axis) => x!.shape[axis]!), dtype: x!.dtype }],
  view: ({ shape, strides }, offset, { axes }) => ({
    layout: layoutOf(
      axes.map((axis) => shape[axis]!),
      axes.map((axis) => strides[axis]!),
    ),
    offset,
  }),
  lower: ([x], { axes }, [output]) => {
    const strides = axes.map((axis) => x!.layout.strides[axis]!);
    return copyKernel(output!.shape, { operand: 0, dtype: x!.dtype, offset: 0, strides });
  },
  gradient: ({ grads, attributes: { axes } }) => {
    const inverse = axes.map((_, axis) => axes.indexOf(axis));
    return [permute(grads[0]!, inverse)];
  },
  batch: ([x], { axes }) => [permute(x!.value as Tensor, [0, ...axes.map((axis) => axis + 1)])],
});

/** Axes in another order: axis `i` of the result is axis `axes[i]` of `x`. */
export const permute = /* @__PURE__ */ expose(
  permuteOperation,
  (x: Tensor, axes: readonly number[]): Tensor => {
    const order = axes.map((axis) => normalizeAxis("permute", axis, x.ndim));
    if (order.length !== x.ndim || new Set(order).size !== x.ndim) {
      throw new ShapeError(
        `permute: expected each of the ${x.ndim} axes of shape ${showShape(x.shape)} once, ` +
          `got ${showShape(axes)}.`,
      );
    }
    if (order.every((axis, i) => axis === i)) return x;
    return apply(permuteOperation, [x], { axes: order })[0]!;
  },
  { samples: [(make) => [make([2, 3, 4]), [2, 0, 1]], (make) => [make([2, 3]), [-1, 0]]] },
);

const expandOperation: Operation<{ shape: readonly number[] }> = /* @__PURE__ */ primitive({
  name: "expand",
  traits: viewTraits,
  infer: ([x], { shape }) => [{ shape, dtype: x!.dtype }],
  view: (layout, offset, { shape }) => ({
    layout: layoutOf(shape, broadcastStrides(layout.shape, layout.strides, shape)),
    offset,
  }),
  lower: ([x], { shape }) => copyKernel(shape, broadcastLoad(0, x!, shape)),
  gradient: ({ grads, inputs }) => [sumTo(grads[0]!, inputs[0]!.shape)],
  batch: ([x], { shape }, size) => {
    const value = x!.value as Tensor;
    const fill = new Array<number>(shape.length + 1 - value.ndim).fill(1);
    return [expand(reshape(value, [size, ...fill, ...value.shape.slice(1)]), [size, ...shape])];
  },
});

/** Repeats axes of length 1 without copying; -1 keeps a length; new axes come first. */
export const expand = /* @__PURE__ */ expose(
  expandOperation,
  (x: Tensor, shape: Shape): Tensor => {
    const shift = shape.length - x.ndim;
    const target = shape.map((n, axis) => (n === -1 && axis >= shift ? x.shape[axis - shift]! : n));
    const fits = x.shape.every((n, axis) => n === 1 || n === target[axis + shift]);
    if (shift < 0 || !fits || target.some((n) => n < 0)) {
      throw new ShapeError(
        `expand: ${showShape(x.shape)} does not expand to ${showShape(shape)}. Only axes of ` +
          `length 1 repeat, aligned at the last axis; new axes come first.`,
      );
    }
    if (sameShape(target, x.shape)) return x;
    return apply(expandOperation, [x], { shape: target })[0]!;
  },
  {
    samples: [
      (make) => [make([2, 1]), [2, 3]],
      (make) => [make([3]), [2, -1]],
      (make) => [make([]), [2]],
    ],
  },
);

/** `expand` to a shape that broadcasting gives. */
export const broadcastTo = (x: Tensor, shape: Shape): Tensor => expand(x, shape);

interface SliceAttributes {
  readonly [name: string]: readonly number[];
  readonly starts: readonly number[];
  readonly lengths: readonly number[];
  readonly steps: readonly number[];
}

const sliceOperation: Operation<SliceAttributes> = /* @__PURE__ */ primitive({
  name: "slice",
  traits: viewTraits,
  infer: ([x], { lengths }) => [{ shape: lengths, dtype: x!.dtype }],
  view({ strides }, offset, { starts, lengths, steps }) {
    const start = strides.reduce((sum, stride, axis) => sum + stride * starts[axis]!, offset);
    const stepped = strides.map((stride, axis) => stride * steps[axis]!);
    const isEmpty = sizeOf(lengths) === 0;
    return { layout: layoutOf(lengths, stepped), offset: isEmpty ? 0 : start };
  },
  lower: ([x], { starts, lengths, steps }) => copyKernel(lengths, slicedLoad(x!, starts, steps)),
  gradient: ({ grads, inputs, attributes: { starts, lengths, steps } }) => {
    const { shape } = inputs[0]!;
    const reversed = steps.map((step) => step < 0);
    const grad = reversed.includes(true)
      ? flip(
          grads[0]!,
          reversed.flatMap((isReversed, axis) => (isReversed ? [axis] : [])),
        )
      : grads[0]!;
    const first = starts.map((start, axis) =>
      reversed[axis] ? start + steps[axis]! * (lengths[axis]! - 1) : start,
    );
    const gaps = steps.map((step) => Math.abs(step) - 1);
    const covered = lengths.map((n, axis) => (n === 0 ? 0 : (n - 1) * (gaps[axis]! + 1) + 1));
    const before = first.map((start, axis) => (lengths[axis] === 0 ? shape[axis]! : start));
    const after = shape.map((n, axis) => n - before[axis]! - covered[axis]!);
    return [dilatedPad(grad, before, after, gaps)];
  },
  batch: ([x], { starts, lengths, steps }, size) => [
    sliceView(x!.value as Tensor, [0, ...starts], [size, ...lengths], [1, ...steps]),
  ],
});

function slicedLoad(
  x: OperandDescription,
  starts: readonly number[],
  steps: readonly number[],
): Load {
  const { strides } = x.layout;
  return {
    operand: 0,
    dtype: x.dtype,
    offset: strides.reduce((sum, stride, axis) => sum + stride * starts[axis]!, 0),
    strides: strides.map((stride, axis) => stride * steps[axis]!),
  };
}

/** Every `steps[i]`-th element from `starts[i]`, `lengths[i]` of them: checked, no negatives. */
export function sliceView(
  x: Tensor,
  starts: readonly number[],
  lengths: readonly number[],
  steps: readonly number[],
): Tensor {
  if (sameShape(lengths, x.shape) && steps.every((step) => step === 1)) return x;
  return apply(sliceOperation, [x], { starts, lengths, steps })[0]!;
}

export interface SliceOptions {
  readonly start?: number;
  readonly end?: number;
  readonly step?: number;
}

/** Python's slice along one axis: negatives count from the end, out-of-range ends are cut. */
export const slice = /* @__PURE__ */ expose(
  sliceOperation,
  (x: Tensor, axis: number, { start, end, step = 1 }: SliceOptions = {}): Tensor => {
    const at = normalizeAxis("slice", axis, x.ndim);
    const range = sliceRange("slice", x.shape[at] ?? 1, start, end, step);
    const keep = (value: number, other: number) => (i: number) => (i === at ? value : other);
    const lengths = x.shape.map((n, i) => (i === at ? range.length : n));
    const starts = x.shape.map((_, i) => keep(range.start, 0)(i));
    return sliceView(
      x,
      starts,
      lengths,
      x.shape.map((_, i) => keep(step, 1)(i)),
    );
  },
  {
    samples: [
      (make) => [make([5, 2]), 0, { start: 1, end: 4 }],
      (make) => [make([5]), 0, { start: 4, step: -2 }],
      (make) => [make([2, 7]), 1, { start: -6, end: -1, step: 3 }],
      (make) => [make([4]), 0, { start: 3, end: 1 }],
    ],
  },
);

/** First position and length of Python's `start:end:step` on an axis of length `n`. */
export function sliceRange(
  operation: string,
  n: number,
  start: number | undefined,
  end: number | undefined,
  step: number,
): { start: number; length: number } {
  if (!Number.isInteger(step) || step === 0) {
    throw new IndexError(`${operation}: step must be a non-zero integer, got ${step}.`);
  }
  const low = step > 0 ? 0 : -1;
  const high = step > 0 ? n : n - 1;
  const place = (value: number | undefined, fallback: number): number => {
    if (value === undefined) return fallback;
    return Math.min(Math.max(value < 0 ? value + n : value, low), high);
  };
  const from = place(start, step > 0 ? 0 : n - 1);
  const to = place(end, step > 0 ? n : -1);
  const length = Math.max(0, Math.ceil((to - from) / step));
  return { start: length === 0 ? 0 : from, length };
}

/** Reverses the given axes; all of them by default. */
export const flip = /* @__PURE__ */ composite(
  "flip",
  (x: Tensor, axes?: number | readonly number[]): Tensor => {
    const flipped = new Set(normalizeAxes("flip", axes, x.ndim));
    return sliceView(
      x,
      x.shape.map((n, i) => (flipped.has(i) ? Math.max(n - 1, 0) : 0)),
      x.shape,
      x.shape.map((_, i) => (flipped.has(i) ? -1 : 1)),
    );
  },
  { samples: [(make) => [make([2, 3])], (make) => [make([2, 3]), [1]], (make) => [make([0, 2])]] },
);

/** Swaps two axes. */
export const transpose = /* @__PURE__ */ composite(
  "transpose",
  (x: Tensor, axis0: number, axis1: number): Tensor => {
    const a = normalizeAxis("transpose", axis0, x.ndim);
    const b = normalizeAxis("transpose", axis1, x.ndim);
    if (a === b) return x;
    const axes = x.shape.map((_, i) => (i === a ? b : i === b ? a : i));
    return apply(permuteOperation, [x], { axes })[0]!;
  },
  { samples: [(make) => [make([2, 3, 4]), 0, 2], (make) => [make([2, 3]), -1, -2]] },
);

/** A matrix with rows and columns exchanged; vectors and 0-d tensors as they are. */
export const t = /* @__PURE__ */ composite(
  "t",
  (x: Tensor): Tensor => {
    if (x.ndim > 2) {
      throw new ShapeError(
        `t: expected at most 2 dimensions, got shape ${showShape(x.shape)}. Use transpose or permute.`,
      );
    }
    return x.ndim < 2 ? x : permute(x, [1, 0]);
  },
  { samples: [(make) => [make([2, 3])], (make) => [make([3])]] },
);

/** Removes axes of length 1: the given ones (others stay), or all. */
export const squeeze = /* @__PURE__ */ composite(
  "squeeze",
  (x: Tensor, axes?: number | readonly number[]): Tensor => {
    const list = typeof axes === "number" ? [axes] : axes;
    const chosen = list && new Set(list.map((axis) => normalizeAxis("squeeze", axis, x.ndim)));
    return reshape(
      x,
      x.shape.filter((n, axis) => n !== 1 || (chosen !== undefined && !chosen.has(axis))),
    );
  },
  { samples: [(make) => [make([1, 3, 1])], (make) => [make([1, 3, 1]), 0]] },
);

/** Adds an axis of length 1 before `axis`; -1 adds it last. */
export const unsqueeze = /* @__PURE__ */ composite(
  "unsqueeze",
  (x: Tensor, axis: number): Tensor => {
    const at = normalizeAxis("unsqueeze", axis, x.ndim + 1);
    return reshape(x, [...x.shape.slice(0, at), 1, ...x.shape.slice(at)]);
  },
  { samples: [(make) => [make([2, 3]), 1], (make) => [make([2]), -1]] },
);

/** Joins the axes from `start` to `end`, both included, into one. */
export const flatten = /* @__PURE__ */ composite(
  "flatten",
  (x: Tensor, start = 0, end = -1): Tensor => {
    const from = normalizeAxis("flatten", start, x.ndim);
    const to = normalizeAxis("flatten", end, x.ndim);
    if (from > to) {
      throw new IndexError(`flatten: start axis ${start} lies after end axis ${end}.`);
    }
    const joined = sizeOf(x.shape.slice(from, to + 1));
    return reshape(x, [...x.shape.slice(0, from), joined, ...x.shape.slice(to + 1)]);
  },
  { samples: [(make) => [make([2, 3, 4]), 1], (make) => [make([])]] },
);
