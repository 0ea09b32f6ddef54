import { describe, expect, it } from "vitest";
import { type Tensor, func, manualSeed, randn, stack, tensor } from "../index.ts";

const float64 = { dtype: "float64" } as const;

function expectEqual(a: Tensor, b: Tensor, tolerance = 1e-9): void {
  expect(a.shape).toEqual(b.shape);
  const expected = b.dataSync();
  a.dataSync().forEach((value, i) => {
    expect(Math.abs(Number(value) - Number(expected[i]))).toBeLessThanOrEqual(tolerance);
  });
}

manualSeed(7);
const weight = randn([3, 4], float64);
const scalar = (x: Tensor): Tensor =>
  x.matmul(weight).tanh().softmax(0).mul(x.sum()).sum().pow(2).add(x.pow(3).sum());
const vector = (x: Tensor): Tensor => x.matmul(weight).sin().mul(x.sum());

describe("transforms", () => {
  const x = randn([3], float64);
  const v = randn([3], float64);

  it("take gradients of gradients", () => {
    const cubed = (y: Tensor): Tensor => y.pow(3).sum();
    const second = func.grad((y: Tensor) => (func.grad(cubed)(y) as Tensor).sum())(x) as Tensor;
    expectEqual(second, x.mul(6));
  });

  it("agree: jacrev, jacfwd, jvp, vjp", () => {
    const jacobian = func.jacrev(vector)(x);
    expect(jacobian.shape).toEqual([4, 3]);
    expectEqual(func.jacfwd(vector)(x), jacobian);
    expectEqual(func.jvp(vector, x, v).tangent, jacobian.matmul(v));
    const u = randn([4], float64);
    expectEqual(func.vjp(vector, x).pull(u), u.matmul(jacobian));
  });

  it("give the Hessian and its products", () => {
    const hessian = func.hessian(scalar)(x);
    expectEqual(hessian, hessian.t());
    expectEqual(func.hvp(scalar, x, v), hessian.matmul(v));
  });

  it("refuse functions that are not scalar", () => {
    expect(() => func.grad(vector)(x)).toThrowErrorMatchingInlineSnapshot(
      `[AutogradError: grad: expected the function to return one scalar tensor, got shape [4]. Use jacrev or vjp.]`,
    );
  });
});

describe("vmap", () => {
  const xs = randn([5, 3], float64);
  const rows = [0, 1, 2, 3, 4];
  const cases: Record<string, (x: Tensor) => Tensor> = {
    "elementwise with broadcasting": (x) => x.mul(weight.t()).add(x.sum()),
    reductions: (x) => x.reshape([3, 1]).expand([3, 2]).sum(0).add(x.amax()),
    views: (x) => x.flip().slice(0, { start: 1 }).unsqueeze(1).permute([1, 0]),
    "matrix products": (x) => x.matmul(weight),
    "row functions": (x) => x.logSoftmax(0),
    "ops without a rule": (x) => x.at([2, 0, 0]),
    "gradients inside": (x) => func.grad(scalar)(x) as Tensor,
  };
  for (const [name, body] of Object.entries(cases)) {
    it(`equals a loop: ${name}`, () => {
      expectEqual(func.vmap(body)(xs), stack(rows.map((i) => body(xs.at(i)))));
    });
  }

  it("lets gradients through from outside", () => {
    const x = randn([5, 3], { ...float64, requiresGrad: true });
    func.vmap(scalar)(x).sum().backward();
    expectEqual(x.grad!, stack(rows.map((i) => func.grad(scalar)(x.detach().at(i)) as Tensor)));
  });

  it("nests, maps other axes and shares arguments", () => {
    const outer = func.vmap(
      func.vmap((a: Tensor, b: Tensor) => a.mul(b), { inAxes: [null, 0] }),
      {
        inAxes: [0, null],
      },
    );
    const a = tensor([1, 2, 3]);
    const b = tensor([10, 20]);
    expect(outer(a, b).toArray()).toEqual([
      [10, 20],
      [20, 40],
      [30, 60],
    ]);
    expect(func.vmap((x: Tensor) => x.sum(), { inAxes: 1 })(xs).shape).toEqual([3]);
    expect(func.vmap((x: Tensor) => x, { outAxes: 1 })(xs).shape).toEqual([3, 5]);
  });

  it("says what does not fit", () => {
    const add = func.vmap((a: Tensor, b: Tensor) => a.add(b));
    expect(() => add(tensor([1, 2]), tensor([1, 2, 3]))).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: vmap: batch sizes differ: 2 before, 3 in argument 1.]`,
    );
    expect(() => func.vmap((a: Tensor) => a.itemSync())(tensor([1]))).toThrow(
      "stands for every element",
    );
  });
});
