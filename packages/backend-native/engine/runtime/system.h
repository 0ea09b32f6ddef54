// What the engine asks of the operating system: pages of memory, how much of it and how many processors this
// process may use.
#pragma once
#include <cstddef>

#if !defined(_WIN32)
#include <signal.h>
#endif

namespace flambeau {

/** Where huge pages begin to pay. */
constexpr size_t kHugePage = size_t{2} << 20;

size_t pageSize();
/**
 * Fresh zeroed memory from `lead` bytes before the result to `bytes` after it; the result is aligned to
 * `alignment`, a power of two of at least a page, and `lead` is whole pages. From kHugePage on it asks for
 * huge pages. Null when there is none.
 */
char* mapMemory(size_t lead, size_t bytes, size_t alignment);
/** Gives back what mapMemory gave for the same numbers. */
void unmapMemory(char* address, size_t lead, size_t bytes);

/** Bytes that this process may use: of the machine, or of its control group. */
size_t systemMemory();
/** Processors that this process may use: its affinity mask, and the quota of its control group. */
int systemProcessors();

/** While one exists, threads that are started here get no signals: those are the main thread's business. */
class WithoutSignals {
 public:
  WithoutSignals();
  ~WithoutSignals();
  WithoutSignals(const WithoutSignals&) = delete;

#if !defined(_WIN32)
 private:
  sigset_t before;
#endif
};

}  // namespace flambeau
