// See amx.h. Both forms of a tile are transposes of each other in units of 32 bits, that is, of pairs of k.
#define FLAMBEAU_ISA avx512
#include "amx.h"

#include "lanes.h"

namespace flambeau {
namespace amx {
namespace {

struct TileConfiguration {
  uint8_t palette, startRow, reserved[14];
  uint16_t rowBytes[16];
  uint8_t rows[16];
};

/** Eight tiles of 16 rows of 64 bytes. In memory for good: compilers do not know all that the load reads. */
alignas(64) const TileConfiguration configuration = {
    1, 0, {}, {64, 64, 64, 64, 64, 64, 64, 64}, {16, 16, 16, 16, 16, 16, 16, 16}};

/** 16 elements from `from`, of which `part` exist, as float32. */
inline __m512 loadFloats(const float* from, __mmask16 part) { return _mm512_maskz_loadu_ps(part, from); }

/** Two rows of 16 as 16 pairs. */
inline __m512i pairRows(__m256i first, __m256i second) {
  const __m512i both = _mm512_inserti64x4(_mm512_castsi256_si512(first), second, 1);
  const __m512i order = _mm512_set_epi16(31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8, 23, 7, 22, 6,
                                         21, 5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0);
  return _mm512_permutexvar_epi16(order, both);
}

/** Lines along k: each vector is one outer element's 32 k. */
FLAMBEAU_INLINE void loadAlongK(WordType type, const void* from, int64_t outerStride, int outer, int depth, __m512* lines) {
  const uint32_t part = depth >= 32 ? 0xffffffffu : (1u << depth) - 1;
  FLAMBEAU_UNROLL
  for (int i = 0; i < 16; i++) {
    if (i >= outer) {
      lines[i] = _mm512_setzero_ps();
    } else if (type == WordType::Float32) {
      const float* line = static_cast<const float*>(from) + i * outerStride;
      const __m512 low = loadFloats(line, static_cast<__mmask16>(part));
      const __m512 high = loadFloats(line + 16, static_cast<__mmask16>(part >> 16));
      lines[i] = (__m512)_mm512_cvtne2ps_pbh(high, low);
    } else {
      const uint16_t* line = static_cast<const uint16_t*>(from) + i * outerStride;
      lines[i] = _mm512_castsi512_ps(_mm512_maskz_loadu_epi16(part, line));
    }
  }
}

/** Lines across k: each vector is one pair of k of 16 outer elements. */
FLAMBEAU_INLINE void loadAcross(WordType type, const void* from, int64_t kStride, int outer, int depth, __m512* lines) {
  const __mmask16 part = static_cast<__mmask16>((1u << outer) - 1);
  FLAMBEAU_UNROLL
  for (int i = 0; i < 16; i++) {
    const __mmask16 first = 2 * i < depth ? part : 0, second = 2 * i + 1 < depth ? part : 0;
    if (type == WordType::Float32) {
      const float* line = static_cast<const float*>(from) + 2 * i * kStride;
      const __m512 low = loadFloats(line, first), high = loadFloats(line + kStride, second);
      const __m512i words = (__m512i)_mm512_cvtne2ps_pbh(high, low);
      lines[i] = _mm512_castsi512_ps(pairRows(_mm512_castsi512_si256(words), _mm512_extracti64x4_epi64(words, 1)));
    } else {
      const uint16_t* line = static_cast<const uint16_t*>(from) + 2 * i * kStride;
      lines[i] = _mm512_castsi512_ps(
          pairRows(_mm256_maskz_loadu_epi16(first, line), _mm256_maskz_loadu_epi16(second, line + kStride)));
    }
  }
}

template <WordType type>
void pack(Form form, const void* from, int64_t outerStride, int64_t kStride, int outer, int depth, uint16_t* to) {
  __m512 lines[16];
  const bool isAlongK = kStride == 1;
  if (isAlongK) loadAlongK(type, from, outerStride, outer, depth, lines);
  else loadAcross(type, from, kStride, outer, depth, lines);
  if (isAlongK != (form == Form::Rows)) avx512::transpose<float>(lines);
  FLAMBEAU_UNROLL
  for (int i = 0; i < 16; i++) _mm512_store_ps(to + i * 32, lines[i]);
}

}  // namespace

void packTile(Form form, WordType type, const void* from, int64_t outerStride, int64_t kStride, int outer, int depth,
              uint16_t* to) {
  if (type == WordType::Float32) pack<WordType::Float32>(form, from, outerStride, kStride, outer, depth, to);
  else pack<WordType::Bfloat16>(form, from, outerStride, kStride, outer, depth, to);
}

void beginTiles() { _tile_loadconfig(&configuration); }

void endTiles() { _tile_release(); }

void multiply(int64_t depth, const uint16_t* a0, const uint16_t* a1, const uint16_t* b0, const uint16_t* b1, float* c,
              int64_t ldc, bool accumulate) {
  float *c00 = c, *c01 = c + 16, *c10 = c + 16 * ldc, *c11 = c10 + 16;
  const int64_t rowBytes = ldc * sizeof(float);
  if (accumulate) {
    _tile_loadd(0, c00, rowBytes);
    _tile_loadd(1, c01, rowBytes);
    _tile_loadd(2, c10, rowBytes);
    _tile_loadd(3, c11, rowBytes);
  } else {
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
  }
  for (int64_t k = 0; k < depth; k++) {
    _tile_loadd(4, a0 + k * kTileWords, 64);
    _tile_loadd(6, b0 + k * kTileWords, 64);
    _tile_dpbf16ps(0, 4, 6);
    _tile_loadd(7, b1 + k * kTileWords, 64);
    _tile_dpbf16ps(1, 4, 7);
    _tile_loadd(5, a1 + k * kTileWords, 64);
    _tile_dpbf16ps(2, 5, 6);
    _tile_dpbf16ps(3, 5, 7);
  }
  _tile_stored(0, c00, rowBytes);
  _tile_stored(1, c01, rowBytes);
  _tile_stored(2, c10, rowBytes);
  _tile_stored(3, c11, rowBytes);
}

}  // namespace amx
}  // namespace flambeau
