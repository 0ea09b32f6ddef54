// Models learn, and a traced training step does what the eager one does.
import {
  Generator,
  type Tensor,
  crossEntropy,
  defaultDevice,
  randn,
  tensor,
  trace,
} from "@flambeau/core";
import * as nn from "@flambeau/nn";
import { describe, expect, test } from "vitest";
import { Adam, type Optimizer, SGD } from "./index.ts";

const seeded = (seed: number) => ({ generator: new Generator(defaultDevice(), seed) });

/** One step of training, and the loss before it. */
function stepOf(
  model: nn.TensorModule,
  optimizer: Pick<Optimizer, "zeroGrad" | "step">,
  isTraced: boolean,
) {
  const step = (x: Tensor, y: Tensor): Tensor => {
    optimizer.zeroGrad();
    const loss = crossEntropy(model(x), y);
    loss.backward();
    optimizer.step();
    return loss;
  };
  return isTraced ? trace(step) : step;
}

const mlp = () => {
  const { generator } = seeded(1);
  return new nn.Sequential(
    new nn.Linear(2, 8, { generator }),
    new nn.Tanh(),
    new nn.Dropout(0.1, { generator }),
    new nn.Linear(8, 2, { generator }),
  );
};

const exclusiveOr = {
  x: tensor([
    [0, 0],
    [0, 1],
    [1, 0],
    [1, 1],
  ]),
  y: tensor([0n, 1n, 1n, 0n]),
};

/** Images of 6 × 6 noise with a bright row (0) or column (1). */
function stripes() {
  const noise = randn([16, 1, 6, 6], seeded(3)).mul(0.3).dataSync() as Float32Array;
  const labels = Array.from({ length: 16 }, (_, i) => BigInt(i % 2));
  for (let i = 0; i < 16; i++) {
    for (let at = 0; at < 6; at++) {
      const line = i % 6;
      noise[i * 36 + (i % 2 === 0 ? line * 6 + at : at * 6 + line)]! += 2;
    }
  }
  return { x: tensor(noise, { shape: [16, 1, 6, 6] }), y: tensor(labels) };
}

const cnn = () => {
  const { generator } = seeded(2);
  return new nn.Sequential(
    new nn.Conv2d(1, 4, 3, { generator }),
    new nn.BatchNorm2d(4),
    new nn.ReLU(),
    new nn.MaxPool2d(2),
    new nn.Flatten(),
    new nn.Linear(16, 2, { generator }),
  );
};

const accuracy = (model: nn.TensorModule, { x, y }: { x: Tensor; y: Tensor }): number =>
  model.eval()(x).argmax(1).eq(y).to("float32").mean().itemSync();

const tasks = [
  { name: "an MLP", model: mlp, data: exclusiveOr, steps: 120, rate: 0.05 },
  { name: "a CNN", model: cnn, data: stripes(), steps: 15, rate: 0.02 },
];

describe.each(tasks)("$name", ({ model: make, data, steps, rate }) => {
  test("learns", () => {
    const model = make();
    const step = stepOf(model, new Adam(model.parameters(), { lr: rate }), false);
    for (let i = 0; i < steps; i++) step(data.x, data.y);
    expect(accuracy(model, data)).toBe(1);
  });

  test("learns the same when traced", () => {
    const run = (isTraced: boolean) => {
      const model = make();
      const optimizer = new SGD(model.parameters(), { lr: rate, momentum: 0.9, nesterov: true });
      const step = stepOf(model, optimizer, isTraced);
      const losses = Array.from({ length: 5 }, () => step(data.x, data.y).itemSync());
      const state = Object.entries(model.stateDict()).map(([name, x]) => [name, x.toArray()]);
      return { losses, state };
    };
    expect(run(true)).toEqual(run(false));
  });
});
