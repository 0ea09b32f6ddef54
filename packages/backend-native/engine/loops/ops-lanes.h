// Vectors for functions that are longer than an expression: one source for all instruction sets, over as many
// lanes as a register has. Loops over blocks with exact tails. Only for ops-*.isa.cpp.
#pragma once
#include <string.h>

#include "ops-loops.h"

#if FLAMBEAU_ISA_NUMBER == FLAMBEAU_ISA_avx2 || FLAMBEAU_ISA_NUMBER == FLAMBEAU_ISA_avx512
#include <immintrin.h>
#elif FLAMBEAU_ISA_NUMBER == FLAMBEAU_ISA_neon
#include <arm_neon.h>
#elif defined(FLAMBEAU_X86)
#include <emmintrin.h>
#endif

#if defined(__GNUC__) && !defined(__clang__)
// Of intrinsics that leave a register undefined on purpose.
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

#if defined(__clang__)
#define FLAMBEAU_UNROLL _Pragma("unroll")
#else
#define FLAMBEAU_UNROLL _Pragma("GCC unroll 32")
#endif
#define FLAMBEAU_LAMBDA_INLINE __attribute__((always_inline))

namespace flambeau {
namespace FLAMBEAU_ISA {
namespace {

#if FLAMBEAU_ISA_NUMBER == FLAMBEAU_ISA_avx512
constexpr int kVectorBytes = 64;
#elif FLAMBEAU_ISA_NUMBER == FLAMBEAU_ISA_avx2
constexpr int kVectorBytes = 32;
#else
constexpr int kVectorBytes = 16;
#endif

/** Whether `multiplyAdd` rounds once. */
constexpr bool kHasFused = FLAMBEAU_ISA_NUMBER != FLAMBEAU_ISA_baseline;

template <class T, int N> struct VectorOf {
  typedef T type __attribute__((vector_size(N * sizeof(T))));
};
template <class T, int N> using Vector = typename VectorOf<T, N>::type;

constexpr int kFloats = kVectorBytes / 4;
constexpr int kDoubles = kVectorBytes / 8;
using Floats = Vector<float, kFloats>;
using Ints = Vector<int32_t, kFloats>;
using Doubles = Vector<double, kDoubles>;
using Longs = Vector<int64_t, kDoubles>;
/** As many half-width words, or floats, as there are floats, or doubles. */
using Halves = Vector<uint16_t, kFloats>;
using FewFloats = Vector<float, kDoubles>;
/** Bits of floats, for arithmetic that wraps. */
using Words = Vector<uint32_t, kFloats>;
using LongWords = Vector<uint64_t, kDoubles>;
FLAMBEAU_INLINE Words bitsOf(Floats x) { return Words(x); }
FLAMBEAU_INLINE LongWords bitsOf(Doubles x) { return LongWords(x); }

/** x in all lanes. (Taking 0 away changes nothing, not even the sign of -0.) */
FLAMBEAU_INLINE Floats all(float x) { return x - Floats{}; }
FLAMBEAU_INLINE Doubles all(double x) { return x - Doubles{}; }

FLAMBEAU_INLINE Floats select(Ints condition, Floats x, Floats y) { return condition ? x : y; }
FLAMBEAU_INLINE Doubles select(Longs condition, Doubles x, Doubles y) { return condition ? x : y; }
FLAMBEAU_INLINE Floats select(Ints condition, float x, Floats y) { return condition ? all(x) : y; }
FLAMBEAU_INLINE Doubles select(Longs condition, double x, Doubles y) { return condition ? all(x) : y; }

/** x·y + z; rounds once where kHasFused. */
FLAMBEAU_INLINE Floats multiplyAdd(Floats x, Floats y, Floats z) {
#if FLAMBEAU_ISA_NUMBER == FLAMBEAU_ISA_avx512
  return Floats(_mm512_fmadd_ps(__m512(x), __m512(y), __m512(z)));
#elif FLAMBEAU_ISA_NUMBER == FLAMBEAU_ISA_avx2
  return Floats(_mm256_fmadd_ps(__m256(x), __m256(y), __m256(z)));
#elif FLAMBEAU_ISA_NUMBER == FLAMBEAU_ISA_neon
  return Floats(vfmaq_f32(float32x4_t(z), float32x4_t(x), float32x4_t(y)));
#else
  return x * y + z;
#endif
}
FLAMBEAU_INLINE Doubles multiplyAdd(Doubles x, Doubles y, Doubles z) {
#if FLAMBEAU_ISA_NUMBER == FLAMBEAU_ISA_avx512
  return Doubles(_mm512_fmadd_pd(__m512d(x), __m512d(y), __m512d(z)));
#elif FLAMBEAU_ISA_NUMBER == FLAMBEAU_ISA_avx2
  return Doubles(_mm256_fmadd_pd(__m256d(x), __m256d(y), __m256d(z)));
#elif FLAMBEAU_ISA_NUMBER == FLAMBEAU_ISA_neon
  return Doubles(vfmaq_f64(float64x2_t(z), float64x2_t(x), float64x2_t(y)));
#else
  return x * y + z;
#endif
}
FLAMBEAU_INLINE Floats multiplyAdd(Floats x, Floats y, float z) { return multiplyAdd(x, y, all(z)); }
FLAMBEAU_INLINE Floats multiplyAdd(Floats x, float y, Floats z) { return multiplyAdd(x, all(y), z); }
FLAMBEAU_INLINE Floats multiplyAdd(Floats x, float y, float z) { return multiplyAdd(x, all(y), all(z)); }
FLAMBEAU_INLINE Doubles multiplyAdd(Doubles x, Doubles y, double z) { return multiplyAdd(x, y, all(z)); }
FLAMBEAU_INLINE Doubles multiplyAdd(Doubles x, double y, Doubles z) { return multiplyAdd(x, all(y), z); }
FLAMBEAU_INLINE Doubles multiplyAdd(Doubles x, double y, double z) { return multiplyAdd(x, all(y), all(z)); }

FLAMBEAU_INLINE Floats magnitude(Floats x) { return Floats(Ints(x) & INT32_MAX); }
FLAMBEAU_INLINE Doubles magnitude(Doubles x) { return Doubles(Longs(x) & INT64_MAX); }
/** The sign of `sign` on a number that has none. */
FLAMBEAU_INLINE Floats withSignOf(Floats sign, Floats x) { return Floats((Ints(sign) & INT32_MIN) | Ints(x)); }
FLAMBEAU_INLINE Doubles withSignOf(Doubles sign, Doubles x) {
  return Doubles((Longs(sign) & INT64_MIN) | Longs(x));
}
FLAMBEAU_INLINE Doubles root(Doubles x) {
#if FLAMBEAU_ISA_NUMBER == FLAMBEAU_ISA_avx512
  return Doubles(_mm512_sqrt_pd(__m512d(x)));
#elif FLAMBEAU_ISA_NUMBER == FLAMBEAU_ISA_avx2
  return Doubles(_mm256_sqrt_pd(__m256d(x)));
#elif FLAMBEAU_ISA_NUMBER == FLAMBEAU_ISA_neon
  return Doubles(vsqrtq_f64(float64x2_t(x)));
#else
  return Doubles{__builtin_sqrt(x[0]), __builtin_sqrt(x[1])};
#endif
}

// Bounds; NaN stays, which processors see to if it is the second operand.
FLAMBEAU_INLINE Floats atLeast(Floats x, float low) {
#if FLAMBEAU_ISA_NUMBER == FLAMBEAU_ISA_avx512
  return Floats(_mm512_max_ps(_mm512_set1_ps(low), __m512(x)));
#elif FLAMBEAU_ISA_NUMBER == FLAMBEAU_ISA_avx2
  return Floats(_mm256_max_ps(_mm256_set1_ps(low), __m256(x)));
#elif FLAMBEAU_ISA_NUMBER == FLAMBEAU_ISA_neon
  return Floats(vmaxq_f32(float32x4_t(all(low)), float32x4_t(x)));
#elif defined(FLAMBEAU_X86)
  return Floats(_mm_max_ps(_mm_set1_ps(low), __m128(x)));
#else
  return all(low) > x ? all(low) : x;
#endif
}
FLAMBEAU_INLINE Floats atMost(Floats x, float high) {
#if FLAMBEAU_ISA_NUMBER == FLAMBEAU_ISA_avx512
  return Floats(_mm512_min_ps(_mm512_set1_ps(high), __m512(x)));
#elif FLAMBEAU_ISA_NUMBER == FLAMBEAU_ISA_avx2
  return Floats(_mm256_min_ps(_mm256_set1_ps(high), __m256(x)));
#elif FLAMBEAU_ISA_NUMBER == FLAMBEAU_ISA_neon
  return Floats(vminq_f32(float32x4_t(all(high)), float32x4_t(x)));
#elif defined(FLAMBEAU_X86)
  return Floats(_mm_min_ps(_mm_set1_ps(high), __m128(x)));
#else
  return all(high) < x ? all(high) : x;
#endif
}
FLAMBEAU_INLINE Doubles atLeast(Doubles x, double low) { return all(low) > x ? all(low) : x; }
FLAMBEAU_INLINE Doubles atMost(Doubles x, double high) { return all(high) < x ? all(high) : x; }

FLAMBEAU_INLINE bool any(Ints condition) {
#if FLAMBEAU_ISA_NUMBER == FLAMBEAU_ISA_avx512
  return _mm512_movepi32_mask(__m512i(condition)) != 0;
#elif FLAMBEAU_ISA_NUMBER == FLAMBEAU_ISA_avx2
  return _mm256_movemask_ps(__m256(condition)) != 0;
#elif FLAMBEAU_ISA_NUMBER == FLAMBEAU_ISA_neon
  return vmaxvq_u32(uint32x4_t(condition)) != 0;
#else
  const Longs both = Longs(condition);
  return (both[0] | both[1]) != 0;
#endif
}
FLAMBEAU_INLINE bool any(Longs condition) { return any(Ints(condition)); }

/** `c[0]·xⁿ + … + c[n]`, by Horner's rule. */
template <class V, class T, int N> FLAMBEAU_INLINE V polynomial(V x, const T (&c)[N]) {
  V sum = all(c[0]);
  FLAMBEAU_UNROLL
  for (int i = 1; i < N; i++) sum = multiplyAdd(sum, x, c[i]);
  return sum;
}

/** What `f`, of the C library, gives for the lanes of `x` (and `y`) that `which` names; else `value`. */
template <class F> __attribute__((noinline, cold)) Floats patched(Ints which, Floats x, Floats value, F f) {
  for (int i = 0; i < kFloats; i++) {
    if (which[i] != 0) value[i] = static_cast<float>(f(static_cast<double>(x[i])));
  }
  return value;
}
template <class F> __attribute__((noinline, cold)) Doubles patched(Longs which, Doubles x, Doubles value, F f) {
  for (int i = 0; i < kDoubles; i++) {
    if (which[i] != 0) value[i] = f(x[i]);
  }
  return value;
}
template <class F>
__attribute__((noinline, cold)) Doubles patched(Longs which, Doubles x, Doubles y, Doubles value, F f) {
  for (int i = 0; i < kDoubles; i++) {
    if (which[i] != 0) value[i] = f(x[i], y[i]);
  }
  return value;
}

/** Up to a vector's worth of neighbours; what is beyond `count` is 0. */
template <class T, int N> FLAMBEAU_INLINE Vector<T, N> loadSome(const T* from, int64_t count) {
#if FLAMBEAU_ISA_NUMBER == FLAMBEAU_ISA_avx512
  if constexpr (sizeof(T) * N == 64 && sizeof(T) == 4) {
    return Vector<T, N>(_mm512_maskz_loadu_epi32(static_cast<__mmask16>((1u << count) - 1), from));
  } else if constexpr (sizeof(T) * N == 64 && sizeof(T) == 8) {
    return Vector<T, N>(_mm512_maskz_loadu_epi64(static_cast<__mmask8>((1u << count) - 1), from));
  }
#endif
  Vector<T, N> x{};
  memcpy(&x, from, static_cast<size_t>(count) * sizeof(T));
  return x;
}
template <class T, int N> FLAMBEAU_INLINE void storeSome(T* to, Vector<T, N> x, int64_t count) {
#if FLAMBEAU_ISA_NUMBER == FLAMBEAU_ISA_avx512
  if constexpr (sizeof(T) * N == 64 && sizeof(T) == 4) {
    return _mm512_mask_storeu_epi32(to, static_cast<__mmask16>((1u << count) - 1), __m512i(x));
  } else if constexpr (sizeof(T) * N == 64 && sizeof(T) == 8) {
    return _mm512_mask_storeu_epi64(to, static_cast<__mmask8>((1u << count) - 1), __m512i(x));
  }
#endif
  memcpy(to, &x, static_cast<size_t>(count) * sizeof(T));
}
template <class T, int N> FLAMBEAU_INLINE Vector<T, N> loadAll(const T* from) {
  Vector<T, N> x;
  memcpy(&x, from, sizeof x);
  return x;
}
template <class T, int N> FLAMBEAU_INLINE void storeAll(T* to, Vector<T, N> x) { memcpy(to, &x, sizeof x); }

/** As many lanes as fit a register of the wider type. */
template <class R, class A>
constexpr int kLanes = kVectorBytes / static_cast<int>(sizeof(R) > sizeof(A) ? sizeof(R) : sizeof(A));

/** out = f(a), in vectors; `f` must be inlined. */
template <class R, class A, class F>
FLAMBEAU_INLINE void mapLanes(void* out, const void* a, int64_t count, F f) {
  constexpr int N = kLanes<R, A>;
  R* to = static_cast<R*>(out);
  const A* x = static_cast<const A*>(a);
  int64_t i = 0;
  for (; i + N <= count; i += N) storeAll<R, N>(to + i, f(loadAll<A, N>(x + i)));
  if (i < count) storeSome<R, N>(to + i, f(loadSome<A, N>(x + i, count - i)), count - i);
}
/** out = f(a, b). */
template <class R, class A, class F>
FLAMBEAU_INLINE void mapLanes(void* out, const void* a, const void* b, int64_t count, F f) {
  constexpr int N = kLanes<R, A>;
  R* to = static_cast<R*>(out);
  const A* x = static_cast<const A*>(a);
  const A* y = static_cast<const A*>(b);
  int64_t i = 0;
  for (; i + N <= count; i += N) storeAll<R, N>(to + i, f(loadAll<A, N>(x + i), loadAll<A, N>(y + i)));
  const int64_t rest = count - i;
  if (rest > 0) storeSome<R, N>(to + i, f(loadSome<A, N>(x + i, rest), loadSome<A, N>(y + i, rest)), rest);
}

/** out = f(a) of float32 in float64: what is then rounded to float32 is right but for near ties. */
template <class F> FLAMBEAU_INLINE void mapWide(void* out, const void* a, int64_t count, F f) {
  constexpr int N = kDoubles;
  float* to = static_cast<float*>(out);
  const float* x = static_cast<const float*>(a);
  const auto wide = [f](FewFloats v) FLAMBEAU_LAMBDA_INLINE {
    return __builtin_convertvector(f(__builtin_convertvector(v, Doubles)), FewFloats);
  };
  int64_t i = 0;
  for (; i + N <= count; i += N) storeAll<float, N>(to + i, wide(loadAll<float, N>(x + i)));
  if (i < count) storeSome<float, N>(to + i, wide(loadSome<float, N>(x + i, count - i)), count - i);
}
/** out = f(a, b) of float32 in float64. */
template <class F> FLAMBEAU_INLINE void mapWide(void* out, const void* a, const void* b, int64_t count, F f) {
  constexpr int N = kDoubles;
  float* to = static_cast<float*>(out);
  const float* x = static_cast<const float*>(a);
  const float* y = static_cast<const float*>(b);
  const auto wide = [f](FewFloats v, FewFloats w) FLAMBEAU_LAMBDA_INLINE {
    const Doubles result = f(__builtin_convertvector(v, Doubles), __builtin_convertvector(w, Doubles));
    return __builtin_convertvector(result, FewFloats);
  };
  int64_t i = 0;
  for (; i + N <= count; i += N) {
    storeAll<float, N>(to + i, wide(loadAll<float, N>(x + i), loadAll<float, N>(y + i)));
  }
  const int64_t rest = count - i;
  if (rest > 0) {
    storeSome<float, N>(to + i, wide(loadSome<float, N>(x + i, rest), loadSome<float, N>(y + i, rest)), rest);
  }
}

}  // namespace
}  // namespace FLAMBEAU_ISA
}  // namespace flambeau

// Definitions of functions from `f` on vectors: of float32 as such, of float64, and of float32 in float64.
#define FLAMBEAU_LANES(op, type, T, f)                                                              \
  void block##op##type(void* out, const void* a, const void*, const void*, int64_t count) {         \
    mapLanes<T, T>(out, a, count, [](auto x) FLAMBEAU_LAMBDA_INLINE { return f(x); });              \
  }
// Of a vector and the one element that the second operand is.
#define FLAMBEAU_SINGLE_LANES(op, type, T, f)                                                       \
  void block##op##type(void* out, const void* a, const void* b, const void*, int64_t count) {       \
    const T y = *static_cast<const T*>(b);                                                          \
    mapLanes<T, T>(out, a, count, [y](auto x) FLAMBEAU_LAMBDA_INLINE { return f(x, y); });          \
  }
#define FLAMBEAU_FLOAT_LANES(op, f) FLAMBEAU_LANES(op, Float32, float, f)
#define FLAMBEAU_DOUBLE_LANES(op, f) FLAMBEAU_LANES(op, Float64, double, f)
#define FLAMBEAU_WIDE_LANES(op, f)                                                                  \
  void block##op##Float32(void* out, const void* a, const void*, const void*, int64_t count) {      \
    mapWide(out, a, count, [](Doubles x) FLAMBEAU_LAMBDA_INLINE { return f(x); });                  \
  }
// The same of two operands.
#define FLAMBEAU_DOUBLE_PAIRS(op, f)                                                                        \
  void block##op##Float64(void* out, const void* a, const void* b, const void*, int64_t count) {            \
    mapLanes<double, double>(out, a, b, count, [](Doubles x, Doubles y) FLAMBEAU_LAMBDA_INLINE {            \
      return f(x, y);                                                                                       \
    });                                                                                                     \
  }
#define FLAMBEAU_WIDE_PAIRS(op, f)                                                                          \
  void block##op##Float32(void* out, const void* a, const void* b, const void*, int64_t count) {            \
    mapWide(out, a, b, count, [](Doubles x, Doubles y) FLAMBEAU_LAMBDA_INLINE { return f(x, y); });         \
  }
