// Pooling where samples cannot look: ties, padding, infinities, errors.
import { beforeAll, describe, expect, it } from "vitest";
import {
  adaptiveAvgPool2d, avgPool2d, device, full, maxPool1dWithIndices, maxPool2d, maxPool2dWithIndices, ones,
  setDefaultDevice, tensor, zeros,
} from "../index.ts"; // prettier-ignore

beforeAll(() => void setDefaultDevice(device("reference")));

describe("maxPool", () => {
  it("gives the gradient to the first maximum of a window", () => {
    const x = ones([1, 1, 4, 4], { requiresGrad: true });
    maxPool2d(x, 2).sum().backward();
    expect(x.grad!.at(0, 0).toArray()).toEqual([
      [1, 0, 1, 0],
      [0, 0, 0, 0],
      [1, 0, 1, 0],
      [0, 0, 0, 0],
    ]);
  });

  it("adds up where windows overlap", () => {
    const x = tensor([[[[0, 0, 0], [0, 1, 0], [0, 0, 0]]]], { requiresGrad: true }); // prettier-ignore
    maxPool2d(x, 2, { stride: 1 }).sum().backward();
    expect(x.grad!.at(0, 0, 1, 1).itemSync()).toBe(4);
  });

  it("never picks padding, even where all is lowest", () => {
    const x = full([1, 1, 2, 2], -Infinity);
    const { values, indices } = maxPool2dWithIndices(x, 2, { stride: 1, padding: 1 });
    expect(values.toArray()).toEqual([[new Array(3).fill(new Array(3).fill(-Infinity))]]);
    expect(indices.toArray()).toEqual([
      [
        [
          [0, 0, 1],
          [0, 0, 1],
          [2, 2, 3],
        ],
      ],
    ]);
    expect(indices.dtype).toBe("int32");
  });

  it("skips padding by whole dilations", () => {
    const x = full([1, 1, 4], -Infinity);
    const { indices } = maxPool1dWithIndices(x, 2, { stride: 1, padding: 1, dilation: 2 });
    expect(indices.toArray()).toEqual([[[1, 0, 1, 2]]]);
  });

  it("carries NaN, the first of a window", () => {
    const x = tensor([[[1, NaN, NaN, 2]]]);
    const { values, indices } = maxPool1dWithIndices(x, 4);
    expect([values.toArray(), indices.toArray()]).toEqual([[[[NaN]]], [[[1]]]]);
  });

  it("says what does not fit", () => {
    const x = zeros([1, 1, 4, 4]);
    expect(() => maxPool2d(zeros([4, 4]), 2)).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: maxPool2d: expected an input of 4 axes [batch, channels, height, width], or 3 without the batch, got shape [4, 4].]`,
    );
    expect(() => maxPool2d(x, 2, { padding: 2 })).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: maxPool2d: padding [2, 2] is more than half the window [2, 2], so that a window could hold nothing. Pad at most [1, 1].]`,
    );
    expect(() => maxPool2d(x, [5, 2])).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: maxPool2d: the kernel [5, 2] spans [5, 2], more than the padded input [4, 4]. Pad more, or use a smaller kernel or dilation.]`,
    );
    expect(() => maxPool2d(x, [1, 2, 3])).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: maxPool2d: kernelSize is one integer, at least 1, or 2 of them, got [1, 2, 3].]`,
    );
  });
});

describe("avgPool", () => {
  it("counts padding or not", () => {
    const x = ones([1, 1, 2, 2]);
    const options = { stride: 2, padding: 1 };
    expect(avgPool2d(x, 2, options).toArray()).toEqual([
      [
        [
          [0.25, 0.25],
          [0.25, 0.25],
        ],
      ],
    ]);
    const result = avgPool2d(x, 2, { ...options, countIncludePad: false });
    expect(result.toArray()).toEqual([
      [
        [
          [1, 1],
          [1, 1],
        ],
      ],
    ]);
  });

  it("adapts to uneven windows", () => {
    const x = tensor([[[[0, 1, 2, 3, 4]]]]);
    expect(adaptiveAvgPool2d(x, [null, 3]).toArray()).toEqual([[[[0.5, 2, 3.5]]]]);
    expect(() => adaptiveAvgPool2d(x, [0, 3])).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: adaptiveAvgPool2d: outputSize is one positive integer or 2 of them (null keeps an axis), got [0,3].]`,
    );
  });
});
