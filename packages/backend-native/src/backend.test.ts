// The backend beside the reference: operands, params, fills, errors. Ops are compared by the conformance
// suite of packages/testing.
import { type Backend, type DType, type Kernel, type MapKernel, type TypedArray, arrayType, leaf, s } from "@flambeau/core/extension"; // prettier-ignore
import { device } from "@flambeau/core";
import { describe, expect, it } from "vitest";
import { createNativeBackend } from "./backend.ts";
import type { NativeBuffer } from "./engine.ts";
import { elements, engine, filled, isBuilt, runKernel } from "./engine-of-tests.ts";

const reference = device("reference").backend as Backend<NativeBuffer>;

/** Runs on both, and gives what the native one made where they agree. */
function both(
  kernel: Kernel,
  inputs: readonly TypedArray[],
  outputs: Parameters<typeof runKernel>[3],
  params: readonly (number | bigint)[] = [],
): TypedArray[] {
  const [native, expected] = [createNativeBackend(engine()), reference].map((backend) =>
    runKernel(backend, kernel, inputs, outputs, params),
  );
  expect(native).toEqual(expected);
  return native!;
}

const load = (operand: number, dtype: "float32" | "int32" | "int64" | "uint8") =>
  ({ operand, dtype, offset: 0, strides: [1] }) as const;
const zeros = (dtype: DType, size: number) => ({ dtype, before: new (arrayType(dtype))(size) });

describe.skipIf(!isBuilt)("native backend", () => {
  it("converts params as the reference does", () => {
    const types = ["float32", "float64", "int32", "int64", "uint8", "bool"] as const;
    const kernel: MapKernel = {
      kind: "map",
      axes: [1],
      loads: [],
      params: types,
      stores: types.map((dtype, operand) => ({ operand, dtype, offset: 0, strides: [1], value: leaf("param", operand, dtype) })),
    }; // prettier-ignore
    const outputs = types.map((dtype) => zeros(dtype, 1));
    for (const value of [0.1, -3.7, 300, 2 ** 40 + 3, 2n ** 62n + 1n, -1n, NaN, Infinity]) {
      both(kernel, [], outputs, types.map(() => value)); // prettier-ignore
    }
  });

  it("fills outputs to their end, and no further", () => {
    const kernel: MapKernel = {
      kind: "map",
      axes: [2],
      loads: [],
      params: [],
      initial: 7,
      stores: [{ operand: 0, dtype: "float32", offset: 1, strides: [3], value: s.constant(1, "float32") }],
    }; // prettier-ignore
    const [filledUp] = both(kernel, [], [zeros("float32", 70)]);
    expect(filledUp!.slice(0, 6)).toEqual(Float32Array.of(7, 1, 7, 7, 1, 7));
    const backend = createNativeBackend(engine());
    const handle = filled(backend, new Float32Array(80).fill(5)).handle;
    handle.bytes = 40;
    backend.compile(kernel)([], [{ handle, offset: 2 }], []);
    handle.bytes = 320;
    const found = [...elements(backend, handle, "float32", 12)];
    expect(found).toEqual([5, 5, 7, 1, 7, 7, 1, 7, 7, 7, 5, 5]);
  });

  it("loads and stores 16-bit floats", () => {
    const backend = createNativeBackend(engine());
    for (const [dtype, words] of [
      ["float16", [0x3c00, 0xc000, 0x7c00, 0x0001]],
      ["bfloat16", [0x3f80, 0xc000, 0x7f80, 0x0001]],
    ] as const) {
      const kernel: MapKernel = {
        kind: "map",
        axes: [4],
        loads: [{ operand: 0, dtype, offset: 0, strides: [1] }],
        params: [],
        stores: [{ operand: 0, dtype, offset: 0, strides: [1], value: s.neg(leaf("load", 0, "float32")) }],
      }; // prettier-ignore
      const input = filled(backend, Uint16Array.from(words));
      const output = filled(backend, new Uint16Array(4));
      backend.compile(kernel)([input], [output], []);
      const found = [...elements(backend, output.handle, "uint16", 4)] as number[];
      expect(found).toEqual(words.map((word) => word ^ 0x8000));
    }
  });

  it("names the first bad index", () => {
    const kernel: MapKernel = {
      kind: "map",
      axes: [4],
      loads: [
        load(0, "int32"),
        { operand: 1, dtype: "float32", offset: 0, strides: [0], indirections: [{ load: 0, size: 3, stride: 1, wraps: true }] },
      ],
      params: [],
      stores: [{ operand: 0, dtype: "float32", offset: 0, strides: [1], value: leaf("load", 1, "float32") }],
    }; // prettier-ignore
    const x = Float32Array.of(1, 2, 3);
    const out = [zeros("float32", 4)];
    expect([...both(kernel, [Int32Array.of(2, -3, 0, -1), x], out)[0]!]).toEqual([3, 1, 1, 3]);
    const run = (backend: Backend<NativeBuffer>) =>
      runKernel(backend, kernel, [Int32Array.of(2, 0, 3, -4), x], out);
    expect(() => run(createNativeBackend(engine()))).toThrowErrorMatchingInlineSnapshot(
      `[IndexError: index 3 at position [2] is out of range for size 3. Expected -3 … 2.]`,
    );
    expect(() => run(reference)).toThrow("index 3 at position [2] is out of range for size 3.");
  });

  it("shares programs of equal kernels and refuses what is too short", () => {
    const backend = createNativeBackend(engine());
    const kernel: MapKernel = {
      kind: "map",
      axes: [100],
      loads: [load(0, "float32")],
      params: [],
      stores: [{ operand: 0, dtype: "float32", offset: 0, strides: [1], value: s.neg(leaf("load", 0, "float32")) }],
    }; // prettier-ignore
    const [x, out] = [
      filled(backend, new Float32Array(100)),
      filled(backend, new Float32Array(100)),
    ];
    const [first, second] = [backend.compile(kernel), backend.compile({ ...kernel })];
    first([x], [out], []);
    second([out], [x], []);
    const tail = { handle: x.handle, offset: 64 };
    expect(() => first([tail], [out], [])).toThrow(
      /operand 0 \(400 bytes .* is not what its kernel was compiled for/,
    );
    expect(() => first([{ handle: x.handle, offset: -1 }], [out], [])).toThrow("operand 0");
    const freed = filled(backend, new Float32Array(100));
    engine().free(freed.handle.address);
    expect(() => first([freed], [out], [])).toThrow("operand 0");
    freed.handle.address = 0;
    expect(() => first([x], [freed], [])).toThrow("operand 1");
    expect(() => backend.read(x.handle, 0, 401)).toThrow("is not what");
    expect(() => backend.write(x.handle, 396, new Uint8Array(8))).toThrow("is not what");
  });

  it("runs routines that only JavaScript has", () => {
    const kernel: Kernel = {
      kind: "routine",
      name: "reverse of the tests",
      inputs: [{ dtype: "int64", shape: [3] }, { dtype: "uint8", shape: [0] }],
      outputs: [{ dtype: "int64", shape: [3] }, { dtype: "float32", shape: [2] }],
      run: ([x], [reversed, sizes]) => {
        (reversed as BigInt64Array).set((x as BigInt64Array).toReversed());
        (sizes as Float32Array).set([x!.length, 0.5]);
      },
    }; // prettier-ignore
    const outputs = [zeros("int64", 3), zeros("float32", 2)];
    const [reversed, sizes] = both(
      kernel,
      [BigInt64Array.of(1n, 2n, -3n), new Uint8Array(0)],
      outputs,
    );
    expect([...reversed!]).toEqual([-3n, 2n, 1n]);
    expect([...sizes!]).toEqual([3, 0.5]);
  });
});
