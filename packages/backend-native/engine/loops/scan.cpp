// Scans: rows side by side in lanes, positions one after the other. What does not depend on the states is
// computed for many positions at once where the states are running folds.
#include <algorithm>

#include "plans.h"
#include "states.h"

namespace flambeau::loops {
namespace {

class ScanKernel : public Kernel {
 public:
  std::unique_ptr<Machine> machine;
  /** Up to the values that are folded, or up to the states' next values; then what is stored. */
  Code before, after;
  std::vector<FoldTerm> folds;         // empty where the states take steps of their own
  std::vector<Register> values;        // folded
  std::vector<Register> history;       // running folds of a block; or the states themselves
  std::unique_ptr<StateLayout> layout;
  Grid rows, positions;
  int64_t lanes = 1, chunks = 1;

  void run(const Call& call) const override {
    shareUnits(rows.count(), chunks, [&](int64_t from, int64_t to) {
      char* memory = static_cast<char*>(scratch(Scratch::Loops, machine->layout.end + layout->bytes()));
      Frame frame(*machine, call, memory);
      char* states = memory + machine->layout.end;
      rows.walk(frame, from, to, [&](int64_t) {
        layout->fill(states, lanes);
        positions.walk(frame, 0, positions.count(), [&](int64_t) {
          if (folds.empty()) stepOnce(frame, states);
          else foldBlock(frame, states);
        });
      });
    });
  }

 private:
  void stepOnce(Frame& frame, char* states) const {
    for (size_t i = 0; i < history.size(); i++) frame.at(history[i]) = layout->at(states, i);
    frame.run(before);
    frame.run(after);
  }

  void foldBlock(Frame& frame, char* states) const {
    frame.run(before);
    // The first axis of the box is the position.
    const int64_t steps = frame.count(Rate::Row), rows = frame.count(Rate::Full) / steps;
    for (size_t i = 0; i < folds.size(); i++) {
      frame.moves().scan[static_cast<int>(folds[i].fold)][static_cast<int>(folds[i].type)](
          frame.at(history[i]), layout->at(states, i), frame.at(values[i]), steps, rows);
    }
    frame.run(after);
  }
};

constexpr int64_t kPositionsAlong = 64, kPositionsAcross = 4;

}  // namespace

std::unique_ptr<Kernel> planScan(const LoopSpec& spec) {
  if (spec.states.size() > kMostStates) throw Error("A scan has at most 16 states.");
  Nest nest = normalize(spec, 1, {&spec.step, &spec.values}, spec.isReversed);
  mergeAxes(nest);
  auto kernel = std::make_unique<ScanKernel>();
  kernel->folds = findFolds(spec.states, 0, spec.step, nullptr);
  for (const FoldTerm& term : kernel->folds)
    if (loopMoves().scan[static_cast<int>(term.fold)][static_cast<int>(term.type)] == nullptr) kernel->folds.clear();
  const bool areFolds = !kernel->folds.empty();
  const size_t axes = nest.axes.size(), outer = nest.outer;
  const bool hasPositions = outer < axes;
  const int64_t length = hasPositions ? nest.axes[outer] : 1;
  const bool isOrdered = nest.isOrdered;

  // Rows that do not wait for each other fill the lanes; positions the rest of the block.
  bool isAlong = false;  // neighbours follow each other in the order of the scan
  for (const Reach& load : nest.loads)
    isAlong = isAlong || (hasPositions && std::abs(load.strides[outer]) == byteSize(load.type));
  const int64_t positions = areFolds ? std::min(length, isAlong ? kPositionsAlong : kPositionsAcross) : 1;
  const int64_t most = isOrdered ? 1 : areFolds ? kBlock / positions : kBlock / 4;
  Box box = boxOver(nest, 0, outer, most, kernel->rows.axes);
  kernel->lanes = box.most;
  kernel->layout = std::make_unique<StateLayout>(spec.states, kernel->lanes);
  if (hasPositions) {
    const int64_t together = areFolds ? std::max<int64_t>(1, std::min(length, kBlock / box.most)) : 1;
    kernel->positions.axes.push_back({outer, length, together, areFolds ? 0 : -1});
    if (areFolds) {
      for (GridAxis& axis : kernel->rows.axes)
        if (axis.boxAxis >= 0) axis.boxAxis++;
      box.axes.insert(box.axes.begin(), {outer, true});
      box.rows = 1;
      box.mostRows = together;
      box.most *= together;
    }
  }
  const double elements = static_cast<double>(nest.product(0, axes));
  // Index leaves of a reversed scan count down.
  const int reversed = spec.isReversed && hasPositions ? static_cast<int>(outer) : -1;
  Compiler compiler(std::move(nest), std::move(box), hasPositions ? static_cast<int>(outer) : -1, reversed);
  Leaves leaves;
  std::vector<Sink> sinks;
  for (uint32_t i = 0; i < spec.states.size(); i++) {
    const WordType type = spec.states[i].type;
    const Operand operand = {areFolds ? compiler.keep(type, Rate::Full) : compiler.external(), Rate::Full, type};
    kernel->history.push_back(operand.name);
    leaves.states.push_back(operand);
    if (areFolds) sinks.push_back({Sink::Kind::Hold, kernel->folds[i].value, 0, {}, Rate::Full});
    else sinks.push_back({Sink::Kind::Into, spec.step.results[i], 0, operand, Rate::Full});
  }
  kernel->before = compiler.compile(spec.step, leaves, sinks, &kernel->values);
  sinks.clear();
  for (uint32_t i = 0; i < spec.stores.size(); i++)
    sinks.push_back({Sink::Kind::Store, spec.values.results[i], i, {}, Rate::Full});
  kernel->after = compiler.compile(spec.values, leaves, sinks);
  kernel->machine = compiler.finish();
  const double work = elements * (kernel->before.cost + kernel->after.cost + 0.1);
  kernel->chunks = isOrdered ? 1 : chunksFor(kernel->rows.count(), work);
  return kernel;
}

}  // namespace flambeau::loops
