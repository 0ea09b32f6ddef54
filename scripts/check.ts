// `npm run check`: format, lint, types, import layers and the fast tests, in under a minute.
import { runTool } from "./run.ts";

const steps: readonly [name: string, tool: string, options: readonly string[]][] = [
  ["format", "oxfmt", ["--check", "."]],
  ["lint", "oxlint", ["--deny-warnings"]],
  ["layers", "tsx", ["scripts/layers.ts"]],
  ["dumps", "tsx", ["scripts/dumps.ts", "--check"]],
  ["docs", "tsx", ["scripts/docs.ts", "--check"]],
  ["header", "tsx", ["scripts/engine-header.ts", "--check"]],
  ["types", "tsc", ["--noEmit"]],
  ["engine", "tsx", ["scripts/build-native.ts", "--optional"]],
  ["tests", "vitest", ["run", "--reporter=dot"]],
];

let failures = 0;
for (const [name, tool, options] of steps) {
  const start = performance.now();
  const { code, output } = await runTool(tool, options, { env: { FLAMBEAU_LANE: "fast" } });
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  console.log(`${code === 0 ? "ok  " : "FAIL"} ${name.padEnd(7)} ${seconds} s`);
  if (code !== 0) {
    failures++;
    console.log(output.trim());
  }
}
if (failures > 0) console.log("`npm run fix` repairs format and what lint can.");
process.exitCode = failures > 0 ? 1 : 0;
