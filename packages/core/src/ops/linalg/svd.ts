// Singular values and vectors.
import { apply } from "../../apply.ts";
import type { RoutineKernel } from "../../compiler/kernel.ts";
import type { Operation } from "../../operation.ts";
import type { Tensor } from "../../tensor.ts";
import { add, div, mul, sub } from "../arithmetic.ts";
import { composite } from "../define.ts";
import { diagEmbed } from "../diagonal.ts";
import { concat } from "../join.ts";
import { matmul } from "../matmul.ts";
import { unsqueeze } from "../view.ts";
import { inverseGaps } from "./eigen-symmetric.ts";
import { LinAlgError, type NoAttributes, batchShape, floats, matrixPrimitive, matrixRoutine, requireMatrices, transposed } from "./matrices.ts"; // prettier-ignore
import {
  orthogonalFactor,
  transposed as transposedArray,
  triangulate,
} from "./numeric-reflections.ts";
import { singularFactors } from "./numeric-singular.ts";
import { refusesExtremes, regular } from "./samples.ts";

/** U `[…, m, k]`, S `[…, k]`, Vᵀ `[…, k, n]`. */
const svdOperation: Operation<NoAttributes> = /* @__PURE__ */ matrixPrimitive({
  name: "svd",
  infer: ([x]) => {
    const { shape, dtype } = x!;
    const [m, n] = shape.slice(-2) as [number, number];
    const k = Math.min(m, n);
    const batch = batchShape(x!);
    return [[...batch, m, k], [...batch, k], [...batch, k, n]].map((own) => ({ shape: own, dtype })); // prettier-ignore
  },
  lower([x], _, outputs): RoutineKernel {
    const [m, n] = x!.shape.slice(-2) as [number, number];
    const k = Math.min(m, n);
    return matrixRoutine("svd", [x!], outputs, batchShape(x!), ([a], [u, s, v], name) => {
      const found = singularFactors(a!, m, n, true);
      if (found === undefined) throw notFinite("linalg.svd", name());
      u!.set(transposedArray(found.left, k, m));
      s!.set(found.values);
      v!.set(found.right);
    });
  },
  saves: () => ({ outputs: [0, 1, 2] }),
  // Townsend, 2016; the values alone need no gaps between them.
  gradient: ({ grads: [gradU, gradS, gradV], output }) => {
    const [u, s, v] = [output(0), output(1), output(2)];
    const [m, k, n] = [u.shape.at(-2)!, s.shape.at(-1)!, v.shape.at(-1)!];
    const columns = unsqueeze(s, -2); // scales columns
    const rows = unsqueeze(s, -1);
    if (gradU === undefined && gradV === undefined) {
      return [gradS && matmul(mul(u, unsqueeze(gradS, -2)), v)];
    }
    const gaps = inverseGaps(mul(s, s));
    let inner = gradS && diagEmbed(gradS);
    const plus = (x: Tensor) => (inner = inner === undefined ? x : add(inner, x));
    let outside: Tensor | undefined;
    if (gradU !== undefined) {
      const turned = matmul(transposed(u), gradU);
      plus(mul(mul(skew(turned), gaps), columns));
      if (m > k) outside = matmul(div(sub(gradU, matmul(u, turned)), columns), v);
    }
    if (gradV !== undefined) {
      const turned = matmul(v, transposed(gradV));
      plus(mul(rows, mul(skew(turned), gaps)));
      if (n > k) {
        // Of Vᵀ - Vᵀ · V · Vᵀ
        const rest = sub(gradV, matmul(transposed(turned), v));
        const right = matmul(u, div(rest, rows));
        outside = outside === undefined ? right : add(outside, right);
      }
    }
    const inside = matmul(matmul(u, inner!), v);
    return [outside === undefined ? inside : add(inside, outside)];
  },
});

const skew = (x: Tensor): Tensor => sub(x, transposed(x));

const notFinite = (what: string, matrix: string): LinAlgError =>
  new LinAlgError(`${what}: ${matrix} holds NaN or infinities. Check what made it with isfinite.`);

/** Columns that complete orthonormal ones `[…, m, k]` to a basis: `[…, m, m - k]`. No gradient. */
const complementOperation: Operation<NoAttributes> = /* @__PURE__ */ matrixPrimitive({
  name: "orthogonalComplement",
  infer: ([x]) => {
    const [m, k] = x!.shape.slice(-2) as [number, number];
    return [{ shape: [...batchShape(x!), m, m - k], dtype: x!.dtype }];
  },
  lower([x], _, outputs) {
    const [m, k] = x!.shape.slice(-2) as [number, number];
    const inputs = [x!];
    return matrixRoutine("orthogonalComplement", inputs, outputs, batchShape(x!), ([a], [rest]) => {
      const columns = transposedArray(a!, m, k);
      const scales = triangulate(columns, m, k);
      const whole = orthogonalFactor(columns, m, scales, m);
      rest!.set(transposedArray(whole.subarray(k * m), m - k, m));
    });
  },
});

const complement = (x: Tensor): Tensor => apply(complementOperation, [x], {})[0]!;

/** `A = U · diag(S) · Vh`. */
export interface SVD {
  /** Orthonormal columns `[…, m, m]`, or the first k = min(m, n) of them; their signs are arbitrary. */
  readonly U: Tensor;
  /** Descending, `[…, k]`. */
  readonly S: Tensor;
  /** Orthonormal rows `[…, n, n]`, or the first k of them. */
  readonly Vh: Tensor;
}

export interface SVDOptions {
  /** All columns of U and all rows of Vh, not only the first min(m, n). Default true. */
  readonly fullMatrices?: boolean;
}

/**
 * `A = U · diag(S) · Vh` for `[…, m, n]`: `{ U, S, Vh }`. The gradient of vectors whose singular values are
 * equal is not finite, and no gradient comes from the vectors that only `fullMatrices` gives.
 */
export const svd = /* @__PURE__ */ composite(
  "svd",
  (x: Tensor, { fullMatrices = true }: SVDOptions = {}): SVD => {
    requireMatrices("linalg.svd", x);
    const [m, n] = x.shape.slice(-2) as [number, number];
    const [U, S, Vh] = apply(svdOperation, [x], {}) as [Tensor, Tensor, Tensor];
    if (!fullMatrices || m === n) return { U, S, Vh };
    if (m > n) return { U: concat([U, complement(U)], -1), S, Vh };
    return { U, S, Vh: concat([Vh, transposed(complement(transposed(Vh)))], -2) };
  },
  {
    samples: [
      (make) => [regular(make, [3, 3])],
      (make) => [regular(make, [2, 3, 2]), { fullMatrices: false }],
      (make) => [regular(make, [2, 3]), { fullMatrices: false }],
    ],
    dtypes: floats,
    skips: { ...refusesExtremes, tied: "where entries are zero the signs of the vectors may jump" },
  },
);

/** The singular values of `[…, m, n]`, descending. Their gradient is that of `svd`. */
export const svdvals = /* @__PURE__ */ composite(
  "svdvals",
  (x: Tensor): Tensor => {
    requireMatrices("linalg.svdvals", x);
    return apply(svdOperation, [x], {})[1]!;
  },
  {
    samples: [
      (make) => [regular(make, [3, 3])],
      (make) => [regular(make, [2, 3, 2])],
      (make) => [regular(make, [2, 3])],
      (make) => [make([0, 2])],
    ],
    dtypes: floats,
    skips: refusesExtremes,
  },
);
