// Functions of two numbers that need a loop per element, as ops: routines over operands of one shape.
import { apply } from "../apply.ts";
import type { RoutineKernel } from "../compiler/kernel.ts";
import {
  type DType,
  type TypedArray,
  dtypeOfNumber,
  isComplex,
  isFloat,
  isInteger,
  resultType,
} from "../dtype.ts";
import { DTypeError } from "../errors.ts";
import type { GradientContext, Operation, TensorLike } from "../operation.ts";
import { broadcastShapes } from "../shape.ts";
import { type Tensor, isTensor } from "../tensor.ts";
import { cast } from "./cast.ts";
import { full } from "./creation.ts";
import { type Op, type Tested, composite, primitive } from "./define.ts";
import { expand } from "./view.ts";

type Gradient = (context: GradientContext<Record<never, never>>) => readonly (Tensor | undefined)[];

/** An operation on two operands of equal shape and dtype, computed in float64 (int64: in bigints). */
export function hostOperation(
  name: string,
  compute: (x: never, y: never) => number | bigint,
  rule: Pick<Operation, "saves"> & { readonly gradient?: Gradient } = {},
): Operation {
  const call = compute as (x: number | bigint, y: number | bigint) => number | bigint;
  return primitive({
    name,
    infer: ([x]) => [{ shape: x!.shape, dtype: x!.dtype }],
    lower: (inputs, _attributes, outputs): RoutineKernel => ({
      kind: "routine",
      name,
      inputs,
      outputs,
      run([x, y], [result]) {
        for (let i = 0; i < result!.length; i++) set(result!, i, call(x![i]!, y![i]!));
      },
    }),
    ...(rule as Partial<Operation>),
  });
}

const set = (array: TypedArray, i: number, value: number | bigint): void => {
  array[i] = value as never;
};

/** Operands promoted and broadcast to each other; numbers join the tensor beside them. */
export function aligned(name: string, dtype: "float" | "whole", pair: readonly [TensorLike, TensorLike]): [Tensor, Tensor] {
  const beside = pair.find(isTensor);
  if (beside === undefined) {
    throw new DTypeError(`${name}: expected a tensor among the operands. Use tensor(…) for numbers.`);
  }
  let common: DType = resultType(
    pair.map((x) =>
      isTensor(x)
        ? { dtype: x.dtype, standing: x.ndim === 0 ? "zero-dimensional" : "dimensioned" }
        : { dtype: dtypeOfNumber(x as number), standing: "number" },
    ),
  );
  if (isComplex(common)) {
    throw new DTypeError(`${name}: expected real numbers, got ${common}. Take abs(x) or its real part.`);
  }
  if (dtype === "float" && !isFloat(common)) common = "float32";
  if (dtype === "whole" && !isInteger(common)) {
    throw new DTypeError(`${name}: expected integers, got ${common}. Cast with to("int64").`);
  }
  const tensors = pair.map((x) =>
    isTensor(x) ? cast(x, common) : full([], x as number, { dtype: common, device: beside.device }),
  );
  const shape = broadcastShapes(name, ...tensors.map((x) => x.shape));
  return tensors.map((x) => expand(x, shape)) as [Tensor, Tensor];
} // prettier-ignore

export type HostFunction = (x: TensorLike, y: TensorLike) => Tensor;

/** The public op of a host operation. */
export const hostFunction = (
  operation: Operation,
  dtype: "float" | "whole",
  tested: Tested,
): Op<HostFunction> =>
  composite(
    operation.name,
    (x: TensorLike, y: TensorLike): Tensor =>
      apply(operation, aligned(operation.name, dtype, [x, y]), {})[0]!,
    { ...tested, isDifferentiable: operation.gradient !== undefined },
  );
