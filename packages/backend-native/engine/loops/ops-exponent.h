// exp and its kin on vectors, for several families. x = n·ln 2 + r; the polynomials (weighted minimax, fitted
// for this project) give exp(r) - 1 for |r| <= ln 2 / 2. Only for ops-*.isa.cpp.
#pragma once
#include "ops-lanes.h"

namespace flambeau {
namespace FLAMBEAU_ISA {
namespace {

/** n in the lowest bits of `shifted`, n itself, and exp(r) - 1. */
template <class V> struct Exponent {
  V shifted, n, fraction;
};

// Adding 1.5·2^(digits - 1) leaves the nearest integer in the lowest bits.
constexpr float kFloatShift = 12582912.0f;
constexpr uint32_t kFloatShiftBits = 0x4b400000;
constexpr double kDoubleShift = 6755399441055744.0;
constexpr uint64_t kDoubleShiftBits = 0x4338000000000000;

FLAMBEAU_INLINE Exponent<Floats> splitExponent(Floats x) {
  static constexpr float c[] = {0.001394678495f, 0.008366788583f, 0.04166627881f, 0.1666654183f, 0.5000000062f};
  const Floats shifted = multiplyAdd(x, 1.44269504088896341f, kFloatShift);
  const Floats n = shifted - kFloatShift;
  Floats r = multiplyAdd(n, -0.693359375f, x);
  r = multiplyAdd(n, 2.12194440054690583e-4f, r);
  return {shifted, n, multiplyAdd(r * r, polynomial(r, c), r)};
}

FLAMBEAU_INLINE Exponent<Doubles> splitExponent(Doubles x) {
  static constexpr double c[] = {
      2.0924361330566619155e-9, 2.510893851152852412e-8,  2.755724311156147064e-7,   2.7557244554874279123e-6,
      2.4801587360002483381e-5, 1.9841269885706648793e-4, 1.3888888888867227396e-3,  8.3333333333218353348e-3,
      4.1666666666666700195e-2, 1.6666666666666676252e-1, 0.49999999999999999987};
  const Doubles shifted = multiplyAdd(x, 1.4426950408889634074, kDoubleShift);
  const Doubles n = shifted - kDoubleShift;
  Doubles r = multiplyAdd(n, -6.93147180369123816490e-01, x);
  r = multiplyAdd(n, -1.90821492927058770002e-10, r);
  return {shifted, n, multiplyAdd(r * r, polynomial(r, c), r)};
}

/** 2^n where it is a normal number. */
FLAMBEAU_INLINE Floats powerOfTwo(const Exponent<Floats>& e) {
  return Floats((bitsOf(e.shifted) << 23) + 0x3f800000u);
}
FLAMBEAU_INLINE Doubles powerOfTwo(const Exponent<Doubles>& e) {
  return Doubles((bitsOf(e.shifted) << 52) + 0x3ff0000000000000u);
}

/** y · 2^(n - halvings), rounded once, for y near 1 and any n of these functions. */
FLAMBEAU_INLINE Floats scaled(Floats y, const Exponent<Floats>& e, int halvings) {
#if FLAMBEAU_ISA_NUMBER == FLAMBEAU_ISA_avx512
  const Floats n = halvings == 0 ? e.n : e.n - static_cast<float>(halvings);
  return Floats(_mm512_scalef_ps(__m512(y), __m512(n)));
#else
  // In two steps: 2^n itself may be out of range.
  const Words n = bitsOf(e.shifted) - (kFloatShiftBits + static_cast<uint32_t>(halvings));
  const Words half = Words(Ints(n) >> 1);
  return y * Floats((half + 127u) << 23) * Floats((n - half + 127u) << 23);
#endif
}
FLAMBEAU_INLINE Doubles scaled(Doubles y, const Exponent<Doubles>& e, int halvings) {
#if FLAMBEAU_ISA_NUMBER == FLAMBEAU_ISA_avx512
  const Doubles n = halvings == 0 ? e.n : e.n - static_cast<double>(halvings);
  return Doubles(_mm512_scalef_pd(__m512d(y), __m512d(n)));
#else
  // Shifts that keep the sign are missing: n is made positive before it is halved.
  const LongWords n = bitsOf(e.shifted) - (kDoubleShiftBits + static_cast<uint64_t>(halvings));
  const LongWords half = ((n + 4096u) >> 1) - 2048u;
  return y * Doubles((half + 1023u) << 52) * Doubles((n - half + 1023u) << 52);
#endif
}

// Beyond these bounds exp is 0 and infinite; within `plain` on both sides, 2^n is a normal number.
template <class V> struct ExponentRange;
template <> struct ExponentRange<Floats> { static constexpr float lowest = -104, highest = 90, plain = 87; };
template <> struct ExponentRange<Doubles> { static constexpr double lowest = -746, highest = 711, plain = 708; };

/** exp(x) for |x| <= plain. */
template <class V> FLAMBEAU_INLINE V plainExponential(V x) {
  const Exponent<V> e = splitExponent(x);
  return (e.fraction + 1) * powerOfTwo(e);
}
/** exp(x) / 2^halvings, which decides where it overflows. */
template <class V> FLAMBEAU_INLINE V boundedExponential(V x, int halvings) {
  using R = ExponentRange<V>;
  const Exponent<V> e = splitExponent(atMost(atLeast(x, R::lowest), R::highest));
  return scaled(e.fraction + 1, e, halvings);
}
/** exp(x). */
template <class V> FLAMBEAU_INLINE V exponential(V x) {
#if FLAMBEAU_ISA_NUMBER != FLAMBEAU_ISA_avx512
  if (!any(~(magnitude(x) <= ExponentRange<V>::plain))) return plainExponential(x);
#endif
  return boundedExponential(x, 0);
}
/** exp(x) / 2, finite where cosh is. */
template <class V> FLAMBEAU_INLINE V halfExponential(V x) { return boundedExponential(x, 1); }

/** exp(x) - 1 for x where 2^n and -1 make sense together: from -20 (-40) to 88 (709). */
template <class V> FLAMBEAU_INLINE V exponentialMinusOne(V x) {
  const Exponent<V> e = splitExponent(x);
  const V power = powerOfTwo(e);
  return multiplyAdd(power, e.fraction, power - 1);
}

}  // namespace
}  // namespace FLAMBEAU_ISA
}  // namespace flambeau
