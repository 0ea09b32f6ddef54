// Matrices for the samples of linear algebra: far from singular whatever values are drawn. Typed
// `unknown`, as all samples are.
import type { Tensor } from "../../tensor.ts";
import { add, mul } from "../arithmetic.ts";
import { arange, eye } from "../creation.ts";
import type { SampleSource } from "../define.ts";
import { matmul } from "../matmul.ts";
import { transpose } from "../view.ts";

type Shape = readonly number[];

function regularTensor(make: SampleSource, shape: Shape): Tensor {
  const x = make(shape, -1, 1) as Tensor;
  const [rows, columns] = shape.slice(-2) as [number, number];
  const { dtype, device } = x;
  const steps = arange(4, 4 * columns + 4, { step: 4, dtype, device });
  return add(x, mul(eye(rows, columns, { dtype, device }), steps));
}

/** Small values, and 4, 8, 12, … on the diagonal: regular, with singular values far apart. */
export const regular = (make: SampleSource, shape: Shape): unknown => regularTensor(make, shape);

/** Symmetric, with eigenvalues far apart. */
export function symmetric(make: SampleSource, shape: Shape): unknown {
  const x = regularTensor(make, shape);
  return add(x, transpose(x, -2, -1));
}

/** Symmetric with positive eigenvalues. */
export function positiveDefinite(make: SampleSource, shape: Shape): unknown {
  const x = regularTensor(make, shape);
  return matmul(x, transpose(x, -2, -1));
}

/** Why extreme values are left out. */
export const refusesExtremes = {
  extreme: "singular and non-finite matrices are refused",
} as const;

/** Why gradients are not checked element by element; linalg.test.ts checks them. */
export const symmetricGradient = {
  ...refusesExtremes,
  gradient: "only one triangle is read; the gradient is that of a symmetric matrix, as in PyTorch",
} as const;
