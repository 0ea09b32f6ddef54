// Which views a code touches, and how far ahead.
#include "ahead.h"

#include <algorithm>

namespace flambeau::loops {
namespace {

constexpr double kSlowEnough = 0.12;    // nanoseconds per element
constexpr double kManyBytes = 1 << 20;  // of all operands

/** How many times a block's own bytes its elements may be spread over. */
constexpr int64_t kSpread = 6;

/** Views whose blocks are neighbours in memory: loads at full rate, and stores. */
std::vector<int> denseViews(const Code& code, const Machine& machine, bool isStores) {
  std::vector<int> views;
  for (const Instruction& instruction : code.body) {
    const bool isStore = instruction.kind == Instruction::Kind::Store;
    if (instruction.view < 0 || instruction.rate != Rate::Full || isStore != isStores) continue;
    if (machine.views[instruction.view].isDense() && instruction.cache < 0) views.push_back(instruction.view);
  }
  if (isStores)
    for (const Code::Binding& binding : code.bindings) views.push_back(binding.view);
  return views;
}

void add(Code& code, const Machine& machine, int number, int64_t distance) {
  const View& view = machine.views[number];
  code.ahead.push_back({number, distance, (machine.box.most * view.size + 63) / 64});
}

}  // namespace

void lookAhead(Code& code, const Machine& machine, size_t axis, int64_t steps) {
  for (const bool isStores : {false, true}) {
    for (const int number : denseViews(code, machine, isStores)) {
      const int64_t distance = machine.slotSteps[axis][machine.views[number].slot] * steps;
      if (distance != 0) add(code, machine, number, distance);
    }
  }
}

void lookAround(Code& code, const Machine& machine, size_t axis, int64_t steps) {
  const Box& box = machine.box;
  for (const Instruction& instruction : code.body) {
    if (instruction.kind != Instruction::Kind::Load || instruction.rate != Rate::Full) continue;
    const View& view = machine.views[instruction.view];
    const int64_t distance = machine.slotSteps[axis][view.slot] * steps;
    if (!view.coordinates.empty() || distance == 0) continue;
    int64_t low = 0, high = 0;
    for (size_t b = 0; b < box.axes.size(); b++) {
      const int64_t extent = box.axes[b].axis == axis ? steps : machine.nest.axes[box.axes[b].axis];
      const int64_t reach = view.strides[b] * (extent - 1);
      (reach < 0 ? low : high) += reach;
    }
    if (high - low <= kSpread * box.most * view.size)
      code.ahead.push_back({instruction.view, distance + low, (high - low + 63) / 64});
  }
}

void lookForStores(Code& code, const Machine& machine, const Code& later) {
  for (const int number : denseViews(later, machine, true)) add(code, machine, number, 0);
}

bool paysAhead(const Code& code, const Machine& machine, double elements) {
  double bytes = 0;
  for (const bool isStores : {false, true})
    for (const int number : denseViews(code, machine, isStores)) bytes += machine.views[number].size;
  return code.cost > kSlowEnough && bytes * elements > kManyBytes;
}

}  // namespace flambeau::loops
