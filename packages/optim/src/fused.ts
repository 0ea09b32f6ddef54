// One kernel for all that a step computes of one parameter: its new value and what is remembered of it.
import { type Tensor, type TensorLike } from "@flambeau/core";
import {
  type MapKernel,
  type Scalar,
  apply,
  broadcastLoad,
  contiguousStore,
  leaf,
  primitive,
  s,
} from "@flambeau/core/extension";

/**
 * A function with several results, all of shape and dtype of the first operand, which is a parameter.
 * The others are tensors that broadcast to it, and numbers. There are no gradients.
 */
export function fused<F extends (...operands: never[]) => readonly (Tensor | undefined)[]>(
  name: string,
  results: number,
  body: (...operands: Scalar[]) => readonly Scalar[],
): F {
  const operation = primitive<{ readonly [name: string]: never }>({
    name,
    infer: ([x]) => Array.from({ length: results }, () => ({ shape: x!.shape, dtype: x!.dtype })),
    lower(inputs, _attributes, [output]): MapKernel {
      const { shape, dtype } = output!;
      const tensors = inputs.filter(({ isNumber }) => !isNumber);
      const loads = tensors.map((input, i) => broadcastLoad(i, input, shape));
      let [load, param] = [0, 0];
      const operands = inputs.map((input) =>
        input.isNumber
          ? leaf("param", param++, dtype)
          : s.cast(leaf("load", load++, input.dtype), dtype),
      );
      const stores = body(...operands).map((value, i) => contiguousStore(shape, value, i));
      return { kind: "map", axes: shape, loads, params: new Array(param).fill(dtype), stores };
    },
  });
  const call = (...operands: TensorLike[]): Tensor[] => apply(operation, operands, {});
  return call as unknown as F;
}
