// What singular values decide: pseudo-inverses, least squares, ranks, condition numbers.
import { apply } from "../../apply.ts";
import { FlambeauError, ShapeError, showShape } from "../../errors.ts";
import type { Operation } from "../../operation.ts";
import type { Tensor } from "../../tensor.ts";
import { add, div, gt, mul, ne, sub, where } from "../arithmetic.ts";
import { cast } from "../cast.ts";
import { zeros } from "../creation.ts";
import { composite } from "../define.ts";
import { tril } from "../diagonal.ts";
import { matmul } from "../matmul.ts";
import { amax, sum } from "../reduction.ts";
import { select } from "../rearrange.ts";
import { squeeze, unsqueeze } from "../view.ts";
import { invEx } from "./inverse.ts";
import { LinAlgError, batchShape, floats, matrixPrimitive, matrixRoutine, precisionOf, requireFloats, requireMatrices, requireSquare, transposed, withEqualBatches } from "./matrices.ts"; // prettier-ignore
import { type MatrixOrder, matrixNorm } from "./norms.ts";
import { singularFactors } from "./numeric-singular.ts";
import { refusesExtremes, regular, symmetric } from "./samples.ts";
import { svdvals } from "./svd.ts";

export interface RankOptions {
  /** Singular values up to this count as zero. Default 0. */
  readonly atol?: number;
  /**
   * So do those up to this part of the largest one. Default `max(m, n)` times the precision of the dtype, or
   * 0 where `atol` is given.
   */
  readonly rtol?: number;
  /** The matrices are symmetric; only the lower triangle is read. */
  readonly hermitian?: boolean;
}

interface Thresholds {
  readonly [name: string]: number;
  readonly atol: number;
  readonly rtol: number;
}

function thresholds(x: Tensor, { atol, rtol }: RankOptions): Thresholds {
  const [m, n] = x.shape.slice(-2) as [number, number];
  const usual = atol === undefined || atol <= 0 ? Math.max(m, n) * precisionOf(x.dtype) : 0;
  return { atol: atol ?? 0, rtol: rtol ?? usual };
}

/** The whole matrix of which the lower triangle is read. */
function fromTriangle(name: string, x: Tensor): Tensor {
  requireSquare(name, x);
  return add(tril(x), transposed(tril(x, -1)));
}

const pinvOperation: Operation<Thresholds> = /* @__PURE__ */ matrixPrimitive({
  name: "pinv",
  infer: ([x]) => {
    const [m, n] = x!.shape.slice(-2) as [number, number];
    return [{ shape: [...batchShape(x!), n, m], dtype: x!.dtype }];
  },
  lower([x], { atol, rtol }, outputs) {
    const [m, n] = x!.shape.slice(-2) as [number, number];
    return matrixRoutine("pinv", [x!], outputs, batchShape(x!), ([a], [result], name) => {
      const found = singularFactors(a!, m, n, true);
      if (found === undefined) {
        throw new LinAlgError(`linalg.pinv: ${name()} holds NaN or infinities.`);
      }
      const { values, left, right } = found;
      const least = Math.max(atol, rtol * (values[0] ?? 0));
      values.forEach((value, k) => {
        if (!(value > least)) return;
        for (let i = 0; i < n; i++) {
          const factor = right[k * n + i]! / value;
          for (let j = 0; j < m; j++) result![i * m + j]! += factor * left[k * m + j]!;
        }
      });
    });
  },
  saves: () => ({ inputs: [0], outputs: [0] }),
  // Golub and Pereyra, 1973, where the rank does not change.
  gradient: ({ grads, input, output }) => {
    const [a, inverse, grad] = [input(0), output(0), transposed(grads[0]!)]; // [..., m, n]
    const flipped = transposed(inverse);
    const both = matmul(inverse, flipped); // [..., n, n]
    const other = matmul(flipped, inverse); // [..., m, m]
    const main = matmul(matmul(inverse, grad), inverse); // [..., n, m]
    const outsideRows = sub(grad, matmul(a, matmul(inverse, grad)));
    const outsideColumns = sub(grad, matmul(matmul(grad, inverse), a));
    const first = matmul(outsideRows, both);
    const second = matmul(other, outsideColumns);
    return [sub(add(first, second), transposed(main))];
  },
});

/** The Moore–Penrose inverse `[…, n, m]` of `[…, m, n]`; small singular values count as zero. */
export const pinv = /* @__PURE__ */ composite(
  "pinv",
  (x: Tensor, options: RankOptions = {}): Tensor => {
    requireMatrices("linalg.pinv", x);
    const matrix = options.hermitian ? fromTriangle("linalg.pinv", x) : x;
    return apply(pinvOperation, [matrix], thresholds(x, options))[0]!;
  },
  {
    samples: [
      (make) => [regular(make, [3, 2])],
      (make) => [regular(make, [2, 2, 3]), { rtol: 1e-4 }],
      (make) => [regular(make, [3, 3])],
      (make) => [make([0, 2])],
    ],
    dtypes: floats,
    skips: refusesExtremes,
  },
);

/** `pinv` with its bound on singular values given as `rcond`. */
export const pinverse = /* @__PURE__ */ composite(
  "pinverse",
  (x: Tensor, rcond = 1e-15): Tensor => pinv(x, { rtol: rcond }),
  { samples: [(make) => [regular(make, [3, 2])]], dtypes: floats, skips: refusesExtremes },
);

/** How many singular values of `[…, m, n]` are not zero; int64. */
export const matrixRank = /* @__PURE__ */ composite(
  "matrixRank",
  (x: Tensor, options: RankOptions = {}): Tensor => {
    requireMatrices("linalg.matrixRank", x);
    const matrix = options.hermitian ? fromTriangle("linalg.matrixRank", x) : x;
    const { atol, rtol } = thresholds(x, options);
    const values = svdvals(matrix);
    if (values.shape.at(-1) === 0) {
      return zeros(batchShape(x), { dtype: "int64", device: x.device });
    }
    const relative = mul(amax(values, -1, { keepDims: true }), rtol);
    const least = where(gt(relative, atol), relative, atol);
    return sum(cast(gt(values, least), "int64"), -1);
  },
  {
    samples: [
      (make) => [regular(make, [3, 2])],
      (make) => [symmetric(make, [2, 3, 3]), { hermitian: true, atol: 1e-3 }],
      (make) => [make([2, 0, 2])],
    ],
    dtypes: floats,
    isDifferentiable: false,
    skips: refusesExtremes,
  },
);

/** What `lstsq` finds. */
export interface LeastSquares {
  /** `[…, n, k]`, of least length where there are several. */
  readonly solution: Tensor;
  /** `Σ (A · x - b)²` for each column where m > n: `[…, k]`; else empty. */
  readonly residuals: Tensor;
  /** int64, `[…]`. */
  readonly rank: Tensor;
  /** Of A, descending. */
  readonly singularValues: Tensor;
}

export interface LeastSquaresOptions {
  /** Singular values up to this part of the largest count as zero. Default `max(m, n)` · precision. */
  readonly rcond?: number;
}

/**
 * The `x` for which `A · x` is closest to `b`, `[…, m, n]` and `[…, m, k]` or `[…, m]`: `{ solution, residuals,
 * rank, singularValues }`. Residuals and singular values are there for every rank, unlike PyTorch's.
 */
export const lstsq = /* @__PURE__ */ composite(
  "lstsq",
  (a: Tensor, b: Tensor, { rcond }: LeastSquaresOptions = {}): LeastSquares => {
    requireMatrices("linalg.lstsq", a);
    requireFloats("linalg.lstsq", a, b);
    const isVector = b.ndim === a.ndim - 1;
    const sides = isVector ? unsqueeze(b, -1) : b;
    const [m, n] = a.shape.slice(-2) as [number, number];
    if (sides.ndim < 2 || sides.shape.at(-2) !== m) {
      throw new ShapeError(
        `linalg.lstsq: the matrices ${showShape(a.shape)} do not fit the right-hand side ` +
          `${showShape(b.shape)}. Expected ${m} rows in both.`,
      );
    }
    const [matrix, right] = withEqualBatches("linalg.lstsq", a, sides);
    const options = rcond === undefined ? {} : { rtol: rcond };
    const x = matmul(pinv(matrix, options), right);
    const rest = sub(matmul(matrix, x), right);
    const { dtype, device } = a;
    return {
      solution: isVector ? squeeze(x, -1) : x,
      residuals: m > n ? sum(mul(rest, rest), -2) : zeros([0], { dtype, device }),
      rank: matrixRank(a, options),
      singularValues: svdvals(a),
    };
  },
  {
    samples: [
      (make) => [regular(make, [4, 2]), make([4, 3])],
      (make) => [regular(make, [2, 2, 3]), make([2, 2])],
      (make) => [regular(make, [3, 3]), make([2, 3, 1]), { rcond: 1e-5 }],
    ],
    dtypes: floats,
    skips: refusesExtremes,
  },
);

const conditionOrders: readonly unknown[] = [undefined, 2, -2, 1, -1, Infinity, -Infinity, "fro", "nuc"]; // prettier-ignore

/**
 * How much matrices `[…, n, n]` may magnify relative errors: `‖A‖ · ‖A⁻¹‖` in the norm `order`, infinite for
 * singular ones. By default the largest singular value divided by the smallest, also for `[…, m, n]`.
 */
export const cond = /* @__PURE__ */ composite(
  "cond",
  (x: Tensor, order?: MatrixOrder): Tensor => {
    requireMatrices("linalg.cond", x);
    if (!conditionOrders.includes(order)) {
      throw new FlambeauError(
        `linalg.cond: order ${JSON.stringify(order)} is not known. Expected 1, -1, 2, -2, Infinity, ` +
          `-Infinity, "fro" or "nuc".`,
      );
    }
    if (order === undefined || order === 2 || order === -2) {
      const values = svdvals(x);
      const [largest, smallest] = [select(values, -1, 0), select(values, -1, -1)];
      return order === -2 ? div(smallest, largest) : div(largest, smallest);
    }
    requireSquare("linalg.cond", x);
    const { inverse, info } = invEx(x);
    const product = mul(matrixNorm(x, order), matrixNorm(inverse, order));
    return where(ne(info, 0), Infinity, product);
  },
  {
    samples: [
      (make) => [regular(make, [3, 3])],
      (make) => [regular(make, [2, 3, 2]), -2],
      (make) => [regular(make, [3, 3]), 1],
      (make) => [regular(make, [2, 2]), "nuc"],
    ],
    dtypes: floats,
    skips: { ...refusesExtremes, tied: "equal extremes share the gradient" },
  },
);
