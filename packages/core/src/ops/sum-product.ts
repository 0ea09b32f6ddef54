// Sums of products over axes, in one kernel. No public ops here.
import { apply } from "../apply.ts";
import { foldLoops, foldedShape } from "../compiler/fold.ts";
import type { ReduceKernel } from "../compiler/kernel.ts";
import type { Operation } from "../operation.ts";
import { leaf, s } from "../scalar/instruction.ts";
import type { Tensor } from "../tensor.ts";
import { mul } from "./arithmetic.ts";
import { conj } from "./complex.ts";
import { primitive } from "./define.ts";

interface SumAttributes {
  readonly [name: string]: readonly number[];
  /** Sorted and distinct; they stay with length 1. */
  readonly axes: readonly number[];
}

const sumProductOperation: Operation<SumAttributes> = /* @__PURE__ */ primitive({
  name: "sumProduct",
  infer: ([a], { axes }) => [{ shape: foldedShape(a!.shape, axes), dtype: a!.dtype }],
  lower([a, b], { axes }): ReduceKernel {
    const loops = foldLoops(a!.shape, axes);
    const { dtype } = a!;
    const sum = leaf("state", 0, dtype);
    const product = s.mul(leaf("load", 0, dtype), leaf("load", 1, dtype));
    const merge = s.add(sum, leaf("other", 0, dtype));
    return {
      kind: "reduce",
      axes: loops.axes,
      reduced: loops.reduced,
      loads: [loops.load(0, a!), loops.load(1, b!)],
      params: [],
      states: [{ dtype, initial: 0, step: s.add(sum, product), merge }],
      stores: [{ operand: 0, dtype, offset: 0, strides: loops.storeStrides, value: sum }],
    };
  },
  saves: ([first, second]) => ({ inputs: [...(second ? [0] : []), ...(first ? [1] : [])] }),
  gradient: ({ grads, needs, input }) => [
    needs[0] ? mul(grads[0]!, conj(input(1))) : undefined,
    needs[1] ? mul(grads[0]!, conj(input(0))) : undefined,
  ],
});

/** `Σ a · b` over `axes`, which stay with length 1; equal shapes and dtypes. */
export const sumProduct = (a: Tensor, b: Tensor, axes: readonly number[]): Tensor =>
  apply(sumProductOperation, [a, b], { axes })[0]!;
