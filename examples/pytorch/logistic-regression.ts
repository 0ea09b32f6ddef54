// A binary classifier on logits with Adam and weight decay, accuracy counted by hand.
// PyTorch: F.binary_cross_entropy_with_logits, torch.optim.Adam(weight_decay=…), (logits > 0) == y.
import { binaryCrossEntropyWithLogits, noGrad, tensor } from "flambeau";
import * as nn from "flambeau/nn";
import { Adam } from "flambeau/optim";
import { type Numbers, fillWithWaves, float64, numbers, printIfMain, wave } from "./program.ts";

export async function run(): Promise<Numbers> {
  const x = wave([32, 4]);
  const y = x
    .matmul(wave([4, 1], 3))
    .add(wave([32, 1], 7, 0.3))
    .gt(0)
    .to("float64");
  const model = fillWithWaves(new nn.Linear(4, 1, float64), 0.1);
  const optimizer = new Adam(model.parameters(), {
    lr: 0.05,
    betas: [0.8, 0.99],
    weightDecay: 0.01,
  });
  const posWeight = tensor([1.5], float64);
  const losses: number[] = [];
  for (let step = 0; step < 30; step++) {
    optimizer.zeroGrad();
    const loss = binaryCrossEntropyWithLogits(model(x), y, { posWeight });
    loss.backward();
    optimizer.step();
    losses.push(await loss.item());
  }
  const correct = noGrad(() => model(x).gt(0).eq(y.gt(0)).to("float64").mean());
  return {
    losses,
    accuracy: await correct.item(),
    weight: await numbers(model.weight),
    bias: await numbers(model.bias!),
  };
}

await printIfMain(import.meta.url, run);
