// States of reductions and scans: folds that one operation says, initial values, and joining partial states.
#pragma once
#include <vector>

#include "compiler.h"
#include "grid.h"

namespace flambeau::loops {

/** How many operands a step reads, as far as they may lead to leaves. */
inline int operandsOf(const Step& step) {
  if (step.op >= Opcode::Const) return 0;
  if (step.op == Opcode::Select) return 3;
  return step.op <= Opcode::Erf || step.op == Opcode::Cast || step.op == Opcode::Bitcast ? 1 : 2;
}

/** `state = fold(state, value)`, where the value depends on no state. */
struct FoldTerm {
  Fold fold;
  uint32_t value;  // a step
  WordType type;
};

/** Whether the value of a sum is the square of a difference: `x` and `centre` are its steps. */
bool isSquare(const Expression& e, const FoldTerm& term, uint32_t& x, uint32_t& centre);

/** The terms of `step`, one per state from number `first` on, if each is a fold; else empty. With `merge` the
 * partial states must meet in the same way, and the initial ones be neutral. */
std::vector<FoldTerm> findFolds(const std::vector<State>& states, uint32_t first, const Expression& step,
                                const Expression* merge);

/** Where the states of a number of lanes lie, one array after another. */
class StateLayout {
 public:
  StateLayout(const std::vector<State>& states, int64_t lanes);
  int64_t bytes() const { return bytes_; }
  size_t count() const { return offsets_.size(); }
  char* at(char* memory, size_t state) const { return memory + offsets_[state]; }
  int size(size_t state) const { return sizes_[state]; }
  void fill(char* memory, int64_t lanes) const;

 private:
  std::vector<int64_t> offsets_;
  std::vector<int> sizes_;
  std::vector<Bits> initial_;
  int64_t bytes_ = 0;
};

/** Joins partial states. */
class Merger {
 public:
  /** `first`: the number of the first of these states in `merge`. */
  Merger(const std::vector<State>& states, uint32_t first, const Expression& merge);
  int64_t frameBytes() const { return machine_->layout.end; }
  size_t count() const { return states_.size(); }

  /** The first `lanes` of `states` take in those of `others`; addresses by state. */
  void merge(Frame& frame, char* const* states, char* const* others, int64_t lanes) const;
  /** Brings `parts` groups of `lanes` neighbours down to the first group, in a tree. */
  void mergeGroups(Frame& frame, char* const* states, int64_t parts, int64_t lanes) const;
  const Machine& machine() const { return *machine_; }

 private:
  std::unique_ptr<Machine> machine_;
  Code code_;
  std::vector<Register> states_, others_;
  std::vector<int> sizes_;
};

constexpr size_t kMostStates = 16;

}  // namespace flambeau::loops
