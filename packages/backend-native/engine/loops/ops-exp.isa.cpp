// exp, expm1, sinh, cosh, tanh and the logistic function.
#include "ops-exponent.h"

namespace flambeau {
namespace FLAMBEAU_ISA {

namespace {

// Below `lowest`, exp(x) - 1 is -1; above `highest` it is exp(x); from `flat` on tanh is 1; below `tiny`
// expm1(x) is x.
template <class V> struct Bounds;
template <> struct Bounds<Floats> { static constexpr float lowest = -20, highest = 88, flat = 10, tiny = 1e-8f; };
template <> struct Bounds<Doubles> { static constexpr double lowest = -40, highest = 709, flat = 20, tiny = 1e-17; };

template <class V> FLAMBEAU_INLINE V expMinusOne(V x) {
  using B = Bounds<V>;
  const V value = exponentialMinusOne(atMost(atLeast(x, B::lowest), B::highest));
  // Keeps -0 and the smallest numbers.
  const V exact = select(magnitude(x) < B::tiny, x, value);
  if (!any(x > B::highest)) return exact;
  return select(x > B::highest, exponential(x), exact);
}

/** t / (t + 2) for t = exp(2a) - 1. */
template <class V> FLAMBEAU_INLINE V hyperbolicTangent(V x) {
  const V a = magnitude(x);
  const V t = exponentialMinusOne(atMost(a, Bounds<V>::flat) * 2);
  return withSignOf(x, t / (t + 2));
}

template <class V> FLAMBEAU_INLINE V hyperbolicCosine(V x) {
  const V half = halfExponential(magnitude(x));
  return half + 0.25 / half;
}

template <class V> FLAMBEAU_INLINE V hyperbolicSine(V x) {
  const V a = magnitude(x);
  const V t = exponentialMinusOne(a < 1 ? a : V{} + 1);
  const V near = (t + t / (t + 1)) / 2;
  const V half = halfExponential(a);
  return withSignOf(x, select(a < 1, near, half - 0.25 / half));
}

/** From z = exp(-|x|), which never overflows: 1 / (1 + z), or z / (1 + z). */
template <class V> FLAMBEAU_INLINE V logistic(V x) {
  const V z = exponential(-magnitude(x));
  return select(x < 0, z, V{} + 1) / (z + 1);
}

}  // namespace

FLAMBEAU_FLOAT_LANES(Exp, exponential)
FLAMBEAU_DOUBLE_LANES(Exp, exponential)
FLAMBEAU_FLOAT_LANES(Expm1, expMinusOne)
FLAMBEAU_DOUBLE_LANES(Expm1, expMinusOne)
FLAMBEAU_FLOAT_LANES(Tanh, hyperbolicTangent)
FLAMBEAU_DOUBLE_LANES(Tanh, hyperbolicTangent)
FLAMBEAU_FLOAT_LANES(Cosh, hyperbolicCosine)
FLAMBEAU_DOUBLE_LANES(Cosh, hyperbolicCosine)
FLAMBEAU_FLOAT_LANES(Sinh, hyperbolicSine)
FLAMBEAU_DOUBLE_LANES(Sinh, hyperbolicSine)
FLAMBEAU_FLOAT_LANES(Sigmoid, logistic)
FLAMBEAU_DOUBLE_LANES(Sigmoid, logistic)

}  // namespace FLAMBEAU_ISA
}  // namespace flambeau
