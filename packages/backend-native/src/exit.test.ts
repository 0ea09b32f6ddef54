// A process ends as it was asked to, with work of the engine in flight: exit, an error that nobody catches,
// a worker that is terminated.
import { execFile } from "node:child_process";
import { rmSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { loadEngine } from "./load.ts";

const loaded = loadEngine();
const times = process.env["FLAMBEAU_LANE"] === "fast" ? 3 : 100;

/** Beside the addon, where a bundle finds it. */
const bundle = fileURLToPath(new URL(`../build/exit-${process.pid}.mjs`, import.meta.url));

const program = `
import { registerBackend, device, randn, trace, setDefaultDevice } from "@flambeau/core";
import { createNativeBackend, loadEngine } from "@flambeau/backend-native";
import { Worker, isMainThread } from "node:worker_threads";
const { engine } = loadEngine();
registerBackend("native", () => createNativeBackend(engine));
setDefaultDevice("native");
const x = randn([700, 700]);
const product = trace((a) => a.matmul(a).matmul(a).matmul(a));
product(x);
const start = () => { for (let i = 0; i < 3; i++) product.runAsync(x); };
const mode = isMainThread ? process.argv[2] : "work";
if (mode === "work") {
  start();
  process.getBuiltinModule("node:worker_threads").parentPort.postMessage("started");
  const busy = () => { x.matmul(x).dispose(); setImmediate(busy); };
  busy();
} else if (mode === "terminate") {
  for (let i = 0; i < Number(process.argv[3]); i++) {
    const worker = new Worker(new URL(import.meta.url));
    await new Promise((resolve) => worker.once("message", resolve));
    await worker.terminate();
  }
  console.log("done");
} else {
  start();
  if (mode === "exit") process.exit(7);
  setImmediate(() => { throw new Error("on purpose"); });
}
`;

/** Exit code, signal and what was printed. */
const run = (...options: string[]): Promise<{ code: unknown; signal: unknown; stdout: string }> =>
  new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      [bundle, ...options],
      { timeout: 120_000 },
      (_, stdout) => resolve({ code: child.exitCode, signal: child.signalCode, stdout }),
    );
  });

describe.skipIf("reason" in loaded)("with work in flight", () => {
  beforeAll(async () => {
    await build({
      stdin: { contents: program, resolveDir: import.meta.dirname, loader: "ts" },
      bundle: true,
      format: "esm",
      platform: "node",
      outfile: bundle,
    });
  });
  afterAll(() => rmSync(bundle, { force: true }));

  const inParallel = 4;
  for (const [mode, code] of [
    ["exit", 7],
    ["throw", 1],
  ] as const) {
    test(`${mode}, ${times} times`, { timeout: 300_000 }, async () => {
      const ends: { code: unknown; signal: unknown }[] = [];
      for (let done = 0; done < times; done += inParallel) {
        const count = Math.min(inParallel, times - done);
        ends.push(...(await Promise.all(Array.from({ length: count }, () => run(mode)))));
      }
      const wrong = ends.filter((end) => end.code !== code || end.signal !== null);
      expect(wrong).toEqual([]);
    });
  }

  test(`terminated workers, ${times} of them`, { timeout: 300_000 }, async () => {
    const { code, signal, stdout } = await run("terminate", String(times));
    expect({ code, signal, stdout }).toEqual({ code: 0, signal: null, stdout: "done\n" });
  });
});
