// The laws of linear algebra on random matrices, gradients of what reads only one triangle, degenerate
// matrices, and the texts of errors. Generated tests cover the rest.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { gradcheck, gradgradcheck } from "../../autograd/gradcheck.ts";
import * as f from "../../index.ts";
import type { Tensor } from "../../tensor.ts";
import * as linalg from "./index.ts";

const float64 = { dtype: "float64" } as const;

/** Entries are quarters: many ties and zeros, and exact. */
const matrices = (rows: number, columns: number): fc.Arbitrary<Tensor> =>
  fc
    .array(fc.integer({ min: -12, max: 12 }), {
      minLength: rows * columns,
      maxLength: rows * columns,
    })
    .map((values) =>
      f.tensor(
        Float64Array.from(values, (x) => x / 4),
        { shape: [rows, columns] },
      ),
    );

const anyMatrix = fc
  .tuple(fc.integer({ min: 1, max: 7 }), fc.integer({ min: 1, max: 7 }))
  .chain(([rows, columns]) => matrices(rows, columns));
const squareMatrix = fc.integer({ min: 1, max: 7 }).chain((n) => matrices(n, n));

/** The largest difference of two tensors. */
function gap(a: Tensor, b: Tensor): number {
  expect(a.shape).toEqual(b.shape);
  return a.size === 0 ? 0 : f.amax(f.abs(f.sub(a, b))).itemSync();
}

const one = (n: number): Tensor => f.eye(n, n, float64);
const mT = (x: Tensor): Tensor => f.transpose(x, -1, -2);
const product = (...factors: Tensor[]): Tensor => factors.reduce((a, b) => f.matmul(a, b));
const symmetricOf = (x: Tensor): Tensor => f.add(x, mT(x));

const holds = <T>(matrix: fc.Arbitrary<T>, law: (a: T) => void): void =>
  fc.assert(
    fc.property(matrix, (a) => f.scope(() => law(a))),
    { numRuns: 60 },
  );

describe("factors multiply to the matrix", () => {
  it("A = Q · R, QᵀQ = 1, R upper", () => {
    holds(anyMatrix, (a) => {
      for (const mode of ["reduced", "complete"] as const) {
        const { Q, R } = linalg.qr(a, mode);
        expect(gap(product(Q, R), a)).toBeLessThan(1e-13);
        expect(gap(product(mT(Q), Q), one(Q.shape[1]!))).toBeLessThan(1e-13);
        expect(gap(f.triu(R), R)).toBe(0);
      }
    });
  });

  it("A = U · S · Vh, also full, of any rank", () => {
    holds(anyMatrix, (a) => {
      const k = Math.min(...a.shape);
      for (const fullMatrices of [false, true]) {
        const { U, S, Vh } = linalg.svd(a, { fullMatrices });
        const used = [f.slice(U, 1, { end: k }), f.slice(Vh, 0, { end: k })] as const;
        expect(gap(product(f.mul(used[0], S), used[1]), a)).toBeLessThan(2e-13);
        expect(gap(product(mT(U), U), one(U.shape[1]!))).toBeLessThan(1e-13);
        expect(gap(product(Vh, mT(Vh)), one(Vh.shape[0]!))).toBeLessThan(1e-13);
        expect(gap(linalg.svdvals(a), S)).toBeLessThan(1e-13);
        expect(gap(f.sort(S, 0, { descending: true }).values, S)).toBe(0);
      }
    });
  });

  it("A · V = V · Λ for symmetric A", () => {
    holds(squareMatrix, (x) => {
      const a = symmetricOf(x);
      const { eigenvalues, eigenvectors } = linalg.eigh(a);
      expect(gap(product(a, eigenvectors), f.mul(eigenvectors, eigenvalues))).toBeLessThan(2e-13);
      expect(gap(product(mT(eigenvectors), eigenvectors), one(x.shape[0]!))).toBeLessThan(1e-13);
      expect(gap(f.sort(eigenvalues, 0).values, eigenvalues)).toBe(0);
    });
  });

  it("A · V = V · Λ in complex numbers, also for matrices without a basis of eigenvectors", () => {
    holds(squareMatrix, (a) => {
      const { eigenvalues, eigenvectors } = linalg.eig(a);
      const turned = product(a.to("complex128"), eigenvectors);
      expect(gap(turned, f.mul(eigenvectors, eigenvalues))).toBeLessThan(1e-12);
      const lengths = linalg.vectorNorm(f.abs(eigenvectors), 2, 0);
      expect(gap(lengths, f.onesLike(lengths))).toBeLessThan(1e-13);
      const trace = f.matrixTrace(a).itemSync();
      expect(f.sum(f.real(eigenvalues)).itemSync()).toBeCloseTo(trace, 11);
    });
  });

  it("A = P · L · U, also singular and not square", () => {
    holds(anyMatrix, (a) => {
      const { P, L, U } = linalg.lu(a);
      expect(gap(product(P, L, U), a)).toBeLessThan(1e-13);
      expect(f.amax(f.abs(L)).itemSync()).toBe(1);
    });
  });

  it("A = L · Lᵀ = Uᵀ · U", () => {
    holds(squareMatrix, (x) => {
      const a = f.add(product(x, mT(x)), one(x.shape[0]!));
      const L = linalg.cholesky(a);
      expect(gap(product(L, mT(L)), a)).toBeLessThan(1e-12);
      expect(gap(linalg.cholesky(a, { upper: true }), mT(L))).toBeLessThan(1e-13);
      expect(gap(product(linalg.choleskyInverse(L), a), one(x.shape[0]!))).toBeLessThan(1e-9);
      expect(gap(product(a, linalg.choleskySolve(x, L)), x)).toBeLessThan(1e-9);
    });
  });
});

describe("inverses and systems", () => {
  it("complex ones", () => {
    holds(fc.integer({ min: 1, max: 6 }).chain((n) => fc.tuple(matrices(n, n), matrices(n, n))), ([re, im]) => {
      const n = re.shape[0]!;
      const a = f.add(f.complex(re, im), f.mul(one(n), 20));
      const inverse = linalg.inv(a);
      expect(gap(product(a, inverse), one(n).to("complex128"))).toBeLessThan(1e-13);
      expect(gap(linalg.solve(a, a), one(n).to("complex128"))).toBeLessThan(1e-13);
      const both = f.mul(linalg.det(a), linalg.det(inverse));
      expect(gap(both, f.onesLike(both))).toBeLessThan(1e-12);
      const { sign, logabsdet } = linalg.slogdet(a);
      expect(gap(f.div(f.mul(sign, f.exp(logabsdet)), linalg.det(a)), f.onesLike(both))).toBeLessThan(1e-12);
      expect(gap(f.exp(f.sub(linalg.logdet(a), logabsdet)), sign)).toBeLessThan(1e-12);
    });
  }); // prettier-ignore

  const regular = squareMatrix.map((x) => f.add(x, f.mul(one(x.shape[0]!), 25)));

  it("A⁻¹ · A = 1, det(A) · det(A⁻¹) = 1", () => {
    holds(regular, (a) => {
      const inverse = linalg.inv(a);
      expect(gap(product(inverse, a), one(a.shape[0]!))).toBeLessThan(1e-13);
      const determinants = f.mul(linalg.det(a), linalg.det(inverse));
      expect(determinants.itemSync()).toBeCloseTo(1, 12);
      const { sign, logabsdet } = linalg.slogdet(a);
      const again = f.mul(sign, f.exp(logabsdet)).itemSync();
      expect(again / linalg.det(a).itemSync()).toBeCloseTo(1, 12);
      expect(gap(linalg.matrixPower(a, -2), product(inverse, inverse))).toBeLessThan(1e-13);
    });
  });

  it("solve, luSolve and lstsq agree", () => {
    holds(regular, (a) => {
      const b = f.slice(a, 1, { end: 1 });
      const x = linalg.solve(a, b);
      const { LU, pivots } = linalg.luFactor(a);
      expect(gap(product(a, x), b)).toBeLessThan(1e-12);
      expect(gap(linalg.luSolve(LU, pivots, b), x)).toBeLessThan(1e-13);
      expect(gap(linalg.luSolve(LU, pivots, b, { adjoint: true }), linalg.solve(mT(a), b))).toBeLessThan(1e-13); // prettier-ignore
      expect(gap(linalg.lstsq(a, b).solution, x)).toBeLessThan(1e-12);
      expect(gap(linalg.solve(a, mT(b), { left: false }), mT(linalg.solve(mT(a), b)))).toBeLessThan(1e-13); // prettier-ignore
    });
  });

  it("the four conditions of the pseudo-inverse, of any rank", () => {
    holds(anyMatrix, (a) => {
      const p = linalg.pinv(a);
      expect(gap(product(a, p, a), a)).toBeLessThan(1e-9);
      expect(gap(product(p, a, p), p)).toBeLessThan(1e-9);
      expect(gap(product(a, p), mT(product(a, p)))).toBeLessThan(1e-9);
      expect(gap(product(p, a), mT(product(p, a)))).toBeLessThan(1e-9);
    });
  });

  it("exp(A) · exp(-A) = 1, and the exponential of a rotation", () => {
    holds(squareMatrix, (x) => {
      const [there, back] = [linalg.matrixExp(x), linalg.matrixExp(f.neg(x))];
      const size = f.amax(f.abs(there)).itemSync() * f.amax(f.abs(back)).itemSync();
      expect(gap(product(there, back), one(x.shape[0]!))).toBeLessThan(
        1e-13 * Math.max(1, size) * 50,
      );
    });
    const turn = f.tensor([[0, -2.5], [2.5, 0]], float64); // prettier-ignore
    const expected = [Math.cos(2.5), -Math.sin(2.5), Math.sin(2.5), Math.cos(2.5)];
    linalg.matrixExp(turn).dataSync().forEach((x, i) => expect(x).toBeCloseTo(expected[i]!, 14)); // prettier-ignore
  });
});

describe("gradients of what reads one triangle", () => {
  const start = (...shape: number[]): Tensor => {
    const x = f.randn(shape, { ...float64, generator: new f.Generator(f.defaultDevice(), 7) });
    return f.tensor(x.dataSync(), { shape, ...float64, requiresGrad: true });
  };
  const cases: { readonly [name: string]: (x: Tensor) => unknown } = {
    cholesky: (x) => linalg.cholesky(f.add(product(x, mT(x)), one(3))),
    eigvalsh: (x) => linalg.eigvalsh(symmetricOf(x)),
    eigh: (x) => linalg.eigh(symmetricOf(x)),
    "pinv, hermitian": (x) => linalg.pinv(symmetricOf(x), { hermitian: true }),
    "choleskySolve, by its factor": (x) => {
      const factor = f.add(f.tril(x), f.mul(one(3), 4));
      return linalg.choleskySolve(x, factor);
    },
    "choleskyInverse, by its factor": (x) =>
      linalg.choleskyInverse(f.add(f.tril(x), f.mul(one(3), 4))),
    "svd, full": (x) => {
      const { U, S } = linalg.svd(f.slice(x, -1, { end: 2 }));
      return { S, U: f.slice(U, -1, { end: 2 }) };
    },
  };
  for (const [name, body] of Object.entries(cases)) {
    it(name, () => {
      gradcheck(body, [start(3, 3)]);
      gradgradcheck(body, [start(3, 3)]);
      gradcheck(body, [start(2, 3, 3)]);
    });
  }

  const complexOf = (x: Tensor): Tensor => f.viewAsComplex(x);
  const complexCases: { readonly [name: string]: (x: Tensor) => unknown } = {
    "inv, complex": (x) => f.viewAsReal(linalg.inv(complexOf(x))),
    "solve, complex": (x) => f.viewAsReal(linalg.solve(complexOf(x), f.sin(complexOf(x)))),
    "det, complex": (x) => f.viewAsReal(linalg.det(complexOf(x))),
    "slogdet, complex": (x) => {
      const { sign, logabsdet } = linalg.slogdet(complexOf(x));
      return [f.viewAsReal(sign), logabsdet];
    },
    "logdet, complex": (x) => f.viewAsReal(linalg.logdet(complexOf(x))),
  };
  for (const [name, body] of Object.entries(complexCases)) {
    it(name, () => {
      gradcheck(body, [start(3, 3, 2)]);
      gradgradcheck(body, [start(3, 3, 2)]);
    });
  }

  it("eig, by what does not depend on lengths and directions", () => {
    // exp(A), of which the real part is all.
    const body = (x: Tensor): Tensor => {
      const { eigenvalues, eigenvectors } = linalg.eig(x);
      const scaled = f.mul(eigenvectors, f.exp(eigenvalues));
      return f.real(product(scaled, linalg.inv(eigenvectors)));
    };
    const x = start(4, 4);
    expect(gap(body(x), linalg.matrixExp(x))).toBeLessThan(1e-12);
    gradcheck(body, [x]);
    gradgradcheck(body, [x]);
    gradcheck((y) => f.abs(linalg.eig(y).eigenvectors), [x]);
    gradcheck((y) => f.viewAsReal(linalg.eigvals(y)), [x]);
  });

  it("the determinant of singular matrices", () => {
    const x = f.tensor([[1, 2, 3], [2, 4, 6], [1, 0, 1]], { ...float64, requiresGrad: true }); // prettier-ignore
    gradcheck(linalg.det, [x]);
    gradcheck(linalg.det, [f.tensor([[0, 0], [0, 0]], { ...float64, requiresGrad: true })]); // prettier-ignore
  });

  it("vmap runs one call for the batch", () => {
    const x = f.add(start(4, 3, 3).detach(), f.mul(one(3), 5));
    expect(gap(f.func.vmap(linalg.inv)(x), linalg.inv(x))).toBe(0);
    const b = start(3, 2).detach();
    const solved = f.func.vmap((a: Tensor) => linalg.solve(a, b))(x);
    expect(gap(solved, linalg.solve(x, b))).toBe(0);
  });
});

describe("degenerate matrices", () => {
  const singular = f.tensor([[[1, 0], [0, 1]], [[1, 2], [2, 4]]]); // prettier-ignore

  it("ranks, conditions and determinants", () => {
    expect(linalg.matrixRank(singular).toArray()).toEqual([2, 1]);
    expect(f.abs(linalg.det(singular)).toArray()).toEqual([1, 0]);
    expect(linalg.cond(singular, 1).toArray()).toEqual([1, Infinity]);
    expect(linalg.slogdet(singular).logabsdet.toArray()).toEqual([0, -Infinity]);
    expect(linalg.invEx(singular).info.toArray()).toEqual([0, 2]);
    expect(linalg.logdet(f.tensor([[0, 1], [1, 0]])).itemSync()).toBeNaN(); // prettier-ignore
  });

  it("svdvals have a gradient where values are equal", () => {
    const x = f.tensor([[2, 0], [0, 2]], { requiresGrad: true }); // prettier-ignore
    f.sum(linalg.svdvals(x)).backward();
    expect(x.grad!.toArray()).toEqual([[1, 0], [0, 1]]); // prettier-ignore
  });

  it("errors say which matrix and what to do", () => {
    const messages = [
      () => linalg.inv(singular),
      () => linalg.solve(singular, f.ones([2, 2, 1])),
      () => linalg.cholesky(f.neg(singular)),
      () => linalg.inv(f.ones([2, 3])),
      () => linalg.inv(f.ones([2])),
      () => linalg.inv(f.ones([2, 2], { dtype: "int32" })),
      () => linalg.solve(f.eye(3), f.ones([2, 2])),
      () => linalg.svd(f.tensor([[NaN]])),
      () => linalg.eigh(f.tensor([[Infinity]])),
      () => f.sum(linalg.qr(f.ones([3, 2], { requiresGrad: true }), "complete").R).backward(),
    ].map((body) => {
      try {
        body();
      } catch (error) {
        return String(error);
      }
      return "nothing was thrown";
    });
    expect(messages).toMatchInlineSnapshot(`
      [
        "LinAlgError: linalg.inv: matrix [1] of the batch is singular: pivot 2 is zero. Check it with linalg.matrixRank; linalg.lstsq and linalg.pinv take singular matrices.",
        "LinAlgError: linalg.solve: matrix [1] of the batch is singular: pivot 2 is zero. Check it with linalg.matrixRank; linalg.lstsq and linalg.pinv take singular matrices.",
        "LinAlgError: linalg.cholesky: matrix [0] of the batch is not positive definite: its leading minor of order 1 is not positive. Add a small multiple of the identity, or use linalg.eigh.",
        "ShapeError: linalg.inv: expected square matrices […, n, n], got shape [2, 3] (2 ≠ 3). linalg.lstsq and linalg.pinv take any shape.",
        "ShapeError: linalg.inv: expected a matrix or a batch of them […, m, n], got shape [2].",
        "DTypeError: linalg.inv: expected float32, float64, complex64 or complex128, got int32. Cast with to("float32").",
        "ShapeError: linalg.solve: the matrices [3, 3] do not fit the right-hand side [2, 2] (3 ≠ 2 rows).",
        "LinAlgError: linalg.svd: the matrix holds NaN or infinities. Check what made it with isfinite.",
        "LinAlgError: linalg.eigh: no eigenvalues were found of the matrix. Check it for NaN and infinities, and scale it down.",
        "AutogradError: linalg.qr: there is no gradient of the complete factors of matrices 3 × 2: the last columns of Q are not determined. Use mode "reduced".",
      ]
    `);
  });
});
