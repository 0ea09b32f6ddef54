// Overhead of an eager op on 16 elements, forward and with backward.
//
// What was learnt: layouts are interned, so a call's cache key is a short string of ids; a hit costs
// one Map look-up, one Storage, one Tensor and the kernel call. FinalizationRegistry.register is the
// largest single cost after the garbage it makes.
import { scope, tensor } from "flambeau";
import { compare, report } from "./harness.ts";

export async function benchmarkOverhead(): Promise<void> {
  const a = tensor(new Float32Array(16).fill(1));
  const b = tensor(new Float32Array(16).fill(2));
  const w = tensor(new Float32Array(16).fill(3), { requiresGrad: true });
  const seed = tensor(new Float32Array(16).fill(1));
  const timings = await compare([
    { name: "add, forward", step: () => a.add(b).dispose() },
    { name: "mul by a number, forward", step: () => a.mul(2).dispose() },
    { name: "tanh, forward", step: () => a.tanh().dispose() },
    {
      name: "mul, forward and backward",
      step: () => {
        scope(() => w.mul(b).backward({ gradient: seed }));
        w.grad = undefined;
      },
    },
  ]);
  report("an eager op on 16 elements", timings);
}

if (process.argv[1]?.endsWith("overhead.ts")) await benchmarkOverhead();
