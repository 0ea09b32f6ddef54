// Writes programs for tests: words in a row, and random programs that are in order.
#pragma once
#include <random>
#include <vector>

#include "../program/decode.h"
#include "../program/kernel.h"

namespace flambeau::tests {

using Random = std::mt19937_64;

inline int64_t pick(Random& random, int64_t low, int64_t high) {
  return low + static_cast<int64_t>(random() % static_cast<uint64_t>(high - low + 1));
}

struct Words {
  std::vector<uint32_t> list;

  void u(uint64_t value) { list.push_back(static_cast<uint32_t>(value)); }
  template <class E> void e(E value) { u(static_cast<uint32_t>(value)); }
  void wide(int64_t value) {
    u(static_cast<uint64_t>(value) & 0xffffffffu);
    u(static_cast<uint64_t>(value) >> 32);
  }
  void wides(const std::vector<int64_t>& values) {
    for (const int64_t value : values) wide(value);
  }
  void bits(Bits value) { wide(static_cast<int64_t>(value.word)); }
};

/** One random program of one or two kernels; `finish` gives its bytes. */
class RandomProgram {
 public:
  /** With routines it may be none that the engine knows. */
  explicit RandomProgram(uint64_t seed, bool hasRoutines = false) : random_(seed), hasRoutines_(hasRoutines) {}

  std::vector<uint8_t> make() {
    const int inputs = 3, outputs = 2, temporaries = 1;
    Words words;
    words.u(format::kMagic);
    words.u(format::kVersion);
    words.u(0);
    words.u(inputs);
    words.u(outputs);
    words.wide(1 << 16);
    for (int i = 0; i < inputs + outputs; i++) {
      words.u(8);
      words.u(i >= inputs);
    }
    words.u(temporaries);
    words.wide(64);
    words.wide(1 << 15);
    words.u(2);
    words.e(WordType::Float32);
    words.e(WordType::Int64);
    const uint32_t kernels = static_cast<uint32_t>(pick(random_, 1, 2));
    words.u(kernels);
    for (uint32_t i = 0; i < kernels; i++) kernel(words);
    words.list[2] = static_cast<uint32_t>(4 * words.list.size());
    std::vector<uint8_t> bytes(4 * words.list.size());
    std::memcpy(bytes.data(), words.list.data(), bytes.size());
    return bytes;
  }

 private:
  struct Leaf {
    Opcode op;
    uint32_t position;
    WordType type;
  };
  using Leaves = std::vector<Leaf>;

  bool chance(int percent) { return pick(random_, 1, 100) <= percent; }
  size_t below(size_t count) { return static_cast<size_t>(pick(random_, 0, static_cast<int64_t>(count) - 1)); }

  WordType word() { return static_cast<WordType>(pick(random_, 0, kWordTypeCount - 1)); }
  WordType value() { return static_cast<WordType>(pick(random_, 0, 5)); }

  static Bits one(WordType type) {
    switch (valueType(type)) {
      case WordType::Float32: return Bits::of(1.0f);
      case WordType::Float64: return Bits::of(1.0);
      default: return Bits::of(int64_t{1});
    }
  }

  /** Steps that make a value of `type` of some leaves, and where it is. */
  uint32_t expression(Words& words, uint32_t& steps, const Leaves& leaves, WordType type) {
    std::vector<std::pair<uint32_t, WordType>> made;
    const auto head = [&](Opcode op, WordType result) {
      words.u(static_cast<uint32_t>(op) + 256 * static_cast<uint32_t>(result));
      return steps++;
    };
    const auto cast = [&](std::pair<uint32_t, WordType> from, WordType to) {
      if (from.second == to) return from.first;
      const uint32_t at = head(Opcode::Cast, to);
      words.u(from.first);
      return at;
    };
    head(Opcode::Const, type);
    words.bits(one(type));
    made.push_back({steps - 1, type});
    for (int64_t count = pick(random_, 0, 4); count > 0 && !leaves.empty(); count--) {
      const Leaf& leaf = leaves[below(leaves.size())];
      const uint32_t at = head(leaf.op, leaf.type);
      words.u(leaf.position);
      made.push_back({at, leaf.type});
    }
    uint32_t result = made[0].first;
    for (const auto& operand : made) {
      const uint32_t other = cast(operand, type);
      constexpr Opcode joins[] = {Opcode::Add, Opcode::Mul, Opcode::Max, Opcode::Min, Opcode::Sub};
      const uint32_t joined = head(joins[pick(random_, 0, 4)], type);
      words.u(result);
      words.u(other);
      result = joined;
      if (!chance(30)) continue;
      const uint32_t less = head(Opcode::Lt, WordType::Bool);
      words.u(result);
      words.u(other);
      const uint32_t selected = head(Opcode::Select, type);
      words.u(less);
      words.u(result);
      words.u(other);
      result = selected;
    }
    return result;
  }

  void expressions(Words& words, const std::vector<Leaves>& leaves, const std::vector<WordType>& types) {
    const size_t at = words.list.size();
    words.u(0);
    std::vector<uint32_t> results;
    uint32_t steps = 0;
    for (size_t i = 0; i < types.size(); i++) results.push_back(expression(words, steps, leaves[i], types[i]));
    words.list[at] = steps;
    words.u(results.size());
    for (const uint32_t result : results) words.u(result);
  }

  /** An access whose strides along the axes from `outer` on are 0 where it is fixed. */
  Access access(size_t operands, size_t outer, const std::vector<WordType>& loads) {
    Access access;
    access.operand = static_cast<uint32_t>(below(operands));
    access.type = word();
    access.offset = pick(random_, 0, 12);
    for (size_t axis = 0; axis < axes_.size(); axis++) {
      access.strides.push_back(axis < outer && chance(80) ? pick(random_, chance(15) ? -3 : 0, 6) : 0);
    }
    while (chance(25)) {
      Guard guard;
      guard.base = pick(random_, -4, 4);
      guard.divisor = pick(random_, 1, 3);
      guard.size = pick(random_, 0, 6);
      guard.stride = pick(random_, -2, 4);
      for (size_t axis = 0; axis < axes_.size(); axis++) {
        guard.coefficients.push_back(axis < outer && chance(50) ? pick(random_, -2, 2) : 0);
      }
      access.guards.push_back(guard);
    }
    while (!loads.empty() && chance(25)) {
      const auto load = static_cast<uint32_t>(below(loads.size()));
      const WordType type = valueType(loads[load]);
      if (type != WordType::Int32 && type != WordType::Int64) continue;
      access.indirections.push_back({load, pick(random_, 0, 9), pick(random_, -2, 4), chance(50)});
    }
    return access;
  }

  static void write(Words& words, const Access& access) {
    words.u(access.operand);
    words.e(access.type);
    words.wide(access.offset);
    words.wides(access.strides);
    words.u(access.guards.size());
    for (const Guard& guard : access.guards) {
      words.wides({guard.base, guard.divisor, guard.size, guard.stride});
      words.wides(guard.coefficients);
    }
    words.u(access.indirections.size());
    for (const Indirection& indirection : access.indirections) {
      words.u(indirection.load);
      words.u(indirection.wraps);
      words.wide(indirection.size);
      words.wide(indirection.stride);
    }
  }

  void states(Words& words, const std::vector<WordType>& types) {
    words.u(types.size());
    for (const WordType type : types) {
      words.e(type);
      words.bits(one(type));
    }
  }

  std::vector<WordType> values(int64_t least, int64_t most) {
    std::vector<WordType> types(static_cast<size_t>(pick(random_, least, most)));
    for (WordType& type : types) type = value();
    return types;
  }

  static Leaves numbered(Opcode op, const std::vector<WordType>& types, size_t from = 0) {
    Leaves leaves;
    for (size_t i = from; i < types.size(); i++) leaves.push_back({op, static_cast<uint32_t>(i), types[i]});
    return leaves;
  }

  static Leaves joined(Leaves a, const Leaves& b) {
    a.insert(a.end(), b.begin(), b.end());
    return a;
  }

  void buffers(Words& words, int64_t count, int64_t firstSpace, int64_t most) {
    words.u(static_cast<uint64_t>(count));
    for (int64_t i = 0; i < count; i++) buffer(words, pick(random_, firstSpace, 2), most);
  }

  void routine(Words& words) {
    words.e(KernelKind::Routine);
    const int64_t counts[] = {pick(random_, 1, 4), pick(random_, 1, 3)};
    buffers(words, counts[0], 0, 3);
    buffers(words, counts[1], 1, 2);
    words.u(0);
    size_t names = 0;
    while (routineNames[names] != nullptr) names++;
    const std::string name = names == 0 ? "none" : routineNames[below(names)];
    words.u(name.size());
    for (const char character : name) words.u(static_cast<uint64_t>(character));
    std::vector<int64_t> usual(static_cast<size_t>(pick(random_, 0, 4)));
    for (int64_t& length : usual) length = pick(random_, 0, 5);
    const WordType usualType = chance(50) ? WordType::Float32 : word();
    for (const int64_t count : counts) {
      words.u(static_cast<uint64_t>(count));
      for (int64_t i = 0; i < count; i++) {
        words.e(chance(60) ? usualType : chance(60) ? WordType::Int32 : word());
        std::vector<int64_t> shape = usual;
        if (!shape.empty() && chance(30)) shape[below(shape.size())] = pick(random_, 0, 6);
        if (chance(10)) shape.resize(static_cast<size_t>(pick(random_, 0, 3)), 1);
        words.u(shape.size());
        words.wides(shape);
        const bool isStrided = &count == counts && chance(20);
        words.u(isStrided);
        if (!isStrided) continue;
        for (int64_t& stride : shape) stride = pick(random_, 0, 9);
        words.wides(shape);
      }
    }
    const int64_t attributes = pick(random_, 0, 4);
    words.u(static_cast<uint64_t>(attributes));
    for (int64_t i = 0; i < attributes; i++) {
      words.bits(Bits::of(static_cast<double>(pick(random_, -2, 5)) / (chance(20) ? 3 : 1)));
    }
  }

  void kernel(Words& words) {
    if (hasRoutines_ && chance(25)) return routine(words);
    const auto kind = static_cast<KernelKind>(pick(random_, 0, kKernelKindCount - 2));
    words.e(kind);
    buffers(words, 2, 0, 3);
    buffers(words, 2, 1, 2);
    words.u(2);
    words.u(1);
    words.u(0);
    loops(words, kind);
  }

  void buffer(Words& words, int64_t space, int64_t count) {
    words.u(static_cast<uint64_t>(space));
    words.u(static_cast<uint64_t>(space == 2 ? 0 : pick(random_, 0, (space == 1 ? 2 : count) - 1)));
    // What is read before the start of a temporary stays inside it.
    words.wide(space == 2 ? 4096 : 8 * pick(random_, 0, 2));
  }

  void loops(Words& words, KernelKind kind) {
    const bool isContract = kind == KernelKind::Contract;
    const bool needsAxis = kind != KernelKind::Map;
    axes_.resize(static_cast<size_t>(isContract ? 4 : pick(random_, needsAxis ? 1 : 0, 4)));
    for (int64_t& length : axes_) length = chance(8) ? 0 : pick(random_, 1, 6);
    const size_t all = axes_.size();
    size_t outer = all;
    if (isContract) outer = 3;
    if (kind == KernelKind::Reduce || kind == KernelKind::Rows) outer = below(all);
    words.u(all);
    words.wides(axes_);

    Leaves elements, fixed;
    std::vector<WordType> loads, fixedLoads;
    words.u(4);
    for (uint32_t i = 0; i < 4; i++) {
      // The first loads are fixed, so that fixed accesses may be indirect through them.
      const bool isFixed = i < 2 && !isContract;
      Access read = access(2, isFixed || (isContract && i >= 2) ? outer : all, isContract ? fixedLoads : loads);
      if (isContract && i < 2) read = factor(read, i);
      write(words, read);
      words.bits(one(read.type));
      loads.push_back(read.type);
      if (!isContract || i >= 2) elements.push_back({Opcode::Load, i, valueType(read.type)});
      if (isFixed) {
        fixedLoads.push_back(read.type);
        fixed.push_back(elements.back());
      }
    }
    for (uint32_t axis = 0; axis < all; axis++) {
      elements.push_back({Opcode::Index, axis, WordType::Int32});
      if (axis < outer) fixed.push_back(elements.back());
    }
    const Leaves params{{Opcode::Param, 0, WordType::Int64}, {Opcode::Param, 1, WordType::Float32}};
    elements = joined(elements, params);
    fixed = joined(fixed, params);

    const size_t stores = 2;
    std::vector<WordType> stored;
    std::vector<Leaves> seen;
    words.u(stores);
    for (size_t i = 0; i < stores; i++) {
      const bool mayMove = kind == KernelKind::Rows && chance(50);
      const bool moves = mayMove || kind == KernelKind::Map || kind == KernelKind::Scan;
      Access to = access(2, moves ? all : outer, moves ? loads : fixedLoads);
      to.operand = static_cast<uint32_t>(i);
      // A store that does not move has a fixed value whatever was meant.
      bool isFixed = true;
      for (size_t axis = outer; axis < all; axis++) {
        isFixed = isFixed && to.strides[axis] == 0;
        for (const Guard& guard : to.guards) isFixed = isFixed && guard.coefficients[axis] == 0;
      }
      if (isFixed && moves && outer < all) to.indirections.clear();
      write(words, to);
      const bool isHalf = to.type == WordType::Float16 || to.type == WordType::Bfloat16;
      words.u(static_cast<uint64_t>(isHalf ? 0 : pick(random_, 0, kCombineCount - 1)));
      stored.push_back(valueType(to.type));
      if (isContract) seen.push_back(joined(Leaves(elements.begin(), elements.begin() + 5), params));
      else seen.push_back(isFixed && outer < all ? fixed : elements);
    }
    const bool isFilled = chance(30);
    words.u(isFilled);
    if (isFilled) for (size_t i = 0; i < stores; i++) words.bits(one(stored[i]));
    rest(words, kind, all - outer, elements, seen, stored);
  }

  /** As a factor of a contraction over one axis each of batch, m, n and k. */
  static Access factor(Access access, uint32_t which) {
    access.strides[which == 0 ? 2 : 1] = 0;
    for (Guard& guard : access.guards) guard.coefficients[which == 0 ? 2 : 1] = 0;
    access.indirections.clear();
    return access;
  }

  void rest(Words& words, KernelKind kind, size_t inner, const Leaves& elements, std::vector<Leaves> seen,
            const std::vector<WordType>& stored) {
    std::vector<WordType> types;
    if (kind == KernelKind::Contract) {
      for (int i = 0; i < 4; i++) words.u(1);
      types.push_back(value());
      words.e(types[0]);
      words.u(static_cast<uint64_t>(chance(50)));
    } else if (kind == KernelKind::Rows) {
      words.u(inner);
      std::vector<WordType> kept;
      const auto count = static_cast<uint64_t>(pick(random_, 0, 2));
      words.u(count);
      for (uint64_t i = 0; i < count; i++) {
        const size_t first = types.size();
        const std::vector<WordType> own = values(0, 2), keeps = values(0, 2);
        states(words, own);
        const Leaves before = joined(joined(elements, numbered(Opcode::State, types)), numbered(Opcode::Kept, kept));
        expressions(words, std::vector<Leaves>(keeps.size(), before), keeps);
        kept.insert(kept.end(), keeps.begin(), keeps.end());
        types.insert(types.end(), own.begin(), own.end());
        const Leaves during = joined(joined(elements, numbered(Opcode::State, types)), numbered(Opcode::Kept, kept));
        expressions(words, std::vector<Leaves>(own.size(), during), own);
        const Leaves merging = joined(numbered(Opcode::State, types, first), numbered(Opcode::Other, types, first));
        expressions(words, std::vector<Leaves>(own.size(), merging), own);
      }
    } else if (kind != KernelKind::Map) {
      words.u(kind == KernelKind::Reduce ? inner : static_cast<uint64_t>(chance(50)));
      types = values(1, 2);
      states(words, types);
      const Leaves own = numbered(Opcode::State, types);
      expressions(words, std::vector<Leaves>(types.size(), joined(elements, own)), types);
      const Leaves merging = joined(own, numbered(Opcode::Other, types));
      if (kind == KernelKind::Reduce) expressions(words, std::vector<Leaves>(types.size(), merging), types);
    }
    for (Leaves& leaves : seen) leaves = joined(leaves, numbered(Opcode::State, types));
    expressions(words, seen, stored);
  }

  Random random_;
  bool hasRoutines_;
  std::vector<int64_t> axes_;
};

}  // namespace flambeau::tests
