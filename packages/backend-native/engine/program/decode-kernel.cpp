// Reads one kernel of each kind, after its bindings.
#include <algorithm>

#include "decode.h"

namespace flambeau {
namespace {

std::vector<State> decodeStates(Reader& reader, std::vector<WordType>& types) {
  const uint32_t count = reader.count(3, "states");
  std::vector<State> states(count);
  for (State& state : states) {
    state.type = reader.valueTypeWord("a state");
    state.initial = reader.bits();
    if (state.type == WordType::Bool && state.initial.word > 1) malformed("a bool that is neither 0 nor 1");
    types.push_back(state.type);
  }
  return states;
}

void requireTypes(const Expression& expression, size_t result, WordType type) {
  if (expression.steps[expression.results[result]].type != type) malformed("a result is not of the type it is kept as");
}

void requireStateTypes(const Expression& expression, const std::vector<State>& states) {
  for (size_t i = 0; i < states.size(); i++) requireTypes(expression, i, states[i].type);
}

void decodeValues(Reader& reader, LoopsCommon& loops, const Leaves& leaves) {
  loops.values = decodeExpression(reader, leaves, loops.stores.size());
  for (size_t i = 0; i < loops.stores.size(); i++) requireTypes(loops.values, i, valueType(loops.stores[i].type));
}

/** Leaves of merges: states alone. */
Leaves mergeLeaves(const LoopsCommon& loops, const std::vector<WordType>& types, size_t start) {
  Leaves leaves;
  leaves.loops = &loops;
  leaves.hasElements = false;
  leaves.states = &types;
  leaves.stateEnd = leaves.otherEnd = static_cast<uint32_t>(types.size());
  leaves.otherStart = static_cast<uint32_t>(start);
  return leaves;
}

uint32_t innerAxes(Reader& reader, const LoopsCommon& loops, uint32_t least) {
  const uint32_t count = reader.below(static_cast<uint32_t>(loops.axes.size()) + 1, "inner axes");
  if (count < least) malformed("too few axes");
  return count;
}

/** Reads what a map, a reduction or a scan has; gives how many axes the stores stand outside of. */
uint32_t decodeLoops(Reader& reader, LoopSpec& loops) {
  std::vector<WordType> types;
  if (loops.kind == KernelKind::Reduce) loops.reduced = innerAxes(reader, loops, 1);
  if (loops.kind == KernelKind::Scan) {
    loops.isReversed = reader.flag("reversed");
    loops.reduced = 1;
    if (loops.axes.empty()) malformed("a scan without axes");
  }
  if (loops.kind != KernelKind::Map) loops.states = decodeStates(reader, types);
  Leaves leaves;
  leaves.loops = &loops;
  leaves.states = &types;
  leaves.stateEnd = static_cast<uint32_t>(types.size());
  if (loops.kind != KernelKind::Map) {
    if (loops.states.empty()) malformed("a fold without states");
    loops.step = decodeExpression(reader, leaves, loops.states.size());
    requireStateTypes(loops.step, loops.states);
  }
  if (loops.kind == KernelKind::Reduce) {
    loops.merge = decodeExpression(reader, mergeLeaves(loops, types, 0), loops.states.size());
    requireStateTypes(loops.merge, loops.states);
  }
  decodeValues(reader, loops, leaves);
  return loops.kind == KernelKind::Reduce ? static_cast<uint32_t>(loops.axes.size()) - loops.reduced
                                          : static_cast<uint32_t>(loops.axes.size());
}

uint32_t decodeRows(Reader& reader, RowsSpec& rows) {
  rows.row = innerAxes(reader, rows, 1);
  std::vector<WordType> states, kept;
  Leaves leaves;
  leaves.loops = &rows;
  leaves.states = &states;
  leaves.kept = &kept;
  const uint32_t count = reader.count(7, "stages");
  for (uint32_t i = 0; i < count; i++) {
    RowStage stage;
    const size_t start = states.size();
    stage.states = decodeStates(reader, states);
    stage.kept = decodeExpression(reader, leaves, kAnyCount);
    for (const uint32_t at : stage.kept.results) kept.push_back(stage.kept.steps[at].type);
    leaves.keptEnd = static_cast<uint32_t>(kept.size());
    leaves.stateEnd = static_cast<uint32_t>(states.size());
    stage.step = decodeExpression(reader, leaves, stage.states.size());
    requireStateTypes(stage.step, stage.states);
    stage.merge = decodeExpression(reader, mergeLeaves(rows, states, start), stage.states.size());
    requireStateTypes(stage.merge, stage.states);
    rows.stages.push_back(std::move(stage));
  }
  decodeValues(reader, rows, leaves);
  return static_cast<uint32_t>(rows.axes.size()) - rows.row;
}

/** Whether an access ignores the indices of axes `from` to `to`. */
bool ignores(const Access& access, size_t from, size_t to) {
  const auto isZero = [&](const std::vector<int64_t>& steps) {
    return std::all_of(steps.begin() + from, steps.begin() + to, [](int64_t step) { return step == 0; });
  };
  return isZero(access.strides) && std::all_of(access.guards.begin(), access.guards.end(), [&](const Guard& guard) {
    return isZero(guard.coefficients);
  });
}

uint32_t decodeContract(Reader& reader, ContractSpec& contract) {
  contract.batch = innerAxes(reader, contract, 0);
  contract.m = innerAxes(reader, contract, 0);
  contract.n = innerAxes(reader, contract, 0);
  contract.k = innerAxes(reader, contract, 0);
  contract.accumulator = reader.valueTypeWord("a sum");
  contract.allowsBfloat16 = reader.flag("bfloat16");
  const uint32_t nAt = contract.batch + contract.m, outer = nAt + contract.n;
  if (outer + contract.k != contract.axes.size()) malformed("groups of axes do not add up");
  if (contract.loads.size() < 2) malformed("a contraction without factors");
  if (!ignores(contract.loads[0], nAt, outer)) malformed("the first factor varies along n");
  if (!ignores(contract.loads[1], contract.batch, nAt)) malformed("the second factor varies along m");
  for (size_t i = 0; i < contract.loads.size(); i++) {
    const Load& load = contract.loads[i];
    if (i < 2 && !load.indirections.empty()) malformed("a factor is read through indices");
    if (i >= 2 && !ignores(load, outer, contract.axes.size())) malformed("an epilogue's load varies along k");
  }
  const std::vector<WordType> types{contract.accumulator};
  Leaves leaves;
  leaves.loops = &contract;
  leaves.states = &types;
  leaves.stateEnd = 1;
  decodeValues(reader, contract, leaves);
  for (const Step& step : contract.values.steps) {
    if (step.op == Opcode::Load && step.position < 2) malformed("an epilogue reads a factor");
  }
  return outer;
}

/** Reads the strides of an input, if it has any; gives how many elements lie from its first to its last one. */
int64_t decodeStrides(Reader& reader, RoutineOperand& operand) {
  int64_t span = 1;
  for (const int64_t length : operand.shape) {
    const int64_t stride = reader.wide();
    if (stride < 0) malformed("a negative stride");
    span = checkedSum(span, checkedProduct(stride, std::max<int64_t>(length, 1) - 1));
    operand.strides.push_back(stride);
  }
  return span;
}

std::vector<RoutineOperand> decodeArguments(Reader& reader, size_t expected, bool mayBeStrided,
                                            std::vector<ByteRange>& reach) {
  const uint32_t count = reader.count(2, "arguments");
  if (count != expected) malformed("a routine with other operands than are bound");
  std::vector<RoutineOperand> operands(count);
  for (RoutineOperand& operand : operands) {
    operand.type = reader.type();
    const uint32_t axes = reader.count(2, "axes");
    if (axes > format::kMaxAxes) malformed("too many axes");
    int64_t elements = 1;
    bool isEmpty = false;
    for (uint32_t axis = 0; axis < axes; axis++) {
      const int64_t length = reader.wide();
      if (length < 0) malformed("a negative length");
      isEmpty = isEmpty || length == 0;
      elements = checkedProduct(elements, length == 0 ? 1 : length);
      if (elements > format::kMaxElements) malformed("too many elements");
      operand.shape.push_back(length);
    }
    if (reader.flag("strided")) {
      if (!mayBeStrided) malformed("a strided output");
      elements = decodeStrides(reader, operand);
    }
    reach.push_back({0, isEmpty ? 0 : checkedProduct(elements, byteSize(operand.type))});
  }
  return operands;
}

RoutineSpec decodeRoutine(Reader& reader, DecodedKernel& kernel) {
  RoutineSpec routine;
  const uint32_t characters = reader.count(1, "characters");
  for (uint32_t i = 0; i < characters; i++) routine.name += static_cast<char>(reader.below(128, "character"));
  routine.inputs = decodeArguments(reader, kernel.inputs.size(), true, kernel.reach.inputs);
  routine.outputs = decodeArguments(reader, kernel.outputs.size(), false, kernel.reach.outputs);
  const uint32_t attributes = reader.count(2, "attributes");
  for (uint32_t i = 0; i < attributes; i++) routine.attributes.push_back(reader.bits().as<double>());
  return routine;
}

/** Reads loops of one kind, which `decodeRest` completes, and finds what they touch. */
template <class Spec, class Rest>
void decodeNest(Reader& reader, Spec spec, const std::vector<WordType>& params, DecodedKernel& kernel, Rest decodeRest,
                bool mayMove) {
  const size_t inputs = kernel.inputs.size(), outputs = kernel.outputs.size();
  spec.params = params;
  decodeCommon(reader, inputs, outputs, spec, kernel.fills);
  const uint32_t outer = decodeRest(reader, spec);
  requireFixedValues(spec, FixedAccesses(spec, outer), outer, mayMove);
  kernel.reach = reachOf(spec, outer, inputs, outputs);
  kernel.spec = std::move(spec);
}

}  // namespace

void decodeSpec(Reader& reader, KernelKind kind, const std::vector<WordType>& params, DecodedKernel& kernel) {
  switch (kind) {
    case KernelKind::Rows: return decodeNest(reader, RowsSpec(), params, kernel, decodeRows, true);
    case KernelKind::Contract: return decodeNest(reader, ContractSpec(), params, kernel, decodeContract, false);
    case KernelKind::Routine:
      if (!params.empty()) malformed("a routine with params");
      kernel.spec = decodeRoutine(reader, kernel);
      return;
    default: {
      LoopSpec loops;
      loops.kind = kind;
      return decodeNest(reader, std::move(loops), params, kernel, decodeLoops, false);
    }
  }
}

}  // namespace flambeau
