// Which views a code touches, how far ahead, and how fetching them is spread over the time that it takes.
#include "ahead.h"

#include <algorithm>
#include <cmath>

namespace flambeau::loops {
namespace {

constexpr double kSlowEnough = 0.12;    // nanoseconds per element
constexpr double kManyBytes = 3 << 20;  // of all operands

/** How many times a block's own bytes its elements may be spread over. */
constexpr int64_t kSpread = 6;

/** Lines that are fetched together: fewer than a processor can wait for. The least elements of a piece. */
constexpr double kLinesTogether = 16;
constexpr int64_t kLeastPiece = 64;

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

int64_t linesOf(const Machine& machine, int view) {
  return (machine.box.most * machine.views[view].size + 63) / 64;
}

/** Nanoseconds per element that instructions compute and folds take. */
double computingCost(const Code& code) {
  double cost = code.later;
  for (const Instruction& instruction : code.body) cost += instruction.cost;
  return cost;
}

/** Spreads the lines over the instructions that compute, by what they cost. */
void setPaces(Code& code, const Machine& machine) {
  double lines = 0;
  for (const Code::Ahead& ahead : code.ahead) lines += static_cast<double>(ahead.lines);
  const double cost = computingCost(code);
  const double mostPieces = static_cast<double>(std::max<int64_t>(1, machine.box.most / kLeastPiece));
  code.paces.clear();
  for (size_t k = 0; k < code.body.size(); k++) {
    const double share = cost > 0 ? lines * code.body[k].cost / cost : lines / static_cast<double>(code.body.size());
    const double pieces = code.body[k].cost > 0 ? std::min(std::ceil(share / kLinesTogether), mostPieces) : 1;
    const int count = std::max(1, static_cast<int>(pieces));
    code.paces.push_back({count, static_cast<int>(std::ceil(share / count))});
  }
  code.paces.push_back({1, cost > 0 ? static_cast<int>(std::ceil(lines * code.later / cost)) : 0});
}

}  // namespace

void lookAhead(Code& code, const Machine& machine, size_t axis, int64_t steps) {
  for (const bool isStores : {false, true}) {
    for (const int number : denseViews(code, machine, isStores)) {
      const int64_t distance = machine.slotSteps[axis][machine.views[number].slot] * steps;
      if (distance != 0) code.ahead.push_back({number, distance, linesOf(machine, number)});
    }
  }
  setPaces(code, machine);
}

void lookAround(Code& code, const Machine& machine, size_t axis, int64_t steps) {
  const Box& box = machine.box;
  for (const Instruction& instruction : code.body) {
    const bool isLoad = instruction.kind == Instruction::Kind::Load || instruction.kind == Instruction::Kind::Point;
    if (!isLoad || instruction.rate != Rate::Full) continue;
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
  setPaces(code, machine);
}

void lookAlongRows(const std::vector<Code*>& codes, const Machine& machine, size_t axis, int64_t steps) {
  std::vector<Code::Ahead> all;
  double lines = 0, cost = 0;
  for (const int number : denseViews(*codes.back(), machine, true))
    all.push_back({number, 0, linesOf(machine, number)});
  std::vector<uint32_t> reaches;
  for (const Code* code : codes) {
    cost += computingCost(*code);
    for (const int number : denseViews(*code, machine, false)) {
      const View& view = machine.views[number];
      const int64_t distance = machine.slotSteps[axis][view.slot] * steps;
      if (distance == 0 || std::find(reaches.begin(), reaches.end(), view.reach) != reaches.end()) continue;
      reaches.push_back(view.reach);
      all.push_back({number, distance, linesOf(machine, number)});
    }
  }
  for (const Code::Ahead& ahead : all) lines += static_cast<double>(ahead.lines);
  size_t at = 0;
  double before = 0;
  int64_t given = 0;
  for (Code* code : codes) {
    before += computingCost(*code);
    int64_t room = static_cast<int64_t>(lines * before / cost + 0.5) - given;
    while (room > 0 && at < all.size()) {
      Code::Ahead& next = all[at];
      const int64_t some = std::min(room, next.lines);
      code->ahead.push_back({next.view, next.distance, some});
      next.distance += 64 * some;
      next.lines -= some;
      given += some;
      room -= some;
      if (next.lines == 0) at++;
    }
    setPaces(*code, machine);
  }
}

bool paysAhead(const std::vector<Code*>& codes, const Machine& machine, double elements) {
  double bytes = 0, cost = 0;
  std::vector<std::pair<bool, uint32_t>> seen;
  for (const Code* code : codes) {
    cost += computingCost(*code);
    for (const bool isStores : {false, true}) {
      for (const int number : denseViews(*code, machine, isStores)) {
        const std::pair<bool, uint32_t> reach = {isStores, machine.views[number].reach};
        if (std::find(seen.begin(), seen.end(), reach) != seen.end()) continue;
        seen.push_back(reach);
        bytes += machine.views[number].size;
      }
    }
  }
  return cost > kSlowEnough && bytes * elements > kManyBytes;
}

}  // namespace flambeau::loops
