// The inner loops of matrix products, one set per instruction set: a register tile of C is A's panel times
// B's panel. Blocking and packing of matrices: gemm; windows of convolutions: windows. Both pack into these
// panels.
#pragma once
#include <cstdint>

#include "../isa.h"

namespace flambeau {

/** C[m × n] = (accumulate ? C : 0) + A·B + biases, with m <= rows, n <= columns. Nothing beyond is touched. */
template <class T>
struct Tile {
  int m, n;
  int64_t k;
  const T* a;  // one of its strides is 1
  int64_t rowStride, kStride;
  const T* b;  // k rows of n neighbours
  int64_t ldb;
  T* c;  // m rows of n neighbours
  int64_t ldc;
  bool accumulate;
  const T* columnBias;  // n neighbours, added at the end; or null
  const T* rowBias;     // one per row, `rowBiasStride` apart, added at the end; or null
  int64_t rowBiasStride;
  const void* ahead;  // what is read soon: fetched into the cache, `aheadStep` bytes on with each step of k
  int64_t aheadStep;
};

/** The same for few rows: B is read once, where it is. */
template <class T>
struct Skinny {
  int64_t m, n, k;
  const T* a;  // alongK: kStride is 1
  int64_t rowStride, kStride;
  const T* b;
  int64_t ldb;
  bool alongK;  // B is n columns of k neighbours, `ldb` apart; else k rows of n neighbours
  T* c;
  int64_t ldc;
  bool accumulate;
};

template <class T>
struct MicroSet {
  int rows;     // MR: most rows of a tile
  int columns;  // NR: columns of a tile, and of a panel of B
  /**
   * C[m × NR] = (accumulate ? C : 0) + A·B. `a`: k steps of m neighbours each (m <= MR: a panel is packed
   * with exactly m rows). `b`: k rows of NR neighbours, `ldb` apart (NR where packed). `c`: rows `ldc` apart.
   */
  void (*multiply)(int m, int64_t k, const T* a, const T* b, int64_t ldb, T* c, int64_t ldc, bool accumulate);
  /** Packs `m` rows × `k` of a matrix with any element strides into panels of up to MR rows, one after
   * another (each k × its number of rows). */
  void (*packA)(const T* a, int64_t rowStride, int64_t kStride, int64_t m, int64_t k, T* to);
  /** The same with panels of `height` rows. */
  void (*packRows)(const T* a, int64_t rowStride, int64_t kStride, int64_t m, int64_t k, int height, T* to);
  /** Packs `k` × `n` into panels of NR columns, the last one padded with zeros (each k × NR). */
  void (*packB)(const T* b, int64_t kStride, int64_t columnStride, int64_t k, int64_t n, T* to);
  /** The general tile: factors packed or where they are, any width. */
  void (*tile)(const Tile<T>& tile);
  void (*skinny)(const Skinny<T>& product);
  /** Whether `tile` reads no more of B than n columns; else B must be packed where n is no whole panel. */
  bool readsPartialB;
};

using MicroKernels = MicroSet<float>;
using MicroKernels64 = MicroSet<double>;
FLAMBEAU_FOR_EACH_ISA(MicroKernels, microKernels)
FLAMBEAU_FOR_EACH_ISA(MicroKernels64, microKernels64)

}  // namespace flambeau
