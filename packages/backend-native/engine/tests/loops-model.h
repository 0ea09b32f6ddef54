// What the tests of loops/ share: kernels interpreted one element at a time, as core's reference backend does,
// on operands made for them. No tests here.
#pragma once
#include <cmath>
#include <cstdio>
#include <vector>

#include "../loops/ops.h"
#include "../program/kernel.h"

namespace flambeau::model {

/** One value, of a value type, in the low bytes. */
using Value = Bits;

inline double numberOf(Value value, WordType type) {
  switch (type) {
    case WordType::Bool: case WordType::Uint8: return value.as<uint8_t>();
    case WordType::Int32: return value.as<int32_t>();
    case WordType::Int64: return static_cast<double>(value.as<int64_t>());
    case WordType::Float32: return value.as<float>();
    default: return value.as<double>();
  }
}

inline Value valueOf(double number, WordType type) {
  switch (type) {
    case WordType::Bool: return Value::of<uint8_t>(number != 0);
    case WordType::Uint8: return Value::of(static_cast<uint8_t>(static_cast<int>(number)));
    case WordType::Int32: return Value::of(static_cast<int32_t>(number));
    case WordType::Int64: return Value::of(static_cast<int64_t>(number));
    case WordType::Float32: return Value::of(static_cast<float>(number));
    default: return Value::of(number);
  }
}

inline Value widened(const char* from, WordType type) {
  Value value;
  const BlockOp widen = blockOps().widen[static_cast<int>(type)];
  if (widen != nullptr) widen(&value.word, from, nullptr, nullptr, 1);
  else std::memcpy(&value.word, from, byteSize(type));
  return value;
}

inline void narrowTo(char* to, Value value, WordType type) {
  const BlockOp narrow = blockOps().narrow[static_cast<int>(type)];
  if (narrow != nullptr) narrow(to, &value.word, nullptr, nullptr, 1);
  else std::memcpy(to, &value.word, byteSize(type));
}

struct Operands {
  std::vector<std::vector<char>> inputs, outputs;
  std::vector<Bits> params;
};

class Interpreter {
 public:
  bool badIndex = false;

  Interpreter(const LoopsCommon& spec, Operands& operands)
      : spec_(spec), operands_(operands), isUsed_(spec.loads.size(), false), index_(spec.axes.size(), 0),
        loaded_(spec.loads.size()) {
    use(spec.values);
    for (const Store& store : spec.stores) useCoordinates(store);
  }

  void run(const LoopSpec& spec) {
    use(spec.step);
    const size_t axes = spec.axes.size();
    const size_t inner = spec.kind == KernelKind::Map ? 0 : spec.kind == KernelKind::Scan ? 1 : spec.reduced;
    forEach(0, axes - inner, [&] {
      states_.clear();
      for (const State& state : spec.states) states_.push_back(state.initial);
      if (spec.kind == KernelKind::Map) {
        fetch(true);
        store(evaluate(spec.values));
      } else if (spec.kind == KernelKind::Reduce) {
        forEach(axes - inner, axes, [&] {
          fetch(true);
          states_ = evaluate(spec.step);
        });
        for (size_t axis = axes - inner; axis < axes; axis++) index_[axis] = 0;
        fetch(false, axes - inner);
        store(evaluate(spec.values));
      } else {
        for (int64_t at = 0; at < spec.axes.back(); at++) {
          index_.back() = spec.isReversed ? spec.axes.back() - 1 - at : at;
          fetch(true);
          states_ = evaluate(spec.step);
          store(evaluate(spec.values));
        }
      }
    });
  }

  void run(const RowsSpec& spec) {
    for (const RowStage& stage : spec.stages) {
      use(stage.kept);
      use(stage.step);
    }
    const size_t axes = spec.axes.size(), outer = axes - spec.row;
    forEach(0, outer, [&] {
      states_.clear();
      std::vector<std::vector<Value>> rows;  // kept values, by position in the row
      size_t at = 0;
      forEach(outer, axes, [&] { at++; });
      rows.resize(at);
      for (const RowStage& stage : spec.stages) {
        std::vector<Value> running;
        for (const State& state : stage.states) running.push_back(state.initial);
        const std::vector<Value> finished = states_;
        at = 0;
        forEach(outer, axes, [&] {
          fetch(true);
          states_ = finished;
          kept_ = rows[at];
          const std::vector<Value> kept = evaluate(stage.kept);
          kept_.insert(kept_.end(), kept.begin(), kept.end());
          rows[at++] = kept_;
          states_.insert(states_.end(), running.begin(), running.end());
          running = evaluate(stage.step);
        });
        states_ = finished;
        states_.insert(states_.end(), running.begin(), running.end());
      }
      at = 0;
      bool isFirst = true;
      forEach(outer, axes, [&] {
        fetch(true);
        kept_ = rows[at++];
        storeSome(spec.values, [&](const Store& s) { return variesInside(s, outer); });
      });
      for (size_t axis = outer; axis < axes; axis++) index_[axis] = 0;
      fetch(false, outer);
      kept_.assign(16, Value{});
      if (isFirst) storeSome(spec.values, [&](const Store& s) { return !variesInside(s, outer); });
    });
  }

  /** A contraction's epilogue: `sum` gives the sum at the current index of batch, m and n. */
  template <class Sum>
  void runEpilogue(const ContractSpec& spec, const Sum& sum) {
    const size_t outer = spec.axes.size() - spec.k;
    forEach(0, outer, [&] {
      for (size_t axis = outer; axis < index_.size(); axis++) index_[axis] = 0;
      fetch(false, outer);
      states_ = {sum(index_)};
      store(evaluate(spec.values));
    });
  }

  bool variesInside(const Access& access, size_t from) const {
    for (size_t axis = from; axis < spec_.axes.size(); axis++) {
      if (access.strides[axis] != 0) return true;
      for (const Guard& guard : access.guards)
        if (guard.coefficients[axis] != 0) return true;
    }
    for (const Indirection& indirection : access.indirections)
      if (variesInside(spec_.loads[indirection.load], from)) return true;
    return false;
  }

 private:
  template <class Visit>
  void forEach(size_t from, size_t to, const Visit& visit) {
    for (size_t axis = from; axis < to; axis++) {
      if (spec_.axes[axis] == 0) return;
      index_[axis] = 0;
    }
    for (;;) {
      visit();
      size_t axis = to;
      while (axis > from && ++index_[axis - 1] == spec_.axes[axis - 1]) index_[--axis] = 0;
      if (axis == from) return;
    }
  }

  /** False where a guard fails or a coordinate is out of range. */
  bool addressOf(const Access& access, int64_t& address, bool counts = true) {
    address = access.offset;
    for (size_t axis = 0; axis < index_.size(); axis++) address += access.strides[axis] * index_[axis];
    for (const Guard& guard : access.guards) {
      int64_t q = guard.base;
      for (size_t axis = 0; axis < index_.size(); axis++) q += guard.coefficients[axis] * index_[axis];
      if (q % guard.divisor != 0 || q < 0 || q / guard.divisor >= guard.size) return false;
      address += guard.stride * (q / guard.divisor);
    }
    for (const Indirection& indirection : access.indirections) {
      const bool isWide = spec_.loads[indirection.load].type == WordType::Int64;
      const Value value = loaded_[indirection.load];
      int64_t at = isWide ? value.as<int64_t>() : value.as<int32_t>();
      if (at < 0 && indirection.wraps) at += indirection.size;
      if (at < 0 || at >= indirection.size) {
        badIndex = badIndex || counts;
        return false;
      }
      address += indirection.stride * at;
    }
    return true;
  }

  void fetch(bool isAll, size_t outer = 0) {
    for (size_t i = 0; i < spec_.loads.size(); i++) {
      const Load& load = spec_.loads[i];
      if (!isAll && variesInside(load, outer)) continue;
      int64_t address;
      if (!addressOf(load, address, isUsed_[i])) loaded_[i] = load.fill;
      else loaded_[i] = widened(operands_.inputs[load.operand].data() + address * byteSize(load.type), load.type);
    }
  }

  std::vector<Value> evaluate(const Expression& expression) { return evaluate(expression, states_, states_); }
  std::vector<Value> evaluate(const Expression& expression, const std::vector<Value>& states,
                              const std::vector<Value>& others) {
    const BlockOps& ops = blockOps();
    std::vector<Value> registers;
    for (const Step& step : expression.steps) {
      Value value;
      const auto in = [&](int k) { return &registers[step.operands[k]].word; };
      switch (step.op) {
        case Opcode::Const: value = step.value; break;
        case Opcode::Load: value = loaded_[step.position]; break;
        case Opcode::Param: value = operands_.params[step.position]; break;
        case Opcode::Index: value = valueOf(static_cast<double>(index_[step.position]), step.type); break;
        case Opcode::State: value = step.position < states.size() ? states[step.position] : Value{}; break;
        case Opcode::Other: value = others[step.position]; break;
        case Opcode::Kept: value = step.position < kept_.size() ? kept_[step.position] : Value{}; break;
        case Opcode::Bitcast: value = registers[step.operands[0]]; break;
        case Opcode::Cast: {
          const WordType from = expression.steps[step.operands[0]].type;
          if (from == step.type) value = registers[step.operands[0]];
          else ops.cast[static_cast<int>(from)][static_cast<int>(step.type)](&value.word, in(0), nullptr, nullptr, 1);
          break;
        }
        case Opcode::Select:
          value = (*in(0) & 0xff) != 0 ? registers[step.operands[1]] : registers[step.operands[2]];
          break;
        default: {
          const WordType from = expression.steps[step.operands[0]].type;
          ops.table[static_cast<int>(step.op)][static_cast<int>(from)](&value.word, in(0), in(1), nullptr, 1);
        }
      }
      registers.push_back(value);
    }
    std::vector<Value> results;
    for (uint32_t result : expression.results) results.push_back(registers[result]);
    return results;
  }

  void store(const std::vector<Value>& values) {
    for (size_t i = 0; i < spec_.stores.size(); i++) storeOne(spec_.stores[i], values[i], typeOf(spec_.values, i));
  }
  template <class Which>
  void storeSome(const Expression& expression, const Which& which) {
    const std::vector<Value> values = evaluate(expression);
    for (size_t i = 0; i < spec_.stores.size(); i++)
      if (which(spec_.stores[i])) storeOne(spec_.stores[i], values[i], typeOf(expression, i));
  }
  static WordType typeOf(const Expression& expression, size_t i) {
    return expression.steps[expression.results[i]].type;
  }

  void storeOne(const Store& store, Value value, WordType type) {
    int64_t address;
    if (!addressOf(store, address)) return;
    char* to = operands_.outputs[store.operand].data() + address * byteSize(store.type);
    if (store.combine != Combine::Set) {
      const Value before = widened(to, store.type);
      char kept[8];
      narrowTo(kept, value, store.type);
      value = widened(kept, store.type);
      constexpr Opcode opcodes[] = {Opcode::Add, Opcode::Add, Opcode::Mul, Opcode::Max, Opcode::Min};
      const int combine = static_cast<int>(store.combine);
      if (type == WordType::Bool) {
        const bool isOr = store.combine == Combine::Add || store.combine == Combine::Max;
        value = Value::of<uint8_t>(isOr ? before.as<uint8_t>() | value.as<uint8_t>()
                                        : before.as<uint8_t>() & value.as<uint8_t>());
      } else {
        const Value given = value;
        blockOps().table[static_cast<int>(opcodes[combine])][static_cast<int>(type)](&value.word, &before.word,
                                                                                      &given.word, nullptr, 1);
      }
    }
    narrowTo(to, value, store.type);
  }

  /** Loads that results depend on: only these report indices. */
  void use(const Expression& expression) {
    std::vector<bool> isNeeded(expression.steps.size(), false);
    for (uint32_t result : expression.results) isNeeded[result] = true;
    for (size_t i = expression.steps.size(); i-- > 0;) {
      const Step& step = expression.steps[i];
      if (!isNeeded[i]) continue;
      if (step.op == Opcode::Load) use(spec_.loads[step.position], step.position);
      if (step.op >= Opcode::Const && step.op != Opcode::Cast && step.op != Opcode::Bitcast) continue;
      const bool isUnary = step.op <= Opcode::Erf || step.op == Opcode::Cast || step.op == Opcode::Bitcast;
      for (int k = 0; k < (step.op == Opcode::Select ? 3 : isUnary ? 1 : 2); k++) isNeeded[step.operands[k]] = true;
    }
  }
  void use(const Access& access, size_t load) {
    isUsed_[load] = true;
    useCoordinates(access);
  }
  void useCoordinates(const Access& access) {
    for (const Indirection& indirection : access.indirections) use(spec_.loads[indirection.load], indirection.load);
  }

  const LoopsCommon& spec_;
  Operands& operands_;
  std::vector<bool> isUsed_;
  std::vector<int64_t> index_;
  std::vector<Value> loaded_, states_, kept_;
};

}  // namespace flambeau::model
