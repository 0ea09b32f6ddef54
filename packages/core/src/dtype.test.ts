// Laws of promotion. PyTorch's own tables are checked with the golden data.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type DType,
  type PromotionOperand,
  dtypeOfNumber,
  dtypes,
  isFloat,
  isInteger,
  promoteTypes,
  resultType,
} from "./dtype.ts";

const anyDType = fc.constantFrom(...dtypes);
const operand = fc.record<PromotionOperand>({
  dtype: anyDType,
  standing: fc.constantFrom("dimensioned", "zero-dimensional", "number"),
});
const operands = fc.array(operand, { minLength: 1, maxLength: 4 });
const categoryOf = (dtype: DType): number => (isFloat(dtype) ? 2 : isInteger(dtype) ? 1 : 0);

describe("promoteTypes", () => {
  it("is commutative, associative and idempotent", () => {
    fc.assert(
      fc.property(anyDType, anyDType, anyDType, (a, b, c) => {
        expect(promoteTypes(a, b)).toBe(promoteTypes(b, a));
        expect(promoteTypes(promoteTypes(a, b), c)).toBe(promoteTypes(a, promoteTypes(b, c)));
        expect(promoteTypes(a, a)).toBe(a);
      }),
    );
  });

  it("never lowers the category", () => {
    fc.assert(
      fc.property(anyDType, anyDType, (a, b) => {
        expect(categoryOf(promoteTypes(a, b))).toBe(Math.max(categoryOf(a), categoryOf(b)));
      }),
    );
  });
});

describe("resultType", () => {
  it("does not depend on the order of operands", () => {
    fc.assert(
      fc.property(operands, fc.nat(), (list, shift) => {
        const turned = list.map((_, i) => list[(i + shift) % list.length]!);
        expect(resultType(turned)).toBe(resultType(list));
        expect(resultType(list.toReversed())).toBe(resultType(list));
      }),
    );
  });

  it("has the highest category of all operands", () => {
    fc.assert(
      fc.property(operands, (list) => {
        const highest = Math.max(...list.map(({ dtype }) => categoryOf(dtype)));
        expect(categoryOf(resultType(list))).toBe(highest);
      }),
    );
  });

  it("lets a number change the dtype of a tensor only by its category", () => {
    fc.assert(
      fc.property(anyDType, fc.double({ noNaN: true }), (dtype, number) => {
        const scalar = dtypeOfNumber(number);
        const result = resultType([
          { dtype, standing: "dimensioned" },
          { dtype: scalar, standing: "number" },
        ]);
        expect(result).toBe(categoryOf(scalar) > categoryOf(dtype) ? scalar : dtype);
      }),
    );
  });
});
