// Radix sort of items, from the lowest digit of the key; what is equal keeps its order.
#include "order.h"

#include <vector>

namespace flambeau {
namespace {

constexpr int kMostDigits = 8;
constexpr int kMostBuckets = 2048;

/** How keys are cut into digits: wider ones for more items. */
struct Digits {
  int bits, count;
  template <class I> static Digits of(int64_t items) {
    const int keyBits = static_cast<int>(sizeof(typename I::Key)) * 8;
    const int bits = items >= 8192 ? 11 : 8;
    return {bits, (keyBits + bits - 1) / bits};
  }
  int buckets() const { return 1 << bits; }
  template <class I> uint32_t at(const I& item, int digit) const {
    return static_cast<uint32_t>(item.key() >> (digit * bits)) & static_cast<uint32_t>(buckets() - 1);
  }
};

/** Turns counts into the positions where buckets begin. */
void accumulate(uint32_t* counts, int buckets) {
  uint32_t sum = 0;
  for (int i = 0; i < buckets; i++) {
    const uint32_t count = counts[i];
    counts[i] = sum;
    sum += count;
  }
}

template <class I>
void distribute(const I* from, I* to, int64_t count, const Digits& digits, int digit, uint32_t* starts) {
  for (int64_t i = 0; i < count; i++) to[starts[digits.at(from[i], digit)]++] = from[i];
}

}  // namespace

template <class I> I* sortByRadix(I* items, I* spare, int64_t count) {
  const Digits digits = Digits::of<I>(count);
  uint32_t counts[kMostDigits][kMostBuckets];
  for (int d = 0; d < digits.count; d++) std::memset(counts[d], 0, sizeof(uint32_t) << digits.bits);
  for (int64_t i = 0; i < count; i++) {
    for (int d = 0; d < digits.count; d++) counts[d][digits.at(items[i], d)]++;
  }
  for (int d = 0; d < digits.count; d++) {
    // A digit that all share orders nothing.
    if (counts[d][digits.at(items[0], d)] == count) continue;
    accumulate(counts[d], digits.buckets());
    distribute(items, spare, count, digits, d, counts[d]);
    std::swap(items, spare);
  }
  return items;
}

template <class I> I* sortByRadixTogether(I* items, I* spare, int64_t count) {
  constexpr int64_t kChunks = 16;
  const Digits digits = Digits::of<I>(count);
  const int64_t perChunk = (count + kChunks - 1) / kChunks;
  const auto start = [&](int64_t chunk) { return std::min(chunk * perChunk, count); };
  std::vector<uint32_t> counts(static_cast<size_t>(kChunks * digits.buckets()));
  for (int d = 0; d < digits.count; d++) {
    std::fill(counts.begin(), counts.end(), 0);
    parallelFor(kChunks, [&](int64_t chunk) {
      uint32_t* own = &counts[static_cast<size_t>(chunk * digits.buckets())];
      for (int64_t i = start(chunk); i < start(chunk + 1); i++) own[digits.at(items[i], d)]++;
    });
    // Within a bucket, chunk by chunk.
    uint32_t sum = 0;
    bool isShared = false;
    for (int bucket = 0; bucket < digits.buckets(); bucket++) {
      const uint32_t before = sum;
      for (int64_t chunk = 0; chunk < kChunks; chunk++) {
        uint32_t& own = counts[static_cast<size_t>(chunk * digits.buckets() + bucket)];
        const uint32_t size = own;
        own = sum;
        sum += size;
      }
      isShared = isShared || sum - before == count;
    }
    if (isShared) continue;
    parallelFor(kChunks, [&](int64_t chunk) {
      uint32_t* own = &counts[static_cast<size_t>(chunk * digits.buckets())];
      distribute(items + start(chunk), spare, start(chunk + 1) - start(chunk), digits, d, own);
    });
    std::swap(items, spare);
  }
  return items;
}

template ShortItem* sortByRadix(ShortItem*, ShortItem*, int64_t);
template LongItem* sortByRadix(LongItem*, LongItem*, int64_t);
template ShortItem* sortByRadixTogether(ShortItem*, ShortItem*, int64_t);
template LongItem* sortByRadixTogether(LongItem*, LongItem*, int64_t);

}  // namespace flambeau
