// Nobody calls dispose: loops keep the resident size flat, and a loop that only piles up ends in an
// error that explains itself.
import { describe, expect, it } from "vitest";
import {
  type Tensor,
  crossEntropy,
  defaultDevice,
  noGrad,
  registerBackend,
  relu,
  scope,
  setDefaultDevice,
  tensor,
  zeros,
} from "@flambeau/core";
import { createWasmBackend } from "@flambeau/backend-wasm";
import { DataLoader, TensorDataset } from "@flambeau/data";
import { Linear, Module } from "@flambeau/nn";
import { Adam } from "@flambeau/optim";
import { lane } from "./devices.ts";

registerBackend("memory", () => ({ ...createWasmBackend({ threads: 1 }), name: "memory" }));
registerBackend("small", () => ({
  ...createWasmBackend({ threads: 1, memoryLimit: 64 * 1024 ** 2 }),
  name: "small",
}));

class Network extends Module {
  first = new Linear(32, 64);
  second = new Linear(64, 10);

  override forward(x: Tensor): Tensor {
    return this.second(relu(this.first(x)));
  }
}

const megabyte = 1024 ** 2;
const steps = lane === "full" ? 10_000 : 1500;

/** Runs `step` on batches for the given number of steps; gives the growth of the resident size. */
async function growth(count: number, step: (x: Tensor, y: Tensor) => void): Promise<number> {
  const samples = 640;
  const inputs = Float32Array.from({ length: samples * 32 }, (_, i) => Math.sin(i));
  const labels = Int32Array.from({ length: samples }, (_, i) => i % 10);
  const dataset = new TensorDataset(tensor(inputs, { shape: [samples, 32] }), tensor(labels));
  const loader = new DataLoader(dataset, { batchSize: 64, shuffle: true });
  let done = 0;
  let before = 0;
  while (done < count) {
    for await (const [x, y] of loader) {
      step(x!, y!);
      // The first tenth fills caches and pools.
      if (++done === Math.floor(count / 10)) before = process.memoryUsage().rss;
      if (done === count) break;
    }
  }
  return process.memoryUsage().rss - before;
}

describe("memory stays flat without dispose", () => {
  it(`over ${steps} eager training steps fed by a loader`, async () => {
    setDefaultDevice("memory");
    const model = new Network();
    const optimizer = new Adam(model.parameters(), { lr: 1e-3 });
    const grown = await growth(steps, (x, y) => {
      optimizer.zeroGrad();
      const loss = crossEntropy(model(x), y);
      loss.backward();
      optimizer.step();
    });
    expect(grown).toBeLessThan(150 * megabyte);
    expect(defaultDevice().liveBytes).toBeLessThan(100 * megabyte);
  }, 300_000);

  it(`over ${steps} steps that only infer`, async () => {
    setDefaultDevice("memory");
    const model = new Network();
    const grown = await growth(steps, (x) => void noGrad(() => model(x).softmax(1)));
    expect(grown).toBeLessThan(150 * megabyte);
    expect(defaultDevice().liveBytes).toBeLessThan(100 * megabyte);
  }, 300_000);

  it("in a synchronous loop inside scope", () => {
    setDefaultDevice("small");
    const x = zeros([256, 1024]);
    for (let i = 0; i < 2000; i++) scope(() => void x.add(1).mul(2));
    expect(defaultDevice().liveBytes).toBeLessThan(2 * megabyte);
  });
});

describe("a synchronous loop that piles up tensors", () => {
  it("ends in an error that says what to do, and the device goes on", () => {
    setDefaultDevice("small");
    const pile: Tensor[] = [];
    expect(() => {
      for (;;) pile.push(zeros([256, 1024]));
    }).toThrowErrorMatchingInlineSnapshot(
      `[MemoryError: out of memory on wasm: 1.0 MB asked for, 63.0 MB in 65 live buffers, limit 64.0 MB. Dropped tensors return their memory when the event loop turns: await now and then (\`await settle()\`, DataLoader and fit do), wrap the work in scope(() => …), or raise FLAMBEAU_MEMORY_LIMIT (at most 4095.9 MB on wasm).]`,
    );
    for (const one of pile) one.dispose();
    expect(zeros([256, 1024]).sum().itemSync()).toBe(0);
  });
});
