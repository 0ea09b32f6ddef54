// Planners of the kinds of loop kernels. Axes have at least one element, but for reduced ones.
#pragma once
#include <memory>

#include "../program/kernel.h"

namespace flambeau::loops {

std::unique_ptr<Kernel> planMap(const LoopSpec& spec);
std::unique_ptr<Kernel> planReduce(const LoopSpec& spec);
std::unique_ptr<Kernel> planScan(const LoopSpec& spec);

}  // namespace flambeau::loops
