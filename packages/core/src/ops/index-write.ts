// Parts of a tensor replaced: by index, along an axis, by flat positions, by mask. The results are new
// tensors; variables are written in place by `setAt`. Reading is at.ts and indexing.ts.
import { DTypeError, ShapeError, showShape } from "../errors.ts";
import { broadcastShapes, normalizeAxis, sameShape } from "../shape.ts";
import { type Tensor, isTensor } from "../tensor.ts";
import { sub, where } from "./arithmetic.ts";
import { at } from "./at.ts";
import { cast } from "./cast.ts";
import { cumsum } from "./cumulative.ts";
import { full, ones } from "./creation.ts";
import { composite } from "./define.ts";
import { type IndexItem, planIndex } from "./index-plan.ts";
import { clamp } from "./masking.ts";
import { slicing } from "./selection.ts";
import { updated } from "./update.ts";
import { type SliceOptions, expand, reshape, sliceRange } from "./view.ts";

const like = (x: Tensor, value: Tensor | number): Tensor =>
  isTensor(value) ? cast(value, x.dtype) : full([], value, { dtype: x.dtype, device: x.device });

export interface SetOptions {
  /** Adds instead of replacing; repeated positions add up. */
  readonly accumulate?: boolean;
}

/**
 * A copy in which the part that `index` names, as in `at(…)`, is `value` (broadcast): PyTorch's
 * `x[i] = v`, with a new tensor as result. Where positions repeat, the last value stays.
 */
export const set = /* @__PURE__ */ composite(
  "set",
  (
    x: Tensor,
    index: readonly IndexItem[],
    value: Tensor | number,
    { accumulate = false }: SetOptions = {},
  ): Tensor => updated(x, planIndex(x.shape, index), like(x, value), accumulate ? "add" : "set"),
  {
    samples: [
      (make) => [make([3, 4]), [1], make([4])],
      (make) => [make([3, 4]), [":", "1:4:2"], make([3, 1])],
      (make) => [make([3, 4]), [[2, 0]], make([2, 4])],
      (make) => [
        make([3, 4]),
        [
          [2, 0],
          [1, -1],
        ],
        1,
      ],
      (make) => [make([3, 4]), [make.integers([3], -3, 3)], make([4]), { accumulate: true }],
      (make) => [make([3]), ["2:1"], make([])],
    ],
  },
);

/** `x` with the slice at one position of `axis` replaced by `source`. */
export const selectScatter = /* @__PURE__ */ composite(
  "selectScatter",
  (x: Tensor, source: Tensor, axis: number, index: number): Tensor => {
    const at = normalizeAxis("selectScatter", axis, x.ndim);
    return set(
      x,
      [...new Array<string>(at).fill(":"), index],
      exactly(source, x.shape.toSpliced(at, 1)),
    );
  },
  {
    samples: [
      (make) => [make([2, 3]), make([2]), 1, 0],
      (make) => [make([2, 3]), make([3]), 0, -1],
    ],
  },
);

/** `x` with a slice of one axis replaced by `source`. */
export const sliceScatter = /* @__PURE__ */ composite(
  "sliceScatter",
  (
    x: Tensor,
    source: Tensor,
    axis: number,
    { start, end, step = 1 }: SliceOptions = {},
  ): Tensor => {
    const at = normalizeAxis("sliceScatter", axis, x.ndim);
    const { length } = sliceRange("sliceScatter", x.shape[at]!, start, end, step);
    const part = `${start ?? ""}:${end ?? ""}:${step}`;
    const index = [...new Array<string>(at).fill(":"), part];
    return set(x, index, exactly(source, x.shape.with(at, length)));
  },
  {
    samples: [
      (make) => [make([4, 2]), make([2, 2]), 0, { start: 1, end: 3 }],
      (make) => [make([2, 5]), make([2, 3]), -1, { step: 2 }],
    ],
  },
);

/** Throws unless `x` has a shape: here nothing broadcasts. */
function exactly(x: Tensor, shape: readonly number[]): Tensor {
  if (sameShape(x.shape, shape)) return x;
  throw new ShapeError(
    `expected a source of shape ${showShape(shape)}, the part to be replaced, got ${showShape(x.shape)}.`,
  );
}

function requireList(name: string, index: Tensor): void {
  if ((index.dtype === "int32" || index.dtype === "int64") && index.ndim <= 1) return;
  throw new DTypeError(
    `${name}: expected a 1-d index of int32 or int64, got ${index.dtype} ${showShape(index.shape)}.`,
  );
}

/** Where slices along an axis are written, and the slices there. */
function placed(name: string, x: Tensor, axis: number, index: Tensor) {
  const at = normalizeAxis(name, axis, x.ndim);
  requireList(name, index);
  const shape = x.ndim === 0 ? [1] : x.shape;
  const positions = index.ndim === 0 ? reshape(index, [1]) : index;
  const slices = shape.with(at, positions.size);
  const put = (values: Tensor) =>
    reshape(slicing.place(values, positions, { axis: at, shape, combine: "set" }), x.shape);
  const isWritten = () => put(expand(ones([], { dtype: "bool", device: x.device }), slices));
  return { slices, put, isWritten };
}

/** `x` with its slices at the positions of a 1-d index along `axis` replaced by those of `source`. */
export const indexCopy = /* @__PURE__ */ composite(
  "indexCopy",
  (x: Tensor, axis: number, index: Tensor, source: Tensor): Tensor => {
    const { slices, put, isWritten } = placed("indexCopy", x, axis, index);
    const values = source.ndim === 0 ? reshape(source, [1]) : source;
    if (values.ndim !== slices.length || slices.some((n, i) => n !== values.shape[i])) {
      throw new ShapeError(
        `indexCopy: expected a source of shape ${showShape(slices)}, one slice per index, got ` +
          `${showShape(source.shape)}.`,
      );
    }
    return where(isWritten(), put(like(x, values)), x);
  },
  {
    samples: [
      (make) => [make([3, 4]), 0, make.integers([1], 0, 3), make([1, 4])],
      (make) => [make([3, 4]), -1, make.integers([1], 0, 4), make([3, 1])],
      (make) => [make([3]), 0, make.integers([0], 0, 3), make([0])],
    ],
  },
);

/** `x` with its slices at the positions of a 1-d index along `axis` filled with one value. */
export const indexFill = /* @__PURE__ */ composite(
  "indexFill",
  (x: Tensor, axis: number, index: Tensor, value: Tensor | number): Tensor => {
    if (isTensor(value) && value.ndim > 0) {
      throw new ShapeError(
        `indexFill: expected one value, got shape ${showShape(value.shape)}. indexCopy takes slices.`,
      );
    }
    return where(placed("indexFill", x, axis, index).isWritten(), like(x, value), x);
  },
  {
    samples: [
      (make) => [make([3, 4]), 0, make.integers([2], 0, 3), 1],
      (make) => [make([3, 4]), 1, make.integers([2], 0, 4), make([])],
    ],
  },
);

/** The elements at positions of the flattened tensor, in the shape of the index; negative from the end. */
export const take = /* @__PURE__ */ composite(
  "take",
  (x: Tensor, index: Tensor): Tensor => at(reshape(x, [-1]), index),
  { samples: [(make) => [make([3, 4]), make.integers([2, 3], -12, 12)]] },
);

/** `x` with the elements of `source` put at positions of the flattened tensor; negative from the end. */
export const put = /* @__PURE__ */ composite(
  "put",
  (x: Tensor, index: Tensor, source: Tensor, options: SetOptions = {}): Tensor => {
    if (index.size !== source.size) {
      throw new ShapeError(
        `put: expected as many values as positions, ${index.size}, got ${source.size}.`,
      );
    }
    const [flat, positions, values] = [x, index, source].map((t) => reshape(t, [-1]));
    return reshape(set(flat!, [positions!], values!, options), x.shape);
  },
  {
    samples: [
      (make) => [make([3, 4]), make.integers([1], -12, 12), make([1])],
      (make) => [make([3, 4]), make.integers([2, 3], 0, 12), make([3, 2]), { accumulate: true }],
    ],
  },
);

/** `x` with the elements where the bool `mask` is true replaced by those of `source`, in order. */
export const maskedScatter = /* @__PURE__ */ composite(
  "maskedScatter",
  (x: Tensor, mask: Tensor, source: Tensor): Tensor => {
    if (mask.dtype !== "bool") {
      throw new DTypeError(
        `maskedScatter: expected a bool mask, got ${mask.dtype}. Compare it, for instance mask.ne(0).`,
      );
    }
    const shape = broadcastShapes("maskedScatter", x.shape, mask.shape);
    const flags = reshape(expand(mask, shape), [-1]);
    if (flags.size === 0) return expand(x, shape);
    if (source.size === 0) {
      throw new ShapeError(
        "maskedScatter: expected one source element per true of the mask, got none.",
      );
    }
    const order = clamp(sub(cumsum(flags, 0), 1), { min: 0 });
    const values = slicing.pick(reshape(like(x, source), [-1]), order, 0);
    return where(expand(mask, shape), reshape(values, shape), x);
  },
  {
    samples: [
      (make) => [make([2, 3]), make.booleans([2, 3]), make([6])],
      (make) => [make([2, 3]), make.booleans([3]), make([2, 4])],
      (make) => [make([0]), make.booleans([0]), make([2])],
    ],
  },
);
