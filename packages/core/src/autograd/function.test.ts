// Functions with a gradient of their own.
import { beforeAll, describe, expect, it } from "vitest";
import { type Tensor, autograd, device, exp, mul, noGrad, setDefaultDevice, tensor, trace } from "../index.ts"; // prettier-ignore

const { customFunction, grad, gradcheck, gradgradcheck } = autograd;

beforeAll(() => void setDefaultDevice(device("reference")));

const cube = customFunction({
  name: "cube",
  forward: (x: Tensor) => ({ result: mul(x, mul(x, x)), saved: { x } }),
  backward: ({ x }, upstream) => [mul(upstream, mul(3, mul(x, x)))],
});

/** Saves its result, and gives two. */
const exponentials = customFunction({
  name: "exponentials",
  forward: (x: Tensor, scale: number) => {
    const y = exp(x);
    return { result: [y, mul(y, scale)], saved: { y, scale } };
  },
  backward: ({ y, scale }, [first, second]) => {
    const terms = [first && mul(first, y), second && mul(second, mul(y, scale))];
    const some = terms.filter((term) => term !== undefined);
    return [some.reduce((a, b) => a.add(b)), undefined];
  },
});

const double = (values: number[]) => tensor(values, { dtype: "float64", requiresGrad: true });

describe("customFunction", () => {
  it("has the gradients of both orders", () => {
    expect(gradcheck(cube, [double([1, -2])])).toBe(true);
    expect(gradgradcheck(cube, [double([1, -2])])).toBe(true);
    const both = (x: Tensor) => exponentials(x, 3);
    expect(gradcheck(both, [double([0.5, -1])])).toBe(true);
    expect(gradgradcheck(both, [double([0.5, -1])])).toBe(true);
  });

  it("takes results of which only one is used", () => {
    const x = double([0]);
    exponentials(x, 3)[1]!.sum().backward();
    expect(x.grad!.toArray()).toEqual([3]);
  });

  it("records nothing where no gradient is needed", () => {
    expect(cube(tensor([2])).requiresGrad).toBe(false);
    expect(noGrad(() => cube(double([2]))).requiresGrad).toBe(false);
  });

  it("works under tracing", () => {
    const slope = trace((x: Tensor) => {
      const y = cube(x.add(double([0])));
      return y;
    });
    expect(slope(double([2])).toArray()).toEqual([8]);
    const w = double([2]);
    const traced = trace((x: Tensor) => grad(cube(mul(w, x)).sum(), w));
    expect(traced(tensor([1], { dtype: "float64" })).toArray()).toEqual([12]);
  });

  it("may pass an input through", () => {
    const same = customFunction({
      name: "same",
      forward: (x: Tensor) => ({ result: x, saved: {} }),
      backward: (_, upstream) => [mul(upstream, 5)],
    });
    const x = double([1]);
    same(x).sum().backward();
    expect(x.grad!.toArray()).toEqual([5]);
    expect(x.isLeaf).toBe(true);
  });

  it("is walked once, unless the tape is kept", () => {
    const y = cube(double([1])).sum();
    y.backward({ retainGraph: true });
    y.backward();
    expect(() => y.backward()).toThrowErrorMatchingInlineSnapshot(
      `[AutogradError: backward: cube was walked before and its saved tensors were freed. Pass { retainGraph: true } to the first backward() or grad() to go through it twice.]`,
    );
  });

  it("may be walked again where nothing was saved, as a view made before a loop", () => {
    const x = double([1, 2]);
    const column = x.unsqueeze(1).add(1).neg(); // outlives the first walk
    for (let i = 0; i < 2; i++) column.mul(column).sum().backward();
    expect(x.grad!.toArray()).toEqual([8, 12]);
  });

  it("refuses a second derivative through what has no history", () => {
    const hidden = customFunction({
      name: "hidden",
      forward: (x: Tensor) => {
        const y = exp(x);
        return { result: mul(y, 2), saved: { y } };
      },
      backward: ({ y }, upstream) => [mul(upstream, mul(y, 2))],
    });
    const x = double([1]);
    expect(() => grad(hidden(x), x, { createGraph: true })).toThrowErrorMatchingInlineSnapshot(
      `[AutogradError: hidden: a gradient of its gradient was asked for, but backward reads a tensor that forward made and did not return, which has no history. Return it as one more result.]`,
    );
    expect(grad(hidden(x), x).itemSync()).toBeCloseTo(2 * Math.E, 10);
  });

  it("counts gradients", () => {
    const short = customFunction({
      name: "short",
      forward: (x: Tensor, y: Tensor) => ({ result: mul(x, y), saved: {} }),
      backward: (_, upstream) => [upstream],
    });
    const y = short(double([1]), double([2]));
    expect(() => y.backward()).toThrowErrorMatchingInlineSnapshot(
      `[AutogradError: short: backward gave 1 gradients for 2 inputs. Return one per input, undefined where there is none.]`,
    );
  });
});
