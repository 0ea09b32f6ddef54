// Random damage to the bytes of programs.
#pragma once
#include <algorithm>
#include <cstring>
#include <vector>

#include "program-words.h"

namespace flambeau::tests {

inline void setLength(std::vector<uint8_t>& bytes) {
  const auto length = static_cast<uint32_t>(bytes.size());
  if (bytes.size() >= 12) std::memcpy(bytes.data() + 8, &length, 4);
}

/** One act of damage: a word, a byte, a cut, or a piece of another program. */
inline void damage(std::vector<uint8_t>& bytes, const std::vector<uint8_t>& other, Random& random) {
  const auto below = [&](size_t count) { return static_cast<size_t>(random() % count); };
  const auto wordIn = [&](const std::vector<uint8_t>& in) { return 4 * below(in.size() / 4); };
  if (bytes.size() < 16) return;
  switch (pick(random, 0, 9)) {
    case 0:
      bytes[below(bytes.size())] ^= static_cast<uint8_t>(1u << pick(random, 0, 7));
      break;
    case 1:
      bytes.resize(below(bytes.size()));
      setLength(bytes);
      break;
    case 2: {
      const size_t from = wordIn(other), to = wordIn(bytes), wanted = 4 + 4 * below(16);
      const size_t length = std::min({wanted, other.size() - from, bytes.size() - to});
      std::memcpy(bytes.data() + to, other.data() + from, length);
      break;
    }
    case 3: {
      const auto at = bytes.begin() + static_cast<std::ptrdiff_t>(wordIn(bytes));
      bytes.erase(at, at + 4);
      setLength(bytes);
      break;
    }
    case 4: case 5: case 6: {
      const size_t at = wordIn(bytes);
      uint32_t word;
      std::memcpy(&word, bytes.data() + at, 4);
      word += static_cast<uint32_t>(pick(random, -2, 2));
      std::memcpy(bytes.data() + at, &word, 4);
      break;
    }
    default: {
      constexpr uint32_t interesting[] = {0,  1,  2,   3,           4,           5,           7,           8,
                                          16, 64, 255, 0x7fffffffu, 0x80000000u, 0xffffffffu, 0xfffffffeu, 0x10000u};
      const uint32_t word = below(4) == 0 ? static_cast<uint32_t>(random()) : interesting[below(16)];
      std::memcpy(bytes.data() + wordIn(bytes), &word, 4);
    }
  }
}

}  // namespace flambeau::tests
