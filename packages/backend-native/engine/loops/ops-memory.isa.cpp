// What memory holds and registers do not: narrow integers and halves, widened when loaded and narrowed when
// stored. Halves round to nearest even as core's half.ts does: a NaN becomes the one quiet NaN of its sign
// (float16), or of no sign (bfloat16).
#include "ops-lanes.h"
#include "ops-loops.h"

namespace flambeau {
namespace FLAMBEAU_ISA {

#define FLAMBEAU_NARROW_INTEGER(type, T)                                                             \
  void blockWiden##type(void* out, const void* a, const void*, const void*, int64_t count) {         \
    each<int32_t, T>(out, a, count, [](T x) -> int32_t { return x; });                               \
  }                                                                                                  \
  void blockNarrow##type(void* out, const void* a, const void*, const void*, int64_t count) {        \
    each<T, int32_t>(out, a, count, [](int32_t x) -> T { return static_cast<T>(x); });               \
  }
FLAMBEAU_NARROW_INTEGER(Int8, int8_t)
FLAMBEAU_NARROW_INTEGER(Int16, int16_t)
FLAMBEAU_NARROW_INTEGER(Uint16, uint16_t)

namespace {

constexpr uint32_t kInfinity = 0x7f800000;

FLAMBEAU_INLINE uint16_t narrowToBfloat16(uint32_t bits) {
  const uint32_t rounded = (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
  return static_cast<uint16_t>((bits & 0x7fffffff) > kInfinity ? 0x7fc0 : rounded);
}

}  // namespace

void blockWidenBfloat16(void* out, const void* a, const void*, const void*, int64_t count) {
  each<uint32_t, uint16_t>(out, a, count, [](uint16_t x) -> uint32_t { return uint32_t(x) << 16; });
}
void blockNarrowBfloat16(void* out, const void* a, const void*, const void*, int64_t count) {
  each<uint16_t, uint32_t>(out, a, count, [](uint32_t x) -> uint16_t { return narrowToBfloat16(x); });
}

#if FLAMBEAU_ISA_NUMBER == FLAMBEAU_ISA_baseline

namespace {

FLAMBEAU_INLINE float asFloat(uint32_t bits) {
  float x;
  memcpy(&x, &bits, sizeof x);
  return x;
}
FLAMBEAU_INLINE uint32_t asBits(float x) {
  uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  return bits;
}

FLAMBEAU_INLINE uint32_t widenFloat16(uint16_t word) {
  const uint32_t bits = static_cast<uint32_t>(word & 0x7fff) << 13;
  // Exponents of float16 are less by 112; the product makes its smallest numbers normal.
  const uint32_t finite = asBits(asFloat(bits) * 5192296858534827628530496329220096.0f);
  const uint32_t size = bits < (0x7c00u << 13) ? finite : bits | kInfinity;
  return size | static_cast<uint32_t>(word & 0x8000) << 16;
}

FLAMBEAU_INLINE uint16_t narrowToFloat16(uint32_t bits) {
  const uint32_t size = bits & 0x7fffffff;
  // Beside 1/2, float32 has the steps of float16's smallest numbers.
  const uint32_t small = asBits(asFloat(size) + 0.5f) - 0x3f000000;
  const uint32_t rounded = ((size + 0xfff + ((size >> 13) & 1)) >> 13) - (112u << 10);
  const uint32_t normal = static_cast<int32_t>(rounded) < 0x7c00 ? rounded : 0x7c00;
  const uint32_t number = size < 0x38800000 ? small : normal;
  return static_cast<uint16_t>(((bits >> 16) & 0x8000) | (size > kInfinity ? 0x7e00 : number));
}

}  // namespace

void blockWidenFloat16(void* out, const void* a, const void*, const void*, int64_t count) {
  each<uint32_t, uint16_t>(out, a, count, [](uint16_t x) -> uint32_t { return widenFloat16(x); });
}
void blockNarrowFloat16(void* out, const void* a, const void*, const void*, int64_t count) {
  each<uint16_t, uint32_t>(out, a, count, [](uint32_t x) -> uint16_t { return narrowToFloat16(x); });
}

#else

namespace {

#if FLAMBEAU_ISA_NUMBER == FLAMBEAU_ISA_avx512
FLAMBEAU_INLINE Floats widened(const Halves& x) { return Floats(_mm512_cvtph_ps(__m256i(x))); }
FLAMBEAU_INLINE Halves narrowed(Floats x) { return Halves(_mm512_cvtps_ph(__m512(x), 0)); }
#elif FLAMBEAU_ISA_NUMBER == FLAMBEAU_ISA_avx2
FLAMBEAU_INLINE Floats widened(const Halves& x) { return Floats(_mm256_cvtph_ps(__m128i(x))); }
FLAMBEAU_INLINE Halves narrowed(Floats x) { return Halves(_mm256_cvtps_ph(__m256(x), 0)); }
#else
FLAMBEAU_INLINE Floats widened(const Halves& x) { return Floats(vcvt_f32_f16(float16x4_t(x))); }
FLAMBEAU_INLINE Halves narrowed(Floats x) { return Halves(vcvt_f16_f32(float32x4_t(x))); }
#endif

}  // namespace

void blockWidenFloat16(void* out, const void* a, const void*, const void*, int64_t count) {
  mapLanes<float, uint16_t>(out, a, count, [](Halves x) FLAMBEAU_LAMBDA_INLINE { return widened(x); });
}
void blockNarrowFloat16(void* out, const void* a, const void*, const void*, int64_t count) {
  mapLanes<uint16_t, float>(out, a, count, [](Floats x) FLAMBEAU_LAMBDA_INLINE {
    // The processor would keep the highest bits of a NaN.
    const Ints bits = Ints(x);
    const Floats quiet = Floats((bits & INT32_MIN) | 0x7fc00000);
    return narrowed(select(x != x, quiet, x));
  });
}

#endif

}  // namespace FLAMBEAU_ISA
}  // namespace flambeau
