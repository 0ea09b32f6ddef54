// Gradient of a small weight (depthwise, one input channel): a dot product over images and places for each of
// its elements, several taps at once.
#include "../loops/epilogue.h"
#include "../runtime/threads.h"
#include "windows-blocks.h"

namespace flambeau {
namespace {

template <class T>
class Dots final : public Kernel {
 public:
  Dots(const ContractSpec& spec, Convolution convolution)
      : c_(std::move(convolution)),
        kernels_(windowSetOf<T>()),
        blocks_(c_, 4096),
        layout_(c_, blocks_),
        epilogue_(planEpilogue(spec)) {
    const auto* phases = c_.phases;
    for (const auto& i : phases[0][0].taps) {
      for (const auto& j : phases[1][0].taps) {
        for (const auto& k : phases[2][0].taps) {
          taps_.push_back(layout_.slot(0, i) * layout_.pitch(0) + layout_.slot(1, j) * layout_.pitch(1) +
                          layout_.slot(2, k));
        }
      }
    }
    planChunks();
  }

  void run(const Call& call) const override {
    const int64_t all = c_.groups * groupSums();
    if (all == 0) return;
    T* sums = static_cast<T*>(scratch(Scratch::Partial, sizeof(T) * static_cast<size_t>(parts_ * all)));
    parallelFor(groupBlocks_ * parts_, [&](int64_t chunk) { runChunk(call, sums, chunk); });
    for (int64_t part = 1; part < parts_; part++) {
      for (int64_t i = 0; i < all; i++) sums[i] += sums[part * all + i];
    }
    const int64_t count = c_.channels * c_.allTaps();
    for (int64_t row = 0; row < c_.groups * c_.m; row++) {
      const int64_t outer[2] = {row / c_.m, row % c_.m};
      epilogue_->run(call, c_.hasGroups ? outer : outer + 1, 0, count, sums + row * count);
    }
  }

 private:
  int64_t groupSums() const { return c_.m * c_.channels * c_.allTaps(); }

  void planChunks() {
    const int64_t places = blocks_.images() * blocks_.walk(0) * blocks_.walk(1) * blocks_.walk(2);
    const int64_t work = places * groupSums();
    groupsTogether_ = std::max<int64_t>(1, std::min(c_.groups, (1 << 18) / std::max<int64_t>(work, 1)));
    groupBlocks_ = ceilDivide(c_.groups, groupsTogether_);
    const int64_t wanted = ceilDivide(8, std::max<int64_t>(groupBlocks_, 1));
    parts_ = work * c_.groups * blocks_.count() < 1 << 20 ? 1 : std::max<int64_t>(1, std::min(wanted, blocks_.count()));
  }

  void runChunk(const Call& call, T* sums, int64_t chunk) const {
    const int64_t part = chunk % parts_, firstGroup = chunk / parts_ * groupsTogether_;
    const int64_t lastGroup = std::min(c_.groups, firstGroup + groupsTogether_);
    T* own = sums + (part * c_.groups + firstGroup) * groupSums();
    std::fill_n(own, (lastGroup - firstGroup) * groupSums(), T(0));
    const size_t bytes = sizeof(T) * static_cast<size_t>(c_.channels * channelPitch());
    T* copy = static_cast<T*>(scratch(Scratch::Window, bytes));
    static thread_local std::vector<WindowSpan> spans;
    static thread_local std::vector<int64_t> gradRows, imageRows;
    const T* grads = reinterpret_cast<const T*>(call.inputs[c_.affineOperand]) + c_.affineOffset;
    const T* images = reinterpret_cast<const T*>(call.inputs[c_.imageOperand]) + c_.imageOffset;
    const int64_t stride = c_.axes[2].step * c_.axes[2].stride;
    for (int64_t index = blocks_.count() * part / parts_; index < blocks_.count() * (part + 1) / parts_; index++) {
      const ImageBlock block = blocks_.at(index);
      layout_.findSpans(c_, blocks_, block, spans);
      const int64_t length = findRows(block, gradRows, imageRows);
      if (bytes > 0) std::memset(copy, 0, bytes);
      for (int64_t group = firstGroup; group < lastGroup; group++) {
        const T* image = images + group * c_.image.group + block.firstImage * c_.image.image;
        for (int64_t channel = 0; channel < c_.channels; channel++) {
          for (int64_t i = 0; i < block.images; i++) {
            kernels_.copySpans(copy + channel * channelPitch() + i * layout_.size(),
                               image + channel * c_.image.channel + i * c_.image.image, spans.data(),
                               static_cast<int64_t>(spans.size()), stride);
          }
        }
        addDots(grads + group * c_.affine.group + block.firstImage * c_.affine.image, copy, length, gradRows, imageRows,
                own + (group - firstGroup) * groupSums());
      }
    }
  }

  int64_t channelPitch() const { return layout_.size() * blocks_.images(); }

  /** Where rows of places start, in the gradient and in the copy; returns their length. */
  int64_t findRows(const ImageBlock& block, std::vector<int64_t>& gradRows, std::vector<int64_t>& imageRows) const {
    gradRows.clear();
    imageRows.clear();
    int64_t count[kSpatial], start = 0;
    for (int axis = 0; axis < kSpatial; axis++) {
      count[axis] = blocks_.places(axis, block, c_.places[axis]);
      start += blocks_.low(axis, block) * c_.affine.place[axis];
    }
    for (int64_t image = 0; image < block.images; image++) {
      for (int64_t i = 0; i < count[0]; i++) {
        for (int64_t j = 0; j < count[1]; j++) {
          gradRows.push_back(start + image * c_.affine.image + i * c_.affine.place[0] + j * c_.affine.place[1]);
          imageRows.push_back(image * layout_.size() + i * layout_.pitch(0) + j * layout_.pitch(1));
        }
      }
    }
    return count[2];
  }

  void addDots(const T* grad, const T* image, int64_t length, const std::vector<int64_t>& gradRows,
               const std::vector<int64_t>& imageRows, T* sums) const {
    const int64_t taps = c_.allTaps(), rows = static_cast<int64_t>(gradRows.size());
    for (int64_t row = 0; row < c_.m; row++) {
      for (int64_t channel = 0; channel < c_.channels; channel++) {
        for (int64_t tap = 0; tap < taps; tap += kernels_.fewTaps) {
          const int count = static_cast<int>(std::min<int64_t>(kernels_.fewTaps, taps - tap));
          kernels_.dots(grad + row * c_.affine.m, gradRows.data(), image + channel * channelPitch(), imageRows.data(),
                        rows, length, taps_.data() + tap, count, sums + (row * c_.channels + channel) * taps + tap);
        }
      }
    }
  }

  Convolution c_;
  const WindowSet<T>& kernels_;
  ImageBlocks blocks_;
  CanonicalLayout layout_;
  std::unique_ptr<Epilogue> epilogue_;
  std::vector<int64_t> taps_;
  int64_t groupsTogether_ = 1, groupBlocks_ = 1, parts_ = 1;
};

}  // namespace

std::unique_ptr<Kernel> planSmallWeightGradient(const ContractSpec& spec, const Convolution& convolution) {
  const bool isSmall = convolution.m <= 4 || convolution.channels * convolution.allTaps() <= 12;
  if (!isSmall || convolution.affine.place[2] != 1) return nullptr;
  if (convolution.type == WordType::Float64) return std::make_unique<Dots<double>>(spec, convolution);
  return std::make_unique<Dots<float>>(spec, convolution);
}

}  // namespace flambeau
