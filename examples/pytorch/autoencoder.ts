// A variational autoencoder: the sample is mean + noise · exp(logVariance / 2), so that gradients reach
// both. PyTorch: reparameterize(mu, logvar), BCE(reduction="sum") + KLD.
import { type Tensor, binaryCrossEntropyWithLogits } from "flambeau";
import * as nn from "flambeau/nn";
import { Adam } from "flambeau/optim";
import { type Numbers, fillWithWaves, numbers, printIfMain, wave } from "./program.ts";

class Autoencoder extends nn.Module {
  encoder = new nn.Linear(12, 8);
  mean = new nn.Linear(8, 2);
  logVariance = new nn.Linear(8, 2);
  decoder = new nn.Sequential(new nn.Linear(2, 8), new nn.ReLU(), new nn.Linear(8, 12));

  /** `noise` is randnLike(mean) in earnest; here it comes from outside, to compare numbers. */
  override forward(x: Tensor, noise: Tensor): [logits: Tensor, mean: Tensor, logVariance: Tensor] {
    const h = this.encoder(x).relu();
    const [mean, logVariance] = [this.mean(h), this.logVariance(h)];
    const sample = mean.add(noise.mul(logVariance.mul(0.5).exp()));
    return [this.decoder(sample), mean, logVariance];
  }
}

export async function run(): Promise<Numbers> {
  const model = fillWithWaves(new Autoencoder(), 0.3);
  const optimizer = new Adam(model.parameters(), { lr: 0.01 });
  const x = wave([10, 12], 1, 0.5, "float32").add(0.5); // pixels in [0, 1]
  const reconstructions: number[] = [];
  const divergences: number[] = [];
  for (let step = 0; step < 8; step++) {
    optimizer.zeroGrad();
    const [logits, mean, logVariance] = model(x, wave([10, 2], 7 * step, 1.4, "float32"));
    const reconstruction = binaryCrossEntropyWithLogits(logits, x, { reduction: "sum" });
    const spread = logVariance.add(1).sub(mean.square()).sub(logVariance.exp());
    const divergence = spread.sum().mul(-0.5);
    reconstruction.add(divergence).div(x.shape[0]!).backward();
    optimizer.step();
    reconstructions.push(await reconstruction.item());
    divergences.push(await divergence.item());
  }
  return { reconstructions, divergences, weight: await numbers(model.mean.weight) };
}

await printIfMain(import.meta.url, run);
