// The table of routines: a name and who plans it.
#include "attention.h"
#include "routines.h"

#define FLAMBEAU_ROUTINES(X)                    \
  X("attention", planAttention)                 \
  X("attentionGradient", planAttentionGradient) \
  X("sort", planSort)                           \
  X("randomPermutation", planPermutation)       \
  X("kth", planStatistic)                       \
  X("median", planStatistic)                    \
  X("nanmedian", planStatistic)                 \
  X("mode", planStatistic)                      \
  X("searchsorted", planSearch)                 \
  X("nonzero", planNonzero)                     \
  X("unique", planUnique)                       \
  X("histogram", planHistogram)

namespace flambeau {

#define FLAMBEAU_NAME(name, plan) name,
extern const char* const routineNames[] = {FLAMBEAU_ROUTINES(FLAMBEAU_NAME) nullptr};
#undef FLAMBEAU_NAME

std::unique_ptr<Kernel> planRoutine(RoutineSpec spec) {
  // Of all routines attention alone reads operands as they lie.
  const bool mayBeStrided = spec.name.compare(0, 9, "attention") == 0;
  for (const RoutineOperand& input : spec.inputs) {
    if (!mayBeStrided && !input.strides.empty()) return nullptr;
  }
#define FLAMBEAU_PLAN(known, plan) \
  if (spec.name == known) return plan(spec);
  FLAMBEAU_ROUTINES(FLAMBEAU_PLAN)
#undef FLAMBEAU_PLAN
  return nullptr;
}

}  // namespace flambeau
