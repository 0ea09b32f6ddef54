// Picking and placing by index tensors, masks: repeated positions, padding rows, errors.
import { beforeAll, describe, expect, it } from "vitest";
import {
  device, embedding, gather, indexAdd, indexSelect, maskedFill, oneHot, ones, scatter, scatterAdd,
  setDefaultDevice, tensor, zeros,
} from "../index.ts"; // prettier-ignore

beforeAll(() => void setDefaultDevice(device("reference")));

const int = (values: number[] | number[][]) => tensor(values, { dtype: "int32" });

describe("index tensors", () => {
  it("add up where positions repeat", () => {
    const x = tensor([1, 2, 3], { requiresGrad: true });
    const weights = tensor([1, 10, 100]);
    gather(x, 0, int([2, 2, 0]))
      .mul(weights)
      .sum()
      .backward();
    expect(x.grad!.toArray()).toEqual([100, 0, 11]);
    const sums = scatterAdd(zeros([2]), 0, int([1, 1, 0]), weights);
    expect(sums.toArray()).toEqual([100, 11]);
    const rows = indexAdd(ones([2, 2]), 0, int([1, 1]), ones([2, 2]), { alpha: -2 });
    expect(rows.toArray()).toEqual([
      [1, 1],
      [-3, -3],
    ]);
  });

  it("put the last value where positions repeat", () => {
    expect(scatter(zeros([3]), 0, int([1, 1]), tensor([5, 7])).toArray()).toEqual([0, 7, 0]);
    expect(scatter(ones([3]), 0, int([2]), 0).toArray()).toEqual([1, 1, 0]);
  });

  it("of embedding leave the padding row without gradient", () => {
    const weight = ones([3, 2], { requiresGrad: true });
    embedding(weight, int([0, 2, 2]), { paddingIndex: -3 })
      .sum()
      .backward();
    expect(weight.grad!.toArray()).toEqual([
      [0, 0],
      [0, 0],
      [2, 2],
    ]);
  });

  it("out of range are errors with op, value, position and size", () => {
    const x = ones([3, 2]);
    expect(() => gather(x, 0, int([[3, 0]]))).toThrowErrorMatchingInlineSnapshot(
      `[IndexError: gather: index 3 at position [0, 0] is out of range for size 3. Expected 0 … 2.]`,
    );
    expect(() => indexSelect(x, 1, int([-1]))).toThrowErrorMatchingInlineSnapshot(
      `[IndexError: indexSelect: index -1 at position [0, 0] is out of range for size 2. Expected 0 … 1.]`,
    );
    expect(() => embedding(x, int([0, 4]))).toThrowErrorMatchingInlineSnapshot(
      `[IndexError: embedding: index 4 at position [1, 0] is out of range for size 3. Expected 0 … 2.]`,
    );
    expect(() => oneHot(int([5]), 3)).toThrowErrorMatchingInlineSnapshot(
      `[IndexError: oneHot: index 5 at position [0, 0] is out of range for size 3. Expected 0 … 2.]`,
    );
    const options = { paddingIndex: 3 };
    expect(() => embedding(x, int([0]), options)).toThrowErrorMatchingInlineSnapshot(
      `[IndexError: embedding: paddingIndex 3 is out of range for 3 rows. Expected -3 … 2.]`,
    );
  });

  it("must be integers that fit", () => {
    const x = ones([3, 2]);
    expect(() => gather(x, 0, ones([1, 2]))).toThrowErrorMatchingInlineSnapshot(
      `[DTypeError: gather: the index is float32; expected int32 or int64. Cast it with to("int32").]`,
    );
    expect(() => gather(x, 0, int([0]))).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: gather: the index of shape [1] does not fit the input of shape [3, 2]: expected as many axes, none longer beside axis 0.]`,
    );
    expect(() => scatterAdd(x, 0, int([[0]]), zeros([1, 1], { dtype: "float64" }))).toThrowErrorMatchingInlineSnapshot(`[DTypeError: scatterAdd: the tensor is float32, the source float64. Convert one with to(…).]`); // prettier-ignore
    expect(() => indexAdd(x, 0, int([0]), ones([2, 2]))).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: indexAdd: expected a source of shape [1, 2], one slice per index, got [2, 2].]`,
    );
  });
});

describe("oneHot", () => {
  it("counts the classes itself", () => {
    const result = oneHot(int([2, 0]));
    expect(result.dtype).toBe("int64");
    expect(result.toArray()).toEqual([
      [0, 0, 1],
      [1, 0, 0],
    ]);
  });
});

describe("maskedFill", () => {
  it("keeps the dtype and refuses what it cannot hold", () => {
    const x = int([1, 2]);
    const mask = tensor([true, false]);
    expect(maskedFill(x, mask, 7).toArray()).toEqual([7, 2]);
    expect(() => maskedFill(x, mask, 0.5)).toThrowErrorMatchingInlineSnapshot(
      `[DTypeError: maskedFill: int32 cannot hold the value. Cast the tensor with to("float32"), or round the value.]`,
    );
    expect(() => maskedFill(x, int([1, 0]), 7)).toThrowErrorMatchingInlineSnapshot(
      `[DTypeError: maskedFill: expected a bool mask, got int32. Compare it, for instance mask.ne(0).]`,
    );
  });
});
