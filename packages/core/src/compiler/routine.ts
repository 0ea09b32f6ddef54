// Routines read contiguous operands (unless they say strides) of the dtypes that JavaScript's typed arrays have:
// others are copied for the time of the call (stages.ts). 16-bit floats reach them as float32, complex numbers as pairs.
import { isHalf, realDType, valueDType, wordsOf } from "../dtype.ts";
import type { OperandDescription } from "../operation.ts";
import { leaf, s } from "../scalar/instruction.ts";
import { sizeOf } from "../shape.ts";
import type { MapKernel, RoutineOperand } from "./kernel.ts";
import { broadcastLoad, contiguousStore } from "./lower.ts";

/** What the routine's function sees of an operand. */
export function visible(operand: RoutineOperand): RoutineOperand {
  const { dtype, shape } = operand;
  if (operand.strides !== undefined) return operand;
  return {
    dtype: isHalf(dtype) ? valueDType(dtype) : realDType(dtype),
    shape: wordsOf(dtype) === 2 ? [...shape, 2] : shape,
  };
}

/** An operand whose last axis has neighbours, read as it lies; for dtypes that typed arrays have. */
export function asItLies({ dtype, shape, layout }: OperandDescription): RoutineOperand {
  const { strides, isContiguous } = layout;
  const isPlain = isContiguous || strides.at(-1) !== 1 || strides.some((stride) => stride < 0);
  return isPlain ? { dtype, shape } : { dtype, shape, strides };
}

/** How many elements from the first to the last one of a routine's operand. */
export function spanOf({ shape, strides }: RoutineOperand): number {
  const size = sizeOf(shape);
  if (strides === undefined || size === 0) return size;
  return shape.reduce((span, length, axis) => span + (length - 1) * strides[axis]!, 1);
}

/** How an operand is made contiguous and visible, or `undefined` where it is. */
export function contiguousCopy(operand: OperandDescription): MapKernel | undefined {
  const { layout, shape, dtype } = operand;
  if (layout.isContiguous && !isHalf(dtype)) return undefined;
  const to = isHalf(dtype) ? valueDType(dtype) : dtype;
  return {
    kind: "map",
    axes: shape,
    loads: [broadcastLoad(0, operand, shape)],
    params: [],
    stores: [contiguousStore(shape, s.cast(leaf("load", 0, dtype), to))],
  };
}
