import { expect, it } from "vitest";
import { type Tensor, autograd, dropout, manualSeed, randn, tensor } from "../index.ts";

const { checkpoint, savedTensorsHooks } = autograd;

it("checkpoint gives the same gradients, random numbers included", () => {
  const w = randn([6, 6], { dtype: "float64", requiresGrad: true });
  const x = randn([4, 6], { dtype: "float64", requiresGrad: true });
  const body = (input: Tensor): Tensor =>
    dropout(input.matmul(w).tanh(), 0.5).softmax(1).matmul(w).sigmoid();
  const gradients = (run: () => Tensor): unknown[] => {
    manualSeed(11);
    return autograd.grad(run().sum(), [x, w]).map((grad) => grad.toArray());
  };
  expect(gradients(() => checkpoint(body, x))).toEqual(gradients(() => body(x)));
});

it("checkpoint keeps nothing, and says when the second run differs", () => {
  const x = tensor([1, 2], { requiresGrad: true });
  let runs = 0;
  const y = checkpoint((input) => (runs++ === 0 ? input.exp().exp() : input.exp()), x);
  expect(() => y.sum().backward()).toThrowErrorMatchingInlineSnapshot(
    `[AutogradError: checkpoint: the second run saved 1 tensors, the first 2. The function must do the same each time: check for state that it changes.]`,
  );
});

it("savedTensorsHooks sees what is saved and gives it back", () => {
  const x = tensor([1, 2], { requiresGrad: true });
  let packed = 0;
  const pack = (saved: Tensor) => {
    packed++;
    return saved.toArray() as number[];
  };
  const y = savedTensorsHooks({ pack, unpack: (values) => tensor(values) }, () =>
    x.square().mul(x),
  );
  y.sum().backward();
  expect(packed).toBe(3);
  expect(x.grad!.toArray()).toEqual([3, 12]);
});

it("retainGrad keeps the gradient of an intermediate; hooks change gradients", () => {
  const x = tensor([1, 2], { requiresGrad: true });
  const h = x.mul(2);
  h.retainGrad();
  const handle = x.registerHook((grad) => grad.mul(10));
  h.square().sum().backward();
  expect(h.grad!.toArray()).toEqual([4, 8]);
  expect(x.grad!.toArray()).toEqual([80, 160]);
  handle.remove();
  x.grad = undefined;
  x.mul(3).sum().backward();
  expect(x.grad!.toArray()).toEqual([3, 3]);
});
