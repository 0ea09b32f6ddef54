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

  /** Rows of a padded scratch to a result whose rows are `stride` apart. */
  static void unpad(const float* from, int64_t width, int64_t count, int64_t size, float* to, int64_t stride) {
    for (int64_t i = 0; i < count; i++) {
      std::memcpy(to + i * stride, from + i * width, static_cast<size_t>(size) * sizeof(float));
    }
  }

  void runHead(const Call& call, const AttentionTiles& t, int64_t head) const {
    const AttentionShape& s = shape_;
    const MicroKernels& micro = microKernels();
    const AttentionRows& rows = attentionRows();
    const auto given = [&](int which) { return input(call, which, s.start(s.inputs[which], head)); };
    const float *grad = given(0), *q = given(1), *k = given(2), *v = given(3), *out = given(4);
    const int64_t gradRow = s.inputs[0].row, queryRow = s.inputs[1].row, keyRow = s.inputs[2].row;
    const int64_t valueRow = s.inputs[3].row, outRow = s.inputs[4].row;
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

    t.packBlocks(k, 1, keyRow, s.size, packedK);
    t.packBlocks(v, 1, valueRow, s.valueSize, packedV);
    t.packRows(k, keyRow, s.size, keyRows);
    std::memset(sumK, 0, static_cast<size_t>(s.keys * t.keyWidth) * sizeof(float));
    std::memset(sumV, 0, static_cast<size_t>(s.keys * t.valueWidth) * sizeof(float));
    for (int64_t at = 0; at < s.queries; at += t.rows) {
      const int64_t count = s.queries - at < t.rows ? s.queries - at : t.rows;
      const float *qs = q + at * queryRow, *grads = grad + at * gradRow;
      micro.packA(qs, queryRow, 1, count, s.size, leftQ);
      micro.packA(grads, gradRow, 1, count, s.valueSize, leftGrad);
      micro.packB(qs, queryRow, 1, count, s.size, rightQ);
      micro.packB(grads, gradRow, 1, count, s.valueSize, rightGrad);
      std::memset(sumQ, 0, static_cast<size_t>(count * t.keyWidth) * sizeof(float));
      const int64_t reach = s.isCausal && at + count < s.keys ? at + count : s.keys;
      const bool isWhole = reach <= t.keys;
      for (int64_t from = 0; from < reach; from += t.keys) {
        const int64_t keys = reach - from < t.keys ? reach - from : t.keys;
        t.multiply(leftQ, count, s.size, packedK + from * s.size, keys, scores, t.keys, false);
        t.multiply(leftGrad, count, s.valueSize, packedV + from * s.valueSize, keys, products, t.keys, false);
        for (int64_t i = 0; i < count; i++) {
          const float inner =
              isWhole ? 0 : rows.dot(grads + i * gradRow, out + (at + i) * outRow, s.valueSize);
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
      const AttentionPlaces& to = s.outputs[0];
      unpad(sumQ, t.keyWidth, count, s.size, output(call, 0, s.start(to, head) + at * to.row), to.row);
    }
    const AttentionPlaces &ofK = s.outputs[1], &ofV = s.outputs[2];
    unpad(sumK, t.keyWidth, s.keys, s.size, output(call, 1, s.start(ofK, head)), ofK.row);
    unpad(sumV, t.valueWidth, s.keys, s.valueSize, output(call, 2, s.start(ofV, head)), ofV.row);
  }

  AttentionShape shape_;
};

}  // namespace

std::unique_ptr<Kernel> planAttentionGradient(const RoutineSpec& spec) {
  AttentionShape shape;
  if (spec.inputs.size() < 6 || !readAttentionShape(spec, 1, 6, shape) || spec.outputs.size() != 3) return nullptr;
  for (const size_t i : {0, 4}) {
    if (!shape.readPlaces(spec.inputs[i], shape.queries, shape.valueSize, shape.inputs[i])) return nullptr;
  }
  if (!shape.isPerQuery(spec.inputs[5])) return nullptr;
  const int64_t lengths[] = {shape.queries, shape.keys, shape.keys};
  const int64_t widths[] = {shape.size, shape.size, shape.valueSize};
  shape.outputs.resize(3);
  for (size_t i = 0; i < 3; i++) {
    if (!shape.readPlaces(spec.outputs[i], lengths[i], widths[i], shape.outputs[i])) return nullptr;
  }
  return std::make_unique<AttentionGradient>(shape);
}

}  // namespace flambeau
