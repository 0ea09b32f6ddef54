// torch.linalg: factors, inverses, eigenvalues and norms of batches of matrices `[…, m, n]`.
export {
  type TriangleOptions, cholesky, choleskyEx, choleskyInverse, choleskySolve,
} from "./cholesky.ts"; // prettier-ignore
export { type LogDeterminant, det, logdet, slogdet } from "./determinant.ts";
export { eig, eigvals } from "./eigen.ts";
export { type Eigen, type EigenOptions, eigh, eigvalsh } from "./eigen-symmetric.ts";
export { matrixExp, matrixPower } from "./exponential.ts";
export { type SolveOptions, inv, invEx, solve } from "./inverse.ts";
export {
  type LU, type LUFactors, type SolveFactorsOptions, lu, luFactor, luSolve, luUnpack,
} from "./lu.ts"; // prettier-ignore
export { LinAlgError } from "./matrices.ts";
export { type MatrixOrder, matrixNorm, norm } from "./norms.ts";
export {
  type LeastSquares, type LeastSquaresOptions, type RankOptions,
  cond, lstsq, matrixRank, pinv, pinverse,
} from "./pseudo-inverse.ts"; // prettier-ignore
export { type QR, type QRMode, householderProduct, qr } from "./qr.ts";
export { type SVD, type SVDOptions, svd, svdvals } from "./svd.ts";
export { tensorinv, tensorsolve } from "./tensor-systems.ts";
export { type TriangularOptions, solveTriangular } from "./triangular.ts";
export { vectorNorm } from "../norms.ts";
export { cross, multiDot } from "../products.ts";
export { vecdot } from "./vectors.ts";
