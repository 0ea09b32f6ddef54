// Memory for tests that looks like a block of the pool, of exactly so many bytes, between guards.
#pragma once
#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <string>

#include "../runtime/memory.h"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#define FLAMBEAU_POISON(from, bytes) __asan_poison_memory_region(from, bytes)
#define FLAMBEAU_UNPOISON(from, bytes) __asan_unpoison_memory_region(from, bytes)
#else
#define FLAMBEAU_POISON(from, bytes)
#define FLAMBEAU_UNPOISON(from, bytes)
#endif

namespace flambeau::tests {

/** A block of exactly so many bytes between guards that nobody may touch. */
class GuardedBlock {
 public:
  explicit GuardedBlock(int64_t bytes) : bytes_(bytes), whole_((bytes + 3 * kGuard + 127) / 64 * 64) {
    memory_ = static_cast<char*>(std::aligned_alloc(64, static_cast<size_t>(whole_)));
    std::memset(memory_, 0x5a, static_cast<size_t>(whole_));
    block_ = reinterpret_cast<Block*>(memory_ + kGuard - 64);
    std::memset(static_cast<void*>(block_), 0, 64);
    block_->magic = Block::kMagic;
    block_->capacity = static_cast<size_t>(bytes);
    before_ = std::string(memory_, static_cast<size_t>(kGuard));
    FLAMBEAU_POISON(memory_, kGuard - 64);
    FLAMBEAU_POISON(data() + bytes, static_cast<size_t>(end() - bytes));
  }
  GuardedBlock(const GuardedBlock&) = delete;
  ~GuardedBlock() {
    FLAMBEAU_UNPOISON(memory_, static_cast<size_t>(whole_));
    std::free(memory_);
  }

  char* data() { return memory_ + kGuard; }

  bool isIntact() {
    FLAMBEAU_UNPOISON(memory_, static_cast<size_t>(whole_));
    bool isWell = std::equal(before_.begin(), before_.end(), memory_);
    for (int64_t i = bytes_; i < end(); i++) isWell = isWell && data()[i] == 0x5a;
    return isWell;
  }

 private:
  static constexpr int64_t kGuard = 256;
  int64_t end() const { return whole_ - kGuard; }
  int64_t bytes_, whole_;
  char* memory_;
  Block* block_;
  std::string before_;
};

}  // namespace flambeau::tests
