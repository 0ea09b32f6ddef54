// What the tests of block operations share: the sets that this machine has, errors in units of the last place,
// counting. No tests here.
#pragma once
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <vector>

#include "../loops/moves.h"
#include "../loops/ops.h"
#include "../loops/scalars.h"

namespace flambeau {

struct NamedOps {
  const char* name;
  const BlockOps* ops;
  const loops::ScalarOps* scalars;
  const loops::Moves* moves;
};

/** Every set that can run here. */
inline std::vector<NamedOps> opsOfThisMachine() {
  std::vector<NamedOps> sets;
#if defined(FLAMBEAU_X86)
  sets.push_back({"baseline", &baseline::blockOps, &baseline::scalarOps, &baseline::loopMoves});
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
    sets.push_back({"avx2", &avx2::blockOps, &avx2::scalarOps, &avx2::loopMoves});
  }
  if (__builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq")) {
    sets.push_back({"avx512", &avx512::blockOps, &avx512::scalarOps, &avx512::loopMoves});
  }
#elif defined(FLAMBEAU_ARM)
  sets.push_back({"neon", &neon::blockOps, &neon::scalarOps, &neon::loopMoves});
#endif
  return sets;
}

struct Tally {
  int passed = 0, failed = 0;
  void check(bool isRight, const char* what, const char* set, double a = 0, double b = 0, double got = 0) {
    if (isRight) {
      passed++;
    } else if (failed++ < 60) {
      std::printf("%s on %s: of %.17g and %.17g got %.17g\n", what, set, a, b, got);
    }
  }
  int finish() const {
    std::printf("%d passed, %d failed\n", passed, failed);
    return failed == 0 ? 0 : 1;
  }
};

/** A small generator with a fixed seed (xorshift). */
struct Random {
  uint64_t state = 0x9e3779b97f4a7c15ull;
  uint64_t next() {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
  }
};

template <class T> T fromBits(uint64_t bits) { return Bits{bits}.as<T>(); }
template <class T> constexpr uint64_t signBit = uint64_t(1) << (sizeof(T) * 8 - 1);

/** |got - expected| in units of the last place of T at `expected`; 0 where both are NaN or the same infinity. */
template <class T> double unitsApart(T got, long double expected) {
  const T rounded = static_cast<T>(expected);
  if (std::isnan(expected) || std::isnan(got)) return std::isnan(expected) && std::isnan(got) ? 0 : HUGE_VAL;
  if (std::isinf(rounded) || std::isinf(got)) {
    if (rounded == got) return 0;
    // Beside the largest number, infinity counts as the next one.
    const T largest = std::numeric_limits<T>::max();
    if (!std::isinf(expected) && std::isinf(got) && std::fabs(expected) > largest * 0.9999999L) return 1;
    return std::isinf(expected) || std::fabs(got) < largest * T(0.999999) ? HUGE_VAL : 1;
  }
  if (expected == 0 && got == 0) return std::signbit(expected) == std::signbit(got) ? 0 : HUGE_VAL;
  int exponent;
  std::frexp(expected, &exponent);
  const int least = std::numeric_limits<T>::min_exponent;
  const int digits = std::numeric_limits<T>::digits;
  const long double unit = std::ldexp(1.0L, (expected != 0 && exponent > least ? exponent : least) - digits);
  return static_cast<double>(std::fabs(got - expected) / unit);
}

/** Numbers where functions are special. */
template <class T> std::vector<T> specialFloats() {
  using L = std::numeric_limits<T>;
  std::vector<T> values;
  for (T x : {T(0), L::denorm_min(), L::denorm_min() * 3, L::min() / 2, L::min(), L::epsilon(), T(1e-5), T(0.1),
              T(0.25), T(0.4375), T(0.5), T(0.625), T(0.6875), T(0.7), T(0.75), T(0.8), T(0.9), T(0.95), T(0.999), T(1),
              T(1.0001), T(1.1875), T(1.25), T(1.5), T(2), T(2.4375), T(2.5), T(3), T(4), T(5), T(10), T(20), T(30),
              T(41), T(88), T(88.5), T(88.72), T(88.8), T(89), T(89.4), T(90), T(103), T(104), T(127), T(128), T(149),
              T(151), T(355), T(709), T(709.7), T(710), T(710.4), T(711), T(745), T(746), T(8191), T(8193), T(19999),
              T(20001), T(399999), T(400001), T(8388607), T(8388608), T(16777215), T(16777216), T(1e9), T(2147483648.0),
              T(4e15), T(9e15), T(9.3e18), T(1e30), L::max(), L::infinity(), L::quiet_NaN()}) {
    for (T near : {x, std::nextafter(x, T(0)), std::nextafter(x, L::infinity())}) {
      values.push_back(near);
      values.push_back(-near);
    }
  }
  return values;
}

}  // namespace flambeau
