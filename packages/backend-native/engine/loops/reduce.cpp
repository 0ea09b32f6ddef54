// Reductions whose lanes are kept elements, or stretches of reduced ones: states live in blocks of lanes, of
// which each takes a step per block of the reduced space; lanes meet at the end. Folds along rows: rows.cpp.
#include <algorithm>
#include <numeric>

#include "ahead.h"
#include "rows.h"

namespace flambeau::loops {
namespace {

/** Steps that a lane takes in a row; then its state is put aside and merged in a tree, so that rounding errors
 * of sums stay small. */
constexpr int64_t kLongestChain = 128;

constexpr int64_t kFewSteps = 64;

class LanesKernel : public Kernel {
 public:
  std::unique_ptr<Machine> steps, results;
  Code step, finish;
  std::vector<Register> stepStates, finishStates;
  std::unique_ptr<Merger> merger;
  std::unique_ptr<StateLayout> layout;
  Grid keptForSteps, keptForResults, reduced;
  int64_t lanes = 1;       // of a block of states
  int64_t parts = 1;       // into which the reduced blocks are cut
  int64_t chunks = 1;

  void run(const Call& call) const override {
    const int64_t kept = keptForSteps.count();
    if (parts == 1) {
      shareUnits(kept, chunks, [&](int64_t from, int64_t to) {
        Worker worker(*this, call);
        for (int64_t block = from; block < to; block++) {
          char* const* states = worker.reduce(block, 0, reduced.count());
          worker.store(block, states);
        }
      });
      return;
    }
    const int64_t bytes = layout->bytes();
    char* partial = static_cast<char*>(scratch(Scratch::Partial, kept * parts * bytes));
    const int64_t all = reduced.count();
    parallelFor(kept * parts, [&](int64_t unit) {
      Worker worker(*this, call);
      const int64_t part = unit % parts;
      char* const* states = worker.reduce(unit / parts, all * part / parts, all * (part + 1) / parts);
      for (size_t i = 0; i < layout->count(); i++)
        std::memcpy(layout->at(partial + unit * bytes, i), states[i], worker.keptLanes() * layout->size(i));
    });
    Worker worker(*this, call);
    for (int64_t block = 0; block < kept; block++) {
      worker.place(block);
      char* first = partial + block * parts * bytes;
      // In order, as a tree: neighbours meet first.
      for (int64_t step = 1; step < parts; step *= 2)
        for (int64_t part = 0; part + step < parts; part += 2 * step)
          worker.merge(first + part * bytes, first + (part + step) * bytes, worker.keptLanes());
      char* states[kMostStates];
      for (size_t i = 0; i < layout->count(); i++) states[i] = layout->at(first, i);
      worker.store(block, states);
    }
  }

  int64_t stackDepth() const {
    int64_t depth = 2;
    for (int64_t leaves = reduced.count() / kLongestChain; leaves > 0; leaves /= 2) depth++;
    return depth;
  }
  static int64_t lines(int64_t bytes) { return (bytes + 63) / 64 * 64; }

 private:
  /** A thread's frames and states. */
  class Worker {
   public:
    Worker(const LanesKernel& kernel, const Call& call)
        : kernel_(kernel), memory_(static_cast<char*>(scratch(Scratch::Loops, bytesOf(kernel)))),
          steps_(*kernel.steps, call, memory_), results_(*kernel.results, call, memory_ + kernel.steps->layout.end),
          merges_(kernel.merger->machine(), call, memory_ + kernel.steps->layout.end + kernel.results->layout.end),
          stack_(memory_ + kernel.steps->layout.end + kernel.results->layout.end + kernel.merger->frameBytes()) {}

    static int64_t bytesOf(const LanesKernel& kernel) {
      return kernel.steps->layout.end + kernel.results->layout.end + kernel.merger->frameBytes() +
             kernel.stackDepth() * kernel.layout->bytes();
    }

    /** Elements of the kept block that was reduced last. */
    int64_t keptLanes() const { return results_.count(Rate::Full); }

    void place(int64_t block) { kernel_.keptForResults.walk(results_, block, block + 1, [](int64_t) {}); }

    /** Blocks from … to-1 of the reduced space, folded for one kept block; gives its states. */
    char* const* reduce(int64_t block, int64_t from, int64_t to) {
      const StateLayout& layout = *kernel_.layout;
      place(block);
      kernel_.keptForSteps.walk(steps_, block, block + 1, [](int64_t) {});
      const int64_t kept = keptLanes();
      int64_t depth = 0, leaves = 0, groups = 1;
      bool isFirst = true;
      for (int64_t at = from; at < to; at += kLongestChain) {
        const int64_t end = std::min(to, at + kLongestChain);
        char* states = stack_ + depth * layout.bytes();
        layout.fill(states, kernel_.lanes);
        for (size_t i = 0; i < layout.count(); i++) steps_.at(kernel_.stepStates[i]) = layout.at(states, i);
        kernel_.reduced.walk(steps_, at, end, [&](int64_t) {
          groups = std::max(groups, steps_.count(Rate::Full) / kept);
          steps_.run(kernel_.step, isFirst);
          isFirst = false;
        });
        depth++;
        for (int64_t n = ++leaves; n % 2 == 0; n /= 2) pop(depth, groups * kept);
      }
      while (depth > 1) pop(depth, groups * kept);
      if (from == to) layout.fill(stack_, kernel_.lanes);
      for (size_t i = 0; i < layout.count(); i++) states_[i] = layout.at(stack_, i);
      kernel_.merger->mergeGroups(merges_, states_, groups, kept);
      return states_;
    }

    void merge(char* states, char* others, int64_t lanes) {
      char *a[kMostStates], *b[kMostStates];
      for (size_t i = 0; i < kernel_.layout->count(); i++) {
        a[i] = kernel_.layout->at(states, i);
        b[i] = kernel_.layout->at(others, i);
      }
      kernel_.merger->merge(merges_, a, b, lanes);
    }

    void store(int64_t block, char* const* states) {
      (void)block;
      for (size_t i = 0; i < kernel_.layout->count(); i++) results_.at(kernel_.finishStates[i]) = states[i];
      results_.run(kernel_.finish);
    }

   private:
    void pop(int64_t& depth, int64_t lanes) {
      depth--;
      merge(stack_ + (depth - 1) * kernel_.layout->bytes(), stack_ + depth * kernel_.layout->bytes(), lanes);
    }

    const LanesKernel& kernel_;
    char* memory_;
    Frame steps_, results_, merges_;
    char* stack_;
    char* states_[kMostStates];
  };
};

/** How many loads lie in memory as blocks like them along `axis`: neighbours, or the same element. */
int fits(const Nest& nest, size_t axis) {
  int count = 0;
  for (const Reach& load : nest.loads) {
    const int64_t stride = load.strides[axis];
    count += stride == byteSize(load.type) ? 2 : stride == 0 ? 1 : 0;
  }
  return count;
}

/** The nest without its reduced axes: what stores see. */
Nest keptNest(const Nest& nest) {
  Nest kept = nest;
  const size_t outer = nest.outer;
  const auto cut = [&](Reach& reach) {
    reach.strides.resize(outer);
    for (Check& check : reach.checks) check.coefficients.resize(outer);
  };
  kept.axes.resize(outer);
  kept.isIndexed.resize(outer);
  kept.isSeparable.resize(outer);
  std::for_each(kept.loads.begin(), kept.loads.end(), cut);
  std::for_each(kept.stores.begin(), kept.stores.end(), cut);
  for (int& axis : kept.axisOf)
    if (axis >= static_cast<int>(outer)) axis = -1;
  return kept;
}

std::unique_ptr<Kernel> planLanes(const LoopSpec& spec, Nest nest) {
  auto kernel = std::make_unique<LanesKernel>();
  const size_t axes = nest.axes.size(), outer = nest.outer;
  const int64_t inner = nest.product(outer, axes);
  // How many kept elements and how many stretches of reduced ones make up a block.
  int64_t columns = kBlock;
  const bool hasReduced = outer < axes;
  const int64_t last = hasReduced ? nest.axes[axes - 1] : 1;
  if (hasReduced && last >= 16 && (outer == 0 || fits(nest, axes - 1) > fits(nest, outer - 1))) columns = 32;
  Nest keptOnly = keptNest(nest);
  std::vector<GridAxis> grid;
  Box kept = boxOver(keptOnly, 0, outer, columns, grid);
  const int64_t groups = std::max<int64_t>(1, std::min<int64_t>(last, kBlock / kept.most));
  Box box = kept;
  kernel->keptForResults.axes = grid;
  kernel->keptForSteps.axes = grid;
  int fast = grid.empty() ? -1 : static_cast<int>(grid.back().axis);
  for (size_t axis = outer; axis < axes; axis++) kernel->reduced.axes.push_back({axis, nest.axes[axis], 1, -1});
  if (groups > 1) {
    box.axes.insert(box.axes.begin(), {axes - 1, true});
    box.most *= groups;
    for (GridAxis& axis : kernel->keptForSteps.axes)
      if (axis.boxAxis >= 0) axis.boxAxis++;
    kernel->reduced.axes.back().tile = groups;
    kernel->reduced.axes.back().boxAxis = 0;
  }
  for (const GridAxis& axis : kernel->reduced.axes)
    if (axis.count() > 1) fast = static_cast<int>(axis.axis);
  kernel->lanes = box.most;
  kernel->layout = std::make_unique<StateLayout>(spec.states, kernel->lanes);
  kernel->merger = std::make_unique<Merger>(spec.states, 0, spec.merge);

  const double elements = static_cast<double>(nest.product(0, outer)) * static_cast<double>(inner);
  const bool isOrdered = nest.isOrdered;
  Compiler compiler(std::move(nest), std::move(box), fast);
  const auto statesOf = [&](Compiler& of, std::vector<Register>& names) {
    Leaves leaves;
    for (const State& state : spec.states) {
      names.push_back(of.external());
      leaves.states.push_back({names.back(), Rate::Full, state.type});
    }
    return leaves;
  };
  const Leaves leaves = statesOf(compiler, kernel->stepStates);
  std::vector<Sink> sinks;
  for (uint32_t i = 0; i < spec.states.size(); i++)
    sinks.push_back({Sink::Kind::Into, spec.step.results[i], 0, leaves.states[i], Rate::Full});
  kernel->step = compiler.compile(spec.step, leaves, sinks);
  kernel->steps = compiler.finish();
  // Few steps for each kept block, as in windows: the next one's elements are near.
  if (!grid.empty() && kernel->reduced.count() <= kFewSteps && elements * kernel->step.cost > kParallelWork)
    lookAround(kernel->step, *kernel->steps, grid.back().axis, grid.back().tile);

  Compiler finisher(std::move(keptOnly), std::move(kept), -1);
  const Leaves finished = statesOf(finisher, kernel->finishStates);
  sinks.clear();
  for (uint32_t i = 0; i < spec.stores.size(); i++)
    sinks.push_back({Sink::Kind::Store, spec.values.results[i], i, {}, Rate::Full});
  kernel->finish = finisher.compile(spec.values, finished, sinks);
  kernel->results = finisher.finish();

  const double work = elements * kernel->step.cost;
  const int64_t blocks = kernel->keptForSteps.count();
  kernel->chunks = isOrdered ? 1 : chunksFor(blocks, work);
  if (work > kParallelWork && blocks < 8) {
    const int64_t leaves = kernel->reduced.count() / kLongestChain;
    const int64_t wanted = chunksFor(64, work) / blocks;
    kernel->parts = std::max<int64_t>(1, std::min(leaves, wanted));
  }
  return kernel;
}

/** Whether elements lie rather along the reduced axes than along the kept ones. */
bool isAlongRows(const Nest& nest) {
  const size_t axes = nest.axes.size(), outer = nest.outer;
  const int64_t length = nest.product(outer, axes);
  if (outer == axes || length < 8) return false;
  if (outer == 0) return true;
  const int alongRow = fits(nest, axes - 1), alongKept = fits(nest, outer - 1);
  if (alongRow == alongKept) return length >= 64;
  return alongRow > alongKept && (nest.axes[axes - 1] >= 8 || nest.axes[outer - 1] < 8);
}

}  // namespace

std::unique_ptr<Kernel> planReduce(const LoopSpec& spec) {
  if (spec.states.size() > kMostStates) throw Error("A reduction has at most 16 states.");
  Nest nest = normalize(spec, spec.reduced, {&spec.step, &spec.values});
  if (!nest.isOrdered && !nest.stores.empty()) {
    std::vector<size_t> order(nest.outer);
    std::iota(order.begin(), order.end(), size_t{0});
    const std::vector<int64_t>& strides = nest.stores[0].strides;
    std::stable_sort(order.begin(), order.end(),
                     [&](size_t a, size_t b) { return std::abs(strides[a]) > std::abs(strides[b]); });
    reorderAxes(nest, order);
  }
  mergeAxes(nest);
  if (isAlongRows(nest) && !findFolds(spec.states, 0, spec.step, &spec.merge).empty())
    return planRowStages(std::move(nest), {{spec.states, {}, spec.step, spec.merge}}, spec.values);
  return planLanes(spec, std::move(nest));
}

}  // namespace flambeau::loops
