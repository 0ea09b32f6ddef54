// Float32 matrix products and convolutions on the wasm backend, in GFLOP/s, one and two threads.
// Run: npx tsx benchmarks/gemm.ts [name]
//
// What tuning taught (Sapphire-Rapids-class cores, SSE-wide WebAssembly; the ceilings are 47 GFLOP/s
// a core for multiply and add, 65 for fused multiply-add, by register-only loops in C):
// - V8 places every load of a basic block before the arithmetic that uses it. An unrolled loop body
//   therefore keeps all its loads alive at once and spills accumulators. One branch after each step
//   of k (the loop test itself) cuts the block: 37 → 47 GFLOP/s, 46 → 60 with relaxed SIMD. Equal
//   conditions are removed by V8's branch elimination; each test must be new to it.
// - A tile must then fit 15 registers: accumulators + one row of B + one splat. 4×8 is best without
//   fused multiply-add, 2×16 with it, 2×4 (or 3×3) for dot products. 4×12, 3×16, 6×8 spill.
// - Packing A is not worth it: splats straight from its rows (or columns) cost nothing. Packing B pays
//   only where its row stride is long (2 KiB and more fall on few cache sets) and A has many rows.
// - Both factors contiguous along k (Linear's x · Wᵀ): dot tiles read both where they lie; no
//   transposing pack.
// - The kernels are functions of their own, called once per strip of columns. V8 tiers up between
//   calls, so the length of `run` does not matter, and a strip of B stays in the first-level cache.
// - Convolutions of stride 1: no im2col. A zero-padded copy of one image (nothing at all without
//   padding) holds every row of the implicit matrix as a slice, and a table has the slices' offsets.
//   Gathering im2col tiles took as long as multiplying them: 17 → 35 GFLOP/s on a 1-channel 3×3 layer.
// - Input gradients of strided convolutions: split by residue into dense parts, else 3/4 of the
//   products are with zeros (7 → 34 GFLOP/s at stride 2).
// - Two threads give 1.8-2.0 × where both cores are idle; with another busy process they give 1 ×.
import {
  type Example,
  convolutionExample,
  createWorkbench,
  matmulExample,
} from "../packages/backend-wasm/src/contract-fixtures.ts";
import { hasRelaxedSimd } from "../packages/backend-wasm/src/platform.ts";
import { compare } from "./harness.ts";

const first = { images: 64, channels: 1, features: 16, height: 28, width: 28, window: 3, padding: 1 }; // prettier-ignore
const second = { images: 64, channels: 16, features: 32, height: 14, width: 14, window: 3, padding: 1 }; // prettier-ignore
const strided = { images: 16, channels: 32, features: 64, height: 28, width: 28, window: 3, padding: 1, stride: 2 }; // prettier-ignore
const depthwise = { images: 8, channels: 64, features: 64, height: 28, width: 28, window: 3, padding: 1, groups: 64 }; // prettier-ignore

const examples = (): Record<string, Example> => ({
  ...Object.fromEntries(
    [16, 64, 128, 256, 512, 1024].map((n) => [`gemm ${n}`, matmulExample(n, n, n)]),
  ),
  "gemm 512, B transposed": matmulExample(512, 512, 512, { transposeB: true }),
  "gemm 512, A transposed": matmulExample(512, 512, 512, { transposeA: true }),
  "linear 64×784 → 512": matmulExample(64, 512, 784, { transposeB: true }),
  "linear 64×128 → 10": matmulExample(64, 10, 128, { transposeB: true }),
  "vector 768 → 3072": matmulExample(1, 3072, 768, { transposeB: true }),
  "96 heads of 64×64×64": matmulExample(64, 64, 64, { batch: 96 }),
  "1000 of 8×8×8": matmulExample(8, 8, 8, { batch: 1000 }),
  ...Object.fromEntries(
    (["forward", "input", "weight"] as const).flatMap((direction) => [
      [`conv 1 → 16 at 28, ${direction}`, convolutionExample(first, direction)],
      [`conv 16 → 32 at 14, ${direction}`, convolutionExample(second, direction)],
      [`conv 32 → 64 at 28 / 2, ${direction}`, convolutionExample(strided, direction)],
      [`depthwise 64 at 28, ${direction}`, convolutionExample(depthwise, direction)],
    ]),
  ),
});

/** Prints GFLOP/s (median and best burst) of every example, or of those whose name contains `filter`. */
export async function benchmarkGemm(filter = ""): Promise<void> {
  const relaxed = hasRelaxedSimd();
  const head = `GFLOP/s${relaxed ? ", relaxed SIMD" : ""}`;
  console.log(`${head.padEnd(30)} 1 thread (best)    2 threads (best)    µs`);
  for (const [name, example] of Object.entries(examples())) {
    if (!name.includes(filter)) continue;
    const benches = [1, 2].map((threads) => createWorkbench(threads, { relaxed, megabytes: 128 }));
    const prepared = benches.map((bench) => bench.prepare(example)!);
    for (const { run } of prepared) run();
    // Workers start with the first job of several chunks.
    await new Promise((resolve) => setTimeout(resolve, 100));
    const timings = await compare(
      prepared.map(({ run }, i) => ({ name: `${i + 1}`, step: run })),
      { burst: 40, rounds: 11, warmup: 150 },
    );
    const rate = (milliseconds: number) =>
      (example.flops / milliseconds / 1e6).toFixed(1).padStart(6);
    const columns = timings.map((t) => `${rate(t.median)} (${rate(t.fastest)})`);
    const microseconds = (timings[0]!.median * 1000).toFixed(1).padStart(9);
    console.log(`${name.padEnd(30)} ${columns.join("    ")} ${microseconds}`);
    for (const { pool } of benches) pool.close();
  }
}

if (import.meta.filename === process.argv[1]) {
  await benchmarkGemm(process.argv[2]);
  process.exit(0);
}
