// The inner loops of convolutions for one instruction set: packing of windows, and products with few rows.
#include <cstring>

#include "lanes.h"
#include "windows-kernels.h"

namespace flambeau {
namespace FLAMBEAU_ISA {
namespace {

/** `length` neighbours at once. */
template <class T, int length>
FLAMBEAU_INLINE void copyFixed(T* to, const T* from) {
  using L = Lanes<T>;
  if constexpr (length >= L::width) {
    FLAMBEAU_UNROLL
    for (int i = 0; i < length; i += L::width) L::store(to + i, L::load(from + i));
  } else {
    std::memcpy(to, from, sizeof(T) * length);
  }
}

template <class T>
FLAMBEAU_INLINE void copyAny(T* to, const T* from, int64_t count) {
  using L = Lanes<T>;
  int64_t i = 0;
  for (; i + L::width <= count; i += L::width) L::store(to + i, L::load(from + i));
  if (i < count) {
    const typename L::Part part = L::part(static_cast<int>(count - i));
    L::store(to + i, L::load(from + i, part), part);
  }
}

/** Runs of one length, or all counted as one vector long. */
template <class T, int length>
void packFixed(const T* from, const int64_t* offsets, int64_t k, const WindowRun* runs, int64_t count, T* to,
               int64_t pitch) {
  for (int64_t p = 0; p < k; p++, to += pitch) {
    const T* row = from + offsets[p];
    for (int64_t r = 0; r < count; r++) copyFixed<T, length>(to + runs[r].column, row + runs[r].from);
  }
}

/** `count` runs of one length, whose starts stay in registers. */
template <class T, int length, int count>
void packCounted(const T* from, const int64_t* offsets, int64_t k, const WindowRun* runs, T* to, int64_t pitch) {
  const T* starts[count];
  FLAMBEAU_UNROLL
  for (int r = 0; r < count; r++) starts[r] = from + runs[r].from;
  to += runs[0].column;
  for (int64_t p = 0; p < k; p++, to += pitch) {
    const int64_t offset = offsets[p];
    FLAMBEAU_UNROLL
    for (int r = 0; r < count; r++) copyFixed<T, length>(to + r * length, starts[r] + offset);
  }
}

/** Runs of one length: in few of the usual numbers, or in any. */
template <class T, int length>
void packEqual(const T* from, const int64_t* offsets, int64_t k, const WindowRun* runs, int64_t count, T* to,
               int64_t pitch) {
  switch (count) {
    case 2: return packCounted<T, length, 2>(from, offsets, k, runs, to, pitch);
    case 4: return packCounted<T, length, 4>(from, offsets, k, runs, to, pitch);
    case 8: return packCounted<T, length, 8>(from, offsets, k, runs, to, pitch);
    default: return packFixed<T, length>(from, offsets, k, runs, count, to, pitch);
  }
}

template <class T>
void pack(const T* from, const int64_t* offsets, int64_t k, const WindowRun* runs, int64_t count, T* to,
          int64_t pitch, bool isPadded) {
  constexpr int width = Lanes<T>::width;
  int64_t least = count > 0 ? runs[0].length : 0, most = least;
  for (int64_t r = 1; r < count; r++) {
    least = runs[r].length < least ? runs[r].length : least;
    most = runs[r].length > most ? runs[r].length : most;
  }
  if (least == most) {
    switch (most) {
      case 1: return packFixed<T, 1>(from, offsets, k, runs, count, to, pitch);
      case 2: return packFixed<T, 2>(from, offsets, k, runs, count, to, pitch);
      case 4: return packEqual<T, 4>(from, offsets, k, runs, count, to, pitch);
      case 8: return packEqual<T, 8>(from, offsets, k, runs, count, to, pitch);
      case 16: return packEqual<T, 16>(from, offsets, k, runs, count, to, pitch);
      case 32: return packFixed<T, 32>(from, offsets, k, runs, count, to, pitch);
      default: break;
    }
  }
  if (isPadded && most <= width) return packFixed<T, width>(from, offsets, k, runs, count, to, pitch);
  for (int64_t p = 0; p < k; p++, to += pitch) {
    const T* row = from + offsets[p];
    for (int64_t r = 0; r < count; r++) {
      const T* source = row + runs[r].from;
      T* out = to + runs[r].column;
      // In order, so that what one run writes too much the next one overwrites.
      if (!isPadded) {
        copyAny(out, source, runs[r].length);
        continue;
      }
      for (int64_t i = 0; i < runs[r].length; i += width) Lanes<T>::store(out + i, Lanes<T>::load(source + i));
    }
  }
}

template <class T>
void copy(T* to, const T* from, int64_t count) {
  copyAny(to, from, count);
}

/** Every second element. */
template <class T>
FLAMBEAU_INLINE void copyHalf(T* to, const T* from, int64_t count) {
  int64_t i = 0;
#if FLAMBEAU_ISA_NUMBER == FLAMBEAU_ISA_avx512
  if constexpr (sizeof(T) == 4) {
    using L = Lanes<T>;
    const __m512i even = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
    if (count <= 8) {
      const int few = static_cast<int>(count);
      return L::store(to, _mm512_permutexvar_ps(even, L::load(from, L::part(2 * few - 1))), L::part(few));
    }
    for (; i < count; i += 16) {
      const int left = count - i < 16 ? static_cast<int>(count - i) : 16, reach = 2 * left - 1;
      const auto low = L::load(from + 2 * i, L::part(reach < 16 ? reach : 16));
      const auto high = reach > 16 ? L::load(from + 2 * i + 16, L::part(reach - 16)) : L::zero();
      L::store(to + i, _mm512_permutex2var_ps(low, even, high), L::part(left));
    }
  }
#endif
  for (; i < count; i++) to[i] = from[2 * i];
}

constexpr int64_t kAhead = 512;

template <class T>
void copySpans(T* to, const T* from, const WindowSpan* spans, int64_t count, int64_t stride) {
  for (int64_t s = 0; s < count; s++) {
    T* out = to + spans[s].position;
    const T* source = from + spans[s].offset;
    // Images are walked once and in order, across pages where hardware stops fetching ahead.
    for (int64_t i = 0; i < spans[s].count * stride; i += 16) FLAMBEAU_PREFETCH(source + kAhead + i);
    if (stride == 1) copyAny(out, source, spans[s].count);
    else if (stride == 2) copyHalf(out, source, spans[s].count);
    else for (int64_t i = 0; i < spans[s].count; i++) out[i] = source[i * stride];
  }
}

/** Whether taps are neighbours, in this direction (1 or -1). */
inline bool areNeighbours(const int64_t* tap, int64_t taps, int64_t direction) {
  for (int64_t t = 1; t < taps; t++) {
    if (tap[t] - tap[t - 1] != direction) return false;
  }
  return true;
}

/** Of one channel, where rows and neighbouring taps fit into vectors: a transpose in registers. */
template <class T>
FLAMBEAU_INLINE void packSquare(const T* from, int64_t rowStride, int64_t taps, bool isReversed, int64_t m, T* to) {
  using L = Lanes<T>;
  const auto tapsPart = L::part(static_cast<int>(taps)), rowsPart = L::part(static_cast<int>(m));
  typename L::V rows[L::width];
  FLAMBEAU_UNROLL
  for (int i = 0; i < L::width; i++) rows[i] = i < m ? L::load(from + i * rowStride, tapsPart) : L::zero();
  transpose<T>(rows);
  FLAMBEAU_UNROLL
  for (int t = 0; t < L::width; t++) {
    if (t < taps) L::store(to + (isReversed ? taps - 1 - t : t) * m, rows[t], rowsPart);
  }
}

template <class T>
void packTaps(const T* from, int64_t rowStride, int64_t channelStride, const int64_t* tap, int64_t taps, int64_t m,
              int64_t channels, T* to) {
  constexpr int width = Lanes<T>::width;
  const bool rises = areNeighbours(tap, taps, 1), falls = areNeighbours(tap, taps, -1);
  const bool fits = width >= 8 && taps <= width && m <= width && taps > 2 && (rises || falls);
  const int64_t reach = m * rowStride;
  for (int64_t c = 0; c < channels; c++, from += channelStride, to += taps * m) {
    // Channels lie far apart, so no hardware fetches them in time.
    if (c + 4 < channels) {
      for (int64_t i = 0; i < reach && i < 256; i += 16) FLAMBEAU_PREFETCH(from + 4 * channelStride + i);
    }
    if (fits) {
      packSquare(from + (rises ? tap[0] : tap[taps - 1]), rowStride, taps, !rises, m, to);
      continue;
    }
    for (int64_t t = 0; t < taps; t++) {
      for (int64_t i = 0; i < m; i++) to[t * m + i] = from[tap[t] + i * rowStride];
    }
  }
}

#if FLAMBEAU_ISA_NUMBER == FLAMBEAU_ISA_avx512
constexpr int kVectors[] = {0, 8, 8, 6, 6};
#else
constexpr int kVectors[] = {0, 8, 4, 3, 2};
#endif
constexpr int kFewRows = 4;

template <class T, int rows>
void multiplyFew(int64_t k, const T* a, const T* from, const int64_t* offsets, const WindowRun* runs, int count, T* c,
                 int64_t ldc, bool accumulate, const T* bias, int64_t biasStride) {
  using L = Lanes<T>;
  constexpr int vectors = kVectors[rows];
  const T* starts[vectors];
  FLAMBEAU_UNROLL
  for (int v = 0; v < vectors; v++) starts[v] = from + runs[v < count ? v : 0].from;
  typename L::V sums[rows][vectors];
  FLAMBEAU_UNROLL
  for (int i = 0; i < rows; i++) {
    FLAMBEAU_UNROLL
    for (int v = 0; v < vectors; v++) sums[i][v] = L::zero();
  }
  for (int64_t p = 0; p < k; p++, a += rows) {
    const int64_t offset = offsets[p];
    typename L::V x[rows];
    FLAMBEAU_UNROLL
    for (int i = 0; i < rows; i++) x[i] = L::splat(a[i]);
    FLAMBEAU_UNROLL
    for (int v = 0; v < vectors; v++) {
      const typename L::V b = L::load(starts[v] + offset);
      FLAMBEAU_UNROLL
      for (int i = 0; i < rows; i++) sums[i][v] = L::fma(x[i], b, sums[i][v]);
    }
  }
  // Unrolled, since sums that are reached by a variable would not stay in registers.
  FLAMBEAU_UNROLL
  for (int i = 0; i < rows; i++) {
    const typename L::V start = L::splat(bias ? bias[i * biasStride] : T(0));
    FLAMBEAU_UNROLL
    for (int v = 0; v < vectors; v++) {
      if (v >= count) continue;
      T* to = c + i * ldc + v * L::width;
      typename L::V sum = accumulate ? L::add(L::load(to), sums[i][v]) : sums[i][v];
      if (bias) sum = L::add(sum, start);
      L::store(to, sum);
    }
  }
}

template <class T>
void multiplyTaps(int m, int64_t k, const T* a, const T* from, const int64_t* offsets, const WindowRun* runs,
                  int count, T* c, int64_t ldc, bool accumulate, const T* bias, int64_t biasStride) {
  switch (m) {
    case 1: return multiplyFew<T, 1>(k, a, from, offsets, runs, count, c, ldc, accumulate, bias, biasStride);
    case 2: return multiplyFew<T, 2>(k, a, from, offsets, runs, count, c, ldc, accumulate, bias, biasStride);
    case 3: return multiplyFew<T, 3>(k, a, from, offsets, runs, count, c, ldc, accumulate, bias, biasStride);
    default: return multiplyFew<T, 4>(k, a, from, offsets, runs, count, c, ldc, accumulate, bias, biasStride);
  }
}

int vectorsFor(int rows) { return kVectors[rows]; }

constexpr int kFewTaps = 9;

template <class T, int count>
void dotsFixed(const T* a, const int64_t* aRows, const T* b, const int64_t* bRows, int64_t rows, int64_t length,
               const int64_t* taps, T* sums) {
  using L = Lanes<T>;
  typename L::V total[count];
  FLAMBEAU_UNROLL
  for (int t = 0; t < count; t++) total[t] = L::zero();
  const int64_t whole = length / L::width * L::width;
  const typename L::Part part = L::part(static_cast<int>(length - whole));
  for (int64_t r = 0; r < rows; r++) {
    const T* x = a + aRows[r];
    const T* y = b + bRows[r];
    for (int64_t i = 0; i < whole; i += L::width) {
      const typename L::V u = L::load(x + i);
      FLAMBEAU_UNROLL
      for (int t = 0; t < count; t++) total[t] = L::fma(u, L::load(y + taps[t] + i), total[t]);
    }
    if (whole < length) {
      const typename L::V u = L::load(x + whole, part);
      FLAMBEAU_UNROLL
      for (int t = 0; t < count; t++) total[t] = L::fma(u, L::load(y + taps[t] + whole, part), total[t]);
    }
  }
  FLAMBEAU_UNROLL
  for (int t = 0; t < count; t++) {
    T lanes[L::width];
    L::store(lanes, total[t]);
    for (int step = L::width / 2; step > 0; step /= 2) {
      for (int i = 0; i < step; i++) lanes[i] += lanes[i + step];
    }
    sums[t] += lanes[0];
  }
}

template <class T>
void dots(const T* a, const int64_t* aRows, const T* b, const int64_t* bRows, int64_t rows, int64_t length,
          const int64_t* taps, int count, T* sums) {
  switch (count) {
    case 1: return dotsFixed<T, 1>(a, aRows, b, bRows, rows, length, taps, sums);
    case 2: return dotsFixed<T, 2>(a, aRows, b, bRows, rows, length, taps, sums);
    case 3: return dotsFixed<T, 3>(a, aRows, b, bRows, rows, length, taps, sums);
    case 4: return dotsFixed<T, 4>(a, aRows, b, bRows, rows, length, taps, sums);
    case 5: return dotsFixed<T, 5>(a, aRows, b, bRows, rows, length, taps, sums);
    case 6: return dotsFixed<T, 6>(a, aRows, b, bRows, rows, length, taps, sums);
    case 7: return dotsFixed<T, 7>(a, aRows, b, bRows, rows, length, taps, sums);
    case 8: return dotsFixed<T, 8>(a, aRows, b, bRows, rows, length, taps, sums);
    default: return dotsFixed<T, 9>(a, aRows, b, bRows, rows, length, taps, sums);
  }
}

template <class T>
constexpr WindowSet<T> windowSet() {
  return {Lanes<T>::width, pack<T>,    copy<T>,         copySpans<T>, packTaps<T>,
          kFewRows,        vectorsFor, multiplyTaps<T>, kFewTaps,     dots<T>};
}

}  // namespace

extern const WindowKernels windowKernels;
extern const WindowKernels64 windowKernels64;
const WindowKernels windowKernels = windowSet<float>();
const WindowKernels64 windowKernels64 = windowSet<double>();

}  // namespace FLAMBEAU_ISA
}  // namespace flambeau
