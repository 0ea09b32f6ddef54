// Eigenvalues and eigenvectors of real matrices that need not be symmetric: complex.
import { apply } from "../../apply.ts";
import { complexDType } from "../../dtype.ts";
import type { Operation } from "../../operation.ts";
import type { Tensor } from "../../tensor.ts";
import { add, mul, sub } from "../arithmetic.ts";
import { conj, real } from "../complex.ts";
import { composite } from "../define.ts";
import { diagEmbed, diagonal } from "../diagonal.ts";
import { matmul } from "../matmul.ts";
import { cast } from "../cast.ts";
import { unsqueeze } from "../view.ts";
import { type Eigen, inverseGaps } from "./eigen-symmetric.ts";
import { solve } from "./inverse.ts";
import { LinAlgError, type NoAttributes, adjoint, batchShape, floats, matrixPrimitive, matrixRoutine, requireSquare } from "./matrices.ts"; // prettier-ignore
import { eigenvectors } from "./numeric-eigen.ts";
import { realSchur } from "./numeric-schur.ts";
import { refusesExtremes, regular } from "./samples.ts";

/** Values, and vectors of length 1 as columns. Boeddeker and others, 2017 (arXiv:1701.00392). */
const eigOperation: Operation<NoAttributes> = /* @__PURE__ */ matrixPrimitive({
  name: "eig",
  infer: ([x]) => {
    const dtype = complexDType(x!.dtype);
    return [
      { shape: x!.shape.slice(0, -1), dtype },
      { shape: x!.shape, dtype },
    ];
  },
  lower([x], _, outputs) {
    const n = x!.shape.at(-1)!;
    return matrixRoutine("eig", [x!], outputs, batchShape(x!), ([a], [values, vectors], name) => {
      const schur = realSchur(a!, n);
      if (schur === undefined) {
        throw new LinAlgError(
          `linalg.eig: no eigenvalues were found of ${name()}. Check it for NaN and infinities, and ` +
            `scale it down.`,
        );
      }
      for (let i = 0; i < n; i++) values!.set([schur.re[i]!, schur.im[i]!], 2 * i);
      vectors!.set(eigenvectors(schur, n));
    });
  },
  saves: () => ({ outputs: [0, 1] }),
  gradient: ({ grads: [gradValues, gradVectors], output }) => {
    const [values, vectors] = [output(0), output(1)];
    const flipped = adjoint(vectors);
    let inner = gradValues && diagEmbed(gradValues);
    if (gradVectors !== undefined) {
      const turned = matmul(flipped, gradVectors);
      // What would change lengths is taken out.
      const along = cast(real(diagonal(turned, 0, -2, -1)), values.dtype);
      const across = sub(turned, mul(matmul(flipped, vectors), unsqueeze(along, -2)));
      const part = mul(across, conj(inverseGaps(values)));
      inner = inner === undefined ? part : add(inner, part);
    }
    return [inner && real(solve(flipped, matmul(inner, flipped)))];
  },
});

/**
 * Eigenvalues `[…, n]` and eigenvectors `[…, n, n]` of real matrices, complex and in no order:
 * `{ eigenvalues, eigenvectors }`. Vectors have length 1 and a largest element that is real; a gradient may
 * not depend on that choice. That of matrices with equal eigenvalues is not finite.
 */
export const eig = /* @__PURE__ */ composite(
  "eig",
  (x: Tensor): Eigen => {
    requireSquare("linalg.eig", x);
    const [eigenvalues, vectors] = apply(eigOperation, [x], {});
    return { eigenvalues: eigenvalues!, eigenvectors: vectors! };
  },
  {
    samples: [(make) => [regular(make, [3, 3])], (make) => [regular(make, [2, 2, 2])]],
    dtypes: floats,
    skips: {
      ...refusesExtremes,
      gradient:
        "directions in the plane are a choice; linalg.test.ts checks what does not depend on it",
    },
  },
);

/** Eigenvalues `[…, n]` of real matrices, complex and in no order. */
export const eigvals = /* @__PURE__ */ composite(
  "eigvals",
  (x: Tensor): Tensor => eig(x).eigenvalues,
  {
    samples: [(make) => [regular(make, [3, 3])], (make) => [regular(make, [2, 2, 2])]],
    dtypes: floats,
    skips: {
      ...refusesExtremes,
      tied: "where entries are zero the order of the values may change",
    },
  },
);
