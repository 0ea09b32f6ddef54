// Reads expressions and checks their types: where evaluate.ts gives an instruction a meaning of its own.
#include "decode.h"

namespace flambeau {
namespace {

constexpr bool isUnary(Opcode op) { return op <= Opcode::Erf; }
constexpr bool isBinary(Opcode op) { return op >= Opcode::Add && op <= Opcode::ShrU; }
constexpr bool isLeaf(Opcode op) { return op >= Opcode::Load; }

constexpr bool givesBool(Opcode op) {
  return op == Opcode::Not || (op >= Opcode::Eq && op <= Opcode::Or);
}

/** Roots, exponentials and the like: of floats only. */
constexpr bool isContinuous(Opcode op) {
  return (op >= Opcode::Sqrt && op <= Opcode::Erf) || op == Opcode::Atan2;
}

/** Not of floats. */
constexpr bool isBitwise(Opcode op) {
  return op == Opcode::BitNot || (op >= Opcode::BitAnd && op <= Opcode::ShrU);
}

constexpr bool isFloat(WordType type) { return type == WordType::Float32 || type == WordType::Float64; }

constexpr bool isBitcast(WordType from, WordType to) {
  return (from == WordType::Int32 && to == WordType::Float32) || (from == WordType::Float32 && to == WordType::Int32) ||
         (from == WordType::Int64 && to == WordType::Float64) || (from == WordType::Float64 && to == WordType::Int64);
}

[[noreturn]] void wrongType(const Step& step, size_t at) {
  malformed(std::string("step ") + std::to_string(at) + " (" + kOpcodeNames[static_cast<int>(step.op)] +
            ") is not defined on these types");
}

WordType leafType(const Step& step, const Leaves& leaves) {
  const uint32_t at = step.position;
  const auto require = [&](bool exists) {
    const char* const name = kOpcodeNames[static_cast<int>(step.op)];
    if (!exists) malformed(std::string("there is no ") + name + std::to_string(at) + " here");
  };
  switch (step.op) {
    case Opcode::Load:
      require(leaves.hasElements && at < leaves.loops->loads.size());
      return valueType(leaves.loops->loads[at].type);
    case Opcode::Param:
      require(at < leaves.loops->params.size());
      return leaves.loops->params[at];
    case Opcode::Index:
      require(leaves.hasElements && at < leaves.loops->axes.size());
      return WordType::Int32;
    case Opcode::State:
      require(at < leaves.stateEnd);
      return (*leaves.states)[at];
    case Opcode::Other:
      require(at >= leaves.otherStart && at < leaves.otherEnd);
      return (*leaves.states)[at];
    default:
      require(at < leaves.keptEnd);
      return (*leaves.kept)[at];
  }
}

/** Whether the step's own type and those of its operands fit its opcode. */
bool isTyped(const Step& step, const std::vector<Step>& steps) {
  const auto operand = [&](int i) { return steps[step.operands[i]].type; };
  const WordType first = operand(0);
  if (step.op == Opcode::Cast) return true;
  if (step.op == Opcode::Bitcast) return isBitcast(first, step.type);
  if (step.op == Opcode::Select) return first == WordType::Bool && operand(1) == step.type && operand(2) == step.type;
  if (isBinary(step.op) && operand(1) != first) return false;
  if (isFloat(first) ? isBitwise(step.op) : isContinuous(step.op)) return false;
  return step.type == (givesBool(step.op) ? WordType::Bool : first);
}

void requireCanonical(const Step& step) {
  if (step.type == WordType::Bool && step.value.word > 1) malformed("a bool that is neither 0 nor 1");
}

}  // namespace

int operandCount(Opcode op) {
  if (op == Opcode::Select) return 3;
  if (isBinary(op)) return 2;
  return isUnary(op) || op == Opcode::Cast || op == Opcode::Bitcast ? 1 : 0;
}

Expression decodeExpression(Reader& reader, const Leaves& leaves, size_t results) {
  Expression expression;
  const uint32_t count = reader.count(2, "steps");
  if (count > format::kMaxSteps) malformed("an expression is too long");
  expression.steps.resize(count);
  for (uint32_t at = 0; at < count; at++) {
    Step& step = expression.steps[at];
    const uint32_t head = reader.word();
    if (head % 256 >= kOpcodeCount || head / 256 >= kWordTypeCount) malformed("an opcode or type does not exist");
    step.op = static_cast<Opcode>(head % 256);
    step.type = static_cast<WordType>(head / 256);
    if (valueType(step.type) != step.type) malformed("a step of a type that registers do not hold");
    if (step.op == Opcode::Const) {
      step.value = reader.bits();
      requireCanonical(step);
    } else if (isLeaf(step.op)) {
      step.position = reader.word();
      if (leafType(step, leaves) != step.type) wrongType(step, at);
    } else {
      for (int i = 0; i < operandCount(step.op); i++) step.operands[i] = reader.below(at, "operand");
      if (!isTyped(step, expression.steps)) wrongType(step, at);
    }
  }
  const uint32_t found = reader.count(1, "results");
  if (found != results && results != kAnyCount) malformed("an expression has too few or too many results");
  expression.results.resize(found);
  for (uint32_t& result : expression.results) result = reader.below(count, "result");
  return expression;
}

}  // namespace flambeau
