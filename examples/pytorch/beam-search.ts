// Beam search over a character model: a GRU cell stepped by hand, the best three prefixes kept.
// PyTorch: nn.GRUCell, log_softmax, topk on flattened scores, index_select to reorder the state.
import { type Tensor, noGrad, tensor } from "flambeau";
import * as nn from "flambeau/nn";
import { type Numbers, fillWithWaves, float64, printIfMain, numbers } from "./program.ts";

const letters = "^abcdefg$"; // the first begins a word, the last ends it

class CharacterModel extends nn.Module {
  embedding = new nn.Embedding(letters.length, 6, float64);
  cell = new nn.GRUCell(6, 8, float64);
  head = new nn.Linear(8, letters.length, float64);

  override forward(tokens: Tensor, hidden?: Tensor): [scores: Tensor, hidden: Tensor] {
    const next = this.cell(this.embedding(tokens), hidden);
    return [this.head(next).logSoftmax(-1), next];
  }
}

function search(model: CharacterModel, width: number, steps: number) {
  let [scores, hidden] = model(tensor([0], { dtype: "int64" }));
  let best = scores.flatten().topk(width);
  let total = best.values; // [width]
  let tokens = best.indices; // [width]
  let words = (tokens.toArray() as number[]).map((token) => [token]);
  hidden = hidden.expand([width, 8]);
  for (let step = 1; step < steps; step++) {
    [scores, hidden] = model(tokens, hidden);
    const isDone = tokens.eq(letters.length - 1).unsqueeze(1); // a finished word stays as it is
    const ends = tensor(letters.split("").map((_, i) => i < letters.length - 1));
    scores = scores.maskedFill(isDone.logicalAnd(ends), -Infinity);
    scores = scores.maskedFill(isDone.logicalAnd(ends.logicalNot()), 0);
    best = scores.add(total.unsqueeze(1)).flatten().topk(width);
    const parents = best.indices.floorDivide(letters.length);
    total = best.values;
    tokens = best.indices.remainder(letters.length);
    hidden = hidden.indexSelect(0, parents);
    const added = tokens.toArray() as number[];
    words = (parents.toArray() as number[]).map((from, i) => [...words[from]!, added[i]!]);
  }
  return { words, total };
}

export async function run(): Promise<Numbers> {
  const model = fillWithWaves(new CharacterModel(), 0.8).eval();
  const { words, total } = noGrad(() => search(model, 3, 7));
  return {
    first: words[0]!,
    second: words[1]!,
    third: words[2]!,
    logProbabilities: await numbers(total),
  };
}

await printIfMain(import.meta.url, run);
