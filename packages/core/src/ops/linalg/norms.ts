// Norms as torch.linalg names them: those that need singular values, and the choice between norms of
// vectors and of matrices. The others are in ../norms.ts.
import { FlambeauError, ShapeError, showShape } from "../../errors.ts";
import { normalizeAxis } from "../../shape.ts";
import type { Tensor } from "../../tensor.ts";
import { composite } from "../define.ts";
import { matrixNorm as plainMatrixNorm, vectorNorm } from "../norms.ts";
import type { ReduceOptions } from "../reduction-core.ts";
import { amax, amin, sum } from "../reduction.ts";
import { permute, reshape } from "../view.ts";
import { floats, requireFloats } from "./matrices.ts";
import { refusesExtremes, regular } from "./samples.ts";
import { svdvals } from "./svd.ts";

/**
 * `"fro"`: of all elements; `"nuc"`: the sum of the singular values; ±2: the largest, the smallest one;
 * ±1, ±Infinity: the largest, smallest absolute column, row sum.
 */
export type MatrixOrder = "fro" | "nuc" | number;

/** The norm of matrices over two axes (the last two by default). */
export const matrixNorm = /* @__PURE__ */ composite(
  "matrixNorm",
  (
    x: Tensor,
    order: MatrixOrder = "fro",
    axes: readonly number[] = [-2, -1],
    { keepDims = false }: ReduceOptions = {},
  ): Tensor => {
    requireFloats("linalg.matrixNorm", x);
    if (order !== "nuc" && order !== 2 && order !== -2) {
      return plainMatrixNorm(x, order, axes, { keepDims });
    }
    const [row, column] = axes.map((axis) => normalizeAxis("linalg.matrixNorm", axis, x.ndim));
    if (x.ndim < 2 || axes.length !== 2 || row === column) {
      throw new ShapeError(
        `linalg.matrixNorm: expected two different axes, got ${showShape(axes)} of shape ` +
          `${showShape(x.shape)}.`,
      );
    }
    const others = [...x.shape.keys()].filter((axis) => axis !== row && axis !== column);
    const values = svdvals(permute(x, [...others, row!, column!]));
    const fold = order === "nuc" ? sum : order === 2 ? amax : amin;
    const result = fold(values, -1);
    if (!keepDims) return result;
    return reshape(result, x.shape.map((n, axis) => (axis === row || axis === column ? 1 : n))); // prettier-ignore
  },
  {
    samples: [
      (make) => [regular(make, [3, 2])],
      (make) => [regular(make, [2, 2, 3]), "nuc"],
      (make) => [regular(make, [3, 3]), 2, [1, 0], { keepDims: true }],
      (make) => [regular(make, [2, 3]), -2],
      (make) => [regular(make, [2, 3]), 1],
    ],
    dtypes: floats,
    skips: { ...refusesExtremes, tied: "equal extremes share the gradient" },
  },
);

/**
 * `vectorNorm`, or `matrixNorm` where there are two axes: named, or those of a matrix with an `order`. Without
 * order, the square root of the sum of squares of the axes (all by default).
 */
export const norm = /* @__PURE__ */ composite(
  "norm",
  (
    x: Tensor,
    order?: MatrixOrder,
    axes?: number | readonly number[],
    options: ReduceOptions = {},
  ): Tensor => {
    const list = typeof axes === "number" ? [axes] : axes;
    const isMatrix = list === undefined ? x.ndim === 2 : list.length === 2;
    if (order === undefined) return vectorNorm(x, 2, axes, options);
    if (isMatrix) return matrixNorm(x, order, list ?? [0, 1], options);
    if (typeof order === "number" && (list?.length ?? x.ndim) <= 1) {
      return vectorNorm(x, order, axes, options);
    }
    throw new FlambeauError(
      `linalg.norm: order ${JSON.stringify(order)} needs ${typeof order === "number" ? "one or " : ""}two ` +
        `axes, got shape ${showShape(x.shape)} and axes ${list === undefined ? "none" : showShape(list)}.`,
    );
  },
  {
    samples: [
      (make) => [regular(make, [3, 2])],
      (make) => [regular(make, [3, 2]), "nuc"],
      (make) => [regular(make, [3, 2]), 3, 1],
      (make) => [regular(make, [2, 3, 3]), 2, [1, 2], { keepDims: true }],
    ],
    dtypes: floats,
    skips: { ...refusesExtremes, tied: "equal extremes share the gradient" },
  },
);
