// The cut of a convolution into blocks, and the layout of a block's canonical copy.
#include "windows-blocks.h"

namespace flambeau {

void ImageBlocks::measure(const Convolution& convolution) {
  for (int axis = kSpatial - 1; axis >= 0; axis--) {
    walk_[axis] = 0;
    for (const auto& phase : convolution.phases[axis]) walk_[axis] = std::max(walk_[axis], phase.count);
    if (convolution.places[axis] > 1) bandAxis_ = axis;
  }
}

ImageBlocks::ImageBlocks(const Convolution& convolution, int64_t target) : total_(convolution.images) {
  measure(convolution);
  const int64_t all = convolution.allPlaces();
  const int64_t walk = std::max<int64_t>(walk_[bandAxis_], 1);
  const int64_t bands = all > target + target / 2 ? std::min(walk, ceilDivide(all, target)) : 1;
  band_ = ceilDivide(walk, bands);
  bands_ = ceilDivide(walk, band_);
  const int64_t wanted = bands_ > 1 ? 1 : std::max<int64_t>(1, target / std::max<int64_t>(all, 1));
  const int64_t groups = ceilDivide(total_, wanted);
  images_ = std::max<int64_t>(1, ceilDivide(total_, std::max<int64_t>(groups, 1)));
  groups_ = ceilDivide(total_, images_);
}

ImageBlocks::ImageBlocks(const ImageBlocks& blocks, const Convolution& convolution, int64_t scale)
    : ImageBlocks(blocks) {
  measure(convolution);
  bandAxis_ = blocks.bandAxis_;
  band_ = std::min(blocks.band_ * scale, walk_[bandAxis_]);
}

ImageBlock ImageBlocks::at(int64_t index) const {
  const int64_t image = index / bands_ * images_, low = index % bands_ * band_;
  return {image, std::min(images_, total_ - image), low, std::min(low + band_, std::max(walk_[bandAxis_], low))};
}

CanonicalLayout::CanonicalLayout(const Convolution& convolution, const ImageBlocks& blocks) {
  for (int axis = 0; axis < kSpatial; axis++) {
    lengths[axis] = 0;
    for (const auto& plane : convolution.axes[axis].planes) {
      starts[axis].push_back(lengths[axis]);
      lengths[axis] += blocks.walk(axis) + plane.extra;
    }
  }
}

void CanonicalLayout::findSpans(const Convolution& c, const ImageBlocks& blocks, const ImageBlock& block,
                                std::vector<WindowSpan>& spans) const {
  spans.clear();
  const WindowAxis& last = c.axes[2];
  int64_t position = 0;
  for (int64_t i = 0; i < lengths[0]; i++) {
    const int64_t q0 = coordinate(c.axes[0], 0, i, blocks.low(0, block));
    for (int64_t j = 0; j < lengths[1]; j++, position += lengths[2]) {
      const int64_t q1 = coordinate(c.axes[1], 1, j, blocks.low(1, block));
      if (q0 < 0 || q0 >= c.axes[0].size || q1 < 0 || q1 >= c.axes[1].size) continue;
      const int64_t row = q0 * c.axes[0].stride + q1 * c.axes[1].stride;
      for (size_t p = 0; p < last.planes.size(); p++) {
        const int64_t length = (p + 1 < last.planes.size() ? starts[2][p + 1] : lengths[2]) - starts[2][p];
        const int64_t first = last.planes[p].first + blocks.low(2, block) * last.step;
        const int64_t low = first >= 0 ? 0 : ceilDivide(-first, last.step);
        const int64_t high = first >= last.size ? 0 : std::min(length, ceilDivide(last.size - first, last.step));
        if (low >= high) continue;
        spans.push_back({position + starts[2][p] + low, row + (first + low * last.step) * last.stride, high - low});
      }
    }
  }
}

}  // namespace flambeau
