// The inner loops of convolutions, one set per instruction set. Their callers: windows-gather.cpp,
// windows-weight.cpp.
#pragma once
#include <cstdint>

#include "../isa.h"

namespace flambeau {

/** Neighbours of an image that are neighbours in a panel of B. Offsets are in elements. */
struct WindowRun {
  int64_t column, length, from, to;
};

/** Neighbours that a copy of an image takes over: to[position + i] = from[offset + i * stride]. */
struct WindowSpan {
  int64_t position, offset, count;
};

template <class T>
struct WindowSet {
  int lanes;  // elements of a vector
  /**
   * Packs k rows of runs, which lie without gaps: to[p * pitch + column + i] = from[offsets[p] + run.from + i].
   * `isPadded`: a vector more may be read beyond each run, and written beyond the last row.
   */
  void (*pack)(const T* from, const int64_t* offsets, int64_t k, const WindowRun* runs, int64_t count, T* to,
               int64_t pitch, bool isPadded);
  /** to[i] = from[i]. */
  void (*copy)(T* to, const T* from, int64_t count);
  void (*copySpans)(T* to, const T* from, const WindowSpan* spans, int64_t count, int64_t stride);
  /**
   * A panel of A, whose k steps are channels × taps: to[(c * taps + t) * m + i] =
   * from[c * channelStride + tap[t] + i * rowStride].
   */
  void (*packTaps)(const T* from, int64_t rowStride, int64_t channelStride, const int64_t* tap, int64_t taps,
                   int64_t m, int64_t channels, T* to);

  /** Most rows of multiplyTaps, and how many vectors of places it takes for so many rows. */
  int fewRows;
  int (*vectorsFor)(int rows);
  /**
   * C[m × count·lanes] = (accumulate ? C : 0) + A·B + bias, with few rows: B's row p of vector v is read in
   * place, at from[offsets[p] + runs[v].from]. Reads whole vectors.
   */
  void (*multiplyTaps)(int m, int64_t k, const T* a, const T* from, const int64_t* offsets, const WindowRun* runs,
                       int count, T* c, int64_t ldc, bool accumulate, const T* bias, int64_t biasStride);

  /** Most taps of `dots` for one row. */
  int fewTaps;
  /** sums[t] += Σ over rows r and i < length of a[aRows[r] + i] · b[bRows[r] + taps[t] + i]. */
  void (*dots)(const T* a, const int64_t* aRows, const T* b, const int64_t* bRows, int64_t rows, int64_t length,
               const int64_t* taps, int count, T* sums);
};

using WindowKernels = WindowSet<float>;
using WindowKernels64 = WindowSet<double>;
FLAMBEAU_FOR_EACH_ISA(WindowKernels, windowKernels)
FLAMBEAU_FOR_EACH_ISA(WindowKernels64, windowKernels64)

}  // namespace flambeau
