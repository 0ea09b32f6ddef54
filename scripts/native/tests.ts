// `npm run test:engine`: builds and runs the engine's C++ tests, for every instruction set that this
// processor has; `--sanitize address,undefined` or `--sanitize thread` under a sanitizer. CI runs all three.
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { spawn } from "node:child_process";
import { Command } from "commander";
import { buildEngine, packageFolder } from "./build.ts";

const program = new Command("test:engine")
  .argument("[names...]", "tests to run; all of them by default")
  .option("--sanitize <list>", "address,undefined or thread")
  .option("--cpu <list>", "instruction sets", process.arch === "x64" ? "avx512,avx2,baseline" : "")
  .option("--verbose", "print each step of the build")
  .parse();
const { sanitize, cpu, verbose } = program.opts<{
  sanitize?: string;
  cpu: string;
  verbose?: boolean;
}>();

const all = readdirSync(join(packageFolder, "engine/tests"))
  .filter((name) => name.endsWith(".test.cpp"))
  .map((name) => name.replace(".test.cpp", ""));
const names = program.args.length > 0 ? program.args : all;

/** Runs a test program to its end; its output is shown where it fails. */
function run(path: string, set: string): Promise<{ code: number; output: string }> {
  return new Promise((resolve) => {
    const env = { ...process.env, ...(set !== "" && { FLAMBEAU_CPU: set }) };
    const child = spawn(path, [], { env });
    let output = "";
    child.stdout.on("data", (chunk) => (output += chunk));
    child.stderr.on("data", (chunk) => (output += chunk));
    child.on("close", (code) => resolve({ code: code ?? 1, output }));
  });
}

let failures = 0;
for (const name of names) {
  const report = verbose ? (line: string) => console.log(`  ${line}`) : undefined;
  const built = await buildEngine({ test: name, sanitize, report });
  if (!("path" in built)) {
    console.log(`${name}: not built, ${built.reason}\n${built.detail}`);
    failures++;
    continue;
  }
  for (const set of cpu.split(",")) {
    const start = performance.now();
    const { code, output } = await run(built.path, set);
    const last = output.trim().split("\n").at(-1) ?? "";
    // A set that this processor lacks is an error of the engine that names it.
    const isAbsent = code !== 0 && /FLAMBEAU_CPU/.test(output);
    const seconds = ((performance.now() - start) / 1000).toFixed(1);
    const verdict = isAbsent ? "skip" : code === 0 ? "ok  " : "FAIL";
    console.log(`${verdict} ${`${name} ${set}`.padEnd(22)} ${last} (${seconds} s)`);
    if (verdict !== "FAIL") continue;
    failures++;
    console.log(output);
  }
}
process.exitCode = failures > 0 ? 1 : 0;
