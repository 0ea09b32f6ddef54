// Bringing kernels into normal form, and which of their stores may meet.
#include "nest.h"

#include <algorithm>
#include <cstdlib>

namespace flambeau::loops {
namespace {

bool isDivisible(const Guard& guard) {
  if (guard.base % guard.divisor != 0) return false;
  for (int64_t value : guard.coefficients)
    if (value % guard.divisor != 0) return false;
  return true;
}

/** Whether `check` holds for every index. */
bool alwaysHolds(const Check& check, const std::vector<int64_t>& axes) {
  if (check.divisor != 1) return false;
  int64_t low = check.base, high = check.base;
  for (size_t axis = 0; axis < axes.size(); axis++) {
    const int64_t reach = check.coefficients[axis] * (axes[axis] - 1);
    (reach < 0 ? low : high) += reach;
  }
  return low >= 0 && high < check.size;
}

void addGuards(Reach& reach, const std::vector<Guard>& guards, const std::vector<int64_t>& axes, int64_t bytes) {
  for (const Guard& guard : guards) {
    Check check{guard.base, guard.divisor, guard.size, guard.stride * bytes, guard.coefficients};
    if (check.divisor != 1 && isDivisible(guard)) {
      check.base /= guard.divisor;
      for (int64_t& value : check.coefficients) value /= guard.divisor;
      check.divisor = 1;
    }
    if (check.divisor == 1) {
      reach.offset += check.stride * check.base;
      for (size_t axis = 0; axis < axes.size(); axis++) reach.strides[axis] += check.stride * check.coefficients[axis];
      check.stride = 0;
      if (alwaysHolds(check, axes)) continue;
    }
    reach.checks.push_back(std::move(check));
  }
}

Reach reachOf(const Access& access, const std::vector<int64_t>& axes) {
  const int64_t bytes = byteSize(access.type);
  Reach reach;
  reach.operand = access.operand;
  reach.type = access.type;
  reach.offset = access.offset * bytes;
  for (int64_t stride : access.strides) reach.strides.push_back(stride * bytes);
  for (Indirection indirection : access.indirections) {
    indirection.stride *= bytes;
    reach.indirections.push_back(indirection);
  }
  addGuards(reach, access.guards, axes, bytes);
  return reach;
}

template <class Change>
void forEachReach(Nest& nest, const Change& change) {
  for (Reach& reach : nest.loads) change(reach);
  for (Reach& reach : nest.stores) change(reach);
}

/** Applies `change` to every list with one number per axis. */
template <class Change>
void forEachList(Nest& nest, const Change& change) {
  forEachReach(nest, [&](Reach& reach) {
    change(reach.strides);
    for (Check& check : reach.checks) change(check.coefficients);
  });
}

void eraseAxis(Nest& nest, size_t axis, int replacement) {
  nest.axes.erase(nest.axes.begin() + axis);
  nest.isIndexed.erase(nest.isIndexed.begin() + axis);
  if (!nest.isSeparable.empty()) nest.isSeparable.erase(nest.isSeparable.begin() + axis);
  forEachList(nest, [&](std::vector<int64_t>& list) { list.erase(list.begin() + axis); });
  if (axis < nest.outer) nest.outer--;
  for (int& at : nest.axisOf) {
    if (at == static_cast<int>(axis)) at = replacement;
    else if (at > static_cast<int>(axis)) at--;
  }
}

struct Digit {
  int64_t stride, length;
  size_t axis;  // or noAxis for a coordinate
};
constexpr size_t noAxis = ~size_t{0};

/**
 * Whether addresses tell all digits apart, as in a mixed radix: then stores that meet agree in every axis
 * with a stride. `separable` loses the axes in which they may differ.
 */
void findSeparable(const Nest& nest, const Reach& store, size_t among, std::vector<bool>& separable) {
  std::vector<Digit> digits;
  std::vector<bool> own(nest.axes.size(), false);
  for (size_t axis = 0; axis < among; axis++) {
    if (store.strides[axis] != 0) digits.push_back({std::llabs(store.strides[axis]), nest.axes[axis], axis});
  }
  bool isKnown = true;
  for (const Indirection& indirection : store.indirections) {
    if (indirection.stride != 0) digits.push_back({std::llabs(indirection.stride), indirection.size, noAxis});
  }
  for (const Check& check : store.checks) isKnown = isKnown && check.divisor == 1;
  std::sort(digits.begin(), digits.end(), [](const Digit& a, const Digit& b) { return a.stride < b.stride; });
  int64_t span = 0;
  for (const Digit& digit : digits) {
    if (digit.stride <= span && digit.length > 1) isKnown = false;
    span += digit.stride * (std::max<int64_t>(digit.length, 1) - 1);
  }
  if (isKnown) {
    for (const Digit& digit : digits)
      if (digit.axis != noAxis) own[digit.axis] = true;
  }
  for (size_t axis = 0; axis < among; axis++) separable[axis] = separable[axis] && own[axis];
}

bool canMerge(const Nest& nest, size_t axis) {
  if (nest.isIndexed[axis] || nest.isIndexed[axis + 1]) return false;
  if (nest.isOrdered && nest.isSeparable[axis] != nest.isSeparable[axis + 1]) return false;
  const int64_t length = nest.axes[axis + 1];
  const auto fits = [&](const Reach& reach) {
    if (reach.strides[axis] != reach.strides[axis + 1] * length) return false;
    for (const Check& check : reach.checks)
      if (check.coefficients[axis] != check.coefficients[axis + 1] * length) return false;
    return true;
  };
  return std::all_of(nest.loads.begin(), nest.loads.end(), fits) &&
         std::all_of(nest.stores.begin(), nest.stores.end(), fits);
}

}  // namespace

bool varies(const Nest& nest, const Reach& reach, size_t axis) {
  if (reach.strides[axis] != 0) return true;
  for (const Check& check : reach.checks)
    if (check.coefficients[axis] != 0) return true;
  for (const Indirection& indirection : reach.indirections)
    if (varies(nest, nest.loads[indirection.load], axis)) return true;
  return false;
}

void mergeAxes(Nest& nest) {
  for (size_t axis = nest.axes.size(); axis-- > 1;) {
    if (axis == nest.outer || !canMerge(nest, axis - 1)) continue;
    nest.axes[axis] *= nest.axes[axis - 1];
    eraseAxis(nest, axis - 1, static_cast<int>(axis) - 1);
  }
}

void reorderAxes(Nest& nest, const std::vector<size_t>& order) {
  const auto permuted = [&](const auto& list) {
    auto result = list;
    for (size_t axis = 0; axis < order.size(); axis++) result[axis] = list[order[axis]];
    return result;
  };
  nest.axes = permuted(nest.axes);
  nest.isIndexed = permuted(nest.isIndexed);
  nest.isSeparable = permuted(nest.isSeparable);
  forEachList(nest, [&](std::vector<int64_t>& list) { list = permuted(list); });
  for (int& at : nest.axisOf) {
    if (at < 0) continue;
    for (size_t axis = 0; axis < order.size(); axis++) {
      if (order[axis] == static_cast<size_t>(at)) {
        at = static_cast<int>(axis);
        break;
      }
    }
  }
}

Nest normalize(const LoopsCommon& spec, size_t inner, const std::vector<const Expression*>& expressions,
               bool isReversed) {
  Nest nest;
  nest.axes = spec.axes;
  nest.outer = nest.axes.size() - inner;
  for (const Load& load : spec.loads) {
    nest.loads.push_back(reachOf(load, nest.axes));
    nest.loads.back().fill = load.fill;
  }
  for (const Store& store : spec.stores) {
    nest.stores.push_back(reachOf(store, nest.axes));
    nest.stores.back().combine = store.combine;
  }
  nest.isIndexed.assign(nest.axes.size(), false);
  for (const Expression* expression : expressions) {
    for (const Step& step : expression->steps)
      if (step.op == Opcode::Index) nest.isIndexed[step.position] = true;
  }
  for (size_t axis = 0; axis < nest.axes.size(); axis++) nest.axisOf.push_back(static_cast<int>(axis));
  if (isReversed && !nest.axes.empty()) {
    const size_t last = nest.axes.size() - 1;
    const int64_t end = nest.axes[last] - 1;
    forEachReach(nest, [&](Reach& reach) {
      reach.offset += reach.strides[last] * end;
      reach.strides[last] = -reach.strides[last];
      for (Check& check : reach.checks) {
        check.base += check.coefficients[last] * end;
        check.coefficients[last] = -check.coefficients[last];
      }
    });
  }
  for (size_t axis = nest.axes.size(); axis-- > 0;)
    if (nest.axes[axis] == 1) eraseAxis(nest, axis, -1);
  nest.isSeparable.assign(nest.axes.size(), true);
  for (const Reach& store : nest.stores) {
    bool isInside = false;
    for (size_t axis = nest.outer; axis < nest.axes.size(); axis++) isInside = isInside || varies(nest, store, axis);
    const size_t among = isInside ? nest.axes.size() : nest.outer;
    findSeparable(nest, store, among, nest.isSeparable);
    for (size_t axis = 0; axis < among; axis++) nest.isOrdered = nest.isOrdered || !nest.isSeparable[axis];
  }
  return nest;
}

}  // namespace flambeau::loops
