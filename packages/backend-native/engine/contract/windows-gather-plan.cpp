// The plan of windows-gather.h: phases and their offsets, chunks, and which stretches of an image make the
// panels of a block. What runs it: windows-gather.cpp.
#include "windows-gather.h"

#include <algorithm>

#include "../runtime/threads.h"

namespace flambeau {

GatherPlan::GatherPlan(const Convolution& convolution, const ImageBlocks* blocks, const Units& units)
    : c_(convolution),
      units_(units),
      isFew_(c_.m <= units.fewRows),
      blocks_(blocks ? *blocks : ImageBlocks(c_, blockTarget(c_))),
      layout_(c_, blocks_),
      readsInPlace_(canReadInPlace()) {
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
  const int64_t panels = std::max<int64_t>(1, ceilDivide(c_.m, isFew_ ? units.fewRows : units.rows));
  for (int64_t i = 0; i <= panels; i++) rows_.push_back(c_.m * i / panels);
  // At such a stride rows would drive each other out of the cache.
  const bool doCollide = c_.affine.m * units.bytes % 2048 == 0;
  isWeightInPlace_ = !isFew_ && !doCollide && phases_.size() == 1 && kStrideOf(phases_[0]) == 1;
  planChunks();
}

int64_t GatherPlan::wantedChunks() { return threadCount() > 1 ? 2 * threadCount() : 1; }

/** Places of a block: as many as fit into caches, in blocks for all threads if they stay worth it. */
int64_t GatherPlan::blockTarget(const Convolution& c) {
  const int64_t fitting = std::min<int64_t>(1024, (1 << 18) / std::max<int64_t>(c.m, 1));
  const int64_t shared = std::max<int64_t>(128, c.groups * c.images * c.allPlaces() / wantedChunks());
  return std::max<int64_t>(64, std::min(fitting, shared));
}

/** Whether all windows lie inside an image whose neighbours are neighbours in memory. */
bool GatherPlan::canReadInPlace() const {
  for (int axis = 0; axis < kSpatial; axis++) {
    const auto& a = c_.axes[axis];
    if (c_.phases[axis].size() != 1) return false;
    for (const auto& tap : c_.phases[axis][0].taps) {
      if (tap.start < 0 || tap.start + (c_.places[axis] - 1) * a.step >= a.size) return false;
    }
  }
  if (isFew_ && c_.places[2] % units_.lanes != 0) return false;
  return c_.axes[2].step * c_.axes[2].stride == 1;
}

void GatherPlan::addPhase(const WindowPhase& i, const WindowPhase& j, const WindowPhase& k) {
  Phase phase{{&i, &j, &k}, 1, {}, {}, 0};
  for (const auto* axis : phase.axes) phase.taps *= static_cast<int64_t>(axis->taps.size());
  phases_.push_back(std::move(phase));
}

/** Offsets of taps in the weight, and of channels and taps in a block. */
void GatherPlan::placeTaps(Phase& phase) const {
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

int64_t GatherPlan::kStrideOf(const Phase& phase) const {
  if (phase.taps == 1) return c_.affine.channel;
  bool isRegular = c_.affine.channel == phase.taps;
  for (size_t t = 1; t < phase.weight.size(); t++) {
    isRegular = isRegular && phase.weight[t] - phase.weight[t - 1] == 1;
  }
  return isRegular ? 1 : 0;
}

/** Chunks are groups × blocks × parts of m; small groups go together. */
void GatherPlan::planChunks() {
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

int64_t GatherPlan::afterBand() const {
  int64_t rest = 1;
  for (int axis = blocks_.bandAxis() + 1; axis < kSpatial; axis++) rest *= c_.places[axis];
  return rest;
}

int64_t GatherPlan::bandStart(int64_t walk) const {
  const int axis = blocks_.bandAxis();
  return std::min(walk * c_.phases[axis][0].spacing, c_.places[axis]);
}

int64_t GatherPlan::firstPlace(const ImageBlock& block) const {
  return block.firstImage * c_.allPlaces() + bandStart(block.low) * afterBand();
}

int64_t GatherPlan::placeCount(const ImageBlock& block) const {
  return (block.images - 1) * c_.allPlaces() + (bandStart(block.high) - bandStart(block.low)) * afterBand();
}

/** Strides of the output over images and places: its own, or of rows that an epilogue takes. */
void GatherPlan::outStrides(int64_t& image, int64_t (&place)[kSpatial]) const {
  image = c_.isBare ? c_.out.image : c_.allPlaces();
  int64_t stride = 1;
  for (int axis = kSpatial - 1; axis >= 0; axis--) {
    place[axis] = c_.isBare ? c_.out.place[axis] : stride;
    stride *= c_.places[axis];
  }
}

void GatherPlan::findRuns(const Phase& phase, const ImageBlock& block, Runs& result) const {
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
  const int64_t panel = isFew_ ? units_.lanes * units_.vectorsFor(static_cast<int>(c_.m)) : units_.columns;
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
          const int64_t room = isFew_ ? units_.lanes : panel - column % panel;
          const WindowRun run{column, std::min(room, count[2] - k), from + k, to + k * toStep[2]};
          k += run.length;
          column += isFew_ ? units_.lanes : run.length;
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

}  // namespace flambeau
