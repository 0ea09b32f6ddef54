// One gradient for each sample at once, as private training needs them: each is clipped, then averaged.
// PyTorch: vmap(grad(loss), in_dims=(None, 0, 0)) around torch.func.functional_call(model, params, x).
import { type Tensor, crossEntropy, func, tensor } from "flambeau";
import * as nn from "flambeau/nn";
import { type Numbers, fillWithWaves, float64, numbers, printIfMain, wave } from "./program.ts";

export async function run(): Promise<Numbers> {
  const model = fillWithWaves(
    new nn.Sequential(new nn.Linear(4, 6, float64), new nn.Tanh(), new nn.Linear(6, 3, float64)),
  );
  const x = wave([5, 4], 4);
  const labels = tensor([0, 2, 1, 1, 0], { dtype: "int64" });

  const lossOf = (state: nn.StateDict, one: Tensor, label: Tensor): Tensor =>
    crossEntropy(nn.functionalCall(model, state, one), label);
  const gradientOf = func.grad(lossOf); // with respect to argument 0: an object of tensors
  const each = func.vmap(gradientOf, { inAxes: [null, 0, 0] })(model.stateDict(), x, labels);

  const squares = Object.values(each).map((grad) => grad.flatten(1).square().sum(1));
  const norms = squares.reduce((a, b) => a.add(b)).sqrt(); // [5]
  const factors = norms.reciprocal().mul(0.5).clamp({ max: 1 });
  const clipped = each["0.weight"]!.mul(factors.reshape([5, 1, 1])).mean(0);
  return {
    norms: await numbers(norms),
    thirdSample: await numbers(each["0.bias"]!.at(2)),
    clippedMean: await numbers(clipped),
    mean: await numbers(each["2.weight"]!.mean(0)),
  };
}

await printIfMain(import.meta.url, run);
