// concat, stack and their opposites: what samples cannot show.
import { beforeAll, describe, expect, it } from "vitest";
import {
  chunk, concat, device, ones, setDefaultDevice, split, stack, tensor, unbind, zeros,
} from "../index.ts"; // prettier-ignore

beforeAll(() => void setDefaultDevice(device("reference")));

describe("concat", () => {
  it("joins many tensors, and lengths without a common divisor", () => {
    const many = Array.from({ length: 40 }, (_, i) => tensor([i, i + 0.5]));
    const joined = concat(many).toArray() as number[];
    expect(joined.slice(76)).toEqual([38, 38.5, 39, 39.5]);
    const rows = concat([ones([1, 17]), zeros([1, 19])], 1);
    expect(rows.sum().itemSync()).toBe(17);
    expect(rows.at(0, 17).itemSync()).toBe(0);
  });

  it("promotes dtypes and passes gradients to floats only", () => {
    const x = tensor([1, 2], { requiresGrad: true });
    const joined = concat([tensor([3n]), x]);
    expect(joined.dtype).toBe("float32");
    joined.mul(joined).sum().backward();
    expect(x.grad!.toArray()).toEqual([2, 4]);
  });

  it("says what does not fit", () => {
    expect(() => concat([])).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: concat: expected an array of at least one tensor.]`,
    );
    expect(() => concat([ones([2, 3]), ones([2, 4])])).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: concat: shapes [2, 3] and [2, 4] differ beside axis 0. Only the joined axis may differ; stack adds a new one.]`,
    );
    expect(() => concat([ones([]), ones([])])).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: concat: 0-d tensors have no axis to join. Use stack.]`,
    );
    expect(() => stack([ones([2]), ones([3])])).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: stack: shapes [2] and [3] differ. concat joins along an axis that may differ.]`,
    );
  });

  it("is no method", () => {
    expect("concat" in ones([1])).toBe(false);
  });
});

describe("split", () => {
  it("gives views, and zeros for parts without a gradient", () => {
    const x = tensor([1, 2, 3, 4, 5], { requiresGrad: true });
    const [first, second, third] = split(x, 2);
    expect(first!.storage).toBe(x.storage);
    expect(third!.shape).toEqual([1]);
    second!.mul(3).sum().backward();
    expect(x.grad!.toArray()).toEqual([0, 0, 3, 3, 0]);
  });

  it("chunks as PyTorch: as many as fill the axis", () => {
    expect(chunk(ones([5]), 4).map(({ shape }) => shape[0])).toEqual([2, 2, 1]);
    expect(chunk(ones([0]), 3).map(({ shape }) => shape[0])).toEqual([0, 0, 0]);
  });

  it("says what does not fit", () => {
    expect(() => split(ones([5]), [2, 2])).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: split: sizes [2, 2] sum to 4, but axis 0 of shape [5] has 5.]`,
    );
    expect(() => split(ones([5]), 0)).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: split: expected a positive size, or a list of sizes, for axis 0 of shape [5], got 0.]`,
    );
    expect(() => unbind(ones([]))).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: unbind: a 0-d tensor has no axis to take apart.]`,
    );
  });
});
