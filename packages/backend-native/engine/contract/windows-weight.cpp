// Gradient of a convolution's weight: out[m, taps × channels] = grad · windows, summed over images and places.
// The image is copied with channels as neighbours, so that rows of the right factor are copies. Sums over
// images fall into a number of parts that depends on shapes alone.
#include "../loops/epilogue.h"
#include "../runtime/threads.h"
#include "windows-blocks.h"

namespace flambeau {
namespace {

/** Panels of columns of one block of channels; column = tap · width + channel. */
struct ChannelBlock {
  int64_t first, width, columns, pitch;
  std::vector<WindowRun> runs;
  std::vector<size_t> panels;
  std::vector<int64_t> offsets;  // of places
  int64_t image = 0, sums = 0;   // where its copy and its sums start
};

template <class T>
class WeightGradient final : public Kernel {
 public:
  WeightGradient(const ContractSpec& spec, Convolution convolution)
      : c_(std::move(convolution)),
        micro_(microSetOf<T>()),
        kernels_(windowSetOf<T>()),
        blocks_(c_, std::max<int64_t>(256, std::min<int64_t>(1024, (1 << 17) / std::max<int64_t>(c_.m, 1)))),
        layout_(c_, blocks_) {
    if (!c_.isBare || c_.hasBias || !writesRows()) epilogue_ = planEpilogue(spec);
    const int64_t panels = std::max<int64_t>(1, ceilDivide(c_.m, micro_.rows));
    for (int64_t i = 0; i <= panels; i++) rows_.push_back(c_.m * i / panels);
    places_ = blocks_.images() * blocks_.walk(0) * blocks_.walk(1) * blocks_.walk(2);
    const int64_t width = c_.channels < micro_.columns ? std::max<int64_t>(c_.channels, 1) : micro_.columns;
    for (int64_t first = 0; first < c_.channels; first += width) addBlock(first, std::min(width, c_.channels - first));
    for (int64_t i = 0; i < kernels_.lanes; i++) neighbours_.push_back(i);
    planChunks();
  }

  void run(const Call& call) const override {
    if (c_.groups * c_.m * c_.channels * c_.allTaps() == 0) return;
    T* sums = static_cast<T*>(
        scratch(Scratch::Partial, sizeof(T) * static_cast<size_t>(parts_ * c_.groups * groupSums_ + 64)));
    parallelFor(c_.groups * parts_ * sections_, [&](int64_t chunk) { runChunk(call, sums, chunk); });
    const int64_t rows = c_.groups * c_.m, together = std::max<int64_t>(1, 4096 / (c_.channels * c_.allTaps()));
    parallelFor(ceilDivide(rows, together), [&](int64_t chunk) {
      for (int64_t row = chunk * together; row < std::min(rows, (chunk + 1) * together); row++) {
        finishRow(call, sums, row / c_.m, row % c_.m);
      }
    });
  }

 private:
  bool writesRows() const {
    int64_t stride = 1;
    for (int axis = kSpatial - 1; axis >= 0; axis--) {
      if (c_.taps[axis] > 1 && c_.out.tap[axis] != stride) return false;
      stride *= c_.taps[axis];
    }
    return c_.channels <= 1 || c_.out.channel == stride;
  }

  void addBlock(int64_t first, int64_t width) {
    ChannelBlock block{first, width, c_.allTaps() * width, 0, {}, {0}, {}, 0, 0};
    block.pitch = ceilDivide(block.columns, micro_.columns) * micro_.columns;
    int64_t column = 0;
    auto add = [&](int64_t from) {
      for (int64_t done = 0; done < width;) {
        if (column == micro_.columns * static_cast<int64_t>(block.panels.size())) {
          block.panels.push_back(block.runs.size());
        }
        const int64_t length = std::min(width - done, micro_.columns - column % micro_.columns);
        auto* last = block.runs.size() == block.panels.back() ? nullptr : &block.runs.back();
        if (last != nullptr && last->from + last->length == from + done) last->length += length;
        else block.runs.push_back({column, length, from + done, 0});
        column += length;
        done += length;
      }
    };
    const auto* phases = c_.phases;
    for (const auto& i : phases[0][0].taps) {
      for (const auto& j : phases[1][0].taps) {
        for (const auto& k : phases[2][0].taps) {
          add(width * (layout_.slot(0, i) * layout_.pitch(0) + layout_.slot(1, j) * layout_.pitch(1) +
                       layout_.slot(2, k)));
        }
      }
    }
    block.panels.push_back(block.runs.size());
    block.image = imageSize_;
    block.sums = groupSums_;
    imageSize_ += blocks_.images() * layout_.size() * width;
    groupSums_ += c_.m * block.pitch;
    channelBlocks_.push_back(std::move(block));
  }

  /** Chunks are groups × parts of the sum × sections of the channel blocks. */
  void planChunks() {
    const int64_t blocks = static_cast<int64_t>(channelBlocks_.size());
    sections_ = std::max<int64_t>(1, std::min(blocks, groupSums_ / (1 << 18)));
    const int64_t have = std::max<int64_t>(1, c_.groups * sections_), work = 2 * places_ * groupSums_;
    parts_ = 1;
    if (have < 8 && work * blocks_.count() > 1 << 23) parts_ = std::min(ceilDivide(8, have), blocks_.count());
    parts_ = std::max<int64_t>(1, std::min(parts_, (1 << 22) / std::max<int64_t>(1, c_.groups * groupSums_)));
  }

  void runChunk(const Call& call, T* sums, int64_t chunk) const {
    const int64_t section = chunk % sections_, part = chunk / sections_ % parts_, group = chunk / (sections_ * parts_);
    const int64_t blocks = static_cast<int64_t>(channelBlocks_.size());
    const size_t first = static_cast<size_t>(blocks * section / sections_);
    const size_t last = static_cast<size_t>(blocks * (section + 1) / sections_);
    const T* grad = reinterpret_cast<const T*>(call.inputs[c_.affineOperand]) + c_.affineOffset;
    const T* image = reinterpret_cast<const T*>(call.inputs[c_.imageOperand]) + c_.imageOffset;
    grad += group * c_.affine.group;
    image += group * c_.image.group;
    T* own = sums + (part * c_.groups + group) * groupSums_;
    const int64_t from = blocks_.count() * part / parts_, to = blocks_.count() * (part + 1) / parts_;
    if (from == to) {
      for (size_t b = first; b < last; b++) {
        std::fill_n(own + channelBlocks_[b].sums, c_.m * channelBlocks_[b].pitch, T(0));
      }
    }
    const int64_t base = channelBlocks_[first].image;
    const int64_t end = last < channelBlocks_.size() ? channelBlocks_[last].image : imageSize_;
    T* copy = static_cast<T*>(scratch(Scratch::Window, sizeof(T) * static_cast<size_t>(end - base + 64)));
    T* packed = static_cast<T*>(scratch(Scratch::PackA, sizeof(T) * static_cast<size_t>(c_.m * places_ + 64)));
    T* panel = static_cast<T*>(scratch(Scratch::PackB, panelBytes()));
    static thread_local std::vector<int64_t> positions;
    static thread_local std::vector<WindowSpan> spans;
    for (int64_t index = from; index < to; index++) {
      const ImageBlock block = blocks_.at(index);
      findPlaces(block, positions);
      layout_.findSpans(c_, blocks_, block, spans);
      // Zeros lie where they lay for the block before, unless it was another part of the image.
      const bool isBand = blocks_.walk(blocks_.bandAxis()) < c_.places[blocks_.bandAxis()];
      if (index == from || isBand) std::fill_n(copy, end - base, T(0));
      const int64_t k = static_cast<int64_t>(positions.size());
      for (size_t b = first; b < last; b++) {
        copyChannels(image, block, channelBlocks_[b], spans, copy + channelBlocks_[b].image - base, panel);
      }
      const int64_t steps = std::max<int64_t>(1, ceilDivide(k, kDepth));
      for (int64_t s = 0; s < steps; s++) packGradient(grad, block, k * s / steps, k * (s + 1) / steps, packed);
      static thread_local std::vector<int64_t> offsets;
      for (size_t b = first; b < last; b++) {
        const auto& channels = channelBlocks_[b];
        offsets.resize(positions.size());
        for (size_t i = 0; i < positions.size(); i++) offsets[i] = positions[i] * channels.width;
        for (int64_t s = 0; s < steps; s++) {
          multiply(channels, copy + channels.image - base, offsets.data(), k * s / steps, k * (s + 1) / steps, packed,
                   panel, own + channels.sums, index > from || s > 0);
        }
      }
    }
  }

  /** A panel of B, or a row of the image with channels apart. */
  size_t panelBytes() const {
    return sizeof(T) * static_cast<size_t>((std::max(kDepth, layout_.lengths[2]) + 1) * micro_.columns + 64);
  }

  /** Positions of a block's places in the canonical copy. */
  void findPlaces(const ImageBlock& block, std::vector<int64_t>& positions) const {
    positions.clear();
    int64_t count[kSpatial];
    for (int axis = 0; axis < kSpatial; axis++) count[axis] = blocks_.places(axis, block, c_.places[axis]);
    for (int64_t image = 0; image < block.images; image++) {
      for (int64_t i = 0; i < count[0]; i++) {
        for (int64_t j = 0; j < count[1]; j++) {
          const int64_t row = image * layout_.size() + i * layout_.pitch(0) + j * layout_.pitch(1);
          for (int64_t k = 0; k < count[2]; k++) positions.push_back(row + k);
        }
      }
    }
  }

  void copyChannels(const T* image, const ImageBlock& block, const ChannelBlock& channels,
                    const std::vector<WindowSpan>& spans, T* to, T* dense) const {
    const int64_t width = channels.width, step = c_.image.channel, stride = c_.axes[2].step * c_.axes[2].stride;
    for (int64_t i = 0; i < block.images; i++) {
      const T* from = image + channels.first * step + (block.firstImage + i) * c_.image.image;
      T* out = to + i * layout_.size() * width;
      for (const auto& span : spans) {
        T* row = out + span.position * width;
        const T* source = from + span.offset;
        if (width == micro_.columns) {
          if (stride == 1) {
            micro_.packB(source, 1, step, span.count, width, row);
            continue;
          }
          const WindowSpan whole{0, 0, span.count};
          for (int64_t channel = 0; channel < width; channel++) {
            kernels_.copySpans(dense + channel * span.count, source + channel * step, &whole, 1, stride);
          }
          micro_.packB(dense, 1, span.count, span.count, width, row);
          continue;
        }
        for (int64_t channel = 0; channel < width; channel++) {
          for (int64_t j = 0; j < span.count; j++) row[j * width + channel] = source[channel * step + j * stride];
        }
      }
    }
  }

  /** Packs k steps low … high of a block's places, all rows. */
  void packGradient(const T* grad, const ImageBlock& block, int64_t low, int64_t high, T* packed) const {
    int64_t count[kSpatial], inner = 1, run = 1;
    bool isOneRun = true;
    for (int axis = kSpatial - 1; axis >= 0; axis--) {
      count[axis] = blocks_.places(axis, block, c_.places[axis]);
      if (count[axis] > 1 && c_.affine.place[axis] != inner * c_.affine.place[2]) isOneRun = false;
      inner *= count[axis];
      if (isOneRun) run = inner;
    }
    const T* from = grad + block.firstImage * c_.affine.image + blocks_.low(blocks_.bandAxis(), block) *
                                                                    c_.affine.place[blocks_.bandAxis()];
    for (int64_t k = low; k < high;) {
      const int64_t image = k / inner, at = k % inner, length = std::min(high - k, run - at % run);
      const int64_t x = at % count[2], y = at / count[2] % count[1], z = at / count[2] / count[1];
      const T* place = from + image * c_.affine.image + z * c_.affine.place[0] + y * c_.affine.place[1] +
                       x * c_.affine.place[2];
      for (size_t p = 0; p + 1 < rows_.size(); p++) {
        const int64_t m = rows_[p + 1] - rows_[p];
        T* to = packed + low * c_.m + rows_[p] * (high - low) + (k - low) * m;
        micro_.packA(place + rows_[p] * c_.affine.m, c_.affine.m, c_.affine.place[2], m, length, to);
      }
      k += length;
    }
  }

  void multiply(const ChannelBlock& channels, const T* image, const int64_t* offsets, int64_t low, int64_t high,
                const T* packed, T* panel, T* sums, bool accumulate) const {
    const int64_t k = high - low;
    for (size_t p = 0; p + 1 < channels.panels.size(); p++) {
      const size_t begin = channels.panels[p], end = channels.panels[p + 1];
      const int64_t column = static_cast<int64_t>(p) * micro_.columns;
      const int columns = static_cast<int>(std::min<int64_t>(micro_.columns, channels.columns - column));
      kernels_.pack(image, offsets + low, k, &channels.runs[begin], static_cast<int64_t>(end - begin), panel - column,
                    micro_.columns, true);
      for (size_t r = 0; r + 1 < rows_.size(); r++) {
        const int64_t row = rows_[r], m = rows_[r + 1] - row;
        micro_.tile({static_cast<int>(m), columns, k, packed + low * c_.m + row * k, 1, m, panel, micro_.columns,
                     sums + row * channels.pitch + column, channels.pitch, accumulate, nullptr, nullptr, 0,
                     nullptr, 0});
      }
    }
  }

  /** Adds the parts of one row, in order, and puts channels before taps: a transpose. */
  void finishRow(const Call& call, const T* sums, int64_t group, int64_t row) const {
    const int64_t taps = c_.allTaps();
    const bool isStraight = epilogue_ == nullptr;
    T* out = isStraight ? reinterpret_cast<T*>(call.outputs[c_.outOperand]) + c_.outOffset + group * c_.out.group +
                              row * c_.out.m
                        : static_cast<T*>(scratch(Scratch::Tile, sizeof(T) * static_cast<size_t>(c_.channels * taps)));
    T* line = static_cast<T*>(scratch(Scratch::PackB, sizeof(T) * static_cast<size_t>(taps * micro_.columns)));
    for (const auto& channels : channelBlocks_) {
      const T* from = sums + group * groupSums_ + channels.sums + row * channels.pitch;
      if (parts_ > 1) {
        std::copy_n(from, channels.columns, line);
        for (int64_t part = 1; part < parts_; part++) {
          const T* next = from + part * c_.groups * groupSums_;
          for (int64_t i = 0; i < channels.columns; i++) line[i] += next[i];
        }
        from = line;
      }
      T* to = out + channels.first * taps;
      const int64_t lanes = static_cast<int64_t>(neighbours_.size()), whole = channels.width / lanes;
      kernels_.packTaps(from, channels.width, lanes, neighbours_.data(), lanes, taps, whole, to);
      for (int64_t channel = whole * lanes; channel < channels.width; channel++) {
        for (int64_t tap = 0; tap < taps; tap++) to[channel * taps + tap] = from[tap * channels.width + channel];
      }
    }
    const int64_t outer[2] = {group, row};
    if (!isStraight) epilogue_->run(call, c_.hasGroups ? outer : outer + 1, 0, c_.channels * taps, out);
  }

  /** Most k steps of a panel. */
  static constexpr int64_t kDepth = 256;

  Convolution c_;
  const MicroSet<T>& micro_;
  const WindowSet<T>& kernels_;
  ImageBlocks blocks_;
  CanonicalLayout layout_;
  std::unique_ptr<Epilogue> epilogue_;
  std::vector<int64_t> rows_;  // first row of each panel of the gradient
  std::vector<int64_t> neighbours_;  // 0, 1, … as many as a vector has
  std::vector<ChannelBlock> channelBlocks_;
  int64_t places_ = 0;  // most of a block
  int64_t imageSize_ = 0, groupSums_ = 0, sections_ = 1, parts_ = 1;
};

}  // namespace

std::unique_ptr<Kernel> planWeightGradient(const ContractSpec& spec, Convolution convolution) {
  if (convolution.type == WordType::Float64) {
    return std::make_unique<WeightGradient<double>>(spec, std::move(convolution));
  }
  return std::make_unique<WeightGradient<float>>(spec, std::move(convolution));
}

}  // namespace flambeau
