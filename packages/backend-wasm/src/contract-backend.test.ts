// Contractions through the whole backend: epilogues that need a second pass, and fallbacks.
import { describe, expect, test } from "vitest";
import { type ContractKernel, type Store, leaf, s } from "@flambeau/core/extension";
import { createReferenceBackend } from "@flambeau/core/reference";
import { createWasmBackend } from "./backend.ts";
import { matmulExample } from "./contract-fixtures.ts";

const backends = [
  createReferenceBackend(),
  createWasmBackend({ threads: 2, memoryLimit: 2 ** 26 }),
];

/** Bytes of each output, per backend. */
async function run(kernel: ContractKernel, bytes: readonly number[]): Promise<Uint8Array[][]> {
  const results: Uint8Array[][] = [];
  for (const backend of backends) {
    const inputs = [200, 300, 100].map((length) => {
      const data = Float32Array.from({ length }, (_, i) => (i * 7) % 5);
      const handle = backend.allocate(length * 4);
      backend.write(handle as never, 0, new Uint8Array(data.buffer));
      return { handle, offset: 0 };
    });
    const outputs = bytes.map((size) => {
      const handle = backend.allocate(size);
      backend.write(handle as never, 0, new Uint8Array(size));
      return { handle, offset: 0 };
    });
    backend.compile(kernel)(inputs as never, outputs as never, []);
    results.push(
      await Promise.all(
        outputs.map(async ({ handle }, i) =>
          (await backend.read(handle as never, 0, bytes[i]!)).slice(),
        ),
      ),
    );
  }
  return results;
}

const { kernel } = matmulExample(10, 15, 20);
const sum = leaf("state", 0, "float32");
const store = (value: Store["value"], change: Partial<Store> = {}): Store => ({
  ...kernel.stores[0]!,
  dtype: value.dtype,
  value,
  ...change,
});
const residual = {
  operand: 2,
  dtype: "float32" as const,
  offset: 0,
  strides: [0, 0, 3, 0],
};

describe("epilogues", () => {
  const cases: Record<string, { kernel: ContractKernel; bytes: number[] }> = {
    "another dtype": { kernel: { ...kernel, stores: [store(s.cast(sum, "int32"))] }, bytes: [600] },
    "two stores": {
      kernel: { ...kernel, stores: [store(sum), store(s.max(s.sub(sum, 80), 0), { operand: 1 })] },
      bytes: [600, 600],
    },
    "a position": {
      kernel: { ...kernel, stores: [store(s.add(sum, s.cast(leaf("index", 2, "int32"), "float32")))] },
      bytes: [600],
    },
    "added to what is there": { kernel: { ...kernel, stores: [store(sum, { combine: "add" })] }, bytes: [600] },
    "a strided load": {
      kernel: { ...kernel, loads: [...kernel.loads, residual], stores: [store(s.mul(sum, leaf("load", 2, "float32")))] },
      bytes: [600],
    },
    "a filled output": { kernel: { ...kernel, initial: 7, stores: [store(sum)] }, bytes: [700] },
    "a double sum": {
      kernel: { ...kernel, accumulator: "float64", stores: [store(leaf("state", 0, "float64"))] },
      bytes: [1200],
    },
    "nothing to sum": { kernel: { ...kernel, axes: [1, 10, 15, 0], stores: [store(sum)] }, bytes: [600] },
  }; // prettier-ignore
  test.each(Object.entries(cases))("%s", async (_, { kernel: example, bytes }) => {
    const [meaning, ...results] = await run(example, bytes);
    for (const result of results) expect(result).toEqual(meaning);
  });
});
