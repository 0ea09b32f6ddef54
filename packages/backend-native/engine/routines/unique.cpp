// Distinct elements or rows, as core's unique.ts finds them: in ascending order, or neighbours alone.
#include <numeric>
#include <vector>

#include "order.h"
#include "routines.h"

namespace flambeau {
namespace {

template <class T> class Unique final : public Kernel {
 public:
  Unique(int64_t rows, int64_t width, int64_t size, bool isConsecutive)
      : rows_(rows), width_(width), size_(size), isConsecutive_(isConsecutive) {}

  void run(const Call& call) const override {
    const T* source = reinterpret_cast<const T*>(call.inputs[0]);
    T* values = reinterpret_cast<T*>(call.outputs[0]);
    int32_t* inverse = reinterpret_cast<int32_t*>(call.outputs[1]);
    int64_t* counts = reinterpret_cast<int64_t*>(call.outputs[2]);
    std::fill(values, values + size_ * width_, T(0));
    std::fill(counts, counts + size_, 0);
    const std::vector<uint32_t> order = isConsecutive_ ? std::vector<uint32_t>() : orderOf(source);
    int64_t group = -1, previous = -1;
    for (int64_t i = 0; i < rows_; i++) {
      const int64_t row = isConsecutive_ ? i : order[static_cast<size_t>(i)];
      // By ==: NaN equals nothing.
      const T* own = source + row * width_;
      if (previous < 0 || !std::equal(own, own + width_, source + previous * width_)) {
        group++;
        if (group < size_) std::copy(own, own + width_, values + group * width_);
      }
      if (group < size_) counts[group]++;
      inverse[row] = static_cast<int32_t>(group);
      previous = row;
    }
    *reinterpret_cast<int32_t*>(call.outputs[3]) = static_cast<int32_t>(group + 1);
  }

 private:
  /** The order in which equal rows are neighbours. */
  std::vector<uint32_t> orderOf(const T* source) const {
    std::vector<uint32_t> order(static_cast<size_t>(rows_));
    if (width_ == 1) {
      using I = Item<T>;
      I* items = static_cast<I*>(scratch(Scratch::Routine, static_cast<size_t>(2 * rows_) * sizeof(I)));
      fillItems(RowKeys<T>{source, false}, 0, rows_, items);
      const I* sorted = rows_ >= (1 << 17) ? sortByRadixTogether(items, items + rows_, rows_)
                                           : sortItems(items, items + rows_, rows_);
      for (int64_t i = 0; i < rows_; i++) order[static_cast<size_t>(i)] = sorted[i].index();
      return order;
    }
    std::iota(order.begin(), order.end(), 0);
    std::sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) {
      const T *x = source + a * width_, *y = source + b * width_;
      for (int64_t i = 0; i < width_; i++) {
        const auto first = orderKey(x[i]), second = orderKey(y[i]);
        if (first != second) return first < second;
      }
      return a < b;
    });
    return order;
  }

  int64_t rows_, width_, size_;
  bool isConsecutive_;
};

}  // namespace

std::unique_ptr<Kernel> planUnique(const RoutineSpec& spec) {
  if (spec.inputs.size() != 1 || spec.outputs.size() != 4 || spec.attributes.size() != 1) return nullptr;
  const RoutineOperand& source = spec.inputs[0];
  if (source.shape.size() != 2 || source.shape[0] > INT32_MAX || spec.outputs[0].type != source.type) return nullptr;
  const int64_t rows = source.shape[0], width = source.shape[1];
  if (spec.outputs[0].shape.size() != 2 || spec.outputs[0].shape[1] != width) return nullptr;
  const int64_t size = spec.outputs[0].shape[0];
  const WordType types[] = {WordType::Int32, WordType::Int64, WordType::Int32};
  const int64_t sizes[] = {rows, size, 1};
  for (size_t i = 0; i < 3; i++) {
    if (spec.outputs[i + 1].type != types[i] || sizeOf(spec.outputs[i + 1]) != sizes[i]) return nullptr;
  }
  const bool isConsecutive = spec.attributes[0] != 0;
  std::unique_ptr<Kernel> kernel;
  withElementType(source.type, [&](auto element) {
    kernel = std::make_unique<Unique<decltype(element)>>(rows, width, size, isConsecutive);
  });
  return kernel;
}

}  // namespace flambeau
