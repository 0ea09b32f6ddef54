// Products of bfloat16 with sums in float32, on AMX tiles: where the caller allows rounded factors, or where
// they are bfloat16 anyway. Blocks, packing and stores; tiles.amx.cpp has the instructions.
#include "matrix.h"

#if defined(FLAMBEAU_HAS_AMX)

#include <algorithm>

#include "../isa.h"
#include "../runtime/threads.h"
#include "amx.h"
#include "factor.h"

namespace flambeau {
namespace {

using amx::Form;
using amx::kDepth;
using amx::kOuter;
using amx::kTileWords;

/** Rows and columns that one step multiplies: two tiles each. */
constexpr int64_t kStep = 2 * kOuter;
/** Tiles along k whose panels stay in L1, rows of a block, bytes of packed columns. */
constexpr int64_t kBlockDepth = 16, kBlockRows = 256, kPackedBytes = 8 << 20;
constexpr int64_t kWorthThreads = 1 << 22;

int64_t ceilDiv(int64_t a, int64_t b) { return (a + b - 1) / b; }

class Bfloat16Product final : public Kernel {
 public:
  explicit Bfloat16Product(std::unique_ptr<MatrixProblem> from)
      : problem(std::move(from)),
        depth(ceilDiv(problem->k, kDepth)),
        columnsMost(std::max<int64_t>(256, kPackedBytes / (depth * kDepth * 2) / kStep * kStep)) {}

  void run(const Call& call) const override {
    const MatrixProblem& p = *problem;
    const int64_t work = p.m * p.n * p.k;
    const bool mayShare = threadCount() > 1 && work * p.count >= kWorthThreads;
    if (mayShare && p.count >= 2 * threadCount()) {
      parallelFor(p.count, [&](int64_t index) { product(call, index, false); });
    } else {
      for (int64_t index = 0; index < p.count; index++) product(call, index, mayShare);
    }
  }

 private:
  template <class Body>
  static void forChunks(bool isShared, int64_t count, const Body& body) {
    if (isShared && count > 1) return parallelFor(count, body);
    for (int64_t chunk = 0; chunk < count; chunk++) body(chunk);
  }

  void product(const Call& call, int64_t index, bool isShared) const {
    const MatrixProblem& p = *problem;
    const auto place = p.placeOf(index);
    const char* a = call.inputs[p.a.operand] + place.a * byteSize(p.a.type);
    const char* b = call.inputs[p.b.operand] + place.b * byteSize(p.b.type);
    const int64_t most = std::min(columnsMost, ceilDiv(p.n, kStep) * kStep);
    auto* packed = static_cast<uint16_t*>(scratch(Scratch::PackB, most * depth * kDepth * sizeof(uint16_t)));
    for (int64_t first = 0; first < p.n; first += most) {
      const int64_t columns = std::min(most, p.n - first);
      forChunks(isShared, ceilDiv(columns, kStep), [&](int64_t chunk) {
        packLines(p.b, b, Form::Pairs, first + chunk * kStep, columns - chunk * kStep,
                  packed + chunk * kStep * depth * kDepth);
      });
      int64_t rows = kBlockRows;
      while (isShared && rows > 2 * kStep && ceilDiv(p.m, rows) < 4 * threadCount()) rows /= 2;
      forChunks(isShared, ceilDiv(p.m, rows), [&](int64_t chunk) {
        block(call, index, place, a, packed, chunk * rows, std::min(rows, p.m - chunk * rows), first, columns);
      });
    }
  }

  /** Packs two rows of tiles: up to 32 outer lines, of which `exist`, over all of k. */
  void packLines(const Factor& factor, const char* base, Form form, int64_t outer, int64_t exist, uint16_t* to) const {
    const int64_t size = byteSize(factor.type), k = problem->k;
    const bool isKnown = factor.type == WordType::Float32 || factor.type == WordType::Bfloat16;
    for (int half = 0; half < 2; half++, outer += kOuter, exist -= kOuter) {
      const int count = static_cast<int>(std::clamp<int64_t>(exist, 0, kOuter));
      int64_t stride = 1;
      const bool isEven = count == 0 || factor.outer.evenRun(outer, count, stride) == count;
      for (int64_t start = 0; start < k; start += kDepth, to += kTileWords) {
        const int steps = static_cast<int>(std::min(kDepth, k - start));
        int64_t kStride;
        const bool isReady = isKnown && isEven && factor.k.evenRun(start, steps, kStride) == steps &&
                             (stride == 1 || kStride == 1);
        if (count == 0) {
          std::memset(to, 0, kTileWords * sizeof(uint16_t));
        } else if (isReady) {
          const char* from = base + (factor.outer.at(outer) + factor.k.at(start)) * size;
          amx::packTile(form, factor.type, from, stride, kStride, count, steps, to);
        } else {
          alignas(64) float stage[kOuter * kDepth];
          readFactor<float>(factor, base, outer, count, start, steps, stage, kDepth);
          amx::packTile(form, WordType::Float32, stage, kDepth, 1, count, steps, to);
        }
      }
    }
  }

  void block(const Call& call, int64_t index, const MatrixProblem::Place& place, const char* a, const uint16_t* b,
             int64_t row, int64_t rows, int64_t column, int64_t columns) const {
    const MatrixProblem& p = *problem;
    const int64_t rowWords = depth * kDepth * kStep, lineWords = rowWords / 2;
    auto* left = static_cast<uint16_t*>(
        scratch(Scratch::PackA, ceilDiv(rows, kStep) * rowWords * sizeof(uint16_t)));
    for (int64_t i = 0; i < rows; i += kStep) {
      packLines(p.a, a, Form::Rows, row + i, rows - i, left + i / kStep * rowWords);
    }
    float* output = p.isDirect ? reinterpret_cast<float*>(call.outputs[p.output]) + place.output : nullptr;
    // Sums of a stretch of columns stay in cache until all of k is added.
    constexpr int64_t stretch = 512;
    float* sums = static_cast<float*>(
        scratch(Scratch::Tile, ceilDiv(rows, kStep) * kStep * std::min(stretch, columns + kStep) * sizeof(float)));
    for (int64_t j0 = 0; j0 < columns; j0 += stretch) {
      const int64_t some = std::min(stretch, columns - j0), ld = ceilDiv(some, kStep) * kStep;
      amx::beginTiles();
      for (int64_t start = 0; start < depth; start += kBlockDepth) {
        const int64_t steps = std::min(kBlockDepth, depth - start);
        for (int64_t j = 0; j < some; j += kStep) {
          const uint16_t* right = b + (j0 + j) / kStep * rowWords + start * kTileWords;
          for (int64_t i = 0; i < rows; i += kStep) {
            const uint16_t* lines = left + i / kStep * rowWords + start * kTileWords;
            amx::multiply(steps, lines, lines + lineWords, right, right + lineWords, sums + i * ld + j, ld, start > 0);
          }
        }
      }
      amx::endTiles();
      for (int64_t i = 0; i < rows; i++) {
        if (p.isDirect) storeRow(call, place, output + p.row.at(row + i), row + i, column + j0, some, sums + i * ld);
        else p.finishRow(call, index, row + i, column + j0, some, sums + i * ld);
      }
    }
  }

  void storeRow(const Call& call, const MatrixProblem::Place& place, float* to, int64_t row, int64_t column,
                int64_t count, float* sums) const {
    const MatrixProblem& p = *problem;
    if (p.columnBias.isThere) {
      const float* bias =
          reinterpret_cast<const float*>(call.inputs[p.columnBias.operand]) + place.columnBias + column;
      for (int64_t j = 0; j < count; j++) sums[j] += bias[j];
    }
    if (p.rowBias.isThere) {
      const float bias = reinterpret_cast<const float*>(
          call.inputs[p.rowBias.operand])[place.rowBias + row * p.rowBias.stride];
      for (int64_t j = 0; j < count; j++) sums[j] += bias;
    }
    std::memcpy(to + column, sums, count * sizeof(float));
  }

  const std::unique_ptr<MatrixProblem> problem;
  const int64_t depth, columnsMost;
};

bool isFactorType(WordType type) {
  return type == WordType::Float32 || type == WordType::Float16 || type == WordType::Bfloat16;
}

}  // namespace

std::unique_ptr<Kernel> planBfloat16Product(std::unique_ptr<MatrixProblem>& problem) {
  const MatrixProblem& p = *problem;
  if (!hasAmx() || p.isOrdered || p.accumulator != WordType::Float32) return nullptr;
  const bool isExact = p.a.type == WordType::Bfloat16 && p.b.type == WordType::Bfloat16;
  if (!isExact && !(p.allowsBfloat16 && isFactorType(p.a.type) && isFactorType(p.b.type))) return nullptr;
  // Few rows or columns are bound by memory, and little work by packing.
  if (std::min(p.m, p.n) < 12 || p.k < 12 || p.m * p.n * p.k < 200000) return nullptr;
  return std::make_unique<Bfloat16Product>(std::move(problem));
}

}  // namespace flambeau

#else

namespace flambeau {

std::unique_ptr<Kernel> planBfloat16Product(std::unique_ptr<MatrixProblem>&) { return nullptr; }

}  // namespace flambeau

#endif
