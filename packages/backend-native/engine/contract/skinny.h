// Products with few rows, which are bound by reading B: each element of B is read once, in order, where it
// lies. Included by micro*.isa.cpp only.
#pragma once
#include "lanes.h"
#include "micro.h"

namespace flambeau {
namespace FLAMBEAU_ISA {
namespace {

/** C[rows × n] += A·B for `steps` rows of B that are neighbours along n. */
template <class T, int rows, int steps>
FLAMBEAU_INLINE void addRows(const Skinny<T>& s, const T* a, const T* b, int64_t n, T* c, bool accumulate) {
  using L = Lanes<T>;
  using V = typename L::V;
  V x[rows][steps];
  FLAMBEAU_UNROLL
  for (int i = 0; i < rows; i++) {
    FLAMBEAU_UNROLL
    for (int p = 0; p < steps; p++) x[i][p] = L::splat(a[i * s.rowStride + p * s.kStride]);
  }
  const auto group = [&](int64_t j, auto load, auto store) FLAMBEAU_LAMBDA_INLINE {
    V sums[rows];
    FLAMBEAU_UNROLL
    for (int i = 0; i < rows; i++) sums[i] = accumulate ? load(c + i * s.ldc + j) : L::zero();
    FLAMBEAU_UNROLL
    for (int p = 0; p < steps; p++) {
      const V y = load(b + p * s.ldb + j);
      FLAMBEAU_UNROLL
      for (int i = 0; i < rows; i++) sums[i] = L::fma(x[i][p], y, sums[i]);
    }
    FLAMBEAU_UNROLL
    for (int i = 0; i < rows; i++) store(c + i * s.ldc + j, sums[i]);
  };
  int64_t j = 0;
  for (; j + L::width <= n; j += L::width) {
    group(j, [](const T* from) FLAMBEAU_LAMBDA_INLINE { return L::load(from); },
          [](T* to, V value) FLAMBEAU_LAMBDA_INLINE { L::store(to, value); });
  }
  if (j < n) {
    const typename L::Part part = L::part(static_cast<int>(n - j));
    group(j, [part](const T* from) FLAMBEAU_LAMBDA_INLINE { return L::load(from, part); },
          [part](T* to, V value) FLAMBEAU_LAMBDA_INLINE { L::store(to, value, part); });
  }
}

/** B's rows are neighbours along n: stretches of C stay in L1 while B streams by, some rows at a time. */
template <class T, int rows>
void streamRows(const Skinny<T>& s, const T* a, T* c) {
  constexpr int64_t stretch = 1024;
  constexpr int steps = rows == 1 ? 8 : 4;
  for (int64_t j = 0; j < s.n; j += stretch) {
    const int64_t n = s.n - j < stretch ? s.n - j : stretch;
    bool accumulate = s.accumulate;
    int64_t p = 0;
    for (; p + steps <= s.k; p += steps, accumulate = true) {
      addRows<T, rows, steps>(s, a + p * s.kStride, s.b + p * s.ldb + j, n, c + j, accumulate);
    }
    for (; p < s.k; p++, accumulate = true) {
      addRows<T, rows, 1>(s, a + p * s.kStride, s.b + p * s.ldb + j, n, c + j, accumulate);
    }
  }
}

/** B's columns are neighbours along k, as are A's rows: dot products, `columns` at a time. */
template <class T, int rows, int columns>
FLAMBEAU_INLINE void dots(const Skinny<T>& s, const T* a, const T* b, T* c) {
  using L = Lanes<T>;
  using V = typename L::V;
  V sums[rows][columns];
  FLAMBEAU_UNROLL
  for (int i = 0; i < rows; i++) {
    FLAMBEAU_UNROLL
    for (int j = 0; j < columns; j++) sums[i][j] = L::zero();
  }
  const auto step = [&](int64_t p, auto load) FLAMBEAU_LAMBDA_INLINE {
    V x[rows];
    FLAMBEAU_UNROLL
    for (int i = 0; i < rows; i++) x[i] = load(a + i * s.rowStride + p);
    FLAMBEAU_UNROLL
    for (int j = 0; j < columns; j++) {
      const V y = load(b + j * s.ldb + p);
      FLAMBEAU_UNROLL
      for (int i = 0; i < rows; i++) sums[i][j] = L::fma(x[i], y, sums[i][j]);
    }
  };
  int64_t p = 0;
  for (; p + L::width <= s.k; p += L::width) {
    step(p, [](const T* from) FLAMBEAU_LAMBDA_INLINE { return L::load(from); });
  }
  if (p < s.k) {
    const typename L::Part part = L::part(static_cast<int>(s.k - p));
    step(p, [part](const T* from) FLAMBEAU_LAMBDA_INLINE { return L::load(from, part); });
  }
  FLAMBEAU_UNROLL
  for (int i = 0; i < rows; i++) {
    FLAMBEAU_UNROLL
    for (int j = 0; j < columns; j++) {
      const T sum = sumOf<T>(sums[i][j]);
      T& to = c[i * s.ldc + j];
      to = s.accumulate ? to + sum : sum;
    }
  }
}

template <class T, int rows>
void dotColumns(const Skinny<T>& s, const T* a, T* c) {
  constexpr int columns = rows == 1 ? 8 : 4;
  int64_t j = 0;
  for (; j + columns <= s.n; j += columns) dots<T, rows, columns>(s, a, s.b + j * s.ldb, c + j);
  for (; j < s.n; j++) dots<T, rows, 1>(s, a, s.b + j * s.ldb, c + j);
}

template <class T, int rows>
void skinnyRows(const Skinny<T>& s, int64_t row) {
  const T* a = s.a + row * s.rowStride;
  T* c = s.c + row * s.ldc;
  if (s.alongK) dotColumns<T, rows>(s, a, c);
  else streamRows<T, rows>(s, a, c);
}

template <class T>
void skinny(const Skinny<T>& s) {
  int64_t row = 0;
  for (; row + 4 <= s.m; row += 4) skinnyRows<T, 4>(s, row);
  switch (s.m - row) {
    case 3: return skinnyRows<T, 3>(s, row);
    case 2: return skinnyRows<T, 2>(s, row);
    case 1: return skinnyRows<T, 1>(s, row);
  }
}

}  // namespace
}  // namespace FLAMBEAU_ISA
}  // namespace flambeau
