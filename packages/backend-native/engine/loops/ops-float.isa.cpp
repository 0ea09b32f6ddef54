// Arithmetic of float32 and float64 that processors have instructions for, and comparisons. Remainders and
// powers: ops-pow; transcendental functions: ops-exp, ops-log, ops-trigonometry, ops-arc, ops-erf.
#include "ops-loops.h"

namespace flambeau {
namespace FLAMBEAU_ISA {

namespace {

template <class T> struct BitsOf { using type = uint32_t; };
template <> struct BitsOf<double> { using type = uint64_t; };

template <class T> FLAMBEAU_INLINE typename BitsOf<T>::type bitsOf(T x) {
  typename BitsOf<T>::type bits;
  memcpy(&bits, &x, sizeof bits);
  return bits;
}
template <class T> FLAMBEAU_INLINE T fromBits(typename BitsOf<T>::type bits) {
  T x;
  memcpy(&x, &bits, sizeof x);
  return x;
}

// Processors' minimum and maximum give the second operand where both are equal, as 0 and -0 are, or one is
// NaN. Asked both ways round, the two answers differ in these cases alone.
template <class T> FLAMBEAU_INLINE T least(T x, T y) {
  const T one = x < y ? x : y, other = y < x ? y : x;
  // Beside a NaN, all bits of the exponent and some of the fraction are set; of zeros the sign.
  return fromBits<T>(bitsOf(one) | bitsOf(other));
}
template <class T> FLAMBEAU_INLINE T greatest(T x, T y) {
  const T one = x > y ? x : y, other = y > x ? y : x;
  const T both = fromBits<T>(bitsOf(one) & bitsOf(other));
  return x != x || y != y ? x + y : both;
}

// Where the library has to be called for rounding, arithmetic is faster: beyond 2^digits all are whole.
#if FLAMBEAU_ISA_NUMBER == FLAMBEAU_ISA_baseline && !defined(__SSE4_1__)
template <class T> constexpr T wholeFrom = sizeof(T) == 4 ? T(8388608) : T(4503599627370496);
template <class T> FLAMBEAU_INLINE T withSign(T magnitude, T sign) {
  constexpr typename BitsOf<T>::type signBit = typename BitsOf<T>::type(1) << (sizeof(T) * 8 - 1);
  return fromBits<T>((bitsOf(magnitude) & ~signBit) | (bitsOf(sign) & signBit));
}
template <class T> FLAMBEAU_INLINE T nearest(T x) {
  const T size = x < 0 ? -x : x;
  const T whole = (size + wholeFrom<T>) - wholeFrom<T>;
  return size < wholeFrom<T> ? withSign(whole, x) : x;
}
template <class T> FLAMBEAU_INLINE T down(T x) {
  const T whole = nearest(x);
  return withSign(whole > x ? whole - 1 : whole, x);
}
template <class T> FLAMBEAU_INLINE T up(T x) { return -down(-x); }
template <class T> FLAMBEAU_INLINE T towardsZero(T x) {
  return withSign(down(x < 0 ? -x : x), x);
}
#else
FLAMBEAU_INLINE float nearest(float x) { return __builtin_rintf(x); }
FLAMBEAU_INLINE double nearest(double x) { return __builtin_rint(x); }
FLAMBEAU_INLINE float down(float x) { return __builtin_floorf(x); }
FLAMBEAU_INLINE double down(double x) { return __builtin_floor(x); }
FLAMBEAU_INLINE float up(float x) { return __builtin_ceilf(x); }
FLAMBEAU_INLINE double up(double x) { return __builtin_ceil(x); }
FLAMBEAU_INLINE float towardsZero(float x) { return __builtin_truncf(x); }
FLAMBEAU_INLINE double towardsZero(double x) { return __builtin_trunc(x); }
#endif

FLAMBEAU_INLINE float magnitude(float x) { return __builtin_fabsf(x); }
FLAMBEAU_INLINE double magnitude(double x) { return __builtin_fabs(x); }
FLAMBEAU_INLINE float root(float x) { return __builtin_sqrtf(x); }
FLAMBEAU_INLINE double root(double x) { return __builtin_sqrt(x); }

/** x·y + z, rounded twice as in PyTorch and the reference: one rounding would tell overflow differently. */
template <class T> FLAMBEAU_INLINE T productSum(T x, T y, T z) { return x * y + z; }

template <class T, class F>
FLAMBEAU_INLINE void eachOfThree(void* out, const void* a, const void* b, const void* c, int64_t count, F f) {
  T* to = static_cast<T*>(out);
  const T* x = static_cast<const T*>(a);
  const T* y = static_cast<const T*>(b);
  const T* z = static_cast<const T*>(c);
  FLAMBEAU_INDEPENDENT
  for (int64_t i = 0; i < count; i++) to[i] = f(x[i], y[i], z[i]);
}

}  // namespace

#define FLAMBEAU_FLOATS(type, T)                                                                        \
  FLAMBEAU_UNARY(Neg, type, T, T, -x)                                                                   \
  FLAMBEAU_UNARY(Abs, type, T, T, magnitude(x))                                                          \
  FLAMBEAU_UNARY(Floor, type, T, T, down(x))                                                            \
  FLAMBEAU_UNARY(Ceil, type, T, T, up(x))                                                               \
  FLAMBEAU_UNARY(Trunc, type, T, T, towardsZero(x))                                                     \
  FLAMBEAU_UNARY(Round, type, T, T, nearest(x))                                                         \
  FLAMBEAU_UNARY(Not, type, uint8_t, T, x == 0)                                                         \
  FLAMBEAU_UNARY(Sqrt, type, T, T, root(x))                                                             \
  FLAMBEAU_BINARY(Add, type, T, T, x + y)                                                               \
  FLAMBEAU_BINARY(Sub, type, T, T, x - y)                                                               \
  FLAMBEAU_BINARY(Mul, type, T, T, x* y)                                                                \
  FLAMBEAU_BINARY(Div, type, T, T, x / y)                                                               \
  FLAMBEAU_BINARY(Min, type, T, T, least(x, y))                                                         \
  FLAMBEAU_BINARY(Max, type, T, T, greatest(x, y))                                                      \
  FLAMBEAU_BINARY(Eq, type, uint8_t, T, x == y)                                                         \
  FLAMBEAU_BINARY(Ne, type, uint8_t, T, x != y)                                                         \
  FLAMBEAU_BINARY(Lt, type, uint8_t, T, x < y)                                                          \
  FLAMBEAU_BINARY(Le, type, uint8_t, T, x <= y)                                                         \
  FLAMBEAU_BINARY(And, type, uint8_t, T, (x != 0) & (y != 0))                                           \
  FLAMBEAU_BINARY(Or, type, uint8_t, T, (x != 0) | (y != 0))                                            \
  FLAMBEAU_SELECT(type, T)                                                                              \
  void blockMultiplyAdd##type(void* out, const void* a, const void* b, const void* c, int64_t count) {  \
    eachOfThree<T>(out, a, b, c, count, [](T x, T y, T z) { return productSum(x, y, z); });                  \
  }                                                                                                     \
  void blockMultiplySubtract##type(void* out, const void* a, const void* b, const void* c, int64_t count) { \
    eachOfThree<T>(out, a, b, c, count, [](T x, T y, T z) { return productSum(x, y, -z); });                 \
  }                                                                                                     \
  void blockSubtractProduct##type(void* out, const void* a, const void* b, const void* c, int64_t count) { \
    eachOfThree<T>(out, a, b, c, count, [](T x, T y, T z) { return productSum(-x, y, z); });                 \
  }

FLAMBEAU_FLOATS(Float32, float)
FLAMBEAU_FLOATS(Float64, double)

}  // namespace FLAMBEAU_ISA
}  // namespace flambeau
