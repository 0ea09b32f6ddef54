// Block operations with single operands for one instruction set: loops that the compiler vectorises.
#include "scalars.h"

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("O3")
#define FLAMBEAU_INDEPENDENT _Pragma("GCC ivdep")
#elif defined(__clang__)
#define FLAMBEAU_INDEPENDENT _Pragma("clang loop vectorize(assume_safety)")
#else
#define FLAMBEAU_INDEPENDENT
#endif

namespace flambeau::FLAMBEAU_ISA {
namespace {

using loops::Single;

// Each gives what one element becomes.
struct Add { template <class T> static T of(T x, T y) { return x + y; } };
struct Sub { template <class T> static T of(T x, T y) { return x - y; } };
struct Mul { template <class T> static T of(T x, T y) { return x * y; } };
struct Div { template <class T> static T of(T x, T y) { return x / y; } };
struct Eq { template <class T> static uint8_t of(T x, T y) { return x == y; } };
struct Ne { template <class T> static uint8_t of(T x, T y) { return x != y; } };
struct Lt { template <class T> static uint8_t of(T x, T y) { return x < y; } };
struct Le { template <class T> static uint8_t of(T x, T y) { return x <= y; } };

template <class F, class R, class T, bool isFirst>
void binary(void* out, const void* a, const void* b, const void*, int64_t count) {
  R* to = static_cast<R*>(out);
  const T* x = static_cast<const T*>(isFirst ? b : a);
  const T s = *static_cast<const T*>(isFirst ? a : b);
  FLAMBEAU_INDEPENDENT
  for (int64_t i = 0; i < count; i++) to[i] = isFirst ? F::template of<T>(s, x[i]) : F::template of<T>(x[i], s);
}

/** The greater (or lesser) of each element and `s`. NaN stays; of two zeros the positive one is the greater. */
template <class T, bool isMax, bool isFirst>
void extreme(void* out, const void* a, const void* b, const void*, int64_t count) {
  T* to = static_cast<T*>(out);
  const T* x = static_cast<const T*>(isFirst ? b : a);
  const T s = *static_cast<const T*>(isFirst ? a : b);
  const bool isLow = s == 0 && (1 / s < 0) == isMax;
  if (s != s) {
    for (int64_t i = 0; i < count; i++) to[i] = s;
  } else if (s != 0 || isLow) {
    // Where they are equal the element itself is right; where it is NaN the comparison fails.
    FLAMBEAU_INDEPENDENT
    for (int64_t i = 0; i < count; i++) to[i] = (isMax ? s > x[i] : s < x[i]) ? s : x[i];
  } else {
    FLAMBEAU_INDEPENDENT
    for (int64_t i = 0; i < count; i++) {
      const T value = (isMax ? s > x[i] : s < x[i]) ? s : x[i];
      to[i] = value == 0 ? s : value;
    }
  }
}

template <bool isMax, bool isFirst>
void extremeWhole(void* out, const void* a, const void* b, const void*, int64_t count) {
  int32_t* to = static_cast<int32_t*>(out);
  const int32_t* x = static_cast<const int32_t*>(isFirst ? b : a);
  const int32_t s = *static_cast<const int32_t*>(isFirst ? a : b);
  FLAMBEAU_INDEPENDENT
  for (int64_t i = 0; i < count; i++) to[i] = (isMax ? x[i] > s : x[i] < s) ? x[i] : s;
}

template <class T, bool isFirst>
void choose(void* out, const void* condition, const void* b, const void* c, int64_t count) {
  T* to = static_cast<T*>(out);
  const uint8_t* wins = static_cast<const uint8_t*>(condition);
  const T* x = static_cast<const T*>(isFirst ? c : b);
  const T s = *static_cast<const T*>(isFirst ? b : c);
  FLAMBEAU_INDEPENDENT
  for (int64_t i = 0; i < count; i++) {
    const T value = x[i];
    to[i] = (wins[i] != 0) == isFirst ? s : value;
  }
}

/** Signs of the product and of c. Rounded twice, as in ops.h. */
template <class T, Single S, int productSign, int sign>
void multiply(void* out, const void* a, const void* b, const void* c, int64_t count) {
  T* to = static_cast<T*>(out);
  const T* x = static_cast<const T*>(a);
  const T* y = static_cast<const T*>(b);
  const T* z = static_cast<const T*>(c);
  const T oneY = *y, oneZ = *z;
  FLAMBEAU_INDEPENDENT
  for (int64_t i = 0; i < count; i++) {
    const T factor = S == Single::C ? y[i] : oneY, term = S == Single::B ? z[i] : oneZ;
    to[i] = (productSign < 0 ? -x[i] : x[i]) * factor + (sign < 0 ? -term : term);
  }
}

template <class T> void scaledDifference(void* out, const void* a, const void* b, const void* c, int64_t count) {
  T* to = static_cast<T*>(out);
  const T* x = static_cast<const T*>(a);
  const T y = *static_cast<const T*>(b), z = *static_cast<const T*>(c);
  FLAMBEAU_INDEPENDENT
  for (int64_t i = 0; i < count; i++) to[i] = (x[i] - y) * z;
}

#if FLAMBEAU_ISA_NUMBER != FLAMBEAU_ISA_baseline
inline float fused(float x, float y, float z) { return __builtin_fmaf(x, y, z); }
inline double fused(double x, double y, double z) { return __builtin_fma(x, y, z); }
inline float withSign(float x, float sign) { return __builtin_copysignf(x, sign); }
inline double withSign(double x, double sign) { return __builtin_copysign(x, sign); }

/** Quotients by one number: a product with 1 / s, and what that leaves of the element, divided in the same way.
 * This rounds as division does, unless what is left is too small for a number. */
template <class T> void quotients(void* out, const void* a, const void* b, const void* c, int64_t count) {
  const T s = *static_cast<const T*>(b);
  const T size = s < 0 ? -s : s;
  constexpr T most = sizeof(T) == 4 ? T(0x1p120) : T(0x1p1000);
  constexpr T largest = sizeof(T) == 4 ? T(0x1.fffffep127) : T(0x1.fffffffffffffp1023);
  if (!(size <= most && size >= 1 / most)) return binary<Div, T, T, false>(out, a, b, c, count);
  const T inverse = 1 / s;
  T* to = static_cast<T*>(out);
  const T* x = static_cast<const T*>(a);
  FLAMBEAU_INDEPENDENT
  for (int64_t i = 0; i < count; i++) {
    // 1 / s is rounded: at the edge the product may overflow where the quotient does not.
    T near = x[i] * inverse;
    near = near > largest ? largest : near;
    near = near < -largest ? -largest : near;
    const T result = fused(fused(-near, s, x[i]), inverse, near);
    // NaN stays; -0 leaves 0.
    to[i] = result == result ? withSign(result, near) : near;
  }
}
#endif

template <class T> void exceeds(void* out, const void* a, const void* b, const void*, int64_t count) {
  uint8_t* to = static_cast<uint8_t*>(out);
  const T *x = static_cast<const T*>(a), *y = static_cast<const T*>(b);
  FLAMBEAU_INDEPENDENT
  for (int64_t i = 0; i < count; i++) to[i] = (y[i] == y[i]) & !(x[i] <= y[i]);
}
template <class T> void undercuts(void* out, const void* a, const void* b, const void*, int64_t count) {
  uint8_t* to = static_cast<uint8_t*>(out);
  const T *x = static_cast<const T*>(a), *y = static_cast<const T*>(b);
  FLAMBEAU_INDEPENDENT
  for (int64_t i = 0; i < count; i++) to[i] = (y[i] == y[i]) & !(x[i] >= y[i]);
}
template <class T> void same(void* out, const void* a, const void* b, const void*, int64_t count) {
  uint8_t* to = static_cast<uint8_t*>(out);
  const T *x = static_cast<const T*>(a), *y = static_cast<const T*>(b);
  FLAMBEAU_INDEPENDENT
  for (int64_t i = 0; i < count; i++) to[i] = (x[i] == y[i]) | ((x[i] != x[i]) & (y[i] != y[i]));
}

constexpr int at(Opcode op) { return static_cast<int>(op); }
constexpr int at(WordType type) { return static_cast<int>(type); }

constexpr loops::ScalarOps makeTables() {
  loops::ScalarOps ops{};
  constexpr int int32 = at(WordType::Int32), int64 = at(WordType::Int64);
  constexpr int float32 = at(WordType::Float32), float64 = at(WordType::Float64);
  // Whole numbers wrap as unsigned ones do.
#define ARITHMETIC(op)                                                     \
  ops.first[at(Opcode::op)][float32] = &binary<op, float, float, true>;    \
  ops.second[at(Opcode::op)][float32] = &binary<op, float, float, false>;  \
  ops.first[at(Opcode::op)][float64] = &binary<op, double, double, true>;  \
  ops.second[at(Opcode::op)][float64] = &binary<op, double, double, false>;
#define WRAPPING(op)                                                             \
  ops.first[at(Opcode::op)][int32] = &binary<op, uint32_t, uint32_t, true>;      \
  ops.second[at(Opcode::op)][int32] = &binary<op, uint32_t, uint32_t, false>;    \
  ops.first[at(Opcode::op)][int64] = &binary<op, uint64_t, uint64_t, true>;      \
  ops.second[at(Opcode::op)][int64] = &binary<op, uint64_t, uint64_t, false>;
#define COMPARISON(op, type, T)                                        \
  ops.first[at(Opcode::op)][type] = &binary<op, uint8_t, T, true>;     \
  ops.second[at(Opcode::op)][type] = &binary<op, uint8_t, T, false>;
#define COMPARISONS(op)              \
  COMPARISON(op, float32, float)     \
  COMPARISON(op, float64, double)    \
  COMPARISON(op, int32, int32_t)     \
  COMPARISON(op, int64, int64_t)
  ARITHMETIC(Add)
  ARITHMETIC(Sub)
  ARITHMETIC(Mul)
  ARITHMETIC(Div)
#if FLAMBEAU_ISA_NUMBER != FLAMBEAU_ISA_baseline
  ops.second[at(Opcode::Div)][float32] = &quotients<float>;
  ops.second[at(Opcode::Div)][float64] = &quotients<double>;
#endif
  ops.scaledDifference[float32] = &scaledDifference<float>;
  ops.scaledDifference[float64] = &scaledDifference<double>;
  WRAPPING(Add)
  WRAPPING(Sub)
  WRAPPING(Mul)
  COMPARISONS(Eq)
  COMPARISONS(Ne)
  COMPARISONS(Lt)
  COMPARISONS(Le)
#define EXTREME(op, isMax)                                               \
  ops.first[at(Opcode::op)][float32] = &extreme<float, isMax, true>;     \
  ops.second[at(Opcode::op)][float32] = &extreme<float, isMax, false>;   \
  ops.first[at(Opcode::op)][float64] = &extreme<double, isMax, true>;    \
  ops.second[at(Opcode::op)][float64] = &extreme<double, isMax, false>;  \
  ops.first[at(Opcode::op)][int32] = &extremeWhole<isMax, true>;         \
  ops.second[at(Opcode::op)][int32] = &extremeWhole<isMax, false>;
  EXTREME(Max, true)
  EXTREME(Min, false)
#define CHOICE(type, T)                                          \
  ops.first[at(Opcode::Select)][type] = &choose<T, true>;        \
  ops.second[at(Opcode::Select)][type] = &choose<T, false>;
  CHOICE(int32, uint32_t)
  CHOICE(float32, uint32_t)
  CHOICE(int64, uint64_t)
  CHOICE(float64, uint64_t)
#define FUSED(type, T, S)                                                                    \
  ops.multiplyAdd[static_cast<int>(Single::S)][type] = &multiply<T, Single::S, 1, 1>;        \
  ops.multiplySubtract[static_cast<int>(Single::S)][type] = &multiply<T, Single::S, 1, -1>;  \
  ops.subtractProduct[static_cast<int>(Single::S)][type] = &multiply<T, Single::S, -1, 1>;
  FUSED(float32, float, B)
  FUSED(float32, float, C)
  FUSED(float32, float, Both)
  FUSED(float64, double, B)
  FUSED(float64, double, C)
  FUSED(float64, double, Both)
#define SEARCH(type, T)            \
  ops.exceeds[type] = &exceeds<T>; \
  ops.undercuts[type] = &undercuts<T>; \
  ops.same[type] = &same<T>;
  SEARCH(float32, float)
  SEARCH(float64, double)
  return ops;
}

constexpr loops::ScalarOps tables = makeTables();

}  // namespace

extern const loops::ScalarOps scalarOps;
const loops::ScalarOps scalarOps = tables;

}  // namespace flambeau::FLAMBEAU_ISA
