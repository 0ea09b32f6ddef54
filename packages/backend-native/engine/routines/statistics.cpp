// One element of each row by its rank or its frequency: k-th values, medians, modes.
#include "order.h"
#include "routines.h"

namespace flambeau {
namespace {

enum class Statistic { Kth, Median, Nanmedian, Mode };

template <class T> bool isNaN(T x) { return x != x; }

template <class T> class RowStatistic final : public Kernel {
 public:
  RowStatistic(Statistic statistic, int64_t rows, int64_t length, int64_t rank)
      : statistic_(statistic), rows_(rows), length_(length), rank_(rank) {}

  void run(const Call& call) const override {
    const int64_t perChunk = unitsPerChunk(length_ * (statistic_ == Statistic::Mode ? 20 : 6));
    const int64_t chunks = (rows_ + perChunk - 1) / perChunk;
    parallelFor(chunks, [&](int64_t chunk) {
      const int64_t last = std::min((chunk + 1) * perChunk, rows_);
      for (int64_t row = chunk * perChunk; row < last; row++) {
        const T* source = reinterpret_cast<const T*>(call.inputs[0]) + row * length_;
        const uint32_t at = placeIn(source);
        reinterpret_cast<T*>(call.outputs[0])[row] = source[at];
        reinterpret_cast<int32_t*>(call.outputs[1])[row] = static_cast<int32_t>(at);
      }
    });
  }

 private:
  using I = Item<T>;

  uint32_t placeIn(const T* row) const {
    I* items = static_cast<I*>(scratch(Scratch::Routine, static_cast<size_t>(2 * length_) * sizeof(I)));
    fillItems(RowKeys<T>{row, false}, 0, length_, items);
    if (statistic_ == Statistic::Mode) return mostFrequent(row, sortItems(items, items + length_, length_));
    I* chosen = items + rankIn(row);
    std::nth_element(items, chosen, items + length_);
    return chosen->index();
  }

  /** NaNs stand last: a median is the first of them, or leaves them out. */
  int64_t rankIn(const T* row) const {
    if (statistic_ == Statistic::Kth) return rank_;
    int64_t ordinary = 0;
    for (int64_t i = 0; i < length_; i++) ordinary += !isNaN(row[i]);
    if (statistic_ == Statistic::Median) return ordinary < length_ ? ordinary : (length_ - 1) / 2;
    return ordinary == 0 ? 0 : (ordinary - 1) / 2;
  }

  /** The last of the longest run of equal elements; of equally long ones, the smallest. */
  uint32_t mostFrequent(const T* row, const I* sorted) const {
    int64_t best = 0, longest = 0, run = 0;
    for (int64_t i = 0; i < length_; i++) {
      run++;
      if (i + 1 < length_ && row[sorted[i].index()] == row[sorted[i + 1].index()]) continue;
      if (run > longest) best = i, longest = run;
      run = 0;
    }
    return sorted[best].index();
  }

  Statistic statistic_;
  int64_t rows_, length_, rank_;
};

}  // namespace

std::unique_ptr<Kernel> planStatistic(const RoutineSpec& spec) {
  if (spec.inputs.size() != 1 || spec.outputs.size() != 2 || spec.attributes.size() != 1) return nullptr;
  const RoutineOperand &source = spec.inputs[0], &values = spec.outputs[0], &indices = spec.outputs[1];
  if (source.shape.empty() || source.shape.back() < 1 || source.shape.back() > INT32_MAX) return nullptr;
  const int64_t length = source.shape.back(), rows = sizeOf(source) / length;
  if (sizeOf(values) != rows || sizeOf(indices) != rows) return nullptr;
  if (values.type != source.type || indices.type != WordType::Int32) return nullptr;
  const double rank = spec.attributes[0];
  if (!(rank >= 0 && rank < static_cast<double>(length))) return nullptr;
  const Statistic statistic = spec.name == "kth"      ? Statistic::Kth
                              : spec.name == "median" ? Statistic::Median
                              : spec.name == "mode"   ? Statistic::Mode
                                                      : Statistic::Nanmedian;
  std::unique_ptr<Kernel> kernel;
  withElementType(source.type, [&](auto element) {
    using T = decltype(element);
    kernel = std::make_unique<RowStatistic<T>>(statistic, rows, length, static_cast<int64_t>(rank));
  });
  return kernel;
}

}  // namespace flambeau
