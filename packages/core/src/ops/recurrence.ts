// The linear recurrence `y[i] = b[i] + a[i] · y[i - 1]` along an axis, and the loops that all scans
// share. What the gradients of cumulative ops are made of; the public ones are in cumulative.ts.
import { apply } from "../apply.ts";
import type { Load, ScanKernel } from "../compiler/kernel.ts";
import type { DType } from "../dtype.ts";
import type { OperandDescription, Operation } from "../operation.ts";
import { leaf, s } from "../scalar/instruction.ts";
import { type Shape, contiguousStrides } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { mul } from "./arithmetic.ts";
import { conj } from "./complex.ts";
import { primitive } from "./define.ts";
import { dilatedPad } from "./pad.ts";

export interface ScanAttributes {
  readonly [name: string]: number | boolean;
  readonly axis: number;
  /** From the end of the axis to its start. */
  readonly isReversed: boolean;
}

/** Sums and products of float32 are carried in float64, as PyTorch does. */
export const carried = (dtype: DType): DType =>
  dtype === "float32" ? "float64" : dtype === "complex64" ? "complex128" : dtype;

/** Loops with the scanned axis innermost. */
export function scanLoops(shape: Shape, axis: number) {
  const order = [...shape.keys()].filter((i) => i !== axis);
  order.push(axis);
  const arranged = (list: readonly number[]) => order.map((i) => list[i]!);
  return {
    axes: arranged(shape),
    last: order.length - 1,
    storeStrides: arranged(contiguousStrides(shape)),
    load: (operand: number, { dtype, layout }: OperandDescription): Load => ({
      operand,
      dtype,
      offset: 0,
      strides: arranged(layout.strides),
    }),
  };
}

/** `x[i - 1]` (or `x[i + 1]` where reversed) at every position, `fill` before the first. */
export function previous(x: Tensor, { axis, isReversed }: ScanAttributes, fill = 0): Tensor {
  const none = x.shape.map(() => 0);
  const [before, after] = [none.with(axis, 1), none.with(axis, -1)];
  return isReversed
    ? dilatedPad(x, after, before, none, fill)
    : dilatedPad(x, before, after, none, fill);
}

const recurrenceOperation: Operation<ScanAttributes> = /* @__PURE__ */ primitive({
  name: "recurrence",
  infer: ([a]) => [{ shape: a!.shape, dtype: a!.dtype }],
  lower([a, b], { axis, isReversed }): ScanKernel {
    const { shape, dtype } = a!;
    const loops = scanLoops(shape, axis);
    const wide = carried(dtype);
    const [factor, term] = [s.cast(leaf("load", 0, dtype), wide), s.cast(leaf("load", 1, dtype), wide)]; // prettier-ignore
    const state = leaf("state", 0, wide);
    // The first factor has nothing to multiply: it may be infinite.
    const first = isReversed ? shape[axis]! - 1 : 0;
    const isFirst = s.eq(leaf("index", loops.last, "int32"), first);
    return {
      kind: "scan",
      isReversed,
      axes: loops.axes,
      loads: [loops.load(0, a!), loops.load(1, b!)],
      params: [],
      states: [{ dtype: wide, initial: 0, step: s.select(isFirst, term, s.add(term, s.mul(factor, state))) }],
      stores: [{ operand: 0, dtype, offset: 0, strides: loops.storeStrides, value: s.cast(state, dtype) }],
    }; // prettier-ignore
  },
  saves: ([first]) => ({ inputs: [0], outputs: first ? [0] : [] }),
  gradient({ grads, needs, input, output, attributes }) {
    const isReversed = !attributes.isReversed;
    const back = { ...attributes, isReversed };
    const carriedGrad = recurrence(conj(previous(input(0), back)), grads[0]!, back);
    return [
      needs[0] ? mul(carriedGrad, conj(previous(output(0), attributes))) : undefined,
      needs[1] ? carriedGrad : undefined,
    ];
  },
});

/** `y[i] = b[i] + a[i] · y[i - 1]` along an axis; equal shapes and dtypes. */
export const recurrence = (a: Tensor, b: Tensor, attributes: ScanAttributes): Tensor =>
  apply(recurrenceOperation, [a, b], attributes)[0]!;
