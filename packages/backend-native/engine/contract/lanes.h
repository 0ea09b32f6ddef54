// Vectors of float32 and float64 for the files of this folder that are compiled per instruction set: loads,
// stores, fused multiply-add and square transposes. Only *.isa.cpp and headers of their own include it.
#pragma once
#include <cstdint>

#include "../isa.h"

#if defined(FLAMBEAU_X86)
#include <immintrin.h>
#elif defined(FLAMBEAU_ARM)
#include <arm_neon.h>
#endif

#if defined(_MSC_VER) && !defined(__clang__)
#define FLAMBEAU_INLINE __forceinline
#define FLAMBEAU_LAMBDA_INLINE
#define FLAMBEAU_UNROLL
#define FLAMBEAU_PREFETCH(address) ((void)(address))
#else
#define FLAMBEAU_INLINE inline __attribute__((always_inline))
#define FLAMBEAU_LAMBDA_INLINE __attribute__((always_inline))
#define FLAMBEAU_UNROLL _Pragma("GCC unroll 32")
#define FLAMBEAU_PREFETCH(address) __builtin_prefetch(address)
#endif

namespace flambeau {
namespace FLAMBEAU_ISA {
namespace {

/** `width` elements of T; `Part` says how many of the first lanes take part in a partial load or store. */
template <class T>
struct Lanes;

#if FLAMBEAU_ISA_NUMBER == FLAMBEAU_ISA_avx512

template <>
struct Lanes<float> {
  using V = __m512;
  using Part = __mmask16;
  static constexpr int width = 16;
  static constexpr bool hasMasks = true;
  static FLAMBEAU_INLINE V zero() { return _mm512_setzero_ps(); }
  static FLAMBEAU_INLINE V splat(float x) { return _mm512_set1_ps(x); }
  static FLAMBEAU_INLINE V load(const float* from) { return _mm512_loadu_ps(from); }
  static FLAMBEAU_INLINE void store(float* to, V x) { _mm512_storeu_ps(to, x); }
  static FLAMBEAU_INLINE Part part(int count) { return static_cast<Part>((1u << count) - 1); }
  static FLAMBEAU_INLINE V load(const float* from, Part part) { return _mm512_maskz_loadu_ps(part, from); }
  static FLAMBEAU_INLINE void store(float* to, V x, Part part) { _mm512_mask_storeu_ps(to, part, x); }
  static FLAMBEAU_INLINE V add(V a, V b) { return _mm512_add_ps(a, b); }
  static FLAMBEAU_INLINE V fma(V a, V b, V c) { return _mm512_fmadd_ps(a, b, c); }
  static FLAMBEAU_INLINE V zipLow(V a, V b) {
    return _mm512_permutex2var_ps(
        a, _mm512_setr_epi32(0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23), b);
  }
  static FLAMBEAU_INLINE V zipHigh(V a, V b) {
    return _mm512_permutex2var_ps(
        a, _mm512_setr_epi32(8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31), b);
  }
};

template <>
struct Lanes<double> {
  using V = __m512d;
  using Part = __mmask8;
  static constexpr int width = 8;
  static constexpr bool hasMasks = true;
  static FLAMBEAU_INLINE V zero() { return _mm512_setzero_pd(); }
  static FLAMBEAU_INLINE V splat(double x) { return _mm512_set1_pd(x); }
  static FLAMBEAU_INLINE V load(const double* from) { return _mm512_loadu_pd(from); }
  static FLAMBEAU_INLINE void store(double* to, V x) { _mm512_storeu_pd(to, x); }
  static FLAMBEAU_INLINE Part part(int count) { return static_cast<Part>((1u << count) - 1); }
  static FLAMBEAU_INLINE V load(const double* from, Part part) { return _mm512_maskz_loadu_pd(part, from); }
  static FLAMBEAU_INLINE void store(double* to, V x, Part part) { _mm512_mask_storeu_pd(to, part, x); }
  static FLAMBEAU_INLINE V add(V a, V b) { return _mm512_add_pd(a, b); }
  static FLAMBEAU_INLINE V fma(V a, V b, V c) { return _mm512_fmadd_pd(a, b, c); }
  static FLAMBEAU_INLINE V zipLow(V a, V b) {
    return _mm512_permutex2var_pd(a, _mm512_setr_epi64(0, 8, 1, 9, 2, 10, 3, 11), b);
  }
  static FLAMBEAU_INLINE V zipHigh(V a, V b) {
    return _mm512_permutex2var_pd(a, _mm512_setr_epi64(4, 12, 5, 13, 6, 14, 7, 15), b);
  }
};

#elif FLAMBEAU_ISA_NUMBER == FLAMBEAU_ISA_avx2

template <>
struct Lanes<float> {
  using V = __m256;
  using Part = __m256i;
  static constexpr int width = 8;
  static constexpr bool hasMasks = true;
  static FLAMBEAU_INLINE V zero() { return _mm256_setzero_ps(); }
  static FLAMBEAU_INLINE V splat(float x) { return _mm256_set1_ps(x); }
  static FLAMBEAU_INLINE V load(const float* from) { return _mm256_loadu_ps(from); }
  static FLAMBEAU_INLINE void store(float* to, V x) { _mm256_storeu_ps(to, x); }
  static FLAMBEAU_INLINE Part part(int count) {
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(count), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
  }
  static FLAMBEAU_INLINE V load(const float* from, Part part) { return _mm256_maskload_ps(from, part); }
  static FLAMBEAU_INLINE void store(float* to, V x, Part part) { _mm256_maskstore_ps(to, part, x); }
  static FLAMBEAU_INLINE V add(V a, V b) { return _mm256_add_ps(a, b); }
  static FLAMBEAU_INLINE V fma(V a, V b, V c) { return _mm256_fmadd_ps(a, b, c); }
  static FLAMBEAU_INLINE V zipLow(V a, V b) {
    return _mm256_permute2f128_ps(_mm256_unpacklo_ps(a, b), _mm256_unpackhi_ps(a, b), 0x20);
  }
  static FLAMBEAU_INLINE V zipHigh(V a, V b) {
    return _mm256_permute2f128_ps(_mm256_unpacklo_ps(a, b), _mm256_unpackhi_ps(a, b), 0x31);
  }
};

template <>
struct Lanes<double> {
  using V = __m256d;
  using Part = __m256i;
  static constexpr int width = 4;
  static constexpr bool hasMasks = true;
  static FLAMBEAU_INLINE V zero() { return _mm256_setzero_pd(); }
  static FLAMBEAU_INLINE V splat(double x) { return _mm256_set1_pd(x); }
  static FLAMBEAU_INLINE V load(const double* from) { return _mm256_loadu_pd(from); }
  static FLAMBEAU_INLINE void store(double* to, V x) { _mm256_storeu_pd(to, x); }
  static FLAMBEAU_INLINE Part part(int count) {
    return _mm256_cmpgt_epi64(_mm256_set1_epi64x(count), _mm256_setr_epi64x(0, 1, 2, 3));
  }
  static FLAMBEAU_INLINE V load(const double* from, Part part) { return _mm256_maskload_pd(from, part); }
  static FLAMBEAU_INLINE void store(double* to, V x, Part part) { _mm256_maskstore_pd(to, part, x); }
  static FLAMBEAU_INLINE V add(V a, V b) { return _mm256_add_pd(a, b); }
  static FLAMBEAU_INLINE V fma(V a, V b, V c) { return _mm256_fmadd_pd(a, b, c); }
  static FLAMBEAU_INLINE V zipLow(V a, V b) {
    return _mm256_permute2f128_pd(_mm256_unpacklo_pd(a, b), _mm256_unpackhi_pd(a, b), 0x20);
  }
  static FLAMBEAU_INLINE V zipHigh(V a, V b) {
    return _mm256_permute2f128_pd(_mm256_unpacklo_pd(a, b), _mm256_unpackhi_pd(a, b), 0x31);
  }
};

#elif defined(FLAMBEAU_X86)

/** Loads and stores lane by lane where the instruction set has no masks. */
template <class T>
struct PlainParts {
  using Part = int;
  static FLAMBEAU_INLINE Part part(int count) { return count; }
  static FLAMBEAU_INLINE void copy(T* to, const T* from, Part part) {
    for (int i = 0; i < part; i++) to[i] = from[i];
  }
};

template <>
struct Lanes<float> : PlainParts<float> {
  using V = __m128;
  static constexpr int width = 4;
  static constexpr bool hasMasks = false;
  static FLAMBEAU_INLINE V zero() { return _mm_setzero_ps(); }
  static FLAMBEAU_INLINE V splat(float x) { return _mm_set1_ps(x); }
  static FLAMBEAU_INLINE V load(const float* from) { return _mm_loadu_ps(from); }
  static FLAMBEAU_INLINE void store(float* to, V x) { _mm_storeu_ps(to, x); }
  static FLAMBEAU_INLINE V load(const float* from, Part part) {
    alignas(16) float lanes[4] = {};
    copy(lanes, from, part);
    return load(lanes);
  }
  static FLAMBEAU_INLINE void store(float* to, V x, Part part) {
    alignas(16) float lanes[4];
    store(lanes, x);
    copy(to, lanes, part);
  }
  static FLAMBEAU_INLINE V add(V a, V b) { return _mm_add_ps(a, b); }
  static FLAMBEAU_INLINE V fma(V a, V b, V c) { return _mm_add_ps(_mm_mul_ps(a, b), c); }
  static FLAMBEAU_INLINE V zipLow(V a, V b) { return _mm_unpacklo_ps(a, b); }
  static FLAMBEAU_INLINE V zipHigh(V a, V b) { return _mm_unpackhi_ps(a, b); }
};

template <>
struct Lanes<double> {
  using V = __m128d;
  using Part = int;
  static constexpr int width = 2;
  static constexpr bool hasMasks = false;
  static FLAMBEAU_INLINE Part part(int count) { return count; }
  static FLAMBEAU_INLINE V zero() { return _mm_setzero_pd(); }
  static FLAMBEAU_INLINE V splat(double x) { return _mm_set1_pd(x); }
  static FLAMBEAU_INLINE V load(const double* from) { return _mm_loadu_pd(from); }
  static FLAMBEAU_INLINE void store(double* to, V x) { _mm_storeu_pd(to, x); }
  static FLAMBEAU_INLINE V load(const double* from, Part part) {
    return part == 2 ? load(from) : part == 1 ? _mm_load_sd(from) : zero();
  }
  static FLAMBEAU_INLINE void store(double* to, V x, Part part) {
    if (part == 2) store(to, x);
    else if (part == 1) _mm_store_sd(to, x);
  }
  static FLAMBEAU_INLINE V add(V a, V b) { return _mm_add_pd(a, b); }
  static FLAMBEAU_INLINE V fma(V a, V b, V c) { return _mm_add_pd(_mm_mul_pd(a, b), c); }
  static FLAMBEAU_INLINE V zipLow(V a, V b) { return _mm_unpacklo_pd(a, b); }
  static FLAMBEAU_INLINE V zipHigh(V a, V b) { return _mm_unpackhi_pd(a, b); }
};

#elif defined(FLAMBEAU_ARM)

template <>
struct Lanes<float> {
  using V = float32x4_t;
  using Part = int;
  static constexpr int width = 4;
  static constexpr bool hasMasks = false;
  static FLAMBEAU_INLINE V zero() { return vdupq_n_f32(0); }
  static FLAMBEAU_INLINE V splat(float x) { return vdupq_n_f32(x); }
  static FLAMBEAU_INLINE V load(const float* from) { return vld1q_f32(from); }
  static FLAMBEAU_INLINE void store(float* to, V x) { vst1q_f32(to, x); }
  static FLAMBEAU_INLINE Part part(int count) { return count; }
  static FLAMBEAU_INLINE V load(const float* from, Part part) {
    float lanes[4] = {};
    for (int i = 0; i < part; i++) lanes[i] = from[i];
    return load(lanes);
  }
  static FLAMBEAU_INLINE void store(float* to, V x, Part part) {
    float lanes[4];
    store(lanes, x);
    for (int i = 0; i < part; i++) to[i] = lanes[i];
  }
  static FLAMBEAU_INLINE V add(V a, V b) { return vaddq_f32(a, b); }
  static FLAMBEAU_INLINE V fma(V a, V b, V c) { return vfmaq_f32(c, a, b); }
  static FLAMBEAU_INLINE V zipLow(V a, V b) { return vzip1q_f32(a, b); }
  static FLAMBEAU_INLINE V zipHigh(V a, V b) { return vzip2q_f32(a, b); }
};

template <>
struct Lanes<double> {
  using V = float64x2_t;
  using Part = int;
  static constexpr int width = 2;
  static constexpr bool hasMasks = false;
  static FLAMBEAU_INLINE V zero() { return vdupq_n_f64(0); }
  static FLAMBEAU_INLINE V splat(double x) { return vdupq_n_f64(x); }
  static FLAMBEAU_INLINE V load(const double* from) { return vld1q_f64(from); }
  static FLAMBEAU_INLINE void store(double* to, V x) { vst1q_f64(to, x); }
  static FLAMBEAU_INLINE Part part(int count) { return count; }
  static FLAMBEAU_INLINE V load(const double* from, Part part) {
    return part == 2 ? load(from) : part == 1 ? vsetq_lane_f64(from[0], zero(), 0) : zero();
  }
  static FLAMBEAU_INLINE void store(double* to, V x, Part part) {
    if (part == 2) store(to, x);
    else if (part == 1) vst1q_lane_f64(to, x, 0);
  }
  static FLAMBEAU_INLINE V add(V a, V b) { return vaddq_f64(a, b); }
  static FLAMBEAU_INLINE V fma(V a, V b, V c) { return vfmaq_f64(c, a, b); }
  static FLAMBEAU_INLINE V zipLow(V a, V b) { return vzip1q_f64(a, b); }
  static FLAMBEAU_INLINE V zipHigh(V a, V b) { return vzip2q_f64(a, b); }
};

#else

/** One lane: any other processor. */
template <class T>
struct Lanes {
  using V = T;
  using Part = int;
  static constexpr int width = 1;
  static constexpr bool hasMasks = false;
  static FLAMBEAU_INLINE V zero() { return 0; }
  static FLAMBEAU_INLINE V splat(T x) { return x; }
  static FLAMBEAU_INLINE V load(const T* from) { return *from; }
  static FLAMBEAU_INLINE void store(T* to, V x) { *to = x; }
  static FLAMBEAU_INLINE Part part(int count) { return count; }
  static FLAMBEAU_INLINE V load(const T* from, Part part) { return part > 0 ? *from : 0; }
  static FLAMBEAU_INLINE void store(T* to, V x, Part part) {
    if (part > 0) *to = x;
  }
  static FLAMBEAU_INLINE V add(V a, V b) { return a + b; }
  static FLAMBEAU_INLINE V fma(V a, V b, V c) { return a * b + c; }
  static FLAMBEAU_INLINE V zipLow(V a, V) { return a; }
  static FLAMBEAU_INLINE V zipHigh(V, V b) { return b; }
};

#endif

/** The sum of all lanes, in a fixed order. */
template <class T>
FLAMBEAU_INLINE T sumOf(typename Lanes<T>::V x) {
  constexpr int width = Lanes<T>::width;
  alignas(64) T lanes[width];
  Lanes<T>::store(lanes, x);
  FLAMBEAU_UNROLL
  for (int half = width / 2; half > 0; half /= 2) {
    FLAMBEAU_UNROLL
    for (int i = 0; i < half; i++) lanes[i] += lanes[i + half];
  }
  return lanes[0];
}

/** Transposes `width` vectors in place: rounds of perfect shuffles. */
template <class T>
FLAMBEAU_INLINE void transpose(typename Lanes<T>::V* rows) {
  using L = Lanes<T>;
  constexpr int width = L::width;
  FLAMBEAU_UNROLL
  for (int round = 1; round < width; round *= 2) {
    typename L::V next[width];
    FLAMBEAU_UNROLL
    for (int i = 0; i < width / 2; i++) {
      next[2 * i] = L::zipLow(rows[i], rows[i + width / 2]);
      next[2 * i + 1] = L::zipHigh(rows[i], rows[i + width / 2]);
    }
    FLAMBEAU_UNROLL
    for (int i = 0; i < width; i++) rows[i] = next[i];
  }
}

}  // namespace
}  // namespace FLAMBEAU_ISA
}  // namespace flambeau
