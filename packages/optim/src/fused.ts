// One kernel for all that a step changes of one parameter: its value and what is remembered of it.
import { FlambeauError, type TensorLike, type Variable } from "@flambeau/core";
import {
  type MapKernel,
  type Scalar,
  applyUpdate,
  broadcastLoad,
  contiguousStore,
  leaf,
  nodesOf,
  operandsOf,
  primitive,
  s,
} from "@flambeau/core/extension";

/** Replaces the values of `targets`; the other operands are tensors that broadcast to them, and numbers. */
export type FusedUpdate = (targets: readonly Variable[], ...operands: TensorLike[]) => void;

/**
 * The next values of a parameter and of its state, all of the parameter's shape and dtype, from their values
 * and other operands: `body` gets `count` targets, then the operands, and gives a value for each target. There
 * are no gradients.
 */
export function fused(
  name: string,
  count: number,
  body: (...operands: Scalar[]) => readonly Scalar[],
): FusedUpdate {
  const operation = primitive<{ readonly [name: string]: never }>({
    name,
    infer: ([x]) => Array.from({ length: count }, () => ({ shape: x!.shape, dtype: x!.dtype })),
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
      const values = body(...operands);
      requireOwnReads(name, values);
      const stores = values.map((value, i) => contiguousStore(shape, value, i));
      return { kind: "map", axes: shape, loads, params: new Array(param).fill(dtype), stores };
    },
  });
  return (targets, ...operands) => applyUpdate(operation, targets, operands, {});
}

/**
 * The kernel may write a target before or after the others: what reads a target must be a part of its own next
 * value, which others may use.
 */
function requireOwnReads(name: string, values: readonly Scalar[]): void {
  const all = nodesOf(...values);
  values.forEach((value, target) => {
    const own = new Set(nodesOf(value));
    const isTarget = (node: Scalar) => node.op === "load" && node.position === target;
    if (all.every((node) => own.has(node) || !operandsOf(node).some(isTarget))) return;
    throw new FlambeauError(`${name}: target ${target} is read for more than its own next value.`);
  });
}
