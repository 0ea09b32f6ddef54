// Inverses and solutions of linear systems.
import { apply } from "../../apply.ts";
import { wordsOf } from "../../dtype.ts";
import { ShapeError, showShape } from "../../errors.ts";
import type { Operation } from "../../operation.ts";
import { sameShape } from "../../shape.ts";
import type { Tensor } from "../../tensor.ts";
import { neg } from "../arithmetic.ts";
import { composite, expose } from "../define.ts";
import { matmul } from "../matmul.ts";
import { squeeze, unsqueeze } from "../view.ts";
import { eliminationOf } from "./elimination.ts";
import { LinAlgError, type NoAttributes, adjoint, batchShape, matrixPrimitive, matrixRoutine, numbers, requireNumbers, requireSquareNumbers, transposed, withEqualBatches } from "./matrices.ts"; // prettier-ignore
import { refusesExtremes, regular } from "./samples.ts";
import { requireFit } from "./triangular.ts";

const singular = (what: string, matrix: string, pivot: number): LinAlgError =>
  new LinAlgError(
    `${what}: ${matrix} is singular: pivot ${pivot + 1} is zero. Check it with linalg.matrixRank; ` +
      `linalg.lstsq and linalg.pinv take singular matrices.`,
  );

interface CheckAttributes {
  readonly [name: string]: boolean;
  /** Throws where there is no inverse; else the second result tells. */
  readonly throws: boolean;
}

/** The inverse, and 0 or the first zero pivot, counted from 1. */
const inverseOperation: Operation<CheckAttributes> = /* @__PURE__ */ matrixPrimitive({
  name: "inv",
  infer: ([x]) => [x!, { shape: batchShape(x!), dtype: "int32" }],
  lower([x], { throws }, outputs) {
    const n = x!.shape.at(-1)!;
    const own = eliminationOf(x!.dtype);
    const pivots = new Int32Array(n);
    return matrixRoutine("inv", [x!], outputs, batchShape(x!), ([a], [inverse, info], name) => {
      const { zeroPivot } = own.eliminate(a!, n, pivots);
      info![0] = zeroPivot + 1;
      if (zeroPivot >= 0) {
        if (throws) throw singular("linalg.inv", name(), zeroPivot);
        return void inverse!.fill(NaN);
      }
      for (let i = 0; i < n; i++) inverse![wordsOf(x!.dtype) * (i * n + i)] = 1;
      own.substitute(a!, n, pivots, inverse!, n);
    });
  },
  saves: () => ({ outputs: [0] }),
  gradient: ({ grads, output }) => {
    if (grads[0] === undefined) return [undefined];
    const flipped = adjoint(output(0));
    return [neg(matmul(matmul(flipped, grads[0]), flipped))];
  },
});

/** The inverse of each matrix `[…, n, n]`. A singular one is an error. */
export const inv = /* @__PURE__ */ expose(
  inverseOperation,
  (x: Tensor): Tensor => {
    requireSquareNumbers("linalg.inv", x);
    return apply(inverseOperation, [x], { throws: true })[0]!;
  },
  {
    samples: [
      (make) => [regular(make, [3, 3])],
      (make) => [regular(make, [2, 1, 2, 2])],
      (make) => [make([0, 0])],
    ],
    dtypes: numbers,
    skips: refusesExtremes,
  },
);

/** As `inv`, but tells instead of throwing: `info` is 0, or the zero pivot, counted from 1. */
export const invEx = /* @__PURE__ */ expose(
  inverseOperation,
  (x: Tensor): { inverse: Tensor; info: Tensor } => {
    requireSquareNumbers("linalg.invEx", x);
    const [inverse, info] = apply(inverseOperation, [x], { throws: false });
    return { inverse: inverse!, info: info! };
  },
  {
    samples: [(make) => [regular(make, [2, 3, 3])]],
    dtypes: numbers,
    skips: refusesExtremes,
  },
);

/** `A · x = b` with `[…, n, n]` and `[…, n, k]` of equal batches. */
const solveOperation: Operation<NoAttributes> = /* @__PURE__ */ matrixPrimitive({
  name: "solve",
  infer: ([, b]) => [b!],
  lower([a, b], _, outputs) {
    const [n, k] = b!.shape.slice(-2) as [number, number];
    const own = eliminationOf(b!.dtype);
    const pivots = new Int32Array(n);
    return matrixRoutine("solve", [a!, b!], outputs, batchShape(b!), ([matrix, y], [x], name) => {
      const { zeroPivot } = own.eliminate(matrix!, n, pivots);
      if (zeroPivot >= 0) throw singular("linalg.solve", name(), zeroPivot);
      x!.set(y!);
      own.substitute(matrix!, n, pivots, x!, k);
    });
  },
  saves: () => ({ inputs: [0], outputs: [0] }),
  gradient: ({ grads, needs, input, output }) => {
    const grad = solution(adjoint(input(0)), grads[0]!);
    return [needs[0] ? neg(matmul(grad, adjoint(output(0)))) : undefined, grad];
  },
});

const solution = (a: Tensor, b: Tensor): Tensor => apply(solveOperation, [a, b], {})[0]!;

export interface SolveOptions {
  /** `false` solves `x · A = b`. Default true. */
  readonly left?: boolean;
}

/** Whether `b` holds vectors rather than matrices: PyTorch's rule. */
const isVectors = (a: Tensor, b: Tensor): boolean =>
  b.ndim === 1 || (a.ndim - 1 === b.ndim && sameShape(b.shape, a.shape.slice(0, -1)));

/**
 * `x` with `A · x = b` for `A` `[…, n, n]` and `b` `[…, n, k]` or `[…, n]`; batches broadcast. A singular
 * matrix is an error.
 */
export const solve = /* @__PURE__ */ composite(
  "solve",
  (a: Tensor, b: Tensor, { left = true }: SolveOptions = {}): Tensor => {
    requireSquareNumbers("linalg.solve", a);
    if (b.ndim === 0) {
      throw new ShapeError(
        `linalg.solve: expected a right-hand side […, n] or […, n, k], got ${showShape(b.shape)}.`,
      );
    }
    if (isVectors(a, b)) {
      // One row or column more is as good as a vector: x · A = b is Aᵀ · x = b.
      return squeeze(systemSolution(left ? a : transposed(a), unsqueeze(b, -1)), -1);
    }
    if (left) return systemSolution(a, b);
    return transposed(systemSolution(transposed(a), transposed(b)));
  },
  {
    samples: [
      (make) => [regular(make, [3, 3]), make([3, 2])],
      (make) => [regular(make, [3, 3]), make([3])],
      (make) => [regular(make, [2, 3, 3]), make([2, 3])],
      (make) => [regular(make, [2, 1, 2, 2]), make([3, 4, 2]), { left: false }],
    ],
    dtypes: numbers,
    skips: refusesExtremes,
  },
);

function systemSolution(a: Tensor, b: Tensor): Tensor {
  requireNumbers("linalg.solve", a, b);
  requireFit("linalg.solve", a, b, true);
  return solution(...withEqualBatches("linalg.solve", a, b));
}
