// Linear algebra of PyTorch in Flambeau. Assembled in golden-adapter.ts.
import * as f from "@flambeau/core";
import type { Tensor } from "@flambeau/core";
import { type Entry, fn, one } from "./golden-call.ts";

const { linalg } = f;
type Axes = number | readonly number[];

const ranked = (call: typeof linalg.pinv): Entry =>
  fn("A atol rtol hermitian", (x: Tensor, atol?: number, rtol?: number, hermitian?: boolean) =>
    call(x, { atol, rtol, hermitian }),
  );

const triangle = (call: typeof linalg.cholesky): Entry =>
  fn("A upper", (x: Tensor, upper?: boolean) => call(x, { upper }));

/** Checks that multiply factors again, since their signs are arbitrary. */
const checks: Readonly<Record<string, Entry>> = {
  svd_check: one((x: Tensor) => {
    const { U, S, Vh } = linalg.svd(x, { fullMatrices: false });
    return [S, f.matmul(f.mul(U, f.unsqueeze(S, -2)), Vh)];
  }),
  eigh_check: one((x: Tensor) => {
    const { eigenvalues, eigenvectors } = linalg.eigh(x);
    const scaled = f.mul(eigenvectors, f.unsqueeze(eigenvalues, -2));
    return [eigenvalues, f.matmul(scaled, f.transpose(eigenvectors, -2, -1))];
  }),
  eig_check: one((x: Tensor) => {
    const { eigenvalues, eigenvectors } = linalg.eig(x);
    const scaled = f.mul(eigenvectors, f.unsqueeze(eigenvalues, -2));
    return [f.matmul(scaled, linalg.inv(eigenvectors))];
  }),
  qr_check: one((x: Tensor) => {
    const { Q, R } = linalg.qr(x);
    return [f.matmul(Q, R), f.matmul(f.transpose(Q, -2, -1), Q), f.abs(R)];
  }),
  lu_check: one((x: Tensor) => {
    const { P, L, U } = linalg.lu(x);
    return [f.matmul(P, f.matmul(L, U)), L, U];
  }),
};

export const linearAlgebra: Readonly<Record<string, Entry>> = {
  ...checks,
  "torch.linalg.inv": one(linalg.inv),
  "torch.inverse": one(f.inverse),
  "torch.linalg.inv_ex": one((x: Tensor) => {
    const { inverse, info } = linalg.invEx(x);
    return [inverse, info];
  }),
  "torch.linalg.det": one(linalg.det),
  "torch.det": one(f.det),
  "torch.logdet": one(f.logdet),
  "torch.linalg.slogdet": one((x: Tensor) => {
    const { sign, logabsdet } = linalg.slogdet(x);
    return [sign, logabsdet];
  }),
  "torch.linalg.cholesky": triangle(linalg.cholesky),
  "torch.cholesky": triangle(f.cholesky),
  "torch.linalg.cholesky_ex": one((x: Tensor) => {
    const { L, info } = linalg.choleskyEx(x);
    return [L, info];
  }),
  "torch.cholesky_inverse": triangle(f.choleskyInverse),
  "torch.cholesky_solve": fn("B L upper", (b: Tensor, factor: Tensor, upper?: boolean) =>
    f.choleskySolve(b, factor, { upper }),
  ),
  "torch.linalg.solve": fn("A B left", (a: Tensor, b: Tensor, left?: boolean) =>
    linalg.solve(a, b, { left }),
  ),
  "torch.linalg.solve_triangular": fn(
    "A B upper left unitriangular",
    (a: Tensor, b: Tensor, upper: boolean, left?: boolean, unitriangular?: boolean) =>
      linalg.solveTriangular(a, b, { upper, left, unitriangular }),
  ),
  "torch.triangular_solve": fn(
    "b A upper transpose unitriangular",
    (b: Tensor, a: Tensor, upper = true, transpose = false, unitriangular = false) => {
      const [matrix, isUpper] = transpose ? [f.transpose(a, -2, -1), !upper] : [a, upper];
      return [linalg.solveTriangular(matrix, b, { upper: isUpper, unitriangular }), a];
    },
  ),
  "torch.linalg.svdvals": one(linalg.svdvals),
  "torch.linalg.eigvals": one(linalg.eigvals),
  "torch.linalg.eigvalsh": fn("A UPLO", (x: Tensor, uplo?: "L" | "U") =>
    linalg.eigvalsh(x, { uplo }),
  ),
  "torch.linalg.pinv": ranked(linalg.pinv),
  "torch.linalg.matrix_rank": ranked(linalg.matrixRank),
  "torch.pinverse": fn("input rcond", f.pinverse),
  "torch.linalg.matrix_exp": one(linalg.matrixExp),
  "torch.matrix_exp": one(f.matrixExp),
  "torch.matrix_power": fn("input n", f.matrixPower),
  "torch.linalg.matrix_power": fn("input n", linalg.matrixPower),
  "torch.linalg.lstsq": fn("A B rcond", (a: Tensor, b: Tensor, rcond?: number) => {
    const { solution, residuals, rank, singularValues } = linalg.lstsq(a, b, { rcond });
    return [solution, residuals, rank, singularValues];
  }),
  "torch.linalg.cond": fn("A p", linalg.cond),
  "torch.linalg.tensorinv": fn("A ind", linalg.tensorinv),
  "torch.linalg.tensorsolve": fn("A B dims", linalg.tensorsolve),
  "torch.linalg.householder_product": fn("A tau", linalg.householderProduct),
  "torch.linalg.matrix_norm": fn(
    "A ord dim keepdim",
    (x: Tensor, order?: f.linalg.MatrixOrder, axes?: readonly number[], keepDims?: boolean) =>
      linalg.matrixNorm(x, order, axes, { keepDims }),
  ),
  "torch.linalg.norm": fn(
    "A ord dim keepdim",
    (x: Tensor, order?: f.linalg.MatrixOrder, axes?: Axes, keepDims?: boolean) =>
      linalg.norm(x, order, axes, { keepDims }),
  ),
};
