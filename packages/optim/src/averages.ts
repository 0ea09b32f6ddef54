// Moving averages that several formulas keep, one kernel each.
import type { Tensor, TensorLike } from "@flambeau/core";
import { type Scalar, elementwise, s } from "@flambeau/core/extension";

/** `average + weight · (value - average)`. */
export const movedTowards = (average: Scalar, value: Scalar, weight: Scalar): Scalar =>
  s.add(average, s.mul(weight, s.sub(value, average)));

/** `decay · average + weight · value²`. */
export const movedToSquare = (
  average: Scalar,
  value: Scalar,
  decay: Scalar,
  weight: Scalar,
): Scalar => s.add(s.mul(decay, average), s.mul(s.mul(weight, value), value));

/** The same as ops. */
export const movedAverage = elementwise<
  (average: Tensor, value: Tensor, weight: TensorLike) => Tensor
>("movingAverage", (average, value, weight) => movedTowards(average!, value!, weight!));

export const movedSquares = elementwise<
  (average: Tensor, value: Tensor, decay: TensorLike, weight: TensorLike) => Tensor
>("movingSquares", (average, value, decay, weight) =>
  movedToSquare(average!, value!, decay!, weight!),
);

/** `1 - βᵗ`, from log β: exact also where βᵗ is close to 1. */
export const correctionOf = (step: Scalar, logBeta: Scalar): Scalar =>
  s.neg(s.expm1(s.mul(step, logBeta)));

/** The same as an op. */
export const biasCorrection = elementwise<(step: Tensor, logBeta: TensorLike) => Tensor>(
  "biasCorrection",
  (step, logBeta) => correctionOf(step!, logBeta!),
);
