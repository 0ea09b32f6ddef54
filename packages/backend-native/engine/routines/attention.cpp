// Attention over heads and blocks of queries; keys come in blocks, the softmax is carried from one to the
// next. What is declared in attention.h; the gradient is in attention-gradient.cpp.
#include "attention-shape.h"

#include <cmath>

#include "../runtime/threads.h"

namespace flambeau {
namespace {

class Attention final : public Kernel {
 public:
  explicit Attention(const AttentionShape& shape) : shape_(shape) {}

  void run(const Call& call) const override {
    const AttentionShape& s = shape_;
    const AttentionTiles tiles(s);
    const int64_t blocks = (s.queries + tiles.rows - 1) / tiles.rows;
    // Fixed by the shape: keys are packed once for each group of blocks.
    const int64_t groups = (blocks + kBlocksPerGroup - 1) / kBlocksPerGroup;
    parallelFor(s.heads * groups, [&](int64_t chunk) {
      const int64_t head = chunk / groups, group = chunk % groups;
      const int64_t last = (group + 1) * kBlocksPerGroup;
      runGroup(call, tiles, head, group * kBlocksPerGroup, last < blocks ? last : blocks);
    });
  }

 private:
  static constexpr int64_t kBlocksPerGroup = 8;

  void runGroup(const Call& call, const AttentionTiles& t, int64_t head, int64_t first, int64_t last) const {
    const AttentionShape& s = shape_;
    const MicroKernels& micro = microKernels();
    const AttentionRows& rows = attentionRows();
    const AttentionPlaces &ofQ = s.inputs[0], &ofK = s.inputs[1], &ofV = s.inputs[2], &ofOut = s.outputs[0];
    const float* q = reinterpret_cast<const float*>(call.inputs[0]) + s.start(ofQ, head);
    const float* k = reinterpret_cast<const float*>(call.inputs[1]) + s.start(ofK, head);
    const float* v = reinterpret_cast<const float*>(call.inputs[2]) + s.start(ofV, head);
    float* out = reinterpret_cast<float*>(call.outputs[0]) + s.start(ofOut, head);
    float* logSumExp = reinterpret_cast<float*>(call.outputs[1]) + head * s.queries;
    const AttentionMask mask(s, call.inputs[3 - (s.maskKind == 0)], head);

    ScratchWalk walk(Scratch::Routine, t.packedKeys + t.packedValues + t.rows * (s.size + 2 * t.keys + t.valueWidth + 2));
    float* packedK = walk.take(t.packedKeys);
    float* packedV = walk.take(t.packedValues);
    float* packedQ = walk.take(t.rows * s.size);
    float* scores = walk.take(t.rows * t.keys);
    float* weights = walk.take(t.rows * t.keys);
    float* sums = walk.take(t.rows * t.valueWidth);
    float* max = walk.take(t.rows);
    float* total = walk.take(t.rows);

    t.packBlocks(k, 1, ofK.row, s.size, packedK);  // Kᵀ: k steps are neighbours
    t.packRows(v, ofV.row, s.valueSize, packedV);
    for (int64_t block = first; block < last; block++) {
      const int64_t at = block * t.rows;
      const int64_t count = s.queries - at < t.rows ? s.queries - at : t.rows;
      micro.packA(q + at * ofQ.row, ofQ.row, 1, count, s.size, packedQ);
      for (int64_t i = 0; i < count; i++) max[i] = -INFINITY, total[i] = 0;
      std::memset(sums, 0, static_cast<size_t>(count * t.valueWidth) * sizeof(float));
      const int64_t reach = s.isCausal && at + count < s.keys ? at + count : s.keys;
      for (int64_t from = 0; from < reach; from += t.keys) {
        const int64_t keys = reach - from < t.keys ? reach - from : t.keys;
        t.multiply(packedQ, count, s.size, packedK + from / t.keys * t.keys * s.size, keys, scores, t.keys, false);
        for (int64_t i = 0; i < count; i++) {
          const ScoreRow row = mask.row(scores + i * t.keys, at + i, from, keys, t.padded(keys));
          const float shrink = rows.advance(row, &max[i], &total[i]);
          if (shrink != 1) rows.scaleRow(sums + i * t.valueWidth, t.valueWidth, shrink);
        }
        micro.packA(scores, t.keys, 1, count, keys, weights);
        t.multiplyRows(weights, count, keys, packedV, from, s.keys, s.valueSize, sums, t.valueWidth);
      }
      for (int64_t i = 0; i < count; i++) {
        float* to = out + (at + i) * ofOut.row;
        const float share = max[i] == -INFINITY ? 0 : 1 / total[i];
        for (int64_t j = 0; j < s.valueSize; j++) to[j] = sums[i * t.valueWidth + j] * share;
        logSumExp[at + i] = max[i] == -INFINITY ? -INFINITY : max[i] + std::log(total[i]);
      }
    }
  }

  AttentionShape shape_;
};

}  // namespace

std::unique_ptr<Kernel> planAttention(const RoutineSpec& spec) {
  AttentionShape shape;
  if (!readAttentionShape(spec, 0, 3, shape) || spec.outputs.size() != 2) return nullptr;
  shape.outputs.resize(1);
  if (!shape.readPlaces(spec.outputs[0], shape.queries, shape.valueSize, shape.outputs[0])) return nullptr;
  if (!shape.isPerQuery(spec.outputs[1])) return nullptr;
  return std::make_unique<Attention>(shape);
}

}  // namespace flambeau
