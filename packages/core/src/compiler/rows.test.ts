// Row programs: what one says, and that the kernels it becomes mean the same.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createReferenceBackend } from "../backends/reference.ts";
import { type DType, type TypedArray, arrayType, byteSize } from "../dtype.ts";
import type { Backend, Operand } from "../runtime/backend.ts";
import { Device } from "../runtime/device.ts";
import { encodeHalf } from "../scalar/half.ts";
import { type Scalar, leaf, s } from "../scalar/instruction.ts";
import { contiguousStrides, sizeOf } from "../shape.ts";
import { compileKernel } from "./compile.ts";
import { type Kernel, type Load, type RowsKernel, type State, type Store, showKernel } from "./kernel.ts"; // prettier-ignore
import { fitsCache, stepsOfRows } from "./rows.ts";

const f32 = "float32";
const load = (i: number): Scalar => leaf("load", i, f32);
const state = (i: number): Scalar => leaf("state", i, f32);
const kept = (i: number): Scalar => leaf("kept", i, f32);
const summing = (i: number, term: Scalar): State => ({
  dtype: f32,
  initial: 0,
  step: s.add(state(i), term),
  merge: s.add(state(i), leaf("other", i, f32)),
});
const largest = (i: number, term: Scalar): State => ({
  dtype: f32,
  initial: -Infinity,
  step: s.max(state(i), term),
  merge: s.max(state(i), leaf("other", i, f32)),
});
const store = (operand: number, strides: readonly number[], value: Scalar): Store => ({
  operand,
  dtype: value.dtype,
  offset: 0,
  strides,
  value,
});

/** Softmax of rows of 4; also each row's maximum. */
const softmax: RowsKernel = {
  kind: "rows",
  axes: [2, 4],
  row: 1,
  loads: [{ operand: 0, dtype: f32, offset: 0, strides: [4, 1] }],
  params: [],
  stages: [
    { kept: [], states: [largest(0, load(0))] },
    { kept: [s.exp(s.sub(load(0), state(0)))], states: [summing(1, kept(0))] },
  ],
  stores: [store(0, [4, 1], s.div(kept(0), state(1))), store(1, [1, 0], state(0))],
};

/** Runs a kernel, whole or in steps, on arrays of numbers. */
function run(
  kernel: Kernel,
  inputs: readonly TypedArray[],
  outputs: readonly { readonly dtype: DType; readonly size: number }[],
  backend: Backend,
): number[][] {
  const device = new Device(backend);
  const give = (bytes: number): Operand => ({ handle: backend.allocate(bytes), offset: 0 });
  const from = inputs.map((array) => {
    const operand = give(array.byteLength);
    backend.write(operand.handle, 0, new Uint8Array(array.buffer));
    return operand;
  });
  const to = outputs.map(({ dtype, size }) => give(size * byteSize(dtype)));
  compileKernel(kernel, [], [], device)(from, to, kernel.kind === "rows" ? kernel.params.map(() => 0.5) : []); // prettier-ignore
  expect(device.liveBytes).toBe(0);
  return outputs.map(({ dtype, size }, i) => {
    const bytes = backend.read(to[i]!.handle, 0, size * byteSize(dtype)) as Uint8Array;
    return Array.from(new (arrayType(dtype))(bytes.buffer, 0, size), Number);
  });
}

const whole = (): Backend => createReferenceBackend() as Backend;
const inSteps = (): Backend => ({ ...createReferenceBackend(), rows: false }) as Backend;

it("a row program says what it keeps and folds", () => {
  expect(showKernel(softmax)).toMatchInlineSnapshot(`
    "rows axes=[2, 4] row=1
      load0 = input 0:float32[4i0+1i1]
      stage keeps 0, folds 1
      stage keeps 1, folds 1
      state0:f32; load0:f32; max:f32(%0 %1); other0:f32; max:f32(%0 %3); sub:f32(%1 %0); exp:f32(%5); state1:f32; kept0:f32; add:f32(%7 %8); other1:f32; add:f32(%7 %10); div:f32(%8 %7) -> %2 %4 %6 %9 %11 %12 %0
      set output 0:float32[4i0+1i1]
      set output 1:float32[1i0]"
  `);
});

it("becomes reductions, a map of what is costly and kept, and a map of the stores", () => {
  const { kernels, temporaries } = stepsOfRows(softmax);
  expect(temporaries.map(({ dtype, length }) => `${dtype} ${length}`)).toMatchInlineSnapshot(`
    [
      "float32 8",
      "float32 2",
      "float32 2",
    ]
  `);
  expect(kernels.map(showKernel).join("\n")).toMatchInlineSnapshot(`
    "reduce axes=[2, 4] reduced=1
      load0 = input 0:float32[4i0+1i1]
      state0:f32; load0:f32; max:f32(%0 %1); other0:f32; max:f32(%0 %3) -> %2 %4 %0 %0
      set output 1:float32[1i0]
      set output 4:float32[1i0]
    map axes=[2, 4]
      load0 = input 0:float32[4i0+1i1]
      load1 = input 3:float32[1i0]
      load0:f32; load1:f32; sub:f32(%0 %1); exp:f32(%2) -> %3
      set output 2:float32[4i0+1i1]
    reduce axes=[2, 4] reduced=1
      load0 = input 1:float32[4i0+1i1]
      state0:f32; load0:f32; add:f32(%0 %1); other0:f32; add:f32(%0 %3) -> %2 %4 %0
      set output 3:float32[1i0]
    map axes=[2, 4]
      load0 = input 1:float32[4i0+1i1]
      load1 = input 2:float32[1i0]
      load0:f32; load1:f32; div:f32(%0 %1) -> %2
      set output 0:float32[4i0+1i1]"
  `);
});

it("rows that are longer than a cache are folded from memory", () => {
  expect(fitsCache(softmax)).toBe(true);
  expect(fitsCache({ ...softmax, axes: [2, 2 ** 20] })).toBe(false);
});

/** `(x - mean) · Σ (x - mean)²` of rows of 3, of any dtype. */
function moments(dtype: DType): RowsKernel {
  const x = leaf("load", 0, dtype);
  const fold = (i: number, term: Scalar): State => {
    const total = leaf("state", i, dtype);
    return { dtype, initial: 0, step: s.add(total, term), merge: s.add(total, leaf("other", i, dtype)) }; // prettier-ignore
  };
  const distance = leaf("kept", 0, dtype);
  return {
    kind: "rows",
    axes: [3],
    row: 1,
    loads: [{ operand: 0, dtype, offset: 0, strides: [1] }],
    params: [],
    stages: [
      { kept: [], states: [fold(0, x)] },
      {
        kept: [s.sub(x, s.div(leaf("state", 0, dtype), 3))],
        states: [fold(1, s.mul(distance, distance))],
      },
    ],
    stores: [store(0, [1], s.mul(distance, leaf("state", 1, dtype)))],
  };
}

it.each([whole, inSteps])("complex rows keep and fold pairs", (backend) => {
  const x = Float32Array.from([1, 1, 2, 0, 3, -1]);
  const pairs = [{ dtype: f32, size: 6 } as const];
  expect(run(moments("complex64"), [x], pairs, backend())).toEqual([[4, 4, 0, 0, -4, -4]]);
});

it.each([whole, inSteps])("16-bit rows round when they are stored", (backend) => {
  const x = Uint16Array.from([1, 1.5, 3], (value) => encodeHalf(value, "float16"));
  const words = run(moments("float16"), [x], [{ dtype: "uint16", size: 3 }], backend())[0]!;
  const exact = [1, 1.5, 3].map((value) => (value - 5.5 / 3) * 2.1666667);
  expect(words).toEqual(exact.map((value) => encodeHalf(value, "float16")));
});

describe("random row programs", () => {
  /** An expression of leaves, of the depth that fast-check draws. */
  const expression = (leaves: readonly Scalar[]): fc.Arbitrary<Scalar> =>
    fc
      .array(fc.tuple(fc.nat(5), fc.nat(), fc.nat()), { minLength: 1, maxLength: 4 })
      .map((picks) => {
        const made = [...leaves];
        for (const [op, i, j] of picks) {
          const [x, y] = [made[i % made.length]!, made[j % made.length]!];
          made.push([s.add(x, y), s.sub(x, y), s.mul(x, s.constant(0.5, f32)), s.max(x, y), s.exp(s.min(x, 1)), s.select(s.lt(x, y), x, y)][op]!); // prettier-ignore
        }
        return made.at(-1)!;
      });

  const program = fc
    .record({
      outer: fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 2 }),
      row: fc.array(fc.integer({ min: 0, max: 4 }), { minLength: 1, maxLength: 2 }),
      stages: fc.array(fc.record({ kept: fc.nat(2), states: fc.nat(2) }), { minLength: 1, maxLength: 3 }), // prettier-ignore
      initial: fc.constantFrom(undefined, 3),
    })
    .chain((shape) => {
      const axes = [...shape.outer, ...shape.row];
      const first = shape.outer.length;
      const perRow = axes.map((_, i) => contiguousStrides(shape.outer)[i] ?? 0);
      const perElement = contiguousStrides(axes);
      const rowIndices = axes.map((n, i) => (i < first || n < 2 ? 0 : 1));
      const loads: Load[] = [
        { operand: 0, dtype: f32, offset: 0, strides: perElement },
        { operand: 1, dtype: f32, offset: 0, strides: perRow },
        { operand: 2, dtype: "int32", offset: 0, strides: perRow },
        { operand: 3, dtype: f32, offset: 0, strides: rowIndices.map(() => 0), indirections: [{ load: 2, size: 3, stride: 1 }] },
      ]; // prettier-ignore
      const rowLeaves = [load(1), load(3), leaf("param", 0, f32)];
      const elementLeaves = [...rowLeaves, load(0), s.cast(leaf("index", axes.length - 1, "int32"), f32)]; // prettier-ignore
      let [keptCount, stateCount] = [0, 0];
      const stages = shape.stages.map(({ kept: keeps, states }, stage) => {
        const known = [...Array(stateCount).keys()].map(state);
        const before = [...elementLeaves, ...known, ...[...Array(keptCount).keys()].map(kept)];
        const own = [...before, ...Array.from({ length: keeps }, (_, i) => kept(keptCount + i))];
        // At least one fold: without, a row program would be a map.
        const folds = stage === 0 ? Math.max(states, 1) : states;
        const firstState = stateCount;
        keptCount += keeps;
        stateCount += folds;
        return fc.record({
          kept: fc.tuple(...Array.from({ length: keeps }, () => expression(before))),
          states: fc
            .tuple(...Array.from({ length: folds }, () => expression(own)))
            .map((terms) => terms.map((term, i) => (i % 2 === 0 ? summing : largest)(firstState + i, term))), // prettier-ignore
        });
      });
      const finished = [...rowLeaves, ...[...Array(stateCount).keys()].map(state)];
      const everything = [...finished, ...elementLeaves, ...[...Array(keptCount).keys()].map(kept)];
      return fc
        .record({
          stages: fc.tuple(...stages),
          element: expression(everything),
          once: fc.array(expression(finished), { maxLength: 2 }),
        })
        .map(({ stages: made, element, once }): RowsKernel => ({
          kind: "rows",
          axes,
          row: shape.row.length,
          loads,
          params: [f32],
          stages: made,
          // Row strides of axes of length 1 are not 0: the store is of an element.
          stores: [store(0, perElement, element), ...once.map((value, i) => store(i + 1, perRow, value))], // prettier-ignore
          ...(shape.initial !== undefined && { initial: shape.initial }),
        }));
    });

  it("mean the same whole and in steps", () => {
    fc.assert(
      fc.property(program, (kernel) => {
        const rows = sizeOf(kernel.axes.slice(0, kernel.axes.length - kernel.row));
        const size = sizeOf(kernel.axes);
        const inputs = [
          Float32Array.from({ length: size }, (_, i) => Math.sin(i * 7.3) * 2),
          Float32Array.from({ length: Math.max(rows, 1) }, (_, i) => Math.cos(i * 3.1)),
          Int32Array.from({ length: Math.max(rows, 1) }, (_, i) => i % 3),
          Float32Array.from([0.25, -1, 1.5]),
        ];
        const outputs = kernel.stores.map((_, i) => ({ dtype: f32, size: i === 0 ? size : rows }) as const); // prettier-ignore
        expect(run(kernel, inputs, outputs, inSteps())).toEqual(run(kernel, inputs, outputs, whole())); // prettier-ignore
      }),
      { numRuns: 300 },
    );
  });
});
