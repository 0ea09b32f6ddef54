// The MNIST network of `npm start` at batch 64: inference beside TensorFlow.js on wasm, training beside
// its `cpu` backend, which is all that it has for convolution gradients in Node.
import { crossEntropy, manualSeed, noGrad, randint, randn, scope } from "flambeau";
import * as nn from "flambeau/nn";
import { Adam } from "flambeau/optim";
import { type Contestant, compare, report } from "./harness.ts";
import { type Tf, type TfTensor, loadTf } from "./tfjs.ts";

const batch = 64;

function ours(): { train: Contestant; infer: Contestant } {
  manualSeed(1);
  const model = new nn.Sequential(
    new nn.Conv2d(1, 16, 3, { padding: 1 }),
    new nn.ReLU(),
    new nn.MaxPool2d(2),
    new nn.Conv2d(16, 32, 3, { padding: 1 }),
    new nn.ReLU(),
    new nn.MaxPool2d(2),
    new nn.Flatten(),
    new nn.Linear(32 * 7 * 7, 10),
  );
  const optimizer = new Adam(model.parameters(), { lr: 1e-3 });
  const x = randn([batch, 1, 28, 28]);
  const y = randint(0, 10, [batch]);
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

function theirs(tf: Tf, name: string): { train: Contestant; infer: Contestant } {
  const filter1 = tf.variable(tf.randomNormal([3, 3, 1, 16], 0, 0.3));
  const filter2 = tf.variable(tf.randomNormal([3, 3, 16, 32], 0, 0.1));
  const weight = tf.variable(tf.randomNormal([32 * 7 * 7, 10], 0, 0.02));
  const biases = [16, 32, 10].map((n) => tf.variable(tf.zeros([n])));
  const x = tf.randomNormal([batch, 28, 28, 1]);
  const labels = Int32Array.from({ length: batch }, (_, i) => i % 10);
  const y = tf.oneHot(tf.tensor(labels, [batch], "int32"), 10);
  const block = (h: TfTensor, filter: TfTensor, bias: TfTensor): TfTensor =>
    tf.maxPool(tf.conv2d(h, filter, 1, "same").add(bias).relu(), 2, 2, "valid");
  const forward = (): TfTensor => {
    const h = block(block(x, filter1, biases[0]!), filter2, biases[1]!);
    return h
      .reshape([batch, 32 * 7 * 7])
      .matMul(weight)
      .add(biases[2]!);
  };
  const optimizer = tf.train.adam(1e-3);
  return {
    train: {
      name: `tfjs ${name}, train`,
      step: () =>
        tf.tidy(() => {
          const loss = optimizer.minimize(() => tf.losses.softmaxCrossEntropy(y, forward()));
          loss?.dataSync();
        }),
    },
    infer: {
      name: `tfjs ${name}, infer`,
      step: () => tf.tidy(() => void forward().dataSync()),
    },
  };
}

export async function benchmarkCnn(): Promise<void> {
  const us = ours();
  const wasm = await loadTf("wasm");
  const infer = wasm ? [us.infer, theirs(wasm, "wasm").infer] : [us.infer];
  report("MNIST CNN, batch 64: inference", await compare(infer));
  const cpu = await loadTf("cpu");
  const train = cpu ? [us.train, theirs(cpu, "cpu").train] : [us.train];
  report("MNIST CNN, batch 64: a training step with Adam", await compare(train, { rounds: 5 }));
}

if (process.argv[1]?.endsWith("cnn.ts")) await benchmarkCnn();
