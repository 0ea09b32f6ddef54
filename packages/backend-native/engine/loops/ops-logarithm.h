// Logarithms on vectors, for several families. x = 2^e · m with m in [3/4, 3/2). Only for ops-*.isa.cpp.
#pragma once
#include "ops-lanes.h"

namespace flambeau {
namespace FLAMBEAU_ISA {
namespace {

/** x = 2^exponent · (1 + fraction). */
template <class V> struct Logarithm {
  V exponent, fraction;
};

/** Of positive normal x. */
FLAMBEAU_INLINE Logarithm<Floats> splitLogarithm(Floats x) {
  const Ints e = Ints(bitsOf(x) - 0x3f400000u) >> 23;
  return {__builtin_convertvector(e, Floats), Floats(bitsOf(x) - (Words(e) << 23)) - 1};
}
FLAMBEAU_INLINE Logarithm<Doubles> splitLogarithm(Doubles x) {
  // The exponent with its bias, which is positive, becomes the lowest bits of 2^52.
  const LongWords biased = (bitsOf(x) + 0x0008000000000000u) >> 52;
  const Doubles e = Doubles(biased | 0x4330000000000000u) - 4503599627371519.0;
  return {e, Doubles(bitsOf(x) - ((biased - 1023u) << 52)) - 1};
}

/** log(1 + r) + e·ln 2. The polynomials are weighted minimax, fitted for this project. */
FLAMBEAU_INLINE Floats joinLogarithm(const Logarithm<Floats>& x) {
  static constexpr float c[] = {-0.04507482891f, 0.1046302496f, -0.1316119387f, 0.1447839463f,
                                -0.1664731212f,  0.1999086124f, -0.2500009584f, 0.3333344911f};
  const Floats r = x.fraction, square = r * r;
  Floats small = square * (r * polynomial(r, c));
  small = multiplyAdd(x.exponent, -2.12194440054690583e-4f, small);
  small = multiplyAdd(square, -0.5f, small);
  return multiplyAdd(x.exponent, 0.693359375f, r + small);
}
/** By s = r / (2 + r), as in FreeBSD's msun. */
FLAMBEAU_INLINE Doubles joinLogarithm(const Logarithm<Doubles>& x) {
  static constexpr double c[] = {0.13840758133779253396, 0.13173937545101153648, 0.15391091757476021124,
                                 0.18181666495630179142, 0.22222224286107441853, 0.2857142855591974357,
                                 0.40000000000056301336, 0.66666666666666596854};
  const Doubles r = x.fraction, s = r / (r + 2), z = s * s;
  const Doubles halfSquare = r * r * 0.5;
  const Doubles small = multiplyAdd(x.exponent, 1.90821492927058770002e-10, s * (halfSquare + z * polynomial(z, c)));
  return multiplyAdd(x.exponent, 6.93147180369123816490e-01, r - (halfSquare - small));
}

// The least normal number, the largest, and what makes subnormal ones normal.
template <class V> struct Range;
template <> struct Range<Floats> {
  static constexpr float least = 1.17549435e-38f, most = 3.40282347e38f, lift = 8388608.0f, digits = 23;
};
template <> struct Range<Doubles> {
  static constexpr double least = 2.2250738585072014e-308, most = 1.7976931348623157e308;
  static constexpr double lift = 4503599627370496.0, digits = 52;
};

/** What log gives where x is not positive and finite. */
template <class V> FLAMBEAU_INLINE V withLimits(V x, V value) {
  value = select(x > Range<V>::most, x, value);
  value = select(x == 0, -__builtin_inff(), value);
  return select(~(x >= 0), __builtin_nanf(""), value);
}

template <class V> FLAMBEAU_INLINE V logarithm(V x) {
  using R = Range<V>;
  if (!any(~((x >= R::least) & (x <= R::most)))) return joinLogarithm(splitLogarithm(x));
  Logarithm<V> parts = splitLogarithm(select(x < R::least, x * R::lift, x));
  parts.exponent = select(x < R::least, parts.exponent - R::digits, parts.exponent);
  return withLimits(x, joinLogarithm(parts));
}

/** 2^-e for an exponent of a normal number below 2^digits. */
FLAMBEAU_INLINE Floats inversePower(Floats e) {
  return Floats((127u - Words(__builtin_convertvector(e, Ints))) << 23);
}
FLAMBEAU_INLINE Doubles inversePower(Doubles e) {
  // 2^52 + 1023 - e has the biased exponent of 2^-e in its lowest bits.
  return Doubles(bitsOf(4503599627371519.0 - e) << 52);
}

/** log(1 + x): the fraction comes from x itself, without the error of 1 + x. */
template <class V> FLAMBEAU_INLINE V logarithmOfOnePlus(V x) {
  using R = Range<V>;
  const V sum = x + 1;
  Logarithm<V> parts = splitLogarithm(sum);
  const V inverse = inversePower(parts.exponent);
  // Beside large x there is nothing to 1, nor room for the inverse.
  parts.fraction = select(x < R::lift * 4, multiplyAdd(x, inverse, inverse - 1), parts.fraction);
  const V value = joinLogarithm(parts);
  const V exact = select(magnitude(x) * R::lift < 1, x, value);
  if (!any(~((sum > 0) & (sum <= R::most)))) return exact;
  return withLimits(sum, exact);
}

}  // namespace
}  // namespace FLAMBEAU_ISA
}  // namespace flambeau
