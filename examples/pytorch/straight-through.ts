// A gradient written by hand: weights are rounded to ±1 on the way forward, and the gradient passes
// straight through where they are within ±1. PyTorch: class Sign(torch.autograd.Function).
import { type Tensor, autograd, linear, mseLoss, where } from "flambeau";
import * as nn from "flambeau/nn";
import { SGD } from "flambeau/optim";
import { type Numbers, float64, numbers, printIfMain, wave } from "./program.ts";

const sign = autograd.customFunction({
  name: "straightThroughSign",
  forward: (x: Tensor) => ({ result: where(x.ge(0), 1, -1).to(x.dtype), saved: { x } }),
  backward: ({ x }, grad) => [grad.mul(x.abs().le(1).to(grad.dtype))],
});

class BinaryLinear extends nn.Linear {
  override forward(x: Tensor): Tensor {
    return linear(x, sign(this.weight), this.bias);
  }
}

export async function run(): Promise<Numbers> {
  const model = new BinaryLinear(6, 2, float64);
  model.weight.assign(wave([2, 6], 0, 1.2));
  model.bias!.assign(0);
  const x = wave([20, 6], 3);
  const y = x.matmul(wave([2, 6], 5).sign().t());
  const optimizer = new SGD(model.parameters(), { lr: 0.1 });
  const losses: number[] = [];
  for (let step = 0; step < 15; step++) {
    optimizer.zeroGrad();
    const loss = mseLoss(model(x), y);
    loss.backward();
    optimizer.step();
    losses.push(await loss.item());
  }
  return {
    losses,
    weight: await numbers(model.weight),
    gradient: await numbers(model.weight.grad!),
  };
}

await printIfMain(import.meta.url, run);
