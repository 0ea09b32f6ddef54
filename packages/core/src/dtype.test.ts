// Laws of promotion. PyTorch's own tables are checked with the golden data.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type DType,
  type PromotionOperand,
  dtypeOfNumber,
  dtypes,
  isComplex,
  isFloat,
  isInteger,
  isUnsigned,
  promoteTypes,
  resultType,
} from "./dtype.ts";
import { DTypeError } from "./errors.ts";

const anyDType = fc.constantFrom(...dtypes);
const operand = fc.record<PromotionOperand>({
  dtype: anyDType,
  standing: fc.constantFrom("dimensioned", "zero-dimensional", "number"),
});
const operands = fc.array(operand, { minLength: 1, maxLength: 4 });
const categoryOf = (dtype: DType): number =>
  isComplex(dtype) ? 3 : isFloat(dtype) ? 2 : isInteger(dtype) ? 1 : 0;
/** No integer dtype holds uint64 and negative numbers: laws are stated for the others. */
const isMixed = (list: readonly DType[]): boolean =>
  list.includes("uint64") && list.some((dtype) => isInteger(dtype) && !isUnsigned(dtype));

describe("promoteTypes", () => {
  it("is commutative, associative and idempotent", () => {
    fc.assert(
      fc.property(anyDType, anyDType, anyDType, (a, b, c) => {
        fc.pre(!isMixed([a, b, c]));
        expect(promoteTypes(a, b)).toBe(promoteTypes(b, a));
        expect(promoteTypes(promoteTypes(a, b), c)).toBe(promoteTypes(a, promoteTypes(b, c)));
        expect(promoteTypes(a, a)).toBe(a);
      }),
    );
  });

  it("never lowers the category", () => {
    fc.assert(
      fc.property(anyDType, anyDType, (a, b) => {
        fc.pre(!isMixed([a, b]));
        expect(categoryOf(promoteTypes(a, b))).toBe(Math.max(categoryOf(a), categoryOf(b)));
      }),
    );
  });
});

describe("promotion of new dtypes", () => {
  it("holds both operands", () => {
    expect(promoteTypes("uint8", "int8")).toBe("int16");
    expect(promoteTypes("uint16", "int16")).toBe("int32");
    expect(promoteTypes("uint32", "int8")).toBe("int64");
    expect(promoteTypes("uint16", "uint32")).toBe("uint32");
    expect(promoteTypes("float16", "bfloat16")).toBe("float32");
    expect(promoteTypes("float16", "int64")).toBe("float16");
    expect(promoteTypes("float64", "complex64")).toBe("complex128");
    expect(() => promoteTypes("uint64", "int64")).toThrow(DTypeError);
  });

  it("ranks standing as PyTorch does", () => {
    const of = (...list: [DType, PromotionOperand["standing"]][]) =>
      resultType(list.map(([dtype, standing]) => ({ dtype, standing })));
    expect(of(["float16", "dimensioned"], ["float64", "zero-dimensional"])).toBe("float16");
    expect(of(["float64", "dimensioned"], ["complex64", "number"])).toBe("complex128");
    expect(of(["bfloat16", "dimensioned"], ["complex128", "zero-dimensional"])).toBe("complex64");
    expect(of(["int8", "dimensioned"], ["int64", "number"])).toBe("int8");
  });
});

describe("resultType", () => {
  it("does not depend on the order of operands", () => {
    fc.assert(
      fc.property(operands, fc.nat(), (list, shift) => {
        fc.pre(!isMixed(list.map(({ dtype }) => dtype)));
        const turned = list.map((_, i) => list[(i + shift) % list.length]!);
        expect(resultType(turned)).toBe(resultType(list));
        expect(resultType(list.toReversed())).toBe(resultType(list));
      }),
    );
  });

  it("has the highest category of all operands", () => {
    fc.assert(
      fc.property(operands, (list) => {
        fc.pre(!isMixed(list.map(({ dtype }) => dtype)));
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
