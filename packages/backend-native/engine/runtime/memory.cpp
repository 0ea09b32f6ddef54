// The caching pool. Small blocks are cut from slabs; large ones are mapped one by one and kept when they are
// given back, since fresh pages cost more than most kernels. What has lain longest goes back to the system
// first. One lock guards all; calls to the system for large blocks happen outside it.
#include "memory.h"

#include <algorithm>
#include <mutex>

#include "system.h"

#if defined(_MSC_VER)
#include <intrin.h>
#endif

namespace flambeau {

/** A region of small blocks of one size; this stands at its start. */
struct alignas(64) Slab {
  Slab *previous, *next;  // among those of the bucket that have room
  Block* free;
  size_t bytes, stride;
  uint32_t used, cut, room;  // blocks in use, ever cut off, and that fit
};

namespace {

constexpr uint64_t kFreeMagic = 0x424c4f434b204f46ull;
constexpr size_t kLargestSmall = size_t{32} << 10;
constexpr size_t kLargest = size_t{1} << 47;
constexpr size_t kAlwaysCached = size_t{256} << 20;
constexpr size_t kWindow = size_t{256} << 20;
constexpr int kBuckets = 4 + 4 * 40;

int floorLog2(size_t value) {
#if defined(_MSC_VER)
  unsigned long position;
  _BitScanReverse64(&position, value);
  return static_cast<int>(position);
#else
  return 63 - __builtin_clzll(value);
#endif
}

/** Sizes are 64, 128, 192, 256, and from there powers of two with three steps between them. */
size_t roundSize(size_t bytes) {
  if (bytes <= 256) return bytes == 0 ? 64 : (bytes + 63) & ~size_t{63};
  const size_t step = size_t{1} << (floorLog2(bytes - 1) - 2);
  return (bytes + step - 1) & ~(step - 1);
}

int bucketOf(size_t capacity) {
  if (capacity <= 256) return static_cast<int>(capacity / 64) - 1;
  const int power = floorLog2(capacity - 1);
  return 4 * (power - 8) + static_cast<int>((capacity - 1) >> (power - 2));
}

/** A list through two members of its elements. */
template <class Item, Item* Item::*kBefore, Item* Item::*kAfter>
struct List {
  Item *first = nullptr, *last = nullptr;
  void pushFront(Item* item) {
    item->*kBefore = nullptr;
    item->*kAfter = first;
    (first ? first->*kBefore : last) = item;
    first = item;
  }
  void pushBack(Item* item) {
    item->*kAfter = nullptr;
    item->*kBefore = last;
    (last ? last->*kAfter : first) = item;
    last = item;
  }
  void remove(Item* item) {
    (item->*kBefore ? item->*kBefore->*kAfter : first) = item->*kAfter;
    (item->*kAfter ? item->*kAfter->*kBefore : last) = item->*kBefore;
  }
};

struct Bucket {
  List<Slab, &Slab::previous, &Slab::next> slabs;    // with room; the empty ones at the end
  List<Block, &Block::previous, &Block::next> free;  // large blocks, the last given back first
};

class Pool {
 public:
  Block* allocate(size_t capacity);
  void release(Block* block);
  void trim();

  std::atomic<size_t> live{0}, blocks{0}, cached{0}, limit{0};

 private:
  Block* takeSmall(size_t capacity);
  Slab* addSlab(size_t capacity);
  Block* takeLarge(size_t capacity);
  Block* dropCache(size_t allowed);
  void notePeak(size_t capacity);
  size_t allowedCache() const;
  // Counters are written under the lock and read by anybody.
  static void add(std::atomic<size_t>& counter, size_t amount) {
    counter.store(counter.load(std::memory_order_relaxed) + amount, std::memory_order_relaxed);
  }
  size_t get(const std::atomic<size_t>& counter) const { return counter.load(std::memory_order_relaxed); }

  std::mutex mutex;
  Bucket buckets[kBuckets];
  List<Block, &Block::older, &Block::newer> byAge;  // large free blocks, the oldest first
  size_t peak = 0, earlierPeak = 0, sincePeak = 0;
};

/** Never destroyed: blocks may be given back while the process ends. */
Pool& pool() {
  static Pool* const instance = new Pool;
  return *instance;
}

/** Data of large blocks starts on a page of its own; the header is at the end of the page before. */
size_t leadOf() { return pageSize(); }

void unmapChain(Block* block) {
  while (block) {
    Block* next = block->next;
    unmapMemory(block->data(), leadOf(), block->capacity);
    block = next;
  }
}

size_t currentLimit(std::atomic<size_t>& limit) {
  size_t bytes = limit.load(std::memory_order_relaxed);
  if (bytes == 0) {
    bytes = std::max<size_t>(1, systemMemory() / 5 * 4);
    limit.store(bytes, std::memory_order_relaxed);
  }
  return bytes;
}

Slab* Pool::addSlab(size_t capacity) {
  const size_t stride = capacity + sizeof(Block);
  const size_t bytes = std::min(std::max(64 * stride, size_t{64} << 10), size_t{1} << 20);
  char* region = mapMemory(0, bytes, pageSize());
  if (!region) return nullptr;
  Slab* slab = reinterpret_cast<Slab*>(region);
  slab->bytes = bytes;
  slab->stride = stride;
  slab->room = static_cast<uint32_t>((bytes - sizeof(Slab)) / stride);
  buckets[bucketOf(capacity)].slabs.pushFront(slab);
  add(cached, slab->room * capacity);
  return slab;
}

Block* Pool::takeSmall(size_t capacity) {
  Bucket& bucket = buckets[bucketOf(capacity)];
  Slab* slab = bucket.slabs.first;
  if (!slab && !(slab = addSlab(capacity))) return nullptr;
  Block* block = slab->free;
  if (block) {
    slab->free = block->next;
  } else {
    char* cut = reinterpret_cast<char*>(slab) + sizeof(Slab) + slab->cut++ * slab->stride;
    block = reinterpret_cast<Block*>(cut);
    block->slab = slab;
  }
  if (++slab->used == slab->room) bucket.slabs.remove(slab);
  add(cached, 0 - capacity);
  return block;
}

Block* Pool::takeLarge(size_t capacity) {
  Bucket& bucket = buckets[bucketOf(capacity)];
  Block* block = bucket.free.first;
  if (!block) return nullptr;
  bucket.free.remove(block);
  byAge.remove(block);
  add(cached, 0 - capacity);
  return block;
}

/** Two windows, each of a few times the peak allocated: what a step of training needs again is kept. */
void Pool::notePeak(size_t capacity) {
  peak = std::max(peak, get(live));
  sincePeak += capacity;
  if (sincePeak < 4 * std::max(std::max(peak, earlierPeak), kWindow)) return;
  earlierPeak = peak;
  peak = get(live);
  sincePeak = 0;
}

size_t Pool::allowedCache() const {
  const size_t most = std::max(peak, earlierPeak), now = get(live);
  return std::max(kAlwaysCached, most > now ? most - now : 0);
}

Block* Pool::allocate(size_t capacity) {
  const size_t most = currentLimit(limit);
  Block* block = nullptr;
  for (bool isRetry : {false, true}) {
    Block* dropped = nullptr;
    std::unique_lock<std::mutex> lock(mutex);
    if (capacity > most || get(live) > most - capacity) return nullptr;
    if (isRetry) dropped = dropCache(0);
    block = capacity <= kLargestSmall ? takeSmall(capacity) : takeLarge(capacity);
    // Counted before the system is asked, so that two threads cannot pass the limit together.
    add(live, capacity);
    if (!block && capacity > kLargestSmall) {
      const size_t allowed = most - get(live);
      if (get(cached) > allowed) dropped = dropCache(allowed);
      lock.unlock();
      unmapChain(dropped);
      dropped = nullptr;
      char* data = mapMemory(leadOf(), capacity, capacity >= kHugePage ? kHugePage : pageSize());
      if (data) block = reinterpret_cast<Block*>(data - sizeof(Block));
      lock.lock();
    }
    if (block) {
      add(blocks, 1);
      notePeak(capacity);
    } else {
      add(live, 0 - capacity);
    }
    lock.unlock();
    unmapChain(dropped);
    if (block) break;
  }
  if (!block) return nullptr;
  block->capacity = capacity;
  block->owner = nullptr;
  block->references.store(1, std::memory_order_relaxed);
  block->magic = Block::kMagic;
  return block;
}

void Pool::release(Block* block) {
  Block* dropped = nullptr;
  {
    std::lock_guard<std::mutex> lock(mutex);
    const size_t capacity = block->capacity;
    Bucket& bucket = buckets[bucketOf(capacity)];
    block->magic = kFreeMagic;
    add(live, 0 - capacity);
    add(blocks, size_t{0} - 1);
    add(cached, capacity);
    if (capacity <= kLargestSmall) {
      Slab* slab = block->slab;
      block->next = slab->free;
      slab->free = block;
      if (slab->used == slab->room) bucket.slabs.pushFront(slab);
      if (--slab->used == 0) {
        bucket.slabs.remove(slab);
        bucket.slabs.pushBack(slab);
      }
    } else {
      bucket.free.pushFront(block);
      byAge.pushBack(block);
    }
    const size_t allowed = allowedCache();
    if (get(cached) > allowed) dropped = dropCache(allowed);
  }
  unmapChain(dropped);
}

/** Until `allowed` bytes are cached: large blocks, the oldest first, as a chain to unmap; then empty slabs. */
Block* Pool::dropCache(size_t allowed) {
  Block* chain = nullptr;
  while (get(cached) > allowed && byAge.first) {
    Block* block = byAge.first;
    byAge.remove(block);
    buckets[bucketOf(block->capacity)].free.remove(block);
    add(cached, 0 - block->capacity);
    block->next = chain;
    chain = block;
  }
  for (int i = 0; i <= bucketOf(kLargestSmall) && get(cached) > allowed; i++) {
    auto& slabs = buckets[i].slabs;
    while (get(cached) > allowed && slabs.last && slabs.last->used == 0) {
      Slab* slab = slabs.last;
      slabs.remove(slab);
      add(cached, 0 - slab->room * (slab->stride - sizeof(Block)));
      unmapMemory(reinterpret_cast<char*>(slab), 0, slab->bytes);
    }
  }
  return chain;
}

void Pool::trim() {
  std::unique_lock<std::mutex> lock(mutex);
  Block* dropped = dropCache(0);
  lock.unlock();
  unmapChain(dropped);
}

}  // namespace

Block* allocateBlock(size_t bytes) { return bytes > kLargest ? nullptr : pool().allocate(roundSize(bytes)); }

void retainBlock(Block* block) { block->references.fetch_add(1, std::memory_order_relaxed); }

void releaseBlock(Block* block) {
  if (block->references.fetch_sub(1, std::memory_order_acq_rel) == 1) pool().release(block);
}

MemoryUse memoryUse() {
  Pool& all = pool();
  const auto get = [](const std::atomic<size_t>& counter) { return counter.load(std::memory_order_relaxed); };
  return {get(all.live), get(all.blocks), get(all.cached), currentLimit(all.limit)};
}

void setMemoryLimit(size_t bytes) { pool().limit.store(bytes, std::memory_order_relaxed); }

void trimMemory() { pool().trim(); }

}  // namespace flambeau
