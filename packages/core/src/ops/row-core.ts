// What ops that run as row programs share: attributes, states, operands, the batch rule. The ops are in
// softmax.ts, standardize.ts, attention.ts and cross-entropy.ts.
import { apply } from "../apply.ts";
import type { FoldLoops } from "../compiler/fold.ts";
import type { Load, State, Store } from "../compiler/kernel.ts";
import type { DType } from "../dtype.ts";
import type { BatchOperand, OperandDescription, Operation } from "../operation.ts";
import { type Scalar, leaf, s } from "../scalar/instruction.ts";
import { type Tensor, isTensor } from "../tensor.ts";
import { expand, unsqueeze } from "./view.ts";

export interface RowAttributes {
  readonly [name: string]: readonly number[] | number | boolean;
  /** What a row is: sorted and distinct. */
  readonly axes: readonly number[];
}

/** `Σ term`. */
export function summing(position: number, term: Scalar): State {
  const { dtype } = term;
  const total = leaf("state", position, dtype);
  return { dtype, initial: 0, step: s.add(total, term), merge: s.add(total, leaf("other", position, dtype)) };
} // prettier-ignore

/** The largest term; of none, -∞. */
export function largest(position: number, term: Scalar): State {
  const { dtype } = term;
  const max = leaf("state", position, dtype);
  return { dtype, initial: -Infinity, step: s.max(max, term), merge: s.max(max, leaf("other", position, dtype)) };
} // prettier-ignore

/** Operands as loads, or as params where they are bare numbers. */
export function operandLeaves(
  inputs: readonly OperandDescription[],
  dtype: DType,
  load: FoldLoops["load"],
) {
  const loads: Load[] = [];
  const params: DType[] = [];
  const leaves = inputs.map((input) => {
    if (input.isNumber) return leaf("param", params.push(dtype) - 1, dtype);
    loads.push(load(loads.length, input));
    return leaf("load", loads.length - 1, dtype);
  });
  return { loads, params, leaves };
}

/** One value per element to the first output, and one per row to each output after it. */
export const storesOf = (
  { elementStrides, storeStrides }: FoldLoops,
  element: Scalar | undefined,
  perRow: readonly Scalar[] = [],
): Store[] => {
  const store = (value: Scalar, operand: number, strides: readonly number[]): Store => ({
    operand,
    dtype: value.dtype,
    offset: 0,
    strides,
    value,
  });
  const first = element === undefined ? [] : [store(element, 0, elementStrides)];
  return [...first, ...perRow.map((value, i) => store(value, i + first.length, storeStrides))];
};

/**
 * On a batch the axes of a row stand one further. Operands have the rank of the first, whose shape the
 * rows have.
 */
export function batchRows<A extends RowAttributes>(
  this: Operation<A>,
  operands: readonly BatchOperand[],
  attributes: A,
  size: number,
): Tensor[] {
  const values = operands.map(({ value, isBatched }, i) => {
    if (isBatched || !isTensor(value)) return value;
    const raised = unsqueeze(value, 0);
    return i === 0 ? expand(raised, [size, ...value.shape]) : raised;
  });
  return apply(this, values, { ...attributes, axes: attributes.axes.map((axis) => axis + 1) });
}
