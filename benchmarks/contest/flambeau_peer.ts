// Flambeau as a contestant: the cases of cases.ts.
import {
  type Tensor,
  conv2d,
  crossEntropy,
  layerNorm,
  manualSeed,
  noGrad,
  ones,
  randint,
  randn,
  scope,
  softmax,
} from "flambeau";
import { type Step, serve } from "./bursts.ts";
import { createModel } from "./models.ts";

function gemm([m, k, n]: readonly number[], form: string): Step {
  const a = form[0] === "N" ? randn([m!, k!]) : randn([k!, m!]).transpose(0, 1);
  const b = form[1] === "N" ? randn([k!, n!]) : randn([n!, k!]).transpose(0, 1);
  return () => a.matmul(b).dispose();
}

function conv(numbers: readonly number[], direction: string): Step {
  const [channels, features, size, window, stride, padding] = numbers as [number, number, number, number, number, number]; // prettier-ignore
  const needs = (name: string) => ({ requiresGrad: direction === name });
  const x = randn([32, channels, size, size], needs("input"));
  const weight = randn([features, channels, window, window], needs("weight"));
  if (direction === "forward") return () => conv2d(x, weight, undefined, { stride, padding }).dispose();
  const y = conv2d(x, weight, undefined, { stride, padding });
  const gradient = ones(y.shape);
  const leaf = direction === "input" ? x : weight;
  return () => {
    y.backward({ gradient, retainGraph: true });
    leaf.grad = undefined;
  };
} // prettier-ignore

function rows(name: string, [count, columns]: readonly number[]): Step {
  const x = randn([count!, columns!]);
  const weight = randn([columns!]);
  const bias = randn([columns!]);
  const targets = randint(0, columns!, [count!]);
  const steps: Record<string, () => Tensor> = {
    copy: () => x.clone(),
    gelu: () => x.mul(weight).add(bias).gelu(),
    softmax: () => softmax(x, 1),
    layernorm: () => layerNorm(x, [columns!], { weight, bias }),
    crossentropy: () => crossEntropy(x, targets),
  };
  const step = steps[name]!;
  return () => scope(() => void step());
}

function op(name: string): Step {
  const a = ones([16]);
  const b = ones([16]);
  const w = ones([16], { requiresGrad: true });
  const seed = ones([16]);
  if (name === "add") return () => a.add(b);
  if (name === "mul") return () => a.mul(2);
  return () => {
    w.mul(b).backward({ gradient: seed });
    w.grad = undefined;
  };
}

function train(name: string): Step {
  const { optimizer, loss } = createModel(name);
  return () =>
    scope(() => {
      optimizer.zeroGrad();
      const value = loss();
      value.backward();
      optimizer.step();
      value.itemSync();
    });
}

function prepare(line: string): Step {
  const words = line.split(" ");
  const numbers = words.slice(1).map(Number).filter((n) => !Number.isNaN(n)); // prettier-ignore
  manualSeed(1);
  if (words[0] === "gemm") return gemm(numbers, words[4]!);
  if (words[0] === "conv") return conv(numbers, words[7]!);
  if (words[0] === "rows") return rows(words[1]!, numbers);
  if (words[0] === "op") return op(words[1]!);
  return train(words.slice(1).join(" "));
}

function withoutGradients(step: Step): Step {
  return () => noGrad(step as () => undefined);
}

await serve((name) => {
  const step = prepare(name);
  return /^(op|train|conv)/.test(name) ? step : withoutGradients(step);
});
