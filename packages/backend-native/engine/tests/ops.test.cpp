// Exact arithmetic on blocks, as core's evaluate.ts defines it: integers, comparisons, selection, conversions,
// halves; and that all functions keep to `count` elements. For every instruction set of this machine.
// Transcendental functions: ops-accuracy.test.cpp.
#include <memory>

#include "ops-check.h"

using namespace flambeau;

namespace {

constexpr bool yieldsBool(Opcode op) {
  return op == Opcode::Not || (op >= Opcode::Eq && op <= Opcode::Or);
}
constexpr bool isUnary(Opcode op) { return op <= Opcode::Erf; }

// What the results should be.

int64_t wrapped(WordType type, __int128 x) {
  switch (type) {
    case WordType::Bool: return x != 0;
    case WordType::Uint8: return static_cast<uint8_t>(x);
    case WordType::Int32: return static_cast<int32_t>(static_cast<uint32_t>(x));
    default: return static_cast<int64_t>(static_cast<uint64_t>(x));
  }
}

__int128 integerPower(WordType type, int64_t x, int64_t y) {
  if (y < 0) return x == 1 ? 1 : x == -1 ? (y % 2 == 0 ? 1 : -1) : 0;
  const WordType width = type == WordType::Int64 ? type : WordType::Int32;
  int64_t result = 1, square = x;
  for (; y > 0; y >>= 1) {
    if (y & 1) result = wrapped(width, static_cast<__int128>(result) * square);
    square = wrapped(width, static_cast<__int128>(square) * square);
  }
  return result;
}

__int128 integerResult(Opcode op, WordType type, int64_t x, int64_t y) {
  const bool isLong = type == WordType::Int64;
  const int shift = static_cast<int>(y & (isLong ? 63 : 31));
  const __int128 a = x, b = y;
  switch (op) {
    case Opcode::Neg: return -a;
    case Opcode::Abs: return a < 0 ? -a : a;
    case Opcode::Not: return x == 0;
    case Opcode::BitNot: return ~a;
    case Opcode::Add: return a + b;
    case Opcode::Sub: return a - b;
    case Opcode::Mul: return a * b;
    case Opcode::Div: return y == 0 ? 0 : a / b;
    case Opcode::Rem: return y == 0 ? 0 : a % b;
    case Opcode::Pow: return integerPower(type, x, y);
    case Opcode::Min: return x < y ? x : y;
    case Opcode::Max: return x > y ? x : y;
    case Opcode::Eq: return x == y;
    case Opcode::Ne: return x != y;
    case Opcode::Lt: return x < y;
    case Opcode::Le: return x <= y;
    case Opcode::And: return x != 0 && y != 0;
    case Opcode::Or: return x != 0 || y != 0;
    case Opcode::BitAnd: return x & y;
    case Opcode::BitOr: return x | y;
    case Opcode::BitXor: return x ^ y;
    case Opcode::Shl: return a * (__int128(1) << shift);
    case Opcode::Shr: return x >> shift;
    case Opcode::ShrU:
      return isLong ? __int128(static_cast<uint64_t>(x) >> shift) : __int128(static_cast<uint32_t>(x) >> shift);
    default: return a;  // floor, ceil, trunc, round
  }
}

template <class T> T floatResult(Opcode op, T x, T y) {
  const T nan = std::numeric_limits<T>::quiet_NaN();
  switch (op) {
    case Opcode::Neg: return -x;
    case Opcode::Abs: return std::fabs(x);
    case Opcode::Floor: return std::floor(x);
    case Opcode::Ceil: return std::ceil(x);
    case Opcode::Trunc: return std::trunc(x);
    case Opcode::Round: return std::nearbyint(x);
    case Opcode::Not: return x == 0;
    case Opcode::Sqrt: return std::sqrt(x);
    case Opcode::Add: return x + y;
    case Opcode::Sub: return x - y;
    case Opcode::Mul: return x * y;
    case Opcode::Div: return x / y;
    case Opcode::Min:
      return std::isnan(x) || std::isnan(y) ? nan : x == y ? (std::signbit(x) ? x : y) : x < y ? x : y;
    case Opcode::Max:
      return std::isnan(x) || std::isnan(y) ? nan : x == y ? (std::signbit(x) ? y : x) : x > y ? x : y;
    case Opcode::Eq: return x == y;
    case Opcode::Ne: return x != y;
    case Opcode::Lt: return x < y;
    case Opcode::Le: return x <= y;
    case Opcode::And: return x != 0 && y != 0;
    default: return x != 0 || y != 0;  // or
  }
}

// Blocks of a type, as bytes.

size_t bytesOf(WordType type) { return static_cast<size_t>(byteSize(type)); }

int64_t integerAt(WordType type, const uint8_t* block, int64_t i) {
  int64_t x = 0;
  std::memcpy(&x, block + i * byteSize(type), bytesOf(type));
  return type == WordType::Int32 ? static_cast<int32_t>(x) : x;
}
template <class T> T floatAt(const uint8_t* block, int64_t i) {
  T x;
  std::memcpy(&x, block + i * static_cast<int64_t>(sizeof(T)), sizeof(T));
  return x;
}

/** Special values and random ones of all sizes. */
std::vector<uint8_t> blockOf(WordType type, Random& random) {
  std::vector<uint8_t> block(static_cast<size_t>(kBlock) * bytesOf(type));
  const std::vector<float> single = specialFloats<float>();
  const std::vector<double> twice = specialFloats<double>();
  for (int64_t i = 0; i < kBlock; i++) {
    const uint64_t bits = random.next();
    Bits value{bits};
    if (type == WordType::Float32) {
      value = Bits::of(i % 2 ? single[bits % single.size()] : static_cast<float>(int64_t(bits) >> 40) / 1024);
    } else if (type == WordType::Float64) {
      value = Bits::of(i % 2 ? twice[bits % twice.size()] : static_cast<double>(int64_t(bits) >> 30) / 1024);
    } else if (type == WordType::Bool) {
      value.word &= 1;
    } else {
      const int width = byteSize(type) * 8;
      const int64_t low = -(int64_t(1) << (width - 2)) * 2;
      const int64_t special[] = {0, 1, -1, 2, -2, 3, low, low + 1, -low - 1, 31, 32, 33, 63, 64, 255, 128, 127};
      if (i % 3 == 0) value = Bits::of(special[bits % 17]);
      if (i % 3 == 1) value = Bits::of(static_cast<int64_t>(bits) >> (bits & 63));
    }
    std::memcpy(&block[static_cast<size_t>(i) * bytesOf(type)], &value.word, bytesOf(type));
  }
  return block;
}

bool sameFloat(double a, double b) { return (a == b && std::signbit(a) == std::signbit(b)) || (a != a && b != b); }

void testInteger(Tally& tally, const NamedOps& set, Opcode op, WordType type, Random& random) {
  const std::vector<uint8_t> x = blockOf(type, random), y = blockOf(type, random);
  std::vector<uint8_t> out(x.size());
  set.ops->table[static_cast<int>(op)][static_cast<int>(type)](out.data(), x.data(), y.data(), nullptr, kBlock);
  const WordType result = yieldsBool(op) ? WordType::Bool : type;
  for (int64_t i = 0; i < kBlock; i++) {
    const int64_t a = integerAt(type, x.data(), i), b = integerAt(type, y.data(), i);
    const int64_t expected = wrapped(result, integerResult(op, type, a, b)), got = integerAt(result, out.data(), i);
    tally.check(got == expected, kOpcodeNames[static_cast<int>(op)], set.name, double(a), double(b), double(got));
  }
}

template <class T> void testFloat(Tally& tally, const NamedOps& set, Opcode op, WordType type, Random& random) {
  const std::vector<uint8_t> x = blockOf(type, random), y = blockOf(type, random);
  std::vector<uint8_t> out(x.size());
  set.ops->table[static_cast<int>(op)][static_cast<int>(type)](out.data(), x.data(), y.data(), nullptr, kBlock);
  for (int64_t i = 0; i < kBlock; i++) {
    const T a = floatAt<T>(x.data(), i), b = floatAt<T>(y.data(), i), expected = floatResult<T>(op, a, b);
    const T got = yieldsBool(op) ? T(out[static_cast<size_t>(i)]) : floatAt<T>(out.data(), i);
    tally.check(sameFloat(got, expected), kOpcodeNames[static_cast<int>(op)], set.name, a, b, got);
  }
}

template <class T> void testProductSum(Tally& tally, const NamedOps& set, WordType type, Random& random) {
  const int at = static_cast<int>(type);
  const std::vector<uint8_t> x = blockOf(type, random), y = blockOf(type, random), z = blockOf(type, random);
  const BlockOp ops[] = {set.ops->multiplyAdd[at], set.ops->multiplySubtract[at], set.ops->subtractProduct[at]};
  for (int k = 0; k < 3; k++) {
    std::vector<uint8_t> out(x.size());
    ops[k](out.data(), x.data(), y.data(), z.data(), kBlock);
    for (int64_t i = 0; i < kBlock; i++) {
      const T a = floatAt<T>(x.data(), i), b = floatAt<T>(y.data(), i), c = floatAt<T>(z.data(), i);
      const T left = k == 2 ? -a : a, right = k == 1 ? -c : c;
      const volatile T product = left * b;
      const T expected = product + right;
      tally.check(sameFloat(floatAt<T>(out.data(), i), expected), "product and sum", set.name, a, b, c);
    }
  }
}

/** `convert` of evaluate.ts. */
void testCast(Tally& tally, const NamedOps& set, WordType from, WordType to, Random& random) {
  const std::vector<uint8_t> x = blockOf(from, random);
  std::vector<uint8_t> out(static_cast<size_t>(kBlock) * bytesOf(to));
  set.ops->cast[static_cast<int>(from)][static_cast<int>(to)](out.data(), x.data(), nullptr, nullptr, kBlock);
  const bool fromFloat = from == WordType::Float32 || from == WordType::Float64;
  const bool toFloat = to == WordType::Float32 || to == WordType::Float64;
  for (int64_t i = 0; i < kBlock; i++) {
    const int64_t whole = fromFloat ? 0 : integerAt(from, x.data(), i);
    const double number = from == WordType::Float32   ? static_cast<double>(floatAt<float>(x.data(), i))
                          : from == WordType::Float64 ? floatAt<double>(x.data(), i)
                                                      : static_cast<double>(whole);
    double got, expected;
    if (toFloat) {
      got = to == WordType::Float64 ? floatAt<double>(out.data(), i) : double(floatAt<float>(out.data(), i));
      expected = to == WordType::Float32 ? static_cast<double>(static_cast<float>(number)) : number;
      tally.check(sameFloat(got, expected), "cast", set.name, number, static_cast<int>(to), got);
      continue;
    }
    const bool fits = number >= -0x1p63 && number < 0x1p63;
    const int64_t truncated = !fromFloat ? whole : fits ? static_cast<int64_t>(number) : INT64_MIN;
    const int64_t right = to == WordType::Bool ? number != 0 || whole != 0 : wrapped(to, truncated);
    tally.check(integerAt(to, out.data(), i) == right, "cast", set.name, number, static_cast<int>(to));
  }
}

void testSelect(Tally& tally, const NamedOps& set, WordType type, Random& random) {
  const size_t size = bytesOf(type);
  std::vector<uint8_t> condition = blockOf(WordType::Bool, random);
  for (size_t i = 0; i < condition.size(); i += 7) condition[i] *= 128;
  const std::vector<uint8_t> x = blockOf(type, random), y = blockOf(type, random);
  std::vector<uint8_t> out(x.size());
  const BlockOp op = set.ops->table[static_cast<int>(Opcode::Select)][static_cast<int>(type)];
  op(out.data(), condition.data(), x.data(), y.data(), kBlock);
  for (size_t i = 0; i < condition.size(); i++) {
    const uint8_t* right = (condition[i] != 0 ? x : y).data() + i * size;
    tally.check(std::memcmp(&out[i * size], right, size) == 0, "select", set.name, static_cast<double>(i));
  }
}

// Halves, as core's half.ts has them.

float widenedHalf(uint16_t word, bool isBrain) {
  if (isBrain) return Bits{static_cast<uint64_t>(word) << 16}.as<float>();
  const int exponent = word >> 10 & 31, fraction = word & 1023;
  const double size = exponent == 31 ? (fraction == 0 ? HUGE_VAL : NAN)
                      : exponent == 0 ? std::ldexp(fraction, -24)
                                      : std::ldexp(1024 + fraction, exponent - 25);
  return static_cast<float>(word & 0x8000 ? -size : size);
}

uint16_t narrowedHalf(float x, bool isBrain) {
  const uint32_t bits = static_cast<uint32_t>(Bits::of(x).word);
  const uint16_t sign = static_cast<uint16_t>(bits >> 16 & 0x8000);
  if (isBrain) return x != x ? 0x7fc0 : static_cast<uint16_t>((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
  if (x != x) return sign | 0x7e00;
  const double size = std::fabs(static_cast<double>(x));
  if (size >= 65520) return sign | 0x7c00;
  if (size < 0x1p-14) return sign | static_cast<uint16_t>(std::nearbyint(size * 0x1p24));
  int exponent;
  const double fraction = std::frexp(size, &exponent);
  return sign | static_cast<uint16_t>(std::nearbyint(std::ldexp(fraction, 11)) + (exponent + 13) * 1024);
}

void testHalves(Tally& tally, const NamedOps& set, WordType type) {
  const int at = static_cast<int>(type);
  const bool isBrain = type == WordType::Bfloat16;
  std::vector<uint16_t> words(65536), back(65536);
  for (size_t i = 0; i < words.size(); i++) words[i] = static_cast<uint16_t>(i);
  std::vector<float> wide(65536);
  set.ops->widen[at](wide.data(), words.data(), nullptr, nullptr, 65536);
  set.ops->narrow[at](back.data(), wide.data(), nullptr, nullptr, 65536);
  bool isRight = true;
  for (size_t i = 0; i < words.size(); i++) {
    isRight = isRight && sameFloat(wide[i], widenedHalf(words[i], isBrain));
    isRight = isRight && (wide[i] != wide[i] || back[i] == words[i]);
  }
  tally.check(isRight, "halves there and back", set.name, at);
  // Numbers of all sizes, and those beside the middles of halves.
  std::vector<float> numbers;
  for (uint64_t bits = 0; bits < (uint64_t(1) << 32); bits += 9973) numbers.push_back(fromBits<float>(bits));
  for (size_t i = 0; i < 65536; i++) {
    const uint64_t bits = Bits::of(widenedHalf(words[i], isBrain)).word + (isBrain ? 0x8000 : 0x1000);
    for (uint64_t near : {bits - 1, bits, bits + 1}) numbers.push_back(fromBits<float>(near));
  }
  std::vector<uint16_t> narrow(numbers.size());
  set.ops->narrow[at](narrow.data(), numbers.data(), nullptr, nullptr, static_cast<int64_t>(numbers.size()));
  size_t wrong = 0;
  for (size_t i = 0; i < numbers.size(); i++) wrong += narrow[i] != narrowedHalf(numbers[i], isBrain);
  tally.check(wrong == 0, "narrowing halves", set.name, at, static_cast<double>(wrong));
}

void testNarrowIntegers(Tally& tally, const NamedOps& set, WordType type, Random& random) {
  const int at = static_cast<int>(type);
  const std::vector<uint8_t> x = blockOf(WordType::Int32, random);
  std::vector<uint8_t> stored(static_cast<size_t>(kBlock) * bytesOf(type));
  std::vector<int32_t> back(static_cast<size_t>(kBlock));
  set.ops->narrow[at](stored.data(), x.data(), nullptr, nullptr, kBlock);
  set.ops->widen[at](back.data(), stored.data(), nullptr, nullptr, kBlock);
  for (int64_t i = 0; i < kBlock; i++) {
    const int64_t value = integerAt(WordType::Int32, x.data(), i);
    const int32_t right = type == WordType::Int8    ? static_cast<int8_t>(value)
                          : type == WordType::Int16 ? static_cast<int16_t>(value)
                                                    : static_cast<uint16_t>(value);
    tally.check(back[static_cast<size_t>(i)] == right, "narrow and widen", set.name, double(value), at);
  }
}

/** For small counts: the same results as in a whole block, from memory that ends where the operands do. */
void testTails(Tally& tally, const char* what, const char* set, BlockOp op, size_t outSize, size_t aSize, size_t bSize,
               size_t cSize, const uint8_t* a, const uint8_t* b, const uint8_t* c) {
  constexpr uint8_t guard = 0xa5;
  std::vector<uint8_t> whole(static_cast<size_t>(kBlock) * outSize);
  op(whole.data(), a, b, c, kBlock);
  bool isRight = true;
  for (size_t count = 0; count <= 70; count++) {
    const auto copyOf = [count](const uint8_t* from, size_t size) {
      std::unique_ptr<uint8_t[]> copy(new uint8_t[count * size + size]);
      if (size > 0) std::memcpy(copy.get() + size, from, count * size);
      return copy;
    };
    const auto x = copyOf(a, aSize), y = copyOf(b, bSize), z = copyOf(c, cSize);
    std::vector<uint8_t> out((count + 32) * outSize, guard);
    uint8_t* to = out.data() + 16 * outSize;
    op(to, x.get() + aSize, y.get() + bSize, z.get() + cSize, static_cast<int64_t>(count));
    isRight = isRight && std::memcmp(to, whole.data(), count * outSize) == 0;
    for (size_t i = 0; i < 16 * outSize; i++) {
      isRight = isRight && out[i] == guard && to[count * outSize + i] == guard;
    }
    if (aSize != outSize) continue;
    op(x.get() + aSize, x.get() + aSize, y.get() + bSize, z.get() + cSize, static_cast<int64_t>(count));
    isRight = isRight && std::memcmp(x.get() + aSize, whole.data(), count * outSize) == 0;
  }
  tally.check(isRight, what, set);
}

void testAllTails(Tally& tally, const NamedOps& set, Random& random) {
  const std::vector<uint8_t> condition = blockOf(WordType::Bool, random);
  for (int at = 0; at < 6; at++) {
    const WordType type = static_cast<WordType>(at);
    const size_t size = bytesOf(type);
    const std::vector<uint8_t> x = blockOf(type, random), y = blockOf(type, random), z = blockOf(type, random);
    for (int op = 0; op < kOpcodeCount; op++) {
      const BlockOp f = set.ops->table[op][at];
      if (f == nullptr) continue;
      const Opcode code = static_cast<Opcode>(op);
      const size_t outSize = yieldsBool(code) ? 1 : size;
      if (code == Opcode::Select) {
        testTails(tally, "select", set.name, f, outSize, 1, size, size, condition.data(), x.data(), y.data());
      } else {
        const size_t second = isUnary(code) ? 0 : size;
        testTails(tally, kOpcodeNames[op], set.name, f, outSize, size, second, 0, x.data(), y.data(), nullptr);
      }
    }
    for (int to = 0; to < 6; to++) {
      const size_t outSize = bytesOf(static_cast<WordType>(to));
      testTails(tally, "cast", set.name, set.ops->cast[at][to], outSize, size, 0, 0, x.data(), nullptr, nullptr);
    }
    for (BlockOp f : {set.ops->multiplyAdd[at], set.ops->multiplySubtract[at], set.ops->subtractProduct[at]}) {
      if (f) testTails(tally, "product and sum", set.name, f, size, size, size, size, x.data(), y.data(), z.data());
    }
    const BlockOp f = set.ops->sigmoid[at];
    if (f) testTails(tally, "sigmoid", set.name, f, size, size, 0, 0, x.data(), nullptr, nullptr);
  }
  for (int at = 0; at < kWordTypeCount; at++) {
    const WordType type = static_cast<WordType>(at);
    if (valueType(type) == type) continue;
    const std::vector<uint8_t> values = blockOf(valueType(type), random);
    testTails(tally, "widen", set.name, set.ops->widen[at], 4, bytesOf(type), 0, 0, values.data(), nullptr, nullptr);
    testTails(tally, "narrow", set.name, set.ops->narrow[at], bytesOf(type), 4, 0, 0, values.data(), nullptr, nullptr);
  }
}

}  // namespace

int main() {
  Tally tally;
  for (const NamedOps& set : opsOfThisMachine()) {
    Random random;
    for (int op = 0; op < static_cast<int>(Opcode::Select); op++) {
      const Opcode code = static_cast<Opcode>(op);
      const bool isExact = code <= Opcode::Sqrt || (code >= Opcode::Add && code != Opcode::Rem && code != Opcode::Pow);
      for (int at = 0; at < 6; at++) {
        const WordType type = static_cast<WordType>(at);
        const bool isFloat = type == WordType::Float32 || type == WordType::Float64;
        const bool isOfBits = code == Opcode::BitNot || code >= Opcode::BitAnd;
        const bool isOfFloats = (code >= Opcode::Sqrt && code <= Opcode::Erf) || code == Opcode::Atan2;
        const bool isDefined = set.ops->table[op][at] != nullptr;
        tally.check(isDefined == !(isFloat ? isOfBits : isOfFloats), "table", set.name, op, at);
        if (!isDefined) continue;
        if (!isFloat) testInteger(tally, set, code, type, random);
        else if (!isExact || code == Opcode::Atan2) continue;
        else if (type == WordType::Float32) testFloat<float>(tally, set, code, type, random);
        else testFloat<double>(tally, set, code, type, random);
      }
    }
    for (int from = 0; from < 6; from++) {
      testSelect(tally, set, static_cast<WordType>(from), random);
      for (int to = 0; to < 6; to++) {
        testCast(tally, set, static_cast<WordType>(from), static_cast<WordType>(to), random);
      }
    }
    testProductSum<float>(tally, set, WordType::Float32, random);
    testProductSum<double>(tally, set, WordType::Float64, random);
    for (WordType type : {WordType::Float16, WordType::Bfloat16}) testHalves(tally, set, type);
    for (WordType type : {WordType::Int8, WordType::Int16, WordType::Uint16}) {
      testNarrowIntegers(tally, set, type, random);
    }
    testAllTails(tally, set, random);
  }
  return tally.finish();
}
