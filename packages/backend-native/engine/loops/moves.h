// Moving elements between memory and blocks, and folding blocks: what the interpreter needs besides the
// arithmetic of ops.h. Strides are in bytes; elements have 1, 2, 4 or 8 bytes and no type where it does not
// matter. All functions touch exactly the elements they are asked for, aligned or not.
#pragma once
#include <cstdint>

#include "../base.h"
#include "../isa.h"

namespace flambeau::loops {

/** A rectangle of elements that goes from one place to another. */
struct Rectangle {
  int64_t rows, columns;
  int64_t toRow, toColumn;      // strides of the destination
  int64_t fromRow, fromColumn;  // strides of the source, which may be 0
};

/** An offset that stands for a missing element. */
constexpr int64_t kMissing = INT64_MIN;

/** Coordinates that turn into offsets. */
struct Coordinates {
  const void* values;  // int32 or int64
  bool isWide;
  bool wraps;
  int64_t size, stride;
};

/** How values that are folded meet; also of running folds. */
enum class Fold : uint8_t { Add, Mul, Max, Min };
constexpr int kFoldCount = 4;

struct Moves {
  void (*rectangle)(int size, char* to, const char* from, const Rectangle& rectangle);
  void (*fill)(int size, char* to, uint64_t bits, int64_t count);
  void (*ramp32)(char* to, int64_t start, int64_t step, int64_t count);
  void (*ramp64)(char* to, int64_t start, int64_t step, int64_t count);
  /** to[i] = from[i] + by, of offsets. */
  void (*shift)(int64_t* to, const int64_t* from, int64_t by, int64_t count);
  /** Adds what coordinates say to offsets; false where one was out of range: its offset is then missing. */
  bool (*addCoordinates)(int64_t* offsets, const Coordinates& coordinates, int64_t count);
  void (*gather)(int size, char* to, const char* from, const int64_t* offsets, uint64_t fill, int64_t count);
  void (*scatter)(int size, char* to, const int64_t* offsets, const char* from, int64_t count);
  /** In order: `to` may meet itself, as with stride 0. Null for halves. By combine (not set), word type. */
  void (*combine[kCombineCount][kWordTypeCount])(char* to, int64_t stride, const char* values, int64_t count);
  void (*combineAt[kCombineCount][kWordTypeCount])(char* to, const int64_t* offsets, const char* values,
                                                   int64_t count);
  /** Folds each of `rows` rows of `columns` > 0 neighbours; by fold and value type. */
  void (*fold[kFoldCount][6])(void* out, const void* values, int64_t rows, int64_t columns);
  /** Sums of the squares of what `rows` rows of `columns` > 0 neighbours are away from one number each; floats. */
  void (*squares[6])(void* out, const void* values, const void* centres, int64_t rows, int64_t columns);
  /** Running folds down `steps` rows of `lanes` neighbours; `state` is read and left behind. */
  void (*scan[kFoldCount][6])(void* out, void* state, const void* values, int64_t steps, int64_t lanes);
};

}  // namespace flambeau::loops

namespace flambeau {
FLAMBEAU_FOR_EACH_ISA(loops::Moves, loopMoves)
}
