// What programs look like as words; reading them is tested in engine/tests/program.test.cpp.
import { type MapKernel, leaf, s } from "@flambeau/core/extension";
import { describe, expect, it } from "vitest";
import { forEngine, programOf, writeProgram } from "./program.ts";
import { Words } from "./words.ts";

const relu: MapKernel = {
  kind: "map",
  axes: [3],
  loads: [{ operand: 0, dtype: "float32", offset: 0, strides: [1] }],
  params: [],
  stores: [{ operand: 0, dtype: "float32", offset: 0, strides: [1], value: s.max(leaf("load", 0, "float32"), 0) }],
}; // prettier-ignore

const wordsOf = (kernel: MapKernel): number[] => {
  const words = writeProgram(programOf(kernel), "highest");
  return [...new Uint32Array(words.bytes().slice().buffer)];
};

describe("words", () => {
  it("hold numbers of either sign in two", () => {
    const words = new Words();
    words.wides([-1, -(2 ** 32), 2 ** 40 + 5, -(2 ** 47) + 1]);
    const view = new BigInt64Array(words.bytes().slice().buffer);
    expect([...view]).toEqual([-1n, -(2n ** 32n), 2n ** 40n + 5n, -(2n ** 47n) + 1n]);
  });

  it("hold scalars in the low bytes", () => {
    const words = new Words();
    words.bits(-0, "float32");
    words.bits(-1, "int32");
    words.bits(255, "uint8");
    words.bits(-1n, "int64");
    words.bits(0.5, "float64");
    expect([...new Uint32Array(words.bytes().slice().buffer)]).toEqual([
      0x80000000, 0, 0xffffffff, 0, 255, 0, 0xffffffff, 0xffffffff, 0, 0x3fe00000,
    ]);
  });

  it("grow, and have equal keys only where they are equal", () => {
    const many = new Words();
    for (let i = 0; i < 5000; i++) many.u(i);
    const others = new Words();
    for (let i = 0; i < 5000; i++) others.u(i);
    expect(many.key()).toBe(others.key());
    others.set(4999, 1);
    expect(many.key()).not.toBe(others.key());
    expect(many.bytes().length).toBe(20000);
  });
});

describe("programs", () => {
  it("are what format.h says", () => {
    const words = wordsOf(relu);
    expect(words.slice(0, 3)).toEqual([0x50424c46, 1, 4 * words.length]);
    expect(words.slice(3).join(" ")).toMatchInlineSnapshot(
      `"1 1 0 0 4 0 4 0 0 0 1 0 1 0 0 0 0 1 1 0 0 0 0 1 3 0 1 0 4 0 0 1 0 0 0 0 0 1 0 4 0 0 1 0 0 0 0 0 3 1075 0 1074 0 0 1058 0 1 1 2"`,
    );
  });

  it("tell constants, sizes and fills apart", () => {
    const filled = { ...relu, initial: -0 };
    const longer = { ...relu, axes: [4] };
    const other = { ...relu, stores: [{ ...relu.stores[0]!, value: s.max(leaf("load", 0, "float32"), -0) }] }; // prettier-ignore
    const texts = [relu, filled, longer, other].map((kernel) => wordsOf(kernel).join(" "));
    expect(new Set(texts).size).toBe(4);
  });

  it("ask for the truth of conditions that are no bools", () => {
    const x = leaf("load", 0, "float32");
    const asked = { ...relu, stores: [{ ...relu.stores[0]!, value: s.select(x, x, 1) }] };
    const said = { ...relu, stores: [{ ...relu.stores[0]!, value: s.select(s.ne(x, 0), x, 1) }] };
    expect(wordsOf(asked).length).toBe(wordsOf(said).length);
  });

  it("have inner axes where the engine wants some", () => {
    const { stores, ...rest } = relu;
    const states = [{ dtype: "float32", initial: 0, step: leaf("load", 0, "float32"), merge: leaf("other", 0, "float32") }] as const; // prettier-ignore
    const value = leaf("state", 0, "float32");
    const reduce = { ...rest, kind: "reduce", reduced: 0, states, stores: [{ ...stores[0]!, value }] } as const; // prettier-ignore
    expect(forEngine(reduce)).toMatchObject({
      axes: [3, 1],
      reduced: 1,
      loads: [{ strides: [1, 0] }],
    });
    expect(forEngine(relu)).toBe(relu);
  });

  it("refuse operands of two sizes", () => {
    const loads = [
      ...relu.loads,
      { operand: 0, dtype: "float64", offset: 0, strides: [1] } as const,
    ];
    expect(() => programOf({ ...relu, loads })).toThrowErrorMatchingInlineSnapshot(
      `[Error: native: operand 0 is read as elements of different sizes.]`,
    );
  });
});
