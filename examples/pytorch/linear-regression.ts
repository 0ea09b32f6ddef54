// Gradient descent without an optimizer: leaves, backward, and updates inside noGrad.
// PyTorch: requires_grad=True, `with torch.no_grad(): w -= lr * w.grad`, `w.grad = None`.
import { Parameter, noGrad, zeros } from "flambeau";
import { type Numbers, float64, numbers, printIfMain, wave } from "./program.ts";

export async function run(): Promise<Numbers> {
  const x = wave([16, 3]);
  const y = x
    .matmul(wave([3, 1], 4, 2))
    .add(0.5)
    .add(wave([16, 1], 9, 0.01));
  const weight = new Parameter(zeros([3, 1], float64));
  const bias = new Parameter(zeros([1], float64));
  const losses: number[] = [];
  for (let step = 0; step < 50; step++) {
    const loss = x.matmul(weight).add(bias).sub(y).square().mean();
    loss.backward();
    noGrad(() => {
      for (const one of [weight, bias]) {
        one.assign(one.sub(one.grad!.mul(0.2)));
        one.grad = undefined;
      }
    });
    losses.push(await loss.item());
  }
  return { losses, weight: await numbers(weight), bias: await numbers(bias) };
}

await printIfMain(import.meta.url, run);
