// The table that summary() gives, and that it leaves the model as it was.
import { type Tensor, arange, tensor } from "@flambeau/core";
import { expect, test } from "vitest";
import * as nn from "./index.ts";

const model = () =>
  new nn.Sequential(
    new nn.Conv2d(1, 4, 3, { padding: 1 }),
    new nn.BatchNorm2d(4),
    new nn.ReLU(),
    new nn.MaxPool2d(2),
    new nn.Sequential(new nn.Flatten(), new nn.Linear(4 * 14 * 14, 10)),
  );

test("a small CNN", () => {
  const net = model();
  net[0]!.freeze();
  const before = net.stateDict();
  expect(`\n${net.summary([32, 1, 28, 28])}\n`).toMatchInlineSnapshot(`
    "
    Layer              Output shape     Parameters
    ──────────────────────────────────────────────
    Sequential         [32, 10]
      0 (Conv2d)       [32, 4, 28, 28]          40
      1 (BatchNorm2d)  [32, 4, 28, 28]           8
      2 (ReLU)         [32, 4, 28, 28]
      3 (MaxPool2d)    [32, 4, 14, 14]
      4 (Sequential)   [32, 10]
        4.0 (Flatten)  [32, 784]
        4.1 (Linear)   [32, 10]              7,850
    ──────────────────────────────────────────────
    Parameters: 7,898
    Trainable: 7,858
    Not trainable: 40
    Buffers: 9
    "
  `);
  expect(net.training).toBe(true);
  const after = net.stateDict();
  for (const name of Object.keys(before)) {
    expect(after[name]!.toArray()).toEqual(before[name]!.toArray());
  }
});

test("prints as PyTorch does", () => {
  expect(`\n${String(model())}\n`).toMatchInlineSnapshot(`
    "
    Sequential(
      (0): Conv2d(1, 4, kernelSize=[3, 3], stride=[1, 1], padding=[1, 1])
      (1): BatchNorm2d(4, eps=1e-5, momentum=0.1, affine=true, trackRunningStats=true)
      (2): ReLU()
      (3): MaxPool2d(kernelSize=2, stride=2, padding=0, dilation=1, ceilMode=false)
      (4): Sequential(
        (0): Flatten(startAxis=1, endAxis=-1)
        (1): Linear(inFeatures=784, outFeatures=10, bias=true)
      )
    )
    "
  `);
});

test("integer inputs, and a forward that makes tensors", () => {
  class Positions extends nn.Module {
    readonly words = new nn.Embedding(100, 8);
    readonly places = new nn.Embedding(16, 8, { paddingIndex: 0 });
    forward(index: Tensor): Tensor {
      return this.words(index).add(this.places(arange(index.shape[1]!)));
    }
  }
  expect(`\n${new Positions().summary([2, 5], { dtype: "int64" })}\n`).toMatchInlineSnapshot(`
    "
    Layer                 Output shape  Parameters
    ──────────────────────────────────────────────
    Positions             [2, 5, 8]
      words (Embedding)   [2, 5, 8]            800
      places (Embedding)  [5, 8]               128
    ──────────────────────────────────────────────
    Parameters: 928
    Trainable: 928
    Not trainable: 0
    Buffers: 0
    "
  `);
});

test("a forward that reads values runs for real", () => {
  class Reader extends nn.Module {
    readonly layer = new nn.Linear(2, 3);
    forward(x: Tensor): Tensor {
      return this.layer(x.add(tensor(x.sum().itemSync())));
    }
  }
  expect(new Reader().summary([1, 2])).toContain("layer (Linear)  [1, 3]");
});
