// Complex numbers against a plain model, their gradients against central differences, and the ops that
// make them and take them apart.
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import * as f from "../index.ts";
import type { ComplexNumber, Tensor } from "../index.ts";

beforeAll(() => void f.setDefaultDevice("reference"));

type Z = ComplexNumber;

const z = (re: number, im: number): Z => ({ re, im });
const times = (x: Z, y: Z): Z => z(x.re * y.re - x.im * y.im, x.re * y.im + x.im * y.re);
const over = (x: Z, y: Z): Z => {
  const size = y.re * y.re + y.im * y.im;
  const top = times(x, z(y.re, -y.im));
  return z(top.re / size, top.im / size);
};
const exp = (x: Z): Z => z(Math.exp(x.re) * Math.cos(x.im), Math.exp(x.re) * Math.sin(x.im));
const log = (x: Z): Z => z(Math.log(Math.hypot(x.re, x.im)), Math.atan2(x.im, x.re));
const plus = (x: Z, y: Z): Z => z(x.re + y.re, x.im + y.im);
const minus = (x: Z, y: Z): Z => z(x.re - y.re, x.im - y.im);
const i = z(0, 1);
const scaled = (x: Z, by: number): Z => z(x.re * by, x.im * by);

/** Definitions by exp, which are exact enough away from 0. */
const models: { readonly [name: string]: (x: Z) => Z } = {
  exp,
  log,
  sqrt: (x) => exp(scaled(log(x), 0.5)),
  square: (x) => times(x, x),
  reciprocal: (x) => over(z(1, 0), x),
  neg: (x) => z(-x.re, -x.im),
  conj: (x) => z(x.re, -x.im),
  sinh: (x) => scaled(minus(exp(x), exp(z(-x.re, -x.im))), 0.5),
  cosh: (x) => scaled(plus(exp(x), exp(z(-x.re, -x.im))), 0.5),
  tanh: (x) => over(models["sinh"]!(x), models["cosh"]!(x)),
  sin: (x) => over(models["sinh"]!(times(i, x)), i),
  cos: (x) => models["cosh"]!(times(i, x)),
  tan: (x) => over(models["sin"]!(x), models["cos"]!(x)),
  expm1: (x) => minus(exp(x), z(1, 0)),
  log1p: (x) => log(plus(x, z(1, 0))),
  sgn: (x) => scaled(x, 1 / Math.hypot(x.re, x.im)),
};

/** Functions whose inverse is a model above. */
const inverses: { readonly [name: string]: string } = {
  asin: "sin",
  acos: "cos",
  atan: "tan",
  asinh: "sinh",
  acosh: "cosh",
  atanh: "tanh",
};

const part = fc
  .double({ min: -3, max: 3, noNaN: true })
  .map((x) => Math.round(x * 64) / 64 + 0.004);
const number = fc.record({ re: part, im: part });

function expectNear(got: unknown, want: Z): void {
  const { re, im } = got as Z;
  const accepted = 1e-9 * (1 + Math.hypot(want.re, want.im));
  expect(Math.hypot(re - want.re, im - want.im), `${re}+${im}j`).toBeLessThan(accepted);
}

const unaryOps = f as unknown as { readonly [name: string]: (x: Tensor) => Tensor };
const wide = (value: Z): Tensor => f.tensor(value, { dtype: "complex128" });

describe("arithmetic", () => {
  it.each(Object.keys(models))("%s", (name) => {
    fc.assert(
      fc.property(number, (x) => expectNear(unaryOps[name]!(wide(x)).toArray(), models[name]!(x))),
      { numRuns: 50 },
    );
  });

  it.each(Object.keys(inverses))("%s undoes its function", (name) => {
    fc.assert(
      fc.property(number, (x) => {
        const back = unaryOps[inverses[name]!]!(unaryOps[name]!(wide(x)));
        expectNear(back.toArray(), x);
      }),
      { numRuns: 50 },
    );
  });

  it("of two operands", () => {
    fc.assert(
      fc.property(number, number, (x, y) => {
        const [a, b] = [wide(x), wide(y)];
        expectNear(f.add(a, b).toArray(), plus(x, y));
        expectNear(f.sub(a, b).toArray(), minus(x, y));
        expectNear(f.mul(a, b).toArray(), times(x, y));
        expectNear(f.div(a, b).toArray(), over(x, y));
        expectNear(f.pow(a, b).toArray(), exp(times(y, log(x))));
        expectNear(f.mul(a, y).toArray(), times(x, y));
      }),
    );
  });

  it("neither overflows nor underflows on the way", () => {
    const big = wide(z(3e200, 4e200));
    expect(f.abs(big).toArray()).toBeCloseTo(5e200, -190);
    expectNear(f.div(big, big).toArray(), z(1, 0));
    expectNear(f.tanh(wide(z(500, 1))).toArray(), z(1, 0));
  });

  it("keeps to the branch cuts of C", () => {
    const root = f.sqrt(f.complex(f.tensor([-4, -4]), f.tensor([0, -0]))).toArray();
    expect(root).toEqual([z(0, 2), z(0, -2)]);
    expect(f.log(f.tensor([z(-1, 0)])).toArray()).toEqual([z(0, Math.fround(Math.PI))]);
  });
});

describe("gradients", () => {
  const smooth = [...Object.keys(models), ...Object.keys(inverses), "abs", "angle", "rsqrt"].filter((name) => name !== "conj"); // prettier-ignore

  it.each(smooth)("%s", (name) => {
    const leaf = f.tensor([[0.7, 0.4], [-0.5, 1.2], [1.4, -0.6]], { dtype: "float64", requiresGrad: true }); // prettier-ignore
    const call = (x: Tensor) => unaryOps[name]!(f.viewAsComplex(x));
    f.autograd.gradcheck(call, [leaf]);
    f.autograd.gradgradcheck(call, [leaf]);
  });

  it("of products, quotients, powers, sums and matrix products", () => {
    const parts = (shape: number[], seed: number) =>
      f.randn([...shape, 2], { dtype: "float64", generator: new f.Generator(f.device("reference"), seed), requiresGrad: true }); // prettier-ignore
    const [a, b] = [parts([2, 3], 1), parts([3, 2], 2)];
    const call = (x: Tensor, y: Tensor) => {
      const [u, v] = [f.viewAsComplex(x), f.viewAsComplex(y)];
      const t = f.t(v);
      return [
        f.matmul(u, v),
        f.mul(u, f.conj(t)),
        f.div(u, t),
        f.pow(u, t),
        f.prod(u, 1),
        f.cumprod(v, 0),
        f.mean(f.mul(u, 2)),
        f.variance(u),
        f.real(u).mul(f.imag(t)),
      ];
    };
    f.autograd.gradcheck(call as never, [a, b]);
  });

  it("meet real tensors in their real part", () => {
    const x = f.tensor([2, 3], { requiresGrad: true });
    f.abs(f.mul(x, f.tensor([z(3, 4), z(0, 1)]))).sum().backward(); // prettier-ignore
    expect(x.grad!.dtype).toBe("float32");
    expect(x.grad!.toArray()).toEqual([5, 1]);
  });

  it("start from real numbers", () => {
    const x = f.tensor(z(1, 2), { requiresGrad: true });
    expect(() => f.mul(x, x).backward()).toThrowErrorMatchingInlineSnapshot(
      `[AutogradError: backward: expected a real scalar, got complex64: there is no direction in which a complex number grows. Take abs(x) or real(x), or pass { gradient }.]`,
    );
    f.mul(x, x).backward({ gradient: f.tensor(z(1, 0)) });
    // The conjugate of 2z.
    expect(x.grad!.toArray()).toEqual(z(2, -4));
  });

  it("are 0 at 0, as in PyTorch", () => {
    for (const name of ["abs", "angle", "sgn"]) {
      const x = f.tensor([z(0, 0)], { requiresGrad: true });
      f.viewAsReal(f.mul(unaryOps[name]!(x), f.tensor([z(1, 0)]))).sum().backward(); // prettier-ignore
      expect(x.grad!.toArray(), name).toEqual([z(0, 0)]);
    }
  });
});

describe("making and taking apart", () => {
  const x = () => f.tensor([[z(1, 2), z(3, 4)], [z(5, 6), z(7, 8)]]); // prettier-ignore

  it("parts are views", () => {
    expect(f.real(x()).toArray()).toEqual([[1, 3], [5, 7]]); // prettier-ignore
    expect(f.imag(x().t()).toArray()).toEqual([[2, 6], [4, 8]]); // prettier-ignore
    const whole = x();
    expect(f.imag(whole.slice(0, { start: 1 })).storage).toBe(whole.storage);
    expect(f.viewAsReal(x().t()).toArray()).toEqual([[[1, 2], [5, 6]], [[3, 4], [7, 8]]]); // prettier-ignore
    expect(f.viewAsComplex(f.viewAsReal(x()).slice(1, { start: 1 })).toArray()).toEqual([[z(3, 4)], [z(7, 8)]]); // prettier-ignore
    // Parts that are not neighbours are copied together.
    expect(f.viewAsComplex(f.tensor([[1, 2], [3, 4]]).t()).toArray()).toEqual([z(1, 3), z(2, 4)]); // prettier-ignore
  });

  it("from numbers, typed arrays and parts", () => {
    expect(f.tensor([1, z(2, 3)]).toArray()).toEqual([z(1, 0), z(2, 3)]);
    expect(f.tensor(Float64Array.of(1, 2, 3, 4), { dtype: "complex128" }).toArray()).toEqual([z(1, 2), z(3, 4)]); // prettier-ignore
    expect(f.full([2], z(1, -1)).toArray()).toEqual([z(1, -1), z(1, -1)]);
    expect(f.polar(f.tensor([2]), f.tensor([0])).toArray()).toEqual([z(2, 0)]);
    expect(f.eye(2, 2, { dtype: "complex64" }).toArray()).toEqual([[z(1, 0), z(0, 0)], [z(0, 0), z(1, 0)]]); // prettier-ignore
    expect(Array.from(x().dataSync() as Float32Array)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  });

  it("casts", () => {
    expect(x().to("float64").toArray()).toEqual([[1, 3], [5, 7]]); // prettier-ignore
    expect(
      f
        .tensor([z(0, 1), z(0, 0)])
        .to("bool")
        .toArray(),
    ).toEqual([true, false]);
    expect(f.tensor([2]).to("complex64").toArray()).toEqual([z(2, 0)]);
  });

  it("variables are written in place", () => {
    const v = new f.Variable(x());
    v.setAt([0], f.tensor([z(9, 9), z(0, 1)])).addAt([[1, 1], 0], f.tensor([z(1, 1), z(1, 0)]));
    expect(v.toArray()).toEqual([[z(9, 9), z(0, 1)], [z(7, 7), z(7, 8)]]); // prettier-ignore
  });

  it("prints as PyTorch does", () => {
    expect(String(f.tensor([z(1, 2), z(-3, 0.5)]))).toBe("tensor([ 1.+2.0000j, -3.+0.5000j])");
    expect(String(f.tensor(z(1, -2)))).toBe("tensor(1.-2.j)");
    expect(String(f.tensor([z(1, 0)], { dtype: "complex128" }))).toBe("tensor([1.+0.j], dtype=complex128)"); // prettier-ignore
  });

  it("has no order, and says so", () => {
    const y = x();
    for (const call of [f.lt, f.maximum, f.floorDivide, f.atan2] as ((a: Tensor, b: Tensor) => Tensor)[]) {
      expect(() => call(y, y)).toThrow(f.DTypeError);
    } // prettier-ignore
    for (const name of ["amax", "argmax", "sort", "median", "floor", "erf", "sign", "relu"]) {
      expect(() => (unaryOps[name] as unknown as (a: Tensor, axis: number) => unknown)(y, 0), name).toThrow(f.DTypeError); // prettier-ignore
    }
    expect(() => f.lt(y, y)).toThrowErrorMatchingInlineSnapshot(
      `[DTypeError: lt: complex64 is not accepted. Complex numbers have no lt: they have no order, no bits and no remainder. Take abs(x), real(x) or imag(x) first.]`,
    );
    expect(() => f.amax(y)).toThrowErrorMatchingInlineSnapshot(
      `[DTypeError: amax: complex64 is not accepted. Complex numbers have no max: they have no order, no bits and no remainder. Take abs(x), real(x) or imag(x) first.]`,
    );
    expect(() => f.tensor(z(1, 2)).itemSync()).toThrowErrorMatchingInlineSnapshot(
      `[DTypeError: item: a complex64 value is no number. Use toArray(), which gives { re, im }, or take real(x), imag(x) or abs(x) first.]`,
    );
    expect(() => f.tensor([z(1, 2)], { dtype: "float32" })).toThrowErrorMatchingInlineSnapshot(
      `[DTypeError: tensor: expected numbers, got a complex number for float32. Use complex64 or complex128.]`,
    );
    expect(() => f.viewAsComplex(f.ones([2, 3]))).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: viewAsComplex: the last axis holds real and imaginary part, so its size is 2; got shape [2, 3].]`,
    );
    expect(() => f.complex(f.ones([2]), f.ones([2], { dtype: "int32" }))).toThrowErrorMatchingInlineSnapshot(`[DTypeError: complex: expected floats, which become the parts of complex numbers; cast with to(…). Got int32.]`); // prettier-ignore
  });

  it("maps over batches and replays", () => {
    const squares = f.func.vmap((row: Tensor) => f.real(f.mul(row, f.conj(row))));
    expect(squares(x()).toArray()).toEqual([[5, 25], [61, 113]]); // prettier-ignore
    const traced = f.trace((u: Tensor) => f.imag(f.mul(u, z(0, 1))));
    expect(traced(x()).toArray()).toEqual([[1, 3], [5, 7]]); // prettier-ignore
  });
});
