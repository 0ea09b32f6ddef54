// What the generated suite leaves out: gradients through a log-softmax, of both orders.
import { describe, expect, test } from "vitest";
import {
  type Tensor,
  autograd,
  ctcLoss,
  func,
  logSoftmax,
  manualSeed,
  randn,
  tensor,
} from "../index.ts";

manualSeed(3);
const options = { targetLengths: [2, 1], inputLengths: [4, 3] };
const targets = tensor([[1, 1], [2, 0]], { dtype: "int64" }); // prettier-ignore
const loss = (x: Tensor): Tensor => ctcLoss(logSoftmax(x, 2), targets, options);

describe("ctcLoss", () => {
  const x = randn([4, 2, 3], { dtype: "float64", requiresGrad: true });

  test("has gradients of both orders", () => {
    expect(autograd.gradcheck(loss, [x])).toBe(true);
    expect(autograd.gradgradcheck(loss, [x])).toBe(true);
  });

  test("has the same gradient, recorded or not", () => {
    const [plain] = autograd.grad(loss(x), [x]);
    const recorded = func.grad(loss)(x) as Tensor;
    expect(plain!.sub(recorded).abs().amax().itemSync()).toBeLessThan(1e-12);
  });

  test("gives zeros for what cannot be aligned", () => {
    const short = randn([2, 1, 3], { dtype: "float64", requiresGrad: true });
    const call = (y: Tensor): Tensor =>
      ctcLoss(logSoftmax(y, 2), tensor([[1, 1]], { dtype: "int64" }), { zeroInfinity: true });
    expect(call(short).itemSync()).toBe(0);
    expect((func.grad(call)(short) as Tensor).abs().sum().itemSync()).toBe(0);
    expect(ctcLoss(logSoftmax(short, 2), tensor([[1, 1]], { dtype: "int64" })).itemSync()).toBe(
      Infinity,
    );
  });
});
