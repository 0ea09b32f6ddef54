// Every instruction on every dtype, in lanes and one by one, against the reference backend.
import { describe, it } from "vitest";
import {
  type DType,
  type Scalar,
  type TypedArray,
  arrayType,
  binaryInstructions,
  valueDTypes,
  isFloat,
  leaf,
  s,
  unaryInstructions,
} from "@flambeau/core/extension";
import { expectSame } from "./against-reference.ts";
import { createWasmBackend } from "./backend.ts";
import { floatOnly, integerOnly } from "./code.ts";

const backend = createWasmBackend({ threads: 1 });

const floats = [
  0, -0, 1, -1, 0.5, -0.5, 1.5, 2.5, -2.5, 0.3, -7.25, 12, 31, 88.5, -100, 1000, 123456.7, -3e9, 3e9,
  1e19, -1e19, 1e30, -1e30, 1e-30, 1e-40, Infinity, -Infinity, NaN,
]; // prettier-ignore
const integers = [
  0,
  1,
  -1,
  2,
  3,
  -3,
  5,
  31,
  32,
  33,
  100,
  255,
  -128,
  65536,
  2 ** 31 - 1,
  -(2 ** 31),
];

function samples(dtype: DType): (number | bigint)[] {
  if (isFloat(dtype)) return floats;
  if (dtype === "bool") return [0, 1];
  if (dtype === "uint8") return integers.filter((value) => value >= 0 && value < 256);
  if (dtype === "int32") return integers;
  return [...integers.map(BigInt), 2n ** 40n, 2n ** 63n - 1n, -(2n ** 63n)];
}

function arrayOf(dtype: DType, values: readonly (number | bigint)[]): TypedArray {
  const array = new (arrayType(dtype))(values.length);
  values.forEach((value, i) => (array[i] = value as never));
  return array;
}

/** Every pair of samples. */
function pairs(dtype: DType): [TypedArray, TypedArray] {
  const values = samples(dtype);
  return [
    arrayOf(dtype, values.flatMap((x) => values.map(() => x))),
    arrayOf(dtype, values.flatMap(() => values)),
  ]; // prettier-ignore
}

/** Applies `value` to loads 0 and 1; a float64 output beside it keeps the kernel off the lanes. */
function check(value: Scalar, inputs: readonly TypedArray[], inLanes: boolean): void {
  const size = inputs[0]!.length;
  const loads = inputs.map((_, operand) => ({
    operand,
    dtype: operandType,
    offset: 0,
    strides: [1],
  }));
  const values = inLanes ? [value] : [value, s.constant(1, "float64")];
  expectSame(backend, {
    kernel: {
      kind: "map",
      axes: [size],
      loads,
      params: [],
      stores: values.map((one, operand) => ({
        operand,
        dtype: one.dtype,
        offset: 0,
        strides: [1],
        value: one,
      })),
    },
    inputs,
    outputs: values.map(({ dtype }) => ({ dtype, size })),
    tolerance: 5e-7,
  });
}

let operandType: DType = "float32";

const skips = (op: string, dtype: DType): boolean =>
  isFloat(dtype)
    ? (integerOnly as readonly string[]).includes(op)
    : (floatOnly as readonly string[]).includes(op);

describe.each(valueDTypes.map((dtype) => [dtype]))("on %s", (dtype) => {
  const [x, y] = [leaf("load", 0, dtype), leaf("load", 1, dtype)];

  it.each([[true], [false]])("unary instructions and casts, in lanes: %s", (inLanes) => {
    operandType = dtype;
    const input = [arrayOf(dtype, samples(dtype))];
    for (const op of unaryInstructions) if (!skips(op, dtype)) check(s[op](x), input, inLanes);
    for (const to of valueDTypes) if (to !== dtype) check(s.cast(x, to), input, inLanes);
    if (dtype === "float32") check(s.bitcast(x, "int32"), input, inLanes);
    if (dtype === "int32") check(s.bitcast(x, "float32"), input, inLanes);
  });

  it.each([[true], [false]])("binary instructions, in lanes: %s", (inLanes) => {
    operandType = dtype;
    const inputs = pairs(dtype);
    for (const op of binaryInstructions) {
      if (skips(op, dtype)) continue;
      check(s[op](x, y), inputs, inLanes);
      check(s[op](x, dtype === "bool" ? true : 3), inputs, inLanes);
    }
    check(s.select(s.lt(x, y), x, y), inputs, inLanes);
  });
});
