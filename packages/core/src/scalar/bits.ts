// Floats by their bits, as expressions: sign, neighbours, mantissa and exponent.
import type { DType } from "../dtype.ts";
import { type Scalar, constant, s } from "./instruction.ts";

interface Format {
  readonly whole: DType;
  /** Bits of the mantissa. */
  readonly mantissa: number;
  /** The largest exponent's bits: infinity and NaN have them. */
  readonly exponents: number;
  readonly bias: number;
  /** The least number above 0. */
  readonly smallest: number;
  readonly smallestNormal: number;
}

const formatOf = (dtype: DType): Format =>
  dtype === "float64"
    ? { whole: "int64", mantissa: 52, exponents: 0x7ff, bias: 1023, smallest: 5e-324, smallestNormal: 2 ** -1022 }
    : { whole: "int32", mantissa: 23, exponents: 0xff, bias: 127, smallest: 2 ** -149, smallestNormal: 2 ** -126 }; // prettier-ignore

const bitsOf = (x: Scalar): Scalar => s.bitcast(x, formatOf(x.dtype).whole);

/** Floats narrower than float32 are looked at as float32, which holds them exactly. */
const wide = (x: Scalar): Scalar => (x.dtype === "float64" ? x : s.cast(x, "float32"));

/** Whether the sign bit is set: also of -0 and of NaN. */
export const signBit = (x: Scalar): Scalar => s.lt(bitsOf(wide(x)), 0);

/** `|x|` with the sign bit of y. */
export function copySign(x: Scalar, y: Scalar): Scalar {
  const size = s.abs(x);
  return s.select(signBit(y), s.neg(size), size);
}

/** The neighbour of x in the direction of y, in float32 or float64; y itself where they are equal. */
export function nextAfter(x: Scalar, y: Scalar): Scalar {
  const { smallest } = formatOf(x.dtype);
  const grows = s.eq(s.lt(x, y), s.gt(x, 0));
  const bits = bitsOf(x);
  const one = constant(1, bits.dtype);
  const moved = s.bitcast(s.select(grows, s.add(bits, one), s.sub(bits, one)), x.dtype);
  const fromZero = copySign(constant(smallest, x.dtype), y);
  const next = s.select(s.eq(x, 0), fromZero, moved);
  // A sum is NaN where one of them is.
  return s.select(s.eq(x, y), y, s.select(s.isNaN(s.add(x, y)), s.add(x, y), next));
}

interface Parts {
  /** In ±[1/2, 1); 0, ±∞ and NaN as they are. */
  readonly mantissa: Scalar;
  /** int32; x = mantissa · 2^exponent. */
  readonly exponent: Scalar;
}

/** Mantissa and exponent, as C's frexp gives them. */
export function splitFloat(narrow: Scalar): Parts {
  const x = wide(narrow);
  const { whole, mantissa, exponents, bias, smallestNormal } = formatOf(x.dtype);
  const isTiny = s.lt(s.abs(x), smallestNormal);
  const normal = s.select(isTiny, s.mul(x, 2 ** (mantissa + 1)), x);
  const bits = bitsOf(normal);
  const field = s.bitAnd(s.shr(bits, mantissa), constant(exponents, whole));
  const isPlain = s.and(s.ne(x, 0), s.ne(field, exponents));
  const shift = s.select(isTiny, constant(bias - 1 + mantissa + 1, "int32"), bias - 1);
  const exponent = s.sub(s.cast(field, "int32"), shift);
  // The exponent's bits replaced by those of 1/2.
  const scale = 2n ** BigInt(mantissa);
  const kept = s.bitAnd(bits, constant(~(BigInt(exponents) * scale), whole));
  const half = s.bitOr(kept, constant(BigInt(bias - 1) * scale, whole));
  return {
    mantissa: s.cast(s.select(isPlain, s.bitcast(half, x.dtype), x), narrow.dtype),
    exponent: s.select(isPlain, exponent, constant(0, "int32")),
  };
}
