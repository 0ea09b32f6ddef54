// A network that solves u'' = -u, u(0) = 0, u'(0) = 1: derivatives with respect to the input are part of
// the loss. PyTorch: autograd.grad(u.sum(), x, create_graph=True), twice, then loss.backward().
import { type Tensor, autograd, linspace, zeros } from "flambeau";
import * as nn from "flambeau/nn";
import { Adam } from "flambeau/optim";
import { type Numbers, fillWithWaves, float64, numbers, printIfMain } from "./program.ts";

export async function run(): Promise<Numbers> {
  const model = fillWithWaves(
    new nn.Sequential(
      new nn.Linear(1, 8, float64),
      new nn.Tanh(),
      new nn.Linear(8, 8, float64),
      new nn.Tanh(),
      new nn.Linear(8, 1, float64),
    ),
  );
  const derivative = (u: Tensor, x: Tensor): Tensor =>
    autograd.grad(u.sum(), x, { createGraph: true });
  const x = linspace(0, 2, 21, { ...float64, requiresGrad: true }).unsqueeze(1);
  const origin = zeros([1, 1], { ...float64, requiresGrad: true });
  const optimizer = new Adam(model.parameters(), { lr: 0.02 });
  const losses: number[] = [];
  for (let step = 0; step < 20; step++) {
    optimizer.zeroGrad();
    const u = model(x);
    const residual = derivative(derivative(u, x), x).add(u);
    const start = model(origin);
    const slope = derivative(start, origin);
    const loss = residual
      .square()
      .mean()
      .add(start.square().sum())
      .add(slope.sub(1).square().sum());
    loss.backward();
    optimizer.step();
    losses.push(await loss.item());
  }
  return {
    losses,
    solution: await numbers(model(x).detach().at("::5", 0)),
    weight: await numbers(model.parameters()[0]!),
  };
}

await printIfMain(import.meta.url, run);
