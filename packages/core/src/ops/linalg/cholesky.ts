// Cholesky's factor of symmetric positive definite matrices, and what it solves.
import { apply } from "../../apply.ts";
import type { Operation } from "../../operation.ts";
import type { Tensor } from "../../tensor.ts";
import { add, mul, neg, sub } from "../arithmetic.ts";
import { eye } from "../creation.ts";
import { composite } from "../define.ts";
import { diagEmbed, diagonal, tril } from "../diagonal.ts";
import { matmul } from "../matmul.ts";
import { expand } from "../view.ts";
import { LinAlgError, type NoAttributes, batchShape, floats, matrixPrimitive, matrixRoutine, requireSquare, transposed, withEqualBatches } from "./matrices.ts"; // prettier-ignore
import { squareRoot, substitute } from "./numeric-triangular.ts";
import { positiveDefinite, refusesExtremes, regular, symmetricGradient } from "./samples.ts";
import { requireSystem, solveUpper } from "./triangular.ts";

interface CheckAttributes {
  readonly [name: string]: boolean;
  /** Throws where there is no factor; else the second result tells. */
  readonly throws: boolean;
}

/** The lower triangle of a matrix with half of its diagonal. */
const halfTriangle = (x: Tensor): Tensor =>
  sub(tril(x), mul(diagEmbed(diagonal(x, 0, -2, -1)), 0.5));

/** L, and 0 or the order of the first minor that is not positive. Murray, arXiv:1602.07527. */
const choleskyOperation: Operation<CheckAttributes> = /* @__PURE__ */ matrixPrimitive({
  name: "cholesky",
  infer: ([x]) => [x!, { shape: batchShape(x!), dtype: "int32" }],
  lower([x], { throws }, outputs) {
    const n = x!.shape.at(-1)!;
    return matrixRoutine("cholesky", [x!], outputs, batchShape(x!), ([a], [factor, info], name) => {
      factor!.set(a!);
      const failed = squareRoot(factor!, n);
      info![0] = failed + 1;
      if (failed < 0) return;
      if (!throws) return void factor!.fill(NaN);
      throw new LinAlgError(
        `linalg.cholesky: ${name()} is not positive definite: its leading minor of order ` +
          `${failed + 1} is not positive. Add a small multiple of the identity, or use linalg.eigh.`,
      );
    });
  },
  saves: () => ({ outputs: [0] }),
  gradient: ({ grads, output }) => {
    if (grads[0] === undefined) return [undefined];
    const flipped = transposed(output(0));
    const inner = halfTriangle(matmul(flipped, grads[0]));
    // L⁻ᵀ · inner · L⁻¹
    const left = solveUpper(flipped, inner);
    const both = transposed(solveUpper(flipped, transposed(left)));
    return [mul(add(both, transposed(both)), 0.5)];
  },
});

export interface TriangleOptions {
  /** The factor is upper triangular: `A = Uᵀ · U`. Default false: `A = L · Lᵀ`. */
  readonly upper?: boolean;
}

function factorAndInfo(name: string, x: Tensor, upper: boolean, throws: boolean): [Tensor, Tensor] {
  requireSquare(name, x);
  const [factor, info] = apply(choleskyOperation, [upper ? transposed(x) : x], { throws });
  return [upper ? transposed(factor!) : factor!, info!];
}

/**
 * The lower triangle L with `L · Lᵀ = A`, for symmetric positive definite matrices `[…, n, n]`. Only one
 * triangle is read; the gradient is symmetric, as in PyTorch.
 */
export const cholesky = /* @__PURE__ */ composite(
  "cholesky",
  (x: Tensor, { upper = false }: TriangleOptions = {}): Tensor =>
    factorAndInfo("linalg.cholesky", x, upper, true)[0],
  {
    samples: [
      (make) => [positiveDefinite(make, [3, 3])],
      (make) => [positiveDefinite(make, [2, 2, 2]), { upper: true }],
      (make) => [make([0, 0])],
    ],
    dtypes: floats,
    skips: symmetricGradient,
  },
);

/** As `cholesky`, but tells instead of throwing: `info` is 0, or the order of the minor that failed. */
export const choleskyEx = /* @__PURE__ */ composite(
  "choleskyEx",
  (x: Tensor, { upper = false }: TriangleOptions = {}): { L: Tensor; info: Tensor } => {
    const [L, info] = factorAndInfo("linalg.choleskyEx", x, upper, false);
    return { L, info };
  },
  {
    samples: [(make) => [positiveDefinite(make, [3, 3])], (make) => [make([2, 2, 2], -2, -1)]],
    dtypes: floats,
    skips: symmetricGradient,
  },
);

/** `x` with `L · Lᵀ · x = b`: `[…, n, k]` and `[…, n, n]` of equal batches. */
const choleskySolveOperation: Operation<NoAttributes> = /* @__PURE__ */ matrixPrimitive({
  name: "choleskySolve",
  infer: ([b]) => [b!],
  lower([b, factor], _, outputs) {
    const [n, k] = b!.shape.slice(-2) as [number, number];
    const inputs = [b!, factor!];
    return matrixRoutine("choleskySolve", inputs, outputs, batchShape(b!), ([y, lower], [x]) => {
      x!.set(y!);
      substitute(lower!, n, x!, k, { isUpper: false, isUnit: false });
      const upper = new Float64Array(n * n);
      for (let i = 0; i < n; i++)
        for (let j = 0; j <= i; j++) upper[j * n + i] = lower![i * n + j]!;
      substitute(upper, n, x!, k, { isUpper: true, isUnit: false });
    });
  },
  saves: () => ({ inputs: [1], outputs: [0] }),
  gradient: ({ grads, needs, input, output }) => {
    const factor = input(1);
    const grad = solution(grads[0]!, factor);
    if (!needs[1]) return [grad, undefined];
    const product = matmul(grad, transposed(output(0)));
    return [grad, neg(matmul(add(product, transposed(product)), factor))];
  },
});

const solution = (b: Tensor, factor: Tensor): Tensor =>
  apply(choleskySolveOperation, [b, factor], {})[0]!;

const wholeFactor = {
  ...refusesExtremes,
  gradient: "the gradient also covers the triangle of the factor that is not read, as in PyTorch",
} as const;

/** `x` with `A · x = b`, from the factor of A that `cholesky` gives: `b` `[…, n, k]`, factor `[…, n, n]`. */
export const choleskySolve = /* @__PURE__ */ composite(
  "choleskySolve",
  (b: Tensor, factor: Tensor, { upper = false }: TriangleOptions = {}): Tensor => {
    requireSystem("choleskySolve", factor, b, true);
    const [lower, sides] = withEqualBatches(
      "choleskySolve",
      upper ? transposed(factor) : factor,
      b,
    );
    return solution(sides, lower);
  },
  {
    samples: [
      (make) => [make([3, 2]), regular(make, [3, 3])],
      (make) => [make([2, 3, 1]), regular(make, [3, 3]), { upper: true }],
    ],
    dtypes: floats,
    skips: wholeFactor,
  },
);

/** The inverse of A `[…, n, n]`, from the factor of A that `cholesky` gives. */
export const choleskyInverse = /* @__PURE__ */ composite(
  "choleskyInverse",
  (factor: Tensor, { upper = false }: TriangleOptions = {}): Tensor => {
    requireSquare("choleskyInverse", factor);
    const n = factor.shape.at(-1)!;
    const one = expand(eye(n, n, { dtype: factor.dtype, device: factor.device }), factor.shape);
    return solution(one, upper ? transposed(factor) : factor);
  },
  {
    samples: [
      (make) => [regular(make, [3, 3])],
      (make) => [regular(make, [2, 2, 2]), { upper: true }],
    ],
    dtypes: floats,
    skips: wholeFactor,
  },
);
