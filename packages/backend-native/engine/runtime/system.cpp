// The operating system's side: memory pages, limits of the machine and of the control group.
#include "system.h"

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>

#if defined(_WIN32)
#include <malloc.h>
#include <windows.h>
#else
#include <sys/mman.h>
#include <unistd.h>
#endif
#if defined(__linux__)
#include <sched.h>
#endif

namespace flambeau {

#if defined(_WIN32)

size_t pageSize() {
  SYSTEM_INFO info;
  GetSystemInfo(&info);
  return info.dwPageSize;
}

char* mapMemory(size_t lead, size_t bytes, size_t alignment) {
  char* region = static_cast<char*>(_aligned_offset_malloc(lead + bytes, alignment, lead));
  return region ? region + lead : nullptr;
}

void unmapMemory(char* address, size_t lead, size_t) { _aligned_free(address - lead); }

size_t systemMemory() {
  MEMORYSTATUSEX status;
  status.dwLength = sizeof(status);
  return GlobalMemoryStatusEx(&status) ? static_cast<size_t>(status.ullTotalPhys) : SIZE_MAX;
}

int systemProcessors() { return std::max(1, static_cast<int>(std::thread::hardware_concurrency())); }

WithoutSignals::WithoutSignals() {}
WithoutSignals::~WithoutSignals() {}

#else

size_t pageSize() {
  static const size_t size = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  return size;
}

static size_t wholePages(size_t bytes) { return (bytes + pageSize() - 1) & ~(pageSize() - 1); }

char* mapMemory(size_t lead, size_t bytes, size_t alignment) {
  const size_t size = lead + wholePages(bytes);
  const size_t slack = alignment > pageSize() ? alignment : 0;
  if (size < bytes || size + slack < size) return nullptr;
  void* region = mmap(nullptr, size + slack, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (region == MAP_FAILED) return nullptr;
  const uintptr_t start = reinterpret_cast<uintptr_t>(region);
  const uintptr_t address = (start + lead + alignment - 1) & ~(static_cast<uintptr_t>(alignment) - 1);
  const size_t before = address - lead - start, after = slack - before;
  if (before > 0) munmap(region, before);
  if (after > 0) munmap(reinterpret_cast<void*>(start + before + size), after);
#if defined(MADV_HUGEPAGE)
  if (bytes >= kHugePage) madvise(reinterpret_cast<void*>(address - lead), size, MADV_HUGEPAGE);
#endif
  return reinterpret_cast<char*>(address);
}

void unmapMemory(char* address, size_t lead, size_t bytes) { munmap(address - lead, lead + wholePages(bytes)); }

#if defined(__linux__)
/** Up to two numbers of a file of the control group; how many there were ("max" and absence end the list). */
static int readNumbers(const std::string& path, double numbers[2]) {
  std::FILE* file = std::fopen(path.c_str(), "r");
  if (!file) return 0;
  const int count = std::fscanf(file, "%lf %lf", &numbers[0], &numbers[1]);
  std::fclose(file);
  return std::max(0, count);
}

/** Path of this process's group of cgroup v2, below /sys/fs/cgroup; empty at the root or without v2. */
static std::string controlGroup() {
  std::FILE* file = std::fopen("/proc/self/cgroup", "r");
  if (!file) return "";
  char line[4096];
  std::string path;
  while (std::fgets(line, sizeof(line), file)) {
    std::string text(line);
    if (text.compare(0, 3, "0::") == 0) path = text.substr(3, text.find_last_not_of("\n") - 2);
  }
  std::fclose(file);
  return path == "/" ? "" : path;
}
#endif

size_t systemMemory() {
  double bytes = static_cast<double>(sysconf(_SC_PHYS_PAGES)) * static_cast<double>(pageSize());
#if defined(__linux__)
  const std::string group = "/sys/fs/cgroup" + controlGroup();
  double numbers[2];
  for (const std::string& path : {group + "/memory.max", std::string("/sys/fs/cgroup/memory.max"),
                                  std::string("/sys/fs/cgroup/memory/memory.limit_in_bytes")}) {
    if (readNumbers(path, numbers) > 0) bytes = std::min(bytes, numbers[0]);
  }
#endif
  return static_cast<size_t>(bytes);
}

int systemProcessors() {
  int count = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
#if defined(__linux__)
  cpu_set_t mask;
  if (sched_getaffinity(0, sizeof(mask), &mask) == 0) count = std::max(1, CPU_COUNT(&mask));
  const auto restrict = [&count](double quota, double period) {
    if (quota > 0 && period > 0) count = std::max(1, std::min(count, static_cast<int>(quota / period + 0.999)));
  };
  double numbers[2], period[2];
  const std::string group = "/sys/fs/cgroup" + controlGroup();
  for (const std::string& path : {group + "/cpu.max", std::string("/sys/fs/cgroup/cpu.max")}) {
    if (readNumbers(path, numbers) == 2) restrict(numbers[0], numbers[1]);
  }
  if (readNumbers("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", numbers) == 1 &&
      readNumbers("/sys/fs/cgroup/cpu/cpu.cfs_period_us", period) == 1) {
    restrict(numbers[0], period[0]);
  }
#endif
  return count;
}

WithoutSignals::WithoutSignals() {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
}

WithoutSignals::~WithoutSignals() { pthread_sigmask(SIG_SETMASK, &before, nullptr); }

#endif

}  // namespace flambeau
