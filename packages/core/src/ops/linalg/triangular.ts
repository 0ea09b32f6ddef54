// Linear systems with triangular matrices.
import { apply } from "../../apply.ts";
import { ShapeError, showShape } from "../../errors.ts";
import type { Operation } from "../../operation.ts";
import type { Tensor } from "../../tensor.ts";
import { neg } from "../arithmetic.ts";
import { composite } from "../define.ts";
import { tril, triu } from "../diagonal.ts";
import { matmul } from "../matmul.ts";
import { batchShape, floats, matrixPrimitive, matrixRoutine, requireAxes, requireFloats, requireSquareNumbers, transposed, withEqualBatches } from "./matrices.ts"; // prettier-ignore
import { substitute } from "./numeric-triangular.ts";
import { refusesExtremes, regular } from "./samples.ts";

interface TriangleAttributes {
  readonly [name: string]: boolean;
  readonly isUpper: boolean;
  readonly isUnit: boolean;
}

/** `T · x = b` with `[…, n, n]` and `[…, n, k]` of equal batches. */
const solveTriangularOperation: Operation<TriangleAttributes> = /* @__PURE__ */ matrixPrimitive({
  name: "solveTriangular",
  infer: ([, b]) => [b!],
  lower([a, b], attributes, outputs) {
    const [n, k] = b!.shape.slice(-2) as [number, number];
    return matrixRoutine("solveTriangular", [a!, b!], outputs, batchShape(b!), ([t, y], [x]) => {
      x!.set(y!);
      substitute(t!, n, x!, k, attributes);
    });
  },
  saves: () => ({ inputs: [0], outputs: [0] }),
  gradient: ({ grads, needs, input, output, attributes: { isUpper, isUnit } }) => {
    const grad = triangularSolution(transposed(input(0)), grads[0]!, { isUpper: !isUpper, isUnit });
    if (!needs[0]) return [undefined, grad];
    const full = neg(matmul(grad, transposed(output(0))));
    return [isUpper ? triu(full, isUnit ? 1 : 0) : tril(full, isUnit ? -1 : 0), grad];
  },
});

/** Solves with operands that were checked. @internal */
export const triangularSolution = (a: Tensor, b: Tensor, attributes: TriangleAttributes): Tensor =>
  apply(solveTriangularOperation, [a, b], attributes)[0]!;

/** `x` with `L · x = b` for a lower triangle. @internal */
export const solveLower = (a: Tensor, b: Tensor): Tensor =>
  triangularSolution(a, b, { isUpper: false, isUnit: false });

/** `x` with `U · x = b` for an upper triangle. @internal */
export const solveUpper = (a: Tensor, b: Tensor): Tensor =>
  triangularSolution(a, b, { isUpper: true, isUnit: false });

export interface TriangularOptions {
  /** Which triangle is read; the other may hold anything. */
  readonly upper: boolean;
  /** `false` solves `x · A = b`. Default true. */
  readonly left?: boolean;
  /** Takes the diagonal for ones. */
  readonly unitriangular?: boolean;
}

/** Both operands are real and fit `A · x = b`, or `x · A = b`. */
export function requireSystem(name: string, a: Tensor, b: Tensor, isLeft: boolean): void {
  requireFloats(name, a, b);
  requireFit(name, a, b, isLeft);
}

/** Both operands fit `A · x = b`, or `x · A = b`. */
export function requireFit(name: string, a: Tensor, b: Tensor, isLeft: boolean): void {
  requireSquareNumbers(name, a);
  requireAxes(name, b);
  const [n, given] = [a.shape.at(-1)!, b.shape.at(isLeft ? -2 : -1)!];
  if (n === given) return;
  throw new ShapeError(
    `${name}: the matrices ${showShape(a.shape)} do not fit the right-hand side ` +
      `${showShape(b.shape)} (${n} ≠ ${given} ${isLeft ? "rows" : "columns"}).`,
  );
}

/**
 * `x` with `A · x = b` for a triangle of `A` `[…, n, n]` and `b` `[…, n, k]`; batches broadcast. A zero on
 * the diagonal gives infinities and NaN.
 */
export const solveTriangular = /* @__PURE__ */ composite(
  "solveTriangular",
  (
    a: Tensor,
    b: Tensor,
    { upper, left = true, unitriangular = false }: TriangularOptions,
  ): Tensor => {
    requireSystem("linalg.solveTriangular", a, b, left);
    const [matrix, sides] = withEqualBatches("linalg.solveTriangular", a, b);
    if (left) return triangularSolution(matrix, sides, { isUpper: upper, isUnit: unitriangular });
    const flipped = { isUpper: !upper, isUnit: unitriangular };
    return transposed(triangularSolution(transposed(matrix), transposed(sides), flipped));
  },
  {
    samples: [
      (make) => [regular(make, [3, 3]), make([3, 2]), { upper: true }],
      (make) => [regular(make, [2, 3, 3]), make([3, 1]), { upper: false }],
      (make) => [regular(make, [3, 3]), make([2, 2, 3]), { upper: true, left: false }],
      (make) => [make([3, 3], -1, 1), make([3, 2]), { upper: false, unitriangular: true }],
      (make) => [make([0, 0]), make([0, 2]), { upper: true }],
    ],
    dtypes: floats,
    skips: refusesExtremes,
  },
);
