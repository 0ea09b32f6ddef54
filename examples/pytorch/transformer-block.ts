// A transformer block as in small GPTs: causal attention over heads, then an MLP, both residual.
// PyTorch: F.scaled_dot_product_attention(q, k, v, is_causal=True), .view and .transpose for heads.
import { type Tensor, arange, crossEntropy, noGrad, scaledDotProductAttention } from "flambeau";
import * as nn from "flambeau/nn";
import { AdamW } from "flambeau/optim";
import { type Numbers, fillWithWaves, numbers, printIfMain } from "./program.ts";

class Block extends nn.Module {
  heads: number;
  norm1: nn.LayerNorm;
  project: nn.Linear; // to queries, keys and values at once
  out: nn.Linear;
  norm2: nn.LayerNorm;
  mlp: nn.Sequential;

  constructor(size: number, heads: number) {
    super();
    this.heads = heads;
    this.norm1 = new nn.LayerNorm(size);
    this.project = new nn.Linear(size, 3 * size);
    this.out = new nn.Linear(size, size);
    this.norm2 = new nn.LayerNorm(size);
    this.mlp = new nn.Sequential(
      new nn.Linear(size, 4 * size),
      new nn.GELU({ approximate: "tanh" }),
      new nn.Linear(4 * size, size),
    );
  }

  override forward(x: Tensor): Tensor {
    const [batch, length] = x.shape as [number, number];
    const heads = (y: Tensor) => y.reshape([batch, length, this.heads, -1]).transpose(1, 2);
    const [q, k, v] = this.project(this.norm1(x)).chunk(3, -1).map(heads) as [
      Tensor,
      Tensor,
      Tensor,
    ];
    const mixed = scaledDotProductAttention(q, k, v, { causal: true }); // [batch, heads, length, …]
    const y = x.add(this.out(mixed.transpose(1, 2).reshape(x.shape)));
    return y.add(this.mlp(this.norm2(y)));
  }
}

class Model extends nn.Module {
  tokens = new nn.Embedding(11, 8);
  positions = new nn.Embedding(6, 8);
  block = new Block(8, 2);
  head = new nn.Linear(8, 11, { bias: false });

  override forward(index: Tensor): Tensor {
    const places = this.positions(arange(index.shape[1]!));
    return this.head(this.block(this.tokens(index).add(places)));
  }
}

export async function run(): Promise<Numbers> {
  const model = fillWithWaves(new Model(), 0.3);
  const text = arange(21).square().remainder(11).reshape([3, 7]);
  const [input, target] = [text.at(":", ":-1"), text.at(":", "1:")];
  const optimizer = new AdamW(model.parameters(), { lr: 0.01, weightDecay: 0.1 });
  const losses: number[] = [];
  for (let step = 0; step < 5; step++) {
    optimizer.zeroGrad();
    const loss = crossEntropy(model(input).flatten(0, 1), target.flatten());
    loss.backward();
    optimizer.step();
    losses.push(await loss.item());
  }
  const logits = noGrad(() => model(input).at(0, -1));
  return { losses, logits: await numbers(logits), weight: await numbers(model.head.weight) };
}

await printIfMain(import.meta.url, run);
