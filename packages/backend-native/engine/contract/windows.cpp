// Convolutions: which kernel serves a contraction that reads an image through windows.
#include "windows.h"

#include "windows-blocks.h"

namespace flambeau {

std::unique_ptr<Kernel> planWindows(const ContractSpec& spec) {
  Convolution convolution;
  if (!readConvolution(spec, convolution)) return nullptr;
  if (convolution.isWeightGradient) {
    if (auto kernel = planSmallWeightGradient(spec, convolution)) return kernel;
    return planWeightGradient(spec, std::move(convolution));
  }
  if (auto kernel = planWinograd(spec, convolution)) return kernel;
  return planGather(spec, convolution, nullptr);
}

}  // namespace flambeau
