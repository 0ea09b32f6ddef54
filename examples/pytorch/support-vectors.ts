// A support vector machine by subgradient descent on the hinge loss, with a group of parameters of its
// own for the bias. PyTorch: torch.clamp(1 - y * f(x), min=0).mean(), parameter groups.
import { noGrad, where } from "flambeau";
import * as nn from "flambeau/nn";
import { SGD } from "flambeau/optim";
import { type Numbers, fillWithWaves, float64, numbers, printIfMain, wave } from "./program.ts";

export async function run(): Promise<Numbers> {
  const x = wave([40, 2], 0, 2);
  const y = where(x.at(":", 0).add(x.at(":", 1)).ge(0.3), 1, -1).to("float64"); // [40]
  const model = fillWithWaves(new nn.Linear(2, 1, float64), 0.1);
  const optimizer = new SGD(
    [
      { params: model.weight, weightDecay: 0.02 },
      { params: model.bias!, lr: 0.2 },
    ],
    { lr: 0.1 },
  );
  const losses: number[] = [];
  for (let step = 0; step < 40; step++) {
    optimizer.zeroGrad();
    const margins = model(x).squeeze(1).mul(y);
    const loss = margins.neg().add(1).clamp({ min: 0 }).mean();
    loss.backward();
    optimizer.step();
    losses.push(await loss.item());
  }
  const margins = noGrad(() => model(x).squeeze(1).mul(y));
  return {
    losses,
    supportVectors: await margins.lt(1).sum().item(),
    accuracy: await margins.gt(0).to("float64").mean().item(),
    weight: await numbers(model.weight),
    bias: await numbers(model.bias!),
  };
}

await printIfMain(import.meta.url, run);
