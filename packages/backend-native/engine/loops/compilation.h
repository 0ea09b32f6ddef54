// One expression on its way to code: what compilation.cpp (steps to instructions), forms.cpp (which
// instructions) and places.cpp (where results lie) share. Not for others.
#pragma once
#include "compiler.h"

namespace flambeau::loops {

/** Elements of a row from which an instruction for each row is faster than making a block of what rows have. */
constexpr int64_t kLongRow = 48;

inline int operandCount(Opcode op) {
  if (op <= Opcode::Erf) return 1;
  if (op <= Opcode::ShrU) return 2;
  if (op == Opcode::Select) return 3;
  return op == Opcode::Cast || op == Opcode::Bitcast ? 1 : 0;
}

inline bool isFloat(WordType type) { return type == WordType::Float32 || type == WordType::Float64; }
inline int at(WordType type) { return static_cast<int>(type); }

enum class Fused : uint8_t { None, MultiplyAdd, MultiplySubtract, SubtractProduct, Comparison, WithSingles };

/** What a step came to: an instruction with operands that are steps, or a leaf. */
struct Form {
  BlockOp op = nullptr;
  int operands = 0;
  uint32_t steps[3] = {0, 0, 0};
  Fused fused = Fused::None;
};

class Compilation {
 public:
  Compilation(Compiler& compiler, const Expression& expression, const Leaves& leaves, const std::vector<Sink>& sinks)
      : compiler_(compiler), steps_(expression.steps), leaves_(leaves), sinks_(sinks) {}

  Code compile(std::vector<Register>* held);

 private:
  struct Value {
    Rate rate = Rate::Call;
    bool isConstant = false;
    WordType type = WordType::Float32;  // of constants
    Bits bits;
    Register at[kRates] = {kNoRegister, kNoRegister, kNoRegister, kNoRegister};
    int64_t rowGap = 0;  // where rows lie apart: bytes between them
  };

  void findUses();
  void findRates();
  void findForms();
  bool fuse(uint32_t step);
  bool fuseSigmoid(uint32_t step);
  bool fuseGelu(uint32_t step);
  bool fuseDifference(uint32_t step);
  bool isSpared(uint32_t step, Rate rate) const;
  bool fuseComparison(uint32_t step);
  bool isNaNTest(uint32_t step, uint32_t& of) const;
  bool isTrue(uint32_t step) const;
  bool isNatural(uint32_t step, int depth) const;
  bool isSingle(uint32_t step, Opcode op) const { return steps_[step].op == op && uses_[step] == 1; }
  bool isConstant(uint32_t step, double value) const;
  bool isOne(uint32_t step) const { return isConstant(step, 1); }
  uint32_t source(uint32_t step) const;
  Rate leafRate(const Step& step) const;

  void emit(uint32_t step);
  bool isComputedWith(uint32_t load) const;
  void useSingles(uint32_t step, Instruction& instruction);
  void emitLoad(uint32_t load, Value& value, WordType type);
  void emitIndex(const Step& step, Value& value);
  Register coordinate(uint32_t load, Rate rate);
  void addCoordinates(int view, const Reach& reach, Rate rate);
  Register at(uint32_t step, Rate rate) { return spread(values_[step], rate, byteSize(steps_[step].type)); }
  Register spread(Value& value, Rate rate, int size);
  Register temporary(int size, Rate rate) {
    return compiler_.add(Place::Kind::Frame, compiler_.bytesOf(size, rate), true);
  }
  void sinkInto(const std::vector<const Sink*>& sinks);
  void bindStores();
  std::vector<int> producersOf(const std::vector<Instruction>& body) const;
  bool isNeighbour(const Instruction& load) const;
  void placeTemporaries(const std::vector<Register>& held);
  template <class Visit> void forEachRead(const Instruction& instruction, const Visit& visit) const;

  Compiler& compiler_;
  const std::vector<Step>& steps_;
  const Leaves& leaves_;
  const std::vector<Sink>& sinks_;
  std::vector<Rate> rates_;
  std::vector<int> uses_;
  std::vector<bool> isNeeded_;  // by sinks, then by forms
  std::vector<Form> forms_;
  std::vector<Value> values_;
  std::map<uint32_t, Value> loads_;  // by load: an expression may name one twice, and coordinates do
  Code code_;
};

template <class Visit>
void Compilation::forEachRead(const Instruction& instruction, const Visit& visit) const {
  if (instruction.computes()) {
    visit(instruction.a);
    visit(instruction.b);
    visit(instruction.c);
  } else if (instruction.a != kNoRegister) {
    visit(instruction.a);
  }
  if (instruction.view < 0) return;
  for (const CoordinateRegister& coordinate : compiler_.machine_->views[instruction.view].coordinates)
    visit(coordinate.values);
}

}  // namespace flambeau::loops
