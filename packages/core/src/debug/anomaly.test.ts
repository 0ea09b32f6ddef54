import { expect, it } from "vitest";
import { type Tensor, autograd, debug, tensor } from "../index.ts";

it("detectAnomaly names the op and the line of the forward call", () => {
  const x = tensor([0, 1], { requiresGrad: true });
  const run = () => x.sqrt().mul(0).sum().backward();
  expect(() => autograd.detectAnomaly(run)).toThrow(
    /gradient of sqrt for its operand 0, of shape \[2\], holds 1 NaN[^]*anomaly\.test\.ts:6/,
  );
  run();
  expect(Number.isNaN(x.grad!.dataSync()[0])).toBe(true);
});

it("detectAnomaly refuses promises", () => {
  expect(() => autograd.detectAnomaly(async () => 1)).toThrow("returned a promise");
});

it("checkNumerics names the first op whose result is not finite", () => {
  const body = (): Tensor => tensor([0, 1, -1]).log().add(1);
  expect(() => debug.checkNumerics(body)).toThrow(
    /log gave 1 NaN, 0 ∞ and 1 -∞ in a result of shape \[3\][^]*anomaly\.test\.ts:19/,
  );
  expect(debug.checkNumerics(() => tensor([1]).add(1)).toArray()).toEqual([2]);
});

it("assertions pass tensors on or say what is wrong", () => {
  const x = tensor([[1, 2]]);
  expect(debug.assertShape(debug.assertFinite(x), [-1, 2])).toBe(x);
  expect(() => debug.assertShape(x, [2, -1], "logits")).toThrowErrorMatchingInlineSnapshot(
    `[ShapeError: logits: expected shape [2, any], got [1, 2].]`,
  );
  expect(() => debug.assertFinite(tensor([1, NaN]))).toThrowErrorMatchingInlineSnapshot(
    `[NumericsError: tensor: expected finite values, got 1 NaN, 0 ∞ and 0 -∞ in shape [2].]`,
  );
  expect(() => debug.assertRange(x, 0, 1)).toThrowErrorMatchingInlineSnapshot(
    `[NumericsError: tensor: expected values from 0 to 1, got 2 at flat position 1 of shape [1, 2].]`,
  );
});
