// Convolution, and the gradient of its input: out[m, places] = weight · windows as a matrix product whose right
// factor is packed straight from the image, panel by panel. Gradients through strides fall into phases, each a
// dense convolution. Few output channels (depthwise) read the image without packing. What is known beforehand:
// windows-gather-plan.cpp.
#include "../loops/epilogue.h"
#include "../runtime/threads.h"
#include "windows-gather.h"

namespace flambeau {
namespace {

template <class T>
class Gather final : public GatherKernel, private GatherPlan {
 public:
  Gather(const ContractSpec& spec, const Convolution& convolution, const ImageBlocks* blocks)
      : GatherPlan(convolution, blocks, unitsOf<T>()), micro_(microSetOf<T>()), kernels_(windowSetOf<T>()) {
    if (!c_.isBare) epilogue_ = planEpilogue(spec);
  }

  void run(const Call& call) const override { runBlocks(call, nullptr); }

  void runBlocks(const Call& call, const uint8_t* marks) const override {
    if (c_.groups * c_.m * c_.images * c_.allPlaces() == 0) return;
    if (isWeightInPlace_) return parallelFor(chunks_, [&](int64_t chunk) { runChunk(call, nullptr, chunk, marks); });
    T* packed = static_cast<T*>(scratch(Scratch::PackA, sizeof(T) * static_cast<size_t>(packedSize_ + 64)));
    const T* weight = input(call, c_.affineOperand) + c_.affineOffset;
    const int64_t tasks = c_.groups * kBlocks_, together = packedSize_ < 1 << 15 ? tasks : ceilDivide(tasks, 64);
    parallelFor(ceilDivide(tasks, together), [&](int64_t chunk) {
      const int64_t end = std::min(tasks, (chunk + 1) * together);
      for (int64_t t = chunk * together; t < end; t++) packWeight(weight, t / kBlocks_, t % kBlocks_, packed);
    });
    parallelFor(chunks_, [&](int64_t chunk) { runChunk(call, packed, chunk, marks); });
  }

 private:
  static const T* input(const Call& call, uint32_t operand) { return reinterpret_cast<const T*>(call.inputs[operand]); }

  void packWeight(const T* weight, int64_t group, int64_t kBlock, T* packed) const {
    const int64_t first = kBlock * blockChannels_, channels = std::min(blockChannels_, c_.channels - first);
    if (channels <= 0) return;
    for (const auto& phase : phases_) {
      const int64_t k = channels * phase.taps;
      if (k == 0) continue;
      const int64_t kStride = kStrideOf(phase);
      const T* from = weight + group * c_.affine.group + first * c_.affine.channel;
      for (size_t p = 0; p + 1 < rows_.size(); p++) {
        const int64_t m = rows_[p + 1] - rows_[p];
        const T* row = from + rows_[p] * c_.affine.m;
        T* to = packed + packedAt(phase, group, first, rows_[p], k);
        if (kStride != 0) {
          micro_.packA(row + phase.weight[0], c_.affine.m, kStride, m, k, to);
        } else {
          kernels_.packTaps(row, c_.affine.m, c_.affine.channel, phase.weight.data(), phase.taps, m, channels, to);
        }
      }
    }
  }

  void copyBlock(const T* image, const ImageBlock& block, int64_t channels, const std::vector<WindowSpan>& spans,
                 T* to) const {
    const int64_t stride = c_.axes[2].step * c_.axes[2].stride;
    for (int64_t channel = 0; channel < channels; channel++) {
      for (int64_t i = 0; i < block.images; i++) {
        kernels_.copySpans(to + channel * channelPitch() + i * layout_.size(),
                           image + channel * c_.image.channel + (block.firstImage + i) * c_.image.image, spans.data(),
                           static_cast<int64_t>(spans.size()), stride);
      }
    }
  }

  void runChunk(const Call& call, const T* packed, int64_t chunk, const uint8_t* marks) const {
    const T* weight = input(call, c_.affineOperand) + c_.affineOffset;
    const int64_t mBlock = chunk % mBlocks_;
    const ImageBlock block = blocks_.at(chunk / mBlocks_ % blocks_.count());
    const int64_t firstGroup = chunk / (mBlocks_ * blocks_.count()) * groupsTogether_;
    const int64_t panels = static_cast<int64_t>(rows_.size()) - 1;
    const int64_t firstPanel = panels * mBlock / mBlocks_, lastPanel = panels * (mBlock + 1) / mBlocks_;
    const int64_t firstRow = rows_[static_cast<size_t>(firstPanel)];
    const int64_t m = rows_[static_cast<size_t>(lastPanel)] - firstRow;

    static thread_local std::vector<Runs> runs;
    static thread_local std::vector<WindowSpan> spans;
    runs.resize(phases_.size());
    int64_t sums = 0;
    for (size_t i = 0; i < phases_.size(); i++) {
      findRuns(phases_[i], block, runs[i]);
      runs[i].start = sums;
      sums += m * pitchOf(runs[i]);
    }
    const bool isDirect = c_.isBare && phases_.size() == 1 && runs[0].isWhole;
    Place place{};
    const size_t sumBytes = sizeof(T) * static_cast<size_t>(sums + 64);
    place.sums = isDirect ? nullptr : static_cast<T*>(scratch(Scratch::Tile, sumBytes));
    place.block = readsInPlace_ ? nullptr : static_cast<T*>(scratch(Scratch::Window, blockBytes()));
    if (!readsInPlace_) {
      layout_.findSpans(c_, blocks_, block, spans);
      std::memset(place.block, 0, blockBytes());
    }
    place.panel = static_cast<T*>(scratch(Scratch::PackB, panelBytes()));
    place.firstPanel = static_cast<size_t>(firstPanel);
    place.lastPanel = static_cast<size_t>(lastPanel);
    for (int64_t group = firstGroup; group < std::min(c_.groups, firstGroup + groupsTogether_); group++) {
      if (marks != nullptr && !marks[group * blocks_.count() + chunk / mBlocks_ % blocks_.count()]) continue;
      const T* image = input(call, c_.imageOperand) + c_.imageOffset + group * c_.image.group;
      place.out = reinterpret_cast<T*>(call.outputs[c_.outOperand]) + c_.outOffset + group * c_.out.group +
                  block.firstImage * c_.out.image;
      place.bias = !c_.hasBias ? nullptr
                               : input(call, c_.biasOperand) + c_.biasOffset + group * c_.biasGroup;
      for (int64_t kBlock = 0; kBlock < kBlocks_; kBlock++) {
        const int64_t first = kBlock * blockChannels_;
        const int64_t channels = std::max<int64_t>(0, std::min(blockChannels_, c_.channels - first));
        const T* from = image + first * c_.image.channel;
        if (readsInPlace_) {
          place.from = from + block.firstImage * c_.image.image;
          for (int axis = 0; axis < kSpatial; axis++) {
            place.from += blocks_.low(axis, block) * c_.axes[axis].step * c_.axes[axis].stride;
          }
        } else {
          copyBlock(from, block, channels, spans, place.block);
          place.from = place.block;
        }
        for (size_t i = 0; i < phases_.size(); i++) {
          const auto& phase = phases_[i];
          if (kBlock > 0 && phase.taps == 0) continue;
          const int64_t k = channels * phase.taps;
          const bool isLast = phase.taps == 0 || kBlock + 1 == kBlocks_;
          const T* a = isWeightInPlace_ ? weight + group * c_.affine.group + first * c_.affine.channel + phase.weight[0]
                                        : packed + packedAt(phase, group, first, 0, k);
          const Step step{k, a, kBlock > 0, isLast ? place.bias : nullptr};
          multiplyPhase(phase, runs[i], place, step);
        }
      }
      if (!isDirect) finish(call, group, firstRow, m, block, runs, place);
    }
  }

  /** What a chunk works on. */
  struct Place {
    T *out, *sums, *block, *panel;
    const T *from, *bias;
    size_t firstPanel, lastPanel;
  };
  struct Step {
    int64_t k;
    const T* a;
    bool accumulate;
    const T* bias;
  };

  size_t blockBytes() const {
    return sizeof(T) * static_cast<size_t>(blockChannels_ * channelPitch() + kernels_.lanes);
  }
  size_t panelBytes() const {
    int64_t depth = 0;
    for (const auto& phase : phases_) depth = std::max(depth, blockChannels_ * phase.taps);
    return sizeof(T) * static_cast<size_t>(depth * micro_.columns + 64);
  }
  void multiplyPhase(const Phase& phase, const Runs& runs, const Place& place, const Step& step) const {
    const int64_t firstRow = rows_[place.firstPanel];
    for (size_t panel = 0; panel + 1 < runs.panels.size(); panel++) {
      const size_t begin = runs.panels[panel], end = runs.panels[panel + 1];
      if (begin == end) continue;
      const WindowRun* first = &runs.runs[begin];
      const int count = static_cast<int>(end - begin);
      const int64_t columns = runs.runs[end - 1].column + runs.runs[end - 1].length - first->column;
      T* c = place.sums ? place.sums + runs.start + first->column : place.out + firstRow * c_.out.m + first->to;
      const int64_t ldc = place.sums ? pitchOf(runs) : c_.out.m;
      if (isFew_) {
        kernels_.multiplyTaps(static_cast<int>(c_.m), step.k, step.a, place.from, phase.offsets.data(), first,
                              count, c, ldc, step.accumulate, step.bias, c_.biasM);
        continue;
      }
      kernels_.pack(place.from, phase.offsets.data(), step.k, first, count, place.panel - first->column, micro_.columns,
                    !readsInPlace_);
      for (size_t p = place.firstPanel; p < place.lastPanel; p++) {
        const int64_t row = rows_[p], m = rows_[p + 1] - row;
        const T* bias = step.bias ? step.bias + row * c_.biasM : nullptr;
        const int rows = static_cast<int>(m), places = static_cast<int>(columns);
        T* to = c + (row - firstRow) * ldc;
        if (isWeightInPlace_) {
          micro_.tile({rows, places, step.k, step.a + row * c_.affine.m, c_.affine.m, 1, place.panel, micro_.columns,
                       to, ldc, step.accumulate, nullptr, bias, c_.biasM, place.panel, 0});
        } else {
          micro_.tile({rows, places, step.k, step.a + row * step.k, 1, m, place.panel, micro_.columns, to, ldc,
                       step.accumulate, nullptr, bias, c_.biasM, step.a + (row + m) * step.k,
                       static_cast<int64_t>(sizeof(T)) * m});
        }
      }
    }
  }

  /** Takes sums to where they belong. */
  void finish(const Call& call, int64_t group, int64_t firstRow, int64_t m, const ImageBlock& block,
              const std::vector<Runs>& runs, const Place& place) const {
    const bool isStraight = !c_.isBare && phases_.size() == 1 && !isFew_;
    const int64_t count = placeCount(block);
    T* line = c_.isBare || isStraight
                  ? nullptr
                  : static_cast<T*>(scratch(Scratch::Partial, sizeof(T) * static_cast<size_t>(count)));
    for (int64_t row = 0; row < m; row++) {
      T* out = c_.isBare ? place.out + (firstRow + row) * c_.out.m : line;
      for (size_t i = 0; i < phases_.size() && !isStraight; i++) {
        const T* sums = place.sums + runs[i].start + row * pitchOf(runs[i]);
        const int64_t step = phases_[i].axes[2]->spacing * (c_.isBare ? c_.out.place[2] : 1);
        for (const auto& run : runs[i].runs) {
          if (step == 1) kernels_.copy(out + run.to, sums + run.column, run.length);
          else for (int64_t j = 0; j < run.length; j++) out[run.to + j * step] = sums[run.column + j];
        }
      }
      if (c_.isBare) continue;
      int64_t outer[2] = {group, firstRow + row};
      epilogue_->run(call, c_.hasGroups ? outer : outer + 1, firstPlace(block), count,
                     isStraight ? place.sums + row * pitchOf(runs[0]) : line);
    }
  }

  const MicroSet<T>& micro_;
  const WindowSet<T>& kernels_;
  std::unique_ptr<Epilogue> epilogue_;
};

}  // namespace

std::unique_ptr<GatherKernel> planGather(const ContractSpec& spec, const Convolution& convolution,
                                         const ImageBlocks* blocks) {
  if (convolution.type == WordType::Float64) return std::make_unique<Gather<double>>(spec, convolution, blocks);
  return std::make_unique<Gather<float>>(spec, convolution, blocks);
}

}  // namespace flambeau
