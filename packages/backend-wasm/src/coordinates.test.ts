// Loads and stores through coordinates (gather, scatter), outputs filled beforehand, bad indices, and
// reductions long enough to run in stages.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type DType,
  type Indirection,
  type Kernel,
  type Load,
  type ReduceKernel,
  type Scalar,
  type TypedArray,
  leaf,
  s,
} from "@flambeau/core/extension";
import { type Case, expectSame, runOn } from "./against-reference.ts";
import { createWasmBackend } from "./backend.ts";

const backends = [1, 2].map((threads) => createWasmBackend({ threads }));
const expectAll = (one: Case) => backends.forEach((backend) => expectSame(backend, one));

const floats = (size: number): Float32Array =>
  Float32Array.from({ length: size }, (_, i) => ((i * 37) % 101) - 50);

type IndexDType = "int32" | "int64" | "uint8";

function indices(dtype: IndexDType, values: readonly number[]): TypedArray {
  if (dtype === "int64") return BigInt64Array.from(values, BigInt);
  return dtype === "int32" ? Int32Array.from(values) : Uint8Array.from(values);
}

const load = (operand: number, dtype: DType, strides: readonly number[], extra: Partial<Load> = {}): Load => ({
  operand, dtype, offset: 0, strides, ...extra,
}); // prettier-ignore

const x1 = leaf("load", 1, "float32");

describe("coordinates", () => {
  it("gathers and scatters rows and elements", () => {
    const one = fc
      .record({
        dtype: fc.constantFrom<IndexDType>("int32", "int64", "uint8"),
        rows: fc.integer({ min: 1, max: 12 }),
        columns: fc.integer({ min: 1, max: 21 }),
        size: fc.integer({ min: 1, max: 6 }),
        perElement: fc.boolean(),
        mode: fc.constantFrom("gather", "set", "add", "max" as const),
        filled: fc.boolean(),
        wraps: fc.boolean(),
        seed: fc.nat(),
      })
      .map(({ dtype, rows, columns, size, perElement, mode, filled, wraps, seed }): Case => {
        const count = perElement ? rows * columns : rows;
        const low = dtype === "uint8" || !wraps ? 0 : -size;
        const values = Array.from(
          { length: count },
          (_, i) => low + ((i * 7 + (seed % 1000)) % (size - low)),
        );
        const indirections: Indirection[] = [{ load: 0, size, stride: columns, wraps }];
        const index = load(0, dtype, perElement ? [columns, 1] : [1, 0]);
        const isGather = mode === "gather";
        const kernel: Kernel = {
          kind: "map",
          axes: [rows, columns],
          params: [],
          loads: [
            index,
            isGather
              ? load(1, "float32", [0, 1], { indirections })
              : load(1, "float32", [columns, 1]),
          ],
          ...(filled && { initial: 0.5 }),
          stores: [
            isGather
              ? {
                  operand: 0,
                  dtype: "float32",
                  offset: 0,
                  strides: [columns, 1],
                  value: s.mul(x1, 2),
                }
              : {
                  operand: 0,
                  dtype: "float32",
                  offset: 0,
                  strides: [0, 1],
                  indirections,
                  combine: mode,
                  value: x1,
                },
          ],
        };
        return {
          kernel,
          inputs: [indices(dtype, values), floats(isGather ? size * columns : rows * columns)],
          outputs: [{ dtype: "float32", size: isGather ? rows * columns : size * columns }],
        };
      });
    fc.assert(fc.property(one, expectAll), { numRuns: 200 });
  });

  it("picks one element of each row in the epilogue of a reduction", () => {
    for (const dtype of ["int32", "int64"] as const) {
      const [rows, columns] = [9, 37];
      const state = leaf("state", 0, "float32");
      expectAll({
        kernel: {
          kind: "reduce",
          axes: [rows, columns],
          reduced: 1,
          params: [],
          loads: [
            load(0, dtype, [1, 0]),
            load(1, "float32", [columns, 0], {
              indirections: [{ load: 0, size: columns, stride: 1, wraps: true }],
            }),
            load(1, "float32", [columns, 1]),
          ],
          states: [
            {
              dtype: "float32",
              initial: 0,
              step: s.add(state, leaf("load", 2, "float32")),
              merge: s.add(state, leaf("other", 0, "float32")),
            },
          ],
          stores: [
            { operand: 0, dtype: "float32", offset: 0, strides: [1, 0], value: s.sub(state, x1) },
          ],
        },
        inputs: [
          indices(
            dtype,
            Array.from({ length: rows }, (_, i) => (i * 5) % columns),
          ),
          floats(rows * columns),
        ],
        outputs: [{ dtype: "float32", size: rows }],
      });
    }
  });

  it("names a bad index of a reduction in stages by its place in the whole", () => {
    const columns = 3000;
    const kernel: Kernel = {
      kind: "reduce",
      axes: [2, columns],
      reduced: 1,
      params: [],
      loads: [
        load(0, "int32", [columns, 1]),
        load(1, "float32", [0, 0], {
          indirections: [{ load: 0, size: 5, stride: 1, wraps: true }],
        }),
      ],
      states: [
        {
          dtype: "float32",
          initial: 0,
          step: s.add(leaf("state", 0, "float32"), x1),
          merge: s.add(leaf("state", 0, "float32"), leaf("other", 0, "float32")),
        },
      ],
      stores: [
        {
          operand: 0,
          dtype: "float32",
          offset: 0,
          strides: [1, 0],
          value: leaf("state", 0, "float32"),
        },
      ],
    };
    const index = Int32Array.from({ length: 2 * columns }, (_, i) => (i % 10) - 5);
    const one: Case = {
      kernel,
      inputs: [index, floats(5)],
      outputs: [{ dtype: "float32", size: 2 }],
    };
    expectAll(one);
    index[columns + 2999] = 5;
    for (const backend of backends) {
      expect(() => runOn(backend, one)).toThrow("index 5 at position [1, 2999]");
    }
  });

  it("names the first bad index", () => {
    const kernel = (size: number): Kernel => ({
      kind: "map",
      axes: [4, 8],
      params: [],
      loads: [
        load(0, "int32", [1, 0]),
        load(1, "float32", [0, 1], { indirections: [{ load: 0, size, stride: 8, wraps: true }] }),
      ],
      stores: [{ operand: 0, dtype: "float32", offset: 0, strides: [8, 1], value: x1 }],
    });
    const one = (values: number[]): Case => ({
      kernel: kernel(3),
      inputs: [Int32Array.from(values), floats(24)],
      outputs: [{ dtype: "float32", size: 32 }],
    });
    for (const backend of backends) {
      expect(() => runOn(backend, one([0, -3, 3, 9]))).toThrowErrorMatchingInlineSnapshot(
        `[IndexError: index 3 at position [2, 0] is out of range for size 3. Expected -3 … 2.]`,
      );
      expect(() => runOn(backend, one([0, 1, 2, -4]))).toThrow("index -4 at position [3, 0]");
      expectSame(backend, one([0, -3, 2, -1]));
    }
  });

  it("refuses negative indices that do not count from the end", () => {
    const gather: Kernel = {
      kind: "map",
      axes: [4],
      params: [],
      loads: [
        load(0, "int64", [1]),
        load(1, "float32", [0], { indirections: [{ load: 0, size: 3, stride: 1 }] }),
      ],
      stores: [{ operand: 0, dtype: "float32", offset: 0, strides: [1], value: x1 }],
    };
    const one = (values: bigint[]): Case => ({
      kernel: gather,
      inputs: [BigInt64Array.from(values), floats(3)],
      outputs: [{ dtype: "float32", size: 4 }],
    });
    for (const backend of backends) {
      expect(() => runOn(backend, one([0n, 2n, -1n, 0n]))).toThrow(
        "index -1 at position [2] is out of range for size 3. Expected 0 … 2.",
      );
      expectSame(backend, one([0n, 2n, 1n, 0n]));
    }
  });
});

describe("long maps", () => {
  it("do not depend on the number of threads", () => {
    const [rows, columns] = [301, 1003];
    const one: Case = {
      kernel: {
        kind: "map",
        axes: [rows, columns],
        params: ["float32"],
        loads: [load(0, "float32", [columns, 1]), load(1, "float32", [0, 1])],
        stores: [
          {
            operand: 0,
            dtype: "float32",
            offset: 0,
            strides: [columns, 1],
            value: s.tanh(
              s.mul(s.add(leaf("load", 0, "float32"), x1), leaf("param", 0, "float32")),
            ),
          },
        ],
      },
      inputs: [floats(rows * columns), floats(columns)],
      outputs: [{ dtype: "float32", size: rows * columns }],
      params: [0.01],
    };
    const [single, double] = backends.map((backend) => runOn(backend, one)[0]);
    expect(double).toEqual(single);
    expectSame(backends[1]!, { ...one, tolerance: 1e-6 });
  });
});

describe("contractions without a kernel of their own", () => {
  it("run as reductions, and fill their outputs first", () => {
    for (const dtype of ["int32", "float64"] as const) {
      const [m, n, k] = [3, 5, 4];
      const array = (size: number) =>
        dtype === "int32" ? Int32Array.from(floats(size)) : Float64Array.from(floats(size));
      expectAll({
        kernel: {
          kind: "contract",
          axes: [m, n, k],
          groups: { batch: 0, m: 1, n: 1, k: 1 },
          accumulator: dtype,
          params: [],
          loads: [load(0, dtype, [k, 0, 1]), load(1, dtype, [0, k, 1])],
          stores: [
            { operand: 0, dtype, offset: 0, strides: [n, 1, 0], value: leaf("state", 0, dtype) },
          ],
        },
        inputs: [array(m * k), array(n * k)],
        outputs: [{ dtype, size: m * n }],
      });
    }
  });
});

const state = (position: number, dtype: DType): Scalar => leaf("state", position, dtype);
const other = (position: number, dtype: DType): Scalar => leaf("other", position, dtype);

function sumKernel(
  axes: readonly number[],
  reduced: number,
  strides: readonly number[],
): ReduceKernel {
  const outer = axes.length - reduced;
  const out = axes.map((_, axis) =>
    axis < outer ? axes.slice(axis + 1, outer).reduce((a, b) => a * b, 1) : 0,
  );
  return {
    kind: "reduce",
    axes,
    reduced,
    params: [],
    loads: [load(0, "float32", strides)],
    states: [
      {
        dtype: "float32",
        initial: 0,
        step: s.add(state(0, "float32"), leaf("load", 0, "float32")),
        merge: s.add(state(0, "float32"), other(0, "float32")),
      },
    ],
    stores: [
      {
        operand: 0,
        dtype: "float32",
        offset: 0,
        strides: out,
        value: s.mul(state(0, "float32"), 2),
      },
    ],
  };
}

describe("long reductions", () => {
  it.each([
    { axes: [100_003], reduced: 1, strides: [1] },
    { axes: [3, 70_000], reduced: 1, strides: [70_000, 1] },
    { axes: [24, 9001], reduced: 1, strides: [1, 24] },
    { axes: [7, 9001], reduced: 1, strides: [1, 7] },
    { axes: [2, 5, 130, 300], reduced: 2, strides: [195_000, 39_000, 300, 1] },
    { axes: [3, 200_000, 2], reduced: 2, strides: [400_000, 2, 1] },
  ])("sums $axes over $reduced axes exactly", ({ axes, reduced, strides }) => {
    const size = axes.reduce((a, b) => a * b, 1);
    expectAll({
      kernel: sumKernel(axes, reduced, strides),
      inputs: [floats(size)],
      outputs: [{ dtype: "float32", size: axes.slice(0, -reduced).reduce((a, b) => a * b, 1) }],
    });
  });

  it("keeps the error of a sum of a million small", () => {
    const size = 1_000_000;
    const input = new Float32Array(size).fill(0.1);
    const one = { kernel: sumKernel([size], 1, [1]), inputs: [input], outputs: [{ dtype: "float32" as const, size: 1 }] }; // prettier-ignore
    for (const backend of backends) {
      const [output] = runOn(backend, one);
      const truth = 2 * size * Math.fround(0.1);
      expect(Math.abs(Number(output![3]) - truth) / truth).toBeLessThan(1e-5);
    }
  });

  it.each([[1], [4], [70_001], [20]])(
    "finds the first greatest of rows with ties, %d long",
    (columns) => {
      const rows = 6;
      const value = leaf("load", 0, "float32");
      const index = leaf("index", 1, "int32");
      const [best, at] = [state(0, "float32"), state(1, "int32")];
      const [best2, at2] = [other(0, "float32"), other(1, "int32")];
      const isBetter = s.or(s.lt(best, value), s.lt(at, 0));
      const isOther = s.and(
        s.le(0, at2),
        s.or(s.lt(at, 0), s.or(s.lt(best, best2), s.and(s.eq(best, best2), s.lt(at2, at)))),
      );
      expectAll({
      kernel: {
        kind: "reduce",
        axes: [rows, columns!],
        reduced: 1,
        params: [],
        loads: [load(0, "float32", [columns!, 1])],
        states: [
          { dtype: "float32", initial: -Infinity, step: s.select(isBetter, value, best), merge: s.select(isOther, best2, best) },
          { dtype: "int32", initial: -1, step: s.select(isBetter, index, at), merge: s.select(isOther, at2, at) },
        ],
        stores: [
          { operand: 0, dtype: "int32", offset: 0, strides: [1, 0], value: at },
          { operand: 1, dtype: "float32", offset: 0, strides: [1, 0], value: best },
        ],
      },
      inputs: [Float32Array.from({ length: rows * columns! }, (_, i) => (i * 7919) % 23)],
      outputs: [
        { dtype: "int32", size: rows },
        { dtype: "float32", size: rows },
      ],
    }); // prettier-ignore
    },
  );
});
