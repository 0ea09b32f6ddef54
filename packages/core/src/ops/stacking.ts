// Joining and splitting by NumPy's names for rows, columns and depth; and matrices put together.
import { ShapeError, showShape } from "../errors.ts";
import { normalizeAxis } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { composite } from "./define.ts";
import { concat } from "./join.ts";
import { pad } from "./pad.ts";
import { atleast1d, atleast2d, atleast3d, narrow } from "./rearrange.ts";
import { split } from "./split.ts";
import { reshape } from "./view.ts";

const pairOf = (shape: readonly number[]) => ({
  samples: [(make: (shape: readonly number[]) => unknown) => [[make(shape), make(shape)]]],
});

/** Joined side by side: along axis 1, vectors along axis 0. */
export const hstack = /* @__PURE__ */ composite(
  "hstack",
  (tensors: readonly Tensor[]): Tensor => {
    const list = tensors.map((x) => atleast1d(x));
    return concat(list, (list[0]?.ndim ?? 1) === 1 ? 0 : 1);
  },
  pairOf([3, 2]),
);

/** Joined on top of each other: along axis 0, vectors as rows. */
export const vstack = /* @__PURE__ */ composite(
  "vstack",
  (tensors: readonly Tensor[]): Tensor => concat(tensors.map((x) => atleast2d(x)), 0), // prettier-ignore
  pairOf([3]),
);

/** Joined along axis 2, vectors as `[1, n, 1]`, matrices as `[m, n, 1]`. */
export const dstack = /* @__PURE__ */ composite(
  "dstack",
  (tensors: readonly Tensor[]): Tensor => concat(tensors.map((x) => atleast3d(x)), 2), // prettier-ignore
  pairOf([2, 3]),
);

/** Joined side by side, vectors as columns. */
export const columnStack = /* @__PURE__ */ composite(
  "columnStack",
  (tensors: readonly Tensor[]): Tensor =>
    concat(tensors.map((x) => (x.ndim < 2 ? reshape(x, [x.size, 1]) : x)), 1), // prettier-ignore
  pairOf([3]),
);

/** That many parts of nearly equal length along `axis`, or parts that end at the given positions. */
export const tensorSplit = /* @__PURE__ */ composite(
  "tensorSplit",
  (x: Tensor, parts: number | readonly number[], axis = 0): Tensor[] => {
    const at = normalizeAxis("tensorSplit", axis, x.ndim);
    if (x.ndim === 0 || (typeof parts === "number" && !(Number.isInteger(parts) && parts > 0))) {
      throw new ShapeError(
        `tensorSplit: expected a positive number of parts of an axis of shape ` +
          `${showShape(x.shape)}, or positions, got ${typeof parts === "number" ? parts : showShape(parts)}.`,
      );
    }
    const n = x.shape[at]!;
    if (typeof parts === "number") {
      const [least, more] = [Math.floor(n / parts), n % parts];
      const sizes = Array.from({ length: parts }, (_, i) => least + (i < more ? 1 : 0));
      return split(x, sizes, at);
    }
    // As slices do: negative positions count from the end, later ones may lie before earlier ones.
    const place = (position: number) =>
      Math.min(Math.max(position < 0 ? position + n : position, 0), n);
    const ends = [...parts.map(place), n];
    return ends.map((end, i) => {
      const start = i === 0 ? 0 : ends[i - 1]!;
      return narrow(x, at, start, Math.max(end - start, 0));
    });
  },
  {
    samples: [
      (make) => [make([7]), 3],
      (make) => [make([2, 7]), [1, 4], 1],
      (make) => [make([5]), [3, 2, -1]],
    ],
  },
);

const alongAxis = (name: string, least: number, axisOf: (ndim: number) => number) =>
  composite(
    name,
    (x: Tensor, parts: number | readonly number[]): Tensor[] => {
      const axis = axisOf(x.ndim);
      const divides = typeof parts !== "number" || x.shape[axis]! % parts === 0;
      if (x.ndim < least || !divides) {
        throw new ShapeError(
          `${name}: shape ${showShape(x.shape)} does not split into ${String(parts)} equal parts along ` +
            `axis ${axis}. tensorSplit allows unequal ones.`,
        );
      }
      return tensorSplit(x, parts, axis);
    },
    { samples: [(make) => [make([2, 4, 2]), 2], (make) => [make([3, 4, 3]), [1]]] },
  );

/** Parts along axis 1, of vectors along axis 0. */
export const hsplit = /* @__PURE__ */ alongAxis("hsplit", 1, (ndim) => (ndim === 1 ? 0 : 1));
/** Parts along axis 0. */
export const vsplit = /* @__PURE__ */ alongAxis("vsplit", 2, () => 0);
/** Parts along axis 2. */
export const dsplit = /* @__PURE__ */ alongAxis("dsplit", 3, () => 2);

/** Matrices along the diagonal of one, zeros beside them. */
export const blockDiag = /* @__PURE__ */ composite(
  "blockDiag",
  (tensors: readonly Tensor[]): Tensor => {
    const blocks = tensors.map((x) => atleast2d(x));
    const wrong = blocks.find((x) => x.ndim > 2);
    if (wrong !== undefined || blocks.length === 0) {
      throw new ShapeError(
        `blockDiag: expected matrices, got ${wrong === undefined ? "none" : showShape(wrong.shape)}.`,
      );
    }
    const width = blocks.reduce((total, x) => total + x.shape[1]!, 0);
    let left = 0;
    const rows = blocks.map((x) => {
      const own = x.shape[1]!;
      const row = pad(x, [left, width - left - own]);
      left += own;
      return row;
    });
    return concat(rows, 0);
  },
  { samples: [(make) => [[make([2, 2]), make([1, 3]), make([2])]]] },
);
