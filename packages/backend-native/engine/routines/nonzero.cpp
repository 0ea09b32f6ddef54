// Coordinates of the elements that are not zero, row-major.
#include <algorithm>
#include <vector>

#include "../runtime/threads.h"
#include "routines.h"

namespace flambeau {
namespace {

constexpr int64_t kChunk = 1 << 15;

template <class T> class Nonzero final : public Kernel {
 public:
  Nonzero(std::vector<int64_t> shape, int64_t elements, int64_t wanted, int32_t fill)
      : shape_(std::move(shape)), elements_(elements), wanted_(wanted), fill_(fill) {}

  void run(const Call& call) const override {
    const T* source = reinterpret_cast<const T*>(call.inputs[0]);
    int32_t* out = reinterpret_cast<int32_t*>(call.outputs[0]);
    const int64_t chunks = (elements_ + kChunk - 1) / kChunk;
    std::vector<int64_t> found(static_cast<size_t>(chunks) + 1);
    parallelFor(chunks, [&](int64_t chunk) {
      const int64_t last = std::min((chunk + 1) * kChunk, elements_);
      int64_t count = 0;
      for (int64_t i = chunk * kChunk; i < last; i++) count += source[i] != 0;
      found[static_cast<size_t>(chunk) + 1] = count;
    });
    for (size_t i = 1; i < found.size(); i++) found[i] += found[i - 1];
    parallelFor(chunks, [&](int64_t chunk) {
      const int64_t last = std::min((chunk + 1) * kChunk, elements_);
      int64_t row = found[static_cast<size_t>(chunk)];
      for (int64_t i = chunk * kChunk; i < last && row < wanted_; i++) {
        if (source[i] != 0) writeCoordinates(i, out + row++ * axes());
      }
    });
    for (int64_t i = std::min(found.back(), wanted_) * axes(); i < wanted_ * axes(); i++) out[i] = fill_;
  }

 private:
  int64_t axes() const { return static_cast<int64_t>(shape_.size()); }

  void writeCoordinates(int64_t at, int32_t* to) const {
    for (int64_t axis = axes() - 1; axis > 0; axis--) {
      const int64_t length = shape_[static_cast<size_t>(axis)], rest = at / length;
      to[axis] = static_cast<int32_t>(at - rest * length);
      at = rest;
    }
    if (axes() > 0) to[0] = static_cast<int32_t>(at);
  }

  std::vector<int64_t> shape_;
  int64_t elements_, wanted_;
  int32_t fill_;
};

}  // namespace

std::unique_ptr<Kernel> planNonzero(const RoutineSpec& spec) {
  if (spec.inputs.size() != 1 || spec.outputs.size() != 1 || spec.attributes.size() != 1) return nullptr;
  const RoutineOperand &source = spec.inputs[0], &result = spec.outputs[0];
  if (result.type != WordType::Int32 || result.shape.size() != 2) return nullptr;
  if (result.shape[1] != static_cast<int64_t>(source.shape.size())) return nullptr;
  const double fill = spec.attributes[0];
  if (!(fill >= INT32_MIN && fill <= INT32_MAX)) return nullptr;
  std::unique_ptr<Kernel> kernel;
  withElementType(source.type, [&](auto element) {
    kernel = std::make_unique<Nonzero<decltype(element)>>(source.shape, sizeOf(source), result.shape[0],
                                                          static_cast<int32_t>(fill));
  });
  return kernel;
}

}  // namespace flambeau
