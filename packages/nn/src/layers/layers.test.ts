// What layers do differently in training and evaluation, and what PyTorch's golden cases leave out.
import {
  Generator,
  type Tensor,
  Variable,
  crossEntropy,
  defaultDevice,
  noGrad,
  ones,
  randn,
  tensor,
  zeros,
} from "@flambeau/core";
import { describe, expect, test } from "vitest";
import { readFixture } from "../fixtures.ts";
import * as nn from "../index.ts";

const generator = () => new Generator(defaultDevice(), 5);
const numbers = (x: Tensor): number[] => [...(x.dataSync() as Float32Array)];

describe("batch norm", () => {
  test("normalizes by the batch in training, by running statistics in evaluation", () => {
    const layer = new nn.BatchNorm1d(2, { momentum: 0.5 });
    const x = tensor([
      [1, 10],
      [3, 30],
    ]);
    expect(numbers(layer(x)).map((value) => Math.round(value * 100))).toEqual([
      -100, -100, 100, 100,
    ]);
    expect(layer.runningMean!.toArray()).toEqual([1, 10]);
    expect(layer.runningVar!.toArray()).toEqual([1.5, 100.5]);
    expect(layer.numBatchesTracked!.itemSync()).toBe(1);
    layer.eval();
    const y = numbers(layer(x));
    expect(y[2]).toBeCloseTo((3 - 1) / Math.sqrt(1.5), 4);
    expect(layer.runningMean!.toArray()).toEqual([1, 10]);
    expect(layer.numBatchesTracked!.itemSync()).toBe(1);
  });

  test("has PyTorch's names, and loads checkpoints without the counter", () => {
    const layer = new nn.BatchNorm2d(3);
    const state = layer.stateDict();
    expect(Object.entries(state).map(([name, { dtype }]) => `${name} ${dtype}`)).toEqual([
      "weight float32",
      "bias float32",
      "running_mean float32",
      "running_var float32",
      "num_batches_tracked int64",
    ]);
    const { num_batches_tracked: _, ...old } = state;
    expect(layer.loadStateDict(old)).toEqual({ missing: [], unexpected: [] });
  });

  test.each([0.1, null])("leaves no garbage, momentum %s", (momentum) => {
    const layer = new nn.BatchNorm1d(2, { momentum });
    const x = randn([4, 2]);
    const call = (): void => noGrad(() => layer(x)).dispose();
    call();
    const { liveBuffers } = defaultDevice();
    for (let i = 0; i < 5; i++) call();
    expect(defaultDevice().liveBuffers).toBe(liveBuffers);
  });

  test("names the shapes that do not fit", () => {
    expect(() => new nn.BatchNorm2d(3)(zeros([2, 3]))).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: BatchNorm2d: expected an input of 4 axes, got shape [2, 3].]`,
    );
  });
});

describe("dropout", () => {
  const golden = readFixture<{
    readonly dropout: readonly {
      readonly fn: string;
      readonly p?: number;
      readonly kept_value?: number;
    }[];
  }>("init.json").dropout.filter(
    ({ fn, kept_value: kept }) => fn === "dropout" && kept !== undefined,
  );

  test.each(golden)("p = $p drops and scales as PyTorch", ({ p, kept_value: kept }) => {
    const y = numbers(new nn.Dropout(p, { generator: generator() })(ones([4000])));
    const left = y.filter((value) => value !== 0);
    expect(left.every((value) => Math.abs(value - kept!) < 1e-5)).toBe(true);
    expect(Math.abs(left.length / y.length - (1 - p!))).toBeLessThan(0.03);
  });

  test("does nothing in evaluation, and repeats with its generator", () => {
    const layer = new nn.Dropout(0.5, { generator: generator() });
    const x = ones([50]);
    const first = layer(x).toArray();
    expect(layer(x).toArray()).not.toEqual(first);
    layer.generator!.manualSeed(5);
    expect(layer(x).toArray()).toEqual(first);
    expect(layer.eval()(x).toArray()).toEqual(x.toArray());
  });

  test("Dropout2d drops whole channels", () => {
    const y = new nn.Dropout2d(0.5, { generator: generator() })(ones([4, 8, 2, 2]));
    const channels = numbers(y.reshape([32, 4]).sum(1));
    expect(channels.every((sum) => sum === 0 || sum === 8)).toBe(true);
    expect(new Set(channels).size).toBe(2);
  });
});

test("an embedding's padding row is zero and does not learn", () => {
  const layer = new nn.Embedding(4, 2, { paddingIndex: 1 });
  expect(layer.weight.at(1).toArray()).toEqual([0, 0]);
  layer(tensor([[0n, 1n, 1n, 3n]]))
    .sum()
    .backward();
  expect(layer.weight.grad!.toArray()).toEqual([
    [1, 1],
    [0, 0],
    [0, 0],
    [1, 1],
  ]);
});

describe("losses", () => {
  const input = randn([3, 4], { generator: generator() });
  const target = tensor([0n, 3n, 1n]);

  test("are their functions, with options kept", () => {
    const weight = tensor([1, 2, 3, 4]);
    const loss = new nn.CrossEntropyLoss({ weight, labelSmoothing: 0.1, reduction: "sum" });
    const options = { weight, labelSmoothing: 0.1, reduction: "sum" } as const;
    expect(loss(input, target).itemSync()).toBe(crossEntropy(input, target, options).itemSync());
    expect(Object.keys(loss.stateDict())).toEqual(["weight"]);
    const posWeight = ones([4]);
    expect(Object.keys(new nn.BCEWithLogitsLoss({ posWeight }).stateDict())).toEqual([
      "pos_weight",
    ]);
  });

  // Of predictions 0.5 and 2, both meant to be 0.
  test.each([
    ["MSELoss", new nn.MSELoss(), (0.25 + 4) / 2],
    ["L1Loss", new nn.L1Loss({ reduction: "sum" }), 0.5 + 2],
    ["SmoothL1Loss", new nn.SmoothL1Loss({ beta: 1 }), (0.125 + 1.5) / 2],
    ["HuberLoss", new nn.HuberLoss({ delta: 1.5 }), (0.125 + 1.5 * 1.25) / 2],
  ])("%s", (_, loss, expected) => {
    expect(loss(tensor([0.5, 2]), zeros([2])).itemSync()).toBeCloseTo(expected, 6);
  });
});

test("PReLU learns its slope", () => {
  const layer = new nn.PReLU({ numParameters: 2 });
  const x = tensor([
    [-4, -8],
    [1, 2],
  ]);
  expect(layer(x).toArray()).toEqual([
    [-1, -2],
    [1, 2],
  ]);
  layer(x).sum().backward();
  expect(layer.weight.grad!.toArray()).toEqual([-4, -8]);
});

test("borders repeat the image", () => {
  const layer = new nn.Conv1d(1, 1, 3, { padding: "same", paddingMode: "circular", bias: false });
  layer.weight.assign(tensor([[[1, 10, 100]]]));
  expect(layer(tensor([[[1, 2, 3]]])).toArray()).toEqual([[[213, 321, 132]]]);
});

test("shape layers", () => {
  const x = zeros([2, 3, 4]);
  expect(new nn.Flatten()(x).shape).toEqual([2, 12]);
  expect(new nn.Unflatten(-1, [2, 2])(x).shape).toEqual([2, 3, 2, 2]);
  expect(new nn.Identity()(x)).toBe(x);
});

test("layers are made where and as asked", () => {
  const layer = new nn.LayerNorm([2, 3], { dtype: "float64", device: "null" });
  expect([layer.weight!.dtype, layer.weight!.device.name]).toEqual(["float64", "null"]);
  const norm = new nn.BatchNorm1d(2).to("float64");
  expect(norm.stateDict()["running_var"]!.dtype).toBe("float64");
  expect(norm.stateDict()["num_batches_tracked"]!.dtype).toBe("int64");
  expect(norm.runningMean).toBeInstanceOf(Variable);
});

test.each([
  ["ReLU", new nn.ReLU(), [0, 2]],
  ["ReLU6", new nn.ReLU6(), [0, 2]],
  ["LeakyReLU", new nn.LeakyReLU(0.5), [-0.5, 2]],
  ["ELU", new nn.ELU(), [Math.expm1(-1), 2]],
  ["Hardtanh", new nn.Hardtanh(), [-1, 1]],
  ["Sigmoid", new nn.Sigmoid(), [1 / (1 + Math.E), 1 / (1 + Math.exp(-2))]],
  ["Tanh", new nn.Tanh(), [Math.tanh(-1), Math.tanh(2)]],
  ["SiLU", new nn.SiLU(), [-1 / (1 + Math.E), 2 / (1 + Math.exp(-2))]],
  ["GELU", new nn.GELU(), [-0.158655, 1.9545]],
  ["GELU tanh", new nn.GELU({ approximate: "tanh" }), [-0.158808, 1.954598]],
  ["Softplus", new nn.Softplus(), [Math.log1p(Math.exp(-1)), Math.log1p(Math.exp(2))]],
  ["Softmax", new nn.Softmax(-1), [1 / (1 + Math.exp(3)), 1 / (1 + Math.exp(-3))]],
  ["LogSoftmax", new nn.LogSoftmax(-1), [-Math.log1p(Math.exp(3)), -Math.log1p(Math.exp(-3))]],
] as const)("%s", (_, layer: nn.TensorModule, expected) => {
  numbers(layer(tensor([-1, 2]))).forEach((value, i) => expect(value).toBeCloseTo(expected[i]!, 5));
});
