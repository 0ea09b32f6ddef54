// One pool of threads for the process. A job is split into chunks which the caller and the helpers take one
// by one, so a busy core costs at most one chunk. One job at a time: a second caller works alone.
#pragma once
#include <cstddef>
#include <cstdint>

namespace flambeau {

/** Threads in all, the caller included: FLAMBEAU_THREADS, or the cores of this process. */
int threadCount();
/** For tests and benchmarks; between jobs. */
void setThreadCount(int count);

/** Runs body(context, chunk) for each chunk in 0 … chunks-1, in any order, on any thread. Returns when all
 * are done. With one chunk, or one thread, it is a plain loop. */
void parallelChunks(int64_t chunks, void (*body)(void* context, int64_t chunk), void* context);

template <class Body>
inline void parallelFor(int64_t chunks, const Body& body) {
  parallelChunks(
      chunks, [](void* context, int64_t chunk) { (*static_cast<const Body*>(context))(chunk); },
      const_cast<void*>(static_cast<const void*>(&body)));
}

/** Who uses a scratch: two users on one thread never share. */
enum class Scratch { PackA, PackB, Tile, Loops, Rows, Routine, Window, Partial };
constexpr int kScratchCount = 8;

/**
 * At least `bytes` of memory of this thread, 64-byte aligned, on huge pages where large. Valid until the
 * same thread asks for the same scratch again; never given back while the thread lives. Throws Error when
 * there is no memory.
 */
void* scratch(Scratch user, size_t bytes);

}  // namespace flambeau
