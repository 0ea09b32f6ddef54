// LU factors with row exchanges, and what they solve.
import { apply } from "../../apply.ts";
import type { DType } from "../../dtype.ts";
import { ShapeError, showShape } from "../../errors.ts";
import type { Operation } from "../../operation.ts";
import type { Tensor } from "../../tensor.ts";
import { add, sub } from "../arithmetic.ts";
import { eye } from "../creation.ts";
import { composite } from "../define.ts";
import { tril, triu } from "../diagonal.ts";
import { concat } from "../join.ts";
import { matmul } from "../matmul.ts";
import { slice } from "../view.ts";
import { type NoAttributes, batchShape, floats, matrixPrimitive, matrixRoutine, requireMatrices, transposed, withEqualBatches } from "./matrices.ts"; // prettier-ignore
import { eliminate } from "./numeric-triangular.ts";
import { refusesExtremes, regular } from "./samples.ts";
import { requireSystem, triangularSolution } from "./triangular.ts";

const unitLower = { isUpper: false, isUnit: true } as const;
const unitUpper = { isUpper: true, isUnit: true } as const;
const plainUpper = { isUpper: true, isUnit: false } as const;
const plainLower = { isUpper: false, isUnit: false } as const;

/** `[…, m, n]` → both factors in one matrix, and LAPACK's row exchanges, counted from 1. */
const luOperation: Operation<NoAttributes> = /* @__PURE__ */ matrixPrimitive({
  name: "luFactor",
  infer: ([x]) => {
    const k = Math.min(x!.shape.at(-2)!, x!.shape.at(-1)!);
    return [x!, { shape: [...batchShape(x!), k], dtype: "int32" }];
  },
  lower([x], _, outputs) {
    const [m, n] = x!.shape.slice(-2) as [number, number];
    return matrixRoutine("luFactor", [x!], outputs, batchShape(x!), ([a], [factors, pivots]) => {
      factors!.set(a!);
      eliminate(factors!, m, n, pivots!);
      for (let i = 0; i < pivots!.length; i++) pivots![i] = pivots![i]! + 1;
    });
  },
  saves: () => ({ outputs: [0, 1] }),
  gradient: ({ grads, output }) => {
    if (grads[0] === undefined) return [undefined];
    const exchanges = apply(permutationOperation, [output(1)], sizesOf(output(0)))[0]!;
    return [matmul(exchanges, eliminationGradient(output(0), grads[0]))];
  },
});

const sizesOf = (factors: Tensor) => ({ rows: factors.shape.at(-2)!, dtype: factors.dtype });
const part = (x: Tensor, axis: number, start: number, end: number): Tensor =>
  slice(x, axis, { start, end });

/** The gradient of `L · U`, rows exchanged. Long and wide matrices: Roberts and Roberts, arXiv:2009.10071. */
function eliminationGradient(factors: Tensor, grad: Tensor): Tensor {
  const [m, n] = factors.shape.slice(-2) as [number, number];
  const k = Math.min(m, n);
  if (k === 0) return grad;
  const top = (x: Tensor) => part(x, -2, 0, k);
  const first = (x: Tensor) => part(x, -1, 0, k);
  const square = first(top(factors));
  const lowerFlipped = transposed(square); // its unit upper triangle is Lᵀ
  const gradSquare = first(top(grad));
  let gradLower = tril(gradSquare, -1);
  let gradUpper = triu(gradSquare);
  let right: Tensor | undefined;
  let below: Tensor | undefined;
  const lower = add(tril(square, -1), eye(k, k, { dtype: square.dtype, device: square.device }));
  if (n > k) {
    // U₂ = L⁻¹ · A₂
    right = triangularSolution(lowerFlipped, part(grad, -1, k, n), unitUpper);
    gradLower = sub(gradLower, tril(matmul(right, transposed(part(factors, -1, k, n))), -1));
  }
  if (m > k) {
    // L₂ = A₂ · U⁻¹
    const gradBelow = part(grad, -2, k, m);
    below = transposed(triangularSolution(square, transposed(gradBelow), plainUpper));
    gradUpper = sub(gradUpper, triu(matmul(transposed(part(factors, -2, k, m)), below)));
  }
  const inner = add(
    tril(matmul(transposed(lower), gradLower), -1),
    triu(matmul(gradUpper, transposed(triu(square)))),
  );
  const half = triangularSolution(lowerFlipped, inner, unitUpper);
  const result = transposed(triangularSolution(square, transposed(half), plainUpper));
  if (right !== undefined) return concat([result, right], -1);
  return below === undefined ? result : concat([result, below], -2);
}

interface PermutationAttributes {
  readonly [name: string]: number | string;
  readonly rows: number;
  readonly dtype: DType;
}

/** Row exchanges `[…, k]` → P `[…, m, m]` with `A = P · L · U`. */
const permutationOperation: Operation<PermutationAttributes> = /* @__PURE__ */ matrixPrimitive({
  name: "luPermutation",
  infer: ([pivots], { rows, dtype }) => [
    { shape: [...pivots!.shape.slice(0, -1), rows, rows], dtype },
  ],
  lower([pivots], { rows }, outputs) {
    const batch = pivots!.shape.slice(0, -1);
    return matrixRoutine("luPermutation", [pivots!], outputs, batch, ([exchanges], [matrix]) => {
      const order = Array.from({ length: rows }, (_, i) => i);
      exchanges!.forEach((other, i) => {
        [order[i], order[other - 1]] = [order[other - 1]!, order[i]!];
      });
      order.forEach((row, column) => (matrix![row * rows + column] = 1));
    });
  },
});

export interface LUFactors {
  /** U on and above the diagonal, L below it; L's own diagonal is 1. */
  readonly LU: Tensor;
  /** Row i was exchanged with row `pivots[i]`, counted from 1, as in LAPACK; int32. */
  readonly pivots: Tensor;
}

const samples = [[3, 3], [2, 4, 2], [2, 4]] as const; // prettier-ignore

/** LU factors of `[…, m, n]` with partial pivoting, in LAPACK's compact form: `{ LU, pivots }`. */
export const luFactor = /* @__PURE__ */ composite(
  "luFactor",
  (x: Tensor): LUFactors => {
    requireMatrices("linalg.luFactor", x);
    const [LU, pivots] = apply(luOperation, [x], {});
    return { LU: LU!, pivots: pivots! };
  },
  {
    samples: samples.map((shape) => (make) => [regular(make, shape)]),
    dtypes: floats,
    skips: refusesExtremes,
  },
);

/** The first arguments of samples that take factors. */
function factorsOf(matrix: unknown): unknown[] {
  const { LU, pivots } = luFactor(matrix as Tensor);
  return [LU, pivots];
}

export interface LU {
  /** A permutation matrix. */
  readonly P: Tensor;
  readonly L: Tensor;
  readonly U: Tensor;
}

/** The matrices `{ P, L, U }` that `luFactor`'s compact form stands for. */
export const luUnpack = /* @__PURE__ */ composite(
  "luUnpack",
  (factors: Tensor, pivots: Tensor): LU => {
    requireMatrices("luUnpack", factors);
    const [m, n] = factors.shape.slice(-2) as [number, number];
    const k = Math.min(m, n);
    const { dtype, device } = factors;
    const P = apply(permutationOperation, [pivots], sizesOf(factors))[0]!;
    return {
      P,
      L: add(tril(part(factors, -1, 0, k), -1), eye(m, k, { dtype, device })),
      U: triu(part(factors, -2, 0, k)),
    };
  },
  {
    samples: [(make) => factorsOf(regular(make, [3, 2]))],
    dtypes: floats,
    skips: refusesExtremes,
  },
);

/** `A = P · L · U`: P a permutation matrix `[…, m, m]`, L unit lower `[…, m, k]`, U upper `[…, k, n]`. */
export const lu = /* @__PURE__ */ composite(
  "lu",
  (x: Tensor): LU => {
    const { LU, pivots } = luFactor(x);
    return luUnpack(LU, pivots);
  },
  {
    samples: samples.map((shape) => (make) => [regular(make, shape)]),
    dtypes: floats,
    skips: refusesExtremes,
  },
);

export interface SolveFactorsOptions {
  /** `false` solves `x · A = b`. Default true. */
  readonly left?: boolean;
  /** Solves with the transpose of A. */
  readonly adjoint?: boolean;
}

function requirePivots(factors: Tensor, pivots: Tensor): void {
  if (pivots.dtype === "int32" && pivots.shape.at(-1) === factors.shape.at(-1)) return;
  throw new ShapeError(
    `linalg.luSolve: expected int32 pivots […, ${factors.shape.at(-1)}], got ${pivots.dtype} ` +
      `${showShape(pivots.shape)}. Pass both results of linalg.luFactor.`,
  );
}

/** `x` with `A · x = b`, from the factors of A `[…, n, n]` that `luFactor` gives; `b` `[…, n, k]`. */
export const luSolve = /* @__PURE__ */ composite(
  "luSolve",
  (
    factors: Tensor,
    pivots: Tensor,
    b: Tensor,
    { left = true, adjoint = false }: SolveFactorsOptions = {},
  ): Tensor => {
    requireSystem("linalg.luSolve", factors, b, left);
    requirePivots(factors, pivots);
    const exchanges = apply(permutationOperation, [pivots], sizesOf(factors))[0]!;
    const [matrix, sides] = withEqualBatches("linalg.luSolve", factors, left ? b : transposed(b));
    const flipped = transposed(matrix);
    // x · A = b is Aᵀ · xᵀ = bᵀ.
    const x =
      left !== adjoint
        ? triangularSolution(
            matrix,
            triangularSolution(matrix, matmul(transposed(exchanges), sides), unitLower),
            plainUpper,
          )
        : matmul(
            exchanges,
            triangularSolution(flipped, triangularSolution(flipped, sides, plainLower), unitUpper),
          );
    return left ? x : transposed(x);
  },
  {
    samples: [
      (make) => [...factorsOf(regular(make, [3, 3])), make([3, 2])],
      (make) => [...factorsOf(regular(make, [2, 2, 2])), make([3, 2]), { left: false }],
      (make) => [...factorsOf(regular(make, [2, 2])), make([2, 2]), { adjoint: true }],
    ],
    dtypes: floats,
    skips: refusesExtremes,
  },
);
