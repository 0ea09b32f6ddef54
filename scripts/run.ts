// Runs the project's command-line tools for the scripts in this folder.
import { spawn } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("..", import.meta.url));

export interface Outcome {
  readonly code: number;
  readonly output: string;
}

/** Runs a tool of node_modules/.bin; keeps what it prints unless `show` lets it through. */
export function runTool(
  tool: string,
  options: readonly string[],
  { show = false, env = {} }: { show?: boolean; env?: Record<string, string> } = {},
): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const path = join(root, "node_modules", ".bin", tool);
    const child = spawn(path, options, {
      cwd: root,
      env: { ...process.env, ...env },
      stdio: show ? "inherit" : "pipe",
      shell: process.platform === "win32",
    });
    let output = "";
    child.stdout?.on("data", (chunk) => (output += chunk));
    child.stderr?.on("data", (chunk) => (output += chunk));
    child.on("error", reject);
    child.on("close", (code, signal) => resolve({ code: code ?? (signal ? 1 : 0), output }));
  });
}
