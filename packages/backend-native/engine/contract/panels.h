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

/** to[p * ldTo + i] = from[p * ldFrom + i] for i < m and p < k. */
template <class T>
FLAMBEAU_INLINE void copyRows(const T* from, int64_t ldFrom, int m, int64_t k, T* to, int64_t ldTo) {
  using L = Lanes<T>;
  const int whole = m / L::width * L::width;
  const typename L::Part part = L::part(m - whole);
  for (int64_t p = 0; p < k; p++) {
    const T* row = from + p * ldFrom;
    T* out = to + p * ldTo;
    for (int i = 0; i < whole; i += L::width) L::store(out + i, L::load(row + i));
    if (whole < m) L::store(out + whole, L::load(row + whole, part), part);
  }
}

/** One panel: k steps of m neighbours, `ldTo` apart. `stride` between neighbours, `kStride` between steps. */
template <class T>
FLAMBEAU_INLINE void packPanel(const T* from, int64_t stride, int64_t kStride, int m, int64_t k, T* to,
                               int64_t ldTo) {
  constexpr int width = Lanes<T>::width;
  if (stride == 1) {
    copyRows<T>(from, kStride, m, k, to, ldTo);
  } else if (kStride == 1) {
    for (int i = 0; i < m; i += width) {
      transposeStrip<T>(from + i * stride, stride, m - i < width ? m - i : width, k, to + i, ldTo);
    }
  } else {
    for (int64_t p = 0; p < k; p++) {
      for (int i = 0; i < m; i++) to[p * ldTo + i] = from[i * stride + p * kStride];
    }
  }
}

template <class T>
void packAPanels(const T* a, int64_t rowStride, int64_t kStride, int64_t m, int64_t k, T* to) {
  for (int64_t i = 0; i < m; i += kTileRows) {
    const int rows = m - i < kTileRows ? static_cast<int>(m - i) : kTileRows;
    packPanel<T>(a + i * rowStride, rowStride, kStride, rows, k, to + i * k, rows);
  }
}

template <class T>
void packBPanels(const T* b, int64_t kStride, int64_t columnStride, int64_t k, int64_t n, T* to) {
  constexpr int panel = kTileVectors * Lanes<T>::width;
  for (int64_t j = 0; j < n; j += panel, to += panel * k) {
    const int columns = n - j < panel ? static_cast<int>(n - j) : panel;
    packPanel<T>(b + j * columnStride, columnStride, kStride, columns, k, to, panel);
    if (columns == panel) continue;
    for (int64_t p = 0; p < k; p++) {
      for (int i = columns; i < panel; i++) to[p * panel + i] = 0;
    }
  }
}

template <class T>
constexpr MicroSet<T> microSet() {
  return {kTileRows,      kTileVectors * Lanes<T>::width, multiplyPanels<T>, packAPanels<T>,
          packBPanels<T>, anyTile<T>,                    skinny<T>,      Lanes<T>::hasMasks};
}

}  // namespace
}  // namespace FLAMBEAU_ISA
}  // namespace flambeau
