// The stores of a contraction, evaluated on finished sums: bias, activation, residual.
#pragma once
#include <memory>

#include "../program/kernel.h"

namespace flambeau {

class Epilogue {
 public:
  virtual ~Epilogue() = default;
  /**
   * Evaluates and stores one row: `outer` holds the indices of the batch and m axes, `first` and `count` a
   * stretch of the flattened n axes, `sums` that many neighbours of the accumulator's type (float32,
   * float64 or an integer value type). Any thread may call it.
   */
  virtual void run(const Call& call, const int64_t* outer, int64_t first, int64_t count,
                   const void* sums) const = 0;
};

/** Whether the only store puts the bare sum where it belongs, so that no epilogue is needed. */
bool isBareSum(const ContractSpec& spec);
std::unique_ptr<Epilogue> planEpilogue(const ContractSpec& spec);

}  // namespace flambeau
