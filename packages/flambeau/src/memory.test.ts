// A training loop as users write it, with nothing freed by hand, takes no more memory as it goes on.
import { crossEntropy, defaultDevice, manualSeed, setDefaultDevice } from "flambeau";
import { DataLoader, TensorDataset } from "flambeau/data";
import { Linear, ReLU, Sequential } from "flambeau/nn";
import { Adam } from "flambeau/optim";
import { expect, test } from "vitest";

test.runIf(process.env["FLAMBEAU_LANE"] !== "fast")(
  "10,000 steps on wasm",
  async () => {
    const device = setDefaultDevice("wasm");
    manualSeed(1);
    const samples = 3200;
    const x = {
      data: Float32Array.from({ length: samples * 64 }, (_, i) => Math.sin(i)),
      shape: [samples, 64],
    };
    const y = Int32Array.from({ length: samples }, (_, i) => i % 4);
    const loader = new DataLoader(new TensorDataset(x, y), { batchSize: 32, shuffle: true });
    const model = new Sequential(new Linear(64, 64), new ReLU(), new Linear(64, 4));
    const optimizer = new Adam(model.parameters());
    const resident: number[] = [];
    let mostLive = 0;
    for (let epoch = 0; epoch < 100; epoch++) {
      for await (const [input, target] of loader) {
        optimizer.zeroGrad();
        const loss = crossEntropy(model(input), target);
        loss.backward();
        optimizer.step();
        mostLive = Math.max(mostLive, device.liveBytes);
      }
      resident.push(process.memoryUsage().rss);
    }
    expect(defaultDevice()).toBe(device);
    const megabyte = 2 ** 20;
    expect(mostLive).toBeLessThan(80 * megabyte);
    // V8 enlarges its old space once by up to 64 MB; kept tensors would take 400 MB.
    expect(Math.max(...resident.slice(50)) - Math.max(...resident.slice(20, 50))).toBeLessThan(
      96 * megabyte,
    );
  },
  120_000,
);
