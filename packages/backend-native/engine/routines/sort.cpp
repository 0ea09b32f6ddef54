// Sorting of rows, whole or their first elements, and random permutations.
#include "order.h"
#include "routines.h"

namespace flambeau {
namespace {

/** From here on one row is worth all threads. */
constexpr int64_t kLongRow = 1 << 17;
/** Part of a long row from which one thread selects. */
constexpr int64_t kPart = 1 << 15;

template <class T> class Sort final : public Kernel {
 public:
  Sort(int64_t rows, int64_t length, int64_t wanted, bool isDescending)
      : rows_(rows), length_(length), wanted_(wanted), isDescending_(isDescending) {}

  void run(const Call& call) const override {
    if (wanted_ == 0 || rows_ == 0) return;
    if (length_ >= kLongRow && rows_ < threadCount()) {
      for (int64_t row = 0; row < rows_; row++) runTogether(call, row);
      return;
    }
    const int64_t perChunk = unitsPerChunk(length_ * (isSelection() ? 2 : 20));
    const int64_t chunks = (rows_ + perChunk - 1) / perChunk;
    parallelFor(chunks, [&](int64_t chunk) {
      const int64_t last = std::min((chunk + 1) * perChunk, rows_);
      for (int64_t row = chunk * perChunk; row < last; row++) runRow(call, row);
    });
  }

 private:
  using I = Item<T>;

  /** Whether so few are wanted that the rest need no order. */
  bool isSelection() const { return wanted_ * 4 < length_; }
  RowKeys<T> keysOf(const Call& call, int64_t row) const {
    return {reinterpret_cast<const T*>(call.inputs[0]) + row * length_, isDescending_};
  }

  void write(const Call& call, int64_t row, const I* items) const {
    const T* source = reinterpret_cast<const T*>(call.inputs[0]) + row * length_;
    T* values = reinterpret_cast<T*>(call.outputs[0]) + row * wanted_;
    int32_t* indices = reinterpret_cast<int32_t*>(call.outputs[1]) + row * wanted_;
    for (int64_t i = 0; i < wanted_; i++) {
      values[i] = source[items[i].index()];
      indices[i] = static_cast<int32_t>(items[i].index());
    }
  }

  void runRow(const Call& call, int64_t row) const {
    const RowKeys<T> keys = keysOf(call, row);
    const int64_t room = isSelection() ? selectionRoom(wanted_) : length_;
    I* items = static_cast<I*>(scratch(Scratch::Routine, static_cast<size_t>(2 * room) * sizeof(I)));
    if (isSelection()) {
      selectLeast(keys, 0, length_, wanted_, items, items + room);
      write(call, row, sortItems(items, items + room, wanted_));
    } else {
      fillItems(keys, 0, length_, items);
      write(call, row, sortItems(items, items + room, length_));
    }
  }

  /** One row on all threads. */
  void runTogether(const Call& call, int64_t row) const {
    const RowKeys<T> keys = keysOf(call, row);
    const int64_t parts = (length_ + kPart - 1) / kPart;
    const auto start = [&](int64_t part) { return std::min(part * kPart, length_); };
    if (wanted_ * 8 >= kPart) {
      I* items = static_cast<I*>(scratch(Scratch::Routine, static_cast<size_t>(2 * length_) * sizeof(I)));
      parallelFor(parts, [&](int64_t part) { fillItems(keys, start(part), start(part + 1), items + start(part)); });
      write(call, row, sortByRadixTogether(items, items + length_, length_));
      return;
    }
    // The least of each part, then of these.
    const int64_t room = parts * wanted_;
    I* least = static_cast<I*>(scratch(Scratch::Partial, static_cast<size_t>(2 * room) * sizeof(I)));
    parallelFor(parts, [&](int64_t part) {
      const int64_t count = std::min(wanted_, start(part + 1) - start(part)), own = selectionRoom(count);
      I* items = static_cast<I*>(scratch(Scratch::Routine, static_cast<size_t>(2 * own) * sizeof(I)));
      selectLeast(keys, start(part), start(part + 1), count, items, items + own);
      std::copy(items, items + count, least + part * wanted_);
    });
    // All parts but the last have as many as are wanted.
    const int64_t count = (parts - 1) * wanted_ + std::min(wanted_, length_ - start(parts - 1));
    keepLeast(least, least + room, count, wanted_);
    write(call, row, sortItems(least, least + room, wanted_));
  }

  int64_t rows_, length_, wanted_;
  bool isDescending_;
};

template <class R> class Permutation final : public Kernel {
 public:
  explicit Permutation(int64_t length) : length_(length) {}

  void run(const Call& call) const override {
    if (length_ == 0) return;
    const RowKeys<int32_t> keys{reinterpret_cast<const int32_t*>(call.inputs[0]), false};
    ShortItem* items =
        static_cast<ShortItem*>(scratch(Scratch::Routine, static_cast<size_t>(2 * length_) * sizeof(ShortItem)));
    fillItems(keys, 0, length_, items);
    const ShortItem* sorted = length_ >= kLongRow ? sortByRadixTogether(items, items + length_, length_)
                                                  : sortItems(items, items + length_, length_);
    R* out = reinterpret_cast<R*>(call.outputs[0]);
    for (int64_t i = 0; i < length_; i++) out[i] = static_cast<R>(sorted[i].index());
  }

 private:
  int64_t length_;
};

}  // namespace

std::unique_ptr<Kernel> planSort(const RoutineSpec& spec) {
  if (spec.inputs.size() != 1 || spec.outputs.size() != 2 || spec.attributes.size() != 1) return nullptr;
  const RoutineOperand &source = spec.inputs[0], &values = spec.outputs[0], &indices = spec.outputs[1];
  if (source.shape.empty() || source.shape.back() > INT32_MAX || values.shape.size() != source.shape.size()) {
    return nullptr;
  }
  const int64_t length = source.shape.back(), wanted = values.shape.back();
  const int64_t rows = sizeOf({source.type, {source.shape.begin(), source.shape.end() - 1}});
  if (wanted > length || sizeOf(values) != rows * wanted || sizeOf(indices) != rows * wanted) return nullptr;
  if (values.type != source.type || indices.type != WordType::Int32) return nullptr;
  const bool isDescending = spec.attributes[0] != 0;
  std::unique_ptr<Kernel> kernel;
  withElementType(source.type, [&](auto element) {
    kernel = std::make_unique<Sort<decltype(element)>>(rows, length, wanted, isDescending);
  });
  return kernel;
}

std::unique_ptr<Kernel> planPermutation(const RoutineSpec& spec) {
  if (spec.inputs.size() != 1 || spec.outputs.size() != 1 || spec.inputs[0].type != WordType::Int32) return nullptr;
  const int64_t length = sizeOf(spec.inputs[0]);
  if (length > INT32_MAX || sizeOf(spec.outputs[0]) != length) return nullptr;
  if (spec.outputs[0].type == WordType::Int64) return std::make_unique<Permutation<int64_t>>(length);
  if (spec.outputs[0].type == WordType::Int32) return std::make_unique<Permutation<int32_t>>(length);
  return nullptr;
}

}  // namespace flambeau
