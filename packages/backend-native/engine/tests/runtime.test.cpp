// Threads, memory and the choice of instruction set. Also meant for the address and thread sanitizers.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "../base.h"
#include "../runtime/cpu.h"
#include "../runtime/memory.h"
#include "../runtime/system.h"
#include "../runtime/threads.h"

using namespace flambeau;

static std::atomic<int> passed{0}, failed{0};

static void expect(bool isTrue, const char* what) {
  if (isTrue) {
    passed++;
  } else {
    failed++;
    std::printf("FAILED: %s\n", what);
  }
}

template <class Body>
static std::string errorOf(const Body& body) {
  try {
    body();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

static uintptr_t addressOf(const void* pointer) { return reinterpret_cast<uintptr_t>(pointer); }

// ---- threads

/** Whether every chunk runs exactly once, and its writes are seen after the job. */
static bool runsEachOnce(int64_t chunks) {
  std::vector<int> counts(chunks, 0);  // not atomic: each element belongs to one chunk
  parallelFor(chunks, [&](int64_t chunk) { counts[chunk]++; });
  for (int count : counts) {
    if (count != 1) return false;
  }
  return true;
}

static void testJobs() {
  std::mt19937 random(1);
  for (int threads : {1, 2, 3, 5, 2, 8, 1, 4}) {
    setThreadCount(threads);
    expect(threadCount() == threads, "the number of threads is the one asked for");
    bool isExact = runsEachOnce(0) && runsEachOnce(1);
    for (int job = 0; job < 500; job++) isExact = isExact && runsEachOnce(random() % 70);
    expect(isExact, "each chunk runs exactly once");
  }
  setThreadCount(4);
  bool isExact = true;
  for (int job = 0; job < 10; job++) {
    std::this_thread::sleep_for(std::chrono::milliseconds(2));  // helpers are asleep now
    isExact = isExact && runsEachOnce(1000);
  }
  expect(isExact, "helpers that slept work exactly");
}

static void testCallers() {
  setThreadCount(3);
  std::atomic<int> wrong{0};
  std::vector<std::thread> callers;
  for (int caller = 0; caller < 4; caller++) {
    callers.emplace_back([&wrong, caller] {
      for (int job = 0; job < 500; job++) {
        if (!runsEachOnce(1 + (job * 7 + caller) % 40)) wrong++;
      }
    });
  }
  for (auto& caller : callers) caller.join();
  expect(wrong == 0, "several callers at once get exact jobs");
}

static void testNested() {
  setThreadCount(4);
  std::vector<int> counts(40 * 30, 0);
  std::atomic<int> moved{0};
  parallelFor(40, [&](int64_t outer) {
    const auto self = std::this_thread::get_id();
    parallelFor(30, [&](int64_t inner) {
      counts[outer * 30 + inner]++;
      if (std::this_thread::get_id() != self) moved++;
    });
  });
  bool isExact = true;
  for (int count : counts) isExact = isExact && count == 1;
  expect(isExact, "nested jobs run each chunk once");
  expect(moved == 0, "nested jobs stay on their thread");
}

static void testFailure() {
  for (int threads : {1, 4}) {
    setThreadCount(threads);
    for (int job = 0; job < 50; job++) {
      const std::string message = errorOf([&] {
        parallelFor(64, [&](int64_t chunk) {
          if (chunk % 16 == 7) throw Error("chunk failed");
        });
      });
      expect(message == "chunk failed" && runsEachOnce(64), "an error in a chunk reaches the caller, the pool goes on");
    }
  }
}

static void testScratch() {
  setThreadCount(4);
  std::atomic<int> wrong{0};
  const auto use = [&wrong](Scratch user, size_t bytes) {
    auto* memory = static_cast<unsigned char*>(scratch(user, bytes));
    if (addressOf(memory) % 64 != 0) wrong++;
    if (bytes >= kHugePage && addressOf(memory) % kHugePage != 0) wrong++;
    std::memset(memory, static_cast<int>(user), bytes);
    if (scratch(user, bytes / 2) != memory) wrong++;
    return memory;
  };
  parallelFor(32, [&](int64_t chunk) {
    const size_t bytes = 1000 + 90000 * static_cast<size_t>(chunk);
    unsigned char* a = use(Scratch::PackA, bytes);
    unsigned char* b = use(Scratch::Partial, bytes / 3);
    for (size_t i = 0; i < bytes; i += 997) wrong += a[i] != static_cast<int>(Scratch::PackA);
    for (size_t i = 0; i < bytes / 3; i += 997) wrong += b[i] != static_cast<int>(Scratch::Partial);
  });
  expect(wrong == 0, "scratches are aligned, stay, and do not overlap");
  expect(scratch(Scratch::Loops, 0) != nullptr, "an empty scratch is memory too");
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  expect(!errorOf([] { scratch(Scratch::Tile, size_t{1} << 52); }).empty(), "too large a scratch is an Error");
#endif
}

// ---- memory

static void testBlocks() {
  trimMemory();
  const MemoryUse before = memoryUse();
  for (size_t bytes : {size_t{0}, size_t{1}, size_t{64}, size_t{65}, size_t{1000}, size_t{32768}, size_t{32769},
                       size_t{100000}, size_t{1} << 20, (size_t{1} << 21) + 1, size_t{5000000}}) {
    Block* block = allocateBlock(bytes);
    expect(block && block->capacity >= bytes && block->capacity <= bytes + bytes / 4 + 64,
           "a block is large enough, and at most a quarter larger");
    expect(addressOf(block->data()) % 64 == 0, "data is aligned");
    if (bytes >= kHugePage) expect(addressOf(block->data()) % kHugePage == 0, "large data starts a huge page");
    expect(blockAt(addressOf(block->data())) == block, "a block is found by its address");
    expect(memoryUse().live == before.live + block->capacity && memoryUse().blocks == before.blocks + 1,
           "live bytes and blocks are counted");
    std::memset(block->data(), 1, block->capacity);
    char* data = block->data();
    retainBlock(block);
    releaseBlock(block);
    expect(blockAt(addressOf(data)) == block, "a block lives while somebody refers to it");
    releaseBlock(block);
    expect(blockAt(addressOf(data)) == nullptr, "a block that was given back is found no more");
    Block* again = allocateBlock(bytes);
    expect(again->data() == data, "memory is used again");
    releaseBlock(again);
  }
  expect(memoryUse().live == before.live && memoryUse().blocks == before.blocks, "nothing stays live");
  expect(memoryUse().cached > 0, "the pool keeps what was given back");
  trimMemory();
  expect(memoryUse().cached == 0, "trimming gives all back");
  expect(blockAt(0) == nullptr && blockAt(3) == nullptr, "no block at 0");
}

static void testLimit() {
  trimMemory();
  const size_t before = memoryUse().live, limit = before + (size_t{64} << 20);
  setMemoryLimit(limit);
  expect(memoryUse().limit == limit, "the limit is what was set");
  expect(allocateBlock(size_t{65} << 20) == nullptr, "no block above the limit");
  expect(allocateBlock(size_t{1} << 60) == nullptr, "no block of absurd size");
  std::vector<Block*> blocks;
  while (Block* block = allocateBlock(size_t{8} << 20)) blocks.push_back(block);
  expect(blocks.size() == 8, "blocks up to the limit");
  for (Block* block : blocks) releaseBlock(block);
  Block* large = allocateBlock(size_t{60} << 20);
  expect(large != nullptr, "the cache makes room below the limit");
  expect(memoryUse().live + memoryUse().cached <= limit, "live and cached bytes are below the limit");
  releaseBlock(large);
  setMemoryLimit(0);
  expect(memoryUse().limit > limit, "the default limit is a share of the machine's memory");
  trimMemory();
}

static void testCacheBound() {
  trimMemory();
  setMemoryLimit(size_t{1} << 40);
  std::vector<Block*> blocks;
  for (int i = 0; i < 30; i++) blocks.push_back(allocateBlock(size_t{32} << 20));
  const size_t most = memoryUse().live;
  bool isBounded = true;
  for (Block* block : blocks) {
    releaseBlock(block);
    const MemoryUse use = memoryUse();
    isBounded = isBounded && use.live + use.cached <= std::max(most, use.live + (size_t{256} << 20));
  }
  expect(isBounded, "the cache stays below the recent peak");
  // Much smaller work for a while: the peak is forgotten, and memory goes back.
  for (int i = 0; i < 1000; i++) releaseBlock(allocateBlock(size_t{16} << 20));
  expect(memoryUse().cached <= size_t{256} << 20, "the cache shrinks when the peak is long past");
  setMemoryLimit(0);
  trimMemory();
}

static void testSharedPool() {
  std::atomic<int> wrong{0};
  const MemoryUse before = memoryUse();
  std::vector<std::thread> users;
  std::vector<std::atomic<Block*>> exchange(64);
  for (auto& place : exchange) place = nullptr;
  for (int user = 0; user < 4; user++) {
    users.emplace_back([&, user] {
      std::mt19937 random(100 + user);
      struct Held {
        Block* block;
        unsigned char mark;
      };
      std::vector<Held> held;
      for (int step = 0; step < 4000; step++) {
        const int choice = random() % 8;
        if (choice < 4 || held.empty()) {
          const size_t bytes = size_t{1} << (random() % 18) << (random() % 16 == 0 ? 4 : 0);
          Block* block = allocateBlock(bytes + random() % 64);
          const auto mark = static_cast<unsigned char>(random());
          if (!block || addressOf(block->data()) % 64 != 0) {
            wrong++;
            continue;
          }
          block->data()[0] = block->data()[bytes / 2] = block->data()[block->capacity - 1] = static_cast<char>(mark);
          held.push_back({block, mark});
        } else if (choice < 7) {
          const size_t which = random() % held.size();
          const Held one = held[which];
          held[which] = held.back();
          held.pop_back();
          const auto last = static_cast<unsigned char>(one.block->data()[one.block->capacity - 1]);
          if (static_cast<unsigned char>(one.block->data()[0]) != one.mark || last != one.mark) wrong++;
          releaseBlock(one.block);
        } else {
          // Blocks travel: another thread gives them back.
          Block* block = allocateBlock(random() % 5000);
          if (Block* other = exchange[random() % exchange.size()].exchange(block)) releaseBlock(other);
        }
        if (random() % 1000 == 0) trimMemory();
      }
      for (const Held& one : held) releaseBlock(one.block);
    });
  }
  for (auto& user : users) user.join();
  for (auto& place : exchange) {
    if (Block* block = place.load()) releaseBlock(block);
  }
  expect(wrong == 0, "threads never get each other's blocks");
  expect(memoryUse().live == before.live && memoryUse().blocks == before.blocks, "all blocks came back");
  trimMemory();
  expect(memoryUse().cached == 0, "no slab is lost");
}

// ---- instruction sets

static void testIsa() {
  const Isa first = activeIsa();
  int supported = 0;
  for (Isa isa : {Isa::Baseline, Isa::Avx2, Isa::Avx512, Isa::Neon}) {
    if (supportsIsa(isa)) {
      supported++;
      selectIsa(isaName(isa));
      expect(activeIsa() == isa, "a supported set can be forced");
      expect(isa == Isa::Avx512 || !hasAmx(), "tiles only beside AVX-512");
    } else {
      expect(!errorOf([&] { selectIsa(isaName(isa)); }).empty(), "a set that is not supported is an Error");
    }
  }
  expect(supported > 0, "there is always a set");
  const std::string message = errorOf([] { selectIsa("sse9"); });
  expect(message.find("\"sse9\"") != std::string::npos, "the error names what came");
  expect(message.find(isaName(first)) != std::string::npos, "the error lists what there is");
  selectIsa(nullptr);
  const Isa best = activeIsa();
  selectIsa("");
  expect(activeIsa() == best, "an empty name means the best");
  selectIsa(isaName(first));
  expect(systemProcessors() >= 1 && systemMemory() > (size_t{64} << 20), "the machine has processors and memory");
}

int main() {
  testJobs();
  testCallers();
  testNested();
  testFailure();
  testScratch();
  testBlocks();
  testLimit();
  testCacheBound();
  testSharedPool();
  testIsa();
  std::printf("%d passed, %d failed\n", passed.load(), failed.load());
  return failed == 0 ? 0 : 1;
}
