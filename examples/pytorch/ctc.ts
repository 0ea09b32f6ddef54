// Speech-like training: frames to labels without an alignment, sequences of different lengths.
// PyTorch: F.ctc_loss(log_probs, targets, input_lengths, target_lengths, zero_infinity=True).
import { ctcLoss, noGrad, tensor } from "flambeau";
import * as nn from "flambeau/nn";
import { SGD } from "flambeau/optim";
import { type Numbers, fillWithWaves, float64, numbers, printIfMain, wave } from "./program.ts";

export async function run(): Promise<Numbers> {
  const model = fillWithWaves(
    new nn.Sequential(new nn.Linear(5, 8, float64), new nn.Tanh(), new nn.Linear(8, 4, float64)),
  );
  const frames = wave([9, 3, 5]); // [steps, batch, features]
  const targets = tensor([[1, 2, 2], [3, 1, 0], [2, 0, 0]], { dtype: "int64" }); // prettier-ignore
  const lengths = { inputLengths: [9, 7, 5], targetLengths: [3, 2, 1], zeroInfinity: true };
  const optimizer = new SGD(model.parameters(), { lr: 0.5 });
  const losses: number[] = [];
  for (let step = 0; step < 8; step++) {
    optimizer.zeroGrad();
    const loss = ctcLoss(model(frames).logSoftmax(-1), targets, lengths);
    loss.backward();
    optimizer.step();
    losses.push(await loss.item());
  }
  const best = noGrad(() => model(frames).argmax(-1)); // greedy decoding, before merging
  return {
    losses,
    best: await numbers(best),
    gradient: await numbers(model.parameters()[3]!.grad!),
    weight: await numbers(model.parameters()[2]!),
  };
}

await printIfMain(import.meta.url, run);
