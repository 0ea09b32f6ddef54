// What importing flambeau sets up, seen from programs of its own: each starts with another environment.
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { loadEngine } from "@flambeau/backend-native";
import { describe, expect, test } from "vitest";
import { parseMemoryLimit } from "./memory-limit.ts";

const root = fileURLToPath(new URL("../../..", import.meta.url));
const run = promisify(execFile);

async function evaluate(program: string, env: Record<string, string> = {}): Promise<string> {
  const code = ["--import", "tsx", "--input-type=module", "--eval", program];
  const { FLAMBEAU_BACKEND: _, ...inherited } = process.env;
  const { stdout } = await run(process.execPath, code, {
    cwd: root,
    env: { ...inherited, ...env },
  });
  return stdout.trim();
}

const usual = "engine" in loadEngine() ? "native" : "wasm";

describe("the default device", () => {
  test("is the native engine where it was built, else wasm, also where only a subpath is imported", async () => {
    const name = `import { defaultDevice } from "@flambeau/core"; console.log(defaultDevice().name);`;
    expect(await evaluate(`import "flambeau/data"; ${name}`)).toBe(usual);
    expect(await evaluate(`import { tensor } from "flambeau"; console.log(String(tensor([1]).add(2)), tensor([1]).device.name);`)).toBe(`tensor([3.]) ${usual}`); // prettier-ignore
  });

  test("is what FLAMBEAU_BACKEND names", async () => {
    const program = `import { ones } from "flambeau"; console.log(ones([1]).device.name);`;
    expect(await evaluate(program, { FLAMBEAU_BACKEND: "reference" })).toBe("reference");
  });

  test("stays what a program set, also where flambeau is imported afterwards", async () => {
    const program = `import { defaultDevice, setDefaultDevice } from "@flambeau/core"; setDefaultDevice("reference"); await import("flambeau"); console.log(defaultDevice().name);`;
    expect(await evaluate(program)).toBe("reference");
  });

  test("has the memory that FLAMBEAU_MEMORY_LIMIT gives it", async () => {
    const program = `import { defaultDevice } from "flambeau"; console.log(defaultDevice().backend.memoryLimit);`;
    expect(await evaluate(program, { FLAMBEAU_MEMORY_LIMIT: "64MB" })).toBe(String(64 * 2 ** 20));
  });
});

test("memory limits", () => {
  expect(parseMemoryLimit(undefined)).toEqual({});
  expect(parseMemoryLimit("1048576")).toEqual({ memoryLimit: 2 ** 20 });
  expect(parseMemoryLimit("1.5 GiB")).toEqual({ memoryLimit: 1.5 * 2 ** 30 });
  expect(() => parseMemoryLimit("lots")).toThrowErrorMatchingInlineSnapshot(
    `[FlambeauError: FLAMBEAU_MEMORY_LIMIT: expected a number of bytes, or one with a unit such as 800M or 2G, got "lots".]`,
  );
});
