// Arithmetic of bool, uint8, int32 and int64: results wrap, division by zero gives 0, shifts take the count
// modulo the width. uint8 and bool compute in int32; what is not 0 is then true.
#include "ops-loops.h"

namespace flambeau {
namespace FLAMBEAU_ISA {

namespace {

// By type: what arithmetic happens in, signed and unsigned, and which bits of a shift count matter.
template <class Stored> struct Wide {
  using Signed = int32_t;
  using Unsigned = uint32_t;
};
template <> struct Wide<int64_t> {
  using Signed = int64_t;
  using Unsigned = uint64_t;
};

/** The quotient that truncates; a vector unit divides int32 as float64, which is exact. */
FLAMBEAU_INLINE int32_t quotient(int32_t x, int32_t y) {
  // 0 has no quotient, and that of -1 may not fit.
  const int32_t safe = y == 0 || y == -1 ? 1 : y;
  const int32_t q = static_cast<int32_t>(static_cast<double>(x) / static_cast<double>(safe));
  return y == 0 ? 0 : y == -1 ? static_cast<int32_t>(0u - static_cast<uint32_t>(x)) : q;
}

FLAMBEAU_INLINE int64_t quotient(int64_t x, int64_t y) {
  if (y == 0) return 0;
  return y == -1 ? static_cast<int64_t>(0u - static_cast<uint64_t>(x)) : x / y;
}

FLAMBEAU_INLINE int32_t remainder(int32_t x, int32_t y) {
  const uint32_t product = static_cast<uint32_t>(quotient(x, y)) * static_cast<uint32_t>(y);
  return y == 0 ? 0 : static_cast<int32_t>(static_cast<uint32_t>(x) - product);
}

FLAMBEAU_INLINE int64_t remainder(int64_t x, int64_t y) { return y == 0 || y == -1 ? 0 : x % y; }

/** Wrapping power by squaring; negative exponents give 0 but for bases 1 and -1. */
template <class Signed, class Unsigned>
FLAMBEAU_INLINE Signed power(Signed x, Signed y) {
  if (y < 0) return x == 1 ? 1 : x != -1 ? 0 : (y & 1) == 0 ? 1 : -1;
  Unsigned result = 1, square = static_cast<Unsigned>(x);
  for (Unsigned rest = static_cast<Unsigned>(y); rest != 0; rest >>= 1) {
    if (rest & 1) result *= square;
    square *= square;
  }
  return static_cast<Signed>(result);
}

}  // namespace

// S and U: signed and unsigned arithmetic type of stored type T; FINISH makes what is stored of it.
#define FLAMBEAU_INTEGERS(type, T, FINISH)                                                              \
  using S##type = Wide<T>::Signed;                                                                      \
  using U##type = Wide<T>::Unsigned;                                                                    \
  constexpr int widthMask##type = static_cast<int>(sizeof(S##type)) * 8 - 1;                            \
  FLAMBEAU_UNARY(Neg, type, T, T, FINISH(0u - static_cast<U##type>(x)))                                 \
  FLAMBEAU_UNARY(Abs, type, T, T, FINISH(x < T(0) ? 0u - static_cast<U##type>(x) : U##type(x)))         \
  FLAMBEAU_UNARY(Floor, type, T, T, FINISH(x))                                                          \
  FLAMBEAU_UNARY(Ceil, type, T, T, FINISH(x))                                                           \
  FLAMBEAU_UNARY(Trunc, type, T, T, FINISH(x))                                                          \
  FLAMBEAU_UNARY(Round, type, T, T, FINISH(x))                                                          \
  FLAMBEAU_UNARY(Not, type, uint8_t, T, x == 0)                                                         \
  FLAMBEAU_UNARY(BitNot, type, T, T, FINISH(static_cast<U##type>(x) ^ ~static_cast<U##type>(0)))           \
  FLAMBEAU_BINARY(Add, type, T, T, FINISH(static_cast<U##type>(x) + static_cast<U##type>(y)))           \
  FLAMBEAU_BINARY(Sub, type, T, T, FINISH(static_cast<U##type>(x) - static_cast<U##type>(y)))           \
  FLAMBEAU_BINARY(Mul, type, T, T, FINISH(static_cast<U##type>(x) * static_cast<U##type>(y)))           \
  FLAMBEAU_BINARY(Div, type, T, T, FINISH(quotient(S##type(x), S##type(y))))                            \
  FLAMBEAU_BINARY(Rem, type, T, T, FINISH(remainder(S##type(x), S##type(y))))                           \
  FLAMBEAU_BINARY(Pow, type, T, T, FINISH((power<S##type, U##type>(x, y))))                             \
  FLAMBEAU_BINARY(Min, type, T, T, x < y ? x : y)                                                       \
  FLAMBEAU_BINARY(Max, type, T, T, x > y ? x : y)                                                       \
  FLAMBEAU_BINARY(Eq, type, uint8_t, T, x == y)                                                         \
  FLAMBEAU_BINARY(Ne, type, uint8_t, T, x != y)                                                         \
  FLAMBEAU_BINARY(Lt, type, uint8_t, T, x < y)                                                          \
  FLAMBEAU_BINARY(Le, type, uint8_t, T, x <= y)                                                         \
  FLAMBEAU_BINARY(And, type, uint8_t, T, (x != 0) & (y != 0))                                           \
  FLAMBEAU_BINARY(Or, type, uint8_t, T, (x | y) != 0)                                                   \
  FLAMBEAU_BINARY(BitAnd, type, T, T, x & y)                                                            \
  FLAMBEAU_BINARY(BitOr, type, T, T, x | y)                                                             \
  FLAMBEAU_BINARY(BitXor, type, T, T, x ^ y)                                                            \
  FLAMBEAU_BINARY(Shl, type, T, T, FINISH(static_cast<U##type>(x) << (y & widthMask##type)))            \
  FLAMBEAU_BINARY(Shr, type, T, T, FINISH(static_cast<S##type>(x) >> (y & widthMask##type)))            \
  FLAMBEAU_BINARY(ShrU, type, T, T, FINISH(static_cast<U##type>(x) >> (y & widthMask##type)))           \
  FLAMBEAU_SELECT(type, T)

#define FLAMBEAU_WRAPS(e) (e)
#define FLAMBEAU_IS_TRUE(e) ((e) != 0)
FLAMBEAU_INTEGERS(Bool, uint8_t, FLAMBEAU_IS_TRUE)
FLAMBEAU_INTEGERS(Uint8, uint8_t, FLAMBEAU_WRAPS)
FLAMBEAU_INTEGERS(Int32, int32_t, FLAMBEAU_WRAPS)
FLAMBEAU_INTEGERS(Int64, int64_t, FLAMBEAU_WRAPS)

}  // namespace FLAMBEAU_ISA
}  // namespace flambeau
