// A training step of an MLP 784-512-256-10 at batch 64 with Adam, and its inference, beside
// TensorFlow.js on its wasm backend.
import { crossEntropy, manualSeed, noGrad, randint, randn, scope } from "flambeau";
import * as nn from "flambeau/nn";
import { Adam } from "flambeau/optim";
import { type Contestant, compare, report } from "./harness.ts";
import { type Tf, type TfTensor, loadTf } from "./tfjs.ts";

const sizes = [784, 512, 256, 10] as const;
const batch = 64;

function ours(): { train: Contestant; infer: Contestant } {
  manualSeed(1);
  const model = new nn.Sequential(
    new nn.Linear(sizes[0], sizes[1]),
    new nn.ReLU(),
    new nn.Linear(sizes[1], sizes[2]),
    new nn.ReLU(),
    new nn.Linear(sizes[2], sizes[3]),
  );
  const optimizer = new Adam(model.parameters(), { lr: 1e-3 });
  const x = randn([batch, sizes[0]]);
  const y = randint(0, sizes[3], [batch]);
  return {
    train: {
      name: "flambeau wasm, train",
      step: () =>
        scope(() => {
          optimizer.zeroGrad();
          const loss = crossEntropy(model(x), y);
          loss.backward();
          optimizer.step();
          loss.dataSync();
        }),
    },
    infer: {
      name: "flambeau wasm, infer",
      step: () => scope(() => void noGrad(() => model(x)).dataSync()),
    },
  };
}

function theirs(tf: Tf): { train: Contestant; infer: Contestant } {
  const layers = sizes.slice(1).map((out, i) => ({
    weight: tf.variable(tf.randomNormal([sizes[i]!, out], 0, Math.sqrt(1 / sizes[i]!))),
    bias: tf.variable(tf.zeros([out])),
  }));
  const x = tf.randomNormal([batch, sizes[0]]);
  const labels = Int32Array.from({ length: batch }, (_, i) => i % 10);
  const y = tf.oneHot(tf.tensor(labels, [batch], "int32"), 10);
  const forward = (): TfTensor =>
    layers.reduce((h, { weight, bias }, i) => {
      const out = h.matMul(weight).add(bias);
      return i < layers.length - 1 ? out.relu() : out;
    }, x);
  const optimizer = tf.train.adam(1e-3);
  return {
    train: {
      name: "tfjs wasm, train",
      step: () =>
        tf.tidy(() => {
          const loss = optimizer.minimize(() => tf.losses.softmaxCrossEntropy(y, forward()));
          loss?.dataSync();
        }),
    },
    infer: {
      name: "tfjs wasm, infer",
      step: () => tf.tidy(() => void forward().dataSync()),
    },
  };
}

export async function benchmarkMlp(): Promise<void> {
  const us = ours();
  const tf = await loadTf("wasm");
  const them = tf && theirs(tf);
  report(
    "MLP 784-512-256-10, batch 64, Adam: a training step",
    await compare(them ? [us.train, them.train] : [us.train]),
  );
  report("the same, inference", await compare(them ? [us.infer, them.infer] : [us.infer]));
}

if (process.argv[1]?.endsWith("mlp.ts")) await benchmarkMlp();
