// Weight sharing: the output layer uses the embedding's table, which then has one gradient from both
// uses. PyTorch: self.decoder.weight = self.encoder.weight.
import { type Tensor, crossEntropy, tensor } from "flambeau";
import * as nn from "flambeau/nn";
import { SGD } from "flambeau/optim";
import { type Numbers, fillWithWaves, float64, numbers, printIfMain } from "./program.ts";

class Tied extends nn.Module {
  encoder = new nn.Embedding(9, 5, float64);
  mix = new nn.Linear(5, 5, float64);
  decoder = new nn.Linear(5, 9, float64);

  constructor() {
    super();
    this.decoder.weight = this.encoder.weight;
  }

  override forward(index: Tensor): Tensor {
    return this.decoder(this.mix(this.encoder(index)).tanh());
  }
}

export async function run(): Promise<Numbers> {
  const model = fillWithWaves(new Tied());
  const index = tensor([0, 3, 1, 4, 1, 5], { dtype: "int64" });
  const next = tensor([3, 1, 4, 1, 5, 8], { dtype: "int64" });
  const optimizer = new SGD(model.parameters(), { lr: 0.5 });
  const losses: number[] = [];
  for (let step = 0; step < 6; step++) {
    optimizer.zeroGrad();
    const loss = crossEntropy(model(index), next);
    loss.backward();
    optimizer.step();
    losses.push(await loss.item());
  }
  const state = model.stateDict();
  return {
    losses,
    parameters: model.parameters().length, // table, mix.weight, mix.bias, decoder.bias
    names: Object.keys(state).length, // both names of the table are saved, as in PyTorch
    gradient: await numbers(model.encoder.weight.grad!),
    table: await numbers(state["decoder.weight"]!),
  };
}

await printIfMain(import.meta.url, run);
