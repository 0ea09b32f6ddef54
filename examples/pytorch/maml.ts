// MAML: weights from which two steps of descent fit any task of a family. The outer gradient goes
// through the inner steps. PyTorch: parameters in a list, autograd.grad(create_graph=True), outer Adam.
import { Parameter, type Tensor, autograd, linear, stack } from "flambeau";
import { Adam } from "flambeau/optim";
import { type Numbers, numbers, printIfMain, wave } from "./program.ts";

type Weights = [Tensor, Tensor, Tensor, Tensor];

const model = ([w1, b1, w2, b2]: Weights, x: Tensor): Tensor =>
  linear(linear(x, w1, b1).tanh(), w2, b2);

const lossOf = (weights: Weights, x: Tensor, y: Tensor): Tensor =>
  model(weights, x).sub(y).square().mean();

function adapted(weights: Weights, x: Tensor, y: Tensor): Weights {
  let current = weights;
  for (let step = 0; step < 2; step++) {
    const slopes = autograd.grad(lossOf(current, x, y), current, { createGraph: true });
    current = current.map((one, i) => one.sub(slopes[i]!.mul(0.1))) as Weights;
  }
  return current;
}

export async function run(): Promise<Numbers> {
  const make = (shape: number[], start: number) => new Parameter(wave(shape, start, 0.5));
  const weights: [Parameter, Parameter, Parameter, Parameter] = [
    make([8, 1], 0),
    make([8], 1),
    make([1, 8], 2),
    make([1], 3),
  ];
  const optimizer = new Adam(weights, { lr: 0.01 });
  const support = wave([10, 1], 0, 2);
  const query = wave([10, 1], 20, 2);
  const metaLosses: number[] = [];
  for (let step = 0; step < 5; step++) {
    optimizer.zeroGrad();
    const losses = [0, 1, 2].map((phase) => {
      const task = (x: Tensor): Tensor =>
        x
          .add(phase)
          .sin()
          .mul(1 + phase / 2);
      const fitted = adapted(weights, support, task(support));
      return lossOf(fitted, query, task(query));
    });
    const metaLoss = stack(losses).mean();
    metaLoss.backward();
    optimizer.step();
    metaLosses.push(await metaLoss.item());
  }
  return {
    metaLosses,
    firstLayer: await numbers(weights[0]),
    lastGradient: await numbers(weights[2].grad!),
  };
}

await printIfMain(import.meta.url, run);
