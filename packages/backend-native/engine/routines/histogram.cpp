// Counts (or sums of weights) between edges, as core's counting.ts. A range that is taken from the values stays
// with JavaScript, which says what is wrong with one that is not finite.
#include <algorithm>
#include <cmath>
#include <vector>

#include "../runtime/threads.h"
#include "routines.h"

namespace flambeau {
namespace {

template <class T> class Histogram final : public Kernel {
 public:
  struct Options {
    int64_t values = 0, bins = 0;
    double low = 0, high = 0;
    bool hasEdges = false, isUniform = false, hasWeights = false;
  };
  explicit Histogram(const Options& options) : o_(options) {}

  void run(const Call& call) const override {
    const T* source = reinterpret_cast<const T*>(call.inputs[0]);
    T* edges = reinterpret_cast<T*>(call.outputs[1]);
    writeEdges(call, edges);
    std::vector<double> sums(static_cast<size_t>(o_.bins));
    if (o_.hasWeights) {
      const T* weights = reinterpret_cast<const T*>(call.inputs[o_.hasEdges ? 2 : 1]);
      for (int64_t i = 0; i < o_.values; i++) add(sums, edges, source[i], static_cast<double>(weights[i]));
    } else {
      // Whole numbers: sums of parts are exact.
      const int64_t parts = std::min<int64_t>(16, o_.values / 32768 + 1);
      std::vector<std::vector<double>> counts(static_cast<size_t>(parts), sums);
      parallelFor(parts, [&](int64_t part) {
        std::vector<double>& own = counts[static_cast<size_t>(part)];
        const int64_t last = o_.values * (part + 1) / parts;
        for (int64_t i = o_.values * part / parts; i < last; i++) add(own, edges, source[i], 1);
      });
      for (const std::vector<double>& own : counts) {
        for (size_t i = 0; i < own.size(); i++) sums[i] += own[i];
      }
    }
    T* out = reinterpret_cast<T*>(call.outputs[0]);
    for (size_t i = 0; i < sums.size(); i++) out[i] = static_cast<T>(sums[i]);
  }

 private:
  void writeEdges(const Call& call, T* edges) const {
    if (o_.hasEdges) {
      const T* given = reinterpret_cast<const T*>(call.inputs[1]);
      std::copy(given, given + o_.bins + 1, edges);
      return;
    }
    const double step = (o_.high - o_.low) / static_cast<double>(o_.bins);
    for (int64_t i = 0; i <= o_.bins; i++) {
      const double up = o_.low + step * static_cast<double>(i);
      const double down = o_.high - step * static_cast<double>(o_.bins - i);
      edges[i] = static_cast<T>(2 * i < o_.bins + 1 ? up : down);
    }
  }

  void add(std::vector<double>& sums, const T* edges, T value, double weight) const {
    const double first = edges[0], last = edges[o_.bins], x = value;
    if (!(x >= first && x <= last)) return;
    const double bins = static_cast<double>(o_.bins);
    double bin = std::trunc((x - first) * bins / (last - first));
    if (!o_.isUniform) {
      int64_t low = 0, high = o_.bins + 1;
      while (low < high) {
        const int64_t middle = (low + high) >> 1;
        if (edges[middle] > value) high = middle;
        else low = middle + 1;
      }
      bin = static_cast<double>(low - 1);
    }
    if (bin >= bins) bin = bins - 1;
    if (bin >= 0) sums[static_cast<size_t>(bin)] += weight;
  }

  Options o_;
};

}  // namespace

std::unique_ptr<Kernel> planHistogram(const RoutineSpec& spec) {
  if (spec.inputs.empty() || spec.outputs.size() != 2 || spec.attributes.size() != 4) return nullptr;
  const WordType type = spec.inputs[0].type;
  const double low = spec.attributes[0], high = spec.attributes[1];
  const bool hasEdges = spec.attributes[2] != 0;
  const bool hasWeights = spec.inputs.size() > (hasEdges ? 2u : 1u);
  const int64_t values = sizeOf(spec.inputs[0]), bins = sizeOf(spec.outputs[0]);
  if (spec.inputs.size() != 1u + hasEdges + hasWeights) return nullptr;
  if (bins < 1 || sizeOf(spec.outputs[1]) != bins + 1) return nullptr;
  for (const RoutineOperand& operand : spec.inputs) {
    if (operand.type != type) return nullptr;
  }
  for (const RoutineOperand& operand : spec.outputs) {
    if (operand.type != type) return nullptr;
  }
  if (hasEdges && sizeOf(spec.inputs[1]) != bins + 1) return nullptr;
  if (hasWeights && sizeOf(spec.inputs.back()) != values) return nullptr;
  if (!hasEdges && !(std::isfinite(low) && std::isfinite(high) && low != high)) return nullptr;
  const bool isUniform = spec.attributes[3] != 0;
  if (type == WordType::Float32) {
    using H = Histogram<float>;
    return std::make_unique<H>(H::Options{values, bins, low, high, hasEdges, isUniform, hasWeights});
  }
  if (type == WordType::Float64) {
    using H = Histogram<double>;
    return std::make_unique<H>(H::Options{values, bins, low, high, hasEdges, isUniform, hasWeights});
  }
  return nullptr;
}

}  // namespace flambeau
