// Ops on rows: the axis in question is moved to the end, and routines see rows of equal length.
import { requireReal } from "../dtype.ts";
import type { RoutineKernel } from "../compiler/kernel.ts";
import { ShapeError, showShape } from "../errors.ts";
import type { Description, OperandDescription } from "../operation.ts";
import { normalizeAxis, sizeOf } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { permute, reshape } from "./view.ts";

/** Values and where they stand along an axis; positions are int32. */
export interface ValuesAndIndices {
  readonly values: Tensor;
  readonly indices: Tensor;
}

/** `x` with `axis` last; 0-d tensors as one row of one element. */
export function rowsOf(x: Tensor, axis: number): Tensor {
  if (x.ndim === 0) return reshape(x, [1]);
  const order = [...x.shape.keys()].filter((i) => i !== axis);
  return permute(x, [...order, axis]);
}

/** Moves the last axis back to where `rowsOf` took it from. */
export function fromRows(rows: Tensor, axis: number, ndim: number): Tensor {
  if (ndim === 0) return reshape(rows, []);
  const order = [...rows.shape.keys()].slice(0, -1);
  order.splice(axis, 0, rows.ndim - 1);
  return permute(rows, order);
}

/** The axis, counted from 0; throws where it is empty and must not be. */
export function rowAxis(name: string, x: Tensor, axis: number, needsElements = false): number {
  const at = normalizeAxis(name, axis, x.ndim);
  if (needsElements && x.shape[at] === 0) {
    throw new ShapeError(
      `${name}: axis ${at} of shape ${showShape(x.shape)} has no elements, and ${name} of nothing is ` +
        `not defined. Check for an empty batch or slice before it.`,
    );
  }
  return at;
}

/** A routine that visits rows of length `n`; `attributes` are what a native kernel needs to know. */
export function rowRoutine(
  name: string,
  inputs: readonly OperandDescription[],
  outputs: readonly Description[],
  attributes: readonly number[],
  prepare: (
    n: number,
  ) => (
    from: Parameters<RoutineKernel["run"]>[0],
    to: Parameters<RoutineKernel["run"]>[1],
    row: number,
  ) => void,
): RoutineKernel {
  const { shape, dtype } = inputs[0]!;
  requireReal(name, dtype);
  const n = shape.at(-1)!;
  const count = sizeOf(shape.slice(0, -1));
  return {
    kind: "routine",
    name,
    inputs,
    outputs,
    attributes,
    run(from, to) {
      const visit = prepare(n);
      for (let row = 0; row < count; row++) visit(from, to, row);
    },
  };
}
