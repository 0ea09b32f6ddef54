// Sorting and selection among the elements of a row: the first order of equal elements is kept, NaN is greater
// than everything, 0 and -0 are equal, as in core's ordering.ts.
#pragma once
#include <algorithm>
#include <cstdint>
#include <cstring>

#include "../runtime/threads.h"

namespace flambeau {

// Unsigned integers that compare as elements do.

inline uint32_t orderKey(uint8_t x) { return x; }
inline uint32_t orderKey(uint16_t x) { return x; }
inline uint32_t orderKey(int32_t x) { return static_cast<uint32_t>(x) ^ 0x80000000u; }
inline uint32_t orderKey(int16_t x) { return orderKey(static_cast<int32_t>(x)); }
inline uint32_t orderKey(int8_t x) { return orderKey(static_cast<int32_t>(x)); }
inline uint64_t orderKey(int64_t x) { return static_cast<uint64_t>(x) ^ 0x8000000000000000u; }
inline uint32_t orderKey(float x) {
  uint32_t bits;
  std::memcpy(&bits, &x, sizeof bits);
  const uint32_t key = bits >> 31 ? ~bits : bits | 0x80000000u;
  return x != x ? ~0u : x == 0 ? 0x80000000u : key;
}
inline uint64_t orderKey(double x) {
  uint64_t bits;
  std::memcpy(&bits, &x, sizeof bits);
  const uint64_t key = bits >> 63 ? ~bits : bits | 0x8000000000000000u;
  return x != x ? ~uint64_t(0) : x == 0 ? 0x8000000000000000u : key;
}

/** A key and the position that it stands at, as one number. */
struct ShortItem {
  using Key = uint32_t;
  uint64_t word;
  static ShortItem of(Key key, uint32_t index) { return {static_cast<uint64_t>(key) << 32 | index}; }
  Key key() const { return static_cast<Key>(word >> 32); }
  uint32_t index() const { return static_cast<uint32_t>(word); }
  bool operator<(const ShortItem& other) const { return word < other.word; }
};
struct LongItem {
  using Key = uint64_t;
  Key word;
  uint32_t position;
  static LongItem of(Key key, uint32_t index) { return {key, index}; }
  Key key() const { return word; }
  uint32_t index() const { return position; }
  bool operator<(const LongItem& other) const {
    return word < other.word || (word == other.word && position < other.position);
  }
};
template <class Key> struct ItemOf { using type = ShortItem; };
template <> struct ItemOf<uint64_t> { using type = LongItem; };
template <class T> using Item = typename ItemOf<decltype(orderKey(T()))>::type;

/** How keys of a row are made. */
template <class T> struct RowKeys {
  const T* row;
  bool isDescending;
  using Key = typename Item<T>::Key;
  Key operator[](int64_t i) const {
    const Key key = orderKey(row[i]);
    return isDescending ? static_cast<Key>(~key) : key;
  }
};

template <class T> void fillItems(const RowKeys<T>& keys, int64_t first, int64_t last, Item<T>* items) {
  for (int64_t i = first; i < last; i++) items[i - first] = Item<T>::of(keys[i], static_cast<uint32_t>(i));
}

/** Sorts items whose positions ascend, by radix: they are then in order at what is returned, `items` or
 * `spare`. */
template <class I> I* sortByRadix(I* items, I* spare, int64_t count);
extern template ShortItem* sortByRadix(ShortItem*, ShortItem*, int64_t);
extern template LongItem* sortByRadix(LongItem*, LongItem*, int64_t);
/** The same on all threads; for rows of hundreds of thousands. */
template <class I> I* sortByRadixTogether(I* items, I* spare, int64_t count);
extern template ShortItem* sortByRadixTogether(ShortItem*, ShortItem*, int64_t);
extern template LongItem* sortByRadixTogether(LongItem*, LongItem*, int64_t);

/** Sorts items whose positions ascend in the way that pays for so many. */
template <class I> I* sortItems(I* items, I* spare, int64_t count) {
  constexpr int64_t kRadixFrom = sizeof(I) == sizeof(ShortItem) ? 160 : 640;
  if (count >= kRadixFrom) return sortByRadix(items, spare, count);
  std::sort(items, items + count);
  return items;
}

/** Leaves the least `wanted` of the items, in the order in which they stand, and gives the greatest of them. */
template <class I> I keepLeast(I* items, I* spare, int64_t count, int64_t wanted) {
  std::copy(items, items + count, spare);
  std::nth_element(spare, spare + wanted - 1, spare + count);
  const I bound = spare[wanted - 1];
  std::remove_if(items, items + count, [&](const I& item) { return bound < item; });
  return bound;
}

/** Room for items, and as much to spare, that a selection needs. */
inline int64_t selectionRoom(int64_t wanted) { return 3 * wanted + 96; }

constexpr int64_t kFew = 32;

/** Whether a few elements may have one before `bound` (or a NaN, which is worth a closer look). */
template <class T> bool mayPrecede(const T* few, T bound, bool isDescending) {
  int isAny = 0;
  if (isDescending) {
    for (int64_t i = 0; i < kFew; i++) isAny |= !(few[i] <= bound);
  } else {
    for (int64_t i = 0; i < kFew; i++) isAny |= !(few[i] >= bound);
  }
  return isAny != 0;
}

/** The least `wanted` of the keys from `first` up to `last`, as items in the order in which they stand. */
template <class T>
void selectLeast(const RowKeys<T>& keys, int64_t first, int64_t last, int64_t wanted, Item<T>* items, Item<T>* spare) {
  using I = Item<T>;
  if (wanted == 0) return;
  const int64_t room = selectionRoom(wanted);
  int64_t count = std::min(wanted, last - first);
  fillItems(keys, first, first + count, items);
  if (count < wanted) return;
  // Later keys must be less than this one: an equal one comes after it.
  I bound = *std::max_element(items, items + count);
  for (int64_t start = first + count; start < last; start += kFew) {
    const int64_t end = std::min(start + kFew, last);
    const bool isWhole = end - start == kFew;
    if (isWhole && !mayPrecede(keys.row + start, keys.row[bound.index()], keys.isDescending)) continue;
    for (int64_t i = start; i < end; i++) {
      const I item = I::of(keys[i], static_cast<uint32_t>(i));
      if (item.key() < bound.key()) items[count++] = item;
    }
    if (count + kFew <= room) continue;
    bound = keepLeast(items, spare, count, wanted);
    count = wanted;
  }
  if (count > wanted) keepLeast(items, spare, count, wanted);
}

}  // namespace flambeau
