// Which bytes loops can touch: bounds of each access over its loops, exact for strided accesses and for guards
// that are windows, padding or gaps; never too narrow.
#include <algorithm>

#include "decode.h"

namespace flambeau {
namespace {

struct Interval {
  int64_t low = 0, high = 0;
  bool isEmpty() const { return low > high; }

  void add(int64_t coefficient, Interval by) {
    const int64_t a = checkedProduct(coefficient, by.low), b = checkedProduct(coefficient, by.high);
    low = checkedSum(low, std::min(a, b));
    high = checkedSum(high, std::max(a, b));
  }
};

int64_t floorDivide(int64_t a, int64_t b) {
  const int64_t quotient = a / b;
  return a % b != 0 && (a < 0) != (b < 0) ? quotient - 1 : quotient;
}

int64_t ceilDivide(int64_t a, int64_t b) { return -floorDivide(-a, b); }

/** The indices of each axis for which an access may exist. */
struct Box {
  size_t axes = 0;
  Interval index[format::kMaxAxes];
};

Interval linear(int64_t base, const std::vector<int64_t>& coefficients, const Box& box) {
  Interval result{base, base};
  for (size_t axis = 0; axis < box.axes; axis++) result.add(coefficients[axis], box.index[axis]);
  return result;
}

/** Leaves out indices for which the guard fails whatever the other indices are; false where none is left. */
bool tighten(Box& box, const Guard& guard) {
  if (guard.size == 0) return false;
  const Interval wanted{0, checkedProduct(guard.size - 1, guard.divisor)};
  const Interval whole = linear(guard.base, guard.coefficients, box);
  if (whole.high < wanted.low || whole.low > wanted.high) return false;
  for (size_t axis = 0; axis < box.axes; axis++) {
    const int64_t coefficient = guard.coefficients[axis];
    if (coefficient == 0) continue;
    Interval& index = box.index[axis];
    // The other terms reach the whole less this one.
    Interval own;
    own.add(coefficient, index);
    const int64_t least = wanted.low - (whole.high - own.high), most = wanted.high - (whole.low - own.low);
    const bool rises = coefficient > 0;
    index.low = std::max(index.low, ceilDivide(rises ? least : most, coefficient));
    index.high = std::min(index.high, floorDivide(rises ? most : least, coefficient));
    if (index.isEmpty()) return false;
  }
  return true;
}

bool hasOneTerm(const Guard& guard) {
  return std::count_if(guard.coefficients.begin(), guard.coefficients.end(), [](int64_t c) { return c != 0; }) <= 1;
}

/** Throws where any part of a position overflows at some index, whether or not the access exists there. */
void requireNoOverflow(const Access& access, const Box& box) {
  for (const Guard& guard : access.guards) {
    linear(guard.base, guard.coefficients, box);
    // Planners may fold a guard into strides, in bytes.
    const int64_t stride = checkedProduct(guard.stride, byteSize(access.type));
    checkedProduct(stride, guard.base);
    for (const int64_t coefficient : guard.coefficients) checkedProduct(stride, coefficient);
    checkedProduct(guard.stride, guard.size);
    checkedProduct(guard.divisor, guard.size);
  }
  for (const Indirection& indirection : access.indirections) checkedProduct(indirection.stride, indirection.size);
}

/** Elements that one access touches where it exists; empty where it never does. */
Interval elementsOf(const Access& access, const int64_t* lengths, size_t axes) {
  constexpr Interval none{0, -1};
  Box box;
  box.axes = axes;
  bool isEmpty = false;
  for (size_t axis = 0; axis < axes; axis++) {
    isEmpty = isEmpty || lengths[axis] == 0;
    box.index[axis] = {0, std::max<int64_t>(lengths[axis], 1) - 1};
  }
  Interval result = linear(access.offset, access.strides, box);
  requireNoOverflow(access, box);
  if (isEmpty) return none;
  if (!access.guards.empty()) {
    for (const Guard& guard : access.guards) {
      if (!tighten(box, guard)) return none;
    }
    std::vector<int64_t> strides = access.strides;
    int64_t offset = access.offset;
    Interval guarded{0, 0};
    for (const Guard& guard : access.guards) {
      if (guard.divisor == 1 && hasOneTerm(guard)) {
        // Linear in one index, whose range is exact now: joins the strides, with which it may cancel.
        offset = checkedSum(offset, checkedProduct(guard.stride, guard.base));
        for (size_t axis = 0; axis < axes; axis++) {
          strides[axis] = checkedSum(strides[axis], checkedProduct(guard.stride, guard.coefficients[axis]));
        }
        continue;
      }
      const Interval reached = linear(guard.base, guard.coefficients, box);
      const Interval quotient{std::max<int64_t>(0, ceilDivide(reached.low, guard.divisor)),
                              std::min(guard.size - 1, floorDivide(reached.high, guard.divisor))};
      if (quotient.isEmpty()) return none;
      guarded.add(guard.stride, quotient);
    }
    result = linear(offset, strides, box);
    result.add(1, guarded);
  }
  for (const Indirection& indirection : access.indirections) {
    if (indirection.size == 0) return none;
    result.add(indirection.stride, {0, indirection.size - 1});
  }
  return result;
}

ByteRange bytesOf(const Access& access, const int64_t* lengths, size_t axes) {
  const Interval elements = elementsOf(access, lengths, axes);
  if (elements.isEmpty()) return {};
  const int64_t size = byteSize(access.type);
  return {checkedProduct(elements.low, size), checkedProduct(checkedSum(elements.high, 1), size)};
}

}  // namespace

Reach reachOf(const LoopsCommon& loops, uint32_t outer, size_t inputs, size_t outputs) {
  const size_t axes = loops.axes.size();
  const FixedAccesses fixed(loops, outer, true);
  // Inner loops may be empty: what stands outside them sees index 0.
  int64_t once[format::kMaxAxes];
  for (size_t axis = 0; axis < axes; axis++) once[axis] = axis < outer ? loops.axes[axis] : 1;
  Reach reach{std::vector<ByteRange>(inputs), std::vector<ByteRange>(outputs)};
  for (size_t i = 0; i < loops.loads.size(); i++) {
    const Load& load = loops.loads[i];
    const bool isOnce = fixed.containsLoad(i);
    reach.inputs[load.operand].include(bytesOf(load, isOnce ? once : loops.axes.data(), axes));
  }
  for (const Store& store : loops.stores) {
    const bool isOnce = fixed.contains(store);
    reach.outputs[store.operand].include(bytesOf(store, isOnce ? once : loops.axes.data(), axes));
  }
  return reach;
}

}  // namespace flambeau
