// Powers, as C's pow, and remainders, as C's fmod. float32 in float64; powers of float64 by the C library.
#include <math.h>

#include "ops-exponent.h"
#include "ops-logarithm.h"

namespace flambeau {
namespace FLAMBEAU_ISA {

namespace {

/** log2(x) of a positive float32 (infinity included), good enough for 2^(y · log2 x) as a float32. */
FLAMBEAU_INLINE Doubles binaryLogarithm(Doubles x) {
  static constexpr double c[] = {0.037990009392563222,  -0.102041239764544828, 0.138793272184681697,
                                 -0.149208084305644781, 0.160503040508188789,  -0.180003646176213631,
                                 0.206056859795852794,  -0.24045841778066987,  0.288540427977479631,
                                 -0.360673653462087273, 0.480898332641698321,  -0.721347520831584625,
                                 1.44269504091064444};
  const Logarithm<Doubles> parts = splitLogarithm(x);
  const Doubles value = multiplyAdd(parts.fraction, polynomial(parts.fraction, c), parts.exponent);
  return select(x == 0, -__builtin_inf(), select(x < __builtin_inf(), value, x));
}

/** 2^x for a result that becomes a float32. */
FLAMBEAU_INLINE Doubles binaryExponential(Doubles x) {
  static constexpr double c[] = {0.000153456967073861237, 0.00134000633161655759, 0.00961849039564268419,
                                 0.0555032845076420169,   0.240226468678138788,   0.693147205886932272,
                                 1.00000000055859439};
  // These bounds already are 0 and infinite in float32.
  const Doubles within = atMost(atLeast(x, -200.0), 200.0);
  const Doubles shifted = within + kDoubleShift, n = shifted - kDoubleShift;
  return polynomial(within - n, c) * powerOfTwo(Exponent<Doubles>{shifted, n, n});
}

/** Of float32 numbers. */
FLAMBEAU_INLINE Doubles power(Doubles x, Doubles y) {
  const Doubles a = magnitude(x);
  Doubles value = binaryExponential(y * binaryLogarithm(a));
  // Whole numbers have no part below 1; from 2^51 on all are even.
  const Doubles size = magnitude(y), whole = (size + kDoubleShift) - kDoubleShift;
  const auto isWhole = (whole == size) | (size > 1e15);
  const Doubles half = size * 0.5, halfWhole = (half + kDoubleShift) - kDoubleShift;
  const auto isOdd = isWhole & (halfWhole != half) & (size < 1e15);
  value = select((x < 0) & ~isWhole & (a != __builtin_inf()), __builtin_nan(""), value);
  value = Doubles(Longs(value) ^ (Longs(x) & INT64_MIN & isOdd));
  // 1 to any power, -1 to an infinite one, and anything to the power 0 is 1.
  return select((x == 1) | (y == 0) | ((x == -1) & (size == __builtin_inf())), 1.0, value);
}

/** Quotients below this leave remainders that one operation gives exactly. */
constexpr double kQuotients = kHasFused ? 1125899906842624.0 : 536870912.0;

/** Of float64 only where the processor has fused arithmetic. */
FLAMBEAU_INLINE Doubles remainderOf(Doubles x, Doubles y) {
  const Doubles ratio = x / y, n = (ratio + kDoubleShift) - kDoubleShift;
  const Doubles nearest = multiplyAdd(-n, y, x);
  // The nearest multiple may lie beyond x: then the one before it is meant.
  const auto isBeyond = ((Longs(nearest) ^ Longs(x)) < 0) & (nearest != 0);
  const Doubles size = select(isBeyond, magnitude(y) - magnitude(nearest), magnitude(nearest));
  const Doubles value = withSignOf(x, size);
  const auto isHard = ~((magnitude(ratio) < kQuotients) & (magnitude(y) < __builtin_inf()));
  if (!any(isHard)) return value;
  return patched(isHard, x, y, value, [](double v, double w) { return fmod(v, w); });
}

}  // namespace

FLAMBEAU_WIDE_PAIRS(Pow, power)
FLAMBEAU_BINARY(Pow, Float64, double, double, pow(x, y))

FLAMBEAU_WIDE_PAIRS(Rem, remainderOf)
#if FLAMBEAU_ISA_NUMBER == FLAMBEAU_ISA_baseline
FLAMBEAU_BINARY(Rem, Float64, double, double, fmod(x, y))
#else
FLAMBEAU_DOUBLE_PAIRS(Rem, remainderOf)
#endif

}  // namespace FLAMBEAU_ISA
}  // namespace flambeau
