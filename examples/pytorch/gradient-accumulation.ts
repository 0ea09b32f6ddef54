// Four small batches make one step: gradients add up in .grad, and are clipped before the step.
// PyTorch: (loss / 4).backward(), nn.utils.clip_grad_norm_(model.parameters(), 0.5).
import { crossEntropy, tensor } from "flambeau";
import * as nn from "flambeau/nn";
import { SGD, clipGradNorm } from "flambeau/optim";
import { type Numbers, fillWithWaves, float64, numbers, printIfMain, wave } from "./program.ts";

export async function run(): Promise<Numbers> {
  const model = fillWithWaves(
    new nn.Sequential(new nn.Linear(4, 6, float64), new nn.ReLU(), new nn.Linear(6, 3, float64)),
  );
  const optimizer = new SGD(model.parameters(), { lr: 0.3, momentum: 0.9, nesterov: true });
  const x = wave([24, 4]);
  const labels = tensor(
    [...Array(24).keys()].map((i) => (i * i) % 3),
    { dtype: "int64" },
  );
  const batches = x.split(6).map((part, i) => [part, labels.split(6)[i]!] as const);
  const losses: number[] = [];
  const norms: number[] = [];
  for (let step = 0; step < 6; step++) {
    optimizer.zeroGrad();
    let total = 0;
    for (const [part, its] of batches) {
      const loss = crossEntropy(model(part), its).div(batches.length);
      loss.backward();
      total += await loss.item();
    }
    norms.push(await clipGradNorm(model.parameters(), 0.5).item());
    optimizer.step();
    losses.push(total);
  }
  return {
    losses,
    norms,
    clipped: await numbers(model.parameters()[1]!.grad!),
    weight: await numbers(model.parameters()[0]!),
  };
}

await printIfMain(import.meta.url, run);
