// Building blocks for lowering: accesses from layouts, and the commonest kernels.
import type { DType } from "../dtype.ts";
import type { OperandDescription } from "../operation.ts";
import { type Scalar, leaf } from "../scalar/instruction.ts";
import { type Shape, broadcastStrides, contiguousStrides } from "../shape.ts";
import type { Load, MapKernel, Store } from "./kernel.ts";

/** Reads an operand as if it had been broadcast to `axes`. */
export function broadcastLoad(operand: number, input: OperandDescription, axes: Shape): Load {
  const strides = broadcastStrides(input.shape, input.layout.strides, axes);
  return { operand, dtype: input.dtype, offset: 0, strides };
}

/** Reads an operand along loop axes given for each of its own axes; -1 keeps an axis at 0. */
export function loadAlong(
  operand: number,
  input: OperandDescription,
  loopAxes: readonly number[],
  ndim: number,
): Load {
  const strides = new Array<number>(ndim).fill(0);
  loopAxes.forEach((loop, axis) => {
    if (loop >= 0) strides[loop]! += input.layout.strides[axis]!;
  });
  return { operand, dtype: input.dtype, offset: 0, strides };
}

/** Writes `value` at every index of `axes`, row-major. */
export const contiguousStore = (axes: Shape, value: Scalar, operand = 0): Store => ({
  operand,
  dtype: value.dtype,
  offset: 0,
  strides: contiguousStrides(axes),
  value,
});

/** Copies what `load` reads, row-major over `axes`. */
export const copyKernel = (axes: Shape, load: Load): MapKernel => ({
  kind: "map",
  axes,
  loads: [load],
  params: [],
  stores: [contiguousStore(axes, leaf("load", 0, load.dtype))],
});

/** An expression of nothing but the indices of `axes`. */
export const generateKernel = (axes: Shape, value: Scalar, params: DType[] = []): MapKernel => ({
  kind: "map",
  axes,
  loads: [],
  params,
  stores: [contiguousStore(axes, value)],
});
