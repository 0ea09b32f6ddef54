// The pool: claiming, thread counts, failures in workers, and how processes with workers end.
import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, describe, expect, test } from "vitest";
import { ModuleBuilder } from "./encoder.ts";
import { type Pool, createPool } from "./threads.ts";

const pools: Pool[] = [];
afterEach(() => {
  for (const pool of pools.splice(0)) pool.close();
});

function openPool(threads: number, patience?: number) {
  const memory = new WebAssembly.Memory({ initial: 256, maximum: 65536, shared: true });
  let top = 1024;
  const allocate = (bytes: number): number => {
    const address = top;
    top += Math.ceil(bytes / 64) * 64;
    return address;
  };
  const pool = createPool({ threads, memory, allocate, patience });
  pools.push(pool);
  return { pool, memory, allocate };
}

async function whenReady(pool: Pool): Promise<void> {
  while (pool.ready < pool.threads - 1) await new Promise((resolve) => setTimeout(resolve, 2));
}

/** `words[unit] += 1` for each unit; a trap at unit `trapAt`. */
function countingModule(trapAt = -1): Uint8Array<ArrayBuffer> {
  const module = new ModuleBuilder(true);
  const f = module.function("run", ["i32", "i32", "i32"]);
  f.get(1).get(2).op("i32.lt_s").if();
  const again = f.loop();
  f.get(1).i32(trapAt).op("i32.eq").if();
  f.op("unreachable").end();
  const address = () => f.get(0).get(1).i32(2).op("i32.shl").op("i32.add");
  address();
  address().memory("i32.load").i32(1).op("i32.add").memory("i32.store");
  f.get(1).i32(1).op("i32.add").set(1);
  f.get(1).get(2).op("i32.lt_s").brIf(again);
  f.end().end();
  return module.encode();
}

describe("the pool", () => {
  test.each([1, 2, 4, 7])("runs every unit once with %i threads", async (threads) => {
    const { pool, memory, allocate } = openPool(threads);
    const module = pool.createModule(countingModule());
    const address = allocate(4000);
    const words = new Int32Array(memory.buffer, address, 1000);
    pool.run(module, address, 1000, 7);
    await whenReady(pool);
    let runs = 1;
    for (const total of [1, 2, 999, 1000]) {
      for (const chunk of [1, 3, 500, 2000]) {
        for (let i = 0; i < 60; i++) pool.run(module, address, total, chunk);
      }
      runs += 240;
    }
    expect(words[0]).toBe(runs);
    expect(words[1]).toBe(runs - 240);
    expect(words[999]).toBe(1 + 240);
  });

  test("runs many tiny jobs of several modules", async () => {
    const { pool, memory, allocate } = openPool(3);
    const modules = Array.from({ length: 20 }, () => pool.createModule(countingModule()));
    const address = allocate(64 * 4);
    const words = new Int32Array(memory.buffer, address, 64);
    pool.run(modules[0]!, address, 64, 1);
    await whenReady(pool);
    for (let i = 0; i < 5000; i++) pool.run(modules[i % 20]!, address, 64, 4);
    expect([...words].every((count) => count === 5001)).toBe(true);
  });

  test("wakes workers that sleep", async () => {
    const { pool, memory, allocate } = openPool(2);
    const module = pool.createModule(countingModule());
    const address = allocate(400);
    pool.run(module, address, 100, 1);
    await whenReady(pool);
    for (let i = 0; i < 20; i++) {
      await new Promise((resolve) => setTimeout(resolve, 3));
      pool.run(module, address, 100, 1);
    }
    expect(new Int32Array(memory.buffer, address, 100)[99]).toBe(21);
  });

  test("reports a trap in whichever thread, and goes on", async () => {
    const { pool, memory, allocate } = openPool(2);
    const good = pool.createModule(countingModule());
    const address = allocate(4000);
    pool.run(good, address, 1000, 1);
    await whenReady(pool);
    for (let i = 0; i < 40; i++) {
      const bad = pool.createModule(countingModule(i * 25));
      expect(() => pool.run(bad, address, 1000, 1)).toThrow(/unreachable/);
    }
    new Int32Array(memory.buffer, address, 1000).fill(0);
    pool.run(good, address, 1000, 1);
    expect(new Int32Array(memory.buffer, address, 1000).every((count) => count === 1)).toBe(true);
  });

  test("does not wait for ever for a worker that never answers", async () => {
    const { pool, memory, allocate } = openPool(2, 1);
    // Units count up; in any thread whose scratch is not the one noted in word 0, they hang.
    const module = new ModuleBuilder(true);
    const f = module.function("run", ["i32", "i32", "i32", "i32"]);
    f.get(2).i32(1).op("i32.eq").if();
    f.get(0).get(3).memory("i32.store").end();
    const again = f.loop();
    f.get(0).memory("i32.load").get(3).op("i32.ne").brIf(again);
    f.end();
    const hanging = pool.createModule(module.encode(), { needsScratch: true });
    const good = pool.createModule(countingModule());
    const address = allocate(400);
    const words = new Int32Array(memory.buffer, address, 100);
    pool.run(good, address, 100, 1);
    await whenReady(pool);
    pool.run(hanging, address, 1, 1);
    expect(() => {
      for (let i = 0; i < 1000; i++) pool.run(hanging, address, 400, 2);
    }).toThrow(/has not answered/);
    words.fill(0);
    pool.run(good, address, 100, 1);
    expect(words.every((count) => count === 1)).toBe(true);
  });

  test("several pools work side by side", async () => {
    const opened = [openPool(2), openPool(3)];
    for (const { pool, memory, allocate } of opened) {
      const module = pool.createModule(countingModule());
      const address = allocate(400);
      pool.run(module, address, 100, 1);
      await whenReady(pool);
      pool.run(module, address, 100, 1);
      expect(new Int32Array(memory.buffer, address, 100)[50]).toBe(2);
    }
  });
});

describe("processes", () => {
  const endings = {
    "by itself": ["", 0],
    "by process.exit": ["process.exit(3);", 3],
    "by an uncaught error": ["setImmediate(() => { throw new Error('on purpose'); });", 1],
    "inside a worker thread": ["", 0],
  } as const;
  test.each(Object.entries(endings))(
    "end %s",
    async (name, [ending, code]) => {
      const folder = await mkdtemp(join(tmpdir(), "flambeau-"));
      try {
        const isNested = name === "inside a worker thread";
        const file = join(folder, isNested ? "program.mjs" : "program.mts");
        const tsx = import.meta.resolve("tsx/esm/api");
        const work = `
          import { createWorkbench, matmulExample } from ${JSON.stringify(join(import.meta.dirname, "contract-fixtures.ts"))};
          const { pool, prepare } = createWorkbench(3, { megabytes: 32 });
          const { run } = prepare(matmulExample(256, 256, 256))!;
          run();
          while (pool.ready < 2) await new Promise((resolve) => setTimeout(resolve, 2));
          run();
          ${ending}`;
        const nested = `
          import { Worker, isMainThread } from "node:worker_threads";
          if (isMainThread) await new Promise((resolve, reject) => {
            new Worker(new URL(import.meta.url)).on("exit", resolve).on("error", reject);
          });
          else {
            const { register } = await import(${JSON.stringify(tsx)});
            register();
            await import("./work.mts");
          }`;
        await writeFile(join(folder, "work.mts"), work);
        await writeFile(file, isNested ? nested : work);
        const start = performance.now();
        const result = await promisify(execFile)(process.execPath, ["--import", "tsx", file], {
          cwd: import.meta.dirname,
          timeout: 20_000,
        }).then(
          () => ({ code: 0, stderr: "" }),
          (error: { code: number; stderr: string }) => error,
        );
        expect(result.code, result.stderr).toBe(code);
        expect(performance.now() - start).toBeLessThan(15_000);
      } finally {
        await rm(folder, { recursive: true });
      }
    },
    30_000,
  );
});
