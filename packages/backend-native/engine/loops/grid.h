// Walking a loop nest block by block, and sharing it among threads.
#pragma once
#include <algorithm>
#include <vector>

#include "../runtime/threads.h"
#include "machine.h"

namespace flambeau::loops {

/** An axis in steps of `tile` indices. */
struct GridAxis {
  size_t axis;
  int64_t length, tile;
  int boxAxis;  // whose extent follows, or -1

  int64_t count() const { return (length + tile - 1) / tile; }
};

/** A box for each step along each axis, the last axis first. */
struct Grid {
  std::vector<GridAxis> axes;

  int64_t count() const {
    int64_t result = 1;
    for (const GridAxis& axis : axes) result *= axis.count();
    return result;
  }

  /** Visits blocks from … to-1: `visit(block)` with the frame moved there. */
  template <class Visit>
  void walk(Frame& frame, int64_t from, int64_t to, const Visit& visit) const {
    constexpr size_t kMost = 32;
    int64_t indices[kMost];
    const size_t depth = axes.size();
    int64_t rest = from;
    for (size_t a = depth; a-- > 0;) {
      const int64_t count = axes[a].count();
      indices[a] = rest % count;
      rest /= count;
      place(frame, axes[a], indices[a]);
    }
    for (int64_t block = from;; block++) {
      visit(block);
      if (block + 1 >= to) return;
      for (size_t a = depth; a-- > 0;) {
        const bool isOver = ++indices[a] == axes[a].count();
        if (isOver) indices[a] = 0;
        place(frame, axes[a], indices[a]);
        if (!isOver) break;
      }
    }
  }

 private:
  static void place(Frame& frame, const GridAxis& axis, int64_t index) {
    const int64_t start = index * axis.tile;
    frame.moveTo(axis.axis, start);
    if (axis.boxAxis >= 0) frame.setExtent(axis.boxAxis, std::min(axis.tile, axis.length - start));
  }
};

/** Nanoseconds of work from which threads pay, and that a chunk of it should have. */
constexpr double kParallelWork = 50000, kChunkWork = 20000;

/** Into how many chunks `units` of work are cut, which take `nanoseconds` together. */
inline int64_t chunksFor(int64_t units, double nanoseconds) {
  if (nanoseconds < kParallelWork) return 1;
  const double chunk = std::max(kChunkWork, nanoseconds / 64);
  return std::max<int64_t>(1, std::min<int64_t>(units, static_cast<int64_t>(nanoseconds / chunk)));
}

/** body(from, to) for stretches of 0 … units-1. */
template <class Body>
void shareUnits(int64_t units, int64_t chunks, const Body& body) {
  if (chunks <= 1) return body(0, units);
  parallelFor(chunks, [&](int64_t chunk) { body(units * chunk / chunks, units * (chunk + 1) / chunks); });
}

inline char* frameMemory(const Machine& machine) {
  return static_cast<char*>(scratch(Scratch::Loops, machine.layout.end));
}

/** The innermost axes from `first` to `last` whose elements fill a block, the outermost of them ranged if it
 * does not fit whole; adds to `grid` what lies outside the box. */
Box boxOver(const Nest& nest, size_t first, size_t last, int64_t most, std::vector<GridAxis>& grid);

}  // namespace flambeau::loops
