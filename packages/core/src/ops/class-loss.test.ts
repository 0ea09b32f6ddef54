// Losses on classes: ignored targets, infinities, errors, and agreement of the short and the long way.
import { beforeAll, describe, expect, it } from "vitest";
import { autograd, crossEntropy, device, nllLoss, ones, setDefaultDevice, tensor, zeros } from "../index.ts"; // prettier-ignore

beforeAll(() => void setDefaultDevice(device("reference")));

const classes = (values: number[]) => tensor(values, { dtype: "int64" });

describe("crossEntropy", () => {
  it("ignores targets in value, mean and gradient", () => {
    const x = tensor([[1, 2], [NaN, Infinity], [0, 0]], { requiresGrad: true }); // prettier-ignore
    const loss = crossEntropy(x, classes([0, -100, 1]));
    const expected = (Math.log(1 + Math.E) + Math.log(2)) / 2;
    expect(loss.itemSync()).toBeCloseTo(expected, 6);
    loss.backward();
    expect((x.grad!.toArray() as number[][])[1]).toEqual([0, 0]);
    expect(x.grad!.at(2, 1).itemSync()).toBe(-0.25);
  });

  it("is NaN over nothing, as PyTorch", () => {
    expect(crossEntropy(zeros([1, 2]), classes([-100])).itemSync()).toBe(NaN);
    expect(crossEntropy(zeros([0, 2]), classes([])).itemSync()).toBe(NaN);
    expect(crossEntropy(zeros([0, 2]), classes([]), { reduction: "sum" }).itemSync()).toBe(0);
  });

  it("keeps small losses of large logits", () => {
    const loss = crossEntropy(tensor([[1000, 1000.5]]), classes([1]));
    expect(loss.itemSync()).toBeCloseTo(0.474077, 5);
  });

  it("agrees with the way that learned weights take", () => {
    const x = tensor([[1, 2, 0], [0, -1, 1]], { requiresGrad: true }); // prettier-ignore
    const target = classes([2, 1]);
    const weight = tensor([1, 0.5, 2]);
    const learned = tensor([1, 0.5, 2], { requiresGrad: true });
    for (const reduction of ["mean", "sum"] as const) {
      const short = crossEntropy(x, target, { weight, reduction });
      const long = crossEntropy(x, target, { weight: learned, reduction });
      expect(short.itemSync()).toBeCloseTo(long.itemSync(), 6);
      const [a, b] = [short, long].map((loss) => autograd.grad(loss, x).dataSync());
      a!.forEach((value, i) => expect(value).toBeCloseTo(Number(b![i]), 6));
    }
  });

  it("takes int32 and uint8 targets", () => {
    for (const dtype of ["int32", "uint8"] as const) {
      const target = tensor([1], { dtype });
      expect(crossEntropy(zeros([1, 4]), target).itemSync()).toBeCloseTo(Math.log(4), 6);
    }
  });

  it("says which target is no class", () => {
    const x = ones([3, 4]);
    expect(() => crossEntropy(x, classes([0, 4, 1]))).toThrowErrorMatchingInlineSnapshot(
      `[IndexError: crossEntropy: index 4 at position [1] is out of range for size 4. Expected 0 … 3.]`,
    );
    expect(() => crossEntropy(x, classes([0, -1, 1]))).toThrowErrorMatchingInlineSnapshot(
      `[IndexError: crossEntropy: index -1 at position [1] is out of range for size 4. Expected 0 … 3.]`,
    );
    expect(() => nllLoss(x, classes([0, 4, 1]))).toThrowErrorMatchingInlineSnapshot(
      `[IndexError: nllLoss: index 4 at position [1, 0] is out of range for size 4. Expected 0 … 3.]`,
    );
  });

  it("says what does not fit", () => {
    const x = ones([3, 4]);
    expect(() => crossEntropy(x, ones([3]))).toThrowErrorMatchingInlineSnapshot(
      `[DTypeError: crossEntropy: class indices are integers, got float32 of shape [3]. Convert labels with to("int64"); class probabilities have the shape of the predictions, [3, 4].]`,
    );
    expect(() => crossEntropy(x, classes([0]))).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: crossEntropy: predictions of shape [3, 4] (classes on axis 1) need targets of shape [3], got [1].]`,
    );
    const wrong = { reduction: "average" as "mean" };
    expect(() => crossEntropy(x, classes([0, 1, 2]), wrong)).toThrowErrorMatchingInlineSnapshot(
      `[FlambeauError: crossEntropy: reduction is "mean", "sum" or "none", got "average".]`,
    );
    const weight = { weight: ones([3]) };
    expect(() => crossEntropy(x, classes([0, 1, 2]), weight)).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: crossEntropy: weight has one factor per class, [4], got [3].]`,
    );
  });
});
