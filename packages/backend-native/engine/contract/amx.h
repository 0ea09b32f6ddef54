// The AMX side of bfloat16 products: packing into tiles, and the register tiles themselves. Compiled only
// where the compiler knows these instructions; called only where hasAmx().
#pragma once
#include <cstdint>

#include "../base.h"

namespace flambeau {
namespace amx {

/** A tile in memory: 16 outer × 32 k of bfloat16, 1 KB. */
constexpr int64_t kOuter = 16, kDepth = 32, kTileWords = kOuter * kDepth;

/** Of a: 16 rows of 32 k. Of b: 16 pairs of k, each 16 columns × 2. */
enum class Form { Rows, Pairs };

/**
 * Packs one tile from float32 (rounded to nearest even) or bfloat16, of which `outer` × `depth` elements exist;
 * the rest is zero. One of the strides must be 1.
 */
void packTile(Form form, WordType type, const void* from, int64_t outerStride, int64_t kStride, int outer, int depth,
              uint16_t* to);

/** Between these two, this thread's tiles belong to `multiply`. */
void beginTiles();
void endTiles();

/** C[32 × 32] = (accumulate ? C : 0) + A·B over `depth` tiles; a0, a1 and b0, b1 are rows of tiles. */
void multiply(int64_t depth, const uint16_t* a0, const uint16_t* a1, const uint16_t* b0, const uint16_t* b1, float* c,
              int64_t ldc, bool accumulate);

}  // namespace amx
}  // namespace flambeau
