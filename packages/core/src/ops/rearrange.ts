// The same elements in another order or shape, made of views: axes moved, rolled, turned, repeated.
import { IndexError, ShapeError, showShape } from "../errors.ts";
import { type Shape, broadcastShapes, normalizeAxes, normalizeAxis, sizeOf } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { composite } from "./define.ts";
import { concat } from "./join.ts";
import {
  expand, flip, permute, reshape, sharesBuffer, slice, sliceView, transpose, unsqueeze,
} from "./view.ts"; // prettier-ignore

/**
 * The same elements in another shape, on the same buffer; an error where that needs a copy, which
 * `reshape` makes. One length may be -1.
 */
export const view = /* @__PURE__ */ composite(
  "view",
  (x: Tensor, shape: Shape): Tensor => {
    if (!sharesBuffer(x, shape)) {
      throw new ShapeError(
        `view: the elements of shape ${showShape(x.shape)}, strides ${showShape(x.strides)}, do not lie ` +
          `as ${showShape(shape)} needs. Use reshape, which copies.`,
      );
    }
    return reshape(x, shape);
  },
  {
    samples: [(make) => [make([2, 6]), [3, -1]], (make) => [make([]), [1, 1]]],
    skips: { strided: "an error unless the layout allows it" },
  },
);

/** Swaps two axes: `transpose` by another name. */
export const swapaxes = /* @__PURE__ */ composite(
  "swapaxes",
  (x: Tensor, axis0: number, axis1: number): Tensor => transpose(x, axis0, axis1),
  { samples: [(make) => [make([2, 3, 4]), 0, -1]] },
);

type Axes = number | readonly number[];

const listOf = (axes: Axes): readonly number[] => (typeof axes === "number" ? [axes] : axes);

/** Moves axes to other positions; the others keep their order. */
export const movedim = /* @__PURE__ */ composite(
  "movedim",
  (x: Tensor, source: Axes, destination: Axes): Tensor => {
    const normalized = (axes: Axes) =>
      listOf(axes).map((axis) => normalizeAxis("movedim", axis, x.ndim));
    const [from, to] = [normalized(source), normalized(destination)];
    const isDistinct = (list: readonly number[]) => new Set(list).size === list.length;
    if (from.length !== to.length || !isDistinct(from) || !isDistinct(to)) {
      throw new ShapeError(
        `movedim: expected as many destinations as sources, each once, got ` +
          `${showShape(listOf(source))} and ${showShape(listOf(destination))}.`,
      );
    }
    const rest = [...x.shape.keys()].filter((axis) => !from.includes(axis));
    const order = x.shape.map((_, axis) => {
      const moved = to.indexOf(axis);
      return moved >= 0 ? from[moved]! : rest.shift()!;
    });
    return permute(x, order);
  },
  { samples: [(make) => [make([2, 3, 4]), 0, -1], (make) => [make([2, 3, 4]), [0, 1], [2, 0]]] },
);

/** Moves axes to other positions: `movedim` by NumPy's name. */
export const moveaxis = /* @__PURE__ */ composite(
  "moveaxis",
  (x: Tensor, source: Axes, destination: Axes): Tensor => movedim(x, source, destination),
  { samples: [(make) => [make([2, 3, 4]), 2, 0]] },
);

/** Splits one axis into several of the given lengths; one may be -1. */
export const unflatten = /* @__PURE__ */ composite(
  "unflatten",
  (x: Tensor, axis: number, lengths: Shape): Tensor => {
    const at = normalizeAxis("unflatten", axis, x.ndim);
    const n = x.shape[at] ?? 1;
    const known = lengths.filter((length) => length !== -1);
    const missing = lengths.length - known.length;
    const size = sizeOf(known);
    const fits = missing === 0 ? size === n : missing === 1 && size > 0 && n % size === 0;
    if (!fits || lengths.length === 0) {
      throw new ShapeError(
        `unflatten: axis ${at} of shape ${showShape(x.shape)} has length ${n}, which does not fit ` +
          `${showShape(lengths)}. Lengths must multiply to it; one of them may be -1.`,
      );
    }
    const filled = lengths.map((length) => (length === -1 ? n / size : length));
    return reshape(x, [...x.shape.slice(0, at), ...filled, ...x.shape.slice(at + 1)]);
  },
  { samples: [(make) => [make([2, 6]), 1, [3, 2]], (make) => [make([6, 2]), 0, [-1, 3]]] },
);

/** `length` positions from `start` along `axis`; a view. A negative start counts from the end. */
export const narrow = /* @__PURE__ */ composite(
  "narrow",
  (x: Tensor, axis: number, start: number, length: number): Tensor => {
    const at = normalizeAxis("narrow", axis, x.ndim);
    const n = x.shape[at] ?? 0;
    const first = start < 0 ? start + n : start;
    const isInside = Number.isInteger(first) && first >= 0 && length >= 0 && first + length <= n;
    if (x.ndim === 0 || !isInside || !Number.isInteger(length)) {
      throw new IndexError(
        `narrow: ${length} positions from ${start} do not lie inside axis ${at} of shape ` +
          `${showShape(x.shape)}.`,
      );
    }
    const none = x.shape.map(() => 0);
    return sliceView(x, none.with(at, first), x.shape.with(at, length), none.map(() => 1)); // prettier-ignore
  },
  { samples: [(make) => [make([4, 3]), 0, 1, 2], (make) => [make([2, 5]), -1, -3, 2]] },
);

/** The slice at one position of `axis`, without the axis; a view. Negative from the end. */
export const select = /* @__PURE__ */ composite(
  "select",
  (x: Tensor, axis: number, index: number): Tensor => {
    const at = normalizeAxis("select", axis, x.ndim);
    const n = x.shape[at] ?? 0;
    if (x.ndim === 0 || !Number.isInteger(index) || index < -n || index >= n) {
      throw new IndexError(
        `select: index ${index} is out of range for axis ${at} of shape ${showShape(x.shape)}. ` +
          `Expected an integer from ${-n} to ${n - 1}.`,
      );
    }
    return reshape(narrow(x, at, index, 1), x.shape.toSpliced(at, 1));
  },
  { samples: [(make) => [make([3, 4]), 1, -1], (make) => [make([3, 4]), 0, 2]] },
);

function requireAxes(name: string, x: Tensor, least: number): void {
  if (x.ndim >= least) return;
  throw new ShapeError(
    `${name}: expected at least ${least} axes, got shape ${showShape(x.shape)}.`,
  );
}

/** Left and right exchanged: axis 1 reversed. */
export const fliplr = /* @__PURE__ */ composite(
  "fliplr",
  (x: Tensor): Tensor => {
    requireAxes("fliplr", x, 2);
    return flip(x, 1);
  },
  { samples: [(make) => [make([2, 3])]] },
);

/** Up and down exchanged: axis 0 reversed. */
export const flipud = /* @__PURE__ */ composite(
  "flipud",
  (x: Tensor): Tensor => {
    requireAxes("flipud", x, 1);
    return flip(x, 0);
  },
  { samples: [(make) => [make([2, 3])]] },
);

/** Turns the plane of two axes `times` quarter turns, from the first axis towards the second. */
export const rot90 = /* @__PURE__ */ composite(
  "rot90",
  (x: Tensor, times = 1, axes: readonly number[] = [0, 1]): Tensor => {
    requireAxes("rot90", x, 2);
    if (axes.length !== 2 || normalizeAxes("rot90", axes, x.ndim).length !== 2) {
      throw new ShapeError(`rot90: expected two axes, got ${showShape(axes)}.`);
    }
    const [a, b] = axes as [number, number];
    const turns = ((times % 4) + 4) % 4;
    if (turns === 0) return x;
    if (turns === 2) return flip(x, axes);
    return turns === 1 ? transpose(flip(x, b), a, b) : flip(transpose(x, a, b), b);
  },
  {
    samples: [
      (make) => [make([2, 3])],
      (make) => [make([2, 3, 2]), -1, [1, 2]],
      (make) => [make([2, 3]), 2],
    ],
  },
);

/** Shifts elements along axes, back in at the other end; without axes, of the flattened tensor. */
export const roll = /* @__PURE__ */ composite(
  "roll",
  (x: Tensor, shifts: Axes, axes?: Axes): Tensor => {
    const [steps, along] = [listOf(shifts), axes === undefined ? [0] : listOf(axes)];
    if (steps.length !== along.length) {
      throw new ShapeError(
        `roll: expected one shift per axis, got ${steps.length} shifts for ` +
          `${axes === undefined ? "the flattened tensor" : `${along.length} axes`}.`,
      );
    }
    let result = axes === undefined ? reshape(x, [-1]) : x;
    steps.forEach((step, i) => {
      const axis = normalizeAxis("roll", along[i]!, result.ndim);
      const n = result.shape[axis] ?? 1;
      const by = n === 0 ? 0 : ((step % n) + n) % n;
      if (by === 0) return;
      const parts = [slice(result, axis, { start: n - by }), slice(result, axis, { end: n - by })];
      result = concat(parts, axis);
    });
    return reshape(result, x.shape);
  },
  {
    samples: [
      (make) => [make([5]), 2],
      (make) => [make([3, 4]), [1, -2], [0, 1]],
      (make) => [make([2, 3]), 4],
      (make) => [make([2, 3]), 3, -1],
      (make) => [make([0, 3]), 1, 0],
    ],
  },
);

/** The tensor repeated that many times along each axis; more numbers than axes add axes in front. */
export const repeat = /* @__PURE__ */ composite(
  "repeat",
  (x: Tensor, times: Shape): Tensor => {
    if (times.length < x.ndim || !times.every((n) => Number.isInteger(n) && n >= 0)) {
      throw new ShapeError(
        `repeat: expected at least ${x.ndim} numbers of times, one per axis of shape ` +
          `${showShape(x.shape)}, got ${showShape(times)}.`,
      );
    }
    const lengths = [...times.slice(x.ndim).map(() => 1), ...x.shape];
    // [n0, n1, …] → [1, n0, 1, n1, …] → [t0, n0, t1, n1, …]
    const spread = reshape(x, lengths.flatMap((n) => [1, n])); // prettier-ignore
    const repeated = expand(spread, lengths.flatMap((n, i) => [times[i]!, n])); // prettier-ignore
    return reshape(repeated, lengths.map((n, i) => n * times[i]!)); // prettier-ignore
  },
  {
    samples: [
      (make) => [make([2, 3]), [2, 1, 2]],
      (make) => [make([2]), [3]],
      (make) => [make([]), [2]],
      (make) => [make([2, 1]), [0, 2]],
    ],
  },
);

/** As `repeat`, but fewer numbers than axes repeat the last ones. NumPy's `tile`. */
export const tile = /* @__PURE__ */ composite(
  "tile",
  (x: Tensor, times: Shape): Tensor => {
    const missing = new Array<number>(Math.max(x.ndim - times.length, 0)).fill(1);
    return repeat(x, [...missing, ...times]);
  },
  { samples: [(make) => [make([2, 3]), [2]], (make) => [make([2]), [2, 2]]] },
);

/** Every tensor expanded to the shape that all of them broadcast to. */
export const broadcastTensors = /* @__PURE__ */ composite(
  "broadcastTensors",
  (tensors: readonly Tensor[]): Tensor[] => {
    const shape = broadcastShapes("broadcastTensors", ...tensors.map((x) => x.shape));
    return tensors.map((x) => expand(x, shape));
  },
  { samples: [(make) => [[make([2, 1]), make([3])]]] },
);

export interface MeshgridOptions {
  /** `ij` (default): the first tensor lies along axis 0; `xy`: along axis 1. */
  readonly indexing?: "ij" | "xy";
}

/** Coordinates of a grid from one 1-d tensor per axis: each expanded along the axes of the others. */
export const meshgrid = /* @__PURE__ */ composite(
  "meshgrid",
  (tensors: readonly Tensor[], { indexing = "ij" }: MeshgridOptions = {}): Tensor[] => {
    const wrong = tensors.find((x) => x.ndim > 1);
    if (wrong !== undefined || tensors.length === 0) {
      throw new ShapeError(
        `meshgrid: expected 1-d tensors, got ${wrong === undefined ? "none" : showShape(wrong.shape)}.`,
      );
    }
    const shape = tensors.map((x) => x.size);
    const grids = tensors.map((x, axis) =>
      expand(reshape(x, shape.map((n, i) => (i === axis ? n : 1))), shape),
    ); // prettier-ignore
    return indexing === "xy" && tensors.length > 1 ? grids.map((x) => transpose(x, 0, 1)) : grids;
  },
  {
    samples: [
      (make) => [[make([2]), make([3])]],
      (make) => [[make([2]), make([3]), make([])], { indexing: "xy" }],
    ],
  },
);

/** Scalars as one element, others as they are. */
export const atleast1d = /* @__PURE__ */ composite(
  "atleast1d",
  (x: Tensor): Tensor => (x.ndim === 0 ? reshape(x, [1]) : x),
  { samples: [(make) => [make([])], (make) => [make([2, 3])]] },
);

/** At least two axes; a vector becomes a row. */
export const atleast2d = /* @__PURE__ */ composite(
  "atleast2d",
  (x: Tensor): Tensor => (x.ndim < 2 ? reshape(x, [1, x.size]) : x),
  { samples: [(make) => [make([])], (make) => [make([2])], (make) => [make([2, 3])]] },
);

/** At least three axes; a vector becomes `[1, n, 1]`, a matrix `[m, n, 1]`. */
export const atleast3d = /* @__PURE__ */ composite(
  "atleast3d",
  (x: Tensor): Tensor =>
    x.ndim === 2 ? unsqueeze(x, -1) : x.ndim < 2 ? reshape(x, [1, x.size, 1]) : x,
  { samples: [(make) => [make([])], (make) => [make([2])], (make) => [make([2, 3])]] },
);
