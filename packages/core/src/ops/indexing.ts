// Picking and placing elements by tensors of positions. Index tensors are int32 or int64, and nothing
// counts from the end. `t.at(…)` is at.ts; conditions are masking.ts.
import { DTypeError, IndexError, ShapeError, showShape } from "../errors.ts";
import { customFunction } from "../autograd/function.ts";
import { type Shape, broadcastShapes, normalizeAxis } from "../shape.ts";
import { type Tensor, isTensor } from "../tensor.ts";
import { add, eq, mul, where } from "./arithmetic.ts";
import { full, ones } from "./creation.ts";
import { composite, expose } from "./define.ts";
import { maskedFill } from "./masking.ts";
import { amax } from "./reduction.ts";
import { classes, gathering, lookup, scattering, slicing } from "./selection.ts";
import { expand, reshape, unsqueeze } from "./view.ts";

function requireIndex(name: string, index: Tensor): void {
  if (index.dtype === "int32" || index.dtype === "int64") return;
  throw new DTypeError(
    `${name}: the index is ${index.dtype}; expected int32 or int64. Cast it with to("int32").`,
  );
}

function requireSameDType(name: string, x: Tensor, source: Tensor): void {
  if (x.dtype === source.dtype) return;
  throw new DTypeError(
    `${name}: the tensor is ${x.dtype}, the source ${source.dtype}. Convert one with to(…).`,
  );
}

/** 0-d operands are treated as having one element. */
const raised = (x: Tensor): Tensor => (x.ndim === 0 ? reshape(x, [1]) : x);

/** Throws unless `index` has the rank of `x` and reaches nowhere beyond it beside the axis. */
function requireWithin(name: string, index: Shape, shape: Shape, axis: number, of: string): void {
  const fits = index.length === shape.length && index.every((n, i) => i === axis || n <= shape[i]!);
  if (fits) return;
  throw new ShapeError(
    `${name}: the index of shape ${showShape(index)} does not fit the ${of} of shape ` +
      `${showShape(shape)}: expected as many axes, none longer${axis < 0 ? "" : ` beside axis ${axis}`}.`,
  );
}

/** `result[i][j] = x[i][index[i][j]]` for axis 1: each element of the index replaces a coordinate. */
export const gather = /* @__PURE__ */ expose(
  gathering.operation,
  (x: Tensor, axis: number, index: Tensor): Tensor => {
    const at = normalizeAxis("gather", axis, x.ndim);
    requireIndex("gather", index);
    const [source, positions] = [raised(x), raised(index)];
    requireWithin("gather", positions.shape, source.shape, at, "input");
    return reshape(gathering.pick(source, positions, at), index.shape);
  },
  {
    samples: [
      (make) => [make([3, 4]), 1, make.integers([3, 2], 0, 4)],
      (make) => [make([3, 4]), -2, make.integers([2, 4], 0, 3)],
      (make) => [make([3, 4]), 1, make.integers([2, 5], 0, 4)],
      (make) => [make([3, 4]), 0, make.integers([0, 4], 0, 3)],
      (make) => [make([]), 0, make.integers([], 0, 1)],
    ],
  },
);

/**
 * As `gather`, with the other axes broadcast against each other. Without an axis, positions in the
 * flattened tensor.
 */
export const takeAlongAxis = /* @__PURE__ */ composite(
  "takeAlongAxis",
  (x: Tensor, index: Tensor, axis?: number): Tensor => {
    requireIndex("takeAlongAxis", index);
    if (axis === undefined) return gather(reshape(x, [-1]), 0, reshape(index, [-1]));
    const at = normalizeAxis("takeAlongAxis", axis, x.ndim);
    if (x.ndim !== index.ndim) {
      throw new ShapeError(
        `takeAlongAxis: expected an index of ${x.ndim} axes like the input ${showShape(x.shape)}, ` +
          `got ${showShape(index.shape)}.`,
      );
    }
    const others = broadcastShapes("takeAlongAxis", x.shape.with(at, 1), index.shape.with(at, 1));
    const to = (t: Tensor) => expand(t, others.with(at, t.shape[at]!));
    return gather(to(x), at, to(index));
  },
  {
    samples: [
      (make) => [make([3, 4]), make.integers([3, 2], 0, 4), 1],
      (make) => [make([1, 4]), make.integers([3, 1], 0, 4), -1],
      (make) => [make([2, 3]), make.integers([4], 0, 6)],
    ],
  },
);

/** Slices of `x` along `axis`, in the order of a 1-d index; positions may repeat. */
export const indexSelect = /* @__PURE__ */ expose(
  slicing.operation,
  (x: Tensor, axis: number, index: Tensor): Tensor => {
    const at = normalizeAxis("indexSelect", axis, x.ndim);
    requireIndex("indexSelect", index);
    requireList("indexSelect", index);
    const result = slicing.pick(raised(x), raised(index), at);
    return x.ndim === 0 ? reshape(result, []) : result;
  },
  {
    samples: [
      (make) => [make([3, 4]), 0, make.integers([5], 0, 3)],
      (make) => [make([2, 4, 3]), 1, make.integers([2], 0, 4)],
      (make) => [make([2, 3]), -1, make.integers([0], 0, 3)],
    ],
  },
);

function requireList(name: string, index: Tensor): void {
  if (index.ndim <= 1) return;
  throw new ShapeError(
    `${name}: expected a 1-d index, got shape ${showShape(index.shape)}. Use gather or at(…).`,
  );
}

/** `x` with `source` added where `gather` along `axis` would read; repeated positions add up. */
export const scatterAdd = /* @__PURE__ */ composite(
  "scatterAdd",
  (x: Tensor, axis: number, index: Tensor, source: Tensor): Tensor => {
    const at = normalizeAxis("scatterAdd", axis, x.ndim);
    requireIndex("scatterAdd", index);
    requireSameDType("scatterAdd", x, source);
    const [target, positions, values] = [raised(x), raised(index), raised(source)];
    requireWithin("scatterAdd", positions.shape, target.shape, at, "input");
    requireWithin("scatterAdd", positions.shape, values.shape, -1, "source");
    const { shape } = target;
    const placed = gathering.place(values, positions, { axis: at, shape, combine: "add" });
    return add(x, reshape(placed, x.shape));
  },
  {
    samples: [
      (make) => [make([3, 4]), 1, make.integers([3, 2], 0, 4), make([3, 2])],
      (make) => [make([3, 4]), 0, make.integers([2, 3], 0, 3), make([3, 4])],
      (make) => [make([3]), 0, make.integers([0], 0, 3), make([0])],
    ],
  },
);

/**
 * `x` with `source` (a tensor or a number) put where `gather` along `axis` would read. Where positions
 * repeat, the last value stays.
 */
export const scatter = /* @__PURE__ */ composite(
  "scatter",
  (x: Tensor, axis: number, index: Tensor, source: Tensor | number): Tensor => {
    const at = normalizeAxis("scatter", axis, x.ndim);
    requireIndex("scatter", index);
    if (isTensor(source)) requireSameDType("scatter", x, source);
    const [target, positions] = [raised(x), raised(index)];
    const { dtype, device } = x;
    const values = isTensor(source)
      ? raised(source)
      : expand(full([], source, { dtype, device }), positions.shape);
    requireWithin("scatter", positions.shape, target.shape, at, "input");
    requireWithin("scatter", positions.shape, values.shape, -1, "source");
    const { shape } = target;
    const put = (what: Tensor) =>
      reshape(scattering.place(what, positions, { axis: at, shape, combine: "set" }), x.shape);
    const isWritten = put(expand(ones([], { dtype: "bool", device }), positions.shape));
    return where(isWritten, put(values), x);
  },
  {
    samples: [
      (make) => [make([3, 4]), 1, make.integers([3, 1], 0, 4), make([3, 2])],
      (make) => [make([3, 4]), 0, make.integers([1, 4], 0, 3), 1],
      (make) => [make([3]), 0, make.integers([0], 0, 3), make([0])],
    ],
  },
);

export interface IndexAddOptions {
  /** Multiplies the source. Default 1. */
  readonly alpha?: number;
}

/** `x` with slices of `source` added at the positions of a 1-d index along `axis`. */
export const indexAdd = /* @__PURE__ */ composite(
  "indexAdd",
  (
    x: Tensor,
    axis: number,
    index: Tensor,
    source: Tensor,
    { alpha = 1 }: IndexAddOptions = {},
  ): Tensor => {
    const at = normalizeAxis("indexAdd", axis, x.ndim);
    requireIndex("indexAdd", index);
    requireList("indexAdd", index);
    requireSameDType("indexAdd", x, source);
    const [target, positions, values] = [raised(x), raised(index), raised(source)];
    const { shape } = target;
    const expected = shape.with(at, positions.shape[0]!);
    if (values.ndim !== shape.length || expected.some((n, i) => n !== values.shape[i])) {
      throw new ShapeError(
        `indexAdd: expected a source of shape ${showShape(expected)}, one slice per index, got ` +
          `${showShape(source.shape)}.`,
      );
    }
    const placed = slicing.place(values, positions, { axis: at, shape, combine: "add" });
    return add(x, reshape(alpha === 1 ? placed : mul(placed, alpha), x.shape));
  },
  {
    samples: [
      (make) => [make([3, 4]), 0, make.integers([5], 0, 3), make([5, 4])],
      (make) => [make([2, 3]), -1, make.integers([2], 0, 3), make([2, 2]), { alpha: 2 }],
    ],
  },
);

/** The padding row gets no gradient. */
const paddedLookup = /* @__PURE__ */ customFunction({
  name: "embedding",
  forward: (weight: Tensor, index: Tensor, padding: number) => ({
    result: lookup.pick(weight, index, 0),
    saved: { index, padding, shape: weight.shape },
  }),
  backward: ({ index, padding, shape }, grad) => {
    const isPadding = unsqueeze(eq(index, padding), -1);
    const rest = maskedFill(grad, isPadding, 0);
    return [lookup.place(rest, index, { axis: 0, shape, combine: "add" }), undefined, undefined];
  },
});

export interface EmbeddingOptions {
  /** A row that gets no gradient; negative counts from the end. */
  readonly paddingIndex?: number;
}

/** Rows of `weight` `[count, size]` for each element of the index: `[…index, size]`. */
export const embedding = /* @__PURE__ */ expose(
  lookup.operation,
  (weight: Tensor, index: Tensor, { paddingIndex }: EmbeddingOptions = {}): Tensor => {
    requireIndex("embedding", index);
    if (weight.ndim !== 2) {
      throw new ShapeError(
        `embedding: expected a weight of shape [count, size], got ${showShape(weight.shape)}.`,
      );
    }
    if (paddingIndex === undefined) return lookup.pick(weight, index, 0);
    const count = weight.shape[0]!;
    const padding = paddingIndex < 0 ? paddingIndex + count : paddingIndex;
    if (!Number.isInteger(padding) || padding < 0 || padding >= count) {
      throw new IndexError(
        `embedding: paddingIndex ${paddingIndex} is out of range for ${count} rows. Expected ` +
          `${-count} … ${count - 1}.`,
      );
    }
    return paddedLookup(weight, index, padding);
  },
  {
    samples: [
      (make) => [make([5, 2]), make.integers([2, 3], 0, 5)],
      (make) => [make([5, 2]), make.integers([4], 0, 4), { paddingIndex: 4 }],
      (make) => [make([5, 2]), make.integers([], 0, 5)],
      (make) => [make([5, 2]), make.integers([0], 0, 5)],
    ],
  },
);

/**
 * int64 ones at the positions of classes along a new last axis, zeros elsewhere. Without a count it is
 * the largest class plus one, which is read at once.
 */
export const oneHot = /* @__PURE__ */ composite(
  "oneHot",
  (index: Tensor, numClasses?: number): Tensor => {
    requireIndex("oneHot", index);
    if (numClasses === undefined && index.size === 0) {
      throw new ShapeError("oneHot: an empty tensor does not say how many classes there are.");
    }
    const count = numClasses ?? amax(index).itemSync() + 1;
    const one = expand(ones([], { dtype: "int64", device: index.device }), [...index.shape, 1]);
    const attributes = {
      axis: index.ndim,
      shape: [...index.shape, count],
      combine: "set" as const,
    };
    return classes.place(one, unsqueeze(index, -1), attributes);
  },
  {
    samples: [
      (make) => [make.integers([3], 0, 4), 4],
      (make) => [make.integers([2, 3], 0, 3), 5],
      (make) => [make.integers([0], 0, 3), 3],
    ],
    isDifferentiable: false,
  },
);
