// A convolutional denoiser that predicts the noise: strided down, transposed convolution up, batch norm
// with running statistics. PyTorch: Conv2d, BatchNorm2d, ConvTranspose2d, x - model(x), train/eval.
import { type Tensor, huberLoss, noGrad } from "flambeau";
import * as nn from "flambeau/nn";
import { Adam } from "flambeau/optim";
import { type Numbers, fillWithWaves, float64, numbers, printIfMain, wave } from "./program.ts";

class Denoiser extends nn.Module {
  noise = new nn.Sequential(
    new nn.Conv2d(1, 4, 3, { padding: 1, stride: 2, bias: false, ...float64 }),
    new nn.BatchNorm2d(4, float64),
    new nn.ReLU(),
    new nn.Conv2d(4, 4, 3, { padding: 1, paddingMode: "reflect", groups: 2, ...float64 }),
    new nn.ELU(),
    new nn.ConvTranspose2d(4, 1, 4, { padding: 1, stride: 2, ...float64 }),
  );

  override forward(x: Tensor): Tensor {
    return x.sub(this.noise(x));
  }
}

export async function run(): Promise<Numbers> {
  const model = fillWithWaves(new Denoiser(), 0.3);
  const optimizer = new Adam(model.parameters(), { lr: 0.01 });
  const clean = wave([2, 1, 8, 8]).cumsum(-1).mul(0.3);
  const noisy = clean.add(wave([2, 1, 8, 8], 40, 0.2));
  const losses: number[] = [];
  for (let step = 0; step < 6; step++) {
    optimizer.zeroGrad();
    const loss = huberLoss(model(noisy), clean, { delta: 0.1 });
    loss.backward();
    optimizer.step();
    losses.push(await loss.item());
  }
  const restored = noGrad(() => model.eval()(noisy));
  const error = restored.sub(clean).square().mean();
  const state = model.stateDict();
  return {
    losses,
    signalToNoise: -10 * Math.log10(await error.item()),
    runningMean: await numbers(state["noise.1.running_mean"]!),
    runningVar: await numbers(state["noise.1.running_var"]!),
    row: await numbers(restored.at(1, 0, 3)),
  };
}

await printIfMain(import.meta.url, run);
