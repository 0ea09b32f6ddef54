// float16 and bfloat16: their 16-bit words, as JavaScript numbers and as scalar expressions on int32
// and float32. Rounding is to nearest, ties to even; NaNs become quiet ones, as in PyTorch.
import { type Scalar, s } from "./instruction.ts";

export type HalfDType = "float16" | "bfloat16";

const float = new Float32Array(1);
const word = new Int32Array(float.buffer);

const bitsOf = (x: number): number => {
  float[0] = x;
  return word[0]!;
};

const fromBits = (bits: number): number => {
  word[0] = bits;
  return float[0]!;
};

const infinity = 0x7f800000;
const signBit = -(2 ** 31);
/** float16's exponents are less by this many. */
const rebias = 112;
/** The least normal float16, 2^-14, as float32's bits. */
const leastNormal = 0x38800000;

/** The word that stores a number; through float32, as PyTorch converts. */
export function encodeHalf(x: number, dtype: HalfDType): number {
  const bits = bitsOf(x);
  const size = bits & 0x7fffffff;
  if (dtype === "bfloat16") {
    return size > infinity ? 0x7fc0 : (bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16;
  }
  const sign = (bits >>> 16) & 0x8000;
  if (size > infinity) return sign | 0x7e00;
  // Beside 1/2, float32 has the steps of float16's smallest numbers.
  if (size < leastNormal) return sign | (bitsOf(fromBits(size) + 0.5) - bitsOf(0.5));
  const rounded = (size + 0xfff + ((size >>> 13) & 1)) >>> 13;
  return sign | Math.min(rounded - (rebias << 10), 0x7c00);
}

/** The number that a word stores. */
export function decodeHalf(stored: number, dtype: HalfDType): number {
  if (dtype === "bfloat16") return fromBits(stored << 16);
  const bits = (stored & 0x7fff) << 13;
  const size = (stored & 0x7c00) === 0x7c00 ? fromBits(bits | infinity) : fromBits(bits) * 2 ** rebias; // prettier-ignore
  return (stored & 0x8000) === 0 ? size : -size;
}

/** The nearest number that the dtype has. */
export const roundHalf = (x: number, dtype: HalfDType): number =>
  decodeHalf(encodeHalf(x, dtype), dtype);

/** `encodeHalf` as an expression: float32 → int32. */
export function encodedHalf(x: Scalar, dtype: HalfDType): Scalar {
  const bits = s.bitcast(x, "int32");
  const size = s.bitAnd(bits, 0x7fffffff);
  const isNaN = s.gt(size, infinity);
  if (dtype === "bfloat16") {
    const odd = s.bitAnd(s.shrU(bits, 16), 1);
    return s.select(isNaN, 0x7fc0, s.shrU(s.add(s.add(bits, 0x7fff), odd), 16));
  }
  const beside = s.add(s.bitcast(size, "float32"), 0.5);
  const small = s.sub(s.bitcast(beside, "int32"), bitsOf(0.5));
  const odd = s.bitAnd(s.shrU(size, 13), 1);
  const rounded = s.shrU(s.add(s.add(size, 0xfff), odd), 13);
  const normal = s.min(s.sub(rounded, rebias << 10), 0x7c00);
  const finite = s.select(s.lt(size, leastNormal), small, normal);
  const sign = s.bitAnd(s.shrU(bits, 16), 0x8000);
  return s.bitOr(sign, s.select(isNaN, 0x7e00, finite));
}

/** `decodeHalf` as an expression: int32 → float32. */
export function decodedHalf(stored: Scalar, dtype: HalfDType): Scalar {
  if (dtype === "bfloat16") return s.bitcast(s.shl(stored, 16), "float32");
  const bits = s.shl(s.bitAnd(stored, 0x7fff), 13);
  const finite = s.bitcast(s.mul(s.bitcast(bits, "float32"), 2 ** rebias), "int32");
  const size = s.select(s.lt(bits, 0x7c00 << 13), finite, s.bitOr(bits, infinity));
  const sign = s.bitAnd(s.shl(stored, 16), signBit);
  return s.bitcast(s.bitOr(size, sign), "float32");
}

/** The nearest number that the dtype has, as an expression on float32. */
export const roundedHalf = (x: Scalar, dtype: HalfDType): Scalar =>
  decodedHalf(encodedHalf(x, dtype), dtype);
