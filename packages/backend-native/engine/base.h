// What every part of the engine shares: names of types, errors, raw bits of a scalar. No behaviour.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <string>

#include "generated/vocabulary.h"

namespace flambeau {

/** Bytes of one element in memory. */
constexpr int byteSize(WordType type) {
  switch (type) {
    case WordType::Bool: case WordType::Uint8: case WordType::Int8: return 1;
    case WordType::Int16: case WordType::Uint16: case WordType::Float16: case WordType::Bfloat16: return 2;
    case WordType::Int32: case WordType::Float32: return 4;
    case WordType::Int64: case WordType::Float64: return 8;
  }
  return 0;
}

/** What an element is in registers: bool, uint8, int32, int64, float32 or float64. */
constexpr WordType valueType(WordType type) {
  switch (type) {
    case WordType::Int8: case WordType::Int16: case WordType::Uint16: return WordType::Int32;
    case WordType::Float16: case WordType::Bfloat16: return WordType::Float32;
    default: return type;
  }
}

/** One scalar of any value type, in the low bytes. */
struct Bits {
  uint64_t word = 0;
  template <class T> T as() const {
    static_assert(sizeof(T) <= 8, "a scalar has at most 8 bytes");
    T value;
    std::memcpy(&value, &word, sizeof(T));
    return value;
  }
  template <class T> static Bits of(T value) {
    Bits bits;
    std::memcpy(&bits.word, &value, sizeof(T));
    return bits;
  }
};

/** A malformed program, or a request that cannot be met; becomes a JavaScript error. */
struct Error : std::runtime_error {
  using std::runtime_error::runtime_error;
};

}  // namespace flambeau
