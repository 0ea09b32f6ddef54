// Planners of loop kernels by kind.
#include "plans.h"

namespace flambeau {
namespace {

class NothingToDo : public Kernel {
 public:
  void run(const Call&) const override {}
};

}  // namespace

std::unique_ptr<Kernel> planLoops(LoopSpec spec) {
  const size_t inner = spec.kind == KernelKind::Reduce ? spec.reduced : 0;
  for (size_t axis = 0; axis + inner < spec.axes.size(); axis++)
    if (spec.axes[axis] == 0) return std::make_unique<NothingToDo>();
  switch (spec.kind) {
    case KernelKind::Reduce: return loops::planReduce(spec);
    case KernelKind::Scan: return loops::planScan(spec);
    default: return loops::planMap(spec);
  }
}

}  // namespace flambeau
