// What `initial` does to outputs before loops run.
#include "fill.h"

#include <algorithm>

#include "../runtime/threads.h"

namespace flambeau {
namespace {

constexpr int64_t kChunkBytes = 1 << 18;

template <class Word>
void fillAs(char* to, int64_t bytes, Bits word) {
  Word* first = reinterpret_cast<Word*>(to);
  std::fill(first, first + bytes / static_cast<int64_t>(sizeof(Word)), word.as<Word>());
}

void fillChunk(char* to, int64_t bytes, int size, Bits word) {
  switch (size) {
    case 1: return fillAs<uint8_t>(to, bytes, word);
    case 2: return fillAs<uint16_t>(to, bytes, word);
    case 4: return fillAs<uint32_t>(to, bytes, word);
    default: return fillAs<uint64_t>(to, bytes, word);
  }
}

}  // namespace

void fillWords(char* to, int64_t bytes, int size, Bits word) {
  if (bytes < size) return;
  if (bytes <= 2 * kChunkBytes) return fillChunk(to, bytes, size, word);
  parallelFor((bytes + kChunkBytes - 1) / kChunkBytes, [&](int64_t chunk) {
    const int64_t start = chunk * kChunkBytes;
    fillChunk(to + start, std::min(kChunkBytes, bytes - start), size, word);
  });
}

}  // namespace flambeau
