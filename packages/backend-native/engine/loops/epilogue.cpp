// The stores of a contraction on finished sums: stretches of its columns, a block at a time.
#include "epilogue.h"

#include <algorithm>

#include "compiler.h"
#include "grid.h"

namespace flambeau {

namespace loops {
namespace {

class BlockEpilogue : public Epilogue {
 public:
  std::unique_ptr<Machine> machine;
  Code code;
  Register sums = kNoRegister;
  WordType accumulator = WordType::Float32;
  std::vector<size_t> outerAxes;    // where batch and m axes of the spec are; dropped ones at no axis
  std::vector<int64_t> columns;     // lengths of the n axes in the machine's nest
  size_t firstColumn = 0;

  void run(const Call& call, const int64_t* outer, int64_t first, int64_t count, const void* values) const override {
    Frame frame(*machine, call, frameMemory(*machine));
    for (size_t i = 0; i < outerAxes.size(); i++)
      if (outerAxes[i] != kNoAxis) frame.moveTo(outerAxes[i], outer[i]);
    const char* from = static_cast<const char*>(values);
    // Along the last column axis at most, whose neighbours the sums are.
    while (count > 0) {
      int64_t rest = first, room = 1;
      for (size_t axis = columns.size(); axis-- > 0;) {
        const int64_t at = rest % columns[axis];
        frame.moveTo(firstColumn + axis, at);
        if (axis + 1 == columns.size()) room = columns[axis] - at;
        rest /= columns[axis];
      }
      const int64_t many = std::min({count, room, kBlock});
      if (!columns.empty()) frame.setExtent(0, many);
      frame.at(sums) = const_cast<char*>(from);
      frame.run(code);
      first += many;
      count -= many;
      from += many * byteSize(accumulator);
    }
  }

  static constexpr size_t kNoAxis = ~size_t{0};
};

}  // namespace
}  // namespace loops

bool isBareSum(const ContractSpec& spec) {
  if (spec.stores.size() != 1 || spec.stores[0].combine != Combine::Set) return false;
  const Step& step = spec.values.steps[spec.values.results[0]];
  return step.op == Opcode::State && spec.stores[0].type == spec.accumulator && spec.stores[0].guards.empty() &&
         spec.stores[0].indirections.empty();
}

std::unique_ptr<Epilogue> planEpilogue(const ContractSpec& spec) {
  using namespace loops;
  auto epilogue = std::make_unique<BlockEpilogue>();
  Nest nest = normalize(spec, spec.k, {&spec.values});
  // Factors and the axes that were summed are done.
  const size_t outer = nest.outer;
  const auto cut = [&](Reach& reach) {
    reach.strides.resize(outer);
    for (Check& check : reach.checks) check.coefficients.resize(outer);
  };
  std::for_each(nest.loads.begin(), nest.loads.end(), cut);
  std::for_each(nest.stores.begin(), nest.stores.end(), cut);
  nest.axes.resize(outer);
  nest.isIndexed.resize(outer);
  nest.isSeparable.resize(outer);
  const size_t leading = spec.batch + spec.m;
  const auto placeOf = [&](size_t axis) {
    const int at = nest.axisOf[axis];
    return at < 0 ? BlockEpilogue::kNoAxis : static_cast<size_t>(at);
  };
  // Columns merge among themselves: rows and batches are given axis by axis.
  size_t firstColumn = outer;
  for (size_t axis = leading; axis < leading + spec.n; axis++)
    if (nest.axisOf[axis] >= 0) firstColumn = std::min(firstColumn, static_cast<size_t>(nest.axisOf[axis]));
  for (size_t axis = 0; axis < firstColumn; axis++) nest.isIndexed[axis] = true;
  mergeAxes(nest);
  for (size_t axis = 0; axis < leading; axis++) epilogue->outerAxes.push_back(placeOf(axis));
  epilogue->firstColumn = firstColumn;
  epilogue->columns.assign(nest.axes.begin() + firstColumn, nest.axes.end());
  epilogue->accumulator = spec.accumulator;
  Box box;
  int fast = -1;
  if (!epilogue->columns.empty()) {
    box.axes = {{nest.axes.size() - 1, true}};
    box.most = std::min(kBlock, nest.axes.back());
    fast = static_cast<int>(nest.axes.size()) - 1;
  }
  Compiler compiler(std::move(nest), std::move(box), fast);
  epilogue->sums = compiler.external();
  Leaves leaves;
  leaves.states = {{epilogue->sums, Rate::Full, spec.accumulator}};
  std::vector<Sink> sinks;
  for (uint32_t i = 0; i < spec.stores.size(); i++)
    sinks.push_back({Sink::Kind::Store, spec.values.results[i], i, {}, Rate::Full});
  epilogue->code = compiler.compile(spec.values, leaves, sinks);
  epilogue->machine = compiler.finish();
  return epilogue;
}

}  // namespace flambeau
