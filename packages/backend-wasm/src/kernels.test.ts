// Generated maps and reductions against the reference backend: dtypes, layouts, guards, empty axes.
import fc from "fast-check";
import { describe, it } from "vitest";
import {
  type BinaryInstruction,
  type DType,
  type Guard,
  type Load,
  type Scalar,
  type State,
  type TypedArray,
  arrayType,
  contiguousStrides,
  valueDTypes,
  isFloat,
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

const length = fc.oneof(
  { weight: 8, arbitrary: fc.integer({ min: 1, max: 9 }) },
  { weight: 3, arbitrary: fc.integer({ min: 10, max: 70 }) },
  { weight: 1, arbitrary: fc.constant(0) },
);
const axesOf = (most: number) =>
  fc.array(length, { maxLength: most }).filter((axes) => sizeOf(axes) <= 3000);

const guard = (axes: readonly number[]): fc.Arbitrary<Guard> =>
  fc.record({
    base: fc.integer({ min: -4, max: 4 }),
    coefficients: fc.tuple(...axes.map(() => fc.constantFrom(0, 0, 1, 2, -1))),
    divisor: fc.constantFrom(1, 1, 1, 2, 3),
    size: fc.integer({ min: 1, max: 12 }),
    stride: fc.integer({ min: -2, max: 2 }),
  });

const anyDType = fc.constantFrom<DType>(...valueDTypes);
const laneDType = fc.constantFrom<DType>("float32", "float32", "int32", "uint8", "bool");

interface Source {
  readonly dtype: DType;
  readonly strides: readonly number[];
  readonly guards: readonly Guard[];
  readonly fill: number;
}

/** Contiguous, broadcast, strided, reversed or odd strides, with a guard or two now and then. */
function source(axes: readonly number[], dtype: fc.Arbitrary<DType>): fc.Arbitrary<Source> {
  const contiguous = contiguousStrides(axes);
  const strides = fc.oneof(
    fc.constant(contiguous),
    fc.constant(contiguousStrides([...axes].reverse()).reverse()),
    fc.tuple(...axes.map((_, i) => fc.constantFrom(0, contiguous[i]!, 2 * contiguous[i]!, -1, 3))),
  );
  return fc.record({
    dtype,
    strides,
    guards: fc.oneof(
      { weight: 3, arbitrary: fc.constant([]) },
      { weight: 1, arbitrary: fc.array(guard(axes), { minLength: 1, maxLength: 2 }) },
    ),
    fill: fc.constantFrom(0, 1, -3, Infinity),
  });
}

/** An offset that keeps every address inside, and how many elements that takes. */
function extent(strides: readonly number[], guards: readonly Guard[], axes: readonly number[]) {
  let [low, high] = [0, 0];
  const reach = (step: number) => {
    if (step < 0) low += step;
    else high += step;
  };
  strides.forEach((stride, axis) => reach(stride * Math.max(axes[axis]! - 1, 0)));
  for (const { size, stride } of guards) reach(stride * (size - 1));
  return { offset: -low, size: high - low + 1 };
}

const interesting = [0, 1, -1, 2.5, -3, 100, 255, 1e10, -1e10, NaN, Infinity, -Infinity, -0];

function data(dtype: DType, size: number, seed: number): TypedArray {
  const array = new (arrayType(dtype))(size);
  let state = seed >>> 0;
  for (let i = 0; i < size; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const small = ((state >>> 8) % 41) - 20;
    const value = state % 13 === 0 ? interesting[(state >>> 8) % interesting.length]! : small;
    if (dtype === "int64") array[i] = BigInt(Math.trunc(Number.isFinite(value) ? value : 77));
    else if (dtype === "bool") array[i] = value > 0 ? 1 : 0;
    else if (isFloat(dtype)) array[i] = value / 4;
    else array[i] = Number.isFinite(value) ? value : 5;
  }
  return array;
}

const onAll: BinaryInstruction[] = [
  "add",
  "sub",
  "mul",
  "min",
  "max",
  "eq",
  "ne",
  "lt",
  "le",
  "and",
  "or",
];
const onIntegers: BinaryInstruction[] = [
  ...onAll,
  "div",
  "rem",
  "pow",
  "bitAnd",
  "bitOr",
  "bitXor",
  "shl",
  "shr",
  "shrU",
];
const onFloats: BinaryInstruction[] = [...onAll, "div", "rem"];

/** Combines the leaves with instructions picked by `picks`, casting as needed. */
function expression(leaves: readonly Scalar[], picks: readonly number[]): Scalar {
  let result = leaves[0]!;
  picks.forEach((pick, i) => {
    const next = leaves[i % leaves.length]!;
    const dtype = pick % 3 === 0 ? result.dtype : next.dtype;
    const [x, y] = [s.cast(result, dtype), s.cast(next, dtype)];
    if (pick % 11 === 0) result = s.select(s.lt(x, y), x, y);
    else if (pick % 11 === 1) result = s.neg(x);
    else if (pick % 11 === 2) result = s.not(x);
    else if (pick % 11 === 3) result = s.abs(s.sub(y, x));
    else {
      const list = isFloat(dtype) ? onFloats : onIntegers;
      const op = list[pick % list.length]!;
      // float → integer leaves values beyond 2^32, on which shifts by variable counts agree anyway.
      result = s[op](x, y);
    }
  });
  return result;
}

function build(axes: readonly number[], sources: readonly Source[], seed: number) {
  const loads: Load[] = [];
  const inputs: TypedArray[] = [];
  sources.forEach(({ dtype, strides, guards, fill }, operand) => {
    const { offset, size } = extent(strides, guards, axes);
    const finite = isFloat(dtype) || Number.isFinite(fill) ? fill : 9;
    loads.push({ operand, dtype, offset, strides, guards, fill: finite });
    inputs.push(data(dtype, size, seed + operand));
  });
  return { loads, inputs };
}

const picks = fc.array(fc.integer({ min: 0, max: 1000 }), { minLength: 1, maxLength: 6 });

function mapCase(dtype: fc.Arbitrary<DType>) {
  return axesOf(4).chain((axes) =>
    fc
      .record({
        sources: fc.array(source(axes, dtype), { minLength: 1, maxLength: 3 }),
        picks,
        seed: fc.nat(),
        permuted: fc.boolean(),
        indexAxis: fc.nat({ max: 3 }),
      })
      .map(({ sources, picks, seed, permuted, indexAxis }) => {
        const { loads, inputs } = build(axes, sources, seed);
        const leaves = loads.map((load, i) => leaf("load", i, load.dtype));
        if (indexAxis < axes.length) leaves.push(leaf("index", indexAxis, "int32"));
        leaves.push(leaf("param", 0, "float32"));
        const value = expression(leaves, picks);
        const strides = permuted
          ? contiguousStrides([...axes].reverse()).reverse()
          : contiguousStrides(axes);
        const store = { operand: 0, dtype: value.dtype, offset: 0, strides, value };
        return {
          kernel: { kind: "map", axes, loads, params: ["float32"], stores: [store] } as const,
          inputs,
          outputs: [{ dtype: value.dtype, size: sizeOf(axes) }],
          params: [2.75],
          tolerance: 1e-6,
        };
      }),
  );
}

const combine = (op: "add" | "max" | "min", dtype: DType): State => ({
  dtype,
  initial: op === "add" ? 0 : (op === "max" ? -1 : 1) * (isFloat(dtype) ? Infinity : 1000),
  step: s[op](leaf("state", 0, dtype), s.cast(leaf("load", 0, dtype), dtype)),
  merge: s[op](leaf("state", 0, dtype), leaf("other", 0, dtype)),
});

/** Whole numbers: sums are exact in any order. */
function wholeData(dtype: DType, size: number, seed: number): TypedArray {
  const array = data("int32", size, seed) as Int32Array;
  const small = array.map((value) => value % 50);
  if (dtype === "int64") return BigInt64Array.from(small, BigInt);
  const result = new (arrayType(dtype))(size) as Float32Array;
  result.set(dtype === "bool" ? small.map((value) => value & 1) : small);
  return result;
}

function reduceCase(dtype: fc.Arbitrary<DType>) {
  return fc
    .record({ outer: axesOf(2), inner: axesOf(2), dtype })
    .filter(({ outer, inner }) => sizeOf(outer) * sizeOf(inner) < 6000)
    .chain(({ outer, inner, dtype }) => {
      const axes = [...outer, ...inner];
      return fc
        .record({ from: source(axes, fc.constant(dtype)), bias: source(outer, fc.constant(dtype)) })
        .chain((sources) =>
          fc.record({
            sources: fc.constant(sources),
            op: fc.constantFrom("add", "max", "min" as const),
            seed: fc.nat(),
          }),
        )
        .map(({ sources: { from, bias }, op, seed }) => {
          const zeros = inner.map(() => 0);
          const widened: Source = {
            ...bias,
            strides: [...bias.strides, ...zeros],
            guards: bias.guards.map((g) => ({ ...g, coefficients: [...g.coefficients, ...zeros] })),
          };
          const { loads } = build(axes, [from, widened], seed);
          const inputs = [from, widened].map((one, i) =>
            wholeData(one.dtype, extent(one.strides, one.guards, axes).size, seed + i),
          );
          const state = combine(op as "add", dtype);
          const finish = sizeOf(axes) === 0 ? leaf("state", 0, dtype)
            : s.add(leaf("state", 0, dtype), leaf("load", 1, dtype)); // prettier-ignore
          const strides = [...contiguousStrides(outer), ...zeros];
          return {
            kernel: {
              kind: "reduce" as const,
              axes,
              reduced: inner.length,
              loads: loads.map((load) => ({ ...load, fill: 1 })),
              params: [],
              states: [state],
              stores: [{ operand: 0, dtype, offset: 0, strides, value: finish }],
            },
            inputs,
            outputs: [{ dtype, size: sizeOf(outer) }],
          };
        });
    });
}

describe("generated kernels agree with the reference", () => {
  it("maps on 32-bit lanes", () => {
    fc.assert(
      fc.property(mapCase(laneDType), (one) => expectSame(backend, one)),
      { numRuns: runs },
    );
  });

  it("maps on every dtype", () => {
    fc.assert(
      fc.property(mapCase(anyDType), (one) => expectSame(backend, one)),
      { numRuns: runs },
    );
  });

  it("reductions on 32-bit lanes", () => {
    fc.assert(
      fc.property(reduceCase(laneDType), (one) => expectSame(backend, one)),
      {
        numRuns: runs,
      },
    );
  });

  it("reductions on every dtype", () => {
    fc.assert(
      fc.property(reduceCase(anyDType), (one) => expectSame(backend, one)),
      {
        numRuns: runs,
      },
    );
  });
});
