// Shapes large enough for vector loops, tiles and threads, with lengths that no tile divides. The
// generated samples are small, so that the reference can interpret them; these few are the rest.
import * as core from "@flambeau/core";
import { type DType, type Tensor, device as findDevice } from "@flambeau/core";
import { describe, expect, it } from "vitest";
import { lane, testedDevices } from "./devices.ts";
import { difference, readSync } from "./matchers.ts";
import { createSampleSource, seedOf } from "./sample-source.ts";

interface LargeCase {
  readonly name: string;
  readonly dtype?: DType;
  /** Shapes of the operands. */
  readonly shapes: readonly (readonly number[])[];
  readonly call: (...inputs: Tensor[]) => Tensor;
  /** Relative to the largest result. */
  readonly tolerance?: number;
}

const { add, at, exp, mul, permute, relu, slice, sum, tanh } = core;

const cases: readonly LargeCase[] = [
  { name: "add", shapes: [[251, 331], [251, 331]], call: (x, y) => add(x, y) },
  { name: "add a row", shapes: [[251, 331], [331]], call: (x, y) => add(x, y) },
  { name: "add a column", shapes: [[251, 331], [251, 1]], call: (x, y) => add(x, y) },
  { name: "add, transposed", shapes: [[331, 251], [251, 331]], call: (x, y) => add(permute(x, [1, 0]), y) },
  { name: "mul", dtype: "int32", shapes: [[83001], [83001]], call: mul },
  { name: "mul", dtype: "int64", shapes: [[20011], [20011]], call: mul },
  { name: "mul", dtype: "float64", shapes: [[40013], [40013]], call: mul },
  { name: "add", dtype: "uint8", shapes: [[83001], [83001]], call: (x, y) => add(x, y) },
  { name: "tanh", shapes: [[30011]], call: tanh },
  { name: "exp, every third", shapes: [[60013]], call: (x) => exp(slice(x, 0, { start: 1, step: 3 })) },
  { name: "relu, reversed", shapes: [[60013]], call: (x) => relu(slice(x, 0, { step: -1 })) },
  { name: "sum of everything", shapes: [[211, 397]], call: (x) => sum(x), tolerance: 1e-5 },
  { name: "sum of rows", shapes: [[211, 397]], call: (x) => sum(x, 1) },
  { name: "sum of columns", shapes: [[211, 397]], call: (x) => sum(x, 0) },
  { name: "sum of the middle", shapes: [[23, 57, 61]], call: (x) => sum(x, 1) },
  { name: "sum", dtype: "int32", shapes: [[70001]], call: (x) => sum(x) },
  { name: "amax of rows", shapes: [[211, 397]], call: (x) => core.amax(x, 1) },
  { name: "amax of columns", shapes: [[211, 397]], call: (x) => core.amax(x, 0) },
  { name: "argmax of rows", shapes: [[211, 397]], call: (x) => core.argmax(x, 1) },
  { name: "argmax of everything", shapes: [[70001]], call: (x) => core.argmax(x) },
  { name: "var of columns", shapes: [[211, 97]], call: (x) => core.variance(x, 0), tolerance: 1e-5 },
  { name: "matmul", shapes: [[67, 129], [129, 71]], call: core.matmul },
  { name: "matmul", dtype: "float64", shapes: [[37, 65], [65, 41]], call: core.matmul },
  { name: "matmul, second transposed", shapes: [[67, 129], [71, 129]], call: core.linear },
  { name: "matmul, first transposed", shapes: [[129, 67], [129, 71]], call: (a, b) => core.matmul(a.t(), b) },
  { name: "matmul of batches", shapes: [[5, 33, 34], [5, 34, 35]], call: core.bmm },
  { name: "matmul with a vector", shapes: [[301, 257], [257]], call: core.matmul },
  { name: "at, many rows", shapes: [[3001, 17]], call: (x) => at(x, [0, 2999, -1, 7, 7, 1500]) },
  { name: "clone, transposed", shapes: [[331, 251]], call: (x) => core.clone(permute(x, [1, 0])) },
  { name: "pad", shapes: [[131, 257]], call: (x) => core.pad(x, [3, 2, 1, 4], { value: 0.5 }) },
]; // prettier-ignore

function compute({ name, dtype = "float32", shapes, call }: LargeCase, device: string) {
  return core.scope(() => {
    const source = createSampleSource({ dtype, device, seed: seedOf(name) });
    return readSync(call(...shapes.map((shape) => source(shape) as Tensor)));
  });
}

describe.runIf(lane === "full")("large shapes", () => {
  for (const one of cases) {
    it(`${one.name} ${one.dtype ?? "float32"}`, () => {
      const expected = compute(one, "reference");
      let largest = 1;
      for (const value of expected.data) largest = Math.max(largest, Math.abs(Number(value)));
      const relative = one.tolerance ?? (expected.dtype === "float64" ? 1e-13 : 2e-6);
      const tolerance = { rtol: relative, atol: relative * largest };
      for (const device of testedDevices.slice(1)) {
        if (!findDevice(device).backend.dtypes.has(one.dtype ?? "float32")) continue;
        expect(difference(compute(one, device), expected, tolerance), device).toBe(undefined);
      }
    });
  }
});
