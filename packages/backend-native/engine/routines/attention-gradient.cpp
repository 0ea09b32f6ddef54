// Gradients of attention: weights are made again from the row's log-sum-exp, tile by tile. Heads run in
// parallel; inside one, blocks of queries add to the gradients of keys and values in order.
#include <cmath>

#include "attention-shape.h"

namespace flambeau {
namespace {

class AttentionGradient final : public Kernel {
 public:
  explicit AttentionGradient(const AttentionShape& shape) : shape_(shape) {}

  void run(const Call& call) const override {
    const AttentionTiles tiles(shape_);
    parallelFor(shape_.heads, [&](int64_t head) { runHead(call, tiles, head); });
  }

 private:
  static const float* input(const Call& call, int which, int64_t at) {
    return reinterpret_cast<const float*>(call.inputs[which]) + at;
  }
  static float* output(const Call& call, int which, int64_t at) {
    return reinterpret_cast<float*>(call.outputs[which]) + at;
  }

  /** Rows of a padded scratch to a dense result. */
  static void unpad(const float* from, int64_t width, int64_t count, int64_t size, float* to) {
    for (int64_t i = 0; i < count; i++) {
      std::memcpy(to + i * size, from + i * width, static_cast<size_t>(size) * sizeof(float));
    }
  }

  void runHead(const Call& call, const AttentionTiles& t, int64_t head) const {
    const AttentionShape& s = shape_;
    const MicroKernels& micro = microKernels();
    const AttentionRows& rows = attentionRows();
    const int64_t ofQ = head * s.queries * s.size, ofK = head * s.keys * s.size;
    const int64_t ofV = head * s.keys * s.valueSize, ofOut = head * s.queries * s.valueSize;
    const float *grad = input(call, 0, ofOut), *q = input(call, 1, ofQ), *k = input(call, 2, ofK);
    const float *v = input(call, 3, ofV), *out = input(call, 4, ofOut);
    const float* logSumExp = input(call, 5, head * s.queries);
    const AttentionMask mask(s, call.inputs[s.maskKind == 0 ? 5 : 6], head);

    const int64_t widest = t.keyWidth > t.valueWidth ? t.keyWidth : t.valueWidth;
    ScratchWalk walk(Scratch::Routine, 2 * t.packedKeys + t.packedValues + s.keys * (t.keyWidth + t.valueWidth) +
                                           t.rows * (s.size + s.valueSize + t.keyWidth * 2 + t.valueWidth) +
                                           3 * t.keys * t.rows + t.rows * widest);
    float* packedK = walk.take(t.packedKeys);      // Kᵀ, for scores
    float* packedV = walk.take(t.packedKeys);      // Vᵀ, for upstream products
    float* keyRows = walk.take(t.packedValues);    // K, for the gradient of queries
    float* sumK = walk.take(s.keys * t.keyWidth);
    float* sumV = walk.take(s.keys * t.valueWidth);
    float* leftQ = walk.take(t.rows * s.size);
    float* leftGrad = walk.take(t.rows * s.valueSize);
    float* rightQ = walk.take(t.rows * t.keyWidth);
    float* rightGrad = walk.take(t.rows * t.valueWidth);
    float* sumQ = walk.take(t.rows * t.keyWidth);
    float* scores = walk.take(t.rows * t.keys);
    float* products = walk.take(t.rows * t.keys);
    float* packed = walk.take(t.rows * t.keys);

    t.packBlocks(k, 1, s.size, s.size, packedK);
    t.packBlocks(v, 1, s.valueSize, s.valueSize, packedV);
    t.packRows(k, s.size, keyRows);
    std::memset(sumK, 0, static_cast<size_t>(s.keys * t.keyWidth) * sizeof(float));
    std::memset(sumV, 0, static_cast<size_t>(s.keys * t.valueWidth) * sizeof(float));
    for (int64_t at = 0; at < s.queries; at += t.rows) {
      const int64_t count = s.queries - at < t.rows ? s.queries - at : t.rows;
      const float *qs = q + at * s.size, *grads = grad + at * s.valueSize;
      micro.packA(qs, s.size, 1, count, s.size, leftQ);
      micro.packA(grads, s.valueSize, 1, count, s.valueSize, leftGrad);
      micro.packB(qs, s.size, 1, count, s.size, rightQ);
      micro.packB(grads, s.valueSize, 1, count, s.valueSize, rightGrad);
      std::memset(sumQ, 0, static_cast<size_t>(count * t.keyWidth) * sizeof(float));
      const int64_t reach = s.isCausal && at + count < s.keys ? at + count : s.keys;
      const bool isWhole = reach <= t.keys;
      for (int64_t from = 0; from < reach; from += t.keys) {
        const int64_t keys = reach - from < t.keys ? reach - from : t.keys;
        t.multiply(leftQ, count, s.size, packedK + from * s.size, keys, scores, t.keys, false);
        t.multiply(leftGrad, count, s.valueSize, packedV + from * s.valueSize, keys, products, t.keys, false);
        for (int64_t i = 0; i < count; i++) {
          const float inner =
              isWhole ? 0 : rows.dot(grads + i * s.valueSize, out + (at + i) * s.valueSize, s.valueSize);
          const ScoreRow row = mask.row(scores + i * t.keys, at + i, from, keys, t.padded(keys));
          rows.gradient(row, logSumExp[at + i], isWhole ? nullptr : &inner, products + i * t.keys);
        }
        micro.packA(products, t.keys, 1, count, keys, packed);
        t.multiplyRows(packed, count, keys, keyRows, from, s.keys, s.size, sumQ, t.keyWidth);
        micro.packA(scores, 1, t.keys, keys, count, packed);
        t.multiply(packed, keys, count, rightGrad, s.valueSize, sumV + from * t.valueWidth, t.valueWidth, true);
        micro.packA(products, 1, t.keys, keys, count, packed);
        t.multiply(packed, keys, count, rightQ, s.size, sumK + from * t.keyWidth, t.keyWidth, true);
      }
      unpad(sumQ, t.keyWidth, count, s.size, output(call, 0, ofQ + at * s.size));
    }
    unpad(sumK, t.keyWidth, s.keys, s.size, output(call, 1, ofK));
    unpad(sumV, t.valueWidth, s.keys, s.valueSize, output(call, 2, ofV));
  }

  AttentionShape shape_;
};

}  // namespace

std::unique_ptr<Kernel> planAttentionGradient(const RoutineSpec& spec) {
  AttentionShape shape;
  if (!readAttentionShape(spec, 1, 6, shape) || spec.inputs.size() < 6 || spec.outputs.size() != 3) return nullptr;
  return std::make_unique<AttentionGradient>(shape);
}

}  // namespace flambeau
