// Products that are summed in int32 or int64: wrapping, exact in any order. Plain loops over blocks.
#include <algorithm>
#include <type_traits>

#include "../runtime/threads.h"
#include "factor.h"

namespace flambeau {
namespace {

constexpr int64_t kRows = 64, kColumns = 256, kDepth = 256;

template <class T>
class IntegerProduct final : public Kernel {
 public:
  explicit IntegerProduct(std::unique_ptr<MatrixProblem> from) : problem(std::move(from)) {}

  void run(const Call& call) const override {
    const MatrixProblem& p = *problem;
    if (p.m == 0 || p.n == 0) return;
    const int64_t rows = (p.m + kRows - 1) / kRows;
    const auto chunk = [&](int64_t index) { block(call, index / rows, index % rows * kRows); };
    if (p.isOrdered || p.m * p.n * p.count * (p.k + 1) < (1 << 18)) {
      for (int64_t index = 0; index < p.count * rows; index++) chunk(index);
    } else {
      parallelFor(p.count * rows, chunk);
    }
  }

 private:
  using Wrapping = std::make_unsigned_t<T>;

  /** Some rows of one product, all columns. */
  void block(const Call& call, int64_t index, int64_t first) const {
    const MatrixProblem& p = *problem;
    const auto place = p.placeOf(index);
    const char* a = call.inputs[p.a.operand] + place.a * byteSize(p.a.type);
    const char* b = call.inputs[p.b.operand] + place.b * byteSize(p.b.type);
    const int64_t rows = std::min(kRows, p.m - first);
    T* left = static_cast<T*>(scratch(Scratch::PackA, kRows * kDepth * sizeof(T)));
    T* right = static_cast<T*>(scratch(Scratch::PackB, kColumns * kDepth * sizeof(T)));
    T* sums = static_cast<T*>(scratch(Scratch::Tile, rows * p.n * sizeof(T)));
    std::fill_n(sums, rows * p.n, T(0));
    for (int64_t k = 0; k < p.k; k += kDepth) {
      const int64_t depth = std::min(kDepth, p.k - k);
      readFactor<T>(p.a, a, first, rows, k, depth, left, depth);
      for (int64_t j = 0; j < p.n; j += kColumns) {
        const int64_t columns = std::min(kColumns, p.n - j);
        readFactor<T>(p.b, b, j, columns, k, depth, right, depth);
        for (int64_t r = 0; r < rows; r++) {
          addDots(left + r * depth, right, columns, depth, sums + r * p.n + j);
        }
      }
    }
    for (int64_t r = 0; r < rows; r++) p.finishRow(call, index, first + r, 0, p.n, sums + r * p.n);
  }

  static void addDots(const T* a, const T* b, int64_t columns, int64_t depth, T* sums) {
    for (int64_t j = 0; j < columns; j++, b += depth) {
      Wrapping sum = static_cast<Wrapping>(sums[j]);
      for (int64_t p = 0; p < depth; p++) sum += static_cast<Wrapping>(a[p]) * static_cast<Wrapping>(b[p]);
      sums[j] = static_cast<T>(sum);
    }
  }

  const std::unique_ptr<MatrixProblem> problem;
};

}  // namespace

std::unique_ptr<Kernel> planIntegerProduct(std::unique_ptr<MatrixProblem> problem) {
  if (problem->accumulator == WordType::Int64) return std::make_unique<IntegerProduct<int64_t>>(std::move(problem));
  return std::make_unique<IntegerProduct<int32_t>>(std::move(problem));
}

}  // namespace flambeau
