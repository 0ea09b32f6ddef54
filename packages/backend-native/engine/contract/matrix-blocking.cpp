// See matrix-product.h. The figures were measured on a processor with 48 KB of L1 and 2 MB of L2, and are
// meant to suit half of that.
#include <algorithm>

#include "matrix-product.h"

namespace flambeau {
namespace {

int64_t ceilDiv(int64_t a, int64_t b) { return (a + b - 1) / b; }
int64_t roundUp(int64_t a, int64_t b) { return ceilDiv(a, b) * b; }

/** Whether rows at this stride fall into few sets of a cache, so that they drive each other out. */
bool doesCollide(int64_t strideBytes) { return strideBytes % 2048 == 0; }

}  // namespace

template <class T>
Blocking<T> planBlocking(const MatrixProblem& p, const MicroSet<T>& micro) {
  using Way = typename Blocking<T>::Way;
  constexpr int64_t size = sizeof(T);
  Blocking<T> plan;
  const auto isReady = [](const Factor& factor) {
    return factor.type == TypeOf<T>::value && factor.outer.isEven() && factor.k.isEven();
  };
  const bool mayReadA = isReady(p.a) && (p.a.outer.stride == 1 || p.a.k.stride == 1);
  const bool mayReadB = isReady(p.b) && p.b.outer.stride == 1;
  const bool isWhole = p.n % micro.columns == 0 || micro.readsPartialB;

  // Parts of k, where little else could be shared out and the partial sums are small.
  constexpr int64_t shortestPart = 2048, longestPart = 16384;
  plan.kPart = std::max<int64_t>(1, p.k);
  if (p.k >= 2 * shortestPart && p.m * p.n <= 16384 && p.count == 1) {
    plan.kSplits = std::min<int64_t>(16, p.k / shortestPart);
  } else if (p.k > longestPart) {
    plan.kSplits = ceilDiv(p.k, longestPart);
  }
  plan.kPart = roundUp(ceilDiv(plan.kPart, plan.kSplits), 16);
  plan.kSplits = std::max<int64_t>(1, ceilDiv(p.k, plan.kPart));

  if (p.m <= 4 && isReady(p.b) && (mayReadB || p.b.k.stride == 1)) {
    plan.way = Way::Skinny;
    plan.isBAlongK = !mayReadB;
    return plan;
  }

  const int64_t kMost = std::clamp<int64_t>(40960 / (micro.columns * size), 128, 512);
  const int64_t k = std::min(p.k, plan.kPart);
  plan.kBlocks = std::max<int64_t>(1, ceilDiv(k, kMost + kMost / 8));
  plan.kBlock = std::max<int64_t>(1, roundUp(ceilDiv(k, plan.kBlocks), plan.kBlocks > 1 ? 8 : 1));
  plan.kBlocks = std::max<int64_t>(1, ceilDiv(k, plan.kBlock));
  const int64_t panels = ceilDiv(p.m, micro.rows);
  plan.height = std::max<int64_t>(1, ceilDiv(p.m, std::max<int64_t>(1, panels)));
  // Rows of a block: what is packed a piece of a line at a time, from many pages, comes in larger ones. If all
  // rows make one block, panels of b need not be kept.
  const int64_t rowBytes = plan.kBlock * size, oneBlock = 262144;
  plan.mBlock = p.m * rowBytes <= oneBlock
                    ? panels * plan.height
                    : (p.a.outer.stride == 1 ? 262144 : 131072) / rowBytes / plan.height * plan.height;
  plan.mBlock = std::max(plan.mBlock, plan.height);
  // Equal blocks: the last one is no remainder.
  const int64_t nMost = std::max<int64_t>(8 * micro.columns, (8 << 20) / (std::max<int64_t>(k, 1) * size));
  plan.nBlock = roundUp(ceilDiv(p.n, std::max<int64_t>(1, ceilDiv(p.n, nMost))), micro.columns);

  // Few rows do not repay packing; a small factor is in cache as it is.
  const bool isBSmall = p.n * p.k * size <= 65536 && !doesCollide(p.b.k.stride * size);
  plan.isBInPlace = mayReadB && isWhole && (p.m <= 5 * micro.rows || isBSmall);
  plan.isAInPlace = mayReadA && p.n <= (p.a.k.stride == 1 ? 32 : 4) * micro.columns &&
                    (p.a.k.stride != 1 || p.a.outer.stride == 1 || !doesCollide(p.a.outer.stride * size));
  if (mayReadA && mayReadB && isWhole && p.m * p.n * p.k <= 32768 && plan.kSplits == 1) {
    plan.way = Way::Tiny;
    plan.isAInPlace = plan.isBInPlace = true;
  }
  return plan;
}

template Blocking<float> planBlocking(const MatrixProblem&, const MicroSet<float>&);
template Blocking<double> planBlocking(const MatrixProblem&, const MicroSet<double>&);

}  // namespace flambeau
