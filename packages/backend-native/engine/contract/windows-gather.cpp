// Convolution, and the gradient of its input: out[m, places] = weight · windows as a matrix product whose right
// factor is packed straight from the image, panel by panel. Gradients through strides fall into phases, each a
// dense convolution. Few output channels (depthwise) read the image without packing.
#include "../loops/epilogue.h"
#include "../runtime/threads.h"
#include "windows-blocks.h"

namespace flambeau {
namespace {

/** Places with the same taps: one per axis, combined. */
struct Phase {
  const WindowPhase* axes[kSpatial];
  int64_t taps = 1;
  std::vector<int64_t> weight;   // offset of each tap
  std::vector<int64_t> offsets;  // of channels × taps in a block of the image
  int64_t packed = 0;            // where its weights start
};

/** Runs of places for one phase in one block. */
struct Runs {
  std::vector<WindowRun> runs;
  std::vector<size_t> panels;  // first run of each panel, and one beyond
  int64_t columns = 0, start = 0;
  bool isWhole = true;  // every panel is one stretch of the output
};

template <class T>
class Gather final : public GatherKernel {
 public:
  Gather(const ContractSpec& spec, const Convolution& convolution, const ImageBlocks* blocks)
      : c_(convolution),
        micro_(microSetOf<T>()),
        kernels_(windowSetOf<T>()),
        isFew_(c_.m <= kernels_.fewRows),
        blocks_(blocks ? *blocks : ImageBlocks(c_, blockTarget(c_))),
        layout_(c_, blocks_),
        readsInPlace_(canReadInPlace()) {
    if (!c_.isBare) epilogue_ = planEpilogue(spec);
    const auto& p = c_.phases;
    for (const auto& i : p[0]) for (const auto& j : p[1]) for (const auto& k : p[2]) addPhase(i, j, k);
    int64_t most = 1;
    for (const auto& phase : phases_) most = std::max(most, phase.taps);
    const int64_t depth = isFew_ ? 1024 : 300;
    const int64_t wanted = std::min(std::max<int64_t>(c_.channels, 1), std::max<int64_t>(1, depth / most));
    kBlocks_ = std::max<int64_t>(1, ceilDivide(c_.channels, wanted));
    blockChannels_ = ceilDivide(c_.channels, kBlocks_);
    for (auto& phase : phases_) {
      placeTaps(phase);
      phase.packed = packedSize_;
      packedSize_ += c_.groups * c_.m * c_.channels * phase.taps;
    }
    const int64_t panels = std::max<int64_t>(1, ceilDivide(c_.m, isFew_ ? kernels_.fewRows : micro_.rows));
    for (int64_t i = 0; i <= panels; i++) rows_.push_back(c_.m * i / panels);
    // At such a stride rows would drive each other out of the cache.
    const bool doCollide = c_.affine.m * static_cast<int64_t>(sizeof(T)) % 2048 == 0;
    isWeightInPlace_ = !isFew_ && !doCollide && phases_.size() == 1 && kStrideOf(phases_[0]) == 1;
    planChunks();
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
  /** Places of a block: as many as fit into caches, in blocks for all threads if they stay worth it. */
  static int64_t blockTarget(const Convolution& c) {
    const int64_t fitting = std::min<int64_t>(1024, (1 << 18) / std::max<int64_t>(c.m, 1));
    const int64_t shared = std::max<int64_t>(128, c.groups * c.images * c.allPlaces() / wantedChunks());
    return std::max<int64_t>(64, std::min(fitting, shared));
  }
  static int64_t wantedChunks() { return threadCount() > 1 ? 2 * threadCount() : 1; }

  /** Whether all windows lie inside an image whose neighbours are neighbours in memory. */
  bool canReadInPlace() const {
    for (int axis = 0; axis < kSpatial; axis++) {
      const auto& a = c_.axes[axis];
      if (c_.phases[axis].size() != 1) return false;
      for (const auto& tap : c_.phases[axis][0].taps) {
        if (tap.start < 0 || tap.start + (c_.places[axis] - 1) * a.step >= a.size) return false;
      }
    }
    if (isFew_ && c_.places[2] % kernels_.lanes != 0) return false;
    return c_.axes[2].step * c_.axes[2].stride == 1;
  }

  void addPhase(const WindowPhase& i, const WindowPhase& j, const WindowPhase& k) {
    Phase phase{{&i, &j, &k}, 1, {}, {}, 0};
    for (const auto* axis : phase.axes) phase.taps *= static_cast<int64_t>(axis->taps.size());
    phases_.push_back(std::move(phase));
  }

  /** Offsets of taps in the weight, and of channels and taps in a block. */
  void placeTaps(Phase& phase) const {
    std::vector<int64_t> places;
    for (const auto& i : phase.axes[0]->taps) {
      for (const auto& j : phase.axes[1]->taps) {
        for (const auto& k : phase.axes[2]->taps) {
          const WindowTap* taps[] = {&i, &j, &k};
          int64_t weight = 0, place = 0;
          for (int axis = 0; axis < kSpatial; axis++) {
            weight += taps[axis]->index * c_.affine.tap[axis];
            place += readsInPlace_ ? taps[axis]->start * c_.axes[axis].stride
                                   : layout_.slot(axis, *taps[axis]) * layout_.pitch(axis);
          }
          phase.weight.push_back(weight);
          places.push_back(place);
        }
      }
    }
    for (int64_t channel = 0; channel < blockChannels_; channel++) {
      for (const int64_t place : places) phase.offsets.push_back(channel * channelPitch() + place);
    }
  }

  static const T* input(const Call& call, uint32_t operand) { return reinterpret_cast<const T*>(call.inputs[operand]); }

  int64_t channelPitch() const { return readsInPlace_ ? c_.image.channel : layout_.size() * blocks_.images(); }

  /** Chunks are groups × blocks × parts of m; small groups go together. */
  void planChunks() {
    int64_t taps = 0;
    for (const auto& phase : phases_) taps = std::max(taps, phase.taps);
    const double work = 2.0 * static_cast<double>(c_.m * c_.channels * taps * blocks_.images()) *
                        static_cast<double>(blocks_.walk(0) * blocks_.walk(1) * blocks_.walk(2));
    groupsTogether_ = std::max<int64_t>(1, std::min(c_.groups, static_cast<int64_t>(2e6 / (work + 1)) + 1));
    groupBlocks_ = ceilDivide(c_.groups, groupsTogether_);
    const int64_t panels = static_cast<int64_t>(rows_.size()) - 1, have = groupBlocks_ * blocks_.count();
    mBlocks_ = work < 4e6 ? 1 : std::min(panels, ceilDivide(wantedChunks(), std::max<int64_t>(have, 1)));
    chunks_ = have * mBlocks_;
  }

  /** The stride over all of k: taps that follow each other, or a single one; 0 where there is none. */
  int64_t kStrideOf(const Phase& phase) const {
    if (phase.taps == 1) return c_.affine.channel;
    bool isRegular = c_.affine.channel == phase.taps;
    for (size_t t = 1; t < phase.weight.size(); t++) {
      isRegular = isRegular && phase.weight[t] - phase.weight[t - 1] == 1;
    }
    return isRegular ? 1 : 0;
  }

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

  int64_t packedAt(const Phase& phase, int64_t group, int64_t firstChannel, int64_t row, int64_t k) const {
    return phase.packed + c_.m * phase.taps * (group * c_.channels + firstChannel) + row * k;
  }

  /** Stretch of the flattened n axes that a block covers. */
  int64_t firstPlace(const ImageBlock& block) const {
    return block.firstImage * c_.allPlaces() + bandStart(block.low) * afterBand();
  }
  int64_t bandStart(int64_t walk) const {
    const int axis = blocks_.bandAxis();
    return std::min(walk * c_.phases[axis][0].spacing, c_.places[axis]);
  }
  int64_t afterBand() const {
    int64_t rest = 1;
    for (int axis = blocks_.bandAxis() + 1; axis < kSpatial; axis++) rest *= c_.places[axis];
    return rest;
  }
  int64_t placeCount(const ImageBlock& block) const {
    return (block.images - 1) * c_.allPlaces() + (bandStart(block.high) - bandStart(block.low)) * afterBand();
  }

  /** Strides of the output over images and places: its own, or of rows that an epilogue takes. */
  void outStrides(int64_t& image, int64_t (&place)[kSpatial]) const {
    image = c_.isBare ? c_.out.image : c_.allPlaces();
    int64_t stride = 1;
    for (int axis = kSpatial - 1; axis >= 0; axis--) {
      place[axis] = c_.isBare ? c_.out.place[axis] : stride;
      stride *= c_.places[axis];
    }
  }

  void findRuns(const Phase& phase, const ImageBlock& block, Runs& result) const {
    result.runs.clear();
    result.panels.assign(1, 0);
    result.isWhole = true;
    int64_t count[kSpatial], fromStep[kSpatial], toStep[kSpatial], low[kSpatial], imageTo, placeTo[kSpatial];
    outStrides(imageTo, placeTo);
    int64_t origin = c_.isBare ? 0 : block.firstImage * c_.allPlaces() - firstPlace(block);
    for (int axis = 0; axis < kSpatial; axis++) {
      low[axis] = blocks_.low(axis, block);
      count[axis] = blocks_.places(axis, block, phase.axes[axis]->count);
      fromStep[axis] = readsInPlace_ ? c_.axes[axis].step * c_.axes[axis].stride : layout_.pitch(axis);
      toStep[axis] = phase.axes[axis]->spacing * placeTo[axis];
      origin += phase.axes[axis]->first * placeTo[axis] + low[axis] * toStep[axis];
    }
    const int64_t imageFrom = readsInPlace_ ? c_.image.image : layout_.size();
    const int64_t panel = isFew_ ? kernels_.lanes * kernels_.vectorsFor(static_cast<int>(c_.m)) : micro_.columns;
    int64_t column = 0;
    for (int64_t image = 0; image < block.images; image++) {
      for (int64_t i = 0; i < count[0]; i++) {
        for (int64_t j = 0; j < count[1]; j++) {
          const int64_t from = image * imageFrom + i * fromStep[0] + j * fromStep[1];
          const int64_t to = origin + image * imageTo + i * toStep[0] + j * toStep[1];
          for (int64_t k = 0; k < count[2];) {
            if (column == panel * static_cast<int64_t>(result.panels.size())) {
              result.panels.push_back(result.runs.size());
            }
            const int64_t room = isFew_ ? kernels_.lanes : panel - column % panel;
            const WindowRun run{column, std::min(room, count[2] - k), from + k, to + k * toStep[2]};
            k += run.length;
            column += isFew_ ? kernels_.lanes : run.length;
            if (result.runs.size() == result.panels.back()) {
              result.runs.push_back(run);
              continue;
            }
            auto& last = result.runs.back();
            const bool follows = run.to == last.to + last.length && toStep[2] == 1;
            result.isWhole = result.isWhole && follows;
            if (!isFew_ && follows && run.from == last.from + last.length) last.length += run.length;
            else result.runs.push_back(run);
          }
        }
      }
    }
    result.isWhole = result.isWhole && !isFew_ && toStep[2] == 1;
    result.panels.push_back(result.runs.size());
    result.columns = column;
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
  /** Rows of sums are apart by an odd number of cache lines, so that they do not fall on the same sets. */
  int64_t pitchOf(const Runs& runs) const {
    return ceilDivide(runs.columns, 32) * 32 + 16;
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

  Convolution c_;
  const MicroSet<T>& micro_;
  const WindowSet<T>& kernels_;
  bool isFew_;
  ImageBlocks blocks_;
  CanonicalLayout layout_;
  bool readsInPlace_, isWeightInPlace_ = false;
  std::unique_ptr<Epilogue> epilogue_;
  std::vector<Phase> phases_;
  std::vector<int64_t> rows_;  // first row of each panel of the weight
  int64_t kBlocks_ = 1, blockChannels_ = 1, packedSize_ = 0;
  int64_t groupsTogether_ = 1, groupBlocks_ = 1, mBlocks_ = 1, chunks_ = 1;
};

}  // namespace

std::unique_ptr<GatherKernel> planGather(const ContractSpec& spec, const Convolution& convolution,
                                         const ImageBlocks* blocks) {
  if (convolution.type == WordType::Float64) return std::make_unique<Gather<double>>(spec, convolution, blocks);
  return std::make_unique<Gather<float>>(spec, convolution, blocks);
}

}  // namespace flambeau
