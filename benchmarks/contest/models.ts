// The models of the training contest, written as a user would: PyTorch's twins are in torch_peer.py.
import {
  type Tensor,
  arange,
  crossEntropy,
  manualSeed,
  randint,
  randn,
  scaledDotProductAttention,
} from "flambeau";
import * as nn from "flambeau/nn";
import { Adam, AdamW, SGD } from "flambeau/optim";

export interface Setup {
  readonly model: nn.Module;
  readonly optimizer: { zeroGrad(): void; step(): void };
  /** Samples of one step. */
  readonly samples: number;
  readonly loss: () => Tensor;
}

function classifier(
  model: nn.Module & ((x: Tensor) => Tensor),
  optimizer: Setup["optimizer"],
  x: Tensor,
  classes: number,
): Setup {
  const samples = x.shape[0]!;
  const y = randint(0, classes, [samples]);
  return { model, optimizer, samples, loss: () => crossEntropy(model(x), y) };
}

const mlp = () =>
  new nn.Sequential(
    new nn.Linear(784, 512),
    new nn.ReLU(),
    new nn.Linear(512, 256),
    new nn.ReLU(),
    new nn.Linear(256, 10),
  );

function mlpSetup(batch: number, kind: "adam" | "sgd"): Setup {
  const model = mlp();
  const optimizer =
    kind === "adam"
      ? new Adam(model.parameters(), { lr: 1e-3 })
      : new SGD(model.parameters(), { lr: 0.01, momentum: 0.9 });
  return classifier(model, optimizer, randn([batch, 784]), 10);
}

function tiny(): Setup {
  const model = new nn.Sequential(
    new nn.Linear(2, 16),
    new nn.ReLU(),
    new nn.Linear(16, 16),
    new nn.ReLU(),
    new nn.Linear(16, 2),
  );
  return classifier(model, new SGD(model.parameters(), { lr: 0.01 }), randn([32, 2]), 2);
}

function cnn(): Setup {
  const model = new nn.Sequential(
    new nn.Conv2d(1, 32, 3),
    new nn.ReLU(),
    new nn.Conv2d(32, 64, 3),
    new nn.ReLU(),
    new nn.MaxPool2d(2),
    new nn.Flatten(),
    new nn.Linear(64 * 12 * 12, 128),
    new nn.ReLU(),
    new nn.Linear(128, 10),
  );
  const optimizer = new SGD(model.parameters(), { lr: 0.01, momentum: 0.9 });
  return classifier(model, optimizer, randn([64, 1, 28, 28]), 10);
}

class BasicBlock extends nn.Module {
  readonly conv1: nn.Conv2d;
  readonly bn1: nn.BatchNorm2d;
  readonly conv2: nn.Conv2d;
  readonly bn2: nn.BatchNorm2d;
  readonly downsample: nn.Sequential | undefined;

  constructor(channels: number, features: number, stride: number) {
    super();
    this.conv1 = new nn.Conv2d(channels, features, 3, { stride, padding: 1, bias: false });
    this.bn1 = new nn.BatchNorm2d(features);
    this.conv2 = new nn.Conv2d(features, features, 3, { padding: 1, bias: false });
    this.bn2 = new nn.BatchNorm2d(features);
    if (stride !== 1 || channels !== features) {
      this.downsample = new nn.Sequential(
        new nn.Conv2d(channels, features, 1, { stride, bias: false }),
        new nn.BatchNorm2d(features),
      );
    }
  }

  override forward(x: Tensor): Tensor {
    const y = this.bn2(this.conv2(this.bn1(this.conv1(x)).relu()));
    return y.add(this.downsample === undefined ? x : this.downsample(x)).relu();
  }
}

/** ResNet-18 for 32×32 images: a 3×3 stem, no first pool. */
function resnet(): Setup {
  const stages = [64, 128, 256, 512].flatMap((features, i) => [
    new BasicBlock(i === 0 ? 64 : features / 2, features, i === 0 ? 1 : 2),
    new BasicBlock(features, features, 1),
  ]);
  const model = new nn.Sequential(
    new nn.Conv2d(3, 64, 3, { padding: 1, bias: false }),
    new nn.BatchNorm2d(64),
    new nn.ReLU(),
    ...stages,
    new nn.AdaptiveAvgPool2d(1),
    new nn.Flatten(),
    new nn.Linear(512, 10),
  );
  const optimizer = new SGD(model.parameters(), { lr: 0.01, momentum: 0.9 });
  return classifier(model, optimizer, randn([32, 3, 32, 32]), 10);
}

const gptShape = { layers: 4, width: 256, heads: 4, time: 128, vocabulary: 512, batch: 8 } as const;

class GptBlock extends nn.Module {
  readonly norm1 = new nn.LayerNorm(gptShape.width);
  readonly qkv = new nn.Linear(gptShape.width, 3 * gptShape.width);
  readonly projection = new nn.Linear(gptShape.width, gptShape.width);
  readonly norm2 = new nn.LayerNorm(gptShape.width);
  readonly up = new nn.Linear(gptShape.width, 4 * gptShape.width);
  readonly down = new nn.Linear(4 * gptShape.width, gptShape.width);

  override forward(x: Tensor): Tensor {
    const [batch, time, width] = x.shape as [number, number, number];
    const { heads } = gptShape;
    const qkv = this.qkv(this.norm1(x)).reshape([batch, time, 3, heads, width / heads]);
    const [q, k, v] = qkv.permute([2, 0, 3, 1, 4]).unbind(0) as [Tensor, Tensor, Tensor];
    const mixed = scaledDotProductAttention(q, k, v, { causal: true }); // [batch, heads, time, size]
    const joined = mixed.transpose(1, 2).reshape([batch, time, width]);
    const y = x.add(this.projection(joined));
    return y.add(this.down(this.up(this.norm2(y)).gelu()));
  }
}

class Gpt extends nn.Module {
  readonly tokens = new nn.Embedding(gptShape.vocabulary, gptShape.width);
  readonly positions = new nn.Embedding(gptShape.time, gptShape.width);
  readonly blocks = new nn.Sequential(
    ...Array.from({ length: gptShape.layers }, () => new GptBlock()),
  );
  readonly norm = new nn.LayerNorm(gptShape.width);
  readonly head = new nn.Linear(gptShape.width, gptShape.vocabulary, { bias: false });

  override forward(ids: Tensor): Tensor {
    const places = arange(gptShape.time, undefined, { dtype: "int32" });
    return this.head(this.norm(this.blocks(this.tokens(ids).add(this.positions(places)))));
  }
}

function gpt(): Setup {
  const { batch, time, vocabulary } = gptShape;
  const model = new Gpt();
  const ids = randint(0, vocabulary, [batch, time]);
  const targets = randint(0, vocabulary, [batch * time]);
  return {
    model,
    optimizer: new AdamW(model.parameters(), { lr: 3e-4 }),
    samples: batch,
    loss: () => crossEntropy(model(ids).reshape([batch * time, vocabulary]), targets),
  };
}

class Recurrent extends nn.Module {
  readonly lstm = new nn.LSTM(256, 256, { numLayers: 2 });
  readonly head = new nn.Linear(256, 10);

  override forward(x: Tensor): Tensor {
    const [y] = this.lstm(x) as [Tensor, unknown];
    return this.head(y.select(0, y.shape[0]! - 1));
  }
}

function lstm(): Setup {
  const model = new Recurrent();
  const optimizer = new Adam(model.parameters(), { lr: 1e-3 });
  const x = randn([64, 32, 256]);
  const y = randint(0, 10, [32]);
  return { model, optimizer, samples: 32, loss: () => crossEntropy(model(x), y) };
}

const setups: Record<string, () => Setup> = {
  "mlp 64 adam": () => mlpSetup(64, "adam"),
  "mlp 64 sgd": () => mlpSetup(64, "sgd"),
  "mlp 512 adam": () => mlpSetup(512, "adam"),
  "mlp 512 sgd": () => mlpSetup(512, "sgd"),
  "mlp tiny": tiny,
  cnn,
  resnet18: resnet,
  gpt,
  lstm,
};

export const modelNames = Object.keys(setups);

export function createModel(name: string): Setup {
  manualSeed(1);
  return setups[name]!();
}
