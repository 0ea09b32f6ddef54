// Loops over blocks for arithmetic that the compiler vectorises by itself: one scalar expression per element.
// Functions that need more are written with the vectors of ops-lanes.h. Only for ops-*.isa.cpp.
#pragma once
#include "ops-functions.h"

#if defined(_MSC_VER) && !defined(__clang__)
#define FLAMBEAU_INLINE __forceinline
#define FLAMBEAU_INDEPENDENT __pragma(loop(ivdep))
#else
#define FLAMBEAU_INLINE inline __attribute__((always_inline))
#endif
#if defined(__clang__)
#define FLAMBEAU_INDEPENDENT _Pragma("clang loop vectorize(assume_safety)")
#elif defined(__GNUC__)
#define FLAMBEAU_INDEPENDENT _Pragma("GCC ivdep")
// These files live by vectorised loops; the rest of the engine is better off with -O2.
#pragma GCC optimize("O3")
#endif

namespace flambeau {
namespace FLAMBEAU_ISA {
namespace {

template <class R, class A, class F>
FLAMBEAU_INLINE void each(void* out, const void* a, int64_t count, F f) {
  R* to = static_cast<R*>(out);
  const A* x = static_cast<const A*>(a);
  FLAMBEAU_INDEPENDENT
  for (int64_t i = 0; i < count; i++) to[i] = f(x[i]);
}

template <class R, class A, class F>
FLAMBEAU_INLINE void each(void* out, const void* a, const void* b, int64_t count, F f) {
  R* to = static_cast<R*>(out);
  const A* x = static_cast<const A*>(a);
  const A* y = static_cast<const A*>(b);
  FLAMBEAU_INDEPENDENT
  for (int64_t i = 0; i < count; i++) to[i] = f(x[i], y[i]);
}

template <class T>
FLAMBEAU_INLINE void selectEach(void* out, const void* condition, const void* a, const void* b, int64_t count) {
  T* to = static_cast<T*>(out);
  const uint8_t* isFirst = static_cast<const uint8_t*>(condition);
  const T* x = static_cast<const T*>(a);
  const T* y = static_cast<const T*>(b);
  FLAMBEAU_INDEPENDENT
  for (int64_t i = 0; i < count; i++) {
    // Read both, so that there is nothing to branch over.
    const T first = x[i], second = y[i];
    to[i] = isFirst[i] != 0 ? first : second;
  }
}

}  // namespace
}  // namespace FLAMBEAU_ISA
}  // namespace flambeau

// Definitions of one function each; `e` is an expression in x (and y) of the operands' stored type.
#define FLAMBEAU_UNARY(op, type, R, A, e)                                                             \
  void block##op##type(void* out, const void* a, const void*, const void*, int64_t count) {           \
    each<R, A>(out, a, count, [](A x) -> R { return static_cast<R>(e); });                            \
  }
#define FLAMBEAU_BINARY(op, type, R, A, e)                                                            \
  void block##op##type(void* out, const void* a, const void* b, const void*, int64_t count) {         \
    each<R, A>(out, a, b, count, [](A x, A y) -> R { return static_cast<R>(e); });                    \
  }
#define FLAMBEAU_SELECT(type, T)                                                                      \
  void blockSelect##type(void* out, const void* a, const void* b, const void* c, int64_t count) {     \
    selectEach<T>(out, a, b, c, count);                                                               \
  }
