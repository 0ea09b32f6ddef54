// Element types: their sizes, their categories and PyTorch's promotion rules.
import { DTypeError } from "./errors.ts";

export type DType = "float32" | "float64" | "int32" | "int64" | "uint8" | "bool";

export type TypedArray = Float32Array | Float64Array | Int32Array | BigInt64Array | Uint8Array;

type Category = "bool" | "integer" | "float";

interface Description {
  readonly bytes: number;
  readonly category: Category;
  /** Rank inside its category: promotion keeps the higher one. */
  readonly rank: number;
  /** Short name for graph text and kernel keys. */
  readonly short: string;
  readonly array: {
    new (length: number): TypedArray;
    new (buffer: ArrayBufferLike, byteOffset?: number, length?: number): TypedArray;
  };
}

const describe = (
  bytes: number,
  category: Category,
  rank: number,
  short: string,
  array: unknown,
): Description => ({ bytes, category, rank, short, array: array as Description["array"] });

const descriptions: Record<DType, Description> = {
  bool: describe(1, "bool", 0, "bool", Uint8Array),
  uint8: describe(1, "integer", 1, "u8", Uint8Array),
  int32: describe(4, "integer", 2, "i32", Int32Array),
  int64: describe(8, "integer", 3, "i64", BigInt64Array),
  float32: describe(4, "float", 4, "f32", Float32Array),
  float64: describe(8, "float", 5, "f64", Float64Array),
};

/** Every dtype, narrowest first. */
export const dtypes = Object.keys(descriptions) as readonly DType[];

export const isDType = (name: unknown): name is DType =>
  typeof name === "string" && Object.hasOwn(descriptions, name);

/** Bytes of one element. */
export const byteSize = (dtype: DType): number => descriptions[dtype].bytes;
export const shortName = (dtype: DType): string => descriptions[dtype].short;
export const isFloat = (dtype: DType): boolean => descriptions[dtype].category === "float";
/** Signed or unsigned integers; not bool. */
export const isInteger = (dtype: DType): boolean => descriptions[dtype].category === "integer";
/** The typed array that holds elements of `dtype`; bool is one byte of 0 or 1. */
export const arrayType = (dtype: DType): Description["array"] => descriptions[dtype].array;

/** The dtype both operands convert to when both are tensors of equal standing. */
export function promoteTypes(a: DType, b: DType): DType {
  return descriptions[a].rank >= descriptions[b].rank ? a : b;
}

/** How much an operand counts in promotion: PyTorch ranks dimensions over 0-d over JavaScript. */
export interface PromotionOperand {
  readonly dtype: DType;
  readonly standing: "dimensioned" | "zero-dimensional" | "number";
}

const categoryRank: Record<Category, number> = { bool: 0, integer: 1, float: 2 };
const standings = ["dimensioned", "zero-dimensional", "number"] as const;

/**
 * PyTorch's `result_type`: operands of a lower standing matter only when their category (bool <
 * integer < float) is above that of the higher standings. JavaScript floats count as float32.
 */
export function resultType(operands: readonly PromotionOperand[]): DType {
  let result: DType | undefined;
  for (const standing of standings) {
    let level: DType | undefined;
    for (const operand of operands) {
      if (operand.standing !== standing) continue;
      level = level === undefined ? operand.dtype : promoteTypes(level, operand.dtype);
    }
    if (level === undefined) continue;
    if (result === undefined) result = level;
    else if (
      categoryRank[descriptions[level].category] > categoryRank[descriptions[result].category]
    )
      result = level;
  }
  if (result === undefined) throw new DTypeError("resultType: expected at least one operand.");
  return result;
}

/** The dtype a JavaScript value takes in promotion: integral numbers count as int64 scalars. */
export const dtypeOfNumber = (value: number | bigint | boolean): DType =>
  typeof value === "boolean"
    ? "bool"
    : typeof value === "bigint" || Number.isInteger(value)
      ? "int64"
      : "float32";
