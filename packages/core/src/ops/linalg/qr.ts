// QR factors, and products of Householder's reflections.
import { apply } from "../../apply.ts";
import { AutogradError, FlambeauError, ShapeError, showShape } from "../../errors.ts";
import type { Operation } from "../../operation.ts";
import type { Tensor } from "../../tensor.ts";
import { add, mul, neg, sub } from "../arithmetic.ts";
import { eye } from "../creation.ts";
import { composite } from "../define.ts";
import { tril, triu } from "../diagonal.ts";
import { concat } from "../join.ts";
import { matmul } from "../matmul.ts";
import { expand, slice, unsqueeze } from "../view.ts";
import { batchShape, floats, matrixPrimitive, matrixRoutine, requireFloats, requireMatrices, transposed } from "./matrices.ts"; // prettier-ignore
import * as numeric from "./numeric-reflections.ts";
import { refusesExtremes, regular } from "./samples.ts";
import { solveUpper } from "./triangular.ts";

interface QRAttributes {
  readonly [name: string]: boolean;
  /** Q is square, and R as high as the matrix. */
  readonly isComplete: boolean;
}

/** An upper triangle mirrored to a symmetric matrix. */
const mirrored = (upper: Tensor): Tensor => add(upper, transposed(triu(upper, 1)));

/** `[…, m, n]` → Q, R. Gradients where m ≥ n: Walter and Lehmann, arXiv:1009.6112. */
const qrOperation: Operation<QRAttributes> = /* @__PURE__ */ matrixPrimitive({
  name: "qr",
  infer: ([x], { isComplete }) => {
    const [m, n] = x!.shape.slice(-2) as [number, number];
    const k = isComplete ? m : Math.min(m, n);
    const { dtype } = x!;
    return [
      { shape: [...batchShape(x!), m, k], dtype },
      { shape: [...batchShape(x!), k, n], dtype },
    ];
  },
  lower([x], _, outputs) {
    const [m, n] = x!.shape.slice(-2) as [number, number];
    const k = outputs[0]!.shape.at(-1)!;
    return matrixRoutine("qr", [x!], outputs, batchShape(x!), ([a], [q, r]) => {
      const columns = numeric.transposed(a!, m, n);
      const scales = numeric.triangulate(columns, m, n);
      q!.set(numeric.transposed(numeric.orthogonalFactor(columns, m, scales, k), k, m));
      for (let j = 0; j < n; j++) {
        for (let i = 0; i <= Math.min(j, k - 1); i++) r![i * n + j] = columns[j * m + i]!;
      }
    });
  },
  saves: () => ({ outputs: [0, 1] }),
  gradient: ({ grads: [gradQ, gradR], output, outputs }) => {
    const [m, n] = [outputs[0]!.shape.at(-2)!, outputs[1]!.shape.at(-1)!];
    if (outputs[0]!.shape.at(-1)! > n) {
      throw new AutogradError(
        `linalg.qr: there is no gradient of the complete factors of matrices ${m} × ${n}: the last ` +
          `columns of Q are not determined. Use mode "reduced".`,
      );
    }
    const [q, r] = [output(0), output(1)];
    const fromR = gradR && matmul(gradR, transposed(r));
    if (gradQ === undefined) {
      if (fromR === undefined) return [undefined];
      return [transposed(solveUpper(r, transposed(matmul(q, mirrored(triu(fromR))))))];
    }
    const fromQ = matmul(transposed(q), gradQ);
    const inner = mirrored(triu(fromR === undefined ? neg(fromQ) : sub(fromR, fromQ)));
    return [transposed(solveUpper(r, transposed(add(gradQ, matmul(q, inner)))))];
  },
});

/** `A = Q · R`. */
export interface QR {
  /** Orthonormal columns. */
  readonly Q: Tensor;
  /** Upper triangular; its diagonal may be negative, as in LAPACK. */
  readonly R: Tensor;
}

/**
 * `reduced`: Q `[…, m, k]` and R `[…, k, n]` with k = min(m, n); `complete`: Q `[…, m, m]` and
 * R `[…, m, n]`; `r`: as reduced, but without Q.
 */
export type QRMode = "reduced" | "complete" | "r";

/** `A = Q · R` for `[…, m, n]`: `{ Q, R }`. Gradients need linearly independent first columns. */
export const qr = /* @__PURE__ */ composite(
  "qr",
  (x: Tensor, mode: QRMode = "reduced"): QR => {
    requireMatrices("linalg.qr", x);
    if (mode !== "reduced" && mode !== "complete" && mode !== "r") {
      throw new FlambeauError(
        `linalg.qr: mode ${JSON.stringify(mode)} is not known. Expected "reduced", "complete" or "r".`,
      );
    }
    const { Q, R } = factors(x, mode === "complete");
    // PyTorch gives an empty Q.
    return mode === "r" ? { Q: slice(Q, 0, { end: 0 }), R } : { Q, R };
  },
  {
    samples: [
      (make) => [regular(make, [3, 3])],
      (make) => [regular(make, [2, 4, 2])],
      (make) => [regular(make, [2, 4])],
      (make) => [regular(make, [2, 3]), "complete"],
      (make) => [regular(make, [3, 2]), "r"],
      (make) => [make([0, 2])],
    ],
    dtypes: floats,
    skips: refusesExtremes,
  },
);

function factors(x: Tensor, isComplete: boolean): QR {
  const [m, n] = x.shape.slice(-2) as [number, number];
  // The first columns of a wide matrix decide; the others follow, and with them the gradient.
  const square = n > m ? slice(x, -1, { end: m }) : x;
  const [Q, R] = apply(qrOperation, [square], { isComplete }) as [Tensor, Tensor];
  if (n <= m) return { Q, R };
  const rest = matmul(transposed(Q), slice(x, -1, { start: m }));
  return { Q, R: concat([R, rest], -1) };
}

/**
 * The first n columns of the product of reflections `1 - scaleᵢ · vᵢ · vᵢᵀ`, where vᵢ stands below the
 * diagonal of column i of `x` `[…, m, n]` and `scales` is `[…, k]`: Q, as LAPACK keeps it.
 */
export const householderProduct = /* @__PURE__ */ composite(
  "householderProduct",
  (x: Tensor, scales: Tensor): Tensor => {
    requireMatrices("linalg.householderProduct", x);
    requireFloats("linalg.householderProduct", x, scales);
    const [m, n] = x.shape.slice(-2) as [number, number];
    const k = scales.shape.at(-1) ?? 0;
    if (m < n || k > n || scales.ndim !== x.ndim - 1) {
      throw new ShapeError(
        `linalg.householderProduct: expected […, m, n] with m ≥ n and […, k] with k ≤ n, got ` +
          `${showShape(x.shape)} and ${showShape(scales.shape)}.`,
      );
    }
    const one = eye(m, n, { dtype: x.dtype, device: x.device });
    const vectors = add(tril(x, -1), one);
    let result = expand(one, x.shape);
    for (let i = k - 1; i >= 0; i--) {
      const v = slice(vectors, -1, { start: i, end: i + 1 }); // [..., m, 1]
      const scale = unsqueeze(slice(scales, -1, { start: i, end: i + 1 }), -1);
      result = sub(result, matmul(mul(v, scale), matmul(transposed(v), result)));
    }
    return result;
  },
  {
    samples: [(make) => [make([4, 2]), make([2])], (make) => [make([2, 3, 3]), make([2, 2])]],
    dtypes: floats,
  },
);
