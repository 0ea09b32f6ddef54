// Looking inside a model that was not made for it: a forward hook keeps an activation, retainGrad its
// gradient, and both make a class activation map. PyTorch: register_forward_hook, retain_grad (Grad-CAM).
import { type Tensor, isTensor } from "flambeau";
import * as nn from "flambeau/nn";
import { type Numbers, fillWithWaves, float64, numbers, printIfMain, wave } from "./program.ts";

export async function run(): Promise<Numbers> {
  const model = fillWithWaves(
    new nn.Sequential(
      new nn.Conv2d(2, 3, 3, { padding: "same", ...float64 }),
      new nn.ReLU(),
      new nn.AdaptiveAvgPool2d(1),
      new nn.Flatten(),
      new nn.Linear(3, 4, float64),
    ),
  );
  let activation: Tensor | undefined;
  const handle = model[1]!.registerForwardHook((_module, _inputs, output) => {
    if (!isTensor(output)) return;
    output.retainGrad();
    activation = output;
  });
  const x = wave([1, 2, 5, 5]);
  const scores = model(x);
  handle.remove();
  scores.at(0, 2).backward();
  const weights = activation!.grad!.mean([2, 3], { keepDims: true }); // [1, 3, 1, 1]
  const map = activation!.detach().mul(weights).sum(1).relu();
  return {
    scores: await numbers(scores.detach()),
    weights: await numbers(weights),
    map: await numbers(map),
  };
}

await printIfMain(import.meta.url, run);
