// What people try first, coming from other languages: each is an error that says what to write.
import { expect, it } from "vitest";
import { type Tensor, arange, tensor } from "./index.ts";

const x = tensor([[1, 2], [3, 4]]); // prettier-ignore
const untyped = <T>(value: unknown): T => value as T;

it("operators", () => {
  expect(() => untyped<number>(x) + 1).toThrowErrorMatchingInlineSnapshot(
    `[TypeError: JavaScript has no operators for tensors: write x.add(y), x.mul(y), x.lt(y), x.eq(y). To read a number, use await x.item().]`,
  );
  expect(() => untyped<number>(x) < 1).toThrow("no operators for tensors");
  expect(`${tensor([1])}`).toBe("tensor([1.])");
});

it("a step in place of options", () => {
  expect(() => arange(0, 10, untyped(2))).toThrowErrorMatchingInlineSnapshot(
    `[ShapeError: arange: expected arange(start, end, { step, dtype }). The step is an option; where only the end is given, write arange(0, end, options).]`,
  );
  expect(() => arange(5, untyped({ dtype: "int32" }))).toThrow("arange(0, end, options)");
});

it("an index in one list", () => {
  expect(() => x.at(untyped([0, ":"]))).toThrowErrorMatchingInlineSnapshot(
    `[IndexError: at: a list picks positions by integers, got [0,":"]. Several axes are indexed by several arguments: at(0, ":").]`,
  );
  expect(() => x.at([0.5])).toThrow("picks positions by integers");
});

it("strings and holes as elements", () => {
  expect(() => tensor(untyped(["a"]))).toThrowErrorMatchingInlineSnapshot(
    `[DTypeError: tensor: expected numbers, booleans, bigints or { re, im }, got "a" at flat position 0.]`,
  );
  expect(() => tensor([1, untyped(undefined), 2])).toThrow("got undefined at flat position 1");
});

it("requiresGrad of a tensor that exists", () => {
  expect(() => {
    (x as Tensor).requiresGrad = true;
  }).toThrowErrorMatchingInlineSnapshot(
    `[AutogradError: requiresGrad: a plain tensor cannot change. Make it with { requiresGrad: true }, or use a Variable or Parameter.]`,
  );
});
