// Convolutions with 3×3 windows at stride 1, and the gradients of their inputs, by Winograd's F(2×2, 3×3): one
// matrix product for each of the 16 elements of a tile, 2.25 times fewer multiplications than windows need.
// Blocks where it meets what is not finite are done again without it.
#include "windows-winograd.h"

#include "../loops/epilogue.h"
#include "../runtime/threads.h"
#include "windows-blocks.h"

namespace flambeau {
namespace {

constexpr int64_t kWindow = 3;

/** Neighbouring tiles, and what of them is inside the output. */
struct TileRun {
  int64_t column, to, rows, columns;
};

/** Tiles as places of their own: 4 taps, 2 apart. */
Convolution tilesOf(const Convolution& c, int64_t places, int64_t side) {
  Convolution tiles = c;
  for (int axis = 1; axis < kSpatial; axis++) {
    int64_t first = INT64_MAX;
    for (const auto& tap : c.phases[axis][0].taps) first = std::min(first, tap.start);
    tiles.places[axis] = ceilDivide(c.places[axis], places);
    tiles.taps[axis] = side;
    WindowPhase phase;
    phase.count = tiles.places[axis];
    for (int64_t i = 0; i < side; i++) phase.taps.push_back({i, first + i, i % places, i / places});
    tiles.phases[axis] = {phase};
    tiles.axes[axis].step = places;
    tiles.axes[axis].planes.clear();
    for (int64_t i = 0; i < places; i++) tiles.axes[axis].planes.push_back({first + i, (side - 1 - i) / places});
  }
  return tiles;
}

template <class T>
class Winograd final : public Kernel {
 public:
  Winograd(const ContractSpec& spec, const Convolution& convolution)
      : c_(convolution),
        winograd_(winogradKernels()),
        micro_(microSetOf<T>()),
        kernels_(windowSetOf<T>()),
        tiles_(tilesOf(c_, winograd_.places, winograd_.side)),
        tileBlocks_(tiles_, blockTarget(c_, tiles_)),
        blocks_(tileBlocks_, c_, winograd_.places),
        layout_(tiles_, tileBlocks_),
        elements_(winograd_.side * winograd_.side),
        direct_(planGather(spec, c_, &blocks_)) {
    if (!c_.isBare) epilogue_ = planEpilogue(spec);
    const int64_t panels = ceilDivide(c_.m, micro_.rows);
    for (int64_t i = 0; i <= panels; i++) rows_.push_back(c_.m * i / panels);
    // Taps in the order of what they read, whichever way the weight runs.
    for (const auto& i : inOrder(c_.phases[1][0])) {
      for (const auto& j : inOrder(c_.phases[2][0])) {
        weightTaps_.push_back(i.index * c_.affine.tap[1] + j.index * c_.affine.tap[2]);
      }
    }
    for (const auto& i : tiles_.phases[1][0].taps) {
      for (const auto& j : tiles_.phases[2][0].taps) {
        offsets_.push_back(layout_.slot(1, i) * layout_.pitch(1) + layout_.slot(2, j));
      }
    }
    const int64_t have = c_.groups * blocks_.count();
    const int64_t wanted = threadCount() > 1 && c_.isBare ? 2 * threadCount() : 1;
    mBlocks_ = std::min(panels, ceilDivide(wanted, have));
  }

  void run(const Call& call) const override {
    T* packed = static_cast<T*>(
        scratch(Scratch::PackA, sizeof(T) * static_cast<size_t>(c_.groups * groupWeights() + 64)));
    const int64_t panels = static_cast<int64_t>(rows_.size()) - 1;
    parallelFor(c_.groups * panels, [&](int64_t task) {
      packWeight(call, task / panels, static_cast<size_t>(task % panels), packed);
    });
    const size_t blocks = static_cast<size_t>(c_.groups * blocks_.count());
    std::vector<uint8_t> done(blocks * static_cast<size_t>(mBlocks_)), marks(blocks, 0);
    parallelFor(static_cast<int64_t>(done.size()),
                [&](int64_t chunk) { done[static_cast<size_t>(chunk)] = runChunk(call, packed, chunk); });
    bool isDone = true;
    for (size_t i = 0; i < done.size(); i++) {
      if (done[i]) continue;
      marks[i / static_cast<size_t>(mBlocks_)] = 1;
      isDone = false;
    }
    if (!isDone) direct_->runBlocks(call, marks.data());
  }

 private:
  /** Tiles of a block: what fits into a core's cache, and, as an epilogue must not run twice, several blocks. */
  static int64_t blockTarget(const Convolution& c, const Convolution& tiles) {
    const int64_t fitting = std::max<int64_t>(96, 24576 / (c.m + c.channels)), all = tiles.images * tiles.allPlaces();
    return c.isBare ? fitting : std::min(fitting, std::max<int64_t>(1, all / 4));
  }

  static std::vector<WindowTap> inOrder(const WindowPhase& phase) {
    auto taps = phase.taps;
    std::sort(taps.begin(), taps.end(), [](const auto& a, const auto& b) { return a.start < b.start; });
    return taps;
  }

  int64_t groupWeights() const { return elements_ * c_.m * c_.channels; }

  /** Transforms the weights of one panel of rows, to [element][channel][rows]. */
  void packWeight(const Call& call, int64_t group, size_t panel, T* packed) const {
    const int64_t row = rows_[panel], m = rows_[panel + 1] - row, k = c_.channels * kWindow * kWindow;
    const T* from = reinterpret_cast<const T*>(call.inputs[c_.affineOperand]) + c_.affineOffset;
    from += group * c_.affine.group + row * c_.affine.m;
    T* plain = static_cast<T*>(scratch(Scratch::PackB, sizeof(T) * static_cast<size_t>(k * m + 64)));
    bool isRegular = c_.affine.channel == kWindow * kWindow;
    for (size_t t = 0; t < weightTaps_.size(); t++) isRegular = isRegular && weightTaps_[t] == static_cast<int64_t>(t);
    if (isRegular) {
      micro_.packA(from, c_.affine.m, 1, m, k, plain);
    } else {
      kernels_.packTaps(from, c_.affine.m, c_.affine.channel, weightTaps_.data(), kWindow * kWindow, m, c_.channels,
                        plain);
    }
    winograd_.weight(plain, m, c_.channels, packed + group * groupWeights() + row * c_.channels, c_.m * c_.channels);
  }

  /** Runs of tiles of a block, panel by panel: where they lie in the copy, and where their places go. */
  void findRuns(const ImageBlock& tiles, const ImageBlock& block, std::vector<WindowRun>& runs,
                std::vector<TileRun>& places, std::vector<size_t>& panels) const {
    runs.clear();
    places.clear();
    panels.assign(1, 0);
    const int64_t step = winograd_.places, rows = tileBlocks_.places(1, tiles, tiles_.places[1]);
    const int64_t lastRow = std::min(block.high, c_.places[1]);
    int64_t column = 0;
    for (int64_t image = 0; image < tiles.images; image++) {
      for (int64_t i = 0; i < rows; i++) {
        for (int64_t j = 0; j < tiles_.places[2];) {
          if (column == micro_.columns * static_cast<int64_t>(panels.size())) panels.push_back(runs.size());
          const int64_t length = std::min(micro_.columns - column % micro_.columns, tiles_.places[2] - j);
          const int64_t y = block.low + i * step, x = j * step;
          runs.push_back({column, length, image * layout_.size() + i * layout_.pitch(1) + j, 0});
          places.push_back({column, toPlace(block, image, y, x), std::min(step, lastRow - y),
                            std::min(step * length, c_.places[2] - x)});
          column += length;
          j += length;
        }
      }
    }
    panels.push_back(runs.size());
  }

  /** Offset of a place: in the output, or in a stretch of the flattened n axes. */
  int64_t toPlace(const ImageBlock& block, int64_t image, int64_t y, int64_t x) const {
    if (c_.isBare) return image * c_.out.image + y * c_.out.place[1] + x;
    return image * c_.allPlaces() + (y - block.low) * c_.places[2] + x;
  }

  /** False where a result is not finite; then nothing but bare sums was stored. */
  bool runChunk(const Call& call, const T* packed, int64_t chunk) const {
    const int64_t group = chunk / (mBlocks_ * blocks_.count()), panels = static_cast<int64_t>(rows_.size()) - 1;
    const ImageBlock tiles = tileBlocks_.at(chunk / mBlocks_ % blocks_.count());
    const ImageBlock block = blocks_.at(chunk / mBlocks_ % blocks_.count());
    const size_t firstPanel = static_cast<size_t>(panels * (chunk % mBlocks_) / mBlocks_);
    const size_t lastPanel = static_cast<size_t>(panels * (chunk % mBlocks_ + 1) / mBlocks_);
    static thread_local std::vector<WindowRun> runs;
    static thread_local std::vector<TileRun> places;
    static thread_local std::vector<size_t> columns;
    findRuns(tiles, block, runs, places, columns);
    const T* image = transformImage(call, group, tiles, runs, columns);
    const int64_t pitch = static_cast<int64_t>(columns.size() - 1) * micro_.columns + 16;
    const int64_t firstRow = rows_[firstPanel], m = rows_[lastPanel] - firstRow;
    T* sums = static_cast<T*>(scratch(Scratch::Tile, sizeof(T) * static_cast<size_t>(elements_ * m * pitch)));
    multiply(packed + group * groupWeights(), image, static_cast<int64_t>(columns.size() - 1), firstPanel, lastPanel,
             sums, pitch);
    return finish(call, group, block, firstRow, m, sums, pitch, places, columns);
  }

  /** Tiles of a block, transformed: [element][panel][channel][columns]. */
  const T* transformImage(const Call& call, int64_t group, const ImageBlock& tiles, const std::vector<WindowRun>& runs,
                          const std::vector<size_t>& panels) const {
    const int64_t count = static_cast<int64_t>(panels.size() - 1), columns = micro_.columns;
    const int64_t elementPitch = count * c_.channels * columns, channelPitch = layout_.size() * tileBlocks_.images();
    const T* image = reinterpret_cast<const T*>(call.inputs[c_.imageOperand]) + c_.imageOffset;
    image += group * c_.image.group + tiles.firstImage * c_.image.image;
    T* transformed =
        static_cast<T*>(scratch(Scratch::PackB, sizeof(T) * static_cast<size_t>(elements_ * elementPitch)));
    const size_t bytes = sizeof(T) * static_cast<size_t>(channelPitch + kernels_.lanes + elements_ * columns + 64);
    T* copy = static_cast<T*>(scratch(Scratch::Window, bytes));
    std::memset(copy, 0, bytes);
    T* tile = copy + ceilDivide(channelPitch + kernels_.lanes, 16) * 16;
    static thread_local std::vector<WindowSpan> spans;
    layout_.findSpans(tiles_, tileBlocks_, tiles, spans);
    const int64_t stride = tiles_.axes[2].step * tiles_.axes[2].stride;
    for (int64_t channel = 0; channel < c_.channels; channel++) {
      for (int64_t i = 0; i < tiles.images; i++) {
        kernels_.copySpans(copy + i * layout_.size(), image + channel * c_.image.channel + i * c_.image.image,
                           spans.data(), static_cast<int64_t>(spans.size()), stride);
      }
      for (int64_t p = 0; p < count; p++) {
        const size_t begin = panels[static_cast<size_t>(p)], end = panels[static_cast<size_t>(p) + 1];
        kernels_.pack(copy, offsets_.data(), elements_, &runs[begin], static_cast<int64_t>(end - begin),
                      tile - p * columns, columns, true);
        winograd_.image(tile, micro_.columns, transformed + (p * c_.channels + channel) * columns, elementPitch);
      }
    }
    return transformed;
  }

  /** One product for each element of a tile, to [element][row][column]. */
  void multiply(const T* weight, const T* image, int64_t count, size_t firstPanel, size_t lastPanel, T* sums,
                int64_t pitch) const {
    const int64_t rows = rows_[lastPanel] - rows_[firstPanel], columns = micro_.columns;
    const int64_t steps = std::max<int64_t>(1, ceilDivide(c_.channels, 384));
    for (int64_t element = 0; element < elements_; element++) {
      for (int64_t p = 0; p < count; p++) {
        const T* b = image + (element * count + p) * c_.channels * columns;
        for (int64_t s = 0; s < steps; s++) {
          const int64_t low = c_.channels * s / steps, high = c_.channels * (s + 1) / steps;
          for (size_t panel = firstPanel; panel < lastPanel; panel++) {
            const int64_t row = rows_[panel], m = rows_[panel + 1] - row;
            const T* a = weight + (element * c_.m + row) * c_.channels + low * m;
            T* c = sums + (element * rows + row - rows_[firstPanel]) * pitch + p * columns;
            micro_.multiply(static_cast<int>(m), high - low, a, b + low * columns, columns, c, pitch, s > 0);
          }
        }
      }
    }
  }

  bool finish(const Call& call, int64_t group, const ImageBlock& block, int64_t firstRow, int64_t m, const T* sums,
              int64_t pitch, const std::vector<TileRun>& places, const std::vector<size_t>& panels) const {
    const int64_t columns = micro_.columns, width = columns * winograd_.places;
    const int64_t bandRows = std::min(block.high, c_.places[1]) - block.low;
    const int64_t count = (block.images - 1) * c_.allPlaces() + bandRows * c_.places[2];
    const int64_t rowPitch = c_.isBare ? c_.out.m : count, step = c_.isBare ? c_.out.place[1] : c_.places[2];
    T* lines = static_cast<T*>(scratch(
        Scratch::Partial, sizeof(T) * static_cast<size_t>(winograd_.places * width + (c_.isBare ? 0 : m * count))));
    T* stretch = lines + winograd_.places * width;
    T* out = stretch;
    if (c_.isBare) {
      out = reinterpret_cast<T*>(call.outputs[c_.outOperand]) + c_.outOffset;
      out += group * c_.out.group + firstRow * c_.out.m + block.firstImage * c_.out.image;
    }
    bool areFinite = true;
    for (int64_t row = 0; row < m; row++) {
      const T bias = !c_.hasBias ? T(0)
                                 : *(reinterpret_cast<const T*>(call.inputs[c_.biasOperand]) + c_.biasOffset +
                                     group * c_.biasGroup + (firstRow + row) * c_.biasM);
      for (size_t p = 0; p + 1 < panels.size(); p++) {
        const int64_t first = static_cast<int64_t>(p) * columns;
        areFinite = winograd_.sums(sums + row * pitch + first, m * pitch, micro_.columns, bias, lines) && areFinite;
        for (size_t r = panels[p]; r < panels[p + 1]; r++) {
          for (int64_t i = 0; i < places[r].rows; i++) {
            kernels_.copy(out + row * rowPitch + places[r].to + i * step,
                          lines + i * width + (places[r].column - first) * winograd_.places, places[r].columns);
          }
        }
      }
    }
    if (c_.isBare || !areFinite) return areFinite;
    const int64_t first = block.firstImage * c_.allPlaces() + block.low * c_.places[2];
    for (int64_t row = 0; row < m; row++) {
      const int64_t outer[2] = {group, firstRow + row};
      epilogue_->run(call, c_.hasGroups ? outer : outer + 1, first, count, stretch + row * count);
    }
    return true;
  }

  Convolution c_;
  const WinogradSet<T>& winograd_;
  const MicroSet<T>& micro_;
  const WindowSet<T>& kernels_;
  Convolution tiles_;
  ImageBlocks tileBlocks_, blocks_;
  CanonicalLayout layout_;
  int64_t elements_;
  std::unique_ptr<GatherKernel> direct_;
  std::unique_ptr<Epilogue> epilogue_;
  std::vector<int64_t> rows_, weightTaps_, offsets_;
  int64_t mBlocks_ = 1;
};

}  // namespace

std::unique_ptr<Kernel> planWinograd(const ContractSpec& spec, const Convolution& c) {
  if (c.type != WordType::Float32 || c.phases[0].size() != 1 || c.taps[0] != 1 || c.places[0] != 1) return nullptr;
  for (int axis = 1; axis < kSpatial; axis++) {
    if (c.taps[axis] != kWindow || c.places[axis] < 4 || c.phases[axis].size() != 1) return nullptr;
    if (c.axes[axis].step != 1) return nullptr;
    const auto& taps = c.phases[axis][0].taps;
    const int64_t turn = taps[1].start - taps[0].start;
    if ((turn != 1 && turn != -1) || taps[2].start - taps[1].start != turn) return nullptr;
  }
  // Fewer channels do not pay for the transforms.
  if (c.m < 16 || c.channels < 16 || c.images == 0 || c.groups == 0) return nullptr;
  if (c.isBare && c.out.place[2] != 1) return nullptr;
  return std::make_unique<Winograd<float>>(spec, c);
}

}  // namespace flambeau
