// float32 decompositions against float64 truth: error in units of the last place, and special values.
import { describe, expect, it } from "vitest";
import { decompose } from "./decompose.ts";
import { evaluator, floatMeaning } from "./evaluate.ts";
import { type Scalar, type UnaryInstruction, leaf, s } from "./instruction.ts";
import { linearize } from "./linear.ts";

function compiled(e: Scalar): (x: number, y?: number) => number {
  const program = linearize([e]);
  const leaves = [0, 0];
  const run = evaluator(program, (_, position) => leaves[position]!);
  return (x, y = 0) => {
    leaves[0] = program.steps[0]?.dtype === "float32" ? Math.fround(x) : x;
    leaves[1] = Math.fround(y);
    return run()[program.results[0]!] as number;
  };
}

const x = leaf("arg", 0, "float32");
const y = leaf("arg", 1, "float32");

const smallest = 2 ** -149;
/** Distance between neighbouring float32 at `value`. */
const ulp = (value: number): number =>
  Math.max(smallest, 2 ** (Math.floor(Math.log2(Math.abs(value))) - 23));

function errorInUlp(got: number, truth: number): number {
  const rounded = Math.fround(truth);
  if (Object.is(got, rounded) || (Number.isNaN(got) && Number.isNaN(rounded))) return 0;
  if (!Number.isFinite(rounded) || !Number.isFinite(got)) {
    // Overflow may come one step early or late.
    const most = 3.4028234663852886e38;
    return Math.abs(truth) > most * (1 - 1e-6) && Math.abs(got) >= most * (1 - 1e-6) ? 1 : Infinity;
  }
  return Math.abs(got - truth) / ulp(rounded);
}

/** Float32 numbers of all magnitudes in [low, high], and evenly spread ones. */
function samples(low: number, high: number): number[] {
  const result: number[] = [low, high];
  for (let i = 0; i <= 4000; i++) result.push(low + ((high - low) * i) / 4000);
  for (let exponent = -149; exponent < 128; exponent += 0.31) {
    const magnitude = 2 ** exponent;
    for (const value of [magnitude, -magnitude])
      if (value >= low && value <= high) result.push(value);
  }
  return result.map(Math.fround);
}

const cases: readonly (readonly [UnaryInstruction, number, number, number])[] = [
  ["exp", -110, 95, 1.5],
  ["expm1", -40, 95, 2.5],
  ["log", 1e-45, 3.4e38, 1.5],
  ["log", 0.5, 2, 1.5],
  ["log1p", -0.999, 3.4e38, 2],
  ["log1p", -0.5, 2, 2],
  ["sin", -10, 10, 2],
  ["sin", -99999, 99999, 2.5],
  ["cos", -10, 10, 2],
  ["cos", -99999, 99999, 2.5],
  ["tan", -10, 10, 4],
  ["tan", -99999, 99999, 4],
  ["asin", -1, 1, 3],
  ["acos", -1, 1, 3],
  ["atan", -3.4e38, 3.4e38, 3],
  ["atan", -5, 5, 3],
  ["sinh", -95, 95, 4],
  ["cosh", -95, 95, 3],
  ["tanh", -12, 12, 4],
  ["asinh", -3.4e38, 3.4e38, 4],
  ["asinh", -10, 10, 4],
  ["acosh", 1, 3.4e38, 4],
  ["acosh", 1, 20, 4],
  ["atanh", -1, 1, 4],
  ["erf", -5, 5, 3],
];

describe("decompose", () => {
  it.each(cases)("%s on [%d, %d] within %d ulp", (op, low, high, bound) => {
    const run = compiled(decompose(s[op](x)));
    let worst = 0;
    let at = 0;
    for (const value of samples(low, high)) {
      const error = errorInUlp(run(value), floatMeaning[op](value));
      if (error > worst) [worst, at] = [error, value];
    }
    if (process.env["SHOW_ULP"]) console.log(op, low, high, worst.toFixed(2), "at", at);
    expect(worst, `${op}(${at}) = ${run(at)}`).toBeLessThanOrEqual(bound);
  });

  it("keeps special values", () => {
    for (const [op] of cases) {
      const run = compiled(decompose(s[op](x)));
      for (const value of [
        0,
        -0,
        NaN,
        Infinity,
        -Infinity,
        1,
        -1,
        2,
        -2,
        1e10,
        -1e10,
        3e38,
        -3e38,
        1e-40,
      ]) {
        const exact = floatMeaning[op](Math.fround(value));
        const truth = Math.fround(exact);
        const got = run(value);
        const close = errorInUlp(got, exact) <= 4;
        expect(close, `${op}(${value}): ${got}, expected ${truth}`).toBe(true);
        if (truth === 0) expect(Object.is(got, truth), `${op}(${value}) = ${got}`).toBe(true);
      }
    }
  });

  it("atan2 in all quadrants and at the edges", () => {
    const run = compiled(decompose(s.atan2(y, x)));
    const values = [0, -0, 1, -1, 1e-30, -1e-30, 3e38, -3, 0.7, Infinity, -Infinity, NaN];
    for (const a of values) {
      for (const b of values) {
        const truth = Math.atan2(Math.fround(a), Math.fround(b));
        const got = run(b, a);
        expect(errorInUlp(got, truth), `atan2(${a}, ${b}) = ${got}`).toBeLessThanOrEqual(3);
      }
    }
  });

  it("powers with constant exponents", () => {
    for (const exponent of [0, 1, 2, 3, -1, 0.5]) {
      const run = compiled(decompose(s.pow(x, exponent)));
      for (const value of [0, -0, 1.5, -2.25, 1e-20, Infinity, -Infinity]) {
        const truth = Math.pow(Math.fround(value), exponent);
        expect(errorInUlp(run(value), truth), `${value} ** ${exponent}`).toBeLessThanOrEqual(1.5);
      }
    }
  });

  it("erf on float64 equals the reference", () => {
    const run = compiled(decompose(s.erf(leaf("arg", 0, "float64"))));
    for (let value = -7; value <= 7; value += 0.01) {
      expect(run(value)).toBeCloseTo(floatMeaning.erf(value), 15);
    }
    expect(run(NaN)).toBeNaN();
    expect(run(Infinity)).toBe(1);
  });
});
