// Random kernels for the tests of loops/: small whole numbers, so that sums are exact in any order. No tests
// here.
#pragma once
#include <algorithm>
#include <numeric>

#include "loops-model.h"

namespace flambeau::model {

struct Random {
  uint64_t state;
  explicit Random(uint64_t seed) : state(seed * 0x9e3779b97f4a7c15ull + 0x1234567) {
    for (int i = 0; i < 4; i++) next();
  }
  uint64_t next() {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
  }
  /** 0 … n-1 */
  int64_t below(int64_t n) { return static_cast<int64_t>((next() >> 11) % static_cast<uint64_t>(n)); }
  int64_t between(int64_t low, int64_t high) { return low + below(high - low + 1); }
  bool chance(int percent) { return below(100) < percent; }
  template <class T> T pick(std::initializer_list<T> list) { return *(list.begin() + below(list.size())); }
};

/** What a random expression may read. */
struct Sources {
  size_t states = 0, others = 0, kept = 0;
  std::vector<WordType> stateTypes, keptTypes;
  bool hasOnlyFixedLoads = false;  // loads that do not vary along inner axes
};

class Generator {
 public:
  explicit Generator(uint64_t seed) : random(seed) {}

  Random random;
  Operands operands;

  /** Lengths whose product stays below `most`. */
  std::vector<int64_t> lengths(int count, int64_t most) {
    std::vector<int64_t> axes;
    int64_t product = 1;
    for (int i = 0; i < count; i++) {
      int64_t length = random.pick<int64_t>(
          {1, 2, 3, 4, 5, 7, 8, 10, 16, 17, 31, 33, 64, 65, 100, 257, 1023, 1300, 2100});
      while (length * product > most) length = (length + 1) / 2;
      if (random.chance(1)) length = 0;
      product *= std::max<int64_t>(length, 1);
      axes.push_back(length);
    }
    return axes;
  }

  /** Strides of a dense array in a random order of axes, with gaps, backwards and broadcast now and then. */
  std::vector<int64_t> strides(const std::vector<int64_t>& axes, bool mayRepeat) {
    std::vector<size_t> order(axes.size());
    std::iota(order.begin(), order.end(), size_t{0});
    if (random.chance(40))
      for (size_t i = order.size(); i > 1; i--) std::swap(order[i - 1], order[random.below(i)]);
    std::vector<int64_t> result(axes.size(), 0);
    int64_t stride = random.chance(15) ? random.between(2, 3) : 1;
    for (size_t i = order.size(); i-- > 0;) {
      const size_t axis = order[i];
      if (mayRepeat && random.chance(20)) continue;
      result[axis] = random.chance(8) ? -stride : stride;
      stride *= std::max<int64_t>(axes[axis], 1);
      if (random.chance(10)) stride += random.between(1, 5);
    }
    return result;
  }

  Guard guard(const std::vector<int64_t>& axes) {
    Guard result;
    result.coefficients.assign(axes.size(), 0);
    result.divisor = random.chance(70) ? 1 : random.between(2, 3);
    int64_t reach = 0;
    for (int i = random.chance(70) ? 1 : 2; i > 0 && !axes.empty(); i--) {
      const size_t axis = random.below(axes.size());
      result.coefficients[axis] = random.pick<int64_t>({1, 1, 2, -1, 3});
      reach += std::abs(result.coefficients[axis]) * std::max<int64_t>(axes[axis] - 1, 0);
    }
    result.base = random.between(-3, 3) + (random.chance(30) ? reach / 2 : 0);
    result.size = std::max<int64_t>(1, (reach + random.between(-3, 3)) / result.divisor);
    result.stride = random.pick<int64_t>({0, 1, 1, 2, 5});
    return result;
  }

  /** Sets the offset so that addresses begin at 0, and gives how many elements they reach. */
  int64_t settle(Access& access, const std::vector<int64_t>& axes) {
    int64_t low = 0, high = 0;
    const auto widen = [&](int64_t stride, int64_t length) {
      const int64_t reach = stride * std::max<int64_t>(length - 1, 0);
      (reach < 0 ? low : high) += reach;
    };
    for (size_t axis = 0; axis < axes.size(); axis++) widen(access.strides[axis], axes[axis]);
    for (const Guard& guard : access.guards) widen(guard.stride, guard.size);
    for (const Indirection& indirection : access.indirections) widen(indirection.stride, indirection.size);
    const int64_t lead = random.chance(30) ? random.between(1, 3) : 0;
    access.offset = lead - low;
    return lead + high - low + 1;
  }

  void fillBuffer(std::vector<char>& buffer, WordType type, int64_t elements, int64_t low, int64_t high) {
    buffer.resize(elements * byteSize(type));
    const bool isUnsigned = type == WordType::Uint8 || type == WordType::Uint16 || type == WordType::Bool;
    if (isUnsigned && low < 0) low = 0;
    if (type == WordType::Bool) high = 1;
    for (int64_t i = 0; i < elements; i++) {
      const double number = static_cast<double>(random.between(low, high));
      narrowTo(buffer.data() + i * byteSize(type), valueOf(number, valueType(type)), type);
    }
  }

  WordType anyType() {
    if (random.chance(50)) return WordType::Float32;
    return static_cast<WordType>(random.below(kWordTypeCount));
  }

  /** Loads, of which some are coordinates for others; `inner`: axes from the end along which some are fixed. */
  void addLoads(LoopsCommon& spec, int count, size_t inner, bool mayBeBad) {
    for (int i = 0; i < count; i++) {
      Load load;
      load.operand = static_cast<uint32_t>(spec.loads.size());
      load.type = anyType();
      load.strides = strides(spec.axes, true);
      if (inner > 0 && random.chance(30))
        for (size_t axis = spec.axes.size() - inner; axis < spec.axes.size(); axis++) load.strides[axis] = 0;
      if (!spec.axes.empty() && random.chance(20)) load.guards.push_back(guard(spec.axes));
      if (!spec.axes.empty() && random.chance(8)) load.guards.push_back(guard(spec.axes));
      load.fill = valueOf(random.chance(50) ? 0 : 2, valueType(load.type));
      operands.inputs.emplace_back();
      if (random.chance(20)) {
        Load index = load;
        index.guards.clear();
        index.type = random.chance(50) ? WordType::Int32 : WordType::Int64;
        index.strides = strides(spec.axes, true);
        index.fill = {};
        Indirection indirection;
        indirection.load = index.operand;
        indirection.size = random.between(1, 9);
        indirection.stride = random.pick<int64_t>({1, 2, 7, 30});
        indirection.wraps = random.chance(40);
        const int64_t elements = settle(index, spec.axes);
        const int64_t low = indirection.wraps ? -indirection.size : 0;
        fillBuffer(operands.inputs.back(), index.type, elements, low - (mayBeBad && random.chance(10)),
                   indirection.size - 1);
        spec.loads.push_back(index);
        operands.inputs.emplace_back();
        load.operand = static_cast<uint32_t>(spec.loads.size());
        load.indirections.push_back(indirection);
        if (random.chance(50))
          for (int64_t& stride : load.strides)
            if (random.chance(50)) stride = 0;
      }
      const int64_t elements = settle(load, spec.axes);
      fillBuffer(operands.inputs.back(), load.type, elements, -3, 3);
      spec.loads.push_back(load);
    }
  }

  /** A store that meets no other, or one that may. */
  void addStore(LoopsCommon& spec, size_t inner, bool mayMeet) {
    Store store;
    store.operand = static_cast<uint32_t>(spec.stores.size());
    store.type = anyType();
    store.combine = static_cast<Combine>(random.chance(60) ? 0 : random.below(kCombineCount));
    std::vector<int64_t> axes(spec.axes.begin(), spec.axes.end() - inner);
    store.strides = strides(axes, mayMeet);
    store.strides.resize(spec.axes.size(), 0);
    if (mayMeet && !spec.axes.empty() && random.chance(30)) {
      // Through a coordinate, if there is one.
      for (uint32_t load = 0; load < spec.loads.size(); load++) {
        const WordType type = spec.loads[load].type;
        if (!spec.loads[load].indirections.empty() || !spec.loads[load].guards.empty()) continue;
        if (type != WordType::Int32 && type != WordType::Int64) continue;
        bool isFixed = true;
        for (size_t axis = axes.size(); axis < spec.axes.size(); axis++)
          isFixed = isFixed && spec.loads[load].strides[axis] == 0;
        if (!isFixed) continue;
        store.indirections.push_back({load, 9, random.pick<int64_t>({1, 5, 1000}), true});
        break;
      }
      if (random.chance(50)) {
        Guard check = guard(axes);
        check.coefficients.resize(spec.axes.size(), 0);
        store.guards.push_back(check);
      }
    }
    const int64_t elements = settle(store, spec.axes);
    operands.outputs.emplace_back();
    fillBuffer(operands.outputs.back(), store.type, elements, -3, 3);
    spec.stores.push_back(store);
  }

  void addParams(LoopsCommon& spec) {
    for (int i = static_cast<int>(random.below(3)); i > 0; i--) {
      spec.params.push_back(static_cast<WordType>(random.below(6)));
      operands.params.push_back(valueOf(static_cast<double>(random.between(0, 3)), spec.params.back()));
    }
  }

  /** A value of `type` from whatever can be read. */
  uint32_t value(Expression& to, const LoopsCommon& spec, const Sources& sources, WordType type, int depth) {
    if (depth <= 0 || random.chance(15)) return cast(to, leaf(to, spec, sources), type);
    const auto operand = [&](WordType wanted) { return value(to, spec, sources, wanted, depth - 1); };
    if (random.chance(15)) {
      const uint32_t condition = operand(WordType::Bool), x = operand(type), y = operand(type);
      return push(to, Opcode::Select, type, {condition, x, y});
    }
    if (type == WordType::Bool) {
      if (random.chance(30)) return push(to, Opcode::Not, type, {operand(type)});
      if (random.chance(30)) {
        const uint32_t x = operand(type), y = operand(type);
        return push(to, random.pick({Opcode::And, Opcode::Or}), type, {x, y});
      }
      const WordType of = random.chance(50) ? WordType::Float32 : static_cast<WordType>(random.below(6));
      const uint32_t x = operand(of), y = operand(of);
      if (of >= WordType::Float32 && random.chance(40)) return search(to, x, y);
      return push(to, random.pick({Opcode::Eq, Opcode::Ne, Opcode::Lt, Opcode::Le}), type, {x, y});
    }
    if (random.chance(15)) return push(to, random.pick({Opcode::Neg, Opcode::Abs}), type, {operand(type)});
    if (random.chance(20)) return cast(to, operand(static_cast<WordType>(random.below(6))), type);
    const uint32_t x = operand(type), y = operand(type);
    const Opcode op = random.pick({Opcode::Add, Opcode::Add, Opcode::Sub, Opcode::Mul, Opcode::Min, Opcode::Max});
    return push(to, op, type, {x, y});
  }

  /** A comparison to which NaN counts, as argmax makes them. */
  uint32_t search(Expression& to, uint32_t x, uint32_t y) {
    const WordType boolean = WordType::Bool;
    const auto isNaN = [&](uint32_t step) { return push(to, Opcode::Ne, boolean, {step, step}); };
    const uint32_t first = isNaN(x), second = isNaN(y);
    if (random.chance(30)) {
      const uint32_t both = push(to, Opcode::And, boolean, {first, second});
      return push(to, Opcode::Or, boolean, {push(to, Opcode::Eq, boolean, {x, y}), both});
    }
    const bool isMore = random.chance(50);
    const uint32_t plain = push(to, Opcode::Lt, boolean, {isMore ? y : x, isMore ? x : y});
    const uint32_t only = push(to, Opcode::And, boolean, {first, push(to, Opcode::Not, boolean, {second})});
    return push(to, Opcode::Or, boolean, {plain, only});
  }

  uint32_t push(Expression& to, Opcode op, WordType type, std::initializer_list<uint32_t> operands,
                uint32_t position = 0) {
    Step step;
    step.op = op;
    step.type = type;
    step.position = position;
    std::copy(operands.begin(), operands.end(), step.operands);
    to.steps.push_back(step);
    return static_cast<uint32_t>(to.steps.size() - 1);
  }

  /** As `type`, brought near zero where it may have grown: sums must stay exact. */
  uint32_t limited(Expression& to, uint32_t step) {
    const WordType type = to.steps[step].type;
    if (type == WordType::Bool) return step;
    const uint32_t high = constant(to, 4, type), low = constant(to, type == WordType::Uint8 ? 0 : -4, type);
    return push(to, Opcode::Max, type, {push(to, Opcode::Min, type, {step, high}), low});
  }

  uint32_t constant(Expression& to, double number, WordType type) {
    const uint32_t at = push(to, Opcode::Const, type, {});
    to.steps[at].value = valueOf(number, type);
    return at;
  }

  uint32_t cast(Expression& to, uint32_t step, WordType type) {
    return to.steps[step].type == type ? step : push(to, Opcode::Cast, type, {step});
  }

 private:
  uint32_t leaf(Expression& to, const LoopsCommon& spec, const Sources& sources) {
    for (int attempt = 0; attempt < 8; attempt++) {
      switch (random.below(6)) {
        case 0:
          if (spec.axes.empty() || sources.hasOnlyFixedLoads) break;
          return push(to, Opcode::Index, WordType::Int32, {}, static_cast<uint32_t>(random.below(spec.axes.size())));
        case 1:
          if (spec.params.empty()) break;
          return param(to, spec);
        case 2:
          if (sources.states == 0) break;
          return state(to, sources);
        case 3:
          if (sources.kept == 0) break;
          return kept(to, sources);
        default: {
          if (spec.loads.empty()) break;
          const uint32_t load = static_cast<uint32_t>(random.below(spec.loads.size()));
          if (sources.hasOnlyFixedLoads && !isFixed[load]) break;
          return push(to, Opcode::Load, valueType(spec.loads[load].type), {}, load);
        }
      }
    }
    if (random.chance(4)) return constant(to, std::nan(""), WordType::Float32);
    return constant(to, static_cast<double>(random.between(0, 3)), random.pick({WordType::Float32, WordType::Int32}));
  }
  uint32_t param(Expression& to, const LoopsCommon& spec) {
    const uint32_t at = static_cast<uint32_t>(random.below(spec.params.size()));
    return push(to, Opcode::Param, spec.params[at], {}, at);
  }
  uint32_t state(Expression& to, const Sources& sources) {
    const uint32_t at = static_cast<uint32_t>(random.below(sources.states));
    return push(to, Opcode::State, sources.stateTypes[at], {}, at);
  }
  uint32_t kept(Expression& to, const Sources& sources) {
    const uint32_t at = static_cast<uint32_t>(random.below(sources.kept));
    return push(to, Opcode::Kept, sources.keptTypes[at], {}, at);
  }

 public:
  std::vector<bool> isFixed;  // by load
  void findFixed(const LoopsCommon& spec, size_t inner) {
    Interpreter interpreter(spec, operands);
    isFixed.clear();
    for (const Load& load : spec.loads) isFixed.push_back(!interpreter.variesInside(load, spec.axes.size() - inner));
  }
};

}  // namespace flambeau::model
