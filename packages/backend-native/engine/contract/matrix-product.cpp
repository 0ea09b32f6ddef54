// Products of float32 and float64: cuts them into blocks, packs, runs tiles, and finishes rows. The inner loops
// are those of micro.h.
#include "matrix-product.h"

#include <algorithm>

#include "../runtime/threads.h"

namespace flambeau {
namespace {

int64_t ceilDiv(int64_t a, int64_t b) { return (a + b - 1) / b; }
int64_t roundUp(int64_t a, int64_t b) { return ceilDiv(a, b) * b; }

/** Multiplications that are worth a second thread, and those of one chunk at least. */
constexpr int64_t kWorthThreads = 1 << 20, kWorthChunk = 1 << 18;

template <class T> const MicroSet<T>& microSetOf();
template <> const MicroSet<float>& microSetOf<float>() { return microKernels(); }
template <> const MicroSet<double>& microSetOf<double>() { return microKernels64(); }

template <class Body>
void forChunks(bool isShared, int64_t count, const Body& body) {
  if (isShared && count > 1) return parallelFor(count, body);
  for (int64_t chunk = 0; chunk < count; chunk++) body(chunk);
}

/** Rows of sums: where they go, and what is added when they are whole. */
template <class T>
struct Target {
  T* base;
  const Line* row;  // or null: rows are `stride` apart
  int64_t stride;
  const T* columnBias;
  const T* rowBias;
  int64_t rowBiasStride;
  T* at(int64_t i) const { return base + (row ? row->at(i) : i * stride); }
  int64_t evenRun(int64_t first, int64_t most, int64_t& step) const {
    if (row) return row->evenRun(first, most, step);
    step = stride;
    return most;
  }
};

struct Range {
  int64_t first, last;
  int64_t count() const { return last - first; }
};

template <class T>
class FloatProduct final : public Kernel {
 public:
  explicit FloatProduct(std::unique_ptr<MatrixProblem> from)
      : problem(std::move(from)), micro(microSetOf<T>()), plan(planBlocking(*problem, micro)) {}

  void run(const Call& call) const override {
    const MatrixProblem& p = *problem;
    if (p.m == 0 || p.n == 0 || p.count == 0) return;
    if (p.isOrdered) return runOrdered(call);
    const int64_t work = p.m * p.n * std::max<int64_t>(p.k, 1);
    const bool mayShare = work * p.count >= kWorthThreads && threadCount() > 1;
    if (p.count > 1 && (work < 8 * kWorthThreads || p.count >= 4 * threadCount() || !mayShare)) {
      const int64_t some = std::max<int64_t>(1, std::min(kWorthChunk / work, p.count / 8));
      forChunks(mayShare, ceilDiv(p.count, some), [&](int64_t chunk) {
        const int64_t last = std::min(p.count, (chunk + 1) * some);
        for (int64_t i = chunk * some; i < last; i++) product(call, i, false);
      });
    } else {
      for (int64_t i = 0; i < p.count; i++) product(call, i, mayShare);
    }
  }

 private:
  using Way = typename Blocking<T>::Way;
  /** One product of the batch in this call. */
  struct Operands {
    const Call& call;
    int64_t index;
    const char *a, *b;  // element 0
    Target<T> output;
  };

  Operands operandsOf(const Call& call, int64_t index) const {
    const MatrixProblem& p = *problem;
    const auto place = p.placeOf(index);
    Operands o{call, index, call.inputs[p.a.operand] + place.a * byteSize(p.a.type),
               call.inputs[p.b.operand] + place.b * byteSize(p.b.type), {}};
    o.output = {nullptr, nullptr, 0, nullptr, nullptr, 0};
    if (p.isDirect) {
      o.output.base = reinterpret_cast<T*>(call.outputs[p.output]) + place.output;
      if (p.row.isEven()) o.output.stride = p.row.stride;
      else o.output.row = &p.row;
    }
    if (p.columnBias.isThere) {
      o.output.columnBias = reinterpret_cast<const T*>(call.inputs[p.columnBias.operand]) + place.columnBias;
    }
    if (p.rowBias.isThere) {
      o.output.rowBias = reinterpret_cast<const T*>(call.inputs[p.rowBias.operand]) + place.rowBias;
      o.output.rowBiasStride = p.rowBias.stride;
    }
    return o;
  }

  static Target<T> plain(T* base, int64_t stride) { return {base, nullptr, stride, nullptr, nullptr, 0}; }

  void product(const Call& call, int64_t index, bool isShared) const {
    const Operands o = operandsOf(call, index);
    if (plan.way == Way::Tiny && problem->isDirect) {
      return tiles(o, {0, problem->m}, {0, problem->n}, {0, problem->k}, nullptr, nullptr, 0, o.output, false, true);
    }
    if (plan.kSplits > 1) return splitProduct(o, isShared);
    partOfProduct(o, {0, problem->k}, o.output, isShared, problem->isDirect);
  }

  /** Sums of all products first, then the stores, in row-major order. */
  void runOrdered(const Call& call) const {
    const MatrixProblem& p = *problem;
    T* sums = static_cast<T*>(scratch(Scratch::Partial, p.m * p.n * sizeof(T)));
    for (int64_t index = 0; index < p.count; index++) {
      const Operands o = operandsOf(call, index);
      for (int64_t part = 0; part < plan.kSplits; part++) {
        partOfProduct(o, partOf(part), plain(sums, p.n), true, true, part > 0);
      }
      for (int64_t i = 0; i < p.m; i++) p.finishRow(call, index, i, 0, p.n, sums + i * p.n);
    }
  }

  Range partOf(int64_t part) const {
    return {part * plan.kPart, std::min(problem->k, (part + 1) * plan.kPart)};
  }

  /** Parts of k: small products side by side, large ones one after another. */
  void splitProduct(const Operands& o, bool isShared) const {
    const MatrixProblem& p = *problem;
    const int64_t size = p.m * p.n;
    if (p.isDirect && size > 16384) {
      for (int64_t part = 0; part < plan.kSplits; part++) {
        Target<T> target = o.output;
        if (part + 1 < plan.kSplits) target.columnBias = target.rowBias = nullptr;
        partOfProduct(o, partOf(part), target, isShared, true, part > 0);
      }
      return;
    }
    if (size > 16384) {
      T* sums = static_cast<T*>(scratch(Scratch::Partial, size * sizeof(T)));
      for (int64_t part = 0; part < plan.kSplits; part++) {
        partOfProduct(o, partOf(part), plain(sums, p.n), isShared, true, part > 0);
      }
      forChunks(isShared, p.m, [&](int64_t i) { p.finishRow(o.call, o.index, i, 0, p.n, sums + i * p.n); });
      return;
    }
    T* sums = static_cast<T*>(scratch(Scratch::Partial, plan.kSplits * size * sizeof(T)));
    forChunks(isShared, plan.kSplits, [&](int64_t part) {
      partOfProduct(o, partOf(part), plain(sums + part * size, p.n), false, true);
    });
    for (int64_t part = 1; part < plan.kSplits; part++) {
      const T* more = sums + part * size;
      for (int64_t i = 0; i < size; i++) sums[i] += more[i];
    }
    for (int64_t i = 0; i < p.m; i++) {
      if (p.isDirect) finishPlain(o.output, i, {0, p.n}, sums + i * p.n);
      else p.finishRow(o.call, o.index, i, 0, p.n, sums + i * p.n);
    }
  }

  /** Stores one row of finished sums with its biases. */
  void finishPlain(const Target<T>& target, int64_t i, Range columns, const T* sums) const {
    T* to = target.at(i) + columns.first;
    const T bias = target.rowBias ? target.rowBias[i * target.rowBiasStride] : T(0);
    for (int64_t j = 0; j < columns.count(); j++) {
      T sum = sums[j];
      if (target.columnBias) sum += target.columnBias[columns.first + j];
      if (target.rowBias) sum += bias;
      to[j] = sum;
    }
  }

  /** A·B over a range of k. `isPlain`: into `target`; else through the epilogue. */
  void partOfProduct(const Operands& o, Range k, const Target<T>& target, bool isShared, bool isPlain,
                     bool accumulate = false) const {
    if (plan.way == Way::Skinny) skinny(o, k, target, isShared, isPlain, accumulate);
    else blocked(o, k, target, isShared, isPlain, accumulate);
  }

  void skinny(const Operands& o, Range k, const Target<T>& target, bool isShared, bool isPlain,
              bool accumulate) const {
    const MatrixProblem& p = *problem;
    const T* a = reinterpret_cast<const T*>(o.a) + p.a.k.at(0) + k.first * p.a.k.stride;
    int64_t rowStride = p.a.outer.stride, kStride = p.a.k.stride;
    const bool isReady = p.a.type == TypeOf<T>::value && p.a.outer.isEven() && p.a.k.isEven();
    if (!isReady || (plan.isBAlongK && kStride != 1)) {
      T* copy = static_cast<T*>(scratch(Scratch::PackA, p.m * k.count() * sizeof(T)));
      readFactor<T>(p.a, o.a, 0, p.m, k.first, k.count(), copy, k.count());
      a = copy;
      rowStride = k.count();
      kStride = 1;
    }
    const T* b = reinterpret_cast<const T*>(o.b) + k.first * p.b.k.stride;
    const int64_t ldb = plan.isBAlongK ? p.b.outer.stride : p.b.k.stride;
    // Columns per chunk: fewer would be bound by the handing out.
    const int64_t most = roundUp(std::max<int64_t>(64, kWorthChunk / std::max<int64_t>(1, k.count())), 64);
    forChunks(isShared, ceilDiv(p.n, most), [&](int64_t chunk) {
      const Range columns{chunk * most, std::min(p.n, (chunk + 1) * most)};
      int64_t step;
      const bool isInPlace = isPlain && !target.columnBias && !target.rowBias && target.evenRun(0, p.m, step) == p.m;
      T* sums = isInPlace ? target.at(0) + columns.first
                          : static_cast<T*>(scratch(Scratch::Tile, p.m * columns.count() * sizeof(T)));
      if (!isInPlace) step = columns.count();
      if (!isInPlace && accumulate) {
        for (int64_t i = 0; i < p.m; i++) {
          std::memcpy(sums + i * step, target.at(i) + columns.first, columns.count() * sizeof(T));
        }
      }
      if (k.count() == 0 && !accumulate) {
        for (int64_t i = 0; i < p.m; i++) std::fill_n(sums + i * step, columns.count(), T(0));
      }
      micro.skinny(Skinny<T>{p.m, columns.count(), k.count(), a, rowStride, kStride,
                             plan.isBAlongK ? b + columns.first * ldb : b + columns.first, ldb, plan.isBAlongK, sums,
                             step, accumulate});
      if (isInPlace) return;
      for (int64_t i = 0; i < p.m; i++) {
        if (isPlain) finishPlain(target, i, columns, sums + i * step);
        else p.finishRow(o.call, o.index, i, columns.first, columns.count(), sums + i * step);
      }
    });
  }

  void blocked(const Operands& o, Range k, const Target<T>& target, bool isShared, bool isPlain,
               bool accumulate) const {
    const MatrixProblem& p = *problem;
    const int64_t NR = micro.columns, depth = k.count();
    // Where all rows make one block, panels of b are packed just before they are read, and not kept.
    const bool isBLate = !plan.isBInPlace && p.m <= plan.mBlock && (!isShared || p.n >= 4 * NR * threadCount());
    const bool isBWhole = !plan.isBInPlace && !isBLate;
    const int64_t nMost = isBWhole ? std::min(roundUp(p.n, NR), plan.nBlock) : std::max<int64_t>(1, p.n);
    // Alone, a thread packs blocks of a right before it reads them; together, they would do so repeatedly.
    const bool isAWhole = isShared && !plan.isAInPlace && p.m <= 4 * plan.mBlock;
    T* a = isAWhole ? static_cast<T*>(scratch(Scratch::PackA, p.m * depth * sizeof(T))) : nullptr;
    T* b = isBWhole ? static_cast<T*>(scratch(Scratch::PackB, nMost * depth * sizeof(T))) : nullptr;
    for (int64_t n0 = 0; n0 < p.n; n0 += nMost) {
      const Range columns{n0, std::min(p.n, n0 + nMost)};
      pack(o, k, columns, n0 == 0 ? a : nullptr, b, isShared);
      int64_t rows = plan.mBlock, width = isPlain ? roundUp(columns.count(), NR) : 512 / NR * NR;
      if (isShared) shareOut(rows, width, columns.count(), isAWhole || plan.isAInPlace, isBLate);
      const int64_t across = ceilDiv(columns.count(), width);
      forChunks(isShared, ceilDiv(p.m, rows) * across, [&](int64_t chunk) {
        const int64_t i = chunk / across * rows, j = columns.first + chunk % across * width;
        const Range some{i, std::min(p.m, i + rows)}, few{j, std::min(columns.last, j + width)};
        // Panels of B lie by blocks of k; `b` is as if the first column were column 0.
        if (isPlain) return tiles(o, some, few, k, a, b, columns.first, target, accumulate, true);
        const int64_t stride = roundUp(few.count(), NR);
        T* sums = static_cast<T*>(scratch(Scratch::Tile, some.count() * stride * sizeof(T)));
        const Target<T> own = plain(sums - some.first * stride - few.first, stride);
        tiles(o, some, few, k, a, b, columns.first, own, false, true);
        for (int64_t r = some.first; r < some.last; r++) {
          p.finishRow(o.call, o.index, r, few.first, few.count(), sums + (r - some.first) * stride);
        }
      });
    }
  }

  /** Blocks small enough that every thread gets some. */
  void shareOut(int64_t& rows, int64_t& width, int64_t columns, bool mayRepeatA, bool keepsRows) const {
    const int64_t wanted = 4 * threadCount(), NR = micro.columns;
    const auto chunks = [&] { return ceilDiv(problem->m, rows) * ceilDiv(columns, width); };
    while (!keepsRows && chunks() < wanted && rows > 4 * plan.height) rows = roundUp(rows / 2, plan.height);
    const int64_t least = mayRepeatA ? 2 * NR : 8 * NR;
    while (chunks() < wanted && width > least) width = std::max(least, roundUp(width / 2, NR));
  }

  /** Packs all of a (where wanted) and some columns of b (where wanted), block by block of k. */
  void pack(const Operands& o, Range k, Range columns, T* a, T* b, bool isShared) const {
    const MatrixProblem& p = *problem;
    const int64_t NR = micro.columns, unit = isShared ? std::max<int64_t>(1, kWorthChunk / 16 / plan.kBlock) : p.m + p.n;
    const int64_t aUnit = roundUp(unit, plan.height), bUnit = roundUp(unit, NR);
    const int64_t aChunks = a ? ceilDiv(p.m, aUnit) : 0, bChunks = b ? ceilDiv(columns.count(), bUnit) : 0;
    const int64_t width = roundUp(columns.count(), NR), blocks = ceilDiv(k.count(), plan.kBlock);
    forChunks(isShared, (aChunks + bChunks) * blocks, [&](int64_t chunk) {
      const int64_t block = chunk / (aChunks + bChunks), start = block * plan.kBlock;
      const int64_t steps = std::min(plan.kBlock, k.count() - start);
      chunk %= aChunks + bChunks;
      if (chunk < aChunks) {
        const int64_t i = chunk * aUnit;
        packFactor<T>(p.a, o.a, i, std::min(aUnit, p.m - i), k.first + start, steps, plan.height, false,
                      a + start * p.m + i * steps);
      } else {
        const int64_t j = (chunk - aChunks) * bUnit;
        packFactor<T>(p.b, o.b, columns.first + j, std::min(bUnit, columns.count() - j), k.first + start, steps, NR,
                      true, b + start * width + j * steps);
      }
    });
  }

  /**
   * All tiles of a block of the output, over a range of k. `a`: packed whole, or null (in place, or packed here);
   * `b`: columns from `bFirst` on, packed, or null (likewise).
   */
  void tiles(const Operands& o, Range rows, Range columns, Range k, const T* a, const T* b, int64_t bFirst,
             const Target<T>& target, bool accumulate, bool isLast) const {
    const MatrixProblem& p = *problem;
    const int64_t NR = micro.columns, height = plan.height;
    const int64_t width = roundUp(std::min(p.n - bFirst, plan.nBlock), NR);
    const bool packsA = !a && !plan.isAInPlace, packsB = !b && !plan.isBInPlace;
    T* own = packsA ? static_cast<T*>(scratch(Scratch::PackA, rows.count() * plan.kBlock * sizeof(T))) : nullptr;
    T* panel = packsB ? static_cast<T*>(scratch(Scratch::PackB, NR * plan.kBlock * sizeof(T))) : nullptr;
    Tile<T> tile;
    int64_t start = 0;
    do {
      const int64_t steps = std::min(plan.kBlock, k.count() - start), first = k.first + start;
      const bool isEnd = isLast && start + steps >= k.count();
      tile.k = steps;
      tile.accumulate = accumulate || start > 0;
      if (packsA) packFactor<T>(p.a, o.a, rows.first, rows.count(), first, steps, height, false, own);
      for (int64_t j = columns.first; j < columns.last; j += NR) {
        tile.n = static_cast<int>(std::min(NR, columns.last - j));
        if (b) {
          tile.b = b + start * width + (j - bFirst) * steps;
          tile.ldb = NR;
        } else if (packsB) {
          packFactor<T>(p.b, o.b, j, tile.n, first, steps, NR, true, panel);
          tile.b = panel;
          tile.ldb = NR;
        } else {
          tile.b = reinterpret_cast<const T*>(o.b) + first * p.b.k.stride + j;
          tile.ldb = p.b.k.stride;
        }
        const int64_t next = j + NR < columns.last && !packsB ? NR : 0;
        tile.columnBias = isEnd && target.columnBias ? target.columnBias + j : nullptr;
        for (int64_t i = rows.first; i < rows.last; i += height) {
          tile.m = static_cast<int>(std::min(height, rows.last - i));
          if (plan.isAInPlace) {
            tile.a = reinterpret_cast<const T*>(o.a) + i * p.a.outer.stride + first * p.a.k.stride;
            tile.rowStride = p.a.outer.stride;
            tile.kStride = p.a.k.stride;
          } else {
            tile.a = a ? a + start * p.m + i * steps : own + (i - rows.first) * steps;
            tile.rowStride = 1;
            tile.kStride = tile.m;
          }
          tile.rowBias = isEnd && target.rowBias ? target.rowBias + i * target.rowBiasStride : nullptr;
          tile.rowBiasStride = target.rowBiasStride;
          fetchAhead(tile, (i - rows.first) / height, ceilDiv(rows.count(), height), next, b != nullptr);
          oneTile(tile, target, i, j);
        }
      }
      start += steps;
    } while (start < k.count());
  }

  /** While tile `index` of `count` is computed, its share of the next panel of B comes nearer. */
  void fetchAhead(Tile<T>& tile, int64_t index, int64_t count, int64_t next, bool isPacked) const {
    tile.ahead = tile.b;
    tile.aheadStep = 0;
    if (next == 0) return;
    const char* b = reinterpret_cast<const char*>(tile.b);
    if (isPacked) {
      const int64_t bytes = tile.ldb * tile.k * sizeof(T), share = ceilDiv(bytes, count);
      tile.ahead = b + bytes + index * share;
      tile.aheadStep = ceilDiv(share, std::max<int64_t>(1, tile.k));
    } else if (index * 64 < next * static_cast<int64_t>(sizeof(T))) {
      tile.ahead = b + next * sizeof(T) + index * 64;
      tile.aheadStep = tile.ldb * sizeof(T);
    }
  }

  /** One tile, straight into the target where its rows lie at one stride. */
  void oneTile(Tile<T>& tile, const Target<T>& target, int64_t i, int64_t j) const {
    if (target.evenRun(i, tile.m, tile.ldc) == tile.m) {
      tile.c = target.at(i) + j;
      return micro.tile(tile);
    }
    alignas(64) T sums[512];
    tile.c = sums;
    tile.ldc = tile.n;
    if (tile.accumulate) {
      for (int r = 0; r < tile.m; r++) std::memcpy(sums + r * tile.n, target.at(i + r) + j, tile.n * sizeof(T));
    }
    micro.tile(tile);
    for (int r = 0; r < tile.m; r++) std::memcpy(target.at(i + r) + j, sums + r * tile.n, tile.n * sizeof(T));
  }

  const std::unique_ptr<MatrixProblem> problem;
  const MicroSet<T>& micro;
  const Blocking<T> plan;
};

}  // namespace

std::unique_ptr<Kernel> planFloatProduct(std::unique_ptr<MatrixProblem> problem) {
  if (problem->accumulator == WordType::Float64) return std::make_unique<FloatProduct<double>>(std::move(problem));
  return std::make_unique<FloatProduct<float>>(std::move(problem));
}

}  // namespace flambeau
