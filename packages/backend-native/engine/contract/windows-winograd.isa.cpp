// Transforms of Winograd's short convolutions for one instruction set.
#include "windows-winograd.h"

#include "lanes.h"

namespace flambeau {
namespace FLAMBEAU_ISA {
namespace {

template <class T>
using Vector = typename Lanes<T>::V;

template <class T>
FLAMBEAU_INLINE Vector<T> minus(Vector<T> a, Vector<T> b) {
  return Lanes<T>::fma(Lanes<T>::splat(T(-1)), b, a);
}

/** One side of F(2, 3). Values are `step` apart, so that rows and columns of a tile go the same way. */
template <class T>
struct Side {
  using L = Lanes<T>;
  static constexpr int places = 2, side = 4;
  static FLAMBEAU_INLINE void image(const Vector<T>* d, int step, Vector<T>* to, int toStep) {
    to[0] = minus<T>(d[0], d[2 * step]);
    to[toStep] = L::add(d[step], d[2 * step]);
    to[2 * toStep] = minus<T>(d[2 * step], d[step]);
    to[3 * toStep] = minus<T>(d[step], d[3 * step]);
  }
  static FLAMBEAU_INLINE void weight(const Vector<T>* g, int step, Vector<T>* to, int toStep) {
    const Vector<T> half = L::splat(T(0.5)), outer = L::add(g[0], g[2 * step]);
    to[0] = g[0];
    to[toStep] = L::fma(half, L::add(outer, g[step]), L::zero());
    to[2 * toStep] = L::fma(half, minus<T>(outer, g[step]), L::zero());
    to[3 * toStep] = g[2 * step];
  }
  static FLAMBEAU_INLINE void sums(const Vector<T>* s, int step, Vector<T>* to, int toStep) {
    to[0] = L::add(L::add(s[0], s[step]), s[2 * step]);
    to[toStep] = minus<T>(minus<T>(s[step], s[2 * step]), s[3 * step]);
  }
};

template <class T>
void weight(const T* from, int64_t rows, int64_t count, T* to, int64_t elementPitch) {
  using L = Lanes<T>;
  using S = Side<T>;
  constexpr int side = S::side;
  for (int64_t first = 0; first < rows; first += L::width) {
    const auto part = L::part(static_cast<int>(rows - first < L::width ? rows - first : L::width));
    for (int64_t channel = 0; channel < count; channel++) {
      Vector<T> g[9], half[side * 3], u[side * side];
      FLAMBEAU_UNROLL
      for (int t = 0; t < 9; t++) g[t] = L::load(from + (channel * 9 + t) * rows + first, part);
      FLAMBEAU_UNROLL
      for (int j = 0; j < 3; j++) S::weight(g + j, 3, half + j, 3);
      FLAMBEAU_UNROLL
      for (int i = 0; i < side; i++) S::weight(half + 3 * i, 1, u + side * i, 1);
      FLAMBEAU_UNROLL
      for (int e = 0; e < side * side; e++) L::store(to + e * elementPitch + channel * rows + first, u[e], part);
    }
  }
}

template <class T>
void image(const T* from, int columns, T* to, int64_t elementPitch) {
  using L = Lanes<T>;
  using S = Side<T>;
  constexpr int side = S::side;
  for (int first = 0; first < columns; first += L::width) {
    Vector<T> d[side * side], half[side * side];
    FLAMBEAU_UNROLL
    for (int e = 0; e < side * side; e++) d[e] = L::load(from + e * columns + first);
    FLAMBEAU_UNROLL
    for (int j = 0; j < side; j++) S::image(d + j, side, half + j, side);
    FLAMBEAU_UNROLL
    for (int i = 0; i < side; i++) S::image(half + side * i, 1, d + side * i, 1);
    FLAMBEAU_UNROLL
    for (int e = 0; e < side * side; e++) L::store(to + e * elementPitch + first, d[e]);
  }
}

template <class T>
bool sums(const T* from, int64_t elementPitch, int columns, T bias, T* to) {
  using L = Lanes<T>;
  using S = Side<T>;
  constexpr int side = S::side, places = S::places;
  const Vector<T> added = L::splat(bias);
  Vector<T> zeros = L::zero();
  for (int first = 0; first < columns; first += L::width) {
    Vector<T> s[side * side], half[places * side], y[places * places];
    FLAMBEAU_UNROLL
    for (int e = 0; e < side * side; e++) s[e] = L::load(from + e * elementPitch + first);
    FLAMBEAU_UNROLL
    for (int j = 0; j < side; j++) S::sums(s + j, side, half + j, side);
    FLAMBEAU_UNROLL
    for (int i = 0; i < places; i++) S::sums(half + side * i, 1, y + places * i, 1);
    FLAMBEAU_UNROLL
    for (int e = 0; e < places * places; e++) zeros = L::fma(y[e], L::zero(), zeros);
    FLAMBEAU_UNROLL
    for (int i = 0; i < places; i++) {
      T* row = to + (i * columns + first) * places;
      const Vector<T> even = L::add(y[places * i], added), odd = L::add(y[places * i + 1], added);
      L::store(row, L::zipLow(even, odd));
      L::store(row + L::width, L::zipHigh(even, odd));
    }
  }
  T lanes[L::width];
  L::store(lanes, zeros);
  bool areFinite = true;
  for (int i = 0; i < L::width; i++) areFinite = areFinite && lanes[i] == T(0);
  return areFinite;
}

}  // namespace

extern const WinogradKernels winogradKernels;
const WinogradKernels winogradKernels = {Side<float>::places, Side<float>::side, weight<float>, image<float>,
                                         sums<float>};

}  // namespace FLAMBEAU_ISA
}  // namespace flambeau
