// Routines read contiguous operands of the dtypes that JavaScript's typed arrays have: others are
// copied for the time of the call (stages.ts). 16-bit floats reach them as float32, complex numbers as pairs.
import { isHalf, realDType, valueDType, wordsOf } from "../dtype.ts";
import type { OperandDescription } from "../operation.ts";
import { leaf, s } from "../scalar/instruction.ts";
import type { MapKernel, RoutineKernel } from "./kernel.ts";
import { broadcastLoad, contiguousStore } from "./lower.ts";

type Argument = RoutineKernel["inputs"][number];

/** What the routine's function sees of an operand. */
export const visible = ({ dtype, shape }: Argument): Argument => ({
  dtype: isHalf(dtype) ? valueDType(dtype) : realDType(dtype),
  shape: wordsOf(dtype) === 2 ? [...shape, 2] : shape,
});

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
