// Errors of convolutions. Values and gradients: the generated suites and the golden data.
import { beforeAll, describe, expect, it } from "vitest";
import { conv2d, convTranspose2d, device, ones, setDefaultDevice, zeros } from "../index.ts";

beforeAll(() => void setDefaultDevice(device("reference")));

const image = () => zeros([1, 3, 8, 8]);

describe("conv2d says what does not fit", () => {
  it("ranks", () => {
    expect(() => conv2d(zeros([8, 8]), zeros([4, 3, 3, 3]))).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: conv2d: expected an input of 4 axes [batch, channels, height, width], or 3 without the batch, got shape [8, 8].]`,
    );
    expect(() => conv2d(image(), zeros([4, 3, 3]))).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: conv2d: expected a weight of 4 axes [out, in / groups, height, width], got shape [4, 3, 3].]`,
    );
  });

  it("channels and groups", () => {
    const x = image();
    expect(() => conv2d(x, zeros([4, 2, 3, 3]))).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: conv2d: the input [1, 3, 8, 8] has 3 channels, but the weight [4, 2, 3, 3] with groups 1 takes 2. Channels come before height, width.]`,
    );
    const groups = { groups: 3 };
    expect(() => conv2d(x, zeros([4, 1, 3, 3]), undefined, groups)).toThrowErrorMatchingInlineSnapshot(`[ShapeError: conv2d: groups must be a positive integer that divides the 4 output channels, got 3.]`); // prettier-ignore
    expect(() => conv2d(x, zeros([4, 3, 3, 3]), zeros([3]))).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: conv2d: expected a bias of shape [4], one per output channel, got [3].]`,
    );
  });

  it("windows", () => {
    const x = image();
    const weight = zeros([4, 3, 5, 5]);
    const far = { dilation: 2 };
    expect(() => conv2d(x, weight, undefined, far)).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: conv2d: the kernel [5, 5] spans [9, 9], more than the padded input [8, 8]. Pad more, or use a smaller kernel or dilation.]`,
    );
    const same = { padding: "same", stride: 2 } as const;
    expect(() => conv2d(x, weight, undefined, same)).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: conv2d: padding "same" needs stride 1, got [2, 2]. Give the padding as numbers.]`,
    );
    const negative = { padding: [1, -1] };
    expect(() => conv2d(x, weight, undefined, negative)).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: conv2d: padding is one integer, at least 0, or 2 of them, got [1, -1].]`,
    );
  });

  it("dtypes", () => {
    const weight = zeros([4, 3, 3, 3], { dtype: "float64" });
    expect(() => conv2d(image(), weight)).toThrowErrorMatchingInlineSnapshot(
      `[DTypeError: conv2d: the input is float32, the weight float64. Convert one with to(…).]`,
    );
  });

  it("the transpose's options", () => {
    const x = zeros([1, 2, 3, 3]);
    const weight = zeros([2, 1, 3, 3]);
    const extra = { outputPadding: 1 };
    expect(() => convTranspose2d(x, weight, undefined, extra)).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: convTranspose2d: outputPadding [1, 1] must be less than stride [1, 1] or dilation [1, 1] on each axis.]`,
    );
    const much = { padding: 3 };
    expect(() => convTranspose2d(x, weight, undefined, much)).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: convTranspose2d: padding [3, 3] leaves an output of [-1, -1]. Pad less.]`,
    );
  });
});

describe("conv2d", () => {
  it("reads strided operands", () => {
    const x = ones([1, 4, 5, 2]).permute([0, 3, 1, 2]);
    const weight = ones([3, 3, 2, 1]).permute([3, 2, 0, 1]);
    expect(conv2d(x, weight).toArray()).toEqual([
      [
        [
          [18, 18, 18],
          [18, 18, 18],
        ],
      ],
    ]);
  });

  it("pads an even window's odd zero at the end, as PyTorch's same", () => {
    const x = ones([1, 1, 1, 3]);
    const weight = ones([1, 1, 1, 2]);
    const result = conv2d(x, weight, undefined, { padding: "same" });
    expect(result.toArray()).toEqual([[[[2, 2, 1]]]]);
  });

  it("keeps empty batches, with gradients of zeros", () => {
    const weight = ones([2, 3, 3, 3], { requiresGrad: true });
    const result = conv2d(zeros([0, 3, 8, 8]), weight);
    expect(result.shape).toEqual([0, 2, 6, 6]);
    result.sum().backward();
    expect(weight.grad!.abs().sum().itemSync()).toBe(0);
  });
});
