// Stages over rows that stay in cache. Also reductions whose states are folds of a row.
#pragma once
#include "plans.h"
#include "states.h"

namespace flambeau::loops {

/** `nest.outer` axes are kept, the rest make up the row. */
std::unique_ptr<Kernel> planRowStages(Nest nest, const std::vector<RowStage>& stages, const Expression& values);

}  // namespace flambeau::loops
