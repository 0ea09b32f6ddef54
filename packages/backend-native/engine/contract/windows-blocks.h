// How a convolution is cut into blocks of images and places, and the copy of a block of the image in which
// neighbouring places are neighbours and nothing needs checking ("canonical").
#pragma once
#include <algorithm>

#include "micro.h"
#include "windows-geometry.h"
#include "windows-kernels.h"

namespace flambeau {

template <class T> const MicroSet<T>& microSetOf();
template <> inline const MicroSet<float>& microSetOf<float>() { return microKernels(); }
template <> inline const MicroSet<double>& microSetOf<double>() { return microKernels64(); }
template <class T> const WindowSet<T>& windowSetOf();
template <> inline const WindowSet<float>& windowSetOf<float>() { return windowKernels(); }
template <> inline const WindowSet<double>& windowSetOf<double>() { return windowKernels64(); }

constexpr int64_t ceilDivide(int64_t a, int64_t b) { return (a + b - 1) / b; }

/** Some images, or a band of places of one: `low … high` along the blocks' band axis, in steps of a phase. */
struct ImageBlock {
  int64_t firstImage, images, low, high;
};

/** The cut of images and places into blocks of about `target` places each. */
class ImageBlocks {
 public:
  ImageBlocks(const Convolution& convolution, int64_t target);
  /** The same cut for a convolution that has `scale` places where the other has one. */
  ImageBlocks(const ImageBlocks& blocks, const Convolution& convolution, int64_t scale);
  int64_t count() const { return groups_ * bands_; }
  ImageBlock at(int64_t index) const;
  int bandAxis() const { return bandAxis_; }
  /** Most of a block. */
  int64_t images() const { return images_; }
  /** Places along `axis` of a block, of phases that have most. */
  int64_t walk(int axis) const { return axis == bandAxis_ ? band_ : walk_[axis]; }
  /** Of one phase in a block: its first place along `axis`, in steps of the phase, and how many. */
  int64_t low(int axis, const ImageBlock& block) const { return axis == bandAxis_ ? block.low : 0; }
  int64_t places(int axis, const ImageBlock& block, int64_t phaseCount) const {
    if (axis != bandAxis_) return phaseCount;
    return std::max<int64_t>(0, std::min(block.high, phaseCount) - block.low);
  }

 private:
  void measure(const Convolution& convolution);

  int bandAxis_ = kSpatial - 1;
  int64_t walk_[kSpatial], total_, images_, groups_, band_, bands_;
};

/** Where taps and places lie in the canonical copy, for blocks of a cut. */
class CanonicalLayout {
 public:
  CanonicalLayout(const Convolution& convolution, const ImageBlocks& blocks);
  /** Elements of one image and channel. */
  int64_t size() const { return lengths[0] * lengths[1] * lengths[2]; }
  /** Of a tap on one axis, in rows, columns, … of that axis. */
  int64_t slot(int axis, const WindowTap& tap) const {
    return starts[axis][static_cast<size_t>(tap.plane)] + tap.shift;
  }
  int64_t pitch(int axis) const { return axis == 0 ? lengths[1] * lengths[2] : axis == 1 ? lengths[2] : 1; }

  int64_t lengths[kSpatial];
  std::vector<int64_t> starts[kSpatial];  // of each plane

  /** What the copy of one image and channel takes from the image, by offset from its element 0; the rest is
   * zeros. Neighbours are step · stride of the last axis apart. */
  void findSpans(const Convolution& c, const ImageBlocks& blocks, const ImageBlock& block,
                 std::vector<WindowSpan>& spans) const;

 private:
  /** Coordinate on the image of a position along an axis. */
  int64_t coordinate(const WindowAxis& axis, int a, int64_t position, int64_t low) const {
    size_t plane = axis.planes.size() - 1;
    while (position < starts[a][plane]) plane--;
    return axis.planes[plane].first + (low + position - starts[a][plane]) * axis.step;
  }
};

/** The kernel for all convolutions but weight gradients. */
class GatherKernel : public Kernel {
 public:
  /** Only those blocks of the cut that are marked: [group][block]. */
  virtual void runBlocks(const Call& call, const uint8_t* marks) const = 0;
};
/** With a cut of its own where `blocks` is null. */
std::unique_ptr<GatherKernel> planGather(const ContractSpec& spec, const Convolution& convolution,
                                         const ImageBlocks* blocks);

}  // namespace flambeau
