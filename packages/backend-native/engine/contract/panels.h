// Packing of matrices into the panels that tiles.h reads, with transposes in registers. Included by
// micro*.isa.cpp only.
#pragma once
#include "skinny.h"
#include "tiles.h"

namespace flambeau {
namespace FLAMBEAU_ISA {
namespace {

/** to[p * ldTo + i] = from[i * ldFrom + p] for rows i < m and p < k, with m at most `width`. */
template <class T>
FLAMBEAU_INLINE void transposeStrip(const T* from, int64_t ldFrom, int m, int64_t k, T* to, int64_t ldTo) {
  using L = Lanes<T>;
  constexpr int width = L::width;
  const typename L::Part rowsPart = L::part(m);
  typename L::V rows[width];
  int64_t p = 0;
  for (; p + width <= k; p += width) {
    if (m == width) {
      FLAMBEAU_UNROLL
      for (int i = 0; i < width; i++) rows[i] = L::load(from + i * ldFrom + p);
    } else {
      FLAMBEAU_UNROLL
      for (int i = 0; i < width; i++) rows[i] = i < m ? L::load(from + i * ldFrom + p) : L::zero();
    }
    transpose<T>(rows);
    if (m == width) {
      FLAMBEAU_UNROLL
      for (int i = 0; i < width; i++) L::store(to + (p + i) * ldTo, rows[i]);
    } else {
      FLAMBEAU_UNROLL
      for (int i = 0; i < width; i++) L::store(to + (p + i) * ldTo, rows[i], rowsPart);
    }
  }
  for (; p < k; p++) {
    for (int i = 0; i < m; i++) to[p * ldTo + i] = from[i * ldFrom + p];
  }
}

/**
 * Panels whose rows are neighbours in memory: to[i / height * height * k + p * pitch + i % height] =
 * from[p * ldFrom + i] for i < m and p < k, with pitch `height`, or what is left of m. A few steps of all
 * panels, then the next: each page is read on before hardware forgets it, and no line leaves L1 half read.
 */
template <class T>
FLAMBEAU_INLINE void copyPanels(const T* from, int64_t ldFrom, int64_t m, int64_t k, int height, bool isPadded,
                                T* to) {
  using L = Lanes<T>;
  constexpr int64_t some = 8;
  for (int64_t low = 0; low < k; low += some) {
    const int64_t high = low + some < k ? low + some : k;
    for (int64_t i = 0; i < m; i += height) {
      const int rows = m - i < height ? static_cast<int>(m - i) : height, pitch = isPadded ? height : rows;
      const int whole = rows / L::width * L::width;
      const typename L::Part part = L::part(rows - whole);
      for (int64_t p = low; p < high; p++) {
        const T* row = from + p * ldFrom + i;
        T* out = to + i * k + p * pitch;
        for (int j = 0; j < whole; j += L::width) L::store(out + j, L::load(row + j));
        if (whole < rows) L::store(out + whole, L::load(row + whole, part), part);
      }
    }
  }
}

/** Panels of `height` of m neighbours, each k steps. `stride` between neighbours, `kStride` between steps. */
template <class T>
FLAMBEAU_INLINE void packPanels(const T* from, int64_t stride, int64_t kStride, int64_t m, int64_t k, int height,
                                bool isPadded, T* to) {
  constexpr int width = Lanes<T>::width;
  if (stride == 1) return copyPanels<T>(from, kStride, m, k, height, isPadded, to);
  for (int64_t first = 0; first < m; first += height) {
    const int rows = m - first < height ? static_cast<int>(m - first) : height, pitch = isPadded ? height : rows;
    const T* source = from + first * stride;
    T* panel = to + first * k;
    if (kStride == 1) {
      for (int i = 0; i < rows; i += width) {
        const int some = rows - i < width ? rows - i : width;
        transposeStrip<T>(source + i * stride, stride, some, k, panel + i, pitch);
      }
      continue;
    }
    for (int64_t p = 0; p < k; p++) {
      for (int i = 0; i < rows; i++) panel[p * pitch + i] = source[i * stride + p * kStride];
    }
  }
}

template <class T>
void packRows(const T* a, int64_t rowStride, int64_t kStride, int64_t m, int64_t k, int height, T* to) {
  packPanels<T>(a, rowStride, kStride, m, k, height, false, to);
}

template <class T>
void packAPanels(const T* a, int64_t rowStride, int64_t kStride, int64_t m, int64_t k, T* to) {
  packPanels<T>(a, rowStride, kStride, m, k, kTileRows, false, to);
}

template <class T>
void packBPanels(const T* b, int64_t kStride, int64_t columnStride, int64_t k, int64_t n, T* to) {
  using L = Lanes<T>;
  constexpr int panel = kTileVectors * L::width;
  const int64_t whole = n / panel * panel;
  if (whole < n) {
    const int64_t columns = n - whole;
    for (T* out = to + whole * k; out < to + (whole + panel) * k; out += panel) {
      FLAMBEAU_UNROLL
      for (int i = 0; i < panel; i += L::width) {
        if (i + L::width > columns) L::store(out + i, L::zero());
      }
    }
  }
  packPanels<T>(b, columnStride, kStride, n, k, panel, true, to);
}

template <class T>
constexpr MicroSet<T> microSet() {
  return {kTileRows,      kTileVectors * Lanes<T>::width, multiplyPanels<T>, packAPanels<T>, packRows<T>,
          packBPanels<T>, anyTile<T>,                     skinny<T>,         Lanes<T>::hasMasks};
}

}  // namespace
}  // namespace FLAMBEAU_ISA
}  // namespace flambeau
