// What planWindows reads from a contraction: images seen through sliding windows, in one form for all
// directions. No arithmetic on tensors here; who walks over this is windows-gather.cpp and windows-weight.cpp.
#pragma once
#include <vector>

#include "../program/kernel.h"

namespace flambeau {

/** Spatial axes; fewer are filled up in front with axes of length 1. */
constexpr int kSpatial = 3;

/**
 * One spatial axis of the image. A place p and a tap t of the window read the coordinate
 * `q = start(t) + p · step`, and the element exists where 0 <= q < size.
 */
struct WindowAxis {
  int64_t step = 1, size = 1, stride = 0;
  /** Coordinates that share a residue modulo `step`, gathered so that neighbouring places are neighbours. */
  struct Plane {
    int64_t first;  // coordinate of its first element when the first place is 0
    int64_t extra;  // elements it needs beyond one per place
  };
  std::vector<Plane> planes;
};

/** A tap on one axis: which one in the weight, and where it lies in the planes. */
struct WindowTap {
  int64_t index, start;
  int64_t plane = 0, shift = 0;
};

/** Places on one axis that share their taps: first, first + spacing, … (`count` of them). */
struct WindowPhase {
  int64_t first = 0, spacing = 1, count = 1;
  std::vector<WindowTap> taps;
};

/** Strides of an affine operand over the loops; `channel` is of k (gather) or of n (weight gradient). */
struct WindowStrides {
  int64_t group = 0, m = 0, image = 0, channel = 0, place[kSpatial] = {}, tap[kSpatial] = {};
};

/**
 * `out[g, m, image, place] = Σ weight[g, m, channel, tap] · x[g, image, channel, window(place, tap)]`, or, for
 * a weight gradient, `out[g, m, channel, tap] = Σ grad[g, m, image, place] · x[g, image, channel, window]`.
 */
struct Convolution {
  WordType type = WordType::Float32;  // of both factors and the sum: float32 or float64
  bool isWeightGradient = false;
  bool hasGroups = false;  // whether there is a loop over groups at all
  uint32_t affineOperand = 0, imageOperand = 0, outOperand = 0;
  int64_t groups = 1, m = 1, images = 1, channels = 1;
  int64_t places[kSpatial] = {1, 1, 1}, taps[kSpatial] = {1, 1, 1};
  WindowAxis axes[kSpatial];
  std::vector<WindowPhase> phases[kSpatial];  // one each, but where windows have gaps (stride's gradient)
  int64_t imageOffset = 0, affineOffset = 0, outOffset = 0;
  WindowStrides image, affine, out;
  /** Whether the store puts the bare sum at `out`'s strides. */
  bool isBare = false;
  /** Whether it adds one number per m to it, load 2 of the contraction. */
  bool hasBias = false;
  uint32_t biasOperand = 0;
  int64_t biasOffset = 0, biasGroup = 0, biasM = 0;

  int64_t allPlaces() const { return places[0] * places[1] * places[2]; }
  int64_t allTaps() const { return taps[0] * taps[1] * taps[2]; }
};

/** False where the contraction is none. */
bool readConvolution(const ContractSpec& spec, Convolution& result);

/** The kernels; `convolution` is what was read from `spec`. */
std::unique_ptr<Kernel> planWeightGradient(const ContractSpec& spec, Convolution convolution);
/** Null where another kernel does better. */
std::unique_ptr<Kernel> planSmallWeightGradient(const ContractSpec& spec, const Convolution& convolution);
std::unique_ptr<Kernel> planWinograd(const ContractSpec& spec, const Convolution& convolution);

}  // namespace flambeau
