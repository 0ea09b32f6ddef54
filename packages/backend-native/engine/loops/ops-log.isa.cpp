// log, log1p, and the inverse hyperbolic functions, which are made of log1p.
#include "ops-logarithm.h"

namespace flambeau {
namespace FLAMBEAU_ISA {

namespace {

#if FLAMBEAU_ISA_NUMBER == FLAMBEAU_ISA_avx512
/** As `logarithm`, with the instructions that AVX-512 has for taking numbers apart. */
FLAMBEAU_INLINE Floats quickLogarithm(Floats x) {
  const __m512 m = _mm512_getmant_ps(__m512(x), _MM_MANT_NORM_p75_1p5, _MM_MANT_SIGN_src);
  const Floats e = Floats(_mm512_getexp_ps(__m512(x))) - Floats(_mm512_getexp_ps(m));
  const Floats value = joinLogarithm({e, Floats(m) - 1});
  // By the kind of x, a nibble each from the right: NaNs stay, 0 gives -infinity, negative ones NaN.
  return Floats(_mm512_fixupimm_ps(__m512(value), __m512(x), _mm512_set1_epi32(0x03538422), 0));
}
#else
FLAMBEAU_INLINE Floats quickLogarithm(Floats x) { return logarithm(x); }
#endif

// float64 alone: of float32 they are computed in float64.

constexpr double kLn2 = 0.693147180559945309417;
/** Above this, 1 vanishes beside the square. */
constexpr double kLarge = 268435456.0;

FLAMBEAU_INLINE Doubles inverseSine(Doubles x) {
  const Doubles a = magnitude(x);
  const Doubles small = a >= kLarge ? all(1.0) : a;
  const Doubles square = small * small;
  const Doubles near = logarithmOfOnePlus(small + square / (root(square + 1) + 1));
  if (!any(a >= kLarge)) return withSignOf(x, near);
  return withSignOf(x, select(a >= kLarge, logarithm(a) + kLn2, near));
}

FLAMBEAU_INLINE Doubles inverseCosine(Doubles x) {
  const Doubles t = (x >= kLarge ? all(2.0) : x) - 1;
  const Doubles near = select(x < 1, __builtin_nan(""), logarithmOfOnePlus(t + root(t * 2 + t * t)));
  if (!any(x >= kLarge)) return near;
  return select(x >= kLarge, logarithm(x) + kLn2, near);
}

FLAMBEAU_INLINE Doubles inverseTangent(Doubles x) {
  const Doubles a = magnitude(x);
  return withSignOf(x, logarithmOfOnePlus(a * 2 / (1 - a)) * 0.5);
}

}  // namespace

FLAMBEAU_FLOAT_LANES(Log, quickLogarithm)
FLAMBEAU_DOUBLE_LANES(Log, logarithm)
FLAMBEAU_FLOAT_LANES(Log1p, logarithmOfOnePlus)
FLAMBEAU_DOUBLE_LANES(Log1p, logarithmOfOnePlus)
FLAMBEAU_WIDE_LANES(Asinh, inverseSine)
FLAMBEAU_DOUBLE_LANES(Asinh, inverseSine)
FLAMBEAU_WIDE_LANES(Acosh, inverseCosine)
FLAMBEAU_DOUBLE_LANES(Acosh, inverseCosine)
FLAMBEAU_WIDE_LANES(Atanh, inverseTangent)
FLAMBEAU_DOUBLE_LANES(Atanh, inverseTangent)

}  // namespace FLAMBEAU_ISA
}  // namespace flambeau
