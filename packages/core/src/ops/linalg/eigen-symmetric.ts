// Eigenvalues and eigenvectors of symmetric matrices.
import { apply } from "../../apply.ts";
import { FlambeauError } from "../../errors.ts";
import type { Operation } from "../../operation.ts";
import type { Tensor } from "../../tensor.ts";
import { add, div, mul, sub } from "../arithmetic.ts";
import { eye } from "../creation.ts";
import { composite } from "../define.ts";
import { diagEmbed } from "../diagonal.ts";
import { matmul } from "../matmul.ts";
import { unsqueeze } from "../view.ts";
import { LinAlgError, type NoAttributes, batchShape, floats, matrixPrimitive, matrixRoutine, requireSquare, transposed } from "./matrices.ts"; // prettier-ignore
import { symmetricEigen } from "./numeric-symmetric.ts";
import { transposed as transposedArray } from "./numeric-reflections.ts";
import { symmetric, symmetricGradient } from "./samples.ts";

/**
 * `1 / (values[j] - values[i])`, 0 on the diagonal: infinite where eigenvalues are equal and their vectors
 * not determined. @internal
 */
export function inverseGaps(values: Tensor): Tensor {
  const n = values.shape.at(-1)!;
  const one = eye(n, n, { dtype: values.dtype, device: values.device });
  const gaps = sub(unsqueeze(values, -2), unsqueeze(values, -1));
  return sub(div(1, add(gaps, one)), one);
}

/** Values ascending, vectors as columns. Magnus, 1985; Giles, 2008, section 3.1. */
const eighOperation: Operation<NoAttributes> = /* @__PURE__ */ matrixPrimitive({
  name: "eigh",
  infer: ([x]) => [{ shape: x!.shape.slice(0, -1), dtype: x!.dtype }, x!],
  lower([x], _, outputs) {
    const n = x!.shape.at(-1)!;
    return matrixRoutine("eigh", [x!], outputs, batchShape(x!), ([a], [values, vectors], name) => {
      const found = symmetricEigen(a!, n, true);
      if (found === undefined) throw unfinished("linalg.eigh", name());
      values!.set(found.values);
      vectors!.set(transposedArray(found.vectors, n, n));
    });
  },
  saves: () => ({ outputs: [0, 1] }),
  gradient: ({ grads: [gradValues, gradVectors], output }) => {
    const vectors = output(1);
    const flipped = transposed(vectors);
    if (gradVectors === undefined) {
      if (gradValues === undefined) return [undefined];
      return [matmul(mul(vectors, unsqueeze(gradValues, -2)), flipped)];
    }
    const turned = mul(matmul(flipped, gradVectors), inverseGaps(output(0)));
    const inner = gradValues === undefined ? turned : add(turned, diagEmbed(gradValues));
    return [matmul(matmul(vectors, inner), flipped)];
  },
});

const unfinished = (what: string, matrix: string): LinAlgError =>
  new LinAlgError(
    `${what}: no eigenvalues were found of ${matrix}. Check it for NaN and infinities, and scale it down.`,
  );

export interface EigenOptions {
  /** Which triangle is read: the lower (`"L"`, default) or the upper (`"U"`). */
  readonly uplo?: "L" | "U";
}

export interface Eigen {
  readonly eigenvalues: Tensor;
  /** The columns; their signs are arbitrary. */
  readonly eigenvectors: Tensor;
}

/**
 * Eigenvalues `[…, n]`, ascending, and orthonormal eigenvectors `[…, n, n]` of symmetric matrices:
 * `{ eigenvalues, eigenvectors }`. The gradient of vectors whose eigenvalues are equal is not finite.
 */
export const eigh = /* @__PURE__ */ composite(
  "eigh",
  (x: Tensor, { uplo = "L" }: EigenOptions = {}): Eigen => {
    requireSquare("linalg.eigh", x);
    if (uplo !== "L" && uplo !== "U") {
      throw new FlambeauError(
        `linalg.eigh: uplo ${JSON.stringify(uplo)} is not known. Expected "L" or "U".`,
      );
    }
    const [eigenvalues, eigenvectors] = apply(
      eighOperation,
      [uplo === "L" ? x : transposed(x)],
      {},
    );
    return { eigenvalues: eigenvalues!, eigenvectors: eigenvectors! };
  },
  {
    samples: [
      (make) => [symmetric(make, [3, 3])],
      (make) => [symmetric(make, [2, 2, 2]), { uplo: "U" }],
      (make) => [make([0, 0])],
    ],
    dtypes: floats,
    skips: symmetricGradient,
  },
);

/** Eigenvalues of symmetric matrices `[…, n, n]`, ascending. */
export const eigvalsh = /* @__PURE__ */ composite(
  "eigvalsh",
  (x: Tensor, options: EigenOptions = {}): Tensor => eigh(x, options).eigenvalues,
  {
    samples: [
      (make) => [symmetric(make, [2, 3, 3])],
      (make) => [symmetric(make, [2, 2]), { uplo: "U" }],
    ],
    dtypes: floats,
    skips: symmetricGradient,
  },
);
