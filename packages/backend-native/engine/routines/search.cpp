// Places in sorted sequences, as core's search.ts finds them.
#include <algorithm>

#include "../runtime/threads.h"
#include "routines.h"

namespace flambeau {
namespace {

template <class T> class Search final : public Kernel {
 public:
  Search(int64_t sequences, int64_t length, int64_t values, int64_t width, bool hasSorter, bool isRight)
      : size_(sequences * length), length_(length), values_(values), width_(width), hasSorter_(hasSorter),
        isRight_(isRight) {}

  void run(const Call& call) const override {
    const int64_t perChunk = unitsPerChunk(50);
    parallelFor((values_ + perChunk - 1) / perChunk, [&](int64_t chunk) {
      const T* values = reinterpret_cast<const T*>(call.inputs[1]);
      int32_t* places = reinterpret_cast<int32_t*>(call.outputs[0]);
      const int64_t last = std::min((chunk + 1) * perChunk, values_);
      for (int64_t i = chunk * perChunk; i < last; i++) {
        places[i] = static_cast<int32_t>(placeOf(call, values[i], i / width_ * length_));
      }
    });
  }

 private:
  /** The first position whose element is not less than the value, or greater. */
  int64_t placeOf(const Call& call, T value, int64_t start) const {
    const T* sequence = reinterpret_cast<const T*>(call.inputs[0]);
    const int32_t* sorter = hasSorter_ ? reinterpret_cast<const int32_t*>(call.inputs[2]) : nullptr;
    int64_t low = 0, high = length_;
    while (low < high) {
      const int64_t middle = (low + high) >> 1;
      const int64_t at = start + (sorter != nullptr ? sorter[start + middle] : middle);
      // NaN compares false, as does what a wrong sorter points at.
      const bool isBehind =
          at >= 0 && at < size_ && (isRight_ ? sequence[at] > value : sequence[at] >= value);
      if (isBehind) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  int64_t size_, length_, values_, width_;
  bool hasSorter_, isRight_;
};

}  // namespace

std::unique_ptr<Kernel> planSearch(const RoutineSpec& spec) {
  const size_t count = spec.inputs.size();
  if (count < 2 || count > 3 || spec.outputs.size() != 1 || spec.attributes.size() != 1) return nullptr;
  const RoutineOperand &sequence = spec.inputs[0], &values = spec.inputs[1];
  if (sequence.shape.empty() || sequence.type != values.type || sequence.shape.back() > INT32_MAX) return nullptr;
  if (spec.outputs[0].type != WordType::Int32 || sizeOf(spec.outputs[0]) != sizeOf(values)) return nullptr;
  const bool hasSorter = count == 3;
  if (hasSorter && (spec.inputs[2].type != WordType::Int32 || spec.inputs[2].shape != sequence.shape)) return nullptr;
  const int64_t length = sequence.shape.back(), size = sizeOf(values);
  // One sequence serves all values, or each row has its own.
  const bool isShared = sequence.shape.size() == 1;
  if (!isShared && values.shape.size() != sequence.shape.size()) return nullptr;
  int64_t sequences = 1;
  for (size_t axis = 0; axis + 1 < sequence.shape.size(); axis++) {
    if (sequence.shape[axis] != values.shape[axis]) return nullptr;
    sequences *= sequence.shape[axis];
  }
  const int64_t width = isShared ? std::max<int64_t>(size, 1) : std::max<int64_t>(values.shape.back(), 1);
  const bool isRight = spec.attributes[0] != 0;
  std::unique_ptr<Kernel> kernel;
  withElementType(sequence.type, [&](auto element) {
    kernel = std::make_unique<Search<decltype(element)>>(sequences, length, size, width, hasSorter, isRight);
  });
  return kernel;
}

}  // namespace flambeau
