// What attention and its gradient share: shapes read from a routine's operands, the mask of a row, packing
// and products of tiles.
#pragma once
#include <cstring>

#include "../contract/micro.h"
#include "../runtime/threads.h"
#include "attention.h"

namespace flambeau {

/** Where the rows of an operand `[batch, length, heads, size]` lie, in elements; those of a row are neighbours. */
struct AttentionPlaces {
  int64_t batch = 0, row = 0, head = 0;
};

struct AttentionShape {
  int64_t batch = 1, headsPerBatch = 1;
  int64_t heads = 0;  // batch · headsPerBatch
  int64_t queries = 0, keys = 0, size = 0, valueSize = 0;
  float scale = 1;
  bool isCausal = false;
  int maskKind = 0;  // 0 none, 1 bool, 2 float
  int64_t maskBatch = 1, maskHeads = 1;
  std::vector<AttentionPlaces> inputs, outputs;  // of the operands that have such rows

  /** Whether an operand is `[batch, length, heads, width]`, with rows that lie well; says where. */
  bool readPlaces(const RoutineOperand& operand, int64_t length, int64_t width, AttentionPlaces& places) const;
  /** Whether an operand is `[batch, heads, queries]`, contiguous. */
  bool isPerQuery(const RoutineOperand& operand) const;

  /** Element 0 of a head in an operand at such places. */
  int64_t start(const AttentionPlaces& places, int64_t head) const {
    return head / headsPerBatch * places.batch + head % headsPerBatch * places.head;
  }
};

/**
 * Reads q, k, v at inputs `first` …, and the mask `[batch or 1, heads or 1, queries, keys]`, if any, at input
 * `mask`. False where they do not fit.
 */
bool readAttentionShape(const RoutineSpec& spec, size_t first, size_t mask, AttentionShape& shape);

/** Rows of the mask of one head, and the causal triangle. */
class AttentionMask {
 public:
  AttentionMask(const AttentionShape& shape, const char* data, int64_t head) : shape_(shape) {
    const int64_t n = head / shape.headsPerBatch, h = head % shape.headsPerBatch;
    const int64_t at = (shape.maskBatch == 1 ? 0 : n) * shape.maskHeads + (shape.maskHeads == 1 ? 0 : h);
    const int64_t elements = at * shape.queries * shape.keys;
    if (shape.maskKind == 1) allowed_ = reinterpret_cast<const uint8_t*>(data) + elements;
    if (shape.maskKind == 2) added_ = reinterpret_cast<const float*>(data) + elements;
  }

  /** The scores of `query` with `count` keys from `from` on. Keys after a causal query count as padding. */
  ScoreRow row(float* scores, int64_t query, int64_t from, int64_t count, int64_t width) const {
    if (shape_.isCausal && query - from + 1 < count) count = query - from + 1 > 0 ? query - from + 1 : 0;
    const int64_t at = query * shape_.keys + from;
    return {scores, count, width, shape_.scale, allowed_ ? allowed_ + at : nullptr, added_ ? added_ + at : nullptr};
  }

 private:
  const AttentionShape& shape_;
  const uint8_t* allowed_ = nullptr;
  const float* added_ = nullptr;
};

/** Cuts one scratch into parts of whole cache lines. */
class ScratchWalk {
 public:
  ScratchWalk(Scratch user, int64_t floats)
      : next_(static_cast<float*>(scratch(user, static_cast<size_t>(floats + kSlack) * sizeof(float)))) {}
  float* take(int64_t floats) {
    float* part = next_;
    next_ += (floats + 15) / 16 * 16;
    return part;
  }

 private:
  static constexpr int64_t kSlack = 16 * 32;
  float* next_;
};

/** Sizes of tiles, and products of packed ones. Widths are padded to whole panels. */
struct AttentionTiles {
  int64_t rows, keys;             // of a tile of scores
  int64_t panel;                  // columns of a panel
  int64_t keyWidth, valueWidth;   // sizes, padded
  int64_t packedKeys, packedValues;

  explicit AttentionTiles(const AttentionShape& s) : micro_(microKernels()), shape_(s) {
    panel = micro_.columns;
    rows = micro_.rows * (64 / micro_.rows > 0 ? 64 / micro_.rows : 1);
    keys = 128 / panel * panel;
    if (keys == 0) keys = panel;
    keyWidth = padded(s.size);
    valueWidth = padded(s.valueSize);
    packedKeys = padded(s.keys) * (s.size > s.valueSize ? s.size : s.valueSize) + keys * s.size;
    packedValues = s.keys * (valueWidth > keyWidth ? valueWidth : keyWidth);
  }

  int64_t padded(int64_t columns) const { return (columns + panel - 1) / panel * panel; }

  /** Packs a `[depth × keys]` factor block by block of keys. */
  void packBlocks(const float* from, int64_t depthStride, int64_t keyStride, int64_t depth, float* to) const {
    for (int64_t at = 0; at < shape_.keys; at += keys) {
      const int64_t count = shape_.keys - at < keys ? shape_.keys - at : keys;
      micro_.packB(from + at * keyStride, depthStride, keyStride, depth, count, to + at * depth);
    }
  }

  /** Packs a `[keys × width]` factor whole, its rows `stride` apart. */
  void packRows(const float* from, int64_t stride, int64_t width, float* to) const {
    micro_.packB(from, stride, 1, shape_.keys, width, to);
  }

  /** out[count × columns] from packed A (depth steps) and packed B (panels of `depth` steps). */
  void multiply(const float* a, int64_t count, int64_t depth, const float* b, int64_t columns, float* out,
                int64_t stride, bool accumulate) const {
    for (int64_t j = 0; j < columns; j += panel) {
      const float* from = b + j * depth;
      for (int64_t i = 0; i < count; i += micro_.rows) {
        const int64_t m = count - i < micro_.rows ? count - i : micro_.rows;
        micro_.multiply(static_cast<int>(m), depth, a + i * depth, from, panel, out + i * stride + j, stride, accumulate);
      }
    }
  }

  /** Adds the product with rows `first` … of a factor that was packed whole, with `depth` rows in all. */
  void multiplyRows(const float* a, int64_t count, int64_t steps, const float* b, int64_t first, int64_t depth,
                    int64_t columns, float* out, int64_t stride) const {
    for (int64_t j = 0; j < columns; j += panel) {
      const float* from = b + j * depth + first * panel;
      for (int64_t i = 0; i < count; i += micro_.rows) {
        const int64_t m = count - i < micro_.rows ? count - i : micro_.rows;
        micro_.multiply(static_cast<int>(m), steps, a + i * steps, from, panel, out + i * stride + j, stride, true);
      }
    }
  }

 private:
  const MicroKernels& micro_;
  const AttentionShape& shape_;
};

}  // namespace flambeau
