// Knowledge distillation: a student learns from labels and from a frozen teacher's soft predictions.
// PyTorch: F.kl_div(log_softmax(s / T), softmax(t / T), reduction="batchmean") * T², torch.no_grad().
import { crossEntropy, klDiv, noGrad, tensor } from "flambeau";
import * as nn from "flambeau/nn";
import { RMSprop } from "flambeau/optim";
import { type Numbers, fillWithWaves, float64, numbers, printIfMain, wave } from "./program.ts";

const mlp = (hidden: number): nn.Sequential =>
  new nn.Sequential(
    new nn.Linear(6, hidden, float64),
    new nn.SiLU(),
    new nn.Linear(hidden, 4, float64),
  );

export async function run(): Promise<Numbers> {
  const teacher = fillWithWaves(mlp(12), 1.5).eval().freeze();
  const student = fillWithWaves(mlp(3));
  const optimizer = new RMSprop(student.parameters(), { lr: 0.01, momentum: 0.5 });
  const x = wave([16, 6]);
  const labels = tensor(
    [...Array(16).keys()].map((i) => (i * 7) % 4),
    { dtype: "int64" },
  );
  const temperature = 3;
  const soft = noGrad(() => teacher(x).div(temperature).softmax(1));
  const softLosses: number[] = [];
  const hardLosses: number[] = [];
  for (let step = 0; step < 10; step++) {
    optimizer.zeroGrad();
    const logits = student(x);
    const told = logits.div(temperature).logSoftmax(1);
    const softLoss = klDiv(told, soft, { reduction: "batchmean" }).mul(temperature ** 2);
    const hardLoss = crossEntropy(logits, labels, { labelSmoothing: 0.1 });
    softLoss.mul(0.7).add(hardLoss.mul(0.3)).backward();
    optimizer.step();
    softLosses.push(await softLoss.item());
    hardLosses.push(await hardLoss.item());
  }
  return { softLosses, hardLosses, weight: await numbers(student.parameters()[0]!) };
}

await printIfMain(import.meta.url, run);
