// Loops of reductions and row programs: kept axes outermost, then folded ones; any number of operands.
import type { OperandDescription } from "../operation.ts";
import { type Shape, broadcastStrides, contiguousStrides } from "../shape.ts";
import type { Load } from "./kernel.ts";

export interface FoldLoops {
  /** Loop lengths: kept axes, then folded ones. */
  readonly axes: readonly number[];
  /** How many of them are folded. */
  readonly reduced: number;
  /** Strides of a row-major result. */
  readonly storeStrides: readonly number[];
  /** Strides of a row-major result that is not folded. */
  readonly elementStrides: readonly number[];
  /** Reads an operand as if it had been broadcast to the folded shape. */
  load(operand: number, input: OperandDescription): Load;
}

/** Folds `folded` axes (sorted, distinct) of `shape`. */
export function foldLoops(shape: Shape, folded: readonly number[]): FoldLoops {
  const kept = shape.map((_, axis) => axis).filter((axis) => !folded.includes(axis));
  const order = [...kept, ...folded];
  const strides = contiguousStrides(shape);
  return {
    axes: order.map((axis) => shape[axis]!),
    reduced: folded.length,
    storeStrides: [...contiguousStrides(kept.map((axis) => shape[axis]!)), ...folded.map(() => 0)],
    elementStrides: order.map((axis) => strides[axis]!),
    load(operand, input) {
      const strides = broadcastStrides(input.shape, input.layout.strides, shape);
      const ordered = order.map((axis) => strides[axis]!);
      return { operand, dtype: input.dtype, offset: 0, strides: ordered };
    },
  };
}

/** `shape` with folded axes of length 1. */
export const foldedShape = (shape: Shape, folded: readonly number[]): number[] =>
  shape.map((n, axis) => (folded.includes(axis) ? 1 : n));
