// gradcheck itself: it accepts what is right and names what is wrong.
import { beforeAll, describe, expect, it } from "vitest";
import { apply } from "../apply.ts";
import { broadcastLoad, contiguousStore } from "../compiler/lower.ts";
import {
  autograd,
  exp,
  matmul,
  mul,
  permute,
  setDefaultDevice,
  sin,
  sum,
  tensor,
} from "../index.ts";
import { primitive } from "../ops/define.ts";
import { unary } from "../ops/elementwise.ts";
import { leaf, s } from "../scalar/instruction.ts";
import type { Tensor } from "../tensor.ts";

const { gradcheck, gradgradcheck } = autograd;

beforeAll(() => void setDefaultDevice("reference"));

const double = (values: number[] | number[][]): Tensor =>
  tensor(values, { dtype: "float64", requiresGrad: true });

/** The gradient of x² at 1.5 alone. */
const rightOnce = unary("rightOnce", (x) => s.mul(x, x), {
  gradient: (_, __, grad) => [s.mul(grad, 3)],
});

const squareOperation = primitive({
  name: "severed",
  infer: ([x]) => [x!],
  lower: ([x]) => {
    const value = leaf("load", 0, x!.dtype);
    return {
      kind: "map",
      axes: x!.shape,
      loads: [broadcastLoad(0, x!, x!.shape)],
      params: [],
      stores: [contiguousStore(x!.shape, s.mul(value, value))],
    };
  },
  saves: () => ({ inputs: [0] }),
  gradient: ({ grads, input }) => [mul(grads[0]!, mul(input(0).detach(), 2))],
});

/** x², whose gradient is right but forgets that it depends on x. */
const severed = (x: Tensor): Tensor => apply(squareOperation, [x], {})[0]!;

describe("gradcheck", () => {
  it("accepts right gradients of several inputs and outputs", () => {
    const check = (x: Tensor, y: Tensor) => [matmul(x, y), { total: sum(exp(x)) }];
    expect(gradcheck(check as never, [double([[1, 2]]), double([[3], [4]])])).toBe(true);
  });

  it("skips inputs without gradients, and leaves its inputs as they were", () => {
    const x = double([1, 2]);
    const scale = tensor([3, 4], { dtype: "float64" });
    expect(gradcheck((a, b) => mul(a!, b!), [x, scale])).toBe(true);
    expect([x.grad, scale.requiresGrad]).toEqual([undefined, false]);
  });

  it("checks views through their strides", () => {
    const turned = permute(double([[1, 2, 3], [4, 5, 6]]).detach(), [1, 0]); // prettier-ignore
    const leaf = tensor(turned.dataSync(), { shape: turned.shape, requiresGrad: true });
    expect(gradcheck((x) => sin(permute(x!, [1, 0])), [leaf])).toBe(true);
  });

  it("names the wrong element, or returns false", () => {
    const x = double([[1, 1.5], [1.5, 1.5]]); // prettier-ignore
    // 3 is the derivative of x² at 1.5 alone.
    expect(() => gradcheck(rightOnce, [x])).toThrow("input 0 at [0, 0] (value 1)");
    expect(gradcheck(rightOnce, [x], { raise: false })).toBe(false);
    expect(gradcheck(rightOnce, [double([1.5])])).toBe(true);
  });

  it("notices inputs that never reach the outputs but change them", () => {
    expect(() => gradcheck((x) => mul(x!.detach(), 2), [double([1])])).toThrow(
      "the analytic one 0",
    );
  });

  it("refuses functions that are not deterministic", () => {
    let calls = 0;
    expect(() => gradcheck((x) => mul(x!, ++calls), [double([1])])).toThrow("deterministic");
  });
});

describe("gradgradcheck", () => {
  it("accepts right ones", () => {
    const check = (x: Tensor, y: Tensor) => mul(sin(x), exp(y));
    expect(gradgradcheck(check as never, [double([0.3, -1]), double([1, 2])])).toBe(true);
  });

  it("finds what the first order does not", () => {
    const x = double([1.5, -2]);
    expect(gradcheck(severed, [x])).toBe(true);
    expect(() => gradgradcheck(severed, [x])).toThrow("gradgradcheck: input 0 at [0]");
  });
});
