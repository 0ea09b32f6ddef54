// Threefry against its authors' known answers; generators; the first moments of distributions.
import { beforeAll, describe, expect, it } from "vitest";
import {
  Generator,
  defaultDevice,
  mean,
  manualSeed,
  rand,
  randint,
  randn,
  randomWords,
  randperm,
  setDefaultDevice,
  variance,
} from "./index.ts";
import { threefry } from "./random.ts";

beforeAll(() => void setDefaultDevice("reference"));

const hex = (words: readonly number[]): string[] =>
  words.map((word) => (word >>> 0).toString(16).padStart(8, "0"));

describe("threefry", () => {
  it("gives the known answers of Random123", () => {
    expect(hex(threefry(0, 0, 0, 0))).toEqual(["6b200159", "99ba4efe"]);
    expect(hex(threefry(-1, -1, -1, -1))).toEqual(["1cb996fc", "bb002be7"]);
    const pi = threefry(0x13198a2e, 0x03707344, 0x243f6a88, 0x85a308d3);
    expect(hex(pi)).toEqual(["c4923a9c", "483df7a0"]);
  });

  it("is what ops draw: word i of call c is threefry(key, i, c)", () => {
    const generator = new Generator(defaultDevice(), 7);
    for (const call of [0, 1]) {
      const drawn = [...randomWords([2, 3], { generator }).dataSync()];
      const expected = Array.from({ length: 6 }, (_, i) => threefry(7, 0, i, call)[0]);
      expect(drawn).toEqual(expected);
    }
  });
});

describe("generators", () => {
  it("repeat from a seed, and differ between seeds and calls", () => {
    const generator = new Generator(defaultDevice(), 1);
    const first = rand([5], { generator }).toArray();
    const second = rand([5], { generator }).toArray();
    expect(second).not.toEqual(first);
    generator.manualSeed(1);
    expect(rand([5], { generator }).toArray()).toEqual(first);
    expect(rand([5], { generator: generator.manualSeed(2) }).toArray()).not.toEqual(first);
  });

  it("manualSeed seeds what draws without a generator", () => {
    manualSeed(3);
    const first = randn([4]).toArray();
    manualSeed(3);
    expect(randn([4]).toArray()).toEqual(first);
  });
});

describe("distributions", () => {
  const generator = new Generator(defaultDevice(), 11);
  const count = 20_000;
  // Four standard errors.
  const within = (actual: number, expected: number, deviation: number): void =>
    expect(Math.abs(actual - expected)).toBeLessThan((4 * deviation) / Math.sqrt(count));

  for (const dtype of ["float32", "float64"] as const) {
    it(`rand and randn in ${dtype}`, () => {
      const uniform = rand([count], { generator, dtype });
      within(mean(uniform).itemSync(), 1 / 2, Math.sqrt(1 / 12));
      within(variance(uniform).itemSync(), 1 / 12, Math.sqrt(1 / 180));
      const normal = randn([count], { generator, dtype });
      within(mean(normal).itemSync(), 0, 1);
      within(variance(normal).itemSync(), 1, Math.sqrt(2));
      expect(normal.isfinite().all().toArray()).toBe(true);
    });
  }

  it("randint stays in range and reaches all of it", () => {
    const drawn = new Set([...randint(-2, 3, [500], { generator }).dataSync()].map(Number));
    expect([...drawn].sort((a, b) => a - b)).toEqual([-2, -1, 0, 1, 2]);
  });

  it("randperm is a permutation", () => {
    const drawn = [...randperm(50, { generator }).dataSync()].map(Number);
    expect(drawn).not.toEqual(drawn.toSorted((a, b) => a - b));
    expect(drawn.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 50 }, (_, i) => i));
  });
});
