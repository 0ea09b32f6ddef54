// Recognises windows in the accesses of a contraction, and sorts taps by what they read.
#include "windows-geometry.h"

#include <algorithm>
#include <numeric>

#include "../loops/epilogue.h"

namespace flambeau {
namespace {

int64_t floorMod(int64_t a, int64_t b) { return ((a % b) + b) % b; }

/** `q = (base + n · alongN + k · alongK) / divisor`, as a guard has it or as plain strides amount to. */
struct Coordinate {
  int64_t base = 0, alongN = 1, alongK = 1, divisor = 1, size = 1, stride = 0, offset = 0;
};

/** Strides without a guard, in units of their greatest common divisor. */
bool fromStrides(int64_t alongN, int64_t alongK, int64_t n, int64_t k, Coordinate& c) {
  if (n == 1) alongN = alongK;
  if (k == 1) alongK = alongN;
  if (alongN == 0 && alongK == 0) {
    c.size = n + k;
    return true;
  }
  if (alongN == 0 || alongK == 0) return false;
  const int64_t unit = std::gcd(alongN, alongK) * (alongN < 0 ? -1 : 1);
  c.alongN = alongN / unit;
  c.alongK = alongK / unit;
  c.stride = unit;
  c.base = std::max<int64_t>(0, -(k - 1) * c.alongK);
  c.offset = -c.base * unit;
  c.size = c.base + (n - 1) * c.alongN + (k - 1) * std::max<int64_t>(c.alongK, 0) + 1;
  return true;
}

bool fromGuard(const Guard& guard, size_t nAxis, size_t kAxis, int64_t n, int64_t k, Coordinate& c) {
  for (size_t axis = 0; axis < guard.coefficients.size(); axis++) {
    if (axis != nAxis && axis != kAxis && guard.coefficients[axis] != 0) return false;
  }
  c.base = guard.base;
  c.alongN = n == 1 ? 1 : guard.coefficients[nAxis];
  c.alongK = k == 1 ? 1 : guard.coefficients[kAxis];
  c.divisor = guard.divisor;
  c.size = guard.size;
  c.stride = guard.stride;
  if (c.alongN < 1 || c.alongK == 0 || c.divisor < 1) return false;
  return c.divisor == 1 || c.alongN == 1;
}

/** Sorts starts of taps into planes; `step` lies between neighbouring places. */
void makePlanes(WindowAxis& axis, std::vector<WindowPhase>& phases) {
  auto planeOf = [&](int64_t start) {
    for (size_t i = 0; i < axis.planes.size(); i++) {
      if (floorMod(start - axis.planes[i].first, axis.step) == 0) return i;
    }
    axis.planes.push_back({start, 0});
    return axis.planes.size() - 1;
  };
  for (auto& phase : phases) {
    for (auto& tap : phase.taps) {
      tap.plane = static_cast<int64_t>(planeOf(tap.start));
      auto& first = axis.planes[static_cast<size_t>(tap.plane)].first;
      first = std::min(first, tap.start);
    }
  }
  for (auto& phase : phases) {
    for (auto& tap : phase.taps) {
      auto& plane = axis.planes[static_cast<size_t>(tap.plane)];
      tap.shift = (tap.start - plane.first) / axis.step;
      plane.extra = std::max(plane.extra, tap.shift);
    }
  }
}

/** Places p = r + divisor · p' reach only taps for which the division is exact: a dense convolution each. */
void makePhases(const Coordinate& c, int64_t places, int64_t taps, WindowAxis& axis, std::vector<WindowPhase>& phases) {
  axis.size = c.size;
  axis.stride = c.stride;
  axis.step = c.divisor == 1 ? c.alongN : 1;
  for (int64_t r = 0; r < std::min(c.divisor, std::max<int64_t>(places, 1)); r++) {
    WindowPhase phase;
    phase.first = r;
    phase.spacing = c.divisor;
    phase.count = (places - r + c.divisor - 1) / c.divisor;
    for (int64_t t = 0; t < taps; t++) {
      const int64_t at = c.base + r * c.alongN + t * c.alongK;
      if (floorMod(at, c.divisor) == 0) phase.taps.push_back({t, at / c.divisor});
    }
    phases.push_back(std::move(phase));
  }
  makePlanes(axis, phases);
}

bool isPlain(const Load& load, WordType type) { return load.type == type && load.indirections.empty(); }

/** The only store is at `strides` and adds load 2, which varies with batch and m only. */
bool isBias(const ContractSpec& spec) {
  const auto& steps = spec.values.steps;
  if (spec.stores.size() != 1 || spec.loads.size() != 3 || spec.values.results.size() != 1) return false;
  const auto& store = spec.stores[0];
  const auto& bias = spec.loads[2];
  if (store.combine != Combine::Set || store.type != spec.accumulator || !store.guards.empty()) return false;
  if (!store.indirections.empty() || !isPlain(bias, spec.accumulator) || !bias.guards.empty()) return false;
  for (size_t axis = spec.batch + spec.m; axis < spec.axes.size(); axis++) {
    if (bias.strides[axis] != 0) return false;
  }
  const auto& root = steps[spec.values.results[0]];
  if (root.op != Opcode::Add || root.type != spec.accumulator) return false;
  auto isLeaf = [&](uint32_t at, Opcode op, uint32_t position) {
    return steps[at].op == op && steps[at].position == position;
  };
  const auto [x, y, z] = root.operands;
  (void)z;
  return (isLeaf(x, Opcode::State, 0) && isLeaf(y, Opcode::Load, 2)) ||
         (isLeaf(y, Opcode::State, 0) && isLeaf(x, Opcode::Load, 2));
}

}  // namespace

bool readConvolution(const ContractSpec& spec, Convolution& result) {
  const int spatial = static_cast<int>(spec.n) - 1;
  if (spec.batch > 1 || spec.m != 1 || spec.k != spec.n || spatial < 1 || spatial > kSpatial) return false;
  const WordType type = spec.accumulator;
  if ((type != WordType::Float32 && type != WordType::Float64) || spec.stores.empty()) return false;
  const auto& affine = spec.loads[0];
  const auto& image = spec.loads[1];
  if (!isPlain(affine, type) || !isPlain(image, type) || !affine.guards.empty()) return false;
  const double fill = type == WordType::Float32 ? image.fill.as<float>() : image.fill.as<double>();
  if (!image.guards.empty() && fill != 0) return false;
  const size_t mAxis = spec.batch, nAxis = mAxis + 1, kAxis = nAxis + spec.n;
  const auto& store = spec.stores[0];

  Coordinate coordinates[kSpatial];
  int64_t n[kSpatial] = {1, 1, 1}, k[kSpatial] = {1, 1, 1};
  std::vector<bool> used(image.guards.size(), false);
  result.imageOffset = image.offset;
  for (int axis = 0; axis < spatial; axis++) {
    const int at = kSpatial - spatial + axis;
    const size_t onN = nAxis + 1 + static_cast<size_t>(axis), onK = kAxis + 1 + static_cast<size_t>(axis);
    n[at] = spec.axes[onN];
    k[at] = spec.axes[onK];
    const Guard* guard = nullptr;
    for (size_t i = 0; i < image.guards.size(); i++) {
      const auto& g = image.guards[i];
      if (g.coefficients[onN] == 0 && g.coefficients[onK] == 0) continue;
      if (guard != nullptr || used[i]) return false;
      used[i] = true;
      guard = &g;
    }
    const int64_t strideN = image.strides[onN], strideK = image.strides[onK];
    if (guard != nullptr) {
      if ((strideN != 0 && n[at] > 1) || (strideK != 0 && k[at] > 1)) return false;
      if (!fromGuard(*guard, onN, onK, n[at], k[at], coordinates[at])) return false;
    } else if (!fromStrides(strideN, strideK, n[at], k[at], coordinates[at])) {
      return false;
    }
    result.imageOffset += coordinates[at].offset;
  }
  if (!std::all_of(used.begin(), used.end(), [](bool b) { return b; })) return false;

  // Either group of axes may be the places; the longer one is.
  bool swaps = k[0] * k[1] * k[2] > n[0] * n[1] * n[2];
  for (const auto& c : coordinates) swaps = swaps && c.divisor == 1 && c.alongK > 0;
  for (auto& c : coordinates) {
    if (swaps) std::swap(c.alongN, c.alongK);
  }
  result.isWeightGradient = swaps;
  result.type = type;
  result.hasGroups = spec.batch > 0;
  result.affineOperand = affine.operand;
  result.imageOperand = image.operand;
  result.outOperand = store.operand;
  result.groups = spec.batch > 0 ? spec.axes[0] : 1;
  result.m = spec.axes[mAxis];
  result.images = spec.axes[swaps ? kAxis : nAxis];
  result.channels = spec.axes[swaps ? nAxis : kAxis];
  for (int axis = 0; axis < kSpatial; axis++) {
    result.places[axis] = swaps ? k[axis] : n[axis];
    result.taps[axis] = swaps ? n[axis] : k[axis];
    makePhases(coordinates[axis], result.places[axis], result.taps[axis], result.axes[axis], result.phases[axis]);
  }

  auto stridesOf = [&](const Access& access) {
    WindowStrides s;
    s.group = spec.batch > 0 ? access.strides[0] : 0;
    s.m = access.strides[mAxis];
    s.image = access.strides[swaps ? kAxis : nAxis];
    s.channel = access.strides[swaps ? nAxis : kAxis];
    for (int axis = 0; axis < spatial; axis++) {
      const int at = kSpatial - spatial + axis;
      s.place[at] = access.strides[(swaps ? kAxis : nAxis) + 1 + static_cast<size_t>(axis)];
      s.tap[at] = access.strides[(swaps ? nAxis : kAxis) + 1 + static_cast<size_t>(axis)];
    }
    return s;
  };
  result.image = stridesOf(image);
  result.affine = stridesOf(affine);
  result.out = stridesOf(store);
  result.affineOffset = affine.offset;
  result.outOffset = store.offset;
  result.hasBias = isBias(spec);
  result.isBare = isBareSum(spec) || result.hasBias;
  if (result.hasBias) {
    const auto& bias = spec.loads[2];
    result.biasOperand = bias.operand;
    result.biasOffset = bias.offset;
    result.biasGroup = spec.batch > 0 ? bias.strides[0] : 0;
    result.biasM = bias.strides[mAxis];
  }
  return true;
}

}  // namespace flambeau
