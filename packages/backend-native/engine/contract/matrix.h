// A contraction seen as batches of plain matrix products: what matrix-plan.cpp finds and what the products
// (matrix-product, integer-product, bfloat16-product) run.
#pragma once
#include <memory>
#include <vector>

#include "../loops/epilogue.h"
#include "../program/kernel.h"

namespace flambeau {

/** Where the elements of one group of axes lie, by flattened index; in elements. */
struct Line {
  int64_t length = 1;
  int64_t stride = 0;            // between neighbours, where one number says it all
  std::vector<int64_t> offsets;  // else of each element
  bool isEven() const { return offsets.empty(); }
  int64_t at(int64_t i) const { return isEven() ? stride * i : offsets[i]; }
  /** How many from `first`, at most `most`, lie at one stride; which one goes to `step`. */
  int64_t evenRun(int64_t first, int64_t most, int64_t& step) const;
};

/** One factor: `outer` is m of a, n of b. */
struct Factor {
  uint32_t operand = 0;
  WordType type = WordType::Float32;
  int64_t offset = 0;
  Line outer, k;
  std::vector<int64_t> batch;  // strides
};

/** One number per column or per row, added to the sums. */
struct Bias {
  bool isThere = false;
  uint32_t operand = 0;
  int64_t offset = 0, stride = 0;
  std::vector<int64_t> batch;
};

struct MatrixProblem {
  std::vector<int64_t> batch;  // lengths
  int64_t count = 1;           // of products
  int64_t m = 1, n = 1, k = 1;
  WordType accumulator = WordType::Float32;
  bool allowsBfloat16 = false;
  Factor a, b;

  /** Sums go straight to where `row` says; neighbours along n are neighbours there. */
  bool isDirect = false;
  uint32_t output = 0;
  int64_t outputOffset = 0;
  Line row;
  std::vector<int64_t> outputBatch;
  Bias columnBias, rowBias;  // columnBias has stride 1

  /** Or through the epilogue, row by row. */
  std::unique_ptr<Epilogue> epilogue;
  bool isOrdered = false;  // rows must be stored one after another
  /** Lengths of the axes that make up a row index, and of the batch; where they stand among the outer axes. */
  std::vector<int64_t> rowAxes;
  std::vector<uint32_t> rowPlaces, batchPlaces;

  /** Of product `index`: offsets into a, b, the output and the biases. */
  struct Place {
    int64_t a = 0, b = 0, output = 0, columnBias = 0, rowBias = 0;
  };
  Place placeOf(int64_t index) const;
  /** Runs the epilogue on a stretch of one row. */
  void finishRow(const Call& call, int64_t product, int64_t row, int64_t first, int64_t count,
                 const void* sums) const;
};

/** The problem, or null where a factor is guarded or indirect, or where its tables would be too large.
 * `mayUseTables`: whether groups that do not collapse to one stride are welcome. */
std::unique_ptr<MatrixProblem> planMatrix(const ContractSpec& spec, bool mayUseTables);

/** Whether surely no two indices store to the same element: each stride outreaches all smaller ones together. */
bool isInjective(const ContractSpec& spec, const Store& store);

/** The same contraction with m and n, and the factors, exchanged. */
ContractSpec exchangeRoles(const ContractSpec& spec);

std::unique_ptr<Kernel> planFloatProduct(std::unique_ptr<MatrixProblem> problem);    // float32 and float64
std::unique_ptr<Kernel> planIntegerProduct(std::unique_ptr<MatrixProblem> problem);  // int32 and int64
/** Null where this build or this machine has no such unit, or where it does not pay. */
std::unique_ptr<Kernel> planBfloat16Product(std::unique_ptr<MatrixProblem>& problem);

}  // namespace flambeau
