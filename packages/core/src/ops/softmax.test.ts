// Softmax at the ends of the number line. Ordinary values, gradients and shapes: the generated suites.
import { beforeAll, describe, expect, it } from "vitest";
import { device, logSoftmax, logsumexp, setDefaultDevice, softmax, tensor } from "../index.ts";

beforeAll(() => void setDefaultDevice(device("reference")));

describe("softmax", () => {
  it("does not overflow and does not lose small differences", () => {
    const x = tensor([1000, 1000.5, -1000]);
    expect(softmax(x, 0).toArray()).toEqual([
      expect.closeTo(0.377541, 5),
      expect.closeTo(0.622459, 5),
      0,
    ]);
    expect(logSoftmax(x, 0).toArray()).toEqual([
      expect.closeTo(-0.974077, 5),
      expect.closeTo(-0.474077, 5),
      expect.closeTo(-2000.974, 2),
    ]);
  });

  it("gives masked positions nothing, and NaN to a row with nothing else, as PyTorch", () => {
    const x = tensor([
      [0, -Infinity, 0],
      [-Infinity, -Infinity, -Infinity],
    ]);
    expect(softmax(x, 1).toArray()).toEqual([
      [0.5, 0, 0.5],
      [NaN, NaN, NaN],
    ]);
    expect(logsumexp(x, 1).toArray()).toEqual([expect.closeTo(Math.log(2), 6), -Infinity]);
  });

  it("has no value where the maximum is infinite; logsumexp is infinite", () => {
    const x = tensor([Infinity, 0]);
    expect(softmax(x, 0).toArray()).toEqual([NaN, NaN]);
    expect(logSoftmax(x, 0).toArray()).toEqual([NaN, NaN]);
    expect(logsumexp(x, 0).toArray()).toBe(Infinity);
    expect(logsumexp(tensor([NaN, 0]), 0).toArray()).toBe(NaN);
  });

  it("passes gradients of masked rows as zeros", () => {
    const x = tensor([0, -Infinity, 1], { requiresGrad: true });
    softmax(x, 0).at(2).backward();
    const p = 1 / (1 + Math.E);
    const slope = p * (1 - p);
    expect(x.grad!.toArray()).toEqual([expect.closeTo(-slope, 6), -0, expect.closeTo(slope, 6)]);
  });

  it("refuses integers with the cure", () => {
    const x = tensor([1, 2], { dtype: "int64" });
    expect(() => softmax(x, 0)).toThrowErrorMatchingInlineSnapshot(
      `[DTypeError: softmax: expected a float dtype, got int64. Pass { dtype: "float32" } to convert.]`,
    );
    expect(softmax(x, 0, { dtype: "float32" }).dtype).toBe("float32");
  });
});
