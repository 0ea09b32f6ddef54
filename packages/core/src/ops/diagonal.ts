// Diagonals and triangles.
import { apply } from "../apply.ts";
import type { MapKernel } from "../compiler/kernel.ts";
import { broadcastLoad, contiguousStore, copyKernel } from "../compiler/lower.ts";
import { ShapeError, showShape } from "../errors.ts";
import type { Operation } from "../operation.ts";
import { constant, leaf, s } from "../scalar/instruction.ts";
import { type Shape, contiguousStrides, layoutOf, normalizeAxis } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { where } from "./arithmetic.ts";
import { type TensorOptions, ones, tensor } from "./creation.ts";
import { type Op, composite, expose, primitive } from "./define.ts";
import { sum } from "./reduction.ts";
import { expand, reshape } from "./view.ts";

interface TriangleAttributes {
  readonly [name: string]: number | boolean;
  readonly isUpper: boolean;
  readonly offset: number;
}

/** Zeros beside a triangle of the last two axes. */
const triangleOperation: Operation<TriangleAttributes> = /* @__PURE__ */ primitive({
  name: "triangle",
  infer: ([x]) => [x!],
  lower([x], { isUpper, offset }): MapKernel {
    const { shape, dtype } = x!;
    const row = leaf("index", shape.length - 2, "int32");
    const column = leaf("index", shape.length - 1, "int32");
    const diagonal = s.add(row, offset);
    const isInside = isUpper ? s.ge(column, diagonal) : s.le(column, diagonal);
    const value = s.select(isInside, leaf("load", 0, dtype), constant(0, dtype));
    return {
      kind: "map",
      axes: shape,
      loads: [broadcastLoad(0, x!, shape)],
      params: [],
      stores: [contiguousStore(shape, value)],
    };
  },
  gradient: ({ grads, attributes }) => [apply(triangleOperation, [grads[0]!], attributes)[0]],
  batch: ([x], attributes) => apply(triangleOperation, [x!.value], attributes),
});

type Triangle = (x: Tensor, offset?: number) => Tensor;

const triangle = (name: string, isUpper: boolean): Op<Triangle> =>
  expose(
    triangleOperation,
    (x: Tensor, offset = 0): Tensor => {
      if (x.ndim < 2) {
        throw new ShapeError(`${name}: expected at least 2 axes, got shape ${showShape(x.shape)}.`);
      }
      return apply(triangleOperation, [x], { isUpper, offset })[0]!;
    },
    {
      samples: [
        (make) => [make([3, 4])],
        (make) => [make([2, 3, 3]), 1],
        (make) => [make([4, 3]), -1],
        (make) => [make([0, 3])],
      ],
    },
  );

/** The lower triangle of the last two axes, up to the diagonal `offset` above the main one. */
export const tril = /* @__PURE__ */ triangle("tril", false);
/** The upper triangle of the last two axes, from the diagonal `offset` above the main one. */
export const triu = /* @__PURE__ */ triangle("triu", true);

interface DiagonalAttributes {
  readonly [name: string]: number | readonly number[];
  readonly offset: number;
  readonly axis0: number;
  readonly axis1: number;
  /** Of the tensor that has the diagonal. */
  readonly shape: readonly number[];
}

/** Where a diagonal lies: its length, its first element and its step; the other axes come before it. */
function placeOf(strides: readonly number[], { offset, axis0, axis1, shape }: DiagonalAttributes) {
  const [row, column] = [Math.max(-offset, 0), Math.max(offset, 0)];
  const length = Math.max(Math.min(shape[axis0]! - row, shape[axis1]! - column), 0);
  const others = [...shape.keys()].filter((axis) => axis !== axis0 && axis !== axis1);
  return {
    shape: [...others.map((axis) => shape[axis]!), length],
    strides: [...others.map((axis) => strides[axis]!), strides[axis0]! + strides[axis1]!],
    start: length === 0 ? 0 : row * strides[axis0]! + column * strides[axis1]!,
  };
}

const diagonalOperation: Operation<DiagonalAttributes> = /* @__PURE__ */ primitive({
  name: "diagonal",
  traits: { isView: true },
  infer: ([x], attributes) => [{ shape: placeOf(x!.shape, attributes).shape, dtype: x!.dtype }],
  view(layout, offset, attributes) {
    const place = placeOf(layout.strides, attributes);
    return { layout: layoutOf(place.shape, place.strides), offset: offset + place.start };
  },
  lower([x], attributes) {
    const { shape, strides, start } = placeOf(x!.layout.strides, attributes);
    return copyKernel(shape, { operand: 0, dtype: x!.dtype, offset: start, strides });
  },
  gradient: ({ grads, attributes }) => [embed(grads[0]!, attributes)],
  batch: ([x], attributes, size) => apply(diagonalOperation, [x!.value], further(attributes, size)),
});

/** The same with a batch axis before all others. */
const further = ({ offset, axis0, axis1, shape }: DiagonalAttributes, size: number) => ({
  offset,
  axis0: axis0 + 1,
  axis1: axis1 + 1,
  shape: [size, ...shape],
});

/** Zeros of a shape with a diagonal put in. */
const embedOperation: Operation<DiagonalAttributes> = /* @__PURE__ */ primitive({
  name: "diagonalEmbed",
  infer: ([x], { shape }) => [{ shape, dtype: x!.dtype }],
  lower([x], attributes): MapKernel {
    const { dtype } = x!;
    const { shape, strides, start } = placeOf(contiguousStrides(attributes.shape), attributes);
    const value = leaf("load", 0, dtype);
    return {
      kind: "map",
      axes: shape,
      loads: [broadcastLoad(0, x!, shape)],
      params: [],
      stores: [{ operand: 0, dtype, offset: start, strides, value }],
      initial: 0,
    };
  },
  gradient: ({ grads, attributes }) => [apply(diagonalOperation, [grads[0]!], attributes)[0]],
  batch: ([x], attributes, size) => apply(embedOperation, [x!.value], further(attributes, size)),
});

const embed = (x: Tensor, attributes: DiagonalAttributes): Tensor =>
  apply(embedOperation, [x], attributes)[0]!;

function attributesOf(name: string, shape: Shape, offset: number, axes: readonly [number, number]) {
  const [axis0, axis1] = axes.map((axis) => normalizeAxis(name, axis, shape.length));
  if (shape.length < 2 || axis0 === axis1) {
    throw new ShapeError(
      `${name}: expected two different axes of shape ${showShape(shape)}, got ${showShape(axes)}.`,
    );
  }
  return { offset, axis0: axis0!, axis1: axis1!, shape };
}

/** The diagonal of two axes, `offset` above the main one, as the last axis; a view. */
export const diagonal = /* @__PURE__ */ expose(
  diagonalOperation,
  (x: Tensor, offset = 0, axis0 = 0, axis1 = 1): Tensor =>
    apply(diagonalOperation, [x], attributesOf("diagonal", x.shape, offset, [axis0, axis1]))[0]!,
  {
    samples: [
      (make) => [make([3, 4])],
      (make) => [make([3, 4, 5]), 1, 0, 2],
      (make) => [make([3, 3]), -1],
      (make) => [make([2, 3]), 4],
    ],
  },
);

/** Zeros with the last axis of `x` on the diagonal of two new axes, `offset` above the main one. */
export const diagEmbed = /* @__PURE__ */ expose(
  embedOperation,
  (x: Tensor, offset = 0, axis0 = -2, axis1 = -1): Tensor => {
    if (x.ndim === 0)
      throw new ShapeError("diagEmbed: expected at least one axis, got a 0-d tensor.");
    const ndim = x.ndim + 1;
    const [a, b] = [axis0, axis1].map((axis) => normalizeAxis("diagEmbed", axis, ndim));
    const n = x.shape.at(-1)! + Math.abs(offset);
    const others = x.shape.slice(0, -1);
    const shape = Array.from({ length: ndim }, (_, axis) =>
      axis === a || axis === b ? n : others.shift()!,
    );
    return embed(x, attributesOf("diagEmbed", shape, offset, [a!, b!]));
  },
  {
    samples: [
      (make) => [make([3])],
      (make) => [make([2, 3]), 1, 0, 2],
      (make) => [make([2, 2]), -1],
    ],
  },
);

/** A vector as the diagonal of a matrix; of a matrix, its diagonal. */
export const diag = /* @__PURE__ */ composite(
  "diag",
  (x: Tensor, offset = 0): Tensor => {
    if (x.ndim === 1) return diagEmbed(x, offset);
    if (x.ndim === 2) return diagonal(x, offset);
    throw new ShapeError(
      `diag: expected a vector or a matrix, got shape ${showShape(x.shape)}. Use diagonal or diagEmbed.`,
    );
  },
  { samples: [(make) => [make([3]), 1], (make) => [make([3, 4]), -1]] },
);

/** All elements as the diagonal of a matrix. */
export const diagflat = /* @__PURE__ */ composite(
  "diagflat",
  (x: Tensor, offset = 0): Tensor => diagEmbed(reshape(x, [-1]), offset),
  { samples: [(make) => [make([2, 2])], (make) => [make([]), -1]] },
);

export interface DiagonalOptions {
  readonly offset?: number;
  readonly axis0?: number;
  readonly axis1?: number;
}

/** `x` with a diagonal replaced by `source`. */
export const diagonalScatter = /* @__PURE__ */ composite(
  "diagonalScatter",
  (
    x: Tensor,
    source: Tensor,
    { offset = 0, axis0 = 0, axis1 = 1 }: DiagonalOptions = {},
  ): Tensor => {
    const attributes = attributesOf("diagonalScatter", x.shape, offset, [axis0, axis1]);
    const { shape } = placeOf(x.shape, attributes);
    if (shape.length !== source.ndim || shape.some((n, i) => n !== source.shape[i])) {
      throw new ShapeError(
        `diagonalScatter: the diagonal has shape ${showShape(shape)}, the source ` +
          `${showShape(source.shape)}.`,
      );
    }
    const yes = expand(ones([], { dtype: "bool", device: x.device }), shape);
    return where(embed(yes, attributes), embed(source, attributes), x);
  },
  {
    samples: [
      (make) => [make([3, 3]), make([3])],
      (make) => [make([3, 4, 2]), make([2, 2]), { offset: 2 }],
    ],
  },
);

/** The sum of a matrix's diagonal: `torch.trace`, whose name is taken by graph tracing. */
export const matrixTrace = /* @__PURE__ */ composite(
  "matrixTrace",
  (x: Tensor): Tensor => {
    if (x.ndim !== 2) {
      throw new ShapeError(`matrixTrace: expected a matrix, got shape ${showShape(x.shape)}.`);
    }
    return sum(diagonal(x));
  },
  { samples: [(make) => [make([3, 4])]] },
);

export interface TriangleIndexOptions extends TensorOptions {
  /** The diagonal that bounds the triangle, counted upwards from the main one. Default 0. */
  readonly offset?: number;
}

function triangleIndices(
  rows: number,
  columns: number,
  isUpper: boolean,
  { offset = 0, dtype = "int32", ...options }: TriangleIndexOptions,
): Tensor {
  const [is, js]: [number[], number[]] = [[], []];
  for (let i = 0; i < rows; i++) {
    const from = isUpper ? Math.max(i + offset, 0) : 0;
    const to = isUpper ? columns : Math.min(i + offset + 1, columns);
    for (let j = from; j < to; j++) {
      is.push(i);
      js.push(j);
    }
  }
  return tensor(Int32Array.from([...is, ...js]), { shape: [2, is.length], dtype, ...options });
}

/** Rows and columns of a lower triangle's elements, row-major: int32 `[2, count]`. */
export const trilIndices = (
  rows: number,
  columns: number,
  options: TriangleIndexOptions = {},
): Tensor => triangleIndices(rows, columns, false, options);

/** Rows and columns of an upper triangle's elements, row-major: int32 `[2, count]`. */
export const triuIndices = (
  rows: number,
  columns: number,
  options: TriangleIndexOptions = {},
): Tensor => triangleIndices(rows, columns, true, options);
