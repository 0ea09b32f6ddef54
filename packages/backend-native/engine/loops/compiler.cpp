// Machines: views of accesses, places of registers. The expressions themselves: compilation.cpp.
#include "compiler.h"

#include <algorithm>

namespace flambeau::loops {
namespace {

constexpr int64_t kLine = 64;
int64_t lines(int64_t bytes) { return (bytes + kLine - 1) / kLine * kLine; }

}  // namespace

Compiler::Compiler(Nest nest, Box box, int fastAxis, int reversedAxis)
    : machine_(std::make_unique<Machine>()), fastAxis_(fastAxis), reversedAxis_(reversedAxis) {
  Machine& machine = *machine_;
  machine.nest = std::move(nest);
  machine.box = std::move(box);
  const size_t axes = machine.nest.axes.size();
  machine.slotSteps.resize(axes);
  std::vector<const Reach*> reaches;
  for (const Reach& reach : machine.nest.loads) reaches.push_back(&reach);
  for (const Reach& reach : machine.nest.stores) reaches.push_back(&reach);
  for (const Reach* reach : reaches) {
    machine.firstSlots.push_back(reach->offset);
    for (size_t axis = 0; axis < axes; axis++) machine.slotSteps[axis].push_back(reach->strides[axis]);
  }
  for (const Reach* reach : reaches) {
    firstCheckSlots_.push_back(machine.firstSlots.size());
    for (const Check& check : reach->checks) {
      machine.firstSlots.push_back(check.base);
      for (size_t axis = 0; axis < axes; axis++) machine.slotSteps[axis].push_back(check.coefficients[axis]);
    }
  }
}

Register Compiler::add(Place::Kind kind, int64_t bytes, bool isTemporary) {
  if (machine_->registers.size() >= kNoRegister) throw Error("The expression is too long.");
  machine_->registers.push_back({kind, 0, nullptr});
  rooms_.push_back({bytes, isTemporary});
  return static_cast<Register>(machine_->registers.size() - 1);
}

Register Compiler::external() { return add(Place::Kind::External, 0, false); }

Register Compiler::keep(WordType type, Rate rate) {
  const int64_t bytes = bytesOf(byteSize(type), rate);
  const Register name = add(Place::Kind::Frame, bytes, false);
  machine_->registers[name].offset = keptBytes_;
  // An odd number of lines keeps registers from sharing sets of the cache.
  keptBytes_ += lines(bytes) + kLine;
  return name;
}

Register Compiler::constant(WordType type, Bits bits, bool isLong) {
  const auto key = std::make_pair(static_cast<int>(type) + (isLong ? kWordTypeCount : 0), bits.word);
  const auto found = constants_.find(key);
  if (found != constants_.end()) return found->second;
  const int size = byteSize(type);
  const int64_t count = isLong ? std::max<int64_t>(box().most, 1) : 1;
  std::unique_ptr<char[]> memory(new char[count * size + kLine]);
  char* start = memory.get() + (kLine - reinterpret_cast<uintptr_t>(memory.get()) % kLine);
  loopMoves().fill(size, start, bits.word, count);
  const Register name = add(Place::Kind::Constant, 0, false);
  machine_->registers[name].constant = start;
  machine_->constants.push_back(std::move(memory));
  constants_[key] = name;
  return name;
}

int64_t Compiler::bytesOf(int size, Rate rate) const {
  const int64_t count = rate == Rate::Full ? box().most : rate == Rate::Row ? box().mostRows : 1;
  return std::max<int64_t>(count * size, kLine);
}

int64_t Compiler::columns() const {
  int64_t columns = 1;
  for (size_t b = 1; b < box().axes.size(); b++)
    columns *= box().axes[b].isRanged ? 0 : nest().axes[box().axes[b].axis];
  return columns;
}

Rate Compiler::rateOf(const Reach& reach) const {
  const Nest& nest = machine_->nest;
  for (size_t b = box().axes.size(); b-- > 0;)
    if (varies(nest, reach, box().axes[b].axis)) return b < box().rows ? Rate::Row : Rate::Full;
  if (!reach.isPlain()) return Rate::Block;
  for (size_t axis = 0; axis < nest.axes.size(); axis++)
    if (reach.strides[axis] != 0) return Rate::Block;
  return Rate::Call;
}

int Compiler::viewOf(uint32_t number, bool isStore, Rate rate, WordType value) {
  const Nest& nest = machine_->nest;
  const Reach& reach = isStore ? nest.stores[number] : nest.loads[number];
  View view;
  view.slot = static_cast<int>(isStore ? nest.loads.size() + number : number);
  view.reach = number;
  view.size = byteSize(reach.type);
  view.registerSize = byteSize(value);
  view.type = reach.type;
  view.value = value;
  view.isOrdered = isStore && nest.isOrdered;
  view.combine = reach.combine;
  view.axes = rate == Rate::Full ? box().axes.size() : rate == Rate::Row ? box().rows : 0;
  const BlockOps& ops = blockOps();
  const int type = static_cast<int>(reach.type);
  // A value of memory's own type is moved as it is.
  if (value != reach.type) view.convert = isStore ? ops.narrow[type] : ops.widen[type];
  for (size_t b = 0; b < view.axes; b++) view.strides.push_back(reach.strides[box().axes[b].axis]);
  for (size_t b = view.axes; b-- > 0;) {
    const BoxAxis& axis = box().axes[b];
    const Stretch next = {axis.isRanged ? 1 : nest.axes[axis.axis], axis.isRanged ? static_cast<int>(b) : -1,
                          view.strides[b]};
    if (!view.stretches.empty()) {
      Stretch& inner = view.stretches.front();
      if (inner.ranged < 0 && next.stride == inner.stride * inner.length) {
        inner = {next.length * inner.length, next.ranged, inner.stride};
        continue;
      }
    }
    view.stretches.insert(view.stretches.begin(), next);
  }
  for (size_t c = 0; c < reach.checks.size(); c++) {
    const Check& check = reach.checks[c];
    CheckedAxis checked = {static_cast<int>(firstCheckSlots_[view.slot] + c), check.divisor, check.size, check.stride,
                           noBoxAxis, {}};
    for (size_t b = 0; b < view.axes; b++) {
      checked.coefficients.push_back(check.coefficients[box().axes[b].axis]);
      if (checked.coefficients[b] == 0) continue;
      checked.along = checked.along == noBoxAxis ? static_cast<int>(b) : severalBoxAxes;
    }
    view.checks.push_back(std::move(checked));
  }
  if (!isStore) {
    char raw[8];
    std::memcpy(raw, &reach.fill.word, 8);
    if (reach.type != valueType(reach.type)) ops.narrow[type](raw, &reach.fill.word, nullptr, nullptr, 1);
    std::memcpy(&view.fill, raw, view.size);
  }
  machine_->views.push_back(std::move(view));
  return static_cast<int>(machine_->views.size() - 1);
}

std::unique_ptr<Machine> Compiler::finish() {
  Machine& machine = *machine_;
  for (size_t i = 0; i < rooms_.size(); i++)
    if (rooms_[i].isTemporary) machine.registers[i].offset += keptBytes_;
  int64_t end = 0;
  const auto take = [&](int64_t bytes) {
    const int64_t at = end;
    end += lines(bytes);
    return at;
  };
  bool isOffset = false, isConverted = false;
  for (const View& view : machine.views) {
    isOffset = isOffset || !view.isPlain() || view.isOrdered || view.combine != Combine::Set;
    isConverted = isConverted || view.convert != nullptr;
  }
  const int64_t most = std::max<int64_t>(machine.box.most, 1);
  Machine::Layout& layout = machine.layout;
  take(machine.registers.size() * sizeof(char*));
  layout.slots = take(machine.firstSlots.size() * 8);
  layout.positions = take(machine.nest.axes.size() * 8);
  layout.bases = take((machine.nest.loads.size() + machine.nest.stores.size()) * sizeof(char*));
  layout.extents = take(machine.box.axes.size() * 8);
  layout.caches = take(machine.caches * 16);
  layout.offsets = take(isOffset ? most * 8 : 0);
  layout.quotients = take(isOffset ? most * 8 : 0);
  layout.staging = take(isConverted ? most * 4 : 0);
  layout.values = take(keptBytes_ + temporaryBytes_);
  layout.end = end;
  return std::move(machine_);
}

}  // namespace flambeau::loops
