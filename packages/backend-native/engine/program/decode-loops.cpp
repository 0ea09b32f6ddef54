// Reads what all loops have: axes and accesses. Checks that indices are in range and that what stands outside
// inner loops does not vary along them.
#include "decode.h"

namespace flambeau {
namespace {

std::vector<int64_t> wides(Reader& reader, size_t count) {
  // Checked before memory is taken: what follows may not be there.
  if (count > reader.remaining() / 8) malformed("it ends too early");
  std::vector<int64_t> values(count);
  for (int64_t& value : values) value = reader.wide();
  return values;
}

int64_t size(Reader& reader, const char* what) {
  const int64_t value = reader.wide();
  if (value < 0) malformed(std::string("a negative ") + what);
  return value;
}

void decodeAxes(Reader& reader, LoopsCommon& loops) {
  const uint32_t count = reader.count(2, "axes");
  if (count > format::kMaxAxes) malformed("too many axes");
  loops.axes.reserve(count);
  int64_t elements = 1;
  for (uint32_t axis = 0; axis < count; axis++) {
    const int64_t length = size(reader, "length");
    // As if no axis were empty: then no part of the product overflows either.
    elements = checkedProduct(elements, length == 0 ? 1 : length);
    if (elements > format::kMaxElements) malformed("too many elements");
    loops.axes.push_back(length);
  }
}

Guard decodeGuard(Reader& reader, size_t axes) {
  Guard guard;
  guard.base = reader.wide();
  guard.divisor = reader.wide();
  guard.size = size(reader, "size");
  guard.stride = reader.wide();
  guard.coefficients = wides(reader, axes);
  if (guard.divisor < 1) malformed("a guard divides by less than 1");
  return guard;
}

Indirection decodeIndirection(Reader& reader, const std::vector<Load>& earlier) {
  Indirection indirection;
  indirection.load = reader.below(static_cast<uint32_t>(earlier.size()), "an indirection's load");
  indirection.wraps = reader.flag("wraps");
  indirection.size = size(reader, "size");
  indirection.stride = reader.wide();
  const WordType type = valueType(earlier[indirection.load].type);
  if (type != WordType::Int32 && type != WordType::Int64) malformed("an indirection through what is no integer");
  return indirection;
}

/** `earlier`: loads that an indirection may read. */
void decodeAccess(Reader& reader, size_t operands, const LoopsCommon& loops, Access& access) {
  access.operand = reader.below(static_cast<uint32_t>(operands), "operand");
  access.type = reader.type();
  access.offset = reader.wide();
  access.strides = wides(reader, loops.axes.size());
  const uint32_t guards = reader.count(10, "guards");
  access.guards.reserve(guards);
  for (uint32_t i = 0; i < guards; i++) access.guards.push_back(decodeGuard(reader, loops.axes.size()));
  const uint32_t indirections = reader.count(6, "indirections");
  access.indirections.reserve(indirections);
  for (uint32_t i = 0; i < indirections; i++) {
    access.indirections.push_back(decodeIndirection(reader, loops.loads));
  }
}

}  // namespace

void decodeCommon(Reader& reader, size_t inputs, size_t outputs, LoopsCommon& loops, std::vector<Fill>& fills) {
  decodeAxes(reader, loops);
  const uint32_t loads = reader.count(8, "loads");
  loops.loads.reserve(loads);
  for (uint32_t i = 0; i < loads; i++) {
    Load load;
    decodeAccess(reader, inputs, loops, load);
    load.fill = reader.bits();
    if (valueType(load.type) == WordType::Bool && load.fill.word > 1) malformed("a bool that is neither 0 nor 1");
    loops.loads.push_back(std::move(load));
  }
  const uint32_t stores = reader.count(7, "stores");
  loops.stores.reserve(stores);
  for (uint32_t i = 0; i < stores; i++) {
    Store store;
    decodeAccess(reader, outputs, loops, store);
    store.combine = static_cast<Combine>(reader.below(kCombineCount, "combine"));
    const bool isHalf = store.type == WordType::Float16 || store.type == WordType::Bfloat16;
    if (isHalf && store.combine != Combine::Set) malformed("16-bit floats are stored one way only: set");
    loops.stores.push_back(std::move(store));
  }
  if (!reader.flag("filled")) return;
  for (const Store& store : loops.stores) fills.push_back({store.operand, store.type, reader.bits()});
}

FixedAccesses::FixedAccesses(const LoopsCommon& loops, size_t outer, bool alongOne) {
  for (size_t axis = outer; axis < loops.axes.size(); axis++) {
    if (!alongOne || loops.axes[axis] != 1) axes_.push_back(axis);
  }
  loads_.reserve(loops.loads.size());
  // In order: indirections read earlier loads.
  for (const Load& load : loops.loads) loads_.push_back(contains(load));
}

bool FixedAccesses::contains(const Access& access) const {
  const auto isZero = [this](const std::vector<int64_t>& steps) {
    for (const size_t axis : axes_) {
      if (steps[axis] != 0) return false;
    }
    return true;
  };
  if (!isZero(access.strides)) return false;
  for (const Guard& guard : access.guards) {
    if (!isZero(guard.coefficients)) return false;
  }
  for (const Indirection& indirection : access.indirections) {
    if (!loads_[indirection.load]) return false;
  }
  return true;
}

void requireFixedValues(const LoopsCommon& loops, const FixedAccesses& fixed, uint32_t outer, bool mayMove) {
  const std::vector<Step>& steps = loops.values.steps;
  std::vector<bool> varies(steps.size());
  for (size_t at = 0; at < steps.size(); at++) {
    const Step& step = steps[at];
    if (step.op == Opcode::Load) varies[at] = !fixed.containsLoad(step.position);
    else if (step.op == Opcode::Index) varies[at] = step.position >= outer;
    else if (step.op == Opcode::Kept) varies[at] = true;
    else for (int i = 0; i < operandCount(step.op); i++) varies[at] = varies[at] || varies[step.operands[i]];
  }
  for (size_t i = 0; i < loops.stores.size(); i++) {
    const bool isFixed = fixed.contains(loops.stores[i]);
    if (!isFixed && !mayMove) malformed("a store moves along inner loops");
    if (isFixed && varies[loops.values.results[i]]) malformed("a stored value varies along inner loops");
  }
}

}  // namespace flambeau
