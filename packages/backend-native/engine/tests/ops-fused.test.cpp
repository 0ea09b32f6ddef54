// Block operations that stand for several instructions, or that take single operands: against the same steps one
// by one, each rounded, for every instruction set of this machine. Which expressions become such operations:
// loops-fused.test.cpp.
#include <algorithm>

#include "ops-check.h"

using namespace flambeau;

namespace {

constexpr int64_t kLongest = 67;

template <class T> constexpr int kType = static_cast<int>(sizeof(T) == 4 ? WordType::Float32 : WordType::Float64);

template <class T> bool isSame(T a, T b) {
  return (a == b && std::signbit(a) == std::signbit(b)) || (a != a && b != b);
}

/** What a unary instruction of a set gives for one number. */
template <class T> T once(const NamedOps& set, Opcode op, T x) {
  T result;
  set.ops->table[static_cast<int>(op)][kType<T>](&result, &x, nullptr, nullptr, 1);
  return result;
}

/** Special numbers, those at the limits that programs set, and random ones of all magnitudes; in random order. */
template <class T> std::vector<T> someValues(Random& random) {
  std::vector<T> values = specialFloats<T>();
  for (const T limit : {T(80), T(88), T(350), T(700)}) {
    for (int i = -8; i <= 8; i++) {
      values.push_back(limit + static_cast<T>(i) / 16);
      values.push_back(-values.back());
    }
  }
  const size_t special = values.size();
  while (values.size() < 4 * special) {
    const uint64_t bits = random.next();
    if (values.size() < 2 * special) values.push_back(fromBits<T>(sizeof(T) == 4 ? bits >> 32 : bits));
    else values.push_back(static_cast<T>(static_cast<int64_t>(bits) >> 40) / 65536);
  }
  for (size_t i = values.size(); i > 1; i--) std::swap(values[i - 1], values[random.next() % i]);
  return values;
}

/**
 * Runs `op` on stretches of all lengths up to kLongest that together cover `x`, where the operands are and into
 * memory of its own; `isRight(x, got)` judges each element.
 */
template <class T, class Judge>
void onStretches(Tally& tally, const NamedOps& set, const char* what, BlockOp op, const std::vector<T>& x, const T* b,
                 const T* c, const Judge& isRight) {
  constexpr T guard = 12345;
  int64_t count = 1;
  for (size_t start = 0; start < x.size(); start += static_cast<size_t>(count), count = count % kLongest + 1) {
    count = std::min(count, static_cast<int64_t>(x.size() - start));
    const size_t size = static_cast<size_t>(count);
    const std::vector<T> from(x.begin() + start, x.begin() + start + count);
    std::vector<T> out(size + 1, guard), place = from;
    op(out.data(), from.data(), b, c, count);
    op(place.data(), place.data(), b, c, count);
    bool isWhole = out[size] == guard;
    for (size_t i = 0; i < size; i++) {
      tally.check(isRight(from[i], out[i]), what, set.name, from[i], b ? *b : 0, out[i]);
      isWhole = isWhole && isSame(out[i], place[i]);
    }
    tally.check(isWhole, "in place, and beyond the end", set.name, static_cast<double>(count));
  }
}

/** (x · 0.5) · (1 + erf(x · √0.5)): the same bits as the steps have; near the function itself. */
template <class T> void testGelu(Tally& tally, const NamedOps& set, const std::vector<T>& x) {
  using L = std::numeric_limits<T>;
  const T root = T(0.70710678118654752);
  onStretches<T>(tally, set, "gelu", set.ops->gelu[kType<T>], x, nullptr, nullptr, [&](T v, T got) {
    const T sum = 1 + once(set, Opcode::Erf, v * root);
    const long double exact = 0.5L * v * (1 + std::erf(v * std::sqrt(0.5L)));
    const long double slack = L::epsilon() * std::fabs(v) + L::denorm_min();
    const bool isNear = !std::isfinite(v) || std::fabs(got - exact) <= slack;
    return isSame(got, v * T(0.5) * sum) && isNear;
  });
}

/**
 * 1 / (1 + exp(-x)), and with min(-x, limit): within 2.5 units of the function, and so within 5 of the steps, where
 * exp does not overflow: there the steps give 0.
 */
template <class T> void testSigmoid(Tally& tally, const NamedOps& set, const std::vector<T>& x) {
  const auto judge = [&](T limit) {
    return [&set, limit](T v, T got) {
      const T power = once(set, Opcode::Exp, v != v ? v : std::min(-v, limit)), steps = 1 / (1 + power);
      const long double exact = 1 / (1 + std::exp(v != v ? v : std::min(-static_cast<long double>(v),
                                                                        static_cast<long double>(limit))));
      const bool isNear = std::isinf(power) ? got <= std::numeric_limits<T>::min() : unitsApart(got, steps) <= 5;
      return isNear && unitsApart(got, exact) <= 2.5;
    };
  };
  const T none = std::numeric_limits<T>::infinity();
  onStretches<T>(tally, set, "sigmoid", set.ops->sigmoid[kType<T>], x, nullptr, nullptr, judge(none));
  for (const T limit : {T(80), T(88), T(350), T(700), T(0), T(-3), T(1e-5), none, -none}) {
    onStretches<T>(tally, set, "bounded sigmoid", set.ops->boundedSigmoid[kType<T>], x, &limit, nullptr, judge(limit));
  }
}

/** exp(x - y) and (x - y) · z, with the same bits as the steps have. */
template <class T> void testDifference(Tally& tally, const NamedOps& set, const std::vector<T>& x) {
  const T infinity = std::numeric_limits<T>::infinity(), nan = std::numeric_limits<T>::quiet_NaN();
  for (const T y : {T(0), T(-0.0), T(1), T(-2.5), T(80), T(-88), T(350), T(1e30), T(1e-40), infinity, -infinity, nan}) {
    onStretches<T>(tally, set, "exp of a difference", set.ops->expOfDifference[kType<T>], x, &y, nullptr,
                   [&](T v, T got) { return isSame(got, once(set, Opcode::Exp, v - y)); });
    for (const T z : {T(0), T(-0.0), T(0.3), T(-1e20), T(1e-30), infinity, nan}) {
      onStretches<T>(tally, set, "scaled difference", set.scalars->scaledDifference[kType<T>], x, &y, &z,
                     [&](T v, T got) { return isSame(got, (v - y) * z); });
    }
  }
}

/** Rounded as division rounds, unless what is left of the element is too small: then one unit beside it at most. */
template <class T> void testQuotients(Tally& tally, const NamedOps& set, const std::vector<T>& x, Random& random) {
  using L = std::numeric_limits<T>;
  std::vector<T> divisors = {0,      T(-0.0), 1,         T(-0.7),          3,           T(1e-20),     T(1e20),
                             T(3e38), T(1e-38), L::min(), L::denorm_min(), L::max(),    L::infinity(), L::quiet_NaN(),
                             T(1) - L::epsilon() / 2, T(2) - L::epsilon(), 1 + L::epsilon(), T(6)};
  for (int i = 0; i < 60; i++) divisors.push_back(x[random.next() % x.size()]);
  const BlockOp op = set.scalars->second[static_cast<int>(Opcode::Div)][kType<T>];
  for (const T by : divisors) {
    onStretches<T>(tally, set, "quotient", op, x, &by, nullptr, [&](T v, T got) {
      const T quotient = v / by;
      // The last bit of what is left: that of the quotient times that of the divisor, or 2^-digits of the element.
      const bool isSmall = std::fabs(v) < L::min() / L::epsilon() * 4 || std::fabs(quotient) < L::min() * 2;
      if (!isSmall || quotient == 0 || !std::isfinite(quotient)) return isSame(got, quotient);
      return std::signbit(got) == std::signbit(quotient) && (got == quotient || got == std::nextafter(quotient, got));
    });
  }
}

/** All operations with single operands: as if these were spread. Bits, but for which NaN it is. */
template <class T>
void testSpread(Tally& tally, const NamedOps& set, WordType type, const std::vector<T>& x,
                const std::vector<T>& singles) {
  const int at = static_cast<int>(type);
  const size_t count = std::min<size_t>(x.size(), kLongest);
  const std::vector<uint8_t> wins = [&] {
    std::vector<uint8_t> result(count);
    for (size_t i = 0; i < count; i++) result[i] = i % 3 == 0 ? 0 : static_cast<uint8_t>(i);
    return result;
  }();
  const auto check = [&](const char* what, const BlockOp op, const BlockOp plain, size_t size, const void* a,
                         const void* b, const void* c, const void* wholeA, const void* wholeB, const void* wholeC) {
    std::vector<T> got(count), expected(count);
    op(got.data(), a, b, c, static_cast<int64_t>(count));
    plain(expected.data(), wholeA, wholeB, wholeC, static_cast<int64_t>(count));
    bool isRight = size == sizeof(T) || std::memcmp(got.data(), expected.data(), count * size) == 0;
    for (size_t i = 0; i < count && size == sizeof(T); i++) isRight = isRight && isSame(got[i], expected[i]);
    tally.check(isRight, what, set.name, at);
  };
  for (const T single : singles) {
    const std::vector<T> spread(count, single);
    for (int op = 0; op < kOpcodeCount; op++) {
      const BlockOp first = set.scalars->first[op][at], second = set.scalars->second[op][at];
      const BlockOp plain = set.ops->table[op][at];
      const Opcode code = static_cast<Opcode>(op);
      if (code == Opcode::Select) {
        const uint8_t* when = wins.data();
        if (first) check("select", first, plain, sizeof(T), when, &single, x.data(), when, spread.data(), x.data());
        if (second) check("select", second, plain, sizeof(T), when, x.data(), &single, when, x.data(), spread.data());
        continue;
      }
      // Quotients may differ in the last bit: see above.
      const bool hasSecond = second != nullptr && code != Opcode::Div;
      const size_t size = code >= Opcode::Eq && code <= Opcode::Or ? 1 : sizeof(T);
      const char* name = kOpcodeNames[op];
      if (first) check(name, first, plain, size, &single, x.data(), nullptr, spread.data(), x.data(), nullptr);
      if (hasSecond) check(name, second, plain, size, x.data(), &single, nullptr, x.data(), spread.data(), nullptr);
    }
    for (int which = 0; which < 3; which++) {
      const bool hasB = which != static_cast<int>(loops::Single::C), hasC = which != static_cast<int>(loops::Single::B);
      const T *wholeB = hasB ? spread.data() : x.data(), *wholeC = hasC ? spread.data() : x.data();
      const T *b = hasB ? &single : x.data(), *c = hasC ? &single : x.data();
      const BlockOp ops[3][2] = {{set.scalars->multiplyAdd[which][at], set.ops->multiplyAdd[at]},
                                 {set.scalars->multiplySubtract[which][at], set.ops->multiplySubtract[at]},
                                 {set.scalars->subtractProduct[which][at], set.ops->subtractProduct[at]}};
      for (const auto& [op, plain] : ops) {
        if (op) check("product and sum", op, plain, sizeof(T), x.data(), b, c, x.data(), wholeB, wholeC);
      }
    }
  }
}

/**
 * Σ (x - centre)²: exact for whole numbers; else as near to the sum of the rounded squares as any order of additions
 * is; not finite where a square is not.
 */
template <class T> void testSquares(Tally& tally, const NamedOps& set, Random& random) {
  using L = std::numeric_limits<T>;
  const auto op = set.moves->squares[kType<T>];
  for (int64_t columns = 1; columns <= kLongest + 200; columns += columns < kLongest ? 1 : 37) {
    constexpr int64_t rows = 5;
    // 0: whole numbers; 1: of all magnitudes whose squares fit; 2: denormal ones; 3: with an infinity; 4: with NaN.
    for (int kind = 0; kind < 5; kind++) {
      std::vector<T> x(static_cast<size_t>(rows * columns)), centres(rows), out(rows + 1, T(7));
      for (T& v : x) {
        const uint64_t bits = random.next();
        v = static_cast<T>(static_cast<int>(bits & 31) - 16);
        if (kind == 1) v = std::ldexp(v, static_cast<int>(bits >> 32 & 63) - 32);
        if (kind == 2) v *= L::denorm_min();
      }
      const T unit = kind == 2 ? L::denorm_min() : 1;
      for (T& c : centres) c = static_cast<T>(static_cast<int>(random.next() & 7) - 3) * unit;
      const int64_t place = static_cast<int64_t>(random.next() % static_cast<uint64_t>(columns));
      if (kind == 3) x[static_cast<size_t>(columns + place)] = -L::infinity();
      if (kind == 4) x[static_cast<size_t>(columns + place)] = L::quiet_NaN();
      if (kind == 3) centres[3] = L::infinity();
      if (kind == 4) centres[3] = L::quiet_NaN();
      op(out.data(), x.data(), centres.data(), rows, columns);
      tally.check(out[rows] == 7, "squares beyond the end", set.name, double(columns));
      for (int64_t row = 0; row < rows; row++) {
        long double sum = 0;
        for (int64_t i = 0; i < columns; i++) {
          const T distance = x[static_cast<size_t>(row * columns + i)] - centres[static_cast<size_t>(row)];
          const T square = distance * distance;
          sum += square;
        }
        const T got = out[static_cast<size_t>(row)];
        const bool isNear = std::fabs(got - sum) <= sum * (L::epsilon() / 2) * static_cast<T>(columns);
        const bool isRight = kind == 1 && std::isfinite(sum) ? isNear : isSame(got, static_cast<T>(sum));
        tally.check(isRight, "squares", set.name, double(columns), kind, double(got));
      }
    }
  }
}

template <class T> void testFloats(Tally& tally, const NamedOps& set) {
  Random random;
  const std::vector<T> x = someValues<T>(random);
  testGelu<T>(tally, set, x);
  testSigmoid<T>(tally, set, x);
  testDifference<T>(tally, set, x);
  testQuotients<T>(tally, set, x, random);
  testSquares<T>(tally, set, random);
  const std::vector<T> singles = {0, T(-0.0), T(1.5), T(-1e20), x[0], x[1], std::numeric_limits<T>::infinity(),
                                  -std::numeric_limits<T>::infinity(), std::numeric_limits<T>::quiet_NaN()};
  testSpread<T>(tally, set, static_cast<WordType>(kType<T>), x, singles);
}

template <class T> void testIntegers(Tally& tally, const NamedOps& set, WordType type) {
  Random random;
  std::vector<T> x = {0, 1, T(-1), std::numeric_limits<T>::min(), std::numeric_limits<T>::max()};
  while (x.size() < kLongest) x.push_back(static_cast<T>(static_cast<int64_t>(random.next()) >> (random.next() & 63)));
  testSpread<T>(tally, set, type, x, x);
}

}  // namespace

int main() {
  Tally tally;
  for (const NamedOps& set : opsOfThisMachine()) {
    testFloats<float>(tally, set);
    testFloats<double>(tally, set);
    testIntegers<int32_t>(tally, set, WordType::Int32);
    testIntegers<int64_t>(tally, set, WordType::Int64);
  }
  return tally.finish();
}
