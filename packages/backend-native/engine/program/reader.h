// Reads the words of a program; nothing is read beyond their end, and no count exceeds what remains.
#pragma once
#include <cstdlib>

#include "../base.h"
#include "format.h"

namespace flambeau {

[[noreturn]] inline void malformed(const std::string& what) { throw Error("malformed program: " + what); }

class Reader {
 public:
  Reader(const uint8_t* bytes, size_t length) : at_(bytes), end_(bytes + length) {}

  size_t remaining() const { return static_cast<size_t>(end_ - at_); }

  uint32_t word() {
    uint32_t value;
    copy(&value, sizeof value);
    return value;
  }

  /** A signed number that arithmetic on addresses may safely use. */
  int64_t wide() {
    int64_t value;
    copy(&value, sizeof value);
    if (value > format::kWidest || value < -format::kWidest) malformed("a number is too large");
    return value;
  }

  Bits bits() {
    Bits value;
    copy(&value.word, sizeof value.word);
    return value;
  }

  /** A word below `bound`. */
  uint32_t below(uint32_t bound, const char* what) {
    const uint32_t value = word();
    if (value >= bound) malformed(std::string(what) + " " + std::to_string(value) + " of " + std::to_string(bound));
    return value;
  }

  bool flag(const char* what) { return below(2, what) == 1; }
  WordType type() { return static_cast<WordType>(below(kWordTypeCount, "type")); }

  WordType valueTypeWord(const char* what) {
    const WordType found = type();
    if (valueType(found) != found) malformed(std::string(what) + " of a type that registers do not hold");
    return found;
  }

  /** How many records follow, of at least `words` words each. */
  uint32_t count(uint32_t words, const char* what) {
    const uint32_t value = word();
    if (value > remaining() / (4 * static_cast<size_t>(words))) malformed(std::string("too few bytes for ") + what);
    return value;
  }

 private:
  void copy(void* to, size_t bytes) {
    if (remaining() < bytes) malformed("it ends too early");
    std::memcpy(to, at_, bytes);
    at_ += bytes;
  }

  const uint8_t* at_;
  const uint8_t* end_;
};

/** Arithmetic on element positions: what leaves ±2^61 is an error. */
inline int64_t checkedProduct(int64_t a, int64_t b) {
  constexpr int64_t most = int64_t{1} << 61;
  if (a != 0 && std::llabs(b) > most / std::llabs(a)) malformed("positions overflow");
  return a * b;
}

inline int64_t checkedSum(int64_t a, int64_t b) {
  constexpr int64_t most = int64_t{1} << 61;
  const int64_t sum = a + b;
  if (sum > most || sum < -most) malformed("positions overflow");
  return sum;
}

}  // namespace flambeau
