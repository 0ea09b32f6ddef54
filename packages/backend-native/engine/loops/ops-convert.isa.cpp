// Conversions between value types, as `convert` in core's evaluate.ts: floats truncate to int64, of which what
// does not fit (and NaN) is the least, and wrap to narrower integers; int64 becomes float32 by way of float64.
#include "ops-loops.h"

namespace flambeau {
namespace FLAMBEAU_ISA {

namespace {

template <class T> FLAMBEAU_INLINE int64_t toInt64(T x) {
  const bool fits = x >= T(-9223372036854775808.0) && x < T(9223372036854775808.0);
  return fits ? static_cast<int64_t>(fits ? x : T(0)) : INT64_MIN;
}

/** Floats → int32 or uint8. Only where one of a few neighbours needs int64 are they taken the long way. */
template <class R, class A>
FLAMBEAU_INLINE void truncateAll(void* out, const void* a, int64_t count) {
  constexpr int64_t kFew = 64;
  for (int64_t start = 0; start < count; start += kFew) {
    const int64_t few = count - start < kFew ? count - start : kFew;
    const A* x = static_cast<const A*>(a) + start;
    R* to = static_cast<R*>(out) + start;
    int32_t wild = 0;
    for (int64_t i = 0; i < few; i++) wild |= !(x[i] > A(-2147483648.0) && x[i] < A(2147483648.0));
    if (wild == 0) {
      each<R, A>(to, x, few, [](A v) -> R { return static_cast<R>(static_cast<int32_t>(v)); });
    } else {
      each<R, A>(to, x, few, [](A v) -> R { return static_cast<R>(static_cast<uint64_t>(toInt64(v))); });
    }
  }
}

}  // namespace

#define FLAMBEAU_CONVERSION(from, to, R, A, e)                                                       \
  void block##from##To##to(void* out, const void* a, const void*, const void*, int64_t count) {      \
    each<R, A>(out, a, count, [](A x) -> R { return static_cast<R>(e); });                           \
  }
#define FLAMBEAU_TRUNCATION(from, to, R, A)                                                          \
  void block##from##To##to(void* out, const void* a, const void*, const void*, int64_t count) {      \
    truncateAll<R, A>(out, a, count);                                                                \
  }

#define FLAMBEAU_FROM_INTEGER(from, A)                     \
  FLAMBEAU_CONVERSION(from, Bool, uint8_t, A, x != 0)      \
  FLAMBEAU_CONVERSION(from, Uint8, uint8_t, A, x)          \
  FLAMBEAU_CONVERSION(from, Int32, int32_t, A, x)          \
  FLAMBEAU_CONVERSION(from, Int64, int64_t, A, x)          \
  FLAMBEAU_CONVERSION(from, Float64, double, A, x)
FLAMBEAU_FROM_INTEGER(Bool, uint8_t)
FLAMBEAU_FROM_INTEGER(Uint8, uint8_t)
FLAMBEAU_FROM_INTEGER(Int32, int32_t)
FLAMBEAU_FROM_INTEGER(Int64, int64_t)

FLAMBEAU_CONVERSION(Bool, Float32, float, uint8_t, x)
FLAMBEAU_CONVERSION(Uint8, Float32, float, uint8_t, x)
FLAMBEAU_CONVERSION(Int32, Float32, float, int32_t, x)
FLAMBEAU_CONVERSION(Int64, Float32, float, int64_t, static_cast<double>(x))

#define FLAMBEAU_FROM_FLOAT(from, A)                          \
  FLAMBEAU_CONVERSION(from, Bool, uint8_t, A, x != 0)         \
  FLAMBEAU_TRUNCATION(from, Uint8, uint8_t, A)                \
  FLAMBEAU_TRUNCATION(from, Int32, int32_t, A)                \
  FLAMBEAU_CONVERSION(from, Int64, int64_t, A, toInt64(x))    \
  FLAMBEAU_CONVERSION(from, Float32, float, A, x)             \
  FLAMBEAU_CONVERSION(from, Float64, double, A, x)
FLAMBEAU_FROM_FLOAT(Float32, float)
FLAMBEAU_FROM_FLOAT(Float64, double)

}  // namespace FLAMBEAU_ISA
}  // namespace flambeau
