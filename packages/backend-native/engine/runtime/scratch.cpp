// Working memory of kernels, one set for each thread; declared in threads.h.
#include <algorithm>
#include <string>

#include "../base.h"
#include "system.h"
#include "threads.h"

namespace flambeau {

namespace {

struct Scratches {
  char* address[kScratchCount] = {};
  size_t bytes[kScratchCount] = {};
  ~Scratches() {
    for (int user = 0; user < kScratchCount; user++) {
      if (address[user]) unmapMemory(address[user], 0, bytes[user]);
    }
  }
};

thread_local Scratches scratches;

}  // namespace

void* scratch(Scratch user, size_t bytes) {
  Scratches& own = scratches;
  const int index = static_cast<int>(user);
  if (own.bytes[index] >= bytes && own.address[index]) return own.address[index];
  // Growing by half at least keeps the number of moves small where sizes creep up.
  size_t wanted = std::max({bytes, own.bytes[index] + own.bytes[index] / 2, size_t{1}});
  if (own.address[index]) unmapMemory(own.address[index], 0, own.bytes[index]);
  own.address[index] = nullptr;
  own.bytes[index] = 0;
  const size_t unit = wanted >= kHugePage ? kHugePage : size_t{64} << 10;
  wanted = (wanted + unit - 1) / unit * unit;
  own.address[index] = wanted < bytes ? nullptr : mapMemory(0, wanted, wanted >= kHugePage ? kHugePage : pageSize());
  if (!own.address[index]) throw Error("No memory for " + std::to_string(bytes) + " bytes of working space.");
  own.bytes[index] = wanted;
  return own.address[index];
}

}  // namespace flambeau
