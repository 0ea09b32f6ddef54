// Finds a C++ compiler and says which flags it takes. Knows nothing of the engine.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface Ran {
  readonly code: number;
  readonly output: string;
}

/** Runs a program to its end; a missing one ends with code 127. */
export function runProgram(program: string, options: readonly string[]): Promise<Ran> {
  return new Promise((resolve) => {
    const child = spawn(program, options, { stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    child.stdout.on("data", (chunk) => (output += chunk));
    child.stderr.on("data", (chunk) => (output += chunk));
    child.on("error", (error) => resolve({ code: 127, output: error.message }));
    child.on("close", (code) => resolve({ code: code ?? 1, output }));
  });
}

export interface Compiler {
  readonly command: string;
  /** First line of what `--version` prints. */
  readonly version: string;
}

/** CXX, else the usual names; or why there is none. */
export async function findCompiler(): Promise<Compiler | { readonly reason: string }> {
  const { CXX } = process.env;
  const names = CXX ? [CXX] : ["c++", "g++", "clang++"];
  for (const command of names) {
    const { code, output } = await runProgram(command, ["--version"]);
    if (code === 0) return { command, version: output.split("\n")[0]!.trim() };
    if (code !== 127) return { reason: `${command} --version failed` };
  }
  return { reason: `no C++ compiler was found (${names.join(", ")})` };
}

/** Whether the compiler takes all of `flags`; also whether it works at all. */
export async function accepts(
  { command }: Compiler,
  flags: readonly string[],
): Promise<{ readonly ok: boolean; readonly output: string }> {
  const folder = mkdtempSync(join(tmpdir(), "flambeau-flags-"));
  try {
    const source = join(folder, "probe.cpp");
    writeFileSync(source, "#include <atomic>\nint probe() { return 0; }\n");
    const options = [...flags, "-Werror", "-c", source, "-o", join(folder, "probe.o")];
    const { code, output } = await runProgram(command, options);
    return { ok: code === 0, output };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
