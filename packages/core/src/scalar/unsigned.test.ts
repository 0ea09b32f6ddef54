// Unsigned 64-bit arithmetic in int64 registers, against bigints.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Value, evaluator } from "./evaluate.ts";
import { type Scalar, leaf } from "./instruction.ts";
import { linearize } from "./linear.ts";
import { floatToUnsigned, unsignedTable, unsignedToFloat } from "./unsigned.ts";

function compiled(e: Scalar): (...values: Value[]) => Value {
  const program = linearize([e]);
  let leaves: readonly Value[] = [];
  const run = evaluator(program, (_, position) => leaves[position]!);
  return (...values) => {
    leaves = values;
    return run()[program.results[0]!]!;
  };
}

const [x, y] = [leaf("arg", 0, "int64"), leaf("arg", 1, "int64")];
const word = fc.oneof(
  fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  fc.constantFrom(0n, 1n, 2n, 3n, 2n ** 63n - 1n, 2n ** 63n, 2n ** 63n + 1n, 2n ** 64n - 1n),
);
const signed = (value: bigint): bigint => BigInt.asIntN(64, value);
const unsigned = (value: Value): bigint => BigInt.asUintN(64, BigInt(value));

const meanings: { readonly [op: string]: (a: bigint, b: bigint) => bigint } = {
  lt: (a, b) => (a < b ? 1n : 0n),
  le: (a, b) => (a <= b ? 1n : 0n),
  div: (a, b) => (b === 0n ? 0n : a / b),
  rem: (a, b) => (b === 0n ? 0n : a % b),
  min: (a, b) => (a < b ? a : b),
  max: (a, b) => (a > b ? a : b),
  abs: (a) => a,
  shr: (a, b) => a >> (b & 63n),
};

describe("uint64", () => {
  it.each(Object.keys(unsignedTable))("%s", (op) => {
    const run = compiled(unsignedTable[op]!(x, y));
    fc.assert(
      fc.property(word, word, (a, b) => {
        expect(unsigned(run(signed(a), signed(b)))).toBe(meanings[op]!(a, b));
      }),
    );
  });

  it("becomes the nearest float", () => {
    const run = compiled(unsignedToFloat(x, "float64"));
    fc.assert(
      fc.property(word, (a) => {
        expect(run(signed(a))).toBe(Number(a));
      }),
    );
  });

  it("comes from a float by truncation", () => {
    const run = compiled(floatToUnsigned(leaf("arg", 0, "float64")));
    const floats = fc.double({ min: 0, max: 2 ** 64 - 2 ** 11, noNaN: true });
    fc.assert(
      fc.property(floats, (value) => {
        expect(unsigned(run(value))).toBe(BigInt(Math.trunc(value)));
      }),
    );
    expect(unsigned(run(-3.5))).toBe(2n ** 64n - 3n);
  });
});
