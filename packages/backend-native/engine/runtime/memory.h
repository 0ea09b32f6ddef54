// Buffers: 64-byte aligned blocks from a caching pool of size buckets, counted by reference.
#pragma once
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace flambeau {

struct Slab;

/** Stands 64 bytes before the data. */
struct alignas(64) Block {
  static constexpr uint64_t kMagic = 0x424c4f434b464c41ull;
  uint64_t magic;   // kMagic only while somebody refers to the block
  size_t capacity;  // bytes that may be touched
  std::atomic<int64_t> references;
  void* owner;  // for who allocated it; null at first
  // The pool's own: neighbours in its bucket, and in the order of age or the slab it was cut from.
  Block *previous, *next;
  union {
    Block* older;
    Slab* slab;
  };
  Block* newer;
  char* data() { return reinterpret_cast<char*>(this) + 64; }
};
static_assert(sizeof(Block) == 64, "the header stands in the cache line before the data");

/** The block whose data starts at `address`; null for 0 and for a block that was given back. */
inline Block* blockAt(uintptr_t address) {
  if (address < 64 || address % 64 != 0) return nullptr;
  Block* block = reinterpret_cast<Block*>(address - 64);
  return block->magic == Block::kMagic ? block : nullptr;
}

/** A block of at least `bytes`, with one reference; null when there is no memory or the limit is met. */
Block* allocateBlock(size_t bytes);
void retainBlock(Block* block);
/** Gives the block back to the pool when nobody refers to it any more. */
void releaseBlock(Block* block);

struct MemoryUse {
  size_t live;    // bytes in blocks that somebody refers to
  size_t blocks;  // how many
  size_t cached;  // bytes in the pool
  size_t limit;
};
MemoryUse memoryUse();
/** The most bytes that may be live; 0: the default, four fifths of the memory that the process may use. */
void setMemoryLimit(size_t bytes);
/** Returns what the pool caches to the system. */
void trimMemory();

}  // namespace flambeau
