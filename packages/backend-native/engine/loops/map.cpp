// Maps: one expression over all axes, block by block.
#include <algorithm>
#include <numeric>

#include "ahead.h"
#include "grid.h"
#include "plans.h"

namespace flambeau::loops {
namespace {

class MapKernel : public Kernel {
 public:
  std::unique_ptr<Machine> machine;
  Code code;
  /** Blocks in any order; within each, blocks in order. */
  Grid shared, ordered;
  int64_t chunks = 1;

  void run(const Call& call) const override {
    shareUnits(shared.count(), chunks, [&](int64_t from, int64_t to) {
      Frame frame(*machine, call, frameMemory(*machine));
      const int64_t inner = ordered.count();
      shared.walk(frame, from, to, [&](int64_t) {
        if (inner == 1) frame.run(code);
        else ordered.walk(frame, 0, inner, [&](int64_t) { frame.run(code); });
      });
    });
  }
};

/** Outer axes have greater strides in the first store. */
void orderByStore(Nest& nest) {
  if (nest.stores.empty()) return;
  std::vector<size_t> order(nest.axes.size());
  std::iota(order.begin(), order.end(), size_t{0});
  const std::vector<int64_t>& strides = nest.stores[0].strides;
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return std::abs(strides[a]) > std::abs(strides[b]); });
  reorderAxes(nest, order);
}

/** In an ordered nest: separable axes, then those that must run in order, then a separable one whose elements
 * are neighbours in the first store. */
void orderSeparable(Nest& nest) {
  const size_t axes = nest.axes.size();
  size_t inner = axes;
  const Reach& store = nest.stores[0];
  for (size_t axis = 0; axis < axes; axis++)
    if (nest.isSeparable[axis] && store.strides[axis] == byteSize(store.type) && nest.axes[axis] >= 8) inner = axis;
  std::vector<size_t> order;
  for (size_t axis = 0; axis < axes; axis++)
    if (nest.isSeparable[axis] && axis != inner) order.push_back(axis);
  for (size_t axis = 0; axis < axes; axis++)
    if (!nest.isSeparable[axis]) order.push_back(axis);
  if (inner < axes) order.push_back(inner);
  reorderAxes(nest, order);
}

/** Side of a tile of elements that change places; less where registers for arithmetic must fit beside it. */
constexpr int64_t kTile = 64, kSmallTile = 32;

/** The axis along which a load has its neighbours, if they are not along the last one. */
int transposedAxis(const Nest& nest) {
  const size_t last = nest.axes.size() - 1;
  if (nest.axes[last] < 8) return -1;
  for (const Reach& load : nest.loads) {
    const int64_t size = byteSize(load.type);
    if (!load.isPlain() || load.strides[last] == 0 || std::abs(load.strides[last]) <= 2 * size) continue;
    for (size_t axis = 0; axis < last; axis++)
      if (load.strides[axis] == size && nest.axes[axis] >= 8) return static_cast<int>(axis);
  }
  return -1;
}

void planOrdered(MapKernel& kernel, Nest nest, const Expression& values, const std::vector<Sink>& sinks) {
  orderSeparable(nest);
  mergeAxes(nest);
  const size_t axes = nest.axes.size();
  // At least one axis is not separable.
  size_t first = 0;
  while (nest.isSeparable[first]) first++;
  const bool hasInner = nest.isSeparable[axes - 1];
  int64_t columns = 1;
  if (hasInner) {
    // Threads share the inner axis where there is no other to share.
    const int64_t length = nest.axes[axes - 1];
    columns = first == 0 ? std::max<int64_t>(64, (length / 8 + 15) / 16 * 16) : kBlock;
    columns = std::min<int64_t>({columns, length, kBlock});
  }
  std::vector<GridAxis> outer;
  const size_t stop = hasInner ? axes - 1 : axes;
  Box box = boxOver(nest, first, stop, kBlock / columns, outer);
  int fast = -1;
  for (size_t axis = 0; axis < first; axis++) kernel.shared.axes.push_back({axis, nest.axes[axis], 1, -1});
  kernel.ordered.axes = outer;
  for (const GridAxis& axis : outer)
    if (axis.count() > 1) fast = static_cast<int>(axis.axis);
  if (hasInner) {
    kernel.shared.axes.push_back({axes - 1, nest.axes[axes - 1], columns, static_cast<int>(box.axes.size())});
    box.axes.push_back({axes - 1, true});
    box.most *= columns;
  }
  const double elements = static_cast<double>(nest.product(0, axes));
  Compiler compiler(std::move(nest), std::move(box), fast);
  kernel.code = compiler.compile(values, {}, sinks);
  kernel.machine = compiler.finish();
  kernel.chunks = chunksFor(kernel.shared.count(), elements * kernel.code.cost);
}

}  // namespace

Box boxOver(const Nest& nest, size_t first, size_t last, int64_t most, std::vector<GridAxis>& grid) {
  constexpr size_t kMostBoxAxes = 12;
  Box box;
  size_t axis = last;
  while (axis > first && box.most * nest.axes[axis - 1] <= most && box.axes.size() < kMostBoxAxes) {
    axis--;
    box.most *= nest.axes[axis];
    box.axes.insert(box.axes.begin(), {axis, false});
  }
  const int64_t room = most / box.most;
  if (axis > first && room > 1 && box.axes.size() < kMostBoxAxes) {
    axis--;
    // Blocks of about equal length.
    const int64_t length = nest.axes[axis], blocks = (length + room - 1) / room;
    int64_t tile = (length + blocks - 1) / blocks;
    if (box.most == 1) tile = std::min<int64_t>(room, (tile + 63) / 64 * 64);
    box.axes.insert(box.axes.begin(), {axis, true});
    box.most *= tile;
    for (size_t a = first; a < axis; a++) grid.push_back({a, nest.axes[a], 1, -1});
    grid.push_back({axis, length, tile, 0});
    return box;
  }
  for (size_t a = first; a < axis; a++) grid.push_back({a, nest.axes[a], 1, -1});
  return box;
}

std::unique_ptr<Kernel> planMap(const LoopSpec& spec) {
  Nest nest = normalize(spec, 0, {&spec.values});
  auto kernel = std::make_unique<MapKernel>();
  std::vector<Sink> sinks;
  for (uint32_t i = 0; i < spec.stores.size(); i++)
    sinks.push_back({Sink::Kind::Store, spec.values.results[i], i, {}, Rate::Full});
  if (nest.isOrdered) {
    planOrdered(*kernel, std::move(nest), spec.values, sinks);
    return kernel;
  }
  orderByStore(nest);
  mergeAxes(nest);
  const size_t axes = nest.axes.size();
  Box box;
  const int turned = axes < 2 ? -1 : transposedAxis(nest);
  if (turned >= 0) {
    const int64_t tile = spec.values.steps.size() <= 4 ? kTile : kSmallTile;
    for (size_t axis = 0; axis + 1 < axes; axis++) {
      const bool isTurned = static_cast<int>(axis) == turned;
      kernel->shared.axes.push_back({axis, nest.axes[axis], isTurned ? tile : 1, isTurned ? 0 : -1});
    }
    kernel->shared.axes.push_back({axes - 1, nest.axes[axes - 1], tile, 1});
    box.axes = {{static_cast<size_t>(turned), true}, {axes - 1, true}};
    box.most = tile * tile;
  } else {
    box = boxOver(nest, 0, axes, kBlock, kernel->shared.axes);
  }
  int fast = -1;
  int64_t step = 0;
  for (const GridAxis& axis : kernel->shared.axes) {
    if (axis.count() == 1) continue;
    fast = static_cast<int>(axis.axis);
    step = axis.tile;
  }
  const double elements = static_cast<double>(nest.product(0, axes));
  Compiler compiler(std::move(nest), std::move(box), fast);
  kernel->code = compiler.compile(spec.values, {}, sinks);
  kernel->machine = compiler.finish();
  if (fast >= 0 && turned < 0 && paysAhead({&kernel->code}, *kernel->machine, elements))
    lookAhead(kernel->code, *kernel->machine, static_cast<size_t>(fast), step);
  kernel->chunks = chunksFor(kernel->shared.count(), elements * kernel->code.cost);
  return kernel;
}

}  // namespace flambeau::loops
