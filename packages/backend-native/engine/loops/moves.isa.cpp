// Moves of elements for one instruction set.
#include "moves.h"

#if FLAMBEAU_ISA_NUMBER == 2 || FLAMBEAU_ISA_NUMBER == 3
#include <immintrin.h>
#endif
#include <string.h>

#if defined(__GNUC__) && !defined(__clang__)
// Of intrinsics that leave a register undefined on purpose.
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

namespace flambeau::FLAMBEAU_ISA {
namespace {

using namespace loops;

#include "combines.h"
#include "folds.h"
#include "transpose.h"

template <class T> struct Word {
  typedef T Any __attribute__((aligned(1), may_alias));
};

template <class T> inline T read(const char* from) { return *reinterpret_cast<const typename Word<T>::Any*>(from); }
template <class T> inline void write(char* to, T value) { *reinterpret_cast<typename Word<T>::Any*>(to) = value; }

/** Short runs are not worth a call. */
inline void copyRun(char* to, const char* from, int64_t bytes) {
#if FLAMBEAU_ISA_NUMBER == 3
  if (bytes <= 256) {
    for (; bytes >= 64; bytes -= 64, to += 64, from += 64) _mm512_storeu_si512(to, _mm512_loadu_si512(from));
    if (bytes == 0) return;
    const __mmask64 mask = _bzhi_u64(~0ull, bytes);
    _mm512_mask_storeu_epi8(to, mask, _mm512_maskz_loadu_epi8(mask, from));
    return;
  }
#else
  if (bytes <= 64) {
    for (; bytes >= 16; bytes -= 16, to += 16, from += 16) {
      char block[16];
      memcpy(block, from, 16);
      memcpy(to, block, 16);
    }
    for (; bytes >= 4; bytes -= 4, to += 4, from += 4) write<uint32_t>(to, read<uint32_t>(from));
    for (; bytes > 0; bytes--) *to++ = *from++;
    return;
  }
#endif
  memcpy(to, from, bytes);
}

template <class T> inline void fillRun(char* to, T value, int64_t count) {
  typedef typename Vector<T>::Type V;
  typedef typename Vector<T>::Unaligned U;
  constexpr int lanes = Vector<T>::lanes;
  V all;
  for (int i = 0; i < lanes; i++) all[i] = value;
  int64_t i = 0;
  for (; i + lanes <= count; i += lanes) *reinterpret_cast<U*>(to + i * sizeof(T)) = all;
  if (i == count) return;
#if FLAMBEAU_ISA_NUMBER == 3
  const uint64_t mask = (uint64_t{1} << (count - i) * sizeof(T)) - 1;
  _mm512_mask_storeu_epi8(to + i * sizeof(T), mask, (__m512i)all);
#else
  if (count >= lanes) *reinterpret_cast<U*>(to + (count - lanes) * sizeof(T)) = all;
  else for (; i < count; i++) write<T>(to + i * sizeof(T), value);
#endif
}

template <class T> inline void gatherRun(char* to, const char* from, int64_t stride, int64_t count) {
  int64_t i = 0;
  for (; i + 4 <= count; i += 4) {
    const T a = read<T>(from + i * stride), b = read<T>(from + (i + 1) * stride);
    const T c = read<T>(from + (i + 2) * stride), d = read<T>(from + (i + 3) * stride);
    const T four[4] = {a, b, c, d};
    memcpy(to + i * sizeof(T), four, sizeof four);
  }
  for (; i < count; i++) write<T>(to + i * sizeof(T), read<T>(from + i * stride));
}

#if FLAMBEAU_ISA_NUMBER == 3
template <> inline void gatherRun<uint32_t>(char* to, const char* from, int64_t stride, int64_t count) {
  const __m512i ramp = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  if (stride == 8) {
    const __m512i even = _mm512_slli_epi32(ramp, 1);
    for (; count >= 16; count -= 16, to += 64, from += 128) {
      const __m512i low = _mm512_loadu_si512(from), high = _mm512_maskz_loadu_epi32(0x7fff, from + 64);
      _mm512_storeu_si512(to, _mm512_permutex2var_epi32(low, even, high));
    }
    if (count == 0) return;
    const uint32_t present = (uint32_t{1} << (2 * count - 1)) - 1;
    const __m512i low = _mm512_maskz_loadu_epi32(static_cast<__mmask16>(present), from);
    const __m512i high = _mm512_maskz_loadu_epi32(static_cast<__mmask16>(present >> 16), from + 64);
    _mm512_mask_storeu_epi32(to, static_cast<__mmask16>((1u << count) - 1), _mm512_permutex2var_epi32(low, even, high));
    return;
  }
  if (stride == -4) {
    const __m512i back = _mm512_sub_epi32(_mm512_set1_epi32(15), ramp);
    for (; count >= 16; count -= 16, to += 64, from -= 64)
      _mm512_storeu_si512(to, _mm512_permutexvar_epi32(back, _mm512_loadu_si512(from - 60)));
    for (int64_t i = 0; i < count; i++) write<uint32_t>(to + i * 4, read<uint32_t>(from - i * 4));
    return;
  }
  if (stride > -(1 << 26) && stride < (1 << 26)) {
    const __m512i offsets = _mm512_mullo_epi32(ramp, _mm512_set1_epi32(static_cast<int>(stride)));
    for (; count > 0; count -= 16, to += 64, from += 16 * stride) {
      const __mmask16 mask = static_cast<__mmask16>(count >= 16 ? 0xffff : (1u << count) - 1);
      const __m512i words = _mm512_mask_i32gather_epi32(_mm512_setzero_si512(), mask, offsets, from, 1);
      _mm512_mask_storeu_epi32(to, mask, words);
    }
    return;
  }
  for (int64_t i = 0; i < count; i++) write<uint32_t>(to + i * 4, read<uint32_t>(from + i * stride));
}
#elif FLAMBEAU_ISA_NUMBER == 2
template <> inline void gatherRun<uint32_t>(char* to, const char* from, int64_t stride, int64_t count) {
  int64_t i = 0;
  if (stride == 8) {
    for (; i + 9 <= count; i += 8) {
      const __m256 low = _mm256_loadu_ps(reinterpret_cast<const float*>(from + i * 8));
      const __m256 high = _mm256_loadu_ps(reinterpret_cast<const float*>(from + i * 8 + 32));
      const __m256i even = _mm256_castps_si256(_mm256_shuffle_ps(low, high, 0x88));
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(to + i * 4), _mm256_permute4x64_epi64(even, 0xd8));
    }
  }
  for (; i + 4 <= count; i += 4) {
    const uint32_t four[4] = {read<uint32_t>(from + i * stride), read<uint32_t>(from + (i + 1) * stride),
                              read<uint32_t>(from + (i + 2) * stride), read<uint32_t>(from + (i + 3) * stride)};
    memcpy(to + i * 4, four, sizeof four);
  }
  for (; i < count; i++) write<uint32_t>(to + i * 4, read<uint32_t>(from + i * stride));
}
#endif

template <class T> inline void scatterRun(char* to, int64_t stride, const char* from, int64_t step, int64_t count) {
  for (int64_t i = 0; i < count; i++) write<T>(to + i * stride, read<T>(from + i * step));
}

/** Columns are neighbours in the destination, rows in the source. */
template <class T> inline void transpose(char* to, const char* from, const Rectangle& r) {
  constexpr int tile = sizeof(T) == 4 ? kTile4 : sizeof(T) == 8 ? kTile8 : 16;
  int64_t row = 0;
  for (; row + tile <= r.rows; row += tile) {
    int64_t column = 0;
    for (; column + tile <= r.columns; column += tile) {
      char* target = to + row * r.toRow + column * sizeof(T);
      const char* source = from + row * sizeof(T) + column * r.fromColumn;
      if (sizeof(T) == 4) transposeTile4(target, r.toRow, source, r.fromColumn);
      else if (sizeof(T) == 8) transposeTile8(target, r.toRow, source, r.fromColumn);
      else for (int i = 0; i < tile; i++)
        for (int j = 0; j < tile; j++)
          write<T>(target + i * r.toRow + j * sizeof(T), read<T>(source + i * sizeof(T) + j * r.fromColumn));
    }
    for (; column < r.columns; column++)
      for (int64_t i = row; i < row + tile; i++)
        write<T>(to + i * r.toRow + column * sizeof(T), read<T>(from + i * sizeof(T) + column * r.fromColumn));
  }
  for (; row < r.rows; row++)
    gatherRun<T>(to + row * r.toRow, from + row * sizeof(T), r.fromColumn, r.columns);
}

template <class T> inline void moveWords(char* to, const char* from, Rectangle r) {
  constexpr int64_t size = sizeof(T);
  if (r.columns == 1) {
    const int64_t rows = r.rows;
    r = {1, rows, 0, r.toRow, 0, r.fromRow};
  }
  if (r.toColumn == size) {
    if (r.fromColumn == size) {
      for (int64_t i = 0; i < r.rows; i++) copyRun(to + i * r.toRow, from + i * r.fromRow, r.columns * size);
    } else if (r.fromColumn == 0) {
      for (int64_t i = 0; i < r.rows; i++) fillRun<T>(to + i * r.toRow, read<T>(from + i * r.fromRow), r.columns);
    } else if (r.fromRow == size && r.rows >= 4 && r.columns >= 4) {
      transpose<T>(to, from, r);
    } else {
      for (int64_t i = 0; i < r.rows; i++)
        gatherRun<T>(to + i * r.toRow, from + i * r.fromRow, r.fromColumn, r.columns);
    }
    return;
  }
  if (r.toRow == size && r.rows >= 4 && r.columns >= 4) {
    const Rectangle turned = {r.columns, r.rows, r.toColumn, r.toRow, r.fromColumn, r.fromRow};
    if (r.fromColumn == size) transpose<T>(to, from, turned);
    else for (int64_t j = 0; j < r.columns; j++)
      gatherRun<T>(to + j * r.toColumn, from + j * r.fromColumn, r.fromRow, r.rows);
    return;
  }
  for (int64_t i = 0; i < r.rows; i++)
    scatterRun<T>(to + i * r.toRow, r.toColumn, from + i * r.fromRow, r.fromColumn, r.columns);
}

void moveRectangle(int size, char* to, const char* from, const Rectangle& r) {
  switch (size) {
    case 1: return moveWords<uint8_t>(to, from, r);
    case 2: return moveWords<uint16_t>(to, from, r);
    case 4: return moveWords<uint32_t>(to, from, r);
    default: return moveWords<uint64_t>(to, from, r);
  }
}

void fillWords(int size, char* to, uint64_t bits, int64_t count) {
  switch (size) {
    case 1: return fillRun<uint8_t>(to, static_cast<uint8_t>(bits), count);
    case 2: return fillRun<uint16_t>(to, static_cast<uint16_t>(bits), count);
    case 4: return fillRun<uint32_t>(to, static_cast<uint32_t>(bits), count);
    default: return fillRun<uint64_t>(to, bits, count);
  }
}

template <class T> void ramp(char* to, int64_t start, int64_t step, int64_t count) {
  typedef typename Vector<T>::Type V;
  typedef typename Vector<T>::Unaligned U;
  constexpr int lanes = Vector<T>::lanes;
  V at, next;
  for (int i = 0; i < lanes; i++) {
    at[i] = static_cast<T>(start + i * step);
    next[i] = static_cast<T>(lanes * step);
  }
  int64_t i = 0;
  for (; i + lanes <= count; i += lanes, at += next) *reinterpret_cast<U*>(to + i * sizeof(T)) = at;
  for (; i < count; i++) write<T>(to + i * sizeof(T), static_cast<T>(start + i * step));
}

void shift(int64_t* to, const int64_t* from, int64_t by, int64_t count) {
  typedef typename Vector<int64_t>::Type V;
  typedef typename Vector<int64_t>::Unaligned U;
  constexpr int lanes = Vector<int64_t>::lanes;
  int64_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    const V moved = *reinterpret_cast<const U*>(from + i) + by;
    *reinterpret_cast<U*>(to + i) = moved;
  }
  for (; i < count; i++) to[i] = from[i] + by;
}

template <class T> bool addValues(int64_t* offsets, const Coordinates& coordinates, int64_t count) {
  const T* values = static_cast<const T*>(coordinates.values);
  const int64_t size = coordinates.size, stride = coordinates.stride, wrapped = coordinates.wraps ? size : 0;
  bool isRight = true;
  int64_t i = 0;
#if FLAMBEAU_ISA_NUMBER == 3
  const __m512i sizes = _mm512_set1_epi64(size), strides = _mm512_set1_epi64(stride);
  const __m512i missing = _mm512_set1_epi64(kMissing), zero = _mm512_setzero_si512();
  __mmask8 wrong = 0;
  for (; i + 8 <= count; i += 8) {
    const __m256i* eight = reinterpret_cast<const __m256i*>(values + i);
    __m512i at = sizeof(T) == 4 ? _mm512_cvtepi32_epi64(_mm256_loadu_si256(eight)) : _mm512_loadu_si512(eight);
    if (wrapped != 0) at = _mm512_mask_add_epi64(at, _mm512_cmplt_epi64_mask(at, zero), at, sizes);
    const __mmask8 inside = _mm512_cmplt_epu64_mask(at, sizes);
    const __m512i before = _mm512_loadu_si512(offsets + i);
    const __mmask8 present = _mm512_cmpneq_epi64_mask(before, missing);
    const __m512i after = _mm512_add_epi64(before, _mm512_mullo_epi64(at, strides));
    wrong |= present & ~inside;
    _mm512_storeu_si512(offsets + i, _mm512_mask_mov_epi64(missing, present & inside, after));
  }
  isRight = wrong == 0;
#endif
  for (; i < count; i++) {
    const int64_t value = values[i];
    const int64_t at = value < 0 && value >= -wrapped ? value + size : value;
    if (static_cast<uint64_t>(at) < static_cast<uint64_t>(size)) {
      if (offsets[i] != kMissing) offsets[i] += at * stride;
    } else {
      isRight = isRight && offsets[i] == kMissing;
      offsets[i] = kMissing;
    }
  }
  return isRight;
}

bool addCoordinates(int64_t* offsets, const Coordinates& coordinates, int64_t count) {
  return coordinates.isWide ? addValues<int64_t>(offsets, coordinates, count)
                            : addValues<int32_t>(offsets, coordinates, count);
}

template <class T> inline void gatherWords(char* to, const char* from, const int64_t* offsets, T fill, int64_t count) {
  int64_t i = 0;
#if FLAMBEAU_ISA_NUMBER == 3
  const __m512i missing = _mm512_set1_epi64(kMissing);
  for (; sizeof(T) >= 4 && i + 8 <= count; i += 8) {
    const __m512i at = _mm512_loadu_si512(offsets + i);
    const __mmask8 present = _mm512_cmpneq_epi64_mask(at, missing);
    if (sizeof(T) == 4) {
      const __m256i none = _mm256_set1_epi32(static_cast<int>(fill));
      const __m256i words = _mm512_mask_i64gather_epi32(none, present, at, from, 1);
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(to + i * 4), words);
    } else {
      const __m512i none = _mm512_set1_epi64(static_cast<int64_t>(fill));
      _mm512_storeu_si512(to + i * 8, _mm512_mask_i64gather_epi64(none, present, at, from, 1));
    }
  }
#endif
  for (; i < count; i++)
    write<T>(to + i * sizeof(T), offsets[i] == kMissing ? fill : read<T>(from + offsets[i]));
}

void gather(int size, char* to, const char* from, const int64_t* offsets, uint64_t fill, int64_t count) {
  switch (size) {
    case 1: return gatherWords<uint8_t>(to, from, offsets, static_cast<uint8_t>(fill), count);
    case 2: return gatherWords<uint16_t>(to, from, offsets, static_cast<uint16_t>(fill), count);
    case 4: return gatherWords<uint32_t>(to, from, offsets, static_cast<uint32_t>(fill), count);
    default: return gatherWords<uint64_t>(to, from, offsets, fill, count);
  }
}

template <class T> inline void scatterWords(char* to, const int64_t* offsets, const char* from, int64_t count) {
  for (int64_t i = 0; i < count; i++)
    if (offsets[i] != kMissing) write<T>(to + offsets[i], read<T>(from + i * sizeof(T)));
}

void scatter(int size, char* to, const int64_t* offsets, const char* from, int64_t count) {
  switch (size) {
    case 1: return scatterWords<uint8_t>(to, offsets, from, count);
    case 2: return scatterWords<uint16_t>(to, offsets, from, count);
    case 4: return scatterWords<uint32_t>(to, offsets, from, count);
    default: return scatterWords<uint64_t>(to, offsets, from, count);
  }
}

// Rows in the order of WordType. Sums and products wrap as unsigned words do, and of bool they are "or" and
// "and"; halves go through float32.
#define WRAPPING(f, C, onBool)                                                                               \
  {f<onBool, uint8_t>, f<C, uint8_t>, f<C, uint32_t>, f<C, uint64_t>, f<C, float>, f<C, double>,             \
   f<C, uint8_t>, f<C, uint16_t>, f<C, uint16_t>, nullptr, nullptr}
#define ORDERED(f, C)                                                                                        \
  {f<C, uint8_t>, f<C, uint8_t>, f<C, int32_t>, f<C, int64_t>, f<C, float>, f<C, double>,                    \
   f<C, int8_t>, f<C, int16_t>, f<C, uint16_t>, nullptr, nullptr}
#define COMBINES(f)                                                                                          \
  {{}, WRAPPING(f, Combine::Add, Combine::Max), WRAPPING(f, Combine::Mul, Combine::Min),                     \
   ORDERED(f, Combine::Max), ORDERED(f, Combine::Min)}
#define FOLDS(f)                                                                                            \
  {{nullptr, f<Fold::Add, uint8_t>, f<Fold::Add, uint32_t>, f<Fold::Add, uint64_t>, f<Fold::Add, float>,    \
    f<Fold::Add, double>},                                                                                  \
   {nullptr, f<Fold::Mul, uint8_t>, f<Fold::Mul, uint32_t>, f<Fold::Mul, uint64_t>, f<Fold::Mul, float>,    \
    f<Fold::Mul, double>},                                                                                  \
   {f<Fold::Max, uint8_t>, f<Fold::Max, uint8_t>, f<Fold::Max, int32_t>, f<Fold::Max, int64_t>,             \
    f<Fold::Max, float>, f<Fold::Max, double>},                                                             \
   {f<Fold::Min, uint8_t>, f<Fold::Min, uint8_t>, f<Fold::Min, int32_t>, f<Fold::Min, int64_t>,             \
    f<Fold::Min, float>, f<Fold::Min, double>}}

}  // namespace

extern const loops::Moves loopMoves;
const loops::Moves loopMoves = {
    moveRectangle, fillWords, ramp<uint32_t>, ramp<uint64_t>, shift, addCoordinates, gather, scatter,
    COMBINES(combineRun), COMBINES(combineOffsets), FOLDS(foldRows),
    {nullptr, nullptr, nullptr, nullptr, squareRows<float>, squareRows<double>}, FOLDS(scanRows),
};

}  // namespace flambeau::FLAMBEAU_ISA
