// Rows of attention's tiles: masks, running softmax, and the gradient of scores.
#include "attention.h"

#include <cmath>
#include <cstring>

#include "../contract/lanes.h"

namespace flambeau {
namespace FLAMBEAU_ISA {
namespace {

#if defined(__GNUC__)
using L = Lanes<float>;
using V = L::V;
constexpr int kWidth = L::width;
typedef int32_t Integers __attribute__((vector_size(sizeof(V))));
typedef float Floats __attribute__((vector_size(sizeof(V))));

/** exp for x <= 0 (Cody and Waite's reduction); what is below the smallest normal number is 0. */
FLAMBEAU_INLINE V expOf(V given) {
  const Floats x = (Floats)given;
  // Adding 1.5 · 2^23 rounds to the nearest integer, which then stands in the low bits.
  const Floats shifted = (Floats)L::fma((V)x, L::splat(1.44269504088896341f), L::splat(12582912.0f));
  const Floats n = shifted - (Floats)L::splat(12582912.0f);
  V r = L::fma((V)n, L::splat(-0.693145751953125f), (V)x);
  r = L::fma((V)n, L::splat(-1.428606765330187045e-06f), r);
  V p = L::splat(1.9875691500e-4f);
  p = L::fma(p, r, L::splat(1.3981999507e-3f));
  p = L::fma(p, r, L::splat(8.3334519073e-3f));
  p = L::fma(p, r, L::splat(4.1665795894e-2f));
  p = L::fma(p, r, L::splat(1.6666665459e-1f));
  p = L::fma(p, r, L::splat(5.0000001201e-1f));
  const Floats poly = (Floats)L::fma((V)((Floats)p * (Floats)r), r, (V)((Floats)r + (Floats)L::splat(1.0f)));
  const Integers power = ((Integers)shifted + 127) << 23;
  const Floats result = poly * (Floats)power;
  // NaN fails every comparison and stays.
  const Integers isTiny = x < (Floats)L::splat(-87.0f);
  return (V)(Floats)((Integers)result & ~isTiny);
}

FLAMBEAU_INLINE float sumOf(V x) {
  float lanes[kWidth];
  L::store(lanes, x);
  for (int step = kWidth / 2; step > 0; step /= 2) {
    for (int i = 0; i < step; i++) lanes[i] += lanes[i + step];
  }
  return lanes[0];
}

/** Scales, masks and pads. */
void prepare(const ScoreRow& row) {
  float* s = row.scores;
  const V scale = L::splat(row.scale);
  for (int64_t i = 0; i < row.width; i += kWidth) {
    L::store(s + i, (V)((Floats)L::load(s + i) * (Floats)scale));
  }
  if (row.allowed) {
    for (int64_t i = 0; i < row.count; i++) s[i] = row.allowed[i] ? s[i] : -INFINITY;
  }
  if (row.added) {
    for (int64_t i = 0; i < row.count; i++) s[i] += row.added[i];
  }
  for (int64_t i = row.count; i < row.width; i++) s[i] = -INFINITY;
}

float advance(const ScoreRow& row, float* max, float* sum) {
  prepare(row);
  float* s = row.scores;
  Floats highest = (Floats)L::splat(*max);
  for (int64_t i = 0; i < row.width; i += kWidth) {
    const Floats x = (Floats)L::load(s + i);
    const Integers isBelow = x <= highest;
    highest = (Floats)(((Integers)highest & isBelow) | ((Integers)x & ~isBelow));
  }
  float next = *max;
  float lanes[kWidth];
  L::store(lanes, (V)highest);
  for (int i = 0; i < kWidth; i++) next = lanes[i] <= next ? next : lanes[i];
  if (next == -INFINITY) {
    // Nothing to look at so far; only NaN is more than nothing.
    for (int64_t i = 0; i < row.width; i++) s[i] = s[i] == -INFINITY ? 0.0f : NAN;
    return 1;
  }
  const V by = L::splat(-next);
  V total = L::zero();
  for (int64_t i = 0; i < row.width; i += kWidth) {
    const V weight = expOf(L::add(L::load(s + i), by));
    L::store(s + i, weight);
    total = L::add(total, weight);
  }
  const float shrink = *max == next ? 1.0f : std::exp(*max - next);
  *sum = *sum * shrink + sumOf(total);
  *max = next;
  return shrink;
}

void gradient(const ScoreRow& row, float logSumExp, const float* inner, float* products) {
  prepare(row);
  float* s = row.scores;
  if (logSumExp == -INFINITY) {
    std::memset(s, 0, static_cast<size_t>(row.width) * sizeof(float));
    std::memset(products, 0, static_cast<size_t>(row.width) * sizeof(float));
    return;
  }
  // What pads the tile is no number of anybody's.
  for (int64_t i = row.count; i < row.width; i++) products[i] = 0;
  const V by = L::splat(-logSumExp), scale = L::splat(row.scale);
  V total = L::zero();
  for (int64_t i = 0; i < row.width; i += kWidth) {
    const V weight = expOf(L::add(L::load(s + i), by));
    L::store(s + i, weight);
    total = L::fma(weight, L::load(products + i), total);
  }
  const V mean = L::splat(inner ? *inner : sumOf(total));
  for (int64_t i = 0; i < row.width; i += kWidth) {
    const Floats upstream = (Floats)L::load(products + i) - (Floats)mean;
    L::store(products + i, (V)((Floats)L::load(s + i) * upstream * (Floats)scale));
  }
  for (int64_t i = row.count; i < row.width; i++) products[i] = 0;
}

void scaleRow(float* row, int64_t width, float factor) {
  const V by = L::splat(factor);
  for (int64_t i = 0; i < width; i += kWidth) L::store(row + i, (V)((Floats)L::load(row + i) * (Floats)by));
}

float dot(const float* a, const float* b, int64_t count) {
  V total = L::zero();
  int64_t i = 0;
  for (; i + kWidth <= count; i += kWidth) total = L::fma(L::load(a + i), L::load(b + i), total);
  float result = sumOf(total);
  for (; i < count; i++) result += a[i] * b[i];
  return result;
}
#else
#error "attention.isa.cpp needs the vector extensions of gcc or clang"
#endif

}  // namespace

extern const AttentionRows attentionRows = {kWidth, advance, gradient, scaleRow, dot};

}  // namespace FLAMBEAU_ISA
}  // namespace flambeau
