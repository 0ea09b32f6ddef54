// A kernel that is ready to run, and what it gets when it does.
#pragma once
#include <atomic>
#include <memory>

#include "spec.h"

namespace flambeau {

/** One call: addresses of element 0 of each operand (the call's offset included) and run-time numbers. */
struct Call {
  char* const* inputs = nullptr;
  char* const* outputs = nullptr;
  const Bits* params = nullptr;           // already of the params' value types
  /** Set by any thread that meets an index out of range; the element counts as missing. */
  std::atomic<bool>* badIndex = nullptr;
};

class Kernel {
 public:
  virtual ~Kernel() = default;
  /** Runs to the end, on as many threads as pay. Throws only Error, and only for lack of memory. */
  virtual void run(const Call& call) const = 0;
};

/** Planners. They trust that indices in the spec are in range (the decoder checks), and nothing else. */
std::unique_ptr<Kernel> planLoops(LoopSpec spec);        // loops/
std::unique_ptr<Kernel> planRows(RowsSpec spec);         // loops/
std::unique_ptr<Kernel> planContract(ContractSpec spec); // contract/
/** Null where the engine has no such routine for these operands. */
std::unique_ptr<Kernel> planRoutine(RoutineSpec spec);   // routines/
/** Names of the routines that the engine has; null ends the list. */
extern const char* const routineNames[];

}  // namespace flambeau
