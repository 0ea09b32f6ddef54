// Routines by name, and what their planners share. plan.cpp holds the table: a new routine is a planner and a
// line there.
#pragma once
#include <memory>

#include "../program/kernel.h"

namespace flambeau {

// Planners: null where the engine has no kernel for the operands.

/** Input rows; outputs the first elements of each sorted row and where they stood. Attributes: descending. */
std::unique_ptr<Kernel> planSort(const RoutineSpec& spec);
/** Input int32 words; output their order, which is a random permutation. */
std::unique_ptr<Kernel> planPermutation(const RoutineSpec& spec);
/** kth, median, nanmedian, mode. Input rows; outputs one element of each and where it stood. Attributes: rank. */
std::unique_ptr<Kernel> planStatistic(const RoutineSpec& spec);
/** Inputs a sorted sequence, values (, a sorter); output places. Attributes: whether behind equal elements. */
std::unique_ptr<Kernel> planSearch(const RoutineSpec& spec);
/** Output coordinates of what is not 0. Attributes: what fills the rest. */
std::unique_ptr<Kernel> planNonzero(const RoutineSpec& spec);
/** Input rows; outputs distinct rows, which of them each is, how often each occurs, how many there are.
 * Attributes: whether neighbours alone are compared. */
std::unique_ptr<Kernel> planUnique(const RoutineSpec& spec);
/** Inputs values (, edges) (, weights); outputs counts and edges. Attributes: low, high, whether edges are an
 * operand, whether bins are found by division. */
std::unique_ptr<Kernel> planHistogram(const RoutineSpec& spec);

inline int64_t sizeOf(const RoutineOperand& operand) {
  int64_t size = 1;
  for (int64_t length : operand.shape) size *= length;
  return size;
}

/** Calls visit(T()) with the C++ type of elements; false for halves, which routines get as float32. */
template <class Visit> bool withElementType(WordType type, Visit&& visit) {
  switch (type) {
    case WordType::Bool:
    case WordType::Uint8: return visit(uint8_t()), true;
    case WordType::Int8: return visit(int8_t()), true;
    case WordType::Int16: return visit(int16_t()), true;
    case WordType::Uint16: return visit(uint16_t()), true;
    case WordType::Int32: return visit(int32_t()), true;
    case WordType::Int64: return visit(int64_t()), true;
    case WordType::Float32: return visit(float()), true;
    case WordType::Float64: return visit(double()), true;
    default: return false;
  }
}

/** How many of `units`, each of about `cost` nanoseconds, make a chunk that is worth a thread's while. */
inline int64_t unitsPerChunk(int64_t cost) {
  constexpr int64_t kWorthwhile = 40000;
  return cost >= kWorthwhile ? 1 : kWorthwhile / (cost < 1 ? 1 : cost);
}

}  // namespace flambeau
