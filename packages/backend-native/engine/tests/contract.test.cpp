// Contractions against plain loops in double: random axes, strides, types and epilogues, on every instruction
// set; results must not depend on the number of threads, and nothing outside the operands may be touched. What they
// are made of, and compared with: contract-case.h.
#include <cstdlib>
#include <cstring>

#include "../contract/matrix-product.h"
#include "../runtime/cpu.h"
#include "contract-case.h"

using namespace flambeau;
using namespace flambeau::contraction;

namespace {

std::vector<int64_t> split(int64_t length, bool isPlain) {
  if (length == 1 && chance(0.5)) return {};
  if (isPlain || !chance(0.3)) return {length};
  const int64_t inner = pick(1, 5);
  return {std::max<int64_t>(1, length / inner), inner};
}

void random(const char* isa, int count) {
  const int64_t sizes[] = {1, 1, 2, 3, 4, 5, 7, 8, 12, 13, 14, 15, 16, 17, 20, 31, 32, 33, 40, 47, 64, 65, 70, 97};
  const WordType floats[] = {WordType::Float32, WordType::Float32, WordType::Float32, WordType::Float16,
                             WordType::Bfloat16, WordType::Float64, WordType::Int32, WordType::Bool};
  const auto size = [&] { return sizes[pick(0, std::size(sizes) - 1)]; };
  for (int i = 0; i < count; i++) {
    const bool isPlain = chance(0.4);
    Shape shape{{}, split(size(), isPlain), split(size(), isPlain), {}};
    shape.k = split(chance(0.1) ? pick(200, 900) : size(), isPlain);
    for (int64_t axes = pick(-2, 2); axes > 0; axes--) shape.batch.push_back(pick(1, 5));
    if (chance(0.03)) (chance(0.5) ? shape.k : chance(0.5) ? shape.m : shape.n).assign(1, 0);
    const double kind = std::uniform_real_distribution<>()(engine);
    WordType a = WordType::Float32, b = a, accumulator = a;
    if (kind < 0.2) {
      a = b = accumulator = WordType::Float64;
    } else if (kind < 0.3) {
      accumulator = chance(0.5) ? WordType::Int32 : WordType::Int64;
      a = chance(0.5) ? accumulator : WordType::Int8;
      b = chance(0.5) ? accumulator : WordType::Uint8;
    } else if (kind < 0.5) {
      a = floats[pick(0, 7)];
      b = chance(0.5) ? a : floats[pick(0, 7)];
    }
    Example e = makeExample(shape, a, b, accumulator, static_cast<Finish>(pick(0, kFinishes - 1)), isPlain);
    e.spec.allowsBfloat16 = chance(0.2) && accumulator == WordType::Float32;
    check(e, isa);
  }
}

/** Shapes at the borders of the blocking, and those that take paths of their own. */
void chosen(const char* isa, bool isBest) {
  const int64_t shapes[][4] = {
      {1, 200, 300, 700}, {1, 1, 5000, 300}, {1, 300, 1, 2000},  {1, 1, 1, 40000},  {1, 5, 6, 20000}, {1, 16, 16, 4096},
      {1, 130, 127, 16500}, {1, 3, 200, 400}, {40, 12, 13, 14},  {6, 64, 128, 64},  {1, 512, 10, 64}, {1, 71, 1100, 40},
      {1, 2, 16, 16},     {300, 1, 1, 9},     {1, 600, 70, 361}, {2, 33, 257, 513},
  };
  for (const auto& each : shapes) {
    for (int form = 0; form < 4; form++) {
      for (const WordType type : {WordType::Float32, WordType::Float64, WordType::Bfloat16}) {
        // What takes long to check by plain loops: once per way of storing.
        const bool isLong = each[1] * each[2] * each[3] > 40000000;
        if (isLong && (form % 2 == 0 || type != WordType::Float32 || !isBest)) continue;
        const WordType accumulator = type == WordType::Float64 ? type : WordType::Float32;
        Shape shape{{}, {each[1]}, {each[2]}, {each[3]}};
        if (each[0] > 1) shape.batch = {each[0]};
        const Finish how[] = {Finish::Bare, Finish::ColumnBias, Finish::RowBias, Finish::BiasRelu};
        check(makeExample(shape, type, type, accumulator, how[form], form == 0), isa);
      }
    }
  }
}

/** What is not finite must spoil its own row and column, and nothing else. */
void infinities(const char* isa) {
  Example e = makeExample({{}, {20}, {40}, {33}}, WordType::Float32, WordType::Float32, WordType::Float32, Finish::Bare,
                          true);
  const float bad = NAN, huge = INFINITY;
  std::memcpy(e.inputs[0].start() + 4 * (e.spec.loads[0].offset + 3 * 33 + 7), &bad, 4);
  std::memcpy(e.inputs[1].start() + 4 * (e.spec.loads[1].offset + 39 * 33 + 32), &huge, 4);
  const auto out = runOn(e, *planContract(e.spec), 1);
  bool isRight = true;
  for (int64_t i = 0; i < 20; i++) {
    for (int64_t j = 0; j < 40; j++) {
      const double x = valueAt(out[0], addressOf(e.spec.stores[0], {i, j, 0}));
      isRight = isRight && (i == 3 ? std::isnan(x) : j == 39 ? !std::isfinite(x) : std::isfinite(x));
    }
  }
  if (isRight) passed++;
  else fail("infinities", e, isa);
}

/** A factor that is padded, by a guard along k: no matrix as it lies, in any type. */
void guarded(const char* isa) {
  for (const WordType type : {WordType::Float32, WordType::Float64, WordType::Int32, WordType::Int64}) {
    Example e = makeExample({{}, {6}, {9}, {21}}, type, type, type, Finish::Bare, true);
    Load& a = e.spec.loads[0];
    Guard guard;
    guard.base = -2;
    guard.size = 17;
    guard.stride = a.strides[2];
    guard.coefficients = {0, 0, 1};
    a.strides[2] = 0;
    a.guards = {guard};
    const auto out = runOn(e, *planContract(e.spec), 2);
    bool isRight = true;
    for (int64_t i = 0; i < 6; i++) {
      for (int64_t j = 0; j < 9; j++) {
        double sum = 0;
        for (int64_t p = 2; p < 19; p++) {
          sum += valueAt(e.inputs[0], addressOf(a, {i, j, p}) + (p - 2) * guard.stride) *
                 valueAt(e.inputs[1], addressOf(e.spec.loads[1], {i, j, p}));
        }
        isRight = isRight && std::abs(valueAt(out[0], addressOf(e.spec.stores[0], {i, j, 0})) - sum) < 1e-4;
      }
    }
    if (isRight) passed++;
    else fail("a guarded factor", e, isa);
  }
}

// Packing, and what is not packed.

template <class T> const MicroSet<T>& microSetOf();
template <> const MicroSet<float>& microSetOf<float>() { return microKernels(); }
template <> const MicroSet<double>& microSetOf<double>() { return microKernels64(); }

/** Panels of any height, and of b, hold what a plain loop puts there; nothing is written beyond. */
template <class T> void panels(const char* isa) {
  const MicroSet<T>& micro = microSetOf<T>();
  constexpr T guard = -77;
  const auto isRight = [&](int64_t count, int64_t k, int64_t stride, int64_t kStride, int64_t height, bool isOfB) {
    const int64_t size = (count - 1) * stride + (k - 1) * kStride + 1;
    const int64_t packed = isOfB ? (count + height - 1) / height * height * k : count * k;
    std::vector<T> from(size), to(packed + 64, guard), expected(packed + 64, guard);
    for (int64_t i = 0; i < size; i++) from[i] = static_cast<T>(i % 65521 + 1);
    for (int64_t first = 0; first < count; first += height) {
      const int64_t rows = std::min(height, count - first), pitch = isOfB ? height : rows;
      for (int64_t p = 0; p < k; p++) {
        for (int64_t i = 0; i < pitch; i++) {
          expected[first * k + p * pitch + i] = i < rows ? from[(first + i) * stride + p * kStride] : T(0);
        }
      }
    }
    if (isOfB) micro.packB(from.data(), kStride, stride, k, count, to.data());
    else micro.packRows(from.data(), stride, kStride, count, k, static_cast<int>(height), to.data());
    return to == expected;
  };
  const auto test = [&](int64_t count, int64_t height, bool isOfB) {
    for (const int64_t k : {1, 3, 7, 8, 9, 15, 16, 17, 24, 33, 64, 67}) {
      const int64_t collide = 2048 / static_cast<int64_t>(sizeof(T));
      const int64_t strides[][2] = {{1, count}, {1, count + 3}, {1, collide * (1 + count / collide)}, {k, 1},
                                    {k + 5, 1}, {collide, 1},   {2 * k, 2},                           {3, 3 * count}};
      for (const auto& [stride, kStride] : strides) {
        if (isRight(count, k, stride, kStride, height, isOfB)) {
          passed++;
        } else if (failed++ < 20) {
          std::printf("FAILED on %s: %s of %lld × %lld, %lld high, strides %lld and %lld\n", isa,
                      isOfB ? "packB" : "packRows", static_cast<long long>(count), static_cast<long long>(k),
                      static_cast<long long>(height), static_cast<long long>(stride), static_cast<long long>(kStride));
        }
      }
    }
  };
  for (int64_t height = 1; height <= micro.rows; height++) {
    for (const int64_t count : {int64_t{1}, height, height + 1, 3 * height - 1, 5 * height, 7 * height + 2}) {
      test(count, height, false);
    }
  }
  const int64_t columns = micro.columns;
  for (const int64_t n : {int64_t{1}, columns - 1, columns, columns + 1, 3 * columns - 2, 5 * columns + 3}) {
    test(n, columns, true);
  }
}

/** How factors may lie: neighbours along k, across it, nowhere; and at strides that collide in caches. */
enum class Lie { Along, Across, Apart, AlongColliding, AcrossColliding };

template <class T> void layAs(Lie lie, Example& e, int side, int64_t outer, int64_t k) {
  const int64_t collide = 2048 / static_cast<int64_t>(sizeof(T));
  const auto rounded = [&](int64_t length) { return (length + collide - 1) / collide * collide; };
  const int64_t strides[][2] = {{k, 1}, {1, outer}, {2 * k + 1, 2}, {rounded(k), 1}, {1, rounded(outer)}};
  const auto& [stride, kStride] = strides[static_cast<int>(lie)];
  Load& load = e.spec.loads[side];
  load.offset = 0;
  load.strides = side == 0 ? std::vector<int64_t>{stride, 0, kStride} : std::vector<int64_t>{0, stride, kStride};
  Memory& memory = e.inputs[side];
  memory.origin = 0;
  memory.elements = (outer - 1) * stride + (k - 1) * kStride + 1;
  memory.bytes.assign(memory.elements * sizeof(T), 0);
  for (int64_t i = 0; i < memory.elements; i++) setRandom(memory, i);
}

/** Shapes that together take all ways of packing, which the plans themselves say. */
template <class T> void packing(const char* isa) {
  const MicroSet<T>& micro = microSetOf<T>();
  const int64_t rows = micro.rows, columns = micro.columns;
  const int64_t shapes[][3] = {
      {2 * rows + 1, 4 * columns, 40},       // a in place, along k and across it
      {2 * rows + 1, 4 * columns + 1, 27},   // three panels that are not full
      {rows + 1, 32 * columns, 9},           // a in place, along k
      {rows + 1, 32 * columns + 1, 17},
      {5 * rows + 1, columns + 3, 600},      // two blocks of k; one of rows
      {5 * rows + 1, 8 * columns + 1, 130},  // b packed just before use, by two threads
      {8192 / static_cast<int64_t>(sizeof(T)) + 7, columns + 1, 70},  // several blocks of rows
  };
  enum Way { AAlong, AAcross, APackedAlong, APackedAcross, BInPlace, BLate, BWhole, BlocksOfK, LowPanels, kWays };
  int reached[kWays] = {};
  for (const auto& [m, n, k] : shapes) {
    for (const Lie a : {Lie::Along, Lie::Across, Lie::Apart, Lie::AlongColliding, Lie::AcrossColliding}) {
      for (const Lie b : {Lie::Along, Lie::Across, Lie::AcrossColliding}) {
        constexpr WordType type = sizeof(T) == 4 ? WordType::Float32 : WordType::Float64;
        Example e = makeExample({{}, {m}, {n}, {k}}, type, type, type, Finish::Bare, true);
        layAs<T>(a, e, 0, m, k);
        layAs<T>(b, e, 1, n, k);
        const auto problem = planMatrix(e.spec, false);
        const Blocking<T> plan = planBlocking(*problem, micro);
        const bool isAcross = a == Lie::Across || a == Lie::AcrossColliding, isOneBlock = m <= plan.mBlock;
        if (plan.isAInPlace) reached[isAcross ? AAcross : AAlong]++;
        else reached[isAcross ? APackedAcross : APackedAlong]++;
        reached[plan.isBInPlace ? BInPlace : isOneBlock ? BLate : BWhole]++;
        if (plan.kBlocks > 1) reached[BlocksOfK]++;
        if (plan.height < rows && !plan.isAInPlace && m > plan.height) reached[LowPanels]++;
        check(e, isa);
      }
    }
  }
  for (int way = 0; way < kWays; way++) {
    if (reached[way] > 0) passed++;
    else if (failed++ < 20) std::printf("FAILED on %s: no shape takes way %d of packing\n", isa, way);
  }
}

}  // namespace

int main(int count, char** arguments) {
  const int examples = count > 1 ? std::atoi(arguments[1]) : 200;
  selectIsa(nullptr);
  const Isa best = activeIsa();
  for (const Isa isa : {Isa::Baseline, Isa::Avx2, Isa::Avx512, Isa::Neon}) {
    if (!supportsIsa(isa)) continue;
    selectIsa(isaName(isa));
    infinities(isaName(isa));
    guarded(isaName(isa));
    random(isaName(isa), examples);
    chosen(isaName(isa), isa == best);
    panels<float>(isaName(isa));
    panels<double>(isaName(isa));
    packing<float>(isaName(isa));
    packing<double>(isaName(isa));
  }
  std::printf("%d passed, %d failed\n", passed, failed);
  return failed == 0 ? 0 : 1;
}
