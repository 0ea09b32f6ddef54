// TensorFlow.js on its wasm backend as a contestant of the training steps: the models of models.ts, of
// the same shapes, losses and optimisers, written as its users would. Where the backend lacks a kernel,
// the first step says so and the case has no answer. In Node it runs on one thread, whatever is asked.
import { loadTf } from "../tfjs.ts";
import { type Step, serve } from "./bursts.ts";

/** The parts of a tfjs tensor that the models use. */
interface Tensor {
  readonly shape: number[];
  add(other: Tensor | number): Tensor;
  sub(other: Tensor): Tensor;
  mul(other: Tensor | number): Tensor;
  matMul(other: Tensor, transposeA?: boolean, transposeB?: boolean): Tensor;
  reshape(shape: number[]): Tensor;
  transpose(order: number[]): Tensor;
  gather(indices: Tensor): Tensor;
  unstack(axis: number): Tensor[];
  split(count: number, axis: number): Tensor[];
  mean(axes: number | number[], keepDims?: boolean): Tensor;
  softmax(axis: number): Tensor;
  square(): Tensor;
  rsqrt(): Tensor;
  erf(): Tensor;
  relu(): Tensor;
  sigmoid(): Tensor;
  tanh(): Tensor;
  dataSync(): Float32Array;
}

interface Variable extends Tensor {
  assign(value: Tensor): void;
}

type Gradients = Record<string, Tensor>;

interface Optimizer {
  applyGradients(gradients: Gradients): void;
}

interface Tf {
  tidy<T>(body: () => T): T;
  variable(value: Tensor, trainable?: boolean): Variable;
  disposeVariables(): void;
  variableGrads(loss: () => Tensor, of: Variable[]): { value: Tensor; grads: Gradients };
  tensor(values: Float32Array | Int32Array, shape: number[], dtype?: string): Tensor;
  randomNormal(shape: number[], mean: number, deviation: number): Tensor;
  randomUniform(shape: number[], low: number, high: number, dtype?: string): Tensor;
  zeros(shape: number[]): Tensor;
  ones(shape: number[]): Tensor;
  oneHot(indices: Tensor, depth: number): Tensor;
  stack(tensors: Tensor[]): Tensor;
  conv2d(x: Tensor, filter: Tensor, stride: number, padding: number): Tensor;
  maxPool(x: Tensor, size: number, stride: number, padding: number): Tensor;
  moments(x: Tensor, axes: number[]): { mean: Tensor; variance: Tensor };
  batchNorm(x: Tensor, mean: Tensor, variance: Tensor, offset: Tensor, scale: Tensor, epsilon: number): Tensor; // prettier-ignore
  losses: { softmaxCrossEntropy(labels: Tensor, logits: Tensor): Tensor };
  train: {
    adam(rate: number): Optimizer;
    sgd(rate: number): Optimizer;
    momentum(rate: number, momentum: number): Optimizer;
  };
}

console.log = console.error; // stdout is for answers
const tf = (await loadTf("wasm")) as unknown as Tf;
if (tf === undefined) {
  console.error("npm install --ignore-scripts --prefix benchmarks/peers");
  process.exit(1);
}

type Layer = (x: Tensor) => Tensor;

interface Setup {
  readonly forward: () => Tensor;
  /** One-hot, as tfjs wants them. */
  readonly targets: Tensor;
  readonly optimizer: Optimizer;
  /** AdamW's share of each weight that a step takes away: tfjs has Adam alone. */
  readonly decay?: number;
}

/** The trainable variables of the model being made. */
let parameters: Variable[] = [];

function parameter(value: Tensor): Variable {
  const made = tf.variable(value);
  parameters.push(made);
  return made;
}

const weight = (shape: number[], inputs: number) =>
  parameter(tf.randomNormal(shape, 0, Math.sqrt(1 / inputs)));
const zeros = (size: number) => parameter(tf.zeros([size]));
const ones = (size: number) => parameter(tf.ones([size]));
const random = (shape: number[]) => tf.randomNormal(shape, 0, 1);
const labels = (count: number, classes: number) =>
  tf.oneHot(tf.randomUniform([count], 0, classes, "int32"), classes);
const sgd = () => tf.train.momentum(0.01, 0.9);
const relu: Layer = (x) => x.relu();
const sequence =
  (...layers: Layer[]): Layer =>
  (x) =>
    layers.reduce((h, layer) => layer(h), x);

function linear(inputs: number, outputs: number, withBias = true): Layer {
  const w = weight([inputs, outputs], inputs);
  const b = withBias ? zeros(outputs) : undefined;
  return (x) => (b ? x.matMul(w).add(b) : x.matMul(w));
}

function perceptron(sizes: readonly number[], batch: number, optimizer: Optimizer): Setup {
  const layers = sizes.slice(1).flatMap((size, i) => [relu, linear(sizes[i]!, size)]);
  const model = sequence(...layers.slice(1));
  const x = random([batch, sizes[0]!]);
  return { forward: () => model(x), targets: labels(batch, sizes.at(-1)!), optimizer };
}

/** Images lie as tfjs has them: batch, height, width, channels. */
function conv(channels: number, features: number, window: number, stride: number, padding: number): Layer {
  const filter = weight([window, window, channels, features], window * window * channels);
  return (x) => tf.conv2d(x, filter, stride, padding);
} // prettier-ignore

function bias(features: number): Layer {
  const b = zeros(features);
  return (x) => x.add(b);
}

function cnn(): Setup {
  const model = sequence(
    conv(1, 32, 3, 1, 0),
    bias(32),
    relu,
    conv(32, 64, 3, 1, 0),
    bias(64),
    relu,
    (h) => tf.maxPool(h, 2, 2, 0).reshape([64, 12 * 12 * 64]),
    linear(12 * 12 * 64, 128),
    relu,
    linear(128, 10),
  );
  const x = random([64, 28, 28, 1]);
  return { forward: () => model(x), targets: labels(64, 10), optimizer: sgd() };
}

function batchNorm(features: number): Layer {
  const scale = ones(features);
  const offset = zeros(features);
  const running = [tf.zeros([features]), tf.ones([features])].map((v) => tf.variable(v, false));
  return (x) => {
    const { mean, variance } = tf.moments(x, [0, 1, 2]);
    for (const [i, now] of [mean, variance].entries()) {
      running[i]!.assign(running[i]!.mul(0.9).add(now.mul(0.1)));
    }
    return tf.batchNorm(x, mean, variance, offset, scale, 1e-5);
  };
}

function basicBlock(channels: number, features: number, stride: number): Layer {
  const main = sequence(
    conv(channels, features, 3, stride, 1),
    batchNorm(features),
    relu,
    conv(features, features, 3, 1, 1),
    batchNorm(features),
  );
  const shortcut =
    stride === 1 && channels === features
      ? undefined
      : sequence(conv(channels, features, 1, stride, 0), batchNorm(features));
  return (x) => main(x).add(shortcut ? shortcut(x) : x).relu(); // prettier-ignore
}

function resnet(): Setup {
  const stages = [64, 128, 256, 512].flatMap((features, i) => [
    basicBlock(i === 0 ? 64 : features / 2, features, i === 0 ? 1 : 2),
    basicBlock(features, features, 1),
  ]);
  const stem = [conv(3, 64, 3, 1, 1), batchNorm(64), relu];
  const model = sequence(...stem, ...stages, (h) => h.mean([1, 2]), linear(512, 10));
  const x = random([32, 32, 32, 3]);
  return { forward: () => model(x), targets: labels(32, 10), optimizer: sgd() };
}

function layerNorm(width: number): Layer {
  const scale = ones(width);
  const offset = zeros(width);
  return (x) => {
    const centred = x.sub(x.mean(-1, true));
    const spread = centred.square().mean(-1, true).add(1e-5).rsqrt();
    return centred.mul(spread).mul(scale).add(offset);
  };
}

const gptShape = { layers: 4, width: 256, heads: 4, time: 128, vocabulary: 512, batch: 8 } as const;

/** Of rows [batch · time, width], so that products are of two axes. */
function gptBlock(mask: Tensor): Layer {
  const { width, heads, time, batch } = gptShape;
  const size = width / heads;
  const qkv = sequence(layerNorm(width), linear(width, 3 * width));
  const projection = linear(width, width);
  const up = sequence(layerNorm(width), linear(width, 4 * width));
  const down = linear(4 * width, width);
  return (x) => {
    const parts = qkv(x).reshape([batch, time, 3, heads, size]).transpose([2, 0, 3, 1, 4]);
    const [q, k, v] = parts.unstack(0) as [Tensor, Tensor, Tensor];
    const scores = q.matMul(k, false, true).mul(1 / Math.sqrt(size)).add(mask);
    const joined = scores.softmax(-1).matMul(v).transpose([0, 2, 1, 3]);
    const y = x.add(projection(joined.reshape([batch * time, width])));
    const h = up(y);
    return y.add(down(h.mul(0.5).mul(h.mul(Math.SQRT1_2).erf().add(1)))); // GELU
  }; // prettier-ignore
}

function gpt(): Setup {
  const { layers, width, time, vocabulary, batch } = gptShape;
  const later = Float32Array.from({ length: time * time }, (_, i) => (i % time > Math.floor(i / time) ? -1e9 : 0)); // prettier-ignore
  const mask = tf.tensor(later, [time, time]);
  const tokens = weight([vocabulary, width], 1);
  const positions = weight([time, width], 1);
  const blocks = Array.from({ length: layers }, () => gptBlock(mask));
  const model = sequence(...blocks, layerNorm(width), linear(width, vocabulary, false));
  const ids = tf.randomUniform([batch * time], 0, vocabulary, "int32");
  return {
    forward: () => {
      // All positions occur, in order: they need no gather.
      const embedded = tokens.gather(ids).reshape([batch, time, width]).add(positions);
      return model(embedded.reshape([batch * time, width]));
    },
    targets: labels(batch * time, vocabulary),
    optimizer: tf.train.adam(3e-4),
    decay: 3e-4 * 1e-2,
  };
}

/** All steps' input products at once; then one product and the gates per step. */
function recurrent(width: number): (steps: Tensor[]) => Tensor[] {
  const input = sequence(linear(width, 4 * width), bias(4 * width)); // PyTorch has two biases
  const hidden = weight([width, 4 * width], width);
  return (steps) => {
    const rows = steps[0]!.shape[0]!;
    const products = input(tf.stack(steps).reshape([steps.length * rows, width]));
    const outputs: Tensor[] = [];
    let cell: Tensor | undefined;
    for (const product of products.reshape([steps.length, rows, 4 * width]).unstack(0)) {
      const last = outputs.at(-1);
      const gates = last ? product.add(last.matMul(hidden)) : product;
      const [i, f, g, o] = gates.split(4, 1) as [Tensor, Tensor, Tensor, Tensor];
      const fresh = i.sigmoid().mul(g.tanh());
      cell = cell ? f.sigmoid().mul(cell).add(fresh) : fresh;
      outputs.push(o.sigmoid().mul(cell.tanh()));
    }
    return outputs;
  };
}

function lstm(): Setup {
  const layers = [recurrent(256), recurrent(256)];
  const head = linear(256, 10);
  const x = random([64, 32, 256]);
  return {
    forward: () => head(layers.reduce((steps, layer) => layer(steps), x.unstack(0)).at(-1)!),
    targets: labels(32, 10),
    optimizer: tf.train.adam(1e-3),
  };
}

function createModel(name: string): Setup | undefined {
  const [kind, batch, optimizer] = name.split(" ");
  if (name === "mlp tiny") return perceptron([2, 16, 16, 2], 32, tf.train.sgd(0.01));
  if (kind === "mlp") {
    const chosen = optimizer === "adam" ? tf.train.adam(1e-3) : sgd();
    return perceptron([784, 512, 256, 10], Number(batch), chosen);
  }
  return ({ cnn, resnet18: resnet, gpt, lstm } as Record<string, () => Setup>)[name]?.();
}

function train({ forward, targets, optimizer, decay }: Setup): Step {
  const weights = parameters;
  const loss = () => tf.losses.softmaxCrossEntropy(targets, forward());
  return () =>
    tf.tidy(() => {
      const { value, grads } = tf.variableGrads(loss, weights);
      if (decay !== undefined) for (const w of weights) w.assign(w.mul(1 - decay));
      optimizer.applyGradients(grads);
      return value.dataSync()[0];
    });
}

await serve((name) => {
  if (!name.startsWith("train ")) return undefined;
  tf.disposeVariables(); // of the model before
  parameters = [];
  try {
    const setup = createModel(name.slice("train ".length));
    const step = setup && train(setup);
    step?.();
    return step;
  } catch (error) {
    console.error(`${name}: ${(error as Error).message}`);
    return undefined;
  }
});
