// Warm-up, cosine decay and early stopping: the best weights are kept in a state dict and restored.
// PyTorch: SequentialLR([LinearLR, CosineAnnealingLR]), copy.deepcopy(model.state_dict()).
import { mseLoss, noGrad } from "flambeau";
import * as nn from "flambeau/nn";
import { CosineAnnealingLR, LinearLR, SGD, SequentialLR } from "flambeau/optim";
import { type Numbers, fillWithWaves, float64, numbers, printIfMain, wave } from "./program.ts";

export async function run(): Promise<Numbers> {
  const model = fillWithWaves(
    new nn.Sequential(new nn.Linear(3, 10, float64), new nn.Tanh(), new nn.Linear(10, 1, float64)),
  );
  const target = (start: number, rows: number) => wave([rows, 1], start, 0.8);
  const [x, y] = [wave([8, 3], 0), target(3, 8)];
  const [held, heldY] = [wave([6, 3], 0.4), target(3.5, 6)];
  const optimizer = new SGD(model.parameters(), { lr: 0.4, momentum: 0.5 });
  const schedule = new SequentialLR(
    [
      new LinearLR(optimizer, { startFactor: 0.1, totalIters: 4 }),
      new CosineAnnealingLR(optimizer, 40, { etaMin: 0.01 }),
    ],
    [4],
  );
  const rates: number[] = [];
  const heldLosses: number[] = [];
  let best = Infinity;
  let bestState = model.stateDict(); // a snapshot: later steps do not change it
  let patience = 5;
  for (let epoch = 0; epoch < 50 && patience > 0; epoch++) {
    optimizer.zeroGrad();
    mseLoss(model(x), y).backward();
    optimizer.step();
    rates.push(schedule.getLastLr()[0]!);
    schedule.step();
    const loss = await noGrad(() => mseLoss(model(held), heldY)).item();
    heldLosses.push(loss);
    patience = loss < best ? 5 : patience - 1;
    if (loss >= best) continue;
    best = loss;
    bestState = model.stateDict();
  }
  model.loadStateDict(bestState);
  return {
    rates,
    heldLosses,
    epochs: heldLosses.length,
    best,
    restored: await noGrad(() => mseLoss(model(held), heldY)).item(),
    bias: await numbers(model.parameters()[1]!),
  };
}

await printIfMain(import.meta.url, run);
