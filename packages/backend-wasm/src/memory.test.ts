// The allocator: pieces never overlap, freed space joins, limits hold, mistakes are reported.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MemoryError } from "@flambeau/core/extension";
import { WasmMemory, roundedSize } from "./memory.ts";

const mebibyte = 1024 ** 2;
const create = (limit = 64 * mebibyte) => new WasmMemory({ limit, shared: false, reserved: 1000 });

describe("WasmMemory", () => {
  it("never hands out overlapping or misaligned pieces", () => {
    const actions = fc.array(
      fc.oneof(
        fc.record({ bytes: fc.oneof(fc.nat(300), fc.nat(100_000), fc.nat(3 * mebibyte)) }),
        fc.record({ free: fc.nat(50) }),
      ),
      { maxLength: 80 },
    );
    fc.assert(
      fc.property(actions, (list) => {
        const memory = create(1024 * mebibyte);
        const live: { start: number; end: number }[] = [];
        for (const action of list) {
          if ("free" in action) {
            if (live.length === 0) continue;
            const [piece] = live.splice(action.free % live.length, 1);
            memory.free(piece!.start);
          } else {
            const start = memory.allocate(action.bytes);
            const end = start + action.bytes;
            expect(start % 64).toBe(0);
            expect(start).toBeGreaterThanOrEqual(1000);
            expect(end + 64).toBeLessThanOrEqual(memory.bytes.length);
            for (const piece of live) expect(end <= piece.start || piece.end <= start).toBe(true);
            live.push({ start, end });
          }
        }
        expect(memory.liveBuffers).toBe(live.length);
        expect(memory.liveBytes).toBe(live.reduce((sum, { start, end }) => sum + end - start, 0));
      }),
      { numRuns: 100 },
    );
  });

  it("rounds up by at most a quarter", () => {
    for (let bytes = 257; bytes < 4 * mebibyte; bytes = Math.ceil(bytes * 1.013)) {
      expect(roundedSize(bytes)).toBeGreaterThanOrEqual(bytes);
      expect(roundedSize(bytes)).toBeLessThanOrEqual(bytes * 1.25 + 64);
      expect(roundedSize(bytes) % 64).toBe(0);
    }
  });

  it("uses again what was freed, at the same size or another", () => {
    const memory = create();
    const first = memory.allocate(5000);
    memory.free(first);
    expect(memory.allocate(5000)).toBe(first);
    // Batches of every size in turn fit, though their pieces differ.
    for (let round = 1; round < 60; round++) {
      const pieces = [3, 5, 2].map((scale) => memory.allocate(round * scale * 100_000));
      for (const piece of pieces) memory.free(piece);
    }
    expect(memory.liveBuffers).toBe(1);
  });

  it("says what to do when the limit is reached, and can go on", () => {
    const memory = create(8 * mebibyte);
    const pieces = [memory.allocate(3 * mebibyte), memory.allocate(3 * mebibyte)];
    expect(() => memory.allocate(3 * mebibyte)).toThrowErrorMatchingInlineSnapshot(
      `[MemoryError: out of memory on wasm: 3.0 MB asked for, 6.0 MB in 2 live buffers, limit 8.0 MB. Dropped tensors return their memory when the event loop turns: await now and then (\`await settle()\`, DataLoader and fit do), wrap the work in scope(() => …), or raise FLAMBEAU_MEMORY_LIMIT (at most 4095.9 MB on wasm).]`,
    );
    memory.free(pieces[0]!);
    memory.free(pieces[1]!);
    memory.allocate(6 * mebibyte);
    expect(() => create(16 * mebibyte).allocate(17 * mebibyte)).toThrow(MemoryError);
  });

  it("refuses to free twice", () => {
    const memory = create();
    const piece = memory.allocate(10);
    memory.free(piece);
    expect(() => memory.free(piece)).toThrow("freed twice");
    expect(() => memory.sizeOf(piece)).toThrow("was freed");
  });
});
