// What reductions share: attributes, loops, shapes, bounds. The ops are in reduction.ts (values) and
// argument-reduction.ts (positions).
import { apply } from "../apply.ts";
import { type DType, integerRange, isFloat } from "../dtype.ts";
import { ShapeError, showShape } from "../errors.ts";
import type { BatchOperand, Description, OperandDescription, Operation } from "../operation.ts";
import { type Shape, contiguousStrides } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import type { Sample } from "./define.ts";

/** Which axes a reduction folds. */
export type Axes = number | readonly number[];

export interface ReduceOptions {
  /** Keeps folded axes with length 1. */
  readonly keepDims?: boolean;
}

export interface ReduceAttributes {
  readonly [name: string]: readonly number[] | boolean;
  /** Sorted and distinct. */
  readonly axes: readonly number[];
  readonly keepDims: boolean;
}

/** `shape` with folded axes of length 1. */
export const keptShape = (shape: Shape, axes: readonly number[]): number[] =>
  shape.map((n, axis) => (axes.includes(axis) ? 1 : n));

/** The shape of the result. */
export const outputShape = (shape: Shape, { axes, keepDims }: ReduceAttributes): number[] =>
  keepDims ? keptShape(shape, axes) : shape.filter((_, axis) => !axes.includes(axis));

/** Loops over kept axes, then folded ones, with the input's strides in that order. */
export function loops(x: OperandDescription, axes: readonly number[], output: Description) {
  const kept = x.shape.map((_, axis) => axis).filter((axis) => !axes.includes(axis));
  const order = [...kept, ...axes];
  const keptLengths = kept.map((axis) => x.shape[axis]!);
  return {
    axes: order.map((axis) => x.shape[axis]!),
    reduced: axes.length,
    load: {
      operand: 0,
      dtype: x.dtype,
      offset: 0,
      strides: order.map((axis) => x.layout.strides[axis]!),
    },
    storeStrides: [...contiguousStrides(keptLengths), ...axes.map(() => 0)],
    dtype: output.dtype,
  };
}

/** On a batch the folded axes stand one further. */
export function batchReduction(
  this: Operation<ReduceAttributes>,
  [x]: readonly BatchOperand[],
  { axes, keepDims }: ReduceAttributes,
): Tensor[] {
  return apply(this, [x!.value], { axes: axes.map((axis) => axis + 1), keepDims });
}

/** Throws where an axis to fold is empty. */
export function requireElements(name: string, shape: Shape, axes: readonly number[]): void {
  const empty = axes.find((axis) => shape[axis] === 0);
  if (empty === undefined) return;
  throw new ShapeError(
    `${name}: axis ${empty} of shape ${showShape(shape)} has no elements, and ${name} of nothing is ` +
      `not defined. Check for an empty batch or slice before it.`,
  );
}

/** The value that any element beats: +1 for minima, -1 for maxima. */
export const boundOf = (dtype: DType, sign: 1 | -1): number | bigint => {
  if (isFloat(dtype)) return sign * Infinity;
  const [least, greatest] = integerRange(dtype);
  return sign > 0 ? greatest : least;
};

/** Ways to call any reduction. */
export const reductionSamples: readonly Sample[] = [
  (make) => [make.distinct([2, 3])],
  (make) => [make.distinct([2, 3]), 1],
  (make) => [make.distinct([2, 3, 4]), [0, 2], { keepDims: true }],
  (make) => [make.distinct([3, 2]), -2],
  (make) => [make.distinct([])],
];
