// From steps to instructions.
#include "compilation.h"

#include <algorithm>

#include "costs.h"
#include "scalars.h"

namespace flambeau::loops {

using Kind = Instruction::Kind;

Register Compilation::spread(Value& value, Rate rate, int size) {
  Register& there = value.at[static_cast<int>(rate)];
  if (there != kNoRegister) return there;
  const Register own = value.at[static_cast<int>(value.rate)];
  // One element serves the call and the block; a constant is as long as any block where it must be.
  if (rate <= Rate::Block || rate == value.rate) return there = own;
  if (value.isConstant) return there = compiler_.constant(value.type, value.bits, true);
  Instruction instruction;
  instruction.rate = rate;
  instruction.size = static_cast<uint8_t>(size);
  instruction.a = own;
  instruction.kind = value.rate == Rate::Row ? Kind::SpreadRows : Kind::Spread;
  if (value.rate == Rate::Call) {
    // Once for all blocks, of which this is the longest.
    there = compiler_.keep(size == 1 ? WordType::Bool : size == 4 ? WordType::Int32 : WordType::Int64, rate);
    instruction.start = rate == Rate::Row ? compiler_.box().mostRows : compiler_.box().most;
    instruction.out = there;
    compiler_.machine_->prologue.push_back(instruction);
    return there;
  }
  instruction.out = there = temporary(size, rate);
  code_.body.push_back(instruction);
  return there;
}

/** The register of a load that serves as coordinate of others. */
Register Compilation::coordinate(uint32_t load, Rate rate) {
  Value& value = loads_[load];
  const WordType type = valueType(compiler_.nest().loads[load].type);
  if (value.at[static_cast<int>(value.rate)] == kNoRegister) emitLoad(load, value, type);
  return spread(value, rate, byteSize(type));
}

void Compilation::addCoordinates(int number, const Reach& reach, Rate rate) {
  const Nest& nest = compiler_.nest();
  for (const Indirection& indirection : reach.indirections) {
    const Reach& source = nest.loads[indirection.load];
    const CoordinateRegister coordinate = {this->coordinate(indirection.load, rate), source.type == WordType::Int64,
                                           indirection.wraps, indirection.size, indirection.stride};
    View& view = compiler_.machine_->views[number];
    view.coordinates.push_back(coordinate);
    if (view.axes > 0 && varies(nest, source, compiler_.box().axes[view.axes - 1].axis)) view.variesInside = true;
  }
}

void Compilation::emitLoad(uint32_t load, Value& value, WordType type) {
  const Nest& nest = compiler_.nest();
  const Reach& reach = nest.loads[load];
  value.rate = compiler_.rateOf(reach);
  Instruction instruction;
  instruction.kind = Kind::Load;
  instruction.rate = value.rate;
  instruction.size = static_cast<uint8_t>(byteSize(type));
  instruction.view = compiler_.viewOf(load, false, value.rate, type);
  addCoordinates(instruction.view, reach, value.rate);
  const View& view = compiler_.machine_->views[instruction.view];
  Register& there = value.at[static_cast<int>(value.rate)];
  const bool isPointer = view.isDense() && view.convert == nullptr;
  if (value.rate == Rate::Call) {
    instruction.out = there = compiler_.keep(type, Rate::Call);
    compiler_.machine_->prologue.push_back(instruction);
    return;
  }
  const bool isSteady = compiler_.fastAxis_ >= 0 && view.isPlain() && !isPointer && value.rate >= Rate::Row &&
                        !varies(nest, reach, static_cast<size_t>(compiler_.fastAxis_));
  const int64_t columns = compiler_.columns();
  if (isSteady) {
    there = compiler_.keep(type, value.rate);
    instruction.cache = compiler_.machine_->caches++;
  } else if (value.rate == Rate::Full && view.convert == nullptr && columns >= kLongRow &&
             view.isDenseInRows(columns) && isComputedWith(load)) {
    instruction.kind = Kind::Point;
    there = compiler_.external();
    value.rowGap = view.strides[0] - columns * view.size;
  } else {
    there = temporary(byteSize(type), value.rate);
  }
  instruction.out = there;
  code_.body.push_back(instruction);
  code_.cost += costOfTransfer(view) * (value.rate == Rate::Full);
}

/** Whether only computing instructions read a load, which can do so row by row. */
bool Compilation::isComputedWith(uint32_t load) const {
  for (const Sink& sink : sinks_) {
    const Step& s = steps_[source(sink.step)];
    if (s.op == Opcode::Load && s.position == load) return false;
  }
  for (const auto* reaches : {&compiler_.nest().loads, &compiler_.nest().stores})
    for (const Reach& reach : *reaches)
      for (const Indirection& indirection : reach.indirections)
        if (indirection.load == load) return false;
  return true;
}

void Compilation::emitIndex(const Step& step, Value& value) {
  const Nest& nest = compiler_.nest();
  const int axis = nest.axisOf[step.position];
  const bool isWide = step.type == WordType::Int64 || step.type == WordType::Float64;
  const WordType type = isWide ? WordType::Int64 : WordType::Int32;
  const bool isDown = compiler_.reversedAxis_ >= 0 && axis == compiler_.reversedAxis_;
  Instruction instruction;
  instruction.kind = Kind::Index;
  instruction.size = isWide ? 8 : 4;
  instruction.axis = axis;
  instruction.rate = value.rate;
  if (isDown) {
    instruction.start = nest.axes[axis] - 1;
    instruction.step = -1;
  }
  const Box& box = compiler_.box();
  for (size_t b = 0; b < box.axes.size(); b++)
    if (static_cast<int>(box.axes[b].axis) == axis) instruction.boxAxis = static_cast<int>(b);
  const bool isSteady = instruction.boxAxis >= 0 && axis != compiler_.fastAxis_;
  Register to;
  if (isSteady) {
    to = compiler_.keep(type, value.rate);
    instruction.cache = compiler_.machine_->caches++;
  } else {
    to = temporary(instruction.size, value.rate);
  }
  instruction.out = to;
  code_.body.push_back(instruction);
  code_.cost += 0.02;
  if (step.type != type) {
    Instruction cast;
    cast.rate = value.rate;
    cast.size = static_cast<uint8_t>(byteSize(step.type));
    cast.op = blockOps().cast[loops::at(type)][loops::at(step.type)];
    cast.a = to;
    cast.b = cast.c = to;
    cast.out = to = temporary(cast.size, value.rate);
    code_.body.push_back(cast);
  }
  value.at[static_cast<int>(value.rate)] = to;
}

/** Gives an instruction its operands: single elements as they are where there is a function for that. */
void Compilation::useSingles(uint32_t i, Instruction& instruction) {
  const ScalarOps& singles = scalarOps();
  const Form& form = forms_[i];
  const Opcode op = steps_[i].op;
  // Of the operands as the step has them: their sources may be the same bits of another type.
  const Step& s = steps_[i];
  const int type = loops::at(form.fused != Fused::None ? s.type : steps_[s.operands[op == Opcode::Select ? 1 : 0]].type);
  bool isSingle[3] = {false, false, false};
  for (int k = 0; k < form.operands; k++)
    isSingle[k] = isSpared(form.steps[k], instruction.rate);
  BlockOp found = nullptr;
  if (form.fused == Fused::Comparison) {
    // Both are spread.
  } else if (form.fused == Fused::WithSingles) {
    found = form.op;
  } else if (form.fused != Fused::None) {
    const int which = static_cast<int>(!isSingle[1] ? Single::C : isSingle[2] ? Single::Both : Single::B);
    if (isSingle[1] || isSingle[2]) {
      found = form.fused == Fused::MultiplyAdd        ? singles.multiplyAdd[which][type]
              : form.fused == Fused::MultiplySubtract ? singles.multiplySubtract[which][type]
                                                      : singles.subtractProduct[which][type];
    }
  } else if (form.operands > 1 && op != Opcode::Cast) {
    const int first = op == Opcode::Select ? 1 : 0, second = first + 1;
    if (op == Opcode::Select) isSingle[0] = false;
    if (isSingle[first] && isSingle[second]) isSingle[first] = false;
    if (isSingle[first]) found = singles.first[static_cast<int>(op)][type];
    if (isSingle[second]) found = singles.second[static_cast<int>(op)][type];
  }
  if (found != nullptr) instruction.op = found;
  Register names[3];
  instruction.pitch[0] = instruction.size;
  for (int k = 0; k < 3; k++) {
    if (k >= form.operands) {
      names[k] = names[0];
      continue;
    }
    const uint32_t operand = form.steps[k];
    const uint8_t size = static_cast<uint8_t>(byteSize(steps_[operand].type));
    if (found == nullptr || !isSingle[k]) {
      names[k] = at(operand, instruction.rate);
      instruction.pitch[k + 1] = size;
      instruction.rowGap[k + 1] = values_[operand].rowGap;
      if (values_[operand].rowGap != 0) instruction.kind = Kind::ComputeRows;
    } else if (rates_[operand] == Rate::Row) {
      names[k] = at(operand, Rate::Row);
      instruction.rowGap[k + 1] = size;
      instruction.kind = Kind::ComputeRows;
    } else {
      names[k] = at(operand, Rate::Block);
    }
  }
  instruction.a = names[0];
  instruction.b = names[1];
  instruction.c = names[2];
}

void Compilation::emit(uint32_t i) {
  const Step& s = steps_[i];
  Value& value = values_[i];
  const auto given = [&](const Operand& operand) {
    value.rate = operand.rate;
    value.at[static_cast<int>(operand.rate)] = operand.name;
  };
  const auto constant = [&](Bits bits) {
    value.isConstant = true;
    value.type = s.type;
    value.bits = bits;
    value.at[0] = compiler_.constant(s.type, bits, false);
  };
  switch (s.op) {
    case Opcode::Const:
      return constant(s.value);
    case Opcode::Param: {
      const auto found = compiler_.params_.find(s.position);
      if (found != compiler_.params_.end()) {
        value.at[0] = found->second;
        return;
      }
      Instruction instruction;
      instruction.kind = Kind::Param;
      instruction.size = static_cast<uint8_t>(byteSize(s.type));
      instruction.axis = static_cast<int>(s.position);
      instruction.out = value.at[0] = compiler_.params_[s.position] = compiler_.keep(s.type, Rate::Call);
      compiler_.machine_->prologue.push_back(instruction);
      return;
    }
    case Opcode::State: return given(leaves_.states[s.position]);
    case Opcode::Other: return given(leaves_.others[s.position]);
    case Opcode::Kept: return given(leaves_.kept[s.position]);
    case Opcode::Load: {
      Value& load = loads_[s.position];
      if (load.at[static_cast<int>(load.rate)] == kNoRegister) emitLoad(s.position, load, s.type);
      value = load;
      return;
    }
    case Opcode::Index: {
      value.rate = rates_[i];
      if (compiler_.nest().axisOf[s.position] < 0) {
        return constant(Bits{});
      }
      return emitIndex(s, value);
    }
    default: break;
  }
  const Form& form = forms_[i];
  value.rate = rates_[i];
  Instruction instruction;
  instruction.rate = value.rate;
  instruction.size = static_cast<uint8_t>(byteSize(s.type));
  instruction.op = form.op;
  useSingles(i, instruction);
  Register& there = value.at[static_cast<int>(value.rate)];
  if (value.rate == Rate::Call) {
    instruction.out = there = compiler_.keep(s.type, Rate::Call);
    compiler_.machine_->prologue.push_back(instruction);
    return;
  }
  instruction.out = there = temporary(instruction.size, value.rate);
  if (value.rate == Rate::Full) {
    instruction.cost = static_cast<float>(costOfInstruction(s.op, steps_[form.steps[0]].type));
    code_.cost += instruction.cost;
  }
  code_.body.push_back(instruction);
}

Code Compilation::compile(std::vector<Register>* held) {
  findUses();
  findRates();
  findForms();
  values_.resize(steps_.size());
  for (uint32_t i = 0; i < steps_.size(); i++)
    if (isNeeded_[i]) emit(i);
  std::vector<const Sink*> into;
  std::vector<Register> holds;
  for (const Sink& sink : sinks_) {
    if (sink.kind == Sink::Kind::Into) into.push_back(&sink);
  }
  for (const Sink& sink : sinks_) {
    if (sink.kind != Sink::Kind::Store) continue;
    const Nest& nest = compiler_.nest();
    const Reach& reach = nest.stores[sink.store];
    Instruction instruction;
    instruction.kind = Kind::Store;
    instruction.rate = sink.rate;
    instruction.view = compiler_.viewOf(sink.store, true, sink.rate, steps_[sink.step].type);
    addCoordinates(instruction.view, reach, sink.rate);
    instruction.a = at(source(sink.step), sink.rate);
    instruction.size = static_cast<uint8_t>(byteSize(steps_[sink.step].type));
    code_.body.push_back(instruction);
    code_.cost += costOfTransfer(compiler_.machine_->views[instruction.view]);
  }
  // Copies into registers come before stores, so stores go last.
  if (!into.empty()) sinkInto(into);
  for (const Sink& sink : sinks_)
    if (sink.kind == Sink::Kind::Hold) holds.push_back(at(source(sink.step), sink.rate));
  std::stable_partition(code_.body.begin(), code_.body.end(),
                        [](const Instruction& instruction) { return instruction.kind != Kind::Store; });
  bindStores();
  placeTemporaries(holds);
  if (held != nullptr) held->insert(held->end(), holds.begin(), holds.end());
  return std::move(code_);
}

Code Compiler::compile(const Expression& expression, const Leaves& leaves, const std::vector<Sink>& sinks,
                       std::vector<Register>* held) {
  return Compilation(*this, expression, leaves, sinks).compile(held);
}

}  // namespace flambeau::loops
