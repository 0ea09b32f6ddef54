// Jacobians of a network in reverse and forward mode, for a batch, and a Hessian.
// PyTorch: torch.func.jacrev, jacfwd, hessian, and vmap(jacrev(f)).
import { type Tensor, func } from "flambeau";
import * as nn from "flambeau/nn";
import { type Numbers, fillWithWaves, float64, numbers, printIfMain, wave } from "./program.ts";

export async function run(): Promise<Numbers> {
  const model = fillWithWaves(
    new nn.Sequential(
      new nn.Linear(3, 5, float64),
      new nn.GELU(),
      new nn.Linear(5, 4, float64),
      new nn.Softplus(),
    ),
  );
  const f = (x: Tensor): Tensor => model(x);
  const x = wave([3], 2);
  const jacobian = func.jacrev(f)(x); // [4, 3]
  const forward = func.jacfwd(f)(x); // [4, 3]
  const batch = func.vmap(func.jacrev(f))(wave([6, 3], 5)); // [6, 4, 3]
  const hessian = func.hessian((at: Tensor) => f(at).square().sum())(x); // [3, 3]
  const { tangent } = func.jvp(f, x, wave([3], 7));
  return {
    jacobian: await numbers(jacobian),
    forward: await numbers(forward),
    batchNorms: await numbers(batch.flatten(1).norm(2, 1)),
    hessian: await numbers(hessian),
    tangent: await numbers(tangent),
  };
}

await printIfMain(import.meta.url, run);
