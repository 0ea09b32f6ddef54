// A layer of one's own: subclass nn.Module, put parameters in fields, write forward. It trains, prints
// and saves like the built-in ones. PyTorch: class RadialBasis(nn.Module) with nn.Parameter.
import { type Tensor, mseLoss, zeros } from "flambeau";
import * as nn from "flambeau/nn";
import { SGD } from "flambeau/optim";
import { type Numbers, fillWithWaves, numbers, printIfMain, wave } from "./program.ts";

class RadialBasis extends nn.Module {
  readonly centers: nn.Parameter; // [count, inputs]
  readonly logWidths: nn.Parameter; // [count]; `log_widths` in the state dict

  constructor(inputs: number, count: number) {
    super();
    this.centers = new nn.Parameter(zeros([count, inputs]));
    this.logWidths = new nn.Parameter(zeros([count]));
  }

  override forward(x: Tensor): Tensor {
    const apart = x.unsqueeze(1).sub(this.centers); // [batch, count, inputs]
    return apart.square().sum(-1).mul(this.logWidths.exp()).neg().exp(); // [batch, count]
  }
}

export async function run(): Promise<Numbers> {
  const model = fillWithWaves(new nn.Sequential(new RadialBasis(3, 5), new nn.Linear(5, 2)));
  const x = wave([8, 3], 1, 1, "float32");
  const y = wave([8, 2], 2, 1, "float32");
  const optimizer = new SGD(model.parameters(), { lr: 0.1, momentum: 0.9 });
  const losses: number[] = [];
  for (let step = 0; step < 10; step++) {
    optimizer.zeroGrad();
    const loss = mseLoss(model(x), y);
    loss.backward();
    optimizer.step();
    losses.push(await loss.item());
  }
  const state = model.stateDict();
  return {
    losses,
    parameterCount: model.parameters().reduce((sum, one) => sum + one.size, 0),
    centers: await numbers(state["0.centers"]!),
    logWidths: await numbers(state["0.log_widths"]!),
    gradientOfCenters: await numbers(model.parameters()[0]!.grad!),
  };
}

await printIfMain(import.meta.url, run);
