// Control flow that depends on data: a network that recurses over trees of any shape. Every tree makes a
// tape of its own. PyTorch: plain recursion in forward.
import { type Tensor, concat, crossEntropy, stack, tensor } from "flambeau";
import * as nn from "flambeau/nn";
import { Adagrad } from "flambeau/optim";
import { type Numbers, fillWithWaves, float64, numbers, printIfMain } from "./program.ts";

/** A word, or two trees. */
type Tree = number | readonly [Tree, Tree];

class TreeNetwork extends nn.Module {
  words = new nn.Embedding(6, 4, float64);
  compose = new nn.Linear(8, 4, float64);
  classify = new nn.Linear(4, 3, float64);

  encode(tree: Tree): Tensor {
    if (typeof tree === "number") return this.words(tensor(tree, { dtype: "int64" })); // [4]
    const [left, right] = tree;
    return this.compose(concat([this.encode(left), this.encode(right)])).tanh();
  }

  override forward(trees: readonly Tree[]): Tensor {
    return this.classify(stack(trees.map((tree) => this.encode(tree))));
  }
}

const trees: readonly Tree[] = [
  3,
  [0, 1],
  [[0, 2], 5],
  [4, [[1, 1], [3, 0]]],
  [[[[5, 4], 3], 2], 1],
]; // prettier-ignore

export async function run(): Promise<Numbers> {
  const model = fillWithWaves(new TreeNetwork());
  const labels = tensor([0, 1, 2, 1, 0], { dtype: "int64" });
  const optimizer = new Adagrad(model.parameters(), { lr: 0.1 });
  const losses: number[] = [];
  for (let step = 0; step < 8; step++) {
    optimizer.zeroGrad();
    const loss = crossEntropy(model(trees), labels);
    loss.backward();
    optimizer.step();
    losses.push(await loss.item());
  }
  return {
    losses,
    logits: await numbers(model(trees).detach()),
    compose: await numbers(model.compose.weight),
  };
}

await printIfMain(import.meta.url, run);
