// Normalization: running statistics, errors, and rows far from zero.
import { beforeAll, describe, expect, it } from "vitest";
import {
  Variable, batchNorm, device, groupNorm, instanceNorm, layerNorm, ones, setDefaultDevice, tensor, zeros,
} from "../index.ts"; // prettier-ignore

beforeAll(() => void setDefaultDevice(device("reference")));

describe("batchNorm", () => {
  const batch = () => tensor([[1], [2], [3], [6]]);

  it("moves running statistics towards the mean and the unbiased variance", () => {
    const mean = new Variable(zeros([1]));
    const variance = new Variable(ones([1]));
    const y = batchNorm(batch(), mean, variance, { training: true, momentum: 0.5 });
    expect(mean.itemSync()).toBe(1.5);
    // Σ (x - 3)² = 14: 14/3 unbiased, 14/4 for the batch itself.
    expect(variance.itemSync()).toBeCloseTo(0.5 + 0.5 * (14 / 3), 6);
    expect(y.at(3, 0).itemSync()).toBeCloseTo(3 / Math.sqrt(3.5), 4);
  });

  it("uses and keeps them otherwise", () => {
    const mean = new Variable(tensor([1]));
    const variance = new Variable(tensor([4]));
    const y = batchNorm(batch(), mean, variance, { eps: 0 });
    expect(y.toArray()).toEqual([[0], [0.5], [1], [2.5]]);
    expect(mean.itemSync()).toBe(1);
  });

  it("says what is missing", () => {
    const training = { training: true };
    expect(() => batchNorm(batch())).toThrowErrorMatchingInlineSnapshot(
      `[FlambeauError: batchNorm: without the batch's own statistics, runningMean and runningVar are needed.]`,
    );
    expect(() => batchNorm(batch(), zeros([1]), ones([1]), training)).toThrowErrorMatchingInlineSnapshot(`[FlambeauError: batchNorm: in training the running statistics are updated, so they must be Variables. Wrap them: new Variable(zeros([channels])).]`); // prettier-ignore
    expect(() => batchNorm(ones([1, 2]), undefined, undefined, training)).toThrowErrorMatchingInlineSnapshot(`[ShapeError: batchNorm: training needs more than one value per channel, got shape [1, 2]. Use a larger batch, or eval().]`); // prettier-ignore
    expect(() => batchNorm(batch(), zeros([2]), ones([2]))).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: batchNorm: expected runningMean of shape [1], got [2].]`,
    );
    expect(() => batchNorm(ones([3]))).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: batchNorm: expected at least 2 axes [batch, channels, …], got shape [3].]`,
    );
  });
});

describe("other norms", () => {
  it("keep small deviations of large values", () => {
    const y = layerNorm(tensor([10000, 10001, 10002]), [3]).toArray() as number[];
    expect(y[2]).toBeCloseTo(Math.sqrt(1.5), 3);
  });

  it("update running statistics over the batch", () => {
    const mean = new Variable(zeros([1]));
    const x = tensor([[[1, 3]], [[5, 7]]]);
    instanceNorm(x, mean, undefined, { momentum: 1 });
    expect(mean.itemSync()).toBe(4);
  });

  it("say what does not fit", () => {
    const x = ones([2, 4]);
    expect(() => layerNorm(x, [3])).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: layerNorm: normalizedShape [3] must equal the last axes of the input [2, 4].]`,
    );
    expect(() => layerNorm(x, [4], { weight: ones([2]) })).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: layerNorm: expected a weight of shape [4], got [2].]`,
    );
    expect(() => groupNorm(x, 3)).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: groupNorm: numGroups must divide the 4 channels of [2, 4], got 3.]`,
    );
  });
});
