// The block interpreter against an interpreter of single elements: random kernels of every kind, on every
// instruction set that this machine has, on one thread and on two. Arguments: a seed to run alone, how many.
#include <cstdio>
#include <cstdlib>

#include "../loops/epilogue.h"
#include "../runtime/cpu.h"
#include "../runtime/threads.h"
#include "loops-random.h"

using namespace flambeau;
using namespace flambeau::model;

namespace {

int passed = 0, failed = 0;
const char* set = "";

void report(bool isRight, const char* what, uint64_t seed) {
  if (isRight) {
    passed++;
  } else if (failed++ < 20) {
    std::printf("failed: %s, seed %llu, %s\n", what, static_cast<unsigned long long>(seed), set);
  }
}

/** Whether a bad index was met. Operands have blocks of their own lengths, so that sanitizers see their ends. */
bool runKernel(const Kernel& kernel, Operands& operands) {
  std::vector<char*> inputs, outputs;
  for (std::vector<char>& input : operands.inputs) inputs.push_back(input.data());
  for (std::vector<char>& output : operands.outputs) outputs.push_back(output.data());
  std::atomic<bool> bad{false};
  Call call;
  call.inputs = inputs.data();
  call.outputs = outputs.data();
  call.params = operands.params.data();
  call.badIndex = &bad;
  kernel.run(call);
  return bad;
}

/** Equal, but for the sign of zeros. */
bool isSame(const std::vector<char>& a, const std::vector<char>& b, const LoopsCommon& spec, size_t output) {
  if (a == b) return true;
  for (const Store& store : spec.stores) {
    if (store.operand != output) continue;
    const size_t size = byteSize(store.type);
    for (size_t at = 0; at + size <= a.size(); at += size) {
      const WordType type = valueType(store.type);
      const double x = numberOf(widened(a.data() + at, store.type), type);
      const double y = numberOf(widened(b.data() + at, store.type), type);
      if (!(x == y || (x != x && y != y))) return false;
    }
  }
  return true;
}

template <class Spec, class Plan>
void compare(const Spec& spec, Generator& made, const Plan& plan, const char* what, uint64_t seed) {
  Operands expected = made.operands;
  Interpreter interpreter(spec, expected);
  interpreter.run(spec);
  const std::unique_ptr<Kernel> kernel = plan(spec);
  for (int threads = 1; threads <= 2; threads++) {
    setThreadCount(threads);
    Operands actual = made.operands;
    bool isRight = runKernel(*kernel, actual) == interpreter.badIndex;
    for (size_t i = 0; i < expected.outputs.size(); i++)
      isRight = isRight && isSame(actual.outputs[i], expected.outputs[i], spec, i);
    report(isRight, what, seed);
  }
  setThreadCount(1);
}

void testMap(uint64_t seed) {
  Generator make(seed);
  LoopSpec spec;
  spec.kind = KernelKind::Map;
  spec.axes = make.lengths(static_cast<int>(make.random.below(5)), make.random.chance(3) ? 150000 : 6000);
  make.addLoads(spec, static_cast<int>(make.random.below(4)), 0, true);
  make.addParams(spec);
  const bool mayMeet = make.random.chance(30);
  const int stores = make.random.chance(70) ? 1 : 2;
  for (int i = 0; i < stores; i++) make.addStore(spec, 0, mayMeet);
  make.findFixed(spec, 0);
  Sources sources;
  for (const Store& store : spec.stores) {
    const int depth = static_cast<int>(make.random.below(5));
    const uint32_t value = make.value(spec.values, spec, sources, valueType(store.type), depth);
    spec.values.results.push_back(make.limited(spec.values, value));
  }
  compare(spec, make, [](const LoopSpec& s) { return planLoops(s); }, "map", seed);
}

/** States that fold, in an order that must not matter; some of them pairs, as of an argmax. */
void addStates(Generator& make, const LoopsCommon& spec, const Sources& sources, uint32_t first,
               std::vector<State>& states, Expression& step, Expression& merge) {
  const auto leaf = [&](Expression& to, Opcode op, size_t i) {
    return make.push(to, op, states[i].type, {}, static_cast<uint32_t>(first + i));
  };
  if (make.random.chance(25)) {
    // The greatest value and where it is: of equal ones the one with the lower number.
    const WordType type = make.random.pick({WordType::Float32, WordType::Int32, WordType::Float64, WordType::Int64});
    states = {{type, valueOf(-1000000, type)}, {WordType::Int32, valueOf(1 << 30, WordType::Int32)}};
    const auto choose = [&](Expression& to, uint32_t value, uint32_t where) {
      const uint32_t best = leaf(to, Opcode::State, 0), at = leaf(to, Opcode::State, 1);
      const uint32_t isMore = make.push(to, Opcode::Lt, WordType::Bool, {best, value});
      const uint32_t isSame = make.push(to, Opcode::Eq, WordType::Bool, {best, value});
      const uint32_t isFirst = make.push(to, Opcode::Lt, WordType::Bool, {where, at});
      const uint32_t isEarlier = make.push(to, Opcode::And, WordType::Bool, {isSame, isFirst});
      const uint32_t wins = make.push(to, Opcode::Or, WordType::Bool, {isMore, isEarlier});
      to.results = {make.push(to, Opcode::Select, type, {wins, value, best}),
                    make.push(to, Opcode::Select, WordType::Int32, {wins, where, at})};
    };
    const uint32_t value = make.limited(step, make.value(step, spec, sources, type, 2));
    uint32_t where = make.constant(step, 0, WordType::Int32);
    for (uint32_t axis = 0; axis < spec.axes.size(); axis++) {
      const uint32_t length = make.constant(step, static_cast<double>(spec.axes[axis]), WordType::Int32);
      where = make.push(step, Opcode::Mul, WordType::Int32, {where, length});
      const uint32_t index = make.push(step, Opcode::Index, WordType::Int32, {}, axis);
      where = make.push(step, Opcode::Add, WordType::Int32, {where, index});
    }
    choose(step, value, where);
    choose(merge, leaf(merge, Opcode::Other, 0), leaf(merge, Opcode::Other, 1));
    return;
  }
  const int count = make.random.chance(60) ? 1 : 2;
  for (int i = 0; i < count; i++) {
    const WordType type = make.random.pick({WordType::Float32, WordType::Float32, WordType::Float64, WordType::Int32,
                                            WordType::Int64, WordType::Bool});
    const bool isFloating = type == WordType::Float32 || type == WordType::Float64;
    const double high = isFloating ? HUGE_VAL : 2147483647.0, low = isFloating ? -HUGE_VAL : -2147483648.0;
    Opcode op = make.random.pick({Opcode::Add, Opcode::Add, Opcode::Max, Opcode::Min});
    if (type == WordType::Bool) op = make.random.pick({Opcode::Or, Opcode::And});
    const double neutral = op == Opcode::Max ? low : op == Opcode::Min ? high : op == Opcode::And ? 1 : 0;
    states.push_back({type, valueOf(neutral, type)});
    const uint32_t value = make.limited(step, make.value(step, spec, sources, type, 2));
    uint32_t own = leaf(step, Opcode::State, i);
    // Not always what a single fold says.
    if (make.random.chance(10)) {
      const uint32_t isSame = make.push(step, Opcode::Eq, WordType::Bool, {own, own});
      own = make.push(step, Opcode::Select, type, {isSame, own, own});
    }
    const bool isFirst = make.random.chance(50);
    step.results.push_back(make.push(step, op, type, {isFirst ? own : value, isFirst ? value : own}));
    merge.results.push_back(make.push(merge, op, type, {leaf(merge, Opcode::State, i), leaf(merge, Opcode::Other, i)}));
  }
}

Sources stateSources(const std::vector<State>& states, bool hasOnlyFixedLoads) {
  Sources sources;
  sources.states = states.size();
  for (const State& state : states) sources.stateTypes.push_back(state.type);
  sources.hasOnlyFixedLoads = hasOnlyFixedLoads;
  return sources;
}

/** A value of the store's type that shows all states. */
uint32_t shown(Generator& make, const LoopsCommon& spec, Expression& to, const Sources& sources, WordType type) {
  uint32_t value = make.value(to, spec, sources, type, 2);
  if (type == WordType::Bool || sources.states == 0) return value;
  const uint32_t state = static_cast<uint32_t>(make.random.below(sources.states));
  const uint32_t leaf = make.push(to, Opcode::State, sources.stateTypes[state], {}, state);
  return make.push(to, Opcode::Add, type, {make.limited(to, value), make.cast(to, leaf, type)});
}

void testReduce(uint64_t seed) {
  Generator make(seed + 100000);
  LoopSpec spec;
  spec.kind = KernelKind::Reduce;
  const int axes = static_cast<int>(make.random.below(5));
  spec.axes = make.lengths(axes, make.random.chance(10) ? 300000 : 8000);
  spec.reduced = static_cast<uint32_t>(make.random.below(axes + 1));
  make.addLoads(spec, static_cast<int>(make.random.between(1, 3)), spec.reduced, true);
  make.addParams(spec);
  const bool mayMeet = make.random.chance(15);
  const int stores = make.random.chance(70) ? 1 : 2;
  for (int i = 0; i < stores; i++) make.addStore(spec, spec.reduced, mayMeet);
  make.findFixed(spec, spec.reduced);
  addStates(make, spec, {}, 0, spec.states, spec.step, spec.merge);
  const Sources sources = stateSources(spec.states, true);
  for (Store& store : spec.stores) {
    if (store.combine == Combine::Mul) store.combine = Combine::Add;
    spec.values.results.push_back(shown(make, spec, spec.values, sources, valueType(store.type)));
  }
  compare(spec, make, [](const LoopSpec& s) { return planLoops(s); }, "reduce", seed);
}

void testScan(uint64_t seed) {
  Generator make(seed + 200000);
  LoopSpec spec;
  spec.kind = KernelKind::Scan;
  spec.axes = make.lengths(static_cast<int>(make.random.between(1, 4)), 6000);
  spec.isReversed = make.random.chance(40);
  make.addLoads(spec, static_cast<int>(make.random.between(1, 3)), 1, true);
  make.addParams(spec);
  const bool mayMeet = make.random.chance(15);
  const int stores = make.random.chance(70) ? 1 : 2;
  for (int i = 0; i < stores; i++) make.addStore(spec, 0, mayMeet);
  make.findFixed(spec, 1);
  Expression merge;
  addStates(make, spec, {}, 0, spec.states, spec.step, merge);
  const Sources sources = stateSources(spec.states, false);
  for (Store& store : spec.stores) {
    if (store.combine == Combine::Mul) store.combine = Combine::Max;
    spec.values.results.push_back(shown(make, spec, spec.values, sources, valueType(store.type)));
  }
  compare(spec, make, [](const LoopSpec& s) { return planLoops(s); }, "scan", seed);
}

void testRows(uint64_t seed) {
  Generator make(seed + 300000);
  RowsSpec spec;
  const int axes = static_cast<int>(make.random.between(1, 4));
  spec.axes = make.lengths(axes, make.random.chance(10) ? 40000 : 6000);
  spec.row = static_cast<uint32_t>(make.random.between(1, axes));
  make.addLoads(spec, static_cast<int>(make.random.between(1, 3)), spec.row, true);
  make.addParams(spec);
  const int stores = static_cast<int>(make.random.between(1, 2));
  for (int i = 0; i < stores; i++) make.addStore(spec, make.random.chance(35) ? spec.row : 0, false);
  make.findFixed(spec, spec.row);
  Sources sources;
  for (int stage = static_cast<int>(make.random.between(1, 3)); stage > 0; stage--) {
    RowStage made;
    const size_t before = sources.kept;
    for (int kept = static_cast<int>(make.random.below(3)); kept > 0; kept--) {
      const WordType type = static_cast<WordType>(make.random.below(6));
      made.kept.results.push_back(make.limited(made.kept, make.value(made.kept, spec, sources, type, 2)));
    }
    for (uint32_t result : made.kept.results) sources.keptTypes.push_back(made.kept.steps[result].type);
    sources.kept = before + made.kept.results.size();
    if (make.random.chance(85))
      addStates(make, spec, sources, static_cast<uint32_t>(sources.states), made.states, made.step, made.merge);
    for (const State& state : made.states) sources.stateTypes.push_back(state.type);
    sources.states += made.states.size();
    spec.stages.push_back(made);
  }
  Interpreter interpreter(spec, make.operands);
  for (Store& store : spec.stores) {
    Sources seen = sources;
    if (store.combine == Combine::Mul) store.combine = Combine::Max;
    if (!interpreter.variesInside(store, axes - spec.row)) {
      seen.hasOnlyFixedLoads = true;
      seen.kept = 0;
    }
    spec.values.results.push_back(shown(make, spec, spec.values, seen, valueType(store.type)));
  }
  compare(spec, make, [](const RowsSpec& s) { return planRows(s); }, "rows", seed);
}

void testEpilogue(uint64_t seed) {
  Generator make(seed + 400000);
  ContractSpec spec;
  spec.batch = static_cast<uint32_t>(make.random.below(2));
  spec.m = static_cast<uint32_t>(make.random.below(3));
  spec.n = static_cast<uint32_t>(make.random.below(3));
  spec.k = static_cast<uint32_t>(make.random.below(2));
  const int axes = static_cast<int>(spec.batch + spec.m + spec.n + spec.k);
  spec.axes = make.lengths(axes, 8000);
  for (int64_t length : spec.axes)
    if (length == 0) return;
  spec.accumulator = make.random.pick(
      {WordType::Float32, WordType::Float32, WordType::Float64, WordType::Int32, WordType::Int64});
  make.addLoads(spec, static_cast<int>(make.random.between(2, 4)), spec.k, false);
  make.addParams(spec);
  make.findFixed(spec, spec.k);
  const int stores = make.random.chance(70) ? 1 : 2;
  for (int i = 0; i < stores; i++) make.addStore(spec, spec.k, false);
  Sources sources;
  sources.states = 1;
  sources.stateTypes = {spec.accumulator};
  sources.hasOnlyFixedLoads = true;
  for (const Store& store : spec.stores) {
    const uint32_t value = shown(make, spec, spec.values, sources, valueType(store.type));
    spec.values.results.push_back(make.limited(spec.values, value));
  }
  // Sums are what they say of where they are.
  const size_t outer = spec.axes.size() - spec.k;
  int64_t columns = 1, rows = 1;
  for (size_t axis = 0; axis < outer; axis++) (axis < spec.batch + spec.m ? rows : columns) *= spec.axes[axis];
  const auto sumAt = [&](int64_t flat) { return valueOf(static_cast<double>(flat % 7) - 3, spec.accumulator); };
  Operands expected = make.operands;
  Interpreter interpreter(spec, expected);
  interpreter.runEpilogue(spec, [&](const std::vector<int64_t>& index) {
    int64_t flat = 0;
    for (size_t axis = 0; axis < outer; axis++) flat = flat * spec.axes[axis] + index[axis];
    return sumAt(flat);
  });
  const std::unique_ptr<Epilogue> epilogue = planEpilogue(spec);
  std::vector<char*> inputs, outputs;
  Operands actual = make.operands;
  for (std::vector<char>& input : actual.inputs) inputs.push_back(input.data());
  for (std::vector<char>& output : actual.outputs) outputs.push_back(output.data());
  std::atomic<bool> bad{false};
  Call call;
  call.inputs = inputs.data();
  call.outputs = outputs.data();
  call.params = actual.params.data();
  call.badIndex = &bad;
  const int size = byteSize(spec.accumulator);
  for (int64_t row = 0; row < rows; row++) {
    std::vector<int64_t> index(spec.batch + spec.m + 1);
    int64_t rest = row;
    for (size_t axis = spec.batch + spec.m; axis-- > 0; rest /= spec.axes[axis]) index[axis] = rest % spec.axes[axis];
    for (int64_t first = 0; first < columns;) {
      const int64_t count = std::min(columns - first, make.random.between(1, 1500));
      std::vector<char> sums(count * size);
      for (int64_t i = 0; i < count; i++) {
        const Value value = sumAt(row * columns + first + i);
        std::memcpy(sums.data() + i * size, &value.word, size);
      }
      epilogue->run(call, index.data(), first, count, sums.data());
      first += count;
    }
  }
  bool isRight = bad == interpreter.badIndex;
  for (size_t i = 0; i < expected.outputs.size(); i++)
    isRight = isRight && isSame(actual.outputs[i], expected.outputs[i], spec, i);
  report(isRight, "epilogue", seed);
}

}  // namespace

int main(int argc, char** argv) {
  const uint64_t only = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 0;
  const uint64_t count = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 400;
  for (const Isa isa : {Isa::Baseline, Isa::Avx2, Isa::Avx512, Isa::Neon}) {
    if (!supportsIsa(isa)) continue;
    set = isaName(isa);
    selectIsa(set);
    for (uint64_t seed = only ? only : 1; seed < (only ? only + 1 : count); seed++) {
      testMap(seed);
      testReduce(seed);
      testScan(seed);
      testRows(seed);
      testEpilogue(seed);
    }
  }
  std::printf("%d passed, %d failed\n", passed, failed);
  return failed == 0 ? 0 : 1;
}
