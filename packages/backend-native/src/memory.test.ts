// Memory of dropped buffers comes back in loops that never await; freed ones are handed out again.
import { constant } from "@flambeau/core/extension";
import { describe, expect, it } from "vitest";
import { createNativeBackend } from "./backend.ts";
import type { Collector } from "./collector.ts";
import type { Engine, NativeBuffer } from "./engine.ts";
import { engine, isBuilt } from "./engine-of-tests.ts";
import { NativeMemory, smallestBudget } from "./memory.ts";

const mebibyte = 1024 ** 2;
const isFast = process.env["FLAMBEAU_LANE"] === "fast";

/** An engine that only counts; nothing is collected but by `collect`. */
function pretend(limit: number) {
  const live = new Map<number, number>();
  const counters = new Float64Array([0, 0, 0, limit]);
  let [next, calls] = [64, 0];
  const change = (bytes: number, blocks: number) => {
    counters[0]! += bytes;
    counters[1]! += blocks;
  };
  const fake = {
    counters,
    allocate(_: NativeBuffer, bytes: number) {
      calls++;
      if (counters[0]! + bytes > limit) return 0;
      live.set((next += 64), bytes);
      change(bytes, 1);
      return next;
    },
    free(address: number) {
      calls++;
      change(-live.get(address)!, -1);
      live.delete(address);
    },
    trimMemory() {},
  } as Partial<Engine> as Engine;
  return { fake, live, calls: () => calls };
}

describe("buffers of the native backend", () => {
  const never: Collector = { minor() {}, full() {} };

  it("are handed out again once they are freed", () => {
    const { fake, calls } = pretend(1e9);
    const memory = new NativeMemory(fake, never);
    const first = memory.allocate(1000);
    expect(memory.liveBuffers()).toBe(1);
    memory.free(first);
    memory.free(first);
    expect([memory.liveBytes(), memory.liveBuffers()]).toEqual([0, 0]);
    const second = memory.allocate(1024);
    expect(second).toBe(first);
    expect(second.bytes).toBe(1024);
    expect(memory.allocate(1000)).not.toBe(first);
    expect(calls()).toBe(2);
  });

  it("are as large as their bucket", () => {
    const { fake, live } = pretend(1e15);
    const memory = new NativeMemory(fake, never);
    for (const bytes of [0, 1, 64, 65, 256, 257, 1000, 1025, 5e6, 2 ** 33 + 1]) {
      const buffer = memory.allocate(bytes);
      const size = live.get(buffer.address)!;
      expect(size).toBeGreaterThanOrEqual(Math.max(bytes, 1));
      expect(size).toBeLessThanOrEqual(Math.max(64, bytes * 1.25 + 64));
      memory.free(buffer);
      expect(memory.liveBytes()).toBe(0);
    }
  });

  it("go back to the engine where too many wait", () => {
    const { fake } = pretend(1e12);
    const memory = new NativeMemory(fake, never);
    const buffers = Array.from({ length: 40 }, () => memory.allocate(16 * mebibyte));
    buffers.forEach((buffer) => memory.free(buffer));
    expect(fake.counters[0]).toBe(256 * mebibyte);
    expect(memory.liveBytes()).toBe(0);
    memory.releaseRecycled();
    expect(fake.counters[0]).toBe(0);
  });

  it("are collected by a budget that grows with what stays alive", () => {
    const { fake, live } = pretend(1e12);
    const asked = { minor: 0, full: 0 };
    const memory = new NativeMemory(fake, {
      minor: () => void asked.minor++,
      full: () => void asked.full++,
    });
    const young = smallestBudget / mebibyte;
    for (let i = 0; i <= young; i++) memory.allocate(mebibyte);
    expect(asked).toEqual({ minor: 1, full: 0 });
    // Nothing ever dies: collections become rare.
    for (let i = 0; i < 10_000; i++) memory.allocate(mebibyte);
    expect(asked.minor).toBeLessThan(20);
    expect(asked.full).toBeLessThan(8);
    expect(live.size).toBe(10_001 + young);
  });

  it("meet the limit with an error that counts them", () => {
    const { fake } = pretend(10 * mebibyte);
    let full = 0;
    const memory = new NativeMemory(fake, { minor() {}, full: () => void full++ });
    const kept = Array.from({ length: 8 }, () => memory.allocate(mebibyte));
    memory.free(kept.pop()!);
    expect(() => memory.allocate(4 * mebibyte)).toThrowErrorMatchingInlineSnapshot(
      `[MemoryError: out of memory on native: 4.0 MB asked for, 7.0 MB in 7 live buffers, limit 10.0 MB. Dispose of large tensors, wrap the body of loops in scope(() => …), take smaller batches, or raise FLAMBEAU_MEMORY_LIMIT.]`,
    );
    expect(full).toBe(1);
    expect(memory.allocate(2 * mebibyte).bytes).toBe(2 * mebibyte);
  });
});

describe.skipIf(!isBuilt)("dropped buffers", () => {
  it("come back in a synchronous loop", () => {
    const backend = createNativeBackend(engine());
    const fill = backend.compile({
      kind: "map",
      axes: [1],
      loads: [],
      params: [],
      initial: 1,
      stores: [{ operand: 0, dtype: "float32", offset: 0, strides: [1], value: constant(2, "float32") }],
    }); // prettier-ignore
    const before = process.memoryUsage.rss();
    let peak = 0;
    for (let i = 0; i < (isFast ? 2_000 : 100_000); i++) {
      fill([], [{ handle: backend.allocate(mebibyte), offset: 0 }], []);
      if (i % 100 === 0) peak = Math.max(peak, process.memoryUsage.rss());
    }
    expect((peak - before) / mebibyte).toBeLessThan(300);
  });
});
