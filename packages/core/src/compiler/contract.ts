// Contractions as ordinary reductions: what they mean, and what serves where no fast path does.
import { leaf, s } from "../scalar/instruction.ts";
import type { ContractKernel, ReduceKernel } from "./kernel.ts";

/** A contraction is the reduction of products over k. */
export function contractAsReduce(kernel: ContractKernel): ReduceKernel {
  const { accumulator: dtype } = kernel;
  const [a, b] = kernel.loads;
  const product = s.mul(
    s.cast(leaf("load", 0, a!.dtype), dtype),
    s.cast(leaf("load", 1, b!.dtype), dtype),
  );
  const sum = leaf("state", 0, dtype);
  return {
    kind: "reduce",
    axes: kernel.axes,
    reduced: kernel.groups.k,
    loads: kernel.loads,
    params: kernel.params,
    stores: kernel.stores,
    states: [
      { dtype, initial: 0, step: s.add(sum, product), merge: s.add(sum, leaf("other", 0, dtype)) },
    ],
    ...(kernel.initial !== undefined && { initial: kernel.initial }),
  };
}
