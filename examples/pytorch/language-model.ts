// An LSTM language model with truncated backpropagation: the state is carried from chunk to chunk, but
// detached. PyTorch: nn.LSTM(num_layers=2, batch_first=True), h.detach(), perplexity = exp(loss).
import { type Tensor, arange, crossEntropy } from "flambeau";
import * as nn from "flambeau/nn";
import { SGD, clipGradNorm } from "flambeau/optim";
import { type Numbers, fillWithWaves, float64, numbers, printIfMain } from "./program.ts";

type State = [hidden: Tensor, cell: Tensor];

class LanguageModel extends nn.Module {
  embedding = new nn.Embedding(10, 6, float64);
  lstm = new nn.LSTM(6, 7, { numLayers: 2, batchFirst: true, ...float64 });
  head = new nn.Linear(7, 10, float64);

  override forward(index: Tensor, state?: State): [logits: Tensor, state: State] {
    const [outputs, next] = this.lstm(this.embedding(index), state);
    return [this.head(outputs), next];
  }
}

export async function run(): Promise<Numbers> {
  const model = fillWithWaves(new LanguageModel());
  const optimizer = new SGD(model.parameters(), { lr: 1 });
  const text = arange(42).square().remainder(10).reshape([2, 21]);
  const losses: number[] = [];
  const norms: number[] = [];
  for (let epoch = 0; epoch < 2; epoch++) {
    let state: State | undefined;
    for (let start = 0; start + 5 < text.shape[1]!; start += 5) {
      optimizer.zeroGrad();
      const input = text.at(":", `${start}:${start + 5}`);
      const target = text.at(":", `${start + 1}:${start + 6}`);
      const [logits, next] = model(input, state);
      const loss = crossEntropy(logits.transpose(1, 2), target); // classes on axis 1
      loss.backward();
      norms.push(await clipGradNorm(model.parameters(), 0.25).item());
      optimizer.step();
      state = [next[0].detach(), next[1].detach()];
      losses.push(await loss.item());
    }
  }
  return {
    losses,
    norms,
    perplexity: Math.exp(losses.at(-1)!),
    recurrent: await numbers(model.stateDict()["lstm.weight_hh_l1"]!.at(0)),
  };
}

await printIfMain(import.meta.url, run);
