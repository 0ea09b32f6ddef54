// What windows-gather.cpp knows of a convolution before it sees numbers: its phases, where their taps lie, how work is
// cut into chunks, and chunks into panels.
#pragma once
#include "windows-blocks.h"

namespace flambeau {

class GatherPlan {
 protected:
  /** Sizes of the register tiles of a type. */
  struct Units {
    int rows, columns;       // of micro.h
    int fewRows, lanes;      // of windows-kernels.h
    int (*vectorsFor)(int);  // likewise
    int64_t bytes;           // of an element
  };
  template <class T> static Units unitsOf() {
    const MicroSet<T>& micro = microSetOf<T>();
    const WindowSet<T>& kernels = windowSetOf<T>();
    return {micro.rows, micro.columns, kernels.fewRows, kernels.lanes, kernels.vectorsFor, sizeof(T)};
  }

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

  /** With a cut into blocks of its own where `blocks` is null. */
  GatherPlan(const Convolution& convolution, const ImageBlocks* blocks, const Units& units);
  GatherPlan(const GatherPlan&) = delete;  // phases point into `c_`

  // Sizes and places that runs ask for.
  int64_t channelPitch() const { return readsInPlace_ ? c_.image.channel : layout_.size() * blocks_.images(); }
  int64_t packedAt(const Phase& phase, int64_t group, int64_t firstChannel, int64_t row, int64_t k) const {
    return phase.packed + c_.m * phase.taps * (group * c_.channels + firstChannel) + row * k;
  }
  /** Rows of sums are apart by an odd number of cache lines, so that they do not fall on the same sets. */
  int64_t pitchOf(const Runs& runs) const { return ceilDivide(runs.columns, 32) * 32 + 16; }
  /** The stride over all of k: taps that follow each other, or a single one; 0 where there is none. */
  int64_t kStrideOf(const Phase& phase) const;
  /** Stretch of the flattened n axes that a block covers. */
  int64_t firstPlace(const ImageBlock& block) const;
  /** How many places of it. */
  int64_t placeCount(const ImageBlock& block) const;
  /** The panels of a phase in a block: which runs of the image they take, and where sums go. */
  void findRuns(const Phase& phase, const ImageBlock& block, Runs& result) const;

  const Convolution c_;
  const Units units_;
  const bool isFew_;  // so few rows that the image is read without packing
  const ImageBlocks blocks_;
  const CanonicalLayout layout_;
  const bool readsInPlace_;
  bool isWeightInPlace_ = false;
  std::vector<Phase> phases_;
  std::vector<int64_t> rows_;  // first row of each panel of the weight
  int64_t kBlocks_ = 1, blockChannels_ = 1, packedSize_ = 0;
  int64_t groupsTogether_ = 1, groupBlocks_ = 1, mBlocks_ = 1, chunks_ = 1;

 private:
  static int64_t blockTarget(const Convolution& c);
  static int64_t wantedChunks();
  bool canReadInPlace() const;
  void addPhase(const WindowPhase& i, const WindowPhase& j, const WindowPhase& k);
  void placeTaps(Phase& phase) const;
  void planChunks();
  int64_t bandStart(int64_t walk) const;
  int64_t afterBand() const;
  void outStrides(int64_t& image, int64_t (&place)[kSpatial]) const;
};

}  // namespace flambeau
