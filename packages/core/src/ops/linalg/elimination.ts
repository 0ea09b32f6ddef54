// Elimination of square matrices, real or complex: which arithmetic suits a dtype.
import { type DType, isComplex } from "../../dtype.ts";
import { eliminateComplex, substituteComplex } from "./numeric-complex.ts";
import { type Elimination, eliminate, substituteFactors } from "./numeric-triangular.ts";

interface SquareElimination {
  /** `a` `[n, n]` becomes its LU factors, in place. */
  eliminate(a: Float64Array, n: number, pivots: Int32Array): Elimination;
  /** `b` `[n, k]` becomes the solution of `A · x = b`, in place. */
  substitute: typeof substituteFactors;
}

const real: SquareElimination = {
  eliminate: (a, n, pivots) => eliminate(a, n, n, pivots),
  substitute: substituteFactors,
};
const complex: SquareElimination = { eliminate: eliminateComplex, substitute: substituteComplex };

/** Elimination of matrices whose elements are float64, or pairs of them. */
export const eliminationOf = (dtype: DType): SquareElimination =>
  isComplex(dtype) ? complex : real;
