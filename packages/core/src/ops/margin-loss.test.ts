// What the losses refuse, and ends of their domains. Values are tested against PyTorch's numbers.
import { describe, expect, test } from "vitest";
import {
  type Tensor, autograd, ctcLoss, gaussianNllLoss, klDiv, multiMarginLoss, multilabelMarginLoss, ones,
  poissonNllLoss, softMarginLoss, tensor, zeros,
} from "../index.ts"; // prettier-ignore

const integers = (values: number[]): Tensor => tensor(values, { dtype: "int64" });

describe("losses", () => {
  test("stay finite at the ends", () => {
    expect(klDiv(tensor([-1, -2]), tensor([0, 1]), { reduction: "sum" }).itemSync()).toBe(2);
    expect(softMarginLoss(tensor([-1000]), tensor([1])).itemSync()).toBe(1000);
    const target = tensor([0, 1], { requiresGrad: true });
    const [grad] = autograd.grad(klDiv(tensor([-1, -2]), target, { reduction: "sum" }), [target]);
    expect(grad!.toArray()).toEqual([1, 3]);
    const rate = tensor([0], { requiresGrad: true });
    const [slope] = autograd.grad(poissonNllLoss(rate, tensor([0]), { logInput: false }), [rate]);
    expect(slope!.itemSync()).toBe(1);
  });

  test("say what does not fit", () => {
    const two = ones([2, 3]);
    expect(() => gaussianNllLoss(two, two, ones([3]))).toThrowErrorMatchingInlineSnapshot(`[ShapeError: gaussianNllLoss: predictions of shape [2, 3] need variances of that shape, or one per row [2, 1], got [3].]`);
    expect(() => multiMarginLoss(two, integers([0]))).toThrowErrorMatchingInlineSnapshot(`[ShapeError: multiMarginLoss: expected targets of shape [2], got [1].]`);
    expect(() => multiMarginLoss(two, zeros([2]))).toThrowErrorMatchingInlineSnapshot(`[DTypeError: multiMarginLoss: targets are classes, integers, got float32. Convert with to("int64").]`);
    expect(() => multiMarginLoss(two, integers([0, 1]), { p: 3 as never })).toThrowErrorMatchingInlineSnapshot(`[FlambeauError: multiMarginLoss: p is 1 or 2, got 3.]`);
    expect(() => multilabelMarginLoss(ones([]), integers([0]))).toThrowErrorMatchingInlineSnapshot(`[ShapeError: multilabelMarginLoss: expected predictions [batch, classes] or [classes], got shape [].]`);
  });

  test("of sequences say what does not fit", () => {
    const logProbs = zeros([4, 2, 3]);
    const call = (...given: Parameters<typeof ctcLoss>) => expect(() => ctcLoss(...given));
    call(logProbs, ones([2, 2])).toThrowErrorMatchingInlineSnapshot(`[ShapeError: ctcLoss: expected log probabilities [steps, batch, classes] and integer targets [batch, labels] or [all labels], or [steps, classes] and [labels], got [4, 2, 3] and float32 [2, 2].]`);
    call(logProbs, integers([1, 2])).toThrowErrorMatchingInlineSnapshot(`[FlambeauError: ctcLoss: targets one after another need targetLengths.]`);
    call(logProbs, integers([1, 2]), { targetLengths: [1] }).toThrowErrorMatchingInlineSnapshot(`[ShapeError: ctcLoss: expected targetLengths for a batch of 2, got shape [1].]`);
    call(logProbs, integers([1, 2]), { targetLengths: [1, 2] }).toThrowErrorMatchingInlineSnapshot(`[IndexError: ctcLoss: sequence 1 has 4 steps and 2 labels, but there are 4 steps and 1 labels. Check inputLengths and targetLengths.]`);
    call(logProbs, integers([1, 5]), { targetLengths: [1, 1] }).toThrowErrorMatchingInlineSnapshot(`[IndexError: ctcLoss: label 5 of sequence 1 is out of range for 3 classes. Expected 0 … 2.]`);
    call(logProbs, integers([1, 2]), { targetLengths: [1, 1], blank: 3 }).toThrowErrorMatchingInlineSnapshot(`[FlambeauError: ctcLoss: blank is one of the 3 classes, got 3.]`);
    call(logProbs, integers([1, 2]), { targetLengths: [1, 1], inputLengths: [5, 4] }).toThrowErrorMatchingInlineSnapshot(`[IndexError: ctcLoss: sequence 0 has 5 steps and 1 labels, but there are 4 steps and 2 labels. Check inputLengths and targetLengths.]`);
  });
}); // prettier-ignore
