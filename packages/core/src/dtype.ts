// Element types: their sizes, their categories, how they are stored, and PyTorch's promotion rules.
import { DTypeError } from "./errors.ts";

/** What kernels compute in, once compiler/realize.ts has rewritten them. Backends know no other. */
export type ValueDType = "float32" | "float64" | "int32" | "int64" | "uint8" | "bool";
/** What kernels then load and store: the narrow ones become int32 on the way. */
export type WordDType = ValueDType | "int8" | "int16" | "uint16";

export type DType =
  | WordDType
  | "float16"
  | "bfloat16"
  | "uint32"
  | "uint64"
  | "complex64"
  | "complex128";

export type TypedArray =
  | Float32Array
  | Float64Array
  | Int8Array
  | Int16Array
  | Int32Array
  | BigInt64Array
  | Uint8Array
  | Uint16Array
  | Uint32Array
  | BigUint64Array;

/** A complex number in JavaScript. */
export interface ComplexNumber {
  readonly re: number;
  readonly im: number;
}

export const isComplexNumber = (value: unknown): value is ComplexNumber =>
  typeof value === "object" &&
  value !== null &&
  typeof (value as Partial<ComplexNumber>).re === "number" &&
  typeof (value as Partial<ComplexNumber>).im === "number";

type Category = "bool" | "integer" | "float" | "complex";

interface ArrayType {
  new (length: number): TypedArray;
  new (buffer: ArrayBufferLike, byteOffset?: number, length?: number): TypedArray;
}

interface Description {
  readonly bytes: number;
  readonly category: Category;
  /** Short name for graph text and kernel keys. */
  readonly short: string;
  /** What `data()` gives. */
  readonly array: ArrayType;
  readonly value: ValueDType;
  readonly word: WordDType;
}

const describe = (
  bytes: number,
  category: Category,
  short: string,
  array: unknown,
  value: ValueDType,
  word: WordDType = value,
): Description => ({ bytes, category, short, array: array as ArrayType, value, word });

const descriptions: Record<DType, Description> = {
  bool: describe(1, "bool", "bool", Uint8Array, "bool"),
  uint8: describe(1, "integer", "u8", Uint8Array, "uint8"),
  int8: describe(1, "integer", "i8", Int8Array, "int32", "int8"),
  int16: describe(2, "integer", "i16", Int16Array, "int32", "int16"),
  uint16: describe(2, "integer", "u16", Uint16Array, "int32", "uint16"),
  int32: describe(4, "integer", "i32", Int32Array, "int32"),
  uint32: describe(4, "integer", "u32", Uint32Array, "int64", "int32"),
  int64: describe(8, "integer", "i64", BigInt64Array, "int64"),
  uint64: describe(8, "integer", "u64", BigUint64Array, "int64"),
  float16: describe(2, "float", "f16", Float32Array, "float32", "uint16"),
  bfloat16: describe(2, "float", "bf16", Float32Array, "float32", "uint16"),
  float32: describe(4, "float", "f32", Float32Array, "float32"),
  float64: describe(8, "float", "f64", Float64Array, "float64"),
  complex64: describe(8, "complex", "c64", Float32Array, "float32"),
  complex128: describe(16, "complex", "c128", Float64Array, "float64"),
};

/** Every dtype, narrowest first. */
export const dtypes = Object.keys(descriptions) as readonly DType[];

/** The dtypes that kernels compute in: the others are stored in words of these, or are pairs. */
export const valueDTypes: readonly ValueDType[] = [
  "bool", "uint8", "int32", "int64", "float32", "float64",
]; // prettier-ignore

export const isDType = (name: unknown): name is DType =>
  typeof name === "string" && Object.hasOwn(descriptions, name);

/** Bytes of one element. */
export const byteSize = (dtype: DType): number => descriptions[dtype].bytes;
export const shortName = (dtype: DType): string => descriptions[dtype].short;
/** Real floats; not complex. */
export const isFloat = (dtype: DType): boolean => descriptions[dtype].category === "float";
export const isComplex = (dtype: DType): dtype is "complex64" | "complex128" =>
  descriptions[dtype].category === "complex";
/** Floats and complex numbers: what has gradients. */
export const isContinuous = (dtype: DType): boolean => isFloat(dtype) || isComplex(dtype);
/** The floats of 16 bits: stored as words, computed in float32. */
export const isHalf = (dtype: DType): dtype is "float16" | "bfloat16" =>
  dtype === "float16" || dtype === "bfloat16";
/** Throws where an op has no meaning on complex numbers. */
export function requireReal(name: string, dtype: DType): void {
  if (!isComplex(dtype)) return;
  throw new DTypeError(`${name}: ${dtype} is not accepted. Take abs(x), real(x) or imag(x) first.`);
}

/** Signed or unsigned integers; not bool. */
export const isInteger = (dtype: DType): boolean => descriptions[dtype].category === "integer";
/** Whether no value is below 0. */
export const isUnsigned = (dtype: DType): boolean => dtype === "bool" || dtype.startsWith("uint");
/** Whether elements are bigints in JavaScript. */
export const isBig = (dtype: DType): boolean => dtype === "int64" || dtype === "uint64";

/**
 * The typed array that `data()` gives: bool is one byte of 0 or 1, float16 and bfloat16 are numbers
 * of a Float32Array, complex numbers alternate real and imaginary parts.
 */
export const arrayType = (dtype: DType): ArrayType => descriptions[dtype].array;

/** What an element is in registers; for complex numbers each part. */
export const valueDType = (dtype: DType): ValueDType => descriptions[dtype].value;
/** What an element is in memory; for complex numbers each part. */
export const wordDType = (dtype: DType): WordDType => descriptions[dtype].word;
/** How many words an element has: complex numbers are pairs. */
export const wordsOf = (dtype: DType): 1 | 2 => (isComplex(dtype) ? 2 : 1);

/** The dtype of real and imaginary parts; real dtypes are their own. */
export const realDType = (dtype: DType): DType =>
  dtype === "complex64" ? "float32" : dtype === "complex128" ? "float64" : dtype;

/** The complex dtype whose parts hold what `dtype` holds. */
export const complexDType = (dtype: DType): "complex64" | "complex128" =>
  dtype === "float64" || dtype === "complex128" ? "complex128" : "complex64";

/** Least and greatest value of an integer dtype or bool. */
export function integerRange(dtype: DType): readonly [bigint, bigint] {
  if (dtype === "bool") return [0n, 1n];
  const bits = BigInt(byteSize(dtype) * 8);
  return isUnsigned(dtype) ? [0n, 2n ** bits - 1n] : [-(2n ** (bits - 1n)), 2n ** (bits - 1n) - 1n];
}

const categoryRank: Record<Category, number> = { bool: 0, integer: 1, float: 2, complex: 3 };
const categoryOf = (dtype: DType): number => categoryRank[descriptions[dtype].category];
const signedOfBytes: { readonly [bytes: number]: DType } = { 2: "int16", 4: "int32", 8: "int64" };

/** Of two integer dtypes, the narrowest that holds both. */
function promoteIntegers(a: DType, b: DType): DType {
  if (isUnsigned(a) === isUnsigned(b)) return byteSize(a) >= byteSize(b) ? a : b;
  const [unsigned, signed] = isUnsigned(a) ? [a, b] : [b, a];
  if (byteSize(signed) > byteSize(unsigned)) return signed;
  const wider = signedOfBytes[2 * byteSize(unsigned)];
  if (wider !== undefined) return wider;
  throw new DTypeError(
    `no integer dtype holds both ${a} and ${b}. Cast one of them with to(…), for instance to("int64").`,
  );
}

/** The dtype both operands convert to when both are tensors of equal standing. */
export function promoteTypes(a: DType, b: DType): DType {
  if (a === b) return a;
  const [lower, higher] = categoryOf(a) <= categoryOf(b) ? [a, b] : [b, a];
  if (categoryOf(lower) < categoryOf(higher)) {
    return isComplex(higher) && lower === "float64" ? "complex128" : higher;
  }
  if (isInteger(a)) return promoteIntegers(a, b);
  if (isHalf(a) && isHalf(b)) return "float32";
  return byteSize(a) >= byteSize(b) ? a : b;
}

/** How much an operand counts in promotion: PyTorch ranks dimensions over 0-d over JavaScript. */
export interface PromotionOperand {
  readonly dtype: DType;
  readonly standing: "dimensioned" | "zero-dimensional" | "number";
}

const standings = ["number", "zero-dimensional", "dimensioned"] as const;

/** A dtype of higher standing meets one of lower: only a higher category of the latter counts. */
function combineStandings(higher: DType, lower: DType): DType {
  if (categoryOf(lower) <= categoryOf(higher)) return higher;
  return isFloat(higher) ? complexDType(higher) : lower;
}

/**
 * PyTorch's `result_type`: operands of a lower standing matter only when their category (bool <
 * integer < float < complex) is above that of the higher standings. JavaScript floats count as
 * float32.
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
    result = result === undefined ? level : combineStandings(level, result);
  }
  if (result === undefined) throw new DTypeError("resultType: expected at least one operand.");
  return result;
}

/** The dtype a JavaScript value takes in promotion: integral numbers count as int64 scalars. */
export const dtypeOfNumber = (value: number | bigint | boolean | ComplexNumber): DType =>
  typeof value === "object"
    ? "complex64"
    : typeof value === "boolean"
      ? "bool"
      : typeof value === "bigint" || Number.isInteger(value)
        ? "int64"
        : "float32";
