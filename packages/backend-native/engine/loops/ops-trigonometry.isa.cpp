// sin, cos and tan. x = n·π/2 + r with |r| <= π/4; the quadrant n says which of sine and cosine of r it is.
// Angles so large that n·π/2 needs more digits go to the C library.
#include <math.h>

#include "ops-exponent.h"

namespace flambeau {
namespace FLAMBEAU_ISA {

namespace {

/** r, its rounding error (float64 only), and n, of which the lowest two bits count. */
template <class V> struct Angle {
  V r, error;
  decltype(bitsOf(V{})) quadrant;
};

constexpr double kTwoOverPi = 6.36619772367581382433e-01;
constexpr float kFarFloat = kHasFused ? 20000.0f : 8192.0f;
constexpr double kFarDouble = 400000.0;

FLAMBEAU_INLINE Angle<Floats> reduced(Floats x) {
  const Floats shifted = multiplyAdd(x, static_cast<float>(kTwoOverPi), kFloatShift);
  const Floats n = shifted - kFloatShift;
  // π/2 in parts. Without fused arithmetic they are so short that products with all but the last are exact.
  Floats r;
  if (kHasFused) {
    r = multiplyAdd(n, -1.57079637e+00f, x);
    r = multiplyAdd(n, 4.37113883e-08f, r);
    r = multiplyAdd(n, 1.71512451e-15f, r);
  } else {
    r = x - n * 1.5703125f;
    r = r - n * 4.837512969970703125e-4f;
    r = r - n * 7.549533620476722717e-8f;
    r = r - n * 2.56334415159e-12f;
  }
  return {r, Floats{}, bitsOf(shifted)};
}

/** As in FreeBSD's msun: parts of 33 bits, twice. */
FLAMBEAU_INLINE Angle<Doubles> reduced(Doubles x) {
  const Doubles shifted = multiplyAdd(x, kTwoOverPi, kDoubleShift);
  const Doubles n = shifted - kDoubleShift;
  const Doubles high = multiplyAdd(n, -1.57079632673412561417e+00, x);
  const Doubles product = n * 6.07710050630396597660e-11;
  const Doubles rest = high - product;
  const Doubles low = multiplyAdd(n, 2.02226624879595063154e-21, product - (high - rest));
  const Doubles r = rest - low;
  return {r, (rest - r) - low, bitsOf(shifted)};
}

FLAMBEAU_INLINE Floats sine(const Angle<Floats>& a) {
  static constexpr float c[] = {-0.0001951463223f, 0.008332156056f, -0.1666665454f};
  const Floats square = a.r * a.r;
  return multiplyAdd(a.r * square, polynomial(square, c), a.r);
}
FLAMBEAU_INLINE Floats cosine(const Angle<Floats>& a) {
  static constexpr float c[] = {2.443241424e-5f, -0.001388730988f, 0.04166664555f};
  const Floats square = a.r * a.r;
  return multiplyAdd(square * square, polynomial(square, c), multiplyAdd(square, -0.5f, 1.0f));
}
FLAMBEAU_INLINE Doubles sine(const Angle<Doubles>& a) {
  static constexpr double c[] = {1.58969099521155010221e-10, -2.50507602534068634195e-08, 2.75573137070700676789e-06,
                                 -1.98412698298579493134e-04, 8.33333333332248946124e-03};
  const Doubles square = a.r * a.r, cube = square * a.r;
  const Doubles tail = square * (a.error * 0.5 - cube * polynomial(square, c)) - a.error;
  return a.r - (tail + cube * 1.66666666666666324348e-01);
}
FLAMBEAU_INLINE Doubles cosine(const Angle<Doubles>& a) {
  static constexpr double c[] = {-1.13596475577881948265e-11, 2.08757232129817482790e-09,
                                 -2.75573143513906633035e-07, 2.48015872894767294178e-05,
                                 -1.38888888888741095749e-03, 4.16666666666666019037e-02};
  const Doubles square = a.r * a.r, half = square * 0.5, near = 1 - half;
  return near + (((1 - near) - half) + (square * square * polynomial(square, c) - a.r * a.error));
}

FLAMBEAU_INLINE Ints isEven(Words quadrant) { return (quadrant & 1u) == 0u; }
FLAMBEAU_INLINE Longs isEven(LongWords quadrant) { return (quadrant & 1u) == 0u; }
/** The sign of a number, from bit 1 of the quadrant. */
FLAMBEAU_INLINE Words signOf(Words quadrant) { return quadrant >> 1 << 31; }
FLAMBEAU_INLINE LongWords signOf(LongWords quadrant) { return quadrant >> 1 << 63; }

FLAMBEAU_INLINE Ints isFar(Floats x) { return magnitude(x) > kFarFloat; }
FLAMBEAU_INLINE Longs isFar(Doubles x) { return magnitude(x) > kFarDouble; }

template <class V> FLAMBEAU_INLINE V sineOf(V x) {
  const auto angle = reduced(x);
  const V either = select(isEven(angle.quadrant), sine(angle), cosine(angle));
  const V value = V(bitsOf(either) ^ signOf(angle.quadrant));
  // The reduction loses the sign of -0.
  const V exact = select(x == 0, x, value);
  if (!any(isFar(x))) return exact;
  return patched(isFar(x), x, exact, [](double y) { return sin(y); });
}

template <class V> FLAMBEAU_INLINE V cosineOf(V x) {
  const auto angle = reduced(x);
  const V either = select(isEven(angle.quadrant), cosine(angle), sine(angle));
  const V value = V(bitsOf(either) ^ signOf(angle.quadrant + 1u));
  if (!any(isFar(x))) return value;
  return patched(isFar(x), x, value, [](double y) { return cos(y); });
}

FLAMBEAU_INLINE Doubles tangentOf(Doubles x) {
  const auto angle = reduced(x);
  const Doubles s = sine(angle), c = cosine(angle);
  const Longs isUpright = isEven(angle.quadrant);
  const Doubles value = select(isUpright, s, -c) / select(isUpright, c, s);
  const Doubles exact = select(x == 0, x, value);
  if (!any(isFar(x))) return exact;
  return patched(isFar(x), x, exact, [](double y) { return tan(y); });
}

}  // namespace

FLAMBEAU_FLOAT_LANES(Sin, sineOf)
FLAMBEAU_DOUBLE_LANES(Sin, sineOf)
FLAMBEAU_FLOAT_LANES(Cos, cosineOf)
FLAMBEAU_DOUBLE_LANES(Cos, cosineOf)
FLAMBEAU_WIDE_LANES(Tan, tangentOf)
FLAMBEAU_DOUBLE_LANES(Tan, tangentOf)

}  // namespace FLAMBEAU_ISA
}  // namespace flambeau
