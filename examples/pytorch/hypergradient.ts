// A learning rate that is learned: five steps of descent are unrolled on the tape, and the validation
// loss is differentiated through them. PyTorch: autograd.grad(…, create_graph=True) in the inner loop.
import { type Tensor, autograd, tensor, zeros } from "flambeau";
import { type Numbers, float64, printIfMain, wave } from "./program.ts";

const lossOf = (weight: Tensor, x: Tensor, y: Tensor): Tensor =>
  x.matmul(weight).tanh().sub(y).square().mean();

export async function run(): Promise<Numbers> {
  const truth = wave([3, 1], 2);
  const [x, held] = [wave([12, 3]), wave([6, 3], 50)];
  const [y, heldY] = [x.matmul(truth).tanh(), held.matmul(truth).tanh()];
  let logRate = tensor(Math.log(0.1), { ...float64, requiresGrad: true });
  const rates: number[] = [];
  const losses: number[] = [];
  const gradients: number[] = [];
  for (let outer = 0; outer < 8; outer++) {
    let weight: Tensor = zeros([3, 1], { ...float64, requiresGrad: true });
    for (let inner = 0; inner < 5; inner++) {
      const slope = autograd.grad(lossOf(weight, x, y), weight, { createGraph: true });
      weight = weight.sub(slope.mul(logRate.exp()));
    }
    const loss = lossOf(weight, held, heldY);
    const gradient = autograd.grad(loss, logRate);
    rates.push(Math.exp(await logRate.item()));
    losses.push(await loss.item());
    gradients.push(await gradient.item());
    logRate = tensor((await logRate.item()) - 2 * gradients.at(-1)!, {
      ...float64,
      requiresGrad: true,
    });
  }
  return { rates, losses, gradients };
}

await printIfMain(import.meta.url, run);
