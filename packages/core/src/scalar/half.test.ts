// float16 and bfloat16, all 65,536 words each, against their definition.
import { describe, expect, it } from "vitest";
import { evaluator } from "./evaluate.ts";
import { type HalfDType, decodeHalf, decodedHalf, encodeHalf, encodedHalf } from "./half.ts";
import { type Scalar, leaf } from "./instruction.ts";
import { linearize } from "./linear.ts";

/** The number of a word by the definition: sign, exponent, fraction. */
function byDefinition(word: number, dtype: HalfDType): number {
  const exponentBits = dtype === "float16" ? 5 : 8;
  const fractionBits = 15 - exponentBits;
  const bias = 2 ** (exponentBits - 1) - 1;
  const exponent = (word >> fractionBits) & (2 ** exponentBits - 1);
  const fraction = (word & (2 ** fractionBits - 1)) / 2 ** fractionBits;
  const sign = word & 0x8000 ? -1 : 1;
  if (exponent === 2 ** exponentBits - 1) return fraction === 0 ? sign * Infinity : NaN;
  return exponent === 0
    ? sign * fraction * 2 ** (1 - bias)
    : sign * (1 + fraction) * 2 ** (exponent - bias);
}

function compiled(e: Scalar): (x: number) => number {
  const program = linearize([e]);
  let value = 0;
  const run = evaluator(program, () => value);
  return (x) => {
    value = x;
    return run()[program.results[0]!] as number;
  };
}

const words = Array.from({ length: 65536 }, (_, i) => i);

describe.each([["float16"], ["bfloat16"]] as const)("%s", (dtype) => {
  const decode = compiled(decodedHalf(leaf("arg", 0, "int32"), dtype));
  const encode = compiled(encodedHalf(leaf("arg", 0, "float32"), dtype));
  const numbers = words.map((word) => byDefinition(word, dtype));

  it("decodes every word, in JavaScript and as an expression", () => {
    for (const word of words) {
      const expected = numbers[word]!;
      if (!Object.is(decodeHalf(word, dtype), expected)) expect(decodeHalf(word, dtype)).toBe(expected); // prettier-ignore
      if (!Object.is(decode(word), expected)) expect(decode(word)).toBe(expected);
    }
  });

  it("encodes every number to its word; NaNs become quiet", () => {
    for (const word of words) {
      const value = numbers[word]!;
      const got = encodeHalf(value, dtype);
      if (Number.isNaN(value)) expect(decodeHalf(got, dtype)).toBeNaN();
      else if (got !== word) expect(got).toBe(word);
      if (encode(value) !== got) expect(encode(value)).toBe(got);
    }
  });

  it("rounds to nearest, halves to even, between all neighbours", () => {
    // Positive words are in the order of their numbers.
    for (let word = 0; Number.isFinite(numbers[word + 1]); word++) {
      const [low, high] = [numbers[word]!, numbers[word + 1]!];
      const middle = (low + high) / 2;
      const even = word % 2 === 0 ? word : word + 1;
      const below = Math.fround(low + (high - low) * 0.4990234375);
      const above = Math.fround(low + (high - low) * 0.5009765625);
      for (const [value, expected] of [
        [middle, even],
        [below, word],
        [above, word + 1],
      ] as const) {
        const negative = expected | 0x8000;
        if (encodeHalf(value, dtype) !== expected) expect(encodeHalf(value, dtype), `${value}`).toBe(expected); // prettier-ignore
        if (encode(value) !== expected) expect(encode(value), `${value}`).toBe(expected);
        if (encode(-value) !== negative) expect(encode(-value), `${-value}`).toBe(negative);
      }
    }
  });

  it("overflows to infinity half a step above the largest number", () => {
    const largest = Math.max(...numbers.filter(Number.isFinite));
    const step = largest - numbers.filter((x) => x < largest).reduce((a, b) => Math.max(a, b));
    for (const round of [(x: number) => encodeHalf(x, dtype), encode]) {
      expect(decodeHalf(round(largest + step * 0.499), dtype)).toBe(largest);
      expect(decodeHalf(round(largest + step / 2), dtype)).toBe(Infinity);
      expect(decodeHalf(round(-Infinity), dtype)).toBe(-Infinity);
    }
  });
});
