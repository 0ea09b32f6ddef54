// The normal form of a loop kernel: axes of length 1 dropped, neighbours merged, guards that always hold
// removed, linear guards folded into strides; strides and offsets in bytes. What runs is planned from here.
#pragma once
#include <vector>

#include "../program/spec.h"

namespace flambeau::loops {

/** `q = (base + sum(coefficients * indices)) / divisor` must be whole and in 0 … size-1. */
struct Check {
  int64_t base = 0, divisor = 1, size = 0;
  int64_t stride = 0;  // bytes per q; 0 where the divisor is 1: it is folded into the access's own strides
  std::vector<int64_t> coefficients;
};

/** Where an element lies, in bytes from the operand's element 0. */
struct Reach {
  uint32_t operand = 0;
  WordType type = WordType::Float32;
  int64_t offset = 0;
  std::vector<int64_t> strides;
  std::vector<Check> checks;
  std::vector<Indirection> indirections;  // strides in bytes
  Bits fill;                              // of loads
  Combine combine = Combine::Set;         // of stores

  bool isPlain() const { return checks.empty() && indirections.empty(); }
};

struct Nest {
  std::vector<int64_t> axes;
  /** How many of the axes come before the inner ones (reduced, scanned, of a row). */
  size_t outer = 0;
  std::vector<Reach> loads, stores;
  /** For each axis of the spec where it is now; -1 where it was dropped, its index being 0. */
  std::vector<int> axisOf;
  /** Of each axis: a `index` leaf reads it. */
  std::vector<bool> isIndexed;
  /** Stores must happen in row-major order of the outer axes: one may meet what another has left. */
  bool isOrdered = false;
  /** Of an ordered nest, per axis: different indices never meet, so their order is free. */
  std::vector<bool> isSeparable;

  int64_t product(size_t from, size_t to) const {
    int64_t result = 1;
    for (size_t axis = from; axis < to; axis++) result *= axes[axis];
    return result;
  }
};

/** Whether the element depends on the index along `axis`, through strides, checks or coordinates. */
bool varies(const Nest& nest, const Reach& reach, size_t axis);

/** `inner`: how many axes from the end are reduced, scanned or rows. With `isReversed` the last one runs
 * backwards: index leaves of it then count down, which the caller must respect. */
Nest normalize(const LoopsCommon& spec, size_t inner, const std::vector<const Expression*>& expressions,
               bool isReversed = false);

/** Brings outer axes into another order: `order[new] = old`; inner axes stay. */
void reorderAxes(Nest& nest, const std::vector<size_t>& order);

/** Merges neighbouring axes where every access, check and index leaf allows. */
void mergeAxes(Nest& nest);

}  // namespace flambeau::loops
