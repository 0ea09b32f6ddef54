// Running instructions on blocks. How elements come from memory and go there is in transfer.cpp.
#include "machine.h"

#include <algorithm>

#if defined(_MSC_VER) && !defined(__clang__)
#include <xmmintrin.h>
#endif

namespace flambeau::loops {
namespace {

inline void prefetch(const char* address) {
#if !defined(_MSC_VER) || defined(__clang__)
  __builtin_prefetch(address);
#elif defined(FLAMBEAU_X86)
  _mm_prefetch(address, _MM_HINT_T0);
#else
  (void)address;
#endif
}

}  // namespace

Frame::Frame(const Machine& machine, const Call& call, char* memory)
    : machine_(machine), call_(call), moves_(loopMoves()), slotCount_(machine.firstSlots.size()) {
  const Machine::Layout& layout = machine.layout;
  const auto at = [&](int64_t offset) { return reinterpret_cast<int64_t*>(memory + offset); };
  registers_ = reinterpret_cast<char**>(memory);
  slots_ = at(layout.slots);
  positions_ = at(layout.positions);
  bases_ = reinterpret_cast<char**>(memory + layout.bases);
  extents_ = at(layout.extents);
  caches_ = at(layout.caches);
  offsets_ = at(layout.offsets);
  quotients_ = at(layout.quotients);
  staging_ = memory + layout.staging;
  char* values = memory + layout.values;
  for (size_t i = 0; i < machine.registers.size(); i++) {
    const Place& place = machine.registers[i];
    registers_[i] = place.kind == Place::Kind::Frame ? values + place.offset : const_cast<char*>(place.constant);
  }
  for (size_t i = 0; i < slotCount_; i++) slots_[i] = machine.firstSlots[i];
  const Nest& nest = machine.nest;
  for (size_t i = 0; i < nest.axes.size(); i++) positions_[i] = 0;
  size_t slot = 0;
  for (const Reach& reach : nest.loads) bases_[slot++] = call.inputs[reach.operand];
  for (const Reach& reach : nest.stores) bases_[slot++] = call.outputs[reach.operand];
  for (int i = 0; i < 2 * machine.caches; i++) caches_[i] = 0;
  for (size_t i = 0; i < machine.box.axes.size(); i++) extents_[i] = nest.axes[machine.box.axes[i].axis];
  resized();
  for (const Instruction& instruction : machine.prologue) step(instruction);
}

void Frame::resized() {
  int64_t rows = 1, all = 1;
  const Box& box = machine_.box;
  for (size_t i = 0; i < box.axes.size(); i++) {
    all *= extents_[i];
    if (i < box.rows) rows *= extents_[i];
  }
  counts_[static_cast<int>(Rate::Row)] = rows;
  counts_[static_cast<int>(Rate::Full)] = all;
  version_++;
}

void Frame::bind(const Code::Binding& binding) { registers_[binding.to] = address(machine_.views[binding.view]); }

void Frame::runAhead(const Code& code) {
  // A few lines at a time: as many as the processor can wait for.
  const Code::Ahead* ahead = code.ahead.data();
  const Code::Ahead* const last = ahead + code.ahead.size();
  const char* from = address(machine_.views[ahead->view]) + ahead->distance;
  int64_t line = 0;
  for (size_t k = 0; k < code.paces.size(); k++) {
    const Code::Pace& pace = code.paces[k];
    for (int piece = 0; piece < pace.pieces; piece++) {
      for (int i = 0; i < pace.lines && ahead < last; i++) {
        prefetch(from + line * 64);
        if (++line < ahead->lines) continue;
        line = 0;
        if (++ahead < last) from = address(machine_.views[ahead->view]) + ahead->distance;
      }
      if (k < code.body.size()) stepPiece(code.body[k], piece, pace.pieces);
    }
  }
}

/** Row by row, as operands are rows apart or single elements of each row. */
void Frame::computeRows(const Instruction& i, int64_t from, int64_t to) {
  const int64_t columns = to > from ? count(Rate::Full) / extents_[0] : 0;
  const auto at = [&](Register name, int k, int64_t row) {
    return registers_[name] + row * (i.rowGap[k] + columns * i.pitch[k]);
  };
  for (int64_t row = from; row < to; row++)
    i.op(at(i.out, 0, row), at(i.a, 1, row), at(i.b, 2, row), at(i.c, 3, row), columns);
}

void Frame::stepPiece(const Instruction& i, int piece, int pieces) {
  if (pieces == 1) return step(i);
  if (i.kind == Instruction::Kind::ComputeRows) {
    const int64_t rows = extents_[0];
    return computeRows(i, rows * piece / pieces, rows * (piece + 1) / pieces);
  }
  // Pieces begin where lines of memory mostly do.
  const int64_t all = count(i.rate), most = (all / pieces + 63) / 64 * 64;
  const int64_t start = most * piece, some = piece + 1 < pieces ? std::min(most, all - start) : all - start;
  if (some <= 0) return;
  const auto at = [&](Register name, int k) { return registers_[name] + start * i.pitch[k]; };
  i.op(at(i.out, 0), at(i.a, 1), at(i.b, 2), at(i.c, 3), some);
}

void Frame::step(const Instruction& i) {
  using Kind = Instruction::Kind;
  switch (i.kind) {
    case Kind::Compute: {
      // Registers that an instruction does not have are register 0, which is never looked at.
      i.op(registers_[i.out], registers_[i.a], registers_[i.b], registers_[i.c], count(i.rate));
      return;
    }
    case Kind::ComputeRows: return computeRows(i, 0, extents_[0]);
    case Kind::Point:
      registers_[i.out] = address(machine_.views[i.view]);
      return;
    case Kind::Load: return load(i);
    case Kind::Store: return store(i);
    case Kind::Index: return index(i);
    case Kind::Param: return moves_.fill(i.size, registers_[i.out], call_.params[i.axis].word, 1);
    case Kind::Spread: {
      uint64_t bits = 0;
      std::memcpy(&bits, registers_[i.a], i.size);
      return moves_.fill(i.size, registers_[i.out], bits, i.start > 0 ? i.start : count(i.rate));
    }
    case Kind::SpreadRows: return spreadRows(i);
    case Kind::Copy:
      if (registers_[i.out] != registers_[i.a]) std::memcpy(registers_[i.out], registers_[i.a], count(i.rate) * i.size);
      return;
  }
}

void Frame::spreadRows(const Instruction& i) {
  const int64_t rows = count(Rate::Row);
  if (rows == 0) return;
  const int64_t columns = count(Rate::Full) / rows;
  moves_.rectangle(i.size, registers_[i.out], registers_[i.a], {rows, columns, columns * i.size, i.size, i.size, 0});
}

bool Frame::isCached(const Instruction& i, int64_t key) {
  if (i.cache < 0) return false;
  int64_t* note = caches_ + 2 * i.cache;
  if (note[0] == key && note[1] == version_) return true;
  note[0] = key;
  note[1] = version_;
  return false;
}

void Frame::index(const Instruction& i) {
  const int64_t start = i.start + i.step * positions_[i.axis];
  char* to = registers_[i.out];
  const auto ramp = i.size == 8 ? moves_.ramp64 : moves_.ramp32;
  if (i.boxAxis < 0) return ramp(to, start, i.step, 1);
  if (isCached(i, positions_[i.axis])) return;
  const size_t axes = i.rate == Rate::Row ? machine_.box.rows : machine_.box.axes.size();
  int64_t outer = 1, inner = 1;
  for (size_t b = 0; b < axes; b++) {
    if (static_cast<int>(b) < i.boxAxis) outer *= extents_[b];
    if (static_cast<int>(b) > i.boxAxis) inner *= extents_[b];
  }
  const int64_t length = extents_[i.boxAxis];
  if (inner == 1) {
    ramp(to, start, i.step, length);
  } else {
    for (int64_t k = 0; k < length; k++)
      moves_.fill(i.size, to + k * inner * i.size, static_cast<uint64_t>(start + i.step * k), inner);
  }
  const int64_t bytes = length * inner * i.size;
  for (int64_t k = 1; k < outer; k++) std::memcpy(to + k * bytes, to, bytes);
}

void Frame::load(const Instruction& i) {
  const View& view = machine_.views[i.view];
  if (isCached(i, slots_[view.slot])) return;
  const int64_t many = count(i.rate);
  char*& to = registers_[i.out];
  if (view.isDense()) {
    char* from = address(view);
    if (view.convert != nullptr) view.convert(to, from, nullptr, nullptr, many);
    else if (i.isBound) std::memcpy(to, from, many * view.size);
    else to = from;
    return;
  }
  char* block = view.convert != nullptr ? staging_ : to;
  if (view.isPlain()) movePlain(view, block, true);
  else moveChecked(view, block, true);
  if (view.convert != nullptr) view.convert(to, block, nullptr, nullptr, many);
}

void Frame::store(const Instruction& i) {
  const View& view = machine_.views[i.view];
  const int64_t many = count(i.rate);
  char* from = registers_[i.a];
  if (view.isDense() && view.combine == Combine::Set) {
    char* to = address(view);
    if (view.convert != nullptr) view.convert(to, from, nullptr, nullptr, many);
    else if (to != from) std::memmove(to, from, many * view.size);
    return;
  }
  char* block = from;
  if (view.convert != nullptr) {
    block = staging_;
    view.convert(block, from, nullptr, nullptr, many);
  }
  if (view.combine != Combine::Set || view.isOrdered) meet(view, block);
  else if (view.isPlain()) movePlain(view, block, false);
  else moveChecked(view, block, false);
}

}  // namespace flambeau::loops
