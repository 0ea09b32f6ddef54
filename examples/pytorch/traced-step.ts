// One training step, recorded once and replayed: forward, backward and Adam, with a learning rate that
// a schedule changes. Equal to the eager loop. PyTorch: torch.compile(step).
import { type Tensor, mseLoss, trace } from "flambeau";
import * as nn from "flambeau/nn";
import { Adam, StepLR } from "flambeau/optim";
import { type Numbers, fillWithWaves, float64, numbers, printIfMain, wave } from "./program.ts";

async function train(isTraced: boolean) {
  const model = fillWithWaves(
    new nn.Sequential(
      new nn.Linear(4, 8, float64),
      new nn.LayerNorm(8, float64),
      new nn.GELU(),
      new nn.Linear(8, 2, float64),
    ),
  );
  const optimizer = new Adam(model.parameters(), { lr: 0.02, amsgrad: true });
  const schedule = new StepLR(optimizer, 5, { gamma: 0.3 });
  const step = (x: Tensor, y: Tensor): Tensor => {
    optimizer.zeroGrad();
    const loss = mseLoss(model(x), y);
    loss.backward();
    optimizer.step();
    return loss;
  };
  const replayed = trace(step);
  const losses: number[] = [];
  for (let batch = 0; batch < 15; batch++) {
    const [x, y] = [wave([6, 4], batch % 3), wave([6, 2], batch % 3)];
    losses.push(await (isTraced ? replayed : step)(x, y).item());
    schedule.step();
  }
  return { losses, weight: await numbers(model.parameters()[0]!) };
}

export async function run(): Promise<Numbers> {
  const eager = await train(false);
  const traced = await train(true);
  return {
    eagerLosses: eager.losses,
    tracedLosses: traced.losses,
    eagerWeight: eager.weight,
    tracedWeight: traced.weight,
  };
}

await printIfMain(import.meta.url, run);
