// Scaled-dot-product attention and its gradient, tile by tile: no [queries × keys] matrix in memory
// (Dao et al., FlashAttention, 2022). Arithmetic on rows of a tile is in attention.isa.cpp.
#pragma once
#include <memory>

#include "../isa.h"
#include "../program/kernel.h"

namespace flambeau {

/** What a row of a tile of scores needs; `width` is a multiple of the vector width, at least `count`. */
struct ScoreRow {
  float* scores;            // raw products, in place to weights; those from `count` on become 0
  int64_t count, width;
  float scale;
  const uint8_t* allowed;   // one per score, or null
  const float* added;       // one per score, or null
};

struct AttentionRows {
  /** Multiple that ScoreRow::width must have. */
  int lanes;
  /**
   * Weights exp(score - max) of one more tile. `max` and `sum` are of the row so far and are updated; gives
   * the factor by which what was summed before must shrink.
   */
  float (*advance)(const ScoreRow& row, float* max, float* sum);
  /**
   * Weights exp(score - logSumExp), and from upstream products p: gradient = weight · (p - inner) · scale.
   * `inner` is the sum of weight · p over all keys; null where the row has them all: then it is summed here,
   * and a weight of 1 leaves exactly nothing.
   */
  void (*gradient)(const ScoreRow& row, float logSumExp, const float* inner, float* products);
  void (*scaleRow)(float* row, int64_t width, float factor);
  float (*dot)(const float* a, const float* b, int64_t count);
};

FLAMBEAU_FOR_EACH_ISA(AttentionRows, attentionRows)

/** Inputs q, k, v (, mask), `[batch, length, heads, size]`; outputs out, logSumExp. Null where the spec is not float32 attention. */
std::unique_ptr<Kernel> planAttention(const RoutineSpec& spec);
/** Inputs grad, q, k, v, out, logSumExp (, mask); outputs of q, of k, of v. */
std::unique_ptr<Kernel> planAttentionGradient(const RoutineSpec& spec);

}  // namespace flambeau
