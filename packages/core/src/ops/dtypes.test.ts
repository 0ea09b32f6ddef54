// 16-bit floats and narrow or unsigned integers in ops: creation, rounding, wrapping, staged kernels.
// Every op on every dtype is in the conformance suite; complex numbers are in complex.test.ts.
import { beforeAll, describe, expect, it } from "vitest";
import * as f from "../index.ts";
import type { DType, Tensor } from "../index.ts";

beforeAll(() => void f.setDefaultDevice("reference"));

const rounded = (values: readonly number[], dtype: DType): number[] =>
  Array.from(f.tensor([...values], { dtype }).dataSync() as Float32Array);

describe("16-bit floats", () => {
  it("round where they are made and read as float32", () => {
    expect(rounded([1, 0.1, 65520, 1e-8, -0], "float16")).toEqual([1, 0.0999755859375, Infinity, 0, -0]); // prettier-ignore
    expect(rounded([0.1, 1e38, 3.4e38], "bfloat16")).toEqual([0.10009765625, 9.969209968386869e37, Infinity]); // prettier-ignore
    const x = f.tensor([[1, 2], [3, 4]], { dtype: "float16" }); // prettier-ignore
    expect(x.t().dataSync()).toEqual(Float32Array.of(1, 3, 2, 4));
    expect(x.storage.bytes).toBe(8);
  });

  it("round once per kernel, not per instruction", () => {
    const x = f.tensor([1 / 3], { dtype: "bfloat16" });
    const third = 0.333984375;
    expect(f.sigmoid(x).itemSync()).toBe(rounded([1 / (1 + Math.exp(-third))], "bfloat16")[0]);
    // A number beside them is not rounded.
    expect(f.mul(x, 1.001).itemSync()).toBe(rounded([third * 1.001], "bfloat16")[0]);
  });

  it("sum in float32", () => {
    const ones = f.ones([4096], { dtype: "bfloat16" });
    expect(f.sum(ones).itemSync()).toBe(4096);
    expect(f.mean(f.full([1024], 200, { dtype: "float16" })).itemSync()).toBe(200);
    expect(f.cumsum(ones, 0).slice(0, { start: 4095 }).toArray()).toEqual([4096]);
  });

  it("multiply matrices and convolve in float32", () => {
    for (const dtype of ["float16", "bfloat16"] as const) {
      const make = (shape: number[]) => f.rand(shape).to(dtype).slice(0, { start: 1 });
      const wide = (x: Tensor) => x.to("float32");
      const [a, b] = [make([4, 5]), make([6, 3])];
      expect(f.matmul(a, b).dtype).toBe(dtype);
      expect(f.matmul(a, b).toArray()).toEqual(f.matmul(wide(a), wide(b)).to(dtype).toArray());
      expect(f.matmul(a.t(), a).toArray()).toEqual(f.matmul(wide(a).t(), wide(a)).to(dtype).toArray()); // prettier-ignore
      const [x, w, bias] = [make([3, 2, 5, 5]), make([4, 2, 3, 3]), make([4])];
      const options = { padding: 1, stride: 2 };
      const expected = f.conv2d(wide(x), wide(w), wide(bias), options).to(dtype);
      expect(f.conv2d(x, w, bias, options).toArray()).toEqual(expected.toArray());
    }
  });

  it("add up where stores meet", () => {
    const x = f.zeros([2], { dtype: "bfloat16" });
    const index = f.zeros([600], { dtype: "int64" });
    // One by one, the sum would stop at 256, where steps are 2.
    expect(f.scatterAdd(x, 0, index, f.ones([600], { dtype: "bfloat16" })).toArray()).toEqual([600, 0]); // prettier-ignore
    const v = new f.Variable(f.ones([2, 3], { dtype: "float16" }));
    v.addAt([":", [0, 0, 2]], 0.5).setAt([1, 1], 7);
    expect(v.toArray()).toEqual([[2, 1, 1.5], [2, 7, 1.5]]); // prettier-ignore
  });

  it("have gradients of their own dtype", () => {
    const x = f.tensor([0.5, -2], { dtype: "bfloat16", requiresGrad: true });
    f.sum(f.mul(f.relu(x), x.detach())).backward();
    expect(x.grad!.dtype).toBe("bfloat16");
    expect(x.grad!.toArray()).toEqual([0.5, 0]);
  });

  it("are drawn below 1", () => {
    for (const dtype of ["float16", "bfloat16"] as const) {
      const data = f.rand([4000], { dtype }).dataSync() as Float32Array;
      expect(data.every((x) => x >= 0 && x < 1)).toBe(true);
      const normal = f.randn([4000], { dtype });
      expect(Math.abs(f.mean(normal).itemSync())).toBeLessThan(0.1);
      expect(f.std(normal).itemSync()).toBeCloseTo(1, 1);
    }
    const z = f.randn([4000], { dtype: "complex64" });
    expect(f.variance(z).itemSync()).toBeCloseTo(1, 1);
  });

  it("sort, are unique and print", () => {
    const x = f.tensor([3, 1.5, 3, -2], { dtype: "float16" });
    expect(f.sort(x).values.toArray()).toEqual([-2, 1.5, 3, 3]);
    expect(f.sort(x).values.dtype).toBe("float16");
    expect(f.unique(x).values.toArray()).toEqual([-2, 1.5, 3]);
    expect(String(x)).toBe("tensor([ 3.0000,  1.5000,  3.0000, -2.0000], dtype=float16)");
  });
});

describe("integers", () => {
  const of = (values: readonly number[], dtype: DType) => f.tensor([...values], { dtype });

  it("wrap", () => {
    const x = of([127, -128, 100], "int8");
    expect(f.add(x, x).toArray()).toEqual([-2, 0, -56]);
    expect(f.neg(x).toArray()).toEqual([-127, -128, -100]);
    expect(f.mul(of([40000], "uint16"), 2).toArray()).toEqual([14464]);
    expect(f.sub(of([0], "uint32"), 1).toArray()).toEqual([4294967295]);
    expect(f.add(of([32767], "int16"), 1).toArray()).toEqual([-32768]);
    const large = f.tensor([2n ** 64n - 1n], { dtype: "uint64" });
    expect(f.add(large, 2).dataSync()).toEqual(BigUint64Array.of(1n));
  });

  it("sum in int64 and keep their extremes", () => {
    expect(f.sum(of([127, 127], "int8")).toArray()).toBe(254);
    expect(f.amax(of([1, 4294967295], "uint32")).toArray()).toBe(4294967295);
    expect(f.amin(f.tensor([2n ** 63n, 5n], { dtype: "uint64" })).toArray()).toBe(5);
    expect(f.argmax(f.tensor([5n, 2n ** 63n], { dtype: "uint64" })).toArray()).toBe(1);
  });

  it("compare and divide without a sign", () => {
    const x = f.tensor([2n ** 63n, 7n], { dtype: "uint64" });
    expect(f.gt(x, 3).toArray()).toEqual([true, true]);
    expect(f.floorDivide(x, 2).dataSync()).toEqual(BigUint64Array.of(2n ** 62n, 3n));
    expect(f.remainder(of([4294967295], "uint32"), 10).toArray()).toEqual([5]);
    expect(x.to("float64").toArray()).toEqual([2 ** 63, 7]);
    expect(f.tensor([2 ** 63, 3.9]).to("uint64").dataSync()).toEqual(BigUint64Array.of(2n ** 63n, 3n)); // prettier-ignore
  });

  it("combine in place", () => {
    const v = new f.Variable(of([120, 1], "int8"));
    v.addAt([[0, 0]], of([5, 5], "int8"));
    expect(v.toArray()).toEqual([-126, 1]);
    const most = f.scatterReduce(of([1, 2], "uint32"), 0, f.tensor([0n, 0n]), of([4294967295, 5], "uint32"), { reduce: "amax" }); // prettier-ignore
    expect(most.toArray()).toEqual([4294967295, 2]);
  });

  it("come from typed arrays of their kind", () => {
    const kinds = [Int8Array, Int16Array, Uint16Array, Uint32Array].map((Kind) => f.tensor(Kind.of(1, 2)).dtype); // prettier-ignore
    expect(kinds).toEqual(["int8", "int16", "uint16", "uint32"]);
    expect(f.tensor(BigUint64Array.of(2n ** 64n - 1n)).dtype).toBe("uint64");
    expect(f.arange(3, undefined, { dtype: "int16" }).toArray()).toEqual([0, 1, 2]);
  });
});
