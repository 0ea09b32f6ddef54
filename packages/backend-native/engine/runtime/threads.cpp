// The pool of threads. The caller opens a job, takes chunks like everybody, closes the job and waits until
// all helpers have left it. Helpers spin for a moment after a job (the next one is often near), then sleep.
#include "threads.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <exception>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "../base.h"
#include "../isa.h"
#include "system.h"

#if defined(__linux__)
#include <pthread.h>
#include <sched.h>
#endif
#if defined(FLAMBEAU_X86)
#include <immintrin.h>
#endif

namespace flambeau {

namespace {

using Clock = std::chrono::steady_clock;

constexpr int kMostThreads = 1024;
constexpr auto kSpin = std::chrono::microseconds(40);

/** Tells the processor that this is a loop that waits. */
inline void relax() {
#if defined(FLAMBEAU_X86)
  _mm_pause();
#elif defined(FLAMBEAU_ARM) && defined(__GNUC__)
  __asm__ volatile("yield");
#endif
}

thread_local bool isInsideJob = false;

/** A thread of the pool, from the caller's side. */
struct Helper {
  std::mutex mutex;
  std::condition_variable wake;
  std::atomic<bool> isAsleep{false};
#if defined(__linux__)
  pthread_t thread{};
#endif
};

class Pool {
 public:
  bool tryEnter() { return !isBusy.exchange(true, std::memory_order_acquire); }
  void leave() { isBusy.store(false, std::memory_order_release); }
  void run(int threads, int64_t count, void (*function)(void*, int64_t), void* argument);

 private:
  void startHelpers(size_t count);
  void help(Helper& self, int index);
  void waitForJob(Helper& self, uint32_t seen, Clock::time_point lastWork);
  bool isOpen(uint32_t now, uint32_t seen) const { return now % 2 == 0 && now != seen; }
  void work();
  void keepOffCaller();

  std::atomic<bool> isBusy{false};
  std::vector<std::unique_ptr<Helper>> helpers;  // grows between jobs

  // The job. Written by the caller while `phase` is odd (closed) and nobody is inside.
  int64_t chunks = 0;
  void (*body)(void*, int64_t) = nullptr;
  void* context = nullptr;
  int invited = 0;  // helpers below this number take part
  std::exception_ptr failure;
  // On cache lines of their own: all threads write them.
  alignas(64) std::atomic<int64_t> next{0};
  alignas(64) std::atomic<int> inside{0};
  std::atomic<bool> hasFailed{false};
  alignas(64) std::atomic<uint32_t> phase{1};

  int callerProcessor = -1;
  Clock::time_point lastMove{};
};

/** Never destroyed: helpers may still run when the process ends. */
Pool& pool() {
  static Pool* const instance = new Pool;
  return *instance;
}

void Pool::work() {
  isInsideJob = true;
  for (;;) {
    const int64_t chunk = next.fetch_add(1, std::memory_order_relaxed);
    if (chunk >= chunks) break;
    try {
      body(context, chunk);
    } catch (...) {
      if (!hasFailed.exchange(true)) failure = std::current_exception();
      next.store(chunks, std::memory_order_relaxed);
    }
  }
  isInsideJob = false;
}

void Pool::waitForJob(Helper& self, uint32_t seen, Clock::time_point lastWork) {
  do {
    for (int i = 0; i < 64; i++) {
      if (isOpen(phase.load(std::memory_order_acquire), seen)) return;
      relax();
    }
  } while (Clock::now() - lastWork < kSpin);
  std::unique_lock<std::mutex> lock(self.mutex);
  for (;;) {
    // First asleep, then the look: the caller opens first, then looks who sleeps.
    self.isAsleep.store(true);
    if (isOpen(phase.load(), seen)) break;
    self.wake.wait(lock);
  }
  self.isAsleep.store(false);
}

void Pool::help(Helper& self, int index) {
  uint32_t seen = 1;
  Clock::time_point lastWork{};
  for (;;) {
    waitForJob(self, seen, lastWork);
    inside.fetch_add(1);
    const uint32_t now = phase.load();
    if (isOpen(now, seen)) {
      seen = now;
      if (index < invited) {
        work();
        lastWork = Clock::now();
      }
    }
    inside.fetch_sub(1);
  }
}

void Pool::startHelpers(size_t count) {
  if (helpers.size() >= count) return;
  const WithoutSignals quiet;
  try {
    while (helpers.size() < count) {
      auto helper = std::make_unique<Helper>();
      Helper* self = helper.get();
      const int index = static_cast<int>(helpers.size());
      helpers.reserve(helpers.size() + 1);
      std::thread thread([this, self, index] { help(*self, index); });
#if defined(__linux__)
      self->thread = thread.native_handle();
#endif
      thread.detach();
      helpers.push_back(std::move(helper));
      callerProcessor = -1;
    }
  } catch (const std::exception&) {
    // The system gives no more threads: those there are do the work.
  }
}

/**
 * A woken helper often lands on the caller's processor and then waits there for milliseconds. So helpers may
 * run anywhere but there; the caller itself is never bound, since threads made later inherit its mask.
 */
void Pool::keepOffCaller() {
#if defined(__linux__)
  const int processor = sched_getcpu();
  if (processor < 0 || processor == callerProcessor) return;
  const Clock::time_point now = Clock::now();
  if (callerProcessor >= 0 && now - lastMove < std::chrono::microseconds(100) * helpers.size()) return;
  lastMove = now;
  callerProcessor = processor;
  cpu_set_t mask;
  if (sched_getaffinity(0, sizeof(mask), &mask) != 0 || processor >= CPU_SETSIZE) return;
  CPU_CLR(processor, &mask);
  if (CPU_COUNT(&mask) == 0) return;
  for (const auto& helper : helpers) pthread_setaffinity_np(helper->thread, sizeof(mask), &mask);
#endif
}

void Pool::run(int threads, int64_t count, void (*function)(void*, int64_t), void* argument) {
  startHelpers(static_cast<size_t>(threads - 1));
  keepOffCaller();
  chunks = count;
  body = function;
  context = argument;
  invited = static_cast<int>(std::min<int64_t>(std::min<int64_t>(threads, helpers.size() + 1), count)) - 1;
  next.store(0, std::memory_order_relaxed);
  phase.fetch_add(1);  // open
  for (int i = 0; i < invited; i++) {
    Helper& helper = *helpers[i];
    if (!helper.isAsleep.exchange(false)) continue;
    { std::lock_guard<std::mutex> lock(helper.mutex); }
    helper.wake.notify_one();
  }
  work();
  phase.fetch_add(1);  // closed
  for (int spins = 0; inside.load() != 0; spins++) {
    if (spins < 2000) relax();
    else std::this_thread::yield();
  }
  if (hasFailed.load(std::memory_order_relaxed)) {
    hasFailed.store(false, std::memory_order_relaxed);
    const std::exception_ptr thrown = std::move(failure);
    failure = nullptr;
    leave();
    std::rethrow_exception(thrown);
  }
  leave();
}

std::atomic<int> requestedThreads{0};  // 0: not asked yet

int defaultThreads() {
  const char* text = std::getenv("FLAMBEAU_THREADS");
  if (!text || !*text) return std::min(systemProcessors(), kMostThreads);
  char* end = nullptr;
  const long count = std::strtol(text, &end, 10);
  if (*end != '\0' || count < 1 || count > kMostThreads) {
    throw Error("FLAMBEAU_THREADS must be a whole number from 1 to " + std::to_string(kMostThreads) + ", not \"" +
                text + "\".");
  }
  return static_cast<int>(count);
}

}  // namespace

int threadCount() {
  const int count = requestedThreads.load(std::memory_order_relaxed);
  if (count > 0) return count;
  const int found = defaultThreads();
  requestedThreads.store(found, std::memory_order_relaxed);
  return found;
}

void setThreadCount(int count) {
  requestedThreads.store(std::max(1, std::min(count, kMostThreads)), std::memory_order_relaxed);
}

void parallelChunks(int64_t chunks, void (*body)(void* context, int64_t chunk), void* context) {
  if (chunks <= 0) return;
  const int threads = chunks == 1 || isInsideJob ? 1 : threadCount();
  if (threads > 1 && pool().tryEnter()) return pool().run(threads, chunks, body, context);
  for (int64_t chunk = 0; chunk < chunks; chunk++) body(context, chunk);
}

}  // namespace flambeau
