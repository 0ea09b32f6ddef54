// What a program says, decoded and checked: plain data, in the terms of core/src/compiler/kernel.ts. Planners
// (loops/, contract/, routines/) turn it into something that runs. Strides and offsets are in elements.
#pragma once
#include <string>
#include <variant>
#include <vector>

#include "../base.h"

namespace flambeau {

/**
 * `q = (base + sum(coefficients * indices)) / divisor`. The element exists where the division is exact and
 * 0 <= q < size; then its address grows by stride * q.
 */
struct Guard {
  int64_t base = 0, divisor = 1, size = 0, stride = 0;
  std::vector<int64_t> coefficients;  // one per axis
};

/** The address grows by stride * (value of an earlier integer load), which must lie in 0 … size-1. */
struct Indirection {
  uint32_t load = 0;
  int64_t size = 0, stride = 0;
  bool wraps = false;  // values from -size count from the end
};

struct Access {
  uint32_t operand = 0;  // inputs for loads, outputs for stores
  WordType type = WordType::Float32;
  int64_t offset = 0;
  std::vector<int64_t> strides;  // one per axis
  std::vector<Guard> guards;
  std::vector<Indirection> indirections;
};

struct Load : Access {
  Bits fill;  // of the value type; where a guard fails
};

struct Store : Access {
  Combine combine = Combine::Set;
};

/** One step of an expression in straight-line form; operands are earlier steps. */
struct Step {
  Opcode op = Opcode::Const;
  WordType type = WordType::Float32;  // of the result; a value type
  uint32_t operands[3] = {0, 0, 0};   // as many as the opcode has; select: condition, x, y
  uint32_t position = 0;              // of a leaf: which load, param, axis, state, kept value
  Bits value;                         // of a const
};

struct Expression {
  std::vector<Step> steps;
  std::vector<uint32_t> results;  // positions of the root values
};

struct State {
  WordType type = WordType::Float32;
  Bits initial;
};

/** What all kernels of loops have. */
struct LoopsCommon {
  std::vector<int64_t> axes;  // lengths, outermost first; may be 0
  std::vector<Load> loads;
  std::vector<WordType> params;
  std::vector<Store> stores;
  Expression values;  // one result per store
};

/** map, reduce, scan. */
struct LoopSpec : LoopsCommon {
  KernelKind kind = KernelKind::Map;
  uint32_t reduced = 0;     // axes from the end; of a scan 1
  bool isReversed = false;  // of a scan
  std::vector<State> states;
  Expression step;   // one result per state: next state from `state` leaves, loads, params, indices
  Expression merge;  // one result per state, from `state` (earlier) and `other` (later); reduce only
};

/** One walk over the row: keeps values for later stages and for stores, and folds into states. */
struct RowStage {
  std::vector<State> states;  // numbered on from those of earlier stages
  Expression kept;            // values kept for each element; numbered on from earlier stages
  Expression step;            // one result per state of this stage; may read `kept` of this stage
  Expression merge;           // `state`/`other` leaves carry the overall numbers
};

/** Stages over rows that stay in cache; at last the stores, of which some have one element per row. */
struct RowsSpec : LoopsCommon {
  uint32_t row = 1;  // axes from the end that make up a row
  std::vector<RowStage> stages;
};

/** out[batch, m, n] = sum over k of a[batch, m, k] * b[batch, n, k]; loads 0 and 1 are a and b. */
struct ContractSpec : LoopsCommon {
  uint32_t batch = 0, m = 0, n = 0, k = 0;  // how many of the axes are each
  WordType accumulator = WordType::Float32;
  bool allowsBfloat16 = false;  // matmulPrecision("bfloat16")
};

struct RoutineOperand {
  WordType type = WordType::Float32;
  std::vector<int64_t> shape;
  std::vector<int64_t> strides;  // none negative; empty where contiguous
};

/** What no loop nest says well, by name. */
struct RoutineSpec {
  std::string name;
  std::vector<RoutineOperand> inputs, outputs;
  std::vector<double> attributes;
};

using KernelSpec = std::variant<LoopSpec, RowsSpec, ContractSpec, RoutineSpec>;

}  // namespace flambeau
