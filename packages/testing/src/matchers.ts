// How tests compare tensors: shapes and dtypes exactly, values to a tolerance, NaN equal to NaN.
import { type Tensor, isTensor } from "@flambeau/core";
import { type DType, type TypedArray, isBig, isComplex, isFloat } from "@flambeau/core/extension";
import { showShape } from "@flambeau/core/extension";
import { type Shape, sameShape } from "@flambeau/core/extension";

/** Accepted: `|actual - expected| <= atol + rtol · |expected|`. Integers and bools are exact. */
export interface Tolerance {
  readonly rtol?: number;
  readonly atol?: number;
}

/** A tensor that has been read. */
export interface Reading {
  readonly dtype: DType;
  readonly shape: Shape;
  readonly data: TypedArray;
}

export const read = async (x: Tensor): Promise<Reading> => ({
  dtype: x.dtype,
  shape: x.shape,
  data: await x.data(),
});

export const readSync = (x: Tensor): Reading => ({
  dtype: x.dtype,
  shape: x.shape,
  data: x.dataSync(),
});

/** What differs between two readings, or `undefined`. */
export function difference(
  actual: Reading,
  expected: Reading,
  { rtol = 0, atol = 0 }: Tolerance = {},
): string | undefined {
  if (actual.dtype !== expected.dtype) return `dtype ${actual.dtype}, expected ${expected.dtype}`;
  if (!sameShape(actual.shape, expected.shape)) {
    return `shape ${showShape(actual.shape)}, expected ${showShape(expected.shape)}`;
  }
  if (actual.data.length !== expected.data.length) {
    return `${actual.data.length} elements, expected ${expected.data.length}`;
  }
  const { dtype } = expected;
  if (isComplex(dtype)) return differenceOfComplex(actual.data, expected.data, { rtol, atol });
  return differenceOfNumbers(actual.data, expected.data, isFloat(dtype) ? { rtol, atol } : {});
}

/** As `differenceOfNumbers`, on pairs: what a part may be off by is relative to the whole. */
function differenceOfComplex(
  actual: TypedArray,
  expected: TypedArray,
  { rtol = 0, atol = 0 }: Tolerance,
): string | undefined {
  for (let i = 0; i < expected.length; i += 2) {
    const [re, im] = [Number(expected[i]), Number(expected[i + 1])];
    const size = Math.hypot(re, im);
    const accepted = atol + (Number.isFinite(size) ? rtol * size : 0);
    const pair = (data: TypedArray) => [data[i]!, data[i + 1]!];
    const problem = differenceOfNumbers(pair(actual), pair(expected), { atol: accepted });
    if (problem !== undefined) return `number ${i / 2}: ${problem}`;
  }
  return undefined;
}

/** The first two numbers that differ by more than accepted, and how many do. */
export function differenceOfNumbers(
  actual: ArrayLike<number | bigint>,
  expected: ArrayLike<number | bigint>,
  { rtol = 0, atol = 0 }: Tolerance = {},
): string | undefined {
  let first: string | undefined;
  let count = 0;
  for (let i = 0; i < expected.length; i++) {
    const [a, b] = [actual[i]!, expected[i]!];
    if (a === b || (a !== a && b !== b)) continue;
    if (typeof a === "number" && typeof b === "number") {
      // An accepted difference of infinity would accept everything.
      if (Math.abs(a - b) <= atol + rtol * Math.abs(b) && Number.isFinite(b)) continue;
    }
    count++;
    first ??= `element ${i} is ${a}, expected ${b}`;
  }
  if (first === undefined || count === 1) return first;
  return `${first} (and ${count - 1} more of ${expected.length})`;
}

/** Throws unless two tensors (or a tensor and nested numbers) agree to a tolerance. */
export function expectClose(
  actual: Tensor,
  expected: Tensor | readonly unknown[] | number,
  tolerance: Tolerance = { rtol: 1e-5, atol: 1e-6 },
): void {
  const reading = readSync(actual);
  const problem = isTensor(expected)
    ? difference(reading, readSync(expected), tolerance)
    : differenceOfNested(reading, expected, tolerance);
  if (problem !== undefined) throw new Error(`expectClose: ${problem}`);
}

/** As `expectClose`, without tolerance. */
export const expectEqual = (actual: Tensor, expected: Tensor | readonly unknown[] | number): void =>
  expectClose(actual, expected, {});

function differenceOfNested(
  actual: Reading,
  expected: readonly unknown[] | number,
  tolerance: Tolerance,
): string | undefined {
  const shape: number[] = [];
  for (let level: unknown = expected; Array.isArray(level); level = level[0]) {
    shape.push(level.length);
  }
  if (!sameShape(actual.shape, shape)) {
    return `shape ${showShape(actual.shape)}, expected ${showShape(shape)}`;
  }
  const numbers = [expected].flat(Infinity) as (number | bigint | boolean)[];
  const plain = numbers.map((value) => (typeof value === "boolean" ? Number(value) : value));
  const wide = isBig(actual.dtype) ? plain.map((value) => BigInt(value)) : plain;
  return differenceOfNumbers(actual.data, wide, tolerance);
}

/** The text of the error that `body` throws, with its class. */
export function messageOf(body: () => unknown): string {
  try {
    body();
  } catch (error) {
    return String(error);
  }
  return "nothing was thrown";
}

/** Throws unless `body` throws an error whose text contains each of `texts`. */
export function expectError(body: () => unknown, ...texts: readonly string[]): void {
  const message = messageOf(body);
  const missing = texts.find((text) => !message.includes(text));
  if (missing !== undefined) throw new Error(`expectError: "${missing}" is not in: ${message}`);
}
