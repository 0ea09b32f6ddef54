// Data sets: rows of arrays, subsets, splits, transforms, stacking of samples.
import { type Tensor, setDefaultDevice, tensor } from "@flambeau/core";
import fc from "fast-check";
import { beforeAll, describe, expect, expectTypeOf, test } from "vitest";
import {
  DataLoader,
  type Dataset,
  Subset,
  TensorDataset,
  TransformedDataset,
  collate,
  randomSplit,
} from "./index.ts";

beforeAll(() => void setDefaultDevice("reference"));

const pairs = () =>
  new TensorDataset(tensor([[1, 2], [3, 4], [5, 6]]), Int32Array.of(7, 8, 9)); // prettier-ignore

describe("TensorDataset", () => {
  test("gives rows and batches of tensors, typed arrays, and arrays with a shape", () => {
    const dataset = new TensorDataset(tensor([[1, 2], [3, 4]]), Int32Array.of(7, 8), {
      data: Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8),
      shape: [2, 2, 2],
    }); // prettier-ignore
    expect(dataset.length).toBe(2);
    const [x, y, z] = dataset.at(1);
    expect([x.toArray(), y.toArray(), z.toArray()]).toEqual([[3, 4], 8, [[5, 6], [7, 8]]]); // prettier-ignore
    const [xs, ys, zs] = dataset.batch([1, 0, 1]);
    expect([xs.shape, ys.dtype, zs.dtype]).toEqual([[3, 2], "int32", "uint8"]);
    expect(xs.toArray()).toEqual([[3, 4], [1, 2], [3, 4]]); // prettier-ignore
    expect(ys.toArray()).toEqual([8, 7, 8]);
  });

  test("reads a view as it looks, and bool stays bool", () => {
    const dataset = new TensorDataset(tensor([[1, 2], [3, 4]]).t(), tensor([true, false])); // prettier-ignore
    const [x, flag] = dataset.batch([0, 1]);
    expect(x.toArray()).toEqual([[1, 3], [2, 4]]); // prettier-ignore
    expect([flag.dtype, flag.toArray()]).toEqual(["bool", [true, false]]);
  });

  test("refuses what has no rows, or not as many", () => {
    const short = Int32Array.of(1, 2);
    expect(() => new TensorDataset(tensor([1, 2, 3]), short)).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: TensorDataset: the first axes count samples and must be equal, got shapes [3], [2].]`,
    );
    expect(() => new TensorDataset(tensor(1))).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: TensorDataset: a 0-d tensor has no rows. Give it a first axis of samples.]`,
    );
    expect(() => new TensorDataset({ data: short, shape: [3] })).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: shape [3] does not describe rows of 2 elements. Its lengths must multiply to 2; the first counts samples.]`,
    );
    expect(() => pairs().at(3)).toThrowErrorMatchingInlineSnapshot(
      `[IndexError: TensorDataset: index 3 is out of range; expected an integer from 0 to 2.]`,
    );
    expect(() => pairs().batch([0, -1])).toThrow(/index -1/);
  });
});

describe("data sets of data sets", () => {
  test("a subset keeps the order of its indices, also in batches", () => {
    const subset = new Subset(pairs(), [2, 0]);
    expect((subset.at(0) as [Tensor, Tensor])[1].toArray()).toBe(9);
    expect((subset.batch!([1, 0], {}) as [Tensor, Tensor])[1].toArray()).toEqual([7, 9]);
    expect(() => new Subset(pairs(), [3])).toThrow(/index 3 is out of range/);
  });

  test("a transform sees samples and batches", async () => {
    const double = ([x, y]: [Tensor, Tensor]): [Tensor, Tensor] => [x.mul(2), y];
    const doubled = new TransformedDataset(pairs(), double);
    expectTypeOf(doubled).toExtend<Dataset<[Tensor, Tensor]>>();
    expect((await doubled.at(0))[0].toArray()).toEqual([2, 4]);
    const batch = await doubled.batch!([1], {});
    expect(batch[0].toArray()).toEqual([[6, 8]]);
  });

  test("splits cover the data set, each sample once", () => {
    const property = fc.property(fc.nat(50), fc.integer(), fc.double({ min: 0, max: 1, noNaN: true }), (n, seed, fraction) => {
      const dataset = new TensorDataset(Int32Array.from({ length: n }, (_, i) => i));
      const parts = randomSplit(dataset, [fraction, 1 - fraction], { seed });
      const seen = parts.flatMap(({ indices }) => Array.from(indices));
      expect(seen.sort((a, b) => a - b)).toEqual(Array.from({ length: n }, (_, i) => i));
    }); // prettier-ignore
    fc.assert(property);
    const [a, b] = randomSplit(pairs(), [1, 2]);
    expect([a!.length, b!.length]).toEqual([1, 2]);
    expect(randomSplit(pairs(), [0.5, 0.5]).map(({ length }) => length)).toEqual([2, 1]);
    expect(() => randomSplit(pairs(), [1, 1])).toThrowErrorMatchingInlineSnapshot(
      `[FlambeauError: randomSplit: lengths [1, 1] add up to 2; expected 3, the length of the data set, or fractions that add up to 1.]`,
    );
  });
});

describe("collate", () => {
  test("stacks numbers, arrays and tensors, and keeps lists, objects and strings", () => {
    const batch = collate([
      { x: [tensor([1, 2]), 3], name: "a", pixels: Uint8Array.of(1, 2), isOdd: true, id: 1n },
      { x: [tensor([4, 5]), 6], name: "b", pixels: Uint8Array.of(3, 4), isOdd: false, id: 2n },
    ] as { x: [Tensor, number]; name: string; pixels: Uint8Array; isOdd: boolean; id: bigint }[]);
    expectTypeOf(batch.x).toEqualTypeOf<[Tensor, Tensor]>();
    expectTypeOf(batch.name).toEqualTypeOf<string[]>();
    expect(batch.x[0].toArray()).toEqual([[1, 2], [4, 5]]); // prettier-ignore
    expect([batch.x[1].dtype, batch.x[1].toArray()]).toEqual(["float32", [3, 6]]);
    expect(batch.name).toEqual(["a", "b"]);
    expect([batch.pixels.dtype, batch.pixels.shape]).toEqual(["uint8", [2, 2]]);
    expect(batch.isOdd.toArray()).toEqual([true, false]);
    expect([batch.id.dtype, batch.id.toArray()]).toEqual(["int64", [1, 2]]);
  });

  test("names what does not stack", () => {
    expect(() => collate([tensor([1]), tensor([1, 2])])).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: DataLoader: samples of one batch must be tensors of one shape and dtype, got float32 [1] and float32 [2]. Pad them in the data set, or give the loader a collate function.]`,
    );
    expect(() => collate([undefined])).toThrowErrorMatchingInlineSnapshot(
      `[FlambeauError: DataLoader: a sample is undefined, which does not stack. Expected numbers, typed arrays, tensors, or lists and objects of them; or give the loader a collate function.]`,
    );
    expect(() => collate([[1], [1, 2]])).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: DataLoader: samples of one batch must be lists of one length, got 1 and 2. Pad them in the data set, or give the loader a collate function.]`,
    );
  });
});

test("the types of batches follow the samples", () => {
  const loader = new DataLoader(pairs());
  expectTypeOf<typeof loader>().toExtend<AsyncIterable<[Tensor, Tensor]>>();
});
