// Winograd's short convolutions F(2×2, 3×3): transforms of tiles for one instruction set. A tile of 4×4 of the
// image and a window of 3×3 make 2×2 places with 16 products instead of 36. Its user: windows-winograd.cpp.
#pragma once
#include <cstdint>

#include "../isa.h"

namespace flambeau {

template <class T>
struct WinogradSet {
  int places;  // along each side of a tile: 2
  int side;    // of the tile of the image: places + 2
  /** Weights of `count` channels, [channel][3·3][rows], to [element of the tile][channel][rows]. */
  void (*weight)(const T* from, int64_t rows, int64_t count, T* to, int64_t elementPitch);
  /** Tiles of the image, [element][columns], likewise. */
  void (*image)(const T* from, int columns, T* to, int64_t elementPitch);
  /**
   * Sums to places: row i of tile rows goes to `to + i * columns * places`, neighbouring places together. Adds
   * `bias`. False where a result is not finite: the transforms then have smeared it over the tile.
   */
  bool (*sums)(const T* from, int64_t elementPitch, int columns, T bias, T* to);
};

using WinogradKernels = WinogradSet<float>;
FLAMBEAU_FOR_EACH_ISA(WinogradKernels, winogradKernels)

}  // namespace flambeau
