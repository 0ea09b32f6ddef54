// `npm run bench`: every benchmark, or those whose names are given (`npm run bench -- gemm mlp`).
import { availableParallelism, cpus } from "node:os";
import { benchmarkCnn } from "./cnn.ts";
import { benchmarkGemm } from "./gemm.ts";
import { benchmarkKernels } from "./kernels.ts";
import { benchmarkMlp } from "./mlp.ts";
import { benchmarkOverhead } from "./overhead.ts";

const benchmarks: Record<string, () => Promise<void>> = {
  gemm: benchmarkGemm,
  kernels: benchmarkKernels,
  overhead: benchmarkOverhead,
  mlp: benchmarkMlp,
  cnn: benchmarkCnn,
};

const asked = process.argv.slice(2);
const unknown = asked.filter((name) => !Object.hasOwn(benchmarks, name));
if (asked.includes("--help") || unknown.length > 0) {
  console.log(`npm run bench -- [${Object.keys(benchmarks).join(" | ")} …]`);
  process.exit(unknown.length > 0 && !asked.includes("--help") ? 1 : 0);
}
console.log(
  `Node ${process.version}, ${cpus()[0]?.model ?? "unknown processor"}, ` +
    `${availableParallelism()} cores, FLAMBEAU_THREADS=${process.env.FLAMBEAU_THREADS ?? "default"}`,
);
for (const name of asked.length > 0 ? asked : Object.keys(benchmarks)) await benchmarks[name]!();
process.exit(0);
