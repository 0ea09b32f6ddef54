// Contractions on emitted code against the reference backend. Data are small integers, so that sums
// are exact in any order; thread counts are compared bit by bit on other data.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createReferenceBackend } from "@flambeau/core/reference";
import type { ContractKernel, Guard } from "@flambeau/core/extension";
import { leaf, s } from "@flambeau/core/extension";
import { compileContract } from "./contract.ts";
import {
  type Direction,
  type Example,
  convolutionExample,
  createWorkbench,
  matmulExample,
} from "./contract-fixtures.ts";
import { hasRelaxedSimd } from "./platform.ts";

const reference = createReferenceBackend();
const runs = Number(
  process.env["FLAMBEAU_PROPERTY_RUNS"] ?? (process.env["FLAMBEAU_LANE"] === "fast" ? 50 : 250),
);
const small = (i: number): number => ((Math.imul(Math.round(i * 100), 2654435761) >>> 13) % 7) - 3;

/** Runs on the reference; `start` is what the output holds before. */
function meaningOf(
  kernel: ContractKernel,
  inputs: readonly Float32Array[],
  start: Float32Array,
  params: readonly number[] = [],
): Float32Array {
  const put = (data: Float32Array) => {
    const handle = reference.allocate(data.byteLength);
    reference.write(handle, 0, new Uint8Array(data.slice().buffer));
    return { handle, offset: 0 };
  };
  const output = put(start);
  reference.compile(kernel)(inputs.map(put), [output], params);
  const bytes = reference.read(output.handle, 0, start.byteLength) as Uint8Array;
  return new Float32Array(bytes.buffer, 0, start.length);
}

const isSame = (x: Float32Array, y: Float32Array): boolean =>
  x.length === y.length && x.every((value, i) => Object.is(value, y[i]));

const bench = createWorkbench(1, { relaxed: hasRelaxedSimd(), megabytes: 512 });

function expectMeaning(example: Example): void {
  const prepared = bench.prepare(example, small);
  expect(prepared).toBeDefined();
  const { a, b, result, run } = prepared!;
  result.fill(99);
  run();
  const meaning = meaningOf(example.kernel, [a, b], new Float32Array(result.length).fill(99));
  if (!isSame(result.map(Math.abs), meaning.map(Math.abs))) expect(result).toEqual(meaning);
}

describe("matrix products", () => {
  const sizes = [
    [16, 16, 16], [1, 1, 1], [5, 7, 9], [1, 64, 65], [64, 1, 33], [2, 50, 20], [3, 49, 7], [1, 600, 450],
    [33, 65, 29], [20, 10, 100], [13, 260, 3], [4, 12, 390],
  ] as const; // prettier-ignore
  const layouts = [
    {},
    { transposeA: true },
    { transposeB: true },
    { transposeA: true, transposeB: true },
    { batch: 3 },
    { batch: 3, broadcastB: true },
    { batch: 2, transposeA: true },
  ];
  test.each(layouts)("%j", (layout) => {
    for (const [m, n, k] of sizes) expectMeaning(matmulExample(m, n, k, layout));
  });
});

describe("convolutions", () => {
  const shapes = [
    { images: 2, channels: 1, features: 4, height: 8, width: 8, window: 3, padding: 1 },
    { images: 2, channels: 3, features: 5, height: 9, width: 7, window: 3, padding: 1 },
    { images: 2, channels: 3, features: 5, height: 9, width: 7, window: 3, padding: 1, stride: 2 },
    { images: 2, channels: 4, features: 4, height: 9, width: 7, window: 3, dilation: 2 },
    { images: 2, channels: 4, features: 4, height: 9, width: 7, window: 3, padding: 1, groups: 4 },
    { images: 1, channels: 4, features: 6, height: 11, width: 11, window: 5, padding: 3, groups: 2, stride: 3, dilation: 2 },
    { images: 2, channels: 3, features: 5, height: 9, width: 8, window: 1, stride: 2 },
    { images: 2, channels: 3, features: 4, height: 10, width: 9, window: 2, stride: 3, padding: 1 },
    { images: 1, channels: 4, features: 4, height: 12, width: 12, window: 3, stride: 2, dilation: 2, padding: 2 },
    { images: 3, channels: 6, features: 9, height: 14, width: 14, window: 5 },
    { images: 2, channels: 20, features: 7, height: 24, width: 21, window: 3, padding: 1 },
    { images: 1, channels: 2, features: 3, height: 6, width: 40, window: 3, padding: 2 },
    { images: 1, channels: 1, features: 8, height: 150, width: 201, window: 2, padding: 1 },
  ]; // prettier-ignore
  const directions: Direction[] = ["forward", "input", "weight"];
  test.each(directions)("%s", (direction) => {
    for (const shape of shapes) expectMeaning(convolutionExample(shape, direction));
  });
});

test("any convolution", () => {
  const shapes = fc.record({
    images: fc.integer({ min: 1, max: 3 }),
    channels: fc.integer({ min: 1, max: 9 }),
    features: fc.integer({ min: 1, max: 14 }),
    groups: fc.integer({ min: 1, max: 3 }),
    height: fc.integer({ min: 5, max: 14 }),
    width: fc.integer({ min: 5, max: 33 }),
    window: fc.integer({ min: 1, max: 4 }),
    stride: fc.integer({ min: 1, max: 3 }),
    padding: fc.integer({ min: 0, max: 3 }),
    dilation: fc.integer({ min: 1, max: 2 }),
    direction: fc.constantFrom<Direction>("forward", "input", "weight"),
  });
  fc.assert(
    fc.property(shapes, ({ direction, groups, ...shape }) => {
      fc.pre(shape.dilation * (shape.window - 1) < Math.min(shape.height, shape.width));
      const { channels, features } = shape;
      const grouped = {
        ...shape,
        channels: channels * groups,
        features: features * groups,
        groups,
      };
      expectMeaning(convolutionExample(grouped, direction));
    }),
    { numRuns: Math.ceil(runs / 4) },
  );
});

/** A contraction with any strides, guards and output order, within bounds. */
const contractions = fc
  .record({
    batch: fc.array(fc.integer({ min: 1, max: 4 }), { maxLength: 2 }),
    m: fc.array(fc.integer({ min: 1, max: 9 }), { maxLength: 2 }),
    n: fc.array(fc.integer({ min: 1, max: 13 }), { maxLength: 2 }),
    k: fc.array(fc.integer({ min: 1, max: 7 }), { maxLength: 3 }),
    seed: fc.integer(),
    guards: fc.tuple(fc.integer({ min: 0, max: 2 }), fc.integer({ min: 0, max: 3 })),
    epilogue: fc.integer({ min: 0, max: 2 }),
  })
  .map(({ batch, m, n, k, seed, guards, epilogue }) => {
    let state = seed;
    const random = (below: number): number => {
      state = (Math.imul(state, 1664525) + 1013904223) | 0;
      return (state >>> 8) % below;
    };
    const axes = [...batch, ...m, ...n, ...k];
    const groups = { batch: batch.length, m: m.length, n: n.length, k: k.length };
    const groupOf = axes.map((_, i) =>
      i < batch.length ? "batch" : i < batch.length + m.length ? "m" : i < batch.length + m.length + n.length ? "n" : "k",
    ); // prettier-ignore
    const factor = (operand: number, still: string, guardCount: number) => {
      const moves = axes.map((_, axis) => groupOf[axis] !== still);
      const strides = moves.map((moving) => (moving ? [0, 1, 1, 2, 3, 5, -1][random(7)]! : 0));
      const list = Array.from({ length: guardCount }, (): Guard => {
        const divisor = [1, 1, 1, 2, 3][random(5)]!;
        return {
          base: random(7) - 3,
          coefficients: moves.map((moving) =>
            moving ? [0, 0, 1, 1, 2, -1, -2, 3][random(8)]! : 0,
          ),
          divisor,
          size: 1 + random(9),
          stride: [1, 1, 2, 7, -1][random(5)]!,
        };
      });
      const reach = [
        ...strides.map((stride, axis) => stride * (axes[axis]! - 1)),
        ...list.map(({ size, stride }) => stride * (size - 1)),
      ];
      const low = reach.reduce((sum, x) => sum + Math.min(0, x), 0);
      const high = reach.reduce((sum, x) => sum + Math.max(0, x), 0);
      const load = { operand, dtype: "float32" as const, offset: -low, strides, guards: list };
      return { load, size: high - low + 1 };
    };
    const [a, b] = [factor(0, "n", guards[0]), factor(1, "m", guards[1])];
    // The output is dense, its axes in any order.
    const own = axes.length - k.length;
    const order = Array.from({ length: own }, (_, axis) => ({ axis, key: random(1000) }));
    order.sort((x, y) => x.key - y.key);
    const strides = axes.map(() => 0);
    let size = 1;
    for (const { axis } of order) {
      strides[axis] = size;
      size *= axes[axis]!;
    }
    const bias = axes.map((_, axis): number => (groupOf[axis] === "n" ? (strides[axis] === 1 ? 1 : 0) : groupOf[axis] === "m" ? 3 : 0)); // prettier-ignore
    const sum = leaf("state", 0, "float32");
    const value = [
      sum,
      s.max(s.add(sum, leaf("load", 2, "float32")), 0),
      s.add(s.mul(sum, leaf("param", 0, "float32")), s.mul(leaf("load", 2, "float32"), sum)),
    ][epilogue]!;
    const biasSize = bias.reduce((total, stride, axis) => total + stride * (axes[axis]! - 1), 1);
    const kernel: ContractKernel = {
      kind: "contract",
      axes,
      groups,
      accumulator: "float32",
      params: epilogue === 2 ? ["float32"] : [],
      loads: [
        a.load,
        b.load,
        ...(epilogue > 0
          ? [{ operand: 2, dtype: "float32" as const, offset: 0, strides: bias }]
          : []),
      ],
      stores: [{ operand: 0, dtype: "float32", offset: 0, strides, value }],
    };
    return { kernel, sizes: [a.size, b.size, biasSize], outputSize: size };
  });

test("any strides, guards, divisors and epilogues", () => {
  const { allocate, floats, environment } = createWorkbench(1, { megabytes: 512 });
  let compiled = 0;
  fc.assert(
    fc.property(contractions, ({ kernel, sizes, outputSize }) => {
      const addresses = sizes.map((size) => allocate(size * 4));
      const inputs = addresses.map((address, i) => floats(address, sizes[i]!));
      inputs.forEach((view, i) => view.forEach((_, at) => (view[at] = small(at + i * 0.37))));
      const output = allocate(outputSize * 4);
      const result = floats(output, outputSize).fill(99);
      const run = compileContract(kernel, environment);
      if (run === undefined) return;
      compiled++;
      run(
        addresses.map((handle) => ({ handle, offset: 0 })),
        [{ handle: output, offset: 0 }],
        kernel.params.map(() => 0.5),
      );
      const before = new Float32Array(outputSize).fill(99);
      const params = kernel.params.map(() => 0.5);
      expect(result).toEqual(meaningOf(kernel, inputs, before, params));
    }),
    { numRuns: runs },
  );
  expect(compiled).toBeGreaterThan(runs / 2);
});

test("runs of equal shape give equal bits whatever the number of threads", async () => {
  const examples = [
    matmulExample(130, 250, 300),
    matmulExample(64, 64, 64, { batch: 20, transposeB: true }),
    convolutionExample({ images: 16, channels: 8, features: 16, height: 14, width: 14, window: 3, padding: 1 }, "weight"), // prettier-ignore
    convolutionExample({ images: 16, channels: 8, features: 16, height: 14, width: 14, window: 3, padding: 1 }, "forward"), // prettier-ignore
  ];
  const results: Float32Array[][] = [];
  for (const threads of [1, 2, 4]) {
    const { pool, prepare } = createWorkbench(threads, { megabytes: 64 });
    const prepared = examples.map((example) => prepare(example)!);
    for (const { run } of prepared) run();
    while (pool.ready < threads - 1) await new Promise((resolve) => setTimeout(resolve, 5));
    results.push(
      prepared.map(({ run, result }) => {
        run();
        const first = result.slice();
        for (let i = 0; i < 20; i++) {
          result.fill(0);
          run();
          expect(isSame(result, first)).toBe(true);
        }
        return first;
      }),
    );
    pool.close();
  }
  for (const others of results.slice(1)) {
    others.forEach((result, i) => expect(isSame(result, results[0]![i]!)).toBe(true));
  }
});

test("what needs another dtype is left to the reduce lowering", () => {
  const { kernel } = matmulExample(4, 4, 4);
  const { environment } = bench;
  expect(compileContract({ ...kernel, accumulator: "float64" }, environment)).toBeUndefined();
  expect(compileContract({ ...kernel, axes: [1, 4, 0, 4] }, environment)).toBeUndefined();
});
