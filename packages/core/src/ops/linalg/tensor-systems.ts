// Inverses and systems of tensors that count as matrices: some axes are rows, the others columns.
import { ShapeError, showShape } from "../../errors.ts";
import { normalizeAxis, sizeOf } from "../../shape.ts";
import type { Tensor } from "../../tensor.ts";
import { composite } from "../define.ts";
import { permute, reshape } from "../view.ts";
import { inv, solve } from "./inverse.ts";
import { floats } from "./matrices.ts";
import { refusesExtremes, regular } from "./samples.ts";

const reshaped = (x: unknown, shape: readonly number[]): unknown => reshape(x as Tensor, shape);

/** The inverse for `tensordot` over `ind` axes; the first `ind` axes are the rows. */
export const tensorinv = /* @__PURE__ */ composite(
  "tensorinv",
  (x: Tensor, ind = 2): Tensor => {
    const [rows, columns] = [x.shape.slice(0, ind), x.shape.slice(ind)];
    if (!Number.isInteger(ind) || ind < 1 || sizeOf(rows) !== sizeOf(columns)) {
      throw new ShapeError(
        `linalg.tensorinv: expected as many elements in the first ind = ${ind} axes of ` +
          `${showShape(x.shape)} as in the others, got ${sizeOf(rows)} and ${sizeOf(columns)}.`,
      );
    }
    const size = sizeOf(rows);
    return reshape(inv(reshape(x, [size, size])), [...columns, ...rows]);
  },
  {
    samples: [
      (make) => [reshaped(regular(make, [4, 4]), [2, 2, 4])],
      (make) => [reshaped(regular(make, [4, 4]), [4, 2, 2]), 1],
    ],
    dtypes: floats,
    skips: refusesExtremes,
  },
);

/** `x` with `tensordot(A, x, x.ndim) = b`; `axes` of A are moved to its end first. */
export const tensorsolve = /* @__PURE__ */ composite(
  "tensorsolve",
  (a: Tensor, b: Tensor, axes: readonly number[] = []): Tensor => {
    const moved = axes.map((axis) => normalizeAxis("linalg.tensorsolve", axis, a.ndim));
    const order = [...a.shape.keys()].filter((axis) => !moved.includes(axis));
    const matrix = permute(a, [...order, ...moved]);
    const shape = matrix.shape.slice(b.ndim);
    const size = sizeOf(shape);
    if (size !== b.size || matrix.size !== size * size) {
      throw new ShapeError(
        `linalg.tensorsolve: ${showShape(matrix.shape)} does not fit ${showShape(b.shape)}: expected ` +
          `its first axes to equal them, and the others to have ${b.size} elements in all.`,
      );
    }
    return reshape(solve(reshape(matrix, [size, size]), reshape(b, [size])), shape);
  },
  {
    samples: [
      (make) => [reshaped(regular(make, [4, 4]), [2, 2, 4]), make([2, 2])],
      (make) => [reshaped(regular(make, [4, 4]), [4, 2, 2]), make([2, 2]), [0]],
    ],
    dtypes: floats,
    skips: refusesExtremes,
  },
);
