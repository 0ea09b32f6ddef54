// A Newton step without the Hessian: conjugate gradients on Hessian-vector products, once by backward
// through backward and once by func.hvp. PyTorch: autograd.grad(g @ v, x, retain_graph=True), func.jvp.
import { type Tensor, autograd, func, tensor, zerosLike } from "flambeau";
import { type Numbers, float64, numbers, printIfMain, wave } from "./program.ts";

/** Regularised log-sum-exp: convex, so that its Hessian is positive definite. */
const objective = (x: Tensor): Tensor =>
  wave([7, 5]).matmul(x).logsumexp(0).add(x.square().sum().mul(0.05));

export async function run(): Promise<Numbers> {
  const x = tensor(await wave([5], 3).data(), { ...float64, requiresGrad: true });
  const gradient = autograd.grad(objective(x), x, { createGraph: true });
  const product = (v: Tensor): Tensor =>
    autograd.grad(gradient.mul(v).sum(), x, { retainGraph: true });

  let solution = zerosLike(x.detach());
  let residual = gradient.detach().neg();
  let direction = residual;
  const residuals: number[] = [];
  for (let step = 0; step < 5; step++) {
    const image = product(direction);
    const rate = residual.dot(residual).div(direction.dot(image));
    solution = solution.add(direction.mul(rate));
    const next = residual.sub(image.mul(rate));
    direction = next.add(direction.mul(next.dot(next).div(residual.dot(residual))));
    residual = next;
    residuals.push(await residual.norm().item());
  }
  const v = wave([5], 8);
  return {
    gradient: await numbers(gradient.detach()),
    product: await numbers(product(v)),
    productByTransform: await numbers(func.hvp(objective, x.detach(), v)),
    firstResiduals: residuals.slice(0, 3), // the last ones are rounding errors
    solution: await numbers(solution),
    before: await objective(x).item(),
    after: await objective(x.detach().add(solution)).item(),
  };
}

await printIfMain(import.meta.url, run);
