// Rows: each stage walks the row once and keeps values and states for the stages after it; stores come last.
// Short rows share a block; long ones have several.
#include "rows.h"

#include <algorithm>

#include "../program/decode.h"
#include "ahead.h"
#include "costs.h"

namespace flambeau::loops {
namespace {

/** What a stage does with a block of the row. */
struct Stage {
  Code code;
  /** One of the two: values that are folded with one operation each, or states of lanes that take a step. */
  std::vector<FoldTerm> folds;
  std::vector<Register> values;
  std::vector<Register> centres;  // of sums of squares; none of other folds
  std::unique_ptr<Merger> merger;
  std::unique_ptr<StateLayout> layout;
  std::vector<Register> lanes;
  std::vector<Register> results;  // one per row
  std::vector<int> sizes;
};

struct KeptValue {
  Register name;
  int size;
  int64_t offset;  // in a row's memory, where a row has several blocks
};

class RowsKernel : public Kernel {
 public:
  std::unique_ptr<Machine> machine;
  std::vector<Stage> stages;
  Code perElement, perRow;
  bool storesElements = false, storesRows = false;
  Grid rows, row;                // blocks of rows; blocks of a row
  std::vector<KeptValue> kept;
  int64_t keptBytes = 0;         // of a row, where it has several blocks
  int64_t partialBytes = 0;      // of one stage's states, for each block of a row
  int64_t lanesBytes = 0;
  int64_t mergerBytes = 0;
  int64_t most = 1;              // elements of a block
  int64_t chunks = 1, parts = 1; // parts: of a reduction to few rows, whose blocks threads share

  void run(const Call& call) const override {
    if (parts > 1) return runParts(call);
    shareUnits(rows.count(), chunks, [&](int64_t from, int64_t to) {
      char* memory = static_cast<char*>(scratch(Scratch::Loops, bytes()));
      Frame frame(*machine, call, memory);
      char* extra = memory + machine->layout.end;
      const int64_t blocks = row.count();
      rows.walk(frame, from, to, [&](int64_t) {
        if (blocks == 1) runShort(frame, call, extra);
        else runLong(frame, call, extra, blocks);
      });
    });
  }

 private:
  int64_t bytes() const {
    return machine->layout.end + keptBytes + partialBytes * row.count() + lanesBytes + mergerBytes;
  }

  static int64_t columnsOf(Frame& frame) {
    const int64_t count = frame.count(Rate::Row);
    return count == 0 ? 0 : frame.count(Rate::Full) / count;
  }

  /** The row is within the block, or several rows are. */
  void runShort(Frame& frame, const Call& call, char* extra) const {
    const int64_t columns = columnsOf(frame);
    for (const Stage& stage : stages) {
      if (stage.merger != nullptr) {
        startLanes(frame, stage, extra, columns);
        frame.run(stage.code);
        finishLanes(frame, call, stage, extra, columns);
        continue;
      }
      frame.run(stage.code);
      for (size_t i = 0; i < stage.folds.size(); i++)
        fold(frame, stage, i, frame.at(stage.results[i]), frame.count(Rate::Row), columns);
    }
    if (storesElements) frame.run(perElement);
    if (storesRows) frame.run(perRow);
  }

  void fold(Frame& frame, const Stage& stage, size_t i, char* to, int64_t count, int64_t columns) const {
    const FoldTerm& term = stage.folds[i];
    const int fold = static_cast<int>(term.fold), type = static_cast<int>(term.type);
    const char* values = frame.at(stage.values[i]);
    if (stage.centres[i] == kNoRegister) frame.moves().fold[fold][type](to, values, count, columns);
    else frame.moves().squares[type](to, values, frame.at(stage.centres[i]), count, columns);
  }

  /** A row has several blocks; each leaves a state, and those are folded. */
  void runLong(Frame& frame, const Call& call, char* extra, int64_t blocks) const {
    char* partial = extra + keptBytes;
    char* lanes = partial + partialBytes * blocks;
    for (const Stage& stage : stages) {
      if (stage.merger != nullptr) startLanes(frame, stage, lanes, most);
      walkRow(frame, extra, 0, blocks, [&](int64_t block) {
        frame.run(stage.code);
        if (stage.merger == nullptr) foldBlock(frame, stage, partial, block, blocks);
      });
      if (stage.merger != nullptr) finishLanes(frame, call, stage, lanes, most);
      else foldPartial(frame, stage, partial, blocks);
    }
    if (storesElements) walkRow(frame, extra, 0, blocks, [&](int64_t) { frame.run(perElement); });
    if (storesRows) {
      for (const GridAxis& axis : row.axes) frame.moveTo(axis.axis, 0);
      frame.run(perRow);
    }
  }

  void foldBlock(Frame& frame, const Stage& stage, char* partial, int64_t block, int64_t blocks) const {
    for (size_t i = 0; i < stage.folds.size(); i++) {
      fold(frame, stage, i, partial + block * stage.sizes[i], 1, frame.count(Rate::Full));
      partial += blocks * 8;
    }
  }

  void foldPartial(Frame& frame, const Stage& stage, char* partial, int64_t blocks) const {
    for (size_t i = 0; i < stage.folds.size(); i++) {
      const FoldTerm& term = stage.folds[i];
      frame.moves().fold[static_cast<int>(term.fold)][static_cast<int>(term.type)](frame.at(stage.results[i]), partial,
                                                                                   1, blocks);
      partial += blocks * 8;
    }
  }

  template <class Visit>
  void walkRow(Frame& frame, char* extra, int64_t from, int64_t to, const Visit& visit) const {
    row.walk(frame, from, to, [&](int64_t block) {
      for (const KeptValue& value : kept) frame.at(value.name) = extra + value.offset + block * most * value.size;
      visit(block);
    });
  }

  void startLanes(Frame& frame, const Stage& stage, char* lanes, int64_t count) const {
    stage.layout->fill(lanes, count);
    for (size_t i = 0; i < stage.lanes.size(); i++) frame.at(stage.lanes[i]) = stage.layout->at(lanes, i);
  }

  void finishLanes(Frame& frame, const Call& call, const Stage& stage, char* lanes, int64_t count) const {
    char* states[kMostStates];
    for (size_t i = 0; i < stage.lanes.size(); i++) states[i] = stage.layout->at(lanes, i);
    Frame merges(stage.merger->machine(), call, lanes + lanesBytes);
    stage.merger->mergeGroups(merges, states, count, 1);
    for (size_t i = 0; i < stage.lanes.size(); i++)
      std::memcpy(frame.at(stage.results[i]), states[i], stage.layout->size(i));
  }

  /** Few long rows, one stage, nothing kept: threads share the blocks of rows. */
  void runParts(const Call& call) const {
    const int64_t blocks = row.count(), many = rows.count();
    const Stage& stage = stages[0];
    char* partial = static_cast<char*>(scratch(Scratch::Partial, many * blocks * partialBytes));
    parallelFor(many * parts, [&](int64_t unit) {
      Frame frame(*machine, call, static_cast<char*>(scratch(Scratch::Loops, bytes())));
      const int64_t part = unit % parts, at = unit / parts;
      rows.walk(frame, at, at + 1, [](int64_t) {});
      row.walk(frame, blocks * part / parts, blocks * (part + 1) / parts, [&](int64_t block) {
        frame.run(stage.code);
        foldBlock(frame, stage, partial + at * blocks * partialBytes, block, blocks);
      });
    });
    Frame frame(*machine, call, static_cast<char*>(scratch(Scratch::Loops, bytes())));
    rows.walk(frame, 0, many, [&](int64_t at) {
      foldPartial(frame, stage, partial + at * blocks * partialBytes, blocks);
      frame.run(perRow);
    });
  }
};

/** Whether the access depends on where in the row an element is; where rows have one, it is as good as that. */
bool variesInRow(const Nest& nest, const Reach& reach) {
  if (nest.outer == nest.axes.size()) return true;
  for (size_t axis = nest.outer; axis < nest.axes.size(); axis++)
    if (varies(nest, reach, axis)) return true;
  return false;
}

/** Whether all elements of a row have the same value of a step. */
bool isOfRow(const Nest& nest, const Expression& e, uint32_t step) {
  std::vector<bool> varies(step + 1, false);
  for (uint32_t i = 0; i <= step; i++) {
    const Step& s = e.steps[i];
    varies[i] = s.op == Opcode::Index || s.op == Opcode::Kept || s.op == Opcode::Other ||
                (s.op == Opcode::Load && variesInRow(nest, nest.loads[s.position]));
    for (int k = 0; k < operandsOf(s); k++) varies[i] = varies[i] || varies[s.operands[k]];
  }
  return !varies[step];
}

}  // namespace

std::unique_ptr<Kernel> planRowStages(Nest nest, const std::vector<RowStage>& given, const Expression& values) {
  auto kernel = std::make_unique<RowsKernel>();
  const size_t axes = nest.axes.size(), outer = nest.outer;
  const int64_t length = nest.product(outer, axes);
  bool areFolds = true;
  uint32_t first = 0;
  for (const RowStage& stage : given) {
    areFolds = areFolds && (stage.states.empty() || !findFolds(stage.states, first, stage.step, &stage.merge).empty());
    first += static_cast<uint32_t>(stage.states.size());
  }

  const bool isShort = length <= kBlock;
  Box box;
  size_t outerEnd = outer;
  // Several rows to a block; where states are lanes, a block is of one row.
  if (isShort && outer > 0 && areFolds && 2 * length <= kBlock) {
    outerEnd = outer - 1;
    const int64_t together = std::max<int64_t>(1, std::min(nest.axes[outerEnd], kBlock / length));
    box.axes.push_back({outerEnd, true});
    box.rows = 1;
    box.mostRows = together;
    kernel->rows.axes.push_back({outerEnd, nest.axes[outerEnd], together, 0});
  }
  std::vector<GridAxis>& rows = kernel->rows.axes;
  for (size_t axis = outerEnd; axis-- > 0;) rows.insert(rows.begin(), {axis, nest.axes[axis], 1, -1});
  if (isShort) {
    for (size_t axis = outer; axis < axes; axis++) box.axes.push_back({axis, false});
    box.most = box.mostRows * length;
  } else {
    box = boxOver(nest, outer, axes, kBlock, kernel->row.axes);
  }
  kernel->most = box.most;
  int fast = -1;
  for (const GridAxis& axis : kernel->rows.axes) if (axis.count() > 1) fast = static_cast<int>(axis.axis);
  for (const GridAxis& axis : kernel->row.axes) if (axis.count() > 1) fast = static_cast<int>(axis.axis);

  const bool isOrdered = nest.isOrdered;
  const double elements = static_cast<double>(nest.product(0, axes));
  const Rate rowRate = box.rows > 0 ? Rate::Row : Rate::Block;
  Compiler compiler(std::move(nest), std::move(box), fast);
  Leaves leaves;
  double cost = 0;
  for (const RowStage& from : given) {
    Stage stage;
    Expression all = from.kept;  // kept values and steps in one program
    std::vector<Sink> sinks;
    const size_t keptSteps = all.steps.size();
    for (Step step : from.step.steps) {
      for (uint32_t& operand : step.operands) operand += static_cast<uint32_t>(keptSteps);
      all.steps.push_back(step);
    }
    const size_t firstKept = leaves.kept.size();
    for (uint32_t result : from.kept.results) {
      const WordType type = from.kept.steps[result].type;
      const Operand operand = {isShort ? compiler.keep(type, Rate::Full) : compiler.external(), Rate::Full, type};
      leaves.kept.push_back(operand);
      sinks.push_back({Sink::Kind::Into, result, 0, operand, Rate::Full});
      const int size = byteSize(type);
      kernel->kept.push_back({operand.name, size, kernel->keptBytes});
      if (!isShort) kernel->keptBytes += (kernel->row.count() * kernel->most * size + 63) / 64 * 64 + 64;
    }
    // Steps that read what this stage keeps read it where it is computed.
    for (size_t i = keptSteps; i < all.steps.size(); i++) {
      Step& step = all.steps[i];
      if (step.op != Opcode::Kept || step.position < firstKept) continue;
      step.operands[0] = from.kept.results[step.position - firstKept];
      step.op = Opcode::Cast;
    }
    const uint32_t firstState = static_cast<uint32_t>(leaves.states.size());
    stage.folds = findFolds(from.states, firstState, from.step, &from.merge);
    if (!from.states.empty() && stage.folds.empty()) {
      if (from.states.size() > kMostStates) throw Error("A stage has at most 16 states.");
      stage.layout = std::make_unique<StateLayout>(from.states, kernel->most);
      stage.merger = std::make_unique<Merger>(from.states, firstState, from.merge);
      kernel->lanesBytes = std::max(kernel->lanesBytes, stage.layout->bytes());
      kernel->mergerBytes = std::max(kernel->mergerBytes, stage.merger->frameBytes());
      for (uint32_t i = 0; i < from.states.size(); i++) {
        const WordType type = from.states[i].type;
        const Operand operand = {compiler.external(), Rate::Full, type};
        stage.lanes.push_back(operand.name);
        leaves.states.push_back(operand);
        const uint32_t next = static_cast<uint32_t>(from.step.results[i] + keptSteps);
        sinks.push_back({Sink::Kind::Into, next, 0, operand, Rate::Full});
      }
    }
    std::vector<bool> hasCentre;
    for (const FoldTerm& term : stage.folds) {
      uint32_t value = term.value, centre = 0;
      uint32_t x = 0;
      hasCentre.push_back(isSquare(from.step, term, x, centre) && isOfRow(compiler.nest(), from.step, centre));
      if (hasCentre.back()) value = x;
      sinks.push_back({Sink::Kind::Hold, static_cast<uint32_t>(value + keptSteps), 0, {}, Rate::Full});
      if (hasCentre.back())
        sinks.push_back({Sink::Kind::Hold, static_cast<uint32_t>(centre + keptSteps), 0, {}, rowRate});
    }
    std::vector<Register> held;
    stage.code = compiler.compile(all, leaves, sinks, &held);
    size_t at = 0;
    for (const bool has : hasCentre) {
      stage.values.push_back(held[at++]);
      stage.centres.push_back(has ? held[at++] : kNoRegister);
    }
    stage.code.later = kFoldCost * static_cast<double>(stage.folds.size());
    cost += stage.code.cost + 0.03;
    leaves.states.resize(firstState);
    for (const State& state : from.states) {
      const Operand operand = {compiler.keep(state.type, rowRate), rowRate, state.type};
      leaves.states.push_back(operand);
      stage.results.push_back(operand.name);
      stage.sizes.push_back(byteSize(state.type));
    }
    kernel->partialBytes = std::max<int64_t>(kernel->partialBytes, isShort ? 0 : 8 * from.states.size());
    kernel->stages.push_back(std::move(stage));
  }

  std::vector<Sink> ofElements, ofRows;
  const std::vector<Reach>& stores = compiler.nest().stores;
  for (uint32_t i = 0; i < stores.size(); i++) {
    const bool isInRow = variesInRow(compiler.nest(), stores[i]);
    const Sink sink = {Sink::Kind::Store, values.results[i], i, {}, isInRow ? Rate::Full : rowRate};
    (isInRow ? ofElements : ofRows).push_back(sink);
  }
  kernel->storesElements = !ofElements.empty();
  kernel->storesRows = !ofRows.empty();
  if (kernel->storesElements) kernel->perElement = compiler.compile(values, leaves, ofElements);
  if (kernel->storesRows) kernel->perRow = compiler.compile(values, leaves, ofRows);
  kernel->machine = compiler.finish();
  std::vector<Code*> codes;
  for (Stage& stage : kernel->stages) codes.push_back(&stage.code);
  codes.push_back(&kernel->perElement);
  if (!kernel->rows.axes.empty() && paysAhead(codes, *kernel->machine, elements)) {
    const GridAxis& next = kernel->rows.axes.back();
    lookAlongRows(codes, *kernel->machine, next.axis, next.tile);
  }
  const double work = elements * (cost + kernel->perElement.cost);
  const int64_t units = kernel->rows.count();
  kernel->chunks = isOrdered ? 1 : chunksFor(units, work);
  const bool isReduction = given.size() == 1 && given[0].kept.results.empty() && !kernel->storesElements && areFolds;
  if (!isShort && isReduction && work > kParallelWork && units < 8)
    kernel->parts = std::max<int64_t>(1, std::min(kernel->row.count(), chunksFor(64, work) / units));
  return kernel;
}

namespace {

/** Without elements there is nothing to do; rows without elements still store what their states begin with. */
std::unique_ptr<Kernel> planEmptyRows(const RowsSpec& spec) {
  LoopSpec reduction;
  static_cast<LoopsCommon&>(reduction) = spec;
  reduction.kind = KernelKind::Reduce;
  reduction.reduced = spec.row;
  reduction.stores.clear();
  reduction.values.results.clear();
  const FixedAccesses fixed(spec, spec.axes.size() - spec.row);
  for (size_t i = 0; i < spec.stores.size(); i++) {
    if (!fixed.contains(spec.stores[i])) continue;
    reduction.stores.push_back(spec.stores[i]);
    reduction.values.results.push_back(spec.values.results[i]);
  }
  for (const RowStage& stage : spec.stages) {
    for (const State& state : stage.states) {
      Step leaf;
      leaf.op = Opcode::State;
      leaf.type = state.type;
      leaf.position = static_cast<uint32_t>(reduction.states.size());
      for (Expression* expression : {&reduction.step, &reduction.merge}) {
        expression->results.push_back(static_cast<uint32_t>(expression->steps.size()));
        expression->steps.push_back(leaf);
      }
      reduction.states.push_back(state);
    }
  }
  return planLoops(std::move(reduction));
}

}  // namespace
}  // namespace flambeau::loops

namespace flambeau {

std::unique_ptr<Kernel> planRows(RowsSpec spec) {
  std::vector<const Expression*> expressions = {&spec.values};
  for (const RowStage& stage : spec.stages) {
    expressions.push_back(&stage.kept);
    expressions.push_back(&stage.step);
  }
  for (size_t axis = 0; axis < spec.axes.size(); axis++)
    if (spec.axes[axis] == 0) return loops::planEmptyRows(spec);
  loops::Nest nest = loops::normalize(spec, spec.row, expressions);
  loops::mergeAxes(nest);
  return loops::planRowStages(std::move(nest), spec.stages, spec.values);
}

}  // namespace flambeau
