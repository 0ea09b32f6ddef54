// The register tile of matrix products, for float32 and float64: `MR` rows times `VECTORS` vectors of sums,
// which stay in registers for the whole of k. Included by micro*.isa.cpp only.
#pragma once
#include "lanes.h"
#include "micro.h"

namespace flambeau {
namespace FLAMBEAU_ISA {
namespace {

// Shapes that leave registers for the factors; more rows than vectors, because a row costs one broadcast.
#if FLAMBEAU_ISA_NUMBER == FLAMBEAU_ISA_avx512
constexpr int kTileRows = 14, kTileVectors = 2;
#elif FLAMBEAU_ISA_NUMBER == FLAMBEAU_ISA_avx2
constexpr int kTileRows = 6, kTileVectors = 2;
#elif FLAMBEAU_ISA_NUMBER == FLAMBEAU_ISA_neon
constexpr int kTileRows = 8, kTileVectors = 3;
#else
constexpr int kTileRows = 4, kTileVectors = 2;
#endif

/**
 * `acrossRows`: A's rows are neighbours (packed panels, transposed matrices); else its k steps are.
 * `isPartial`: the last vector has fewer than `width` columns.
 */
template <class T, int rows, int vectors, bool acrossRows, bool isPartial>
#if defined(__GNUC__)
__attribute__((noinline))
#endif
void runTile(const Tile<T>& t) {
  using L = Lanes<T>;
  using V = typename L::V;
  const typename L::Part part = L::part(t.n - (vectors - 1) * L::width);
  V sums[rows][vectors];
  FLAMBEAU_UNROLL
  for (int i = 0; i < rows; i++) {
    FLAMBEAU_UNROLL
    for (int j = 0; j < vectors; j++) sums[i][j] = L::zero();
  }
  T* c = t.c;
  const int64_t ldc = t.ldc;
  for (int i = 0; i < rows; i++) {
    FLAMBEAU_PREFETCH(c + i * ldc);
    if (vectors * sizeof(V) > 64) FLAMBEAU_PREFETCH(c + i * ldc + vectors * L::width - 1);
  }
  const T* b = t.b;
  const int64_t ldb = t.ldb;
  // Three rows share a pointer, since an address may add a register once or twice.
  constexpr int groups = acrossRows ? 1 : (rows + 2) / 3;
  const int64_t step = acrossRows ? t.kStride : 1, stride = acrossRows ? 1 : t.rowStride;
  const T* a[groups];
  for (int g = 0; g < groups; g++) a[g] = t.a + 3 * g * stride;
  const char* ahead = static_cast<const char*>(t.ahead);
  const int64_t aheadStep = t.aheadStep;
  for (int64_t p = 0; p < t.k; p++) {
    FLAMBEAU_PREFETCH(ahead);
    ahead += aheadStep;
    V columns[vectors];
    FLAMBEAU_UNROLL
    for (int j = 0; j < vectors; j++) {
      constexpr bool readsPart = isPartial && L::hasMasks;
      columns[j] = readsPart && j == vectors - 1 ? L::load(b + j * L::width, part) : L::load(b + j * L::width);
    }
    FLAMBEAU_UNROLL
    for (int i = 0; i < rows; i++) {
      const V x = L::splat(acrossRows ? a[0][i] : a[i / 3][(i % 3) * stride]);
      FLAMBEAU_UNROLL
      for (int j = 0; j < vectors; j++) sums[i][j] = L::fma(x, columns[j], sums[i][j]);
    }
    FLAMBEAU_UNROLL
    for (int g = 0; g < groups; g++) a[g] += step;
    b += ldb;
  }
  if (t.accumulate) {
    FLAMBEAU_UNROLL
    for (int i = 0; i < rows; i++) {
      FLAMBEAU_UNROLL
      for (int j = 0; j < vectors; j++) {
        const T* from = c + i * ldc + j * L::width;
        sums[i][j] = L::add(isPartial && j == vectors - 1 ? L::load(from, part) : L::load(from), sums[i][j]);
      }
    }
  }
  if (t.columnBias) {
    FLAMBEAU_UNROLL
    for (int j = 0; j < vectors; j++) {
      const T* from = t.columnBias + j * L::width;
      const V bias = isPartial && j == vectors - 1 ? L::load(from, part) : L::load(from);
      FLAMBEAU_UNROLL
      for (int i = 0; i < rows; i++) sums[i][j] = L::add(sums[i][j], bias);
    }
  }
  if (t.rowBias) {
    FLAMBEAU_UNROLL
    for (int i = 0; i < rows; i++) {
      const V bias = L::splat(t.rowBias[i * t.rowBiasStride]);
      FLAMBEAU_UNROLL
      for (int j = 0; j < vectors; j++) sums[i][j] = L::add(sums[i][j], bias);
    }
  }
  FLAMBEAU_UNROLL
  for (int i = 0; i < rows; i++) {
    FLAMBEAU_UNROLL
    for (int j = 0; j < vectors; j++) {
      T* to = c + i * ldc + j * L::width;
      if (isPartial && j == vectors - 1) L::store(to, sums[i][j], part);
      else L::store(to, sums[i][j]);
    }
  }
}

template <class T>
using TileFunction = void (*)(const Tile<T>&);

/** Tiles by number of rows, 1 … kTileRows. */
template <class T, int vectors, bool acrossRows, bool isPartial>
struct TilesByRows {
  TileFunction<T> at[kTileRows + 1] = {};
  constexpr TilesByRows() { fill<kTileRows>(); }
  template <int rows>
  constexpr void fill() {
    at[rows] = runTile<T, rows, vectors, acrossRows, isPartial>;
    if constexpr (rows > 1) fill<rows - 1>();
  }
};

/** And by number of vectors, 1 … kTileVectors. */
template <class T, bool acrossRows, bool isPartial>
struct TilesByShape {
  TilesByRows<T, 1, acrossRows, isPartial> one;
  TilesByRows<T, 2, acrossRows, isPartial> two;
#if FLAMBEAU_ISA_NUMBER == FLAMBEAU_ISA_neon
  TilesByRows<T, 3, acrossRows, isPartial> three;
#endif
  TileFunction<T> pick(int rows, int vectors) const {
#if FLAMBEAU_ISA_NUMBER == FLAMBEAU_ISA_neon
    if (vectors == 3) return three.at[rows];
#endif
    return vectors == 2 ? two.at[rows] : one.at[rows];
  }
};

template <class T>
void anyTile(const Tile<T>& t) {
  static constexpr TilesByShape<T, true, false> acrossWhole{};
  static constexpr TilesByShape<T, true, true> acrossPartial{};
  static constexpr TilesByShape<T, false, false> alongWhole{};
  static constexpr TilesByShape<T, false, true> alongPartial{};
  constexpr int width = Lanes<T>::width;
  const int vectors = (t.n + width - 1) / width;
  const bool isPartial = t.n % width != 0;
  if (t.rowStride == 1) (isPartial ? acrossPartial.pick(t.m, vectors) : acrossWhole.pick(t.m, vectors))(t);
  else (isPartial ? alongPartial.pick(t.m, vectors) : alongWhole.pick(t.m, vectors))(t);
}

template <class T>
void multiplyPanels(int m, int64_t k, const T* a, const T* b, int64_t ldb, T* c, int64_t ldc, bool accumulate) {
  constexpr int columns = kTileVectors * Lanes<T>::width;
  anyTile(Tile<T>{m, columns, k, a, 1, m, b, ldb, c, ldc, accumulate, nullptr, nullptr, 0, b, 0});
}

}  // namespace
}  // namespace FLAMBEAU_ISA
}  // namespace flambeau
