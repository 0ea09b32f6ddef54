// log and log1p on float32: x = 2ᵏ·(1 + f), then a series in f / (2 + f), as in FreeBSD's e_logf.c.
import { type Scalar, s } from "./instruction.ts";

const ln2High = 0.69313812256;
const ln2Low = 9.0580006145e-6;
/** Bits of sqrt(1/2): mantissas run from there to its double. */
const firstBits = 0x3f3504f3;
const oneBits = 0x3f800000;
const smallestNormal = 2 ** -126;
const series = [0.66666662693, 0.40000972152, 0.28498786688, 0.24279078841] as const;

export function log(x: Scalar): Scalar {
  const isSubnormal = s.lt(x, smallestNormal);
  const normal = s.select(isSubnormal, s.mul(x, 2 ** 25), x);
  const bits = s.add(s.bitcast(normal, "int32"), oneBits - firstBits);
  const exponent = s.sub(s.shr(bits, 23), s.select(isSubnormal, s.constant(152, "int32"), 127));
  const k = s.cast(exponent, "float32");
  const mantissa = s.add(s.bitAnd(bits, 0x007fffff), firstBits);
  const f = s.sub(s.bitcast(mantissa, "float32"), 1);
  const t = s.div(f, s.add(f, 2));
  const z = s.mul(t, t);
  const w = s.mul(z, z);
  const [c1, c2, c3, c4] = series;
  const r = s.add(s.mul(z, s.add(s.mul(w, c3), c1)), s.mul(w, s.add(s.mul(w, c4), c2)));
  const half = s.mul(s.mul(f, f), 0.5);
  const small = s.add(s.mul(t, s.add(half, r)), s.mul(k, ln2Low));
  const value = s.add(s.add(s.sub(small, half), f), s.mul(k, ln2High));
  // Infinity and NaN stay; negative numbers have no logarithm.
  const edge = s.select(s.eq(x, 0), -Infinity, s.select(s.lt(x, 0), NaN, x));
  return s.select(s.and(s.gt(x, 0), s.lt(x, Infinity)), value, edge);
}

/** log(1 + x), corrected for what the sum 1 + x rounds away. */
export function log1p(x: Scalar): Scalar {
  const u = s.add(x, 1);
  const lost = s.select(s.lt(x, 1), s.sub(x, s.sub(u, 1)), s.sub(1, s.sub(u, x)));
  const direct = log(u);
  const isInside = s.and(s.gt(u, 0), s.lt(u, Infinity));
  const value = s.select(isInside, s.add(direct, s.div(lost, u)), direct);
  return s.select(s.lt(s.abs(x), 2 ** -25), x, value);
}
