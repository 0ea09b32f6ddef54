// Unsigned integers of 64 bits in int64 registers: what differs between the two readings of the bits.
import { type Scalar, constant, s } from "./instruction.ts";

const top = constant(-(2n ** 63n), "int64");

/** Flipping the top bit turns the order of unsigned words into that of signed ones. */
const ordered = (x: Scalar): Scalar => s.bitXor(x, top);

const lt = (x: Scalar, y: Scalar): Scalar => s.lt(ordered(x), ordered(y));
const le = (x: Scalar, y: Scalar): Scalar => s.le(ordered(x), ordered(y));

/** Half the dividend has no sign; its quotient, doubled, is right or one too small. */
function div(x: Scalar, y: Scalar): Scalar {
  const estimate = s.shl(s.div(s.shrU(x, 1), y), 1);
  const rest = s.sub(x, s.mul(estimate, y));
  const small = s.add(estimate, s.cast(le(y, rest), "int64"));
  const large = s.cast(le(y, x), "int64");
  return s.select(s.eq(y, 0), constant(0, "int64"), s.select(s.lt(y, 0), large, small));
}

const rem = (x: Scalar, y: Scalar): Scalar =>
  s.select(s.eq(y, 0), constant(0, "int64"), s.sub(x, s.mul(div(x, y), y)));

type Row = (x: Scalar, y: Scalar) => Scalar;

/** Instructions that read the top bit; all others are those of int64. */
export const unsignedTable: { readonly [op: string]: Row } = {
  lt,
  le,
  div,
  rem,
  min: (x, y) => s.select(lt(y, x), y, x),
  max: (x, y) => s.select(lt(x, y), y, x),
  abs: (x) => x,
  shr: s.shrU,
};

/** An unsigned word as a float: the low bit is kept where it decides a tie. */
export function unsignedToFloat(x: Scalar, dtype: "float32" | "float64"): Scalar {
  const halved = s.bitOr(s.shrU(x, 1), s.bitAnd(x, 1));
  const large = s.mul(s.cast(halved, "float64"), 2);
  return s.cast(s.select(s.lt(x, 0), large, s.cast(x, "float64")), dtype);
}

/** A float as an unsigned word. */
export function floatToUnsigned(x: Scalar): Scalar {
  const wide = s.cast(x, "float64");
  const large = s.bitXor(s.cast(s.sub(wide, 2 ** 63), "int64"), top);
  const isLarge = s.and(s.ge(wide, 2 ** 63), s.lt(wide, 2 ** 64));
  return s.select(isLarge, large, s.cast(wide, "int64"));
}
