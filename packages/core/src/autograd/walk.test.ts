// Backward walks: what they free, what they keep, and walks inside walks.
import { beforeAll, describe, expect, it } from "vitest";
import {
  type Tensor, Parameter, autograd, defaultDevice, device, exp, mul, ones, scope, setDefaultDevice,
  tensor,
} from "../index.ts"; // prettier-ignore

const { customFunction, grad, savedTensorsHooks } = autograd;

beforeAll(() => void setDefaultDevice(device("reference")));

const variable = (values: number[]) => tensor(values, { requiresGrad: true });

describe("what the tape saved", () => {
  it("outlives the tensor", () => {
    const x = variable([1, 2]);
    const inner = exp(x);
    const y = mul(inner, inner).sum();
    const expected = inner.toArray() as number[];
    inner.dispose();
    y.backward();
    expected.forEach((e, i) =>
      expect((x.grad!.toArray() as number[])[i]).toBeCloseTo(2 * e * e, 4),
    );
    expect(inner.isDisposed).toBe(true);
  });

  it("outlives the tensor also for gradients of gradients", () => {
    const x = variable([2]);
    const inner = mul(x, x);
    const y = mul(inner, x).sum();
    inner.dispose();
    const slope = grad(y, x, { createGraph: true });
    expect(slope.toArray()).toEqual([12]);
    expect(grad(slope.sum(), x).toArray()).toEqual([12]);
  });

  it("is the value that a variable had", () => {
    const w = new Parameter(tensor([3]));
    const y = mul(w, w).sum();
    w.assign(tensor([100]));
    y.backward();
    expect(w.grad!.toArray()).toEqual([6]);
  });

  it("is freed by the walk", () => {
    const x = variable([1, 2, 3]);
    exp(x).sum().backward();
    const { liveBuffers } = defaultDevice();
    x.grad = undefined;
    for (let i = 0; i < 3; i++) {
      scope(() => exp(exp(x)).sum().backward());
      x.grad = undefined;
    }
    expect(defaultDevice().liveBuffers).toBe(liveBuffers - 1);
  });
});

describe("gradients", () => {
  it("that come from elsewhere are left alone", () => {
    const constant = ones([2]);
    const fixed = customFunction({
      name: "fixed",
      forward: (x: Tensor) => ({ result: mul(x, 2), saved: {} }),
      backward: () => [constant],
    });
    const x = variable([1, 2]);
    for (let i = 0; i < 2; i++) fixed(exp(x)).sum().backward();
    expect(constant.toArray()).toEqual([1, 1]);
    const seed = ones([2]);
    x.backward({ gradient: seed });
    mul(x, 1).add(0).backward({ gradient: seed });
    expect(seed.toArray()).toEqual([1, 1]);
  });

  it("that several operands share are freed once all are done", () => {
    const x = variable([1, 2]);
    const a = exp(x);
    const b = x.add(a);
    const c = b.add(a).add(b);
    c.sum().backward();
    const expected = [1, 2].map((v) => 2 + 3 * Math.exp(v));
    (x.grad!.toArray() as number[]).forEach((g, i) => expect(g).toBeCloseTo(expected[i]!, 4));
  });

  it("accumulate, and stay what was read", () => {
    const x = variable([1]);
    mul(x, 2).sum().backward();
    const first = x.grad!;
    mul(x, 3).sum().backward();
    expect(first.toArray()).toEqual([2]);
    expect(x.grad!.toArray()).toEqual([5]);
  });

  it("of a scalar leaf are one, for each leaf its own", () => {
    const [x, y] = [tensor(2, { requiresGrad: true }), tensor(3, { requiresGrad: true })];
    x.backward();
    x.grad = undefined;
    y.backward();
    x.backward();
    expect([x.grad!.itemSync(), y.grad!.itemSync()]).toEqual([1, 1]);
  });
});

describe("hooks", () => {
  it("may walk nodes at which gradients wait", () => {
    const x = variable([3]);
    const first = mul(x, x);
    const other = mul(first, 5).sum();
    const second = mul(x, 2); // visited before `first`, which has its gradient by then
    const seen: unknown[] = [];
    second.registerHook(() => {
      seen.push(grad(other, x, { retainGraph: true }).toArray());
      return undefined;
    });
    first.add(second).sum().backward();
    expect([seen, x.grad!.toArray()]).toEqual([[[30]], [8]]);
  });

  it("that throw leave nothing behind", () => {
    const x = variable([3]);
    const [first, second] = [mul(x, x), mul(x, 2)];
    const handle = second.registerHook(() => {
      throw new Error("no");
    });
    const y = first.add(second).sum();
    const { liveBuffers } = defaultDevice();
    expect(() => y.backward({ retainGraph: true })).toThrow("no");
    expect([defaultDevice().liveBuffers, x.grad]).toEqual([liveBuffers, undefined]);
    handle.remove();
    y.backward();
    expect(x.grad!.toArray()).toEqual([8]);
  });

  it("may start walks of their own", () => {
    const x = variable([3]);
    const y = mul(x, x);
    const other = mul(x, 5).sum();
    const seen: unknown[] = [];
    y.registerHook(() => {
      seen.push(grad(other, x, { retainGraph: true }).toArray());
      return undefined;
    });
    y.sum().backward();
    expect([seen, x.grad!.toArray()]).toEqual([[[5]], [6]]);
  });

  it("of saved tensors see each once", () => {
    const x = variable([1, 2]);
    const packed: Tensor[] = [];
    const y = savedTensorsHooks(
      { pack: (t) => packed.push(t) - 1, unpack: (i) => packed[i]! },
      () => mul(exp(x), x).sum(),
    );
    y.backward();
    expect(packed.length).toBe(3);
    const expected = [1, 2].map((v) => Math.exp(v) * (1 + v));
    (x.grad!.toArray() as number[]).forEach((g, i) => expect(g).toBeCloseTo(expected[i]!, 4));
  });
});
