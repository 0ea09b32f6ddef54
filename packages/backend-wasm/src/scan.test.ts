// Generated scans against the reference backend: both directions, lanes and scalars, guards, empty
// axes, several states; and stores that multiply or keep the smallest.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type Combine,
  type DType,
  type Load,
  type ScanKernel,
  type TypedArray,
  arrayType,
  contiguousStrides,
  leaf,
  s,
  sizeOf,
} from "@flambeau/core/extension";
import { expectSame } from "./against-reference.ts";
import { createWasmBackend } from "./backend.ts";

const backend = createWasmBackend({ threads: 1 });
const runs = Number(
  process.env["FLAMBEAU_PROPERTY_RUNS"] ?? (process.env["FLAMBEAU_LANE"] === "fast" ? 50 : 300),
);

function numbers(dtype: DType, size: number, seed: number): TypedArray {
  let state = seed >>> 0;
  const next = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return ((state >>> 8) % 9) - 4;
  };
  const array = new (arrayType(dtype))(size);
  for (let i = 0; i < size; i++) {
    array[i] = (
      dtype === "int64" ? BigInt(next()) : dtype === "bool" ? next() & 1 : next()
    ) as never;
  }
  return array;
}

const length = fc.oneof(
  { weight: 8, arbitrary: fc.integer({ min: 1, max: 9 }) },
  { weight: 2, arbitrary: fc.integer({ min: 10, max: 40 }) },
  { weight: 1, arbitrary: fc.constant(0) },
);

/** A sum, a running maximum and its position; a second load has a guard along the scanned axis. */
const scans = fc
  .record({
    axes: fc.array(length, { minLength: 1, maxLength: 3 }).filter((axes) => sizeOf(axes) < 2000),
    dtype: fc.constantFrom<DType>(
      "float32",
      "float32",
      "int32",
      "uint8",
      "float64",
      "int64",
      "bool",
    ),
    isReversed: fc.boolean(),
    order: fc.constantFrom("row-major", "transposed", "last first"),
    shift: fc.integer({ min: -3, max: 3 }),
    seed: fc.nat(),
  })
  .map(({ axes, dtype, isReversed, order, shift, seed }) => {
    const last = axes.length - 1;
    const place = (list: readonly number[]) =>
      order === "row-major"
        ? contiguousStrides(list)
        : order === "transposed"
          ? contiguousStrides(list.toReversed()).toReversed()
          : [...contiguousStrides([list[last]!, ...list.slice(0, last)]).slice(1), sizeOf(list.slice(0, last))]; // prettier-ignore
    const strides = place(axes);
    const plain: Load = { operand: 0, dtype, offset: 0, strides };
    const guarded: Load = {
      operand: 1,
      dtype,
      offset: 0,
      strides: strides.with(last, 0),
      guards: [
        {
          base: shift,
          coefficients: axes.map((_, axis) => Number(axis === last)),
          divisor: 1,
          size: axes[last]!,
          stride: strides[last]!,
        },
      ],
      fill: 1,
    };
    const [x, y] = [leaf("load", 0, dtype), leaf("load", 1, dtype)];
    const [sum, best, at] = [leaf("state", 0, dtype), leaf("state", 1, dtype), leaf("state", 2, "int32")]; // prettier-ignore
    const index = leaf("index", last, "int32");
    const wins = s.le(best, x);
    const kernel: ScanKernel = {
      kind: "scan",
      isReversed,
      axes,
      loads: [plain, guarded],
      params: [],
      states: [
        { dtype, initial: 1, step: s.add(s.mul(sum, s.cast(s.cast(y, "bool"), dtype)), x) },
        { dtype, initial: 0, step: s.select(wins, x, best) },
        { dtype: "int32", initial: -1, step: s.select(wins, index, at) },
      ],
      stores: [
        { operand: 0, dtype, offset: 0, strides, value: s.add(sum, y) },
        { operand: 1, dtype, offset: 0, strides: contiguousStrides(axes), value: best },
        { operand: 2, dtype: "int32", offset: 0, strides, value: at },
      ],
    };
    const size = Math.max(sizeOf(axes), 1);
    return {
      kernel,
      inputs: [numbers(dtype, size, seed), numbers(dtype, size, seed + 1)],
      outputs: [
        { dtype, size },
        { dtype, size },
        { dtype: "int32" as const, size },
      ],
    };
  });

describe("generated scans agree with the reference", () => {
  it("scans", () => {
    fc.assert(
      fc.property(scans, (one) => expectSame(backend, one)),
      { numRuns: runs },
    );
  });

  it("names the first bad index in the order of the scan", () => {
    for (const isReversed of [false, true]) {
      const kernel: ScanKernel = {
        kind: "scan",
        isReversed,
        axes: [2, 3],
        loads: [
          { operand: 0, dtype: "int32", offset: 0, strides: [3, 1] },
          {
            operand: 1,
            dtype: "float32",
            offset: 0,
            strides: [0, 0],
            indirections: [{ load: 0, size: 4, stride: 1 }],
          },
        ],
        params: [],
        states: [{ dtype: "float32", initial: 0, step: s.add(leaf("state", 0, "float32"), leaf("load", 1, "float32")) }],
        stores: [{ operand: 0, dtype: "float32", offset: 0, strides: [3, 1], value: leaf("state", 0, "float32") }],
      }; // prettier-ignore
      const inputs = [Int32Array.of(0, 1, 2, 9, 1, 8), Float32Array.of(1, 2, 3, 4)];
      const one = { kernel, inputs, outputs: [{ dtype: "float32" as const, size: 6 }] };
      expect(() => expectSame(backend, one)).toThrow(isReversed ? "index 8 at position [1, 2]" : "index 9 at position [1, 0]"); // prettier-ignore
    }
  });
});

describe("stores that combine agree with the reference", () => {
  for (const combine of ["add", "mul", "max", "min"] satisfies Combine[]) {
    for (const dtype of [
      "float32",
      "float64",
      "int32",
      "int64",
      "uint8",
      "bool",
    ] satisfies DType[]) {
      it(`${combine} on ${dtype}`, () => {
        const strides = [1];
        const indirections = [{ load: 0, size: 5, stride: 1 }];
        const kernel = {
          kind: "map" as const,
          axes: [24],
          loads: [
            { operand: 0, dtype: "int32" as const, offset: 0, strides },
            { operand: 1, dtype, offset: 0, strides },
          ],
          params: [],
          stores: [
            { operand: 0, dtype, offset: 0, strides: [0], indirections, combine, value: leaf("load", 1, dtype) },
          ],
          initial: dtype === "int64" ? 1n : 1,
        }; // prettier-ignore
        const index = Int32Array.from({ length: 24 }, (_, i) => (i * 7) % 5);
        expectSame(backend, { kernel, inputs: [index, numbers(dtype, 24, 3)], outputs: [{ dtype, size: 5 }] }); // prettier-ignore
      });
    }
  }
});
