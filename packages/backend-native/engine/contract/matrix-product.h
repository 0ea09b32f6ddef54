// How a float32 or float64 product is cut into blocks. Everything here follows from the shape alone, never
// from the number of threads, since sums must not.
#pragma once
#include "factor.h"

namespace flambeau {

template <class T>
struct Blocking {
  /** Skinny: B is read in place by row products. Tiny: one pass of tiles in place. */
  enum class Way { Skinny, Tiny, Blocked } way = Way::Blocked;
  bool isAInPlace = false, isBInPlace = false;  // tiles read the factor where it lies
  bool isBAlongK = false;                       // skinny: B's neighbours lie along k
  int64_t kBlock = 1, kBlocks = 1;              // a tile stays in registers for one block
  int64_t mBlock = 1, height = 1;               // rows of a block, and of a panel
  int64_t nBlock = 1;                           // columns that are packed together
  int64_t kSplits = 1;                          // parts of k that are summed apart, then added in order
  int64_t kPart = 1;                            // length of a part
};

template <class T>
Blocking<T> planBlocking(const MatrixProblem& problem, const MicroSet<T>& micro);

}  // namespace flambeau
