// Prepared calls: found again for equal calls, and only for those.
import { beforeAll, expect, it } from "vitest";
import { apply, modes, primitive } from "./extension.ts";
import {
  type Tensor, add, device, full, hostValue, matmulPrecision, mul, ones, setDefaultDevice, sum,
  tensor, trace,
} from "./index.ts"; // prettier-ignore
import { copyKernel } from "./compiler/lower.ts";
import type { Operation } from "./operation.ts";

beforeAll(() => void setDefaultDevice(device("reference")));

/** A copy that counts how often it is lowered. */
function counting() {
  let lowered = 0;
  const operation: Operation<{ [name: string]: number | readonly number[] }> = primitive({
    name: "counting",
    infer: ([x]) => [x!],
    lower: ([x]) => {
      lowered++;
      const strides = x!.layout.strides;
      return copyKernel(x!.shape, { operand: 0, dtype: x!.dtype, offset: 0, strides });
    },
  });
  const call = (x: Tensor, attributes: { [name: string]: number | readonly number[] } = {}) =>
    apply(operation, [x], attributes)[0]!;
  return { call, count: () => lowered };
}

it("lowers a call once for each layout, dtype and set of attributes", () => {
  const { call, count } = counting();
  for (let i = 0; i < 3; i++) call(ones([2]), { n: 1, list: [1, 2] });
  expect(count()).toBe(1);
  call(ones([3]), { n: 1, list: [1, 2] });
  call(ones([2], { dtype: "float64" }), { n: 1, list: [1, 2] });
  call(ones([2]), { n: 2, list: [1, 2] });
  call(ones([2]), { n: 1, list: [1, 2, 3] });
  call(ones([2]), { n: -0 });
  call(ones([2]), { n: 0 });
  call(ones([2]));
  expect(count()).toBe(8);
});

it("finds calls again after many others", () => {
  const { call, count } = counting();
  for (let turn = 0; turn < 2; turn++) {
    for (let n = 0; n < 100; n++) expect(call(full([n % 10], n), { n }).size).toBe(n % 10);
  }
  expect(count()).toBe(100);
});

it("does not look at arrays that changed since", () => {
  const { call, count } = counting();
  const list = [1, 2];
  call(ones([2]), { list });
  list[0] = 5;
  call(ones([2]), { list });
  expect(count()).toBe(2);
});

it("keeps views of different offsets apart", () => {
  const x = tensor([1, 2, 3, 4, 5, 6], { shape: [3, 2] });
  const row = (i: number) =>
    x
      .slice(0, { start: i, end: i + 1 })
      .reshape([2])
      .toArray();
  for (let turn = 0; turn < 2; turn++) {
    expect([row(0), row(1), row(2)]).toEqual([[1, 2], [3, 4], [5, 6]]); // prettier-ignore
  }
});

it("knows numbers by their kind", () => {
  const x = ones([2], { dtype: "int32" });
  for (let turn = 0; turn < 2; turn++) {
    expect(add(x, 2).dtype).toBe("int32");
    expect(add(x, 2.5).dtype).toBe("float32");
    expect(add(x, true).toArray()).toEqual([2, 2]);
    expect(mul(2, x).toArray()).toEqual([2, 2]);
  }
  let factor = 2;
  const scaled = trace((y: Tensor) =>
    mul(
      y,
      hostValue(() => factor),
    ),
  );
  expect(scaled(ones([1])).toArray()).toEqual([2]);
  factor = 3;
  expect(scaled(ones([1])).toArray()).toEqual([3]);
});

it("follows the default device where no operand names one", () => {
  expect(ones([2]).device.name).toBe("reference");
  setDefaultDevice("null");
  expect(ones([2]).device.name).toBe("null");
  setDefaultDevice("reference");
  expect(sum(ones([2])).itemSync()).toBe(2);
});

it("prepares again for another precision of matrix products", () => {
  const { call, count } = counting();
  expect(matmulPrecision()).toBe("highest");
  call(ones([2]));
  expect(matmulPrecision("bfloat16")).toBe("bfloat16");
  try {
    call(ones([2]));
    expect(modes.matmulPrecision).toBe("bfloat16");
    expect(count()).toBe(2);
  } finally {
    matmulPrecision("highest");
  }
  call(ones([2]));
  expect(count()).toBe(2);
  expect(() => matmulPrecision("high" as never)).toThrowErrorMatchingInlineSnapshot(
    `[FlambeauError: matmulPrecision: expected "highest" or "bfloat16", got "high".]`,
  );
});
