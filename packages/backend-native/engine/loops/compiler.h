// From expressions to code of the block interpreter: rates, registers, fused instructions, and stores that
// need no copy.
#pragma once
#include <map>

#include "machine.h"

namespace flambeau::loops {

/** A value that somebody else keeps. */
struct Operand {
  Register name = kNoRegister;
  Rate rate = Rate::Full;
  WordType type = WordType::Float32;
};

/** What leaves of an expression stand for. */
struct Leaves {
  std::vector<Operand> states, others, kept;
};

/** What happens to a result of an expression: it is stored, it becomes a register's new value, or the code
 * leaves it in a register for whoever asks. */
struct Sink {
  enum class Kind { Store, Into, Hold } kind;
  uint32_t step;  // which step of the expression
  uint32_t store = 0;
  Operand into;
  Rate rate = Rate::Full;  // of a held value
};

class Compiler {
 public:
  /** `fastAxis`: the axis that moves from block to block, or -1; what does not vary along it is kept. With
   * `reversedAxis` index leaves of that axis count down. */
  Compiler(Nest nest, Box box, int fastAxis, int reversedAxis = -1);

  /** Registers that the driver points at memory of its own. */
  Register external();
  /** A register that keeps its place, with room for a value of this rate. */
  Register keep(WordType type, Rate rate);
  /** Appends where `held` values are, in the order of their sinks. */
  Code compile(const Expression& expression, const Leaves& leaves, const std::vector<Sink>& sinks,
               std::vector<Register>* held = nullptr);
  std::unique_ptr<Machine> finish();

  const Nest& nest() const { return machine_->nest; }
  const Box& box() const { return machine_->box; }
  /** Elements of a block for each index of its first axis; 0 where an inner axis is ranged. */
  int64_t columns() const;

 private:
  friend class Compilation;
  struct Room {
    int64_t bytes = 0;
    bool isTemporary = false;
  };
  Register add(Place::Kind kind, int64_t bytes, bool isTemporary);
  /** One element, or as many as a block has. */
  Register constant(WordType type, Bits bits, bool isLong);
  int64_t bytesOf(int size, Rate rate) const;
  int viewOf(uint32_t reach, bool isStore, Rate rate, WordType value);
  Rate rateOf(const Reach& reach) const;

  std::unique_ptr<Machine> machine_;
  int fastAxis_, reversedAxis_;
  std::vector<Room> rooms_;  // of registers
  std::vector<size_t> firstCheckSlots_;
  std::map<std::pair<int, uint64_t>, Register> constants_;  // by type (and whether they are long) and bits
  std::map<uint32_t, Register> params_;
  int64_t keptBytes_ = 0, temporaryBytes_ = 0;
};

}  // namespace flambeau::loops
