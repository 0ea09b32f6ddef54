// What random kernels of whole numbers do not show: sums of many floats stay accurate and do not depend on
// threads, functions of rows are right for rows of any length, NaN and infinity go where they should.
#include <cmath>
#include <cstdio>
#include <vector>

#include "../program/kernel.h"
#include "../runtime/cpu.h"
#include "../runtime/threads.h"

using namespace flambeau;

namespace {

int passed = 0, failed = 0;
const char* set = "";

void check(bool isRight, const char* what, int64_t n, double got = 0, double expected = 0) {
  if (isRight) {
    passed++;
  } else if (failed++ < 20) {
    std::printf("failed: %s of %lld on %s: %.9g, expected %.9g\n", what, static_cast<long long>(n), set, got, expected);
  }
}

constexpr WordType kFloat = WordType::Float32;

uint32_t push(Expression& to, Opcode op, std::initializer_list<uint32_t> operands = {}, uint32_t position = 0,
              float value = 0) {
  Step step;
  step.op = op;
  step.type = kFloat;
  step.position = position;
  step.value = Bits::of(value);
  std::copy(operands.begin(), operands.end(), step.operands);
  to.steps.push_back(step);
  return static_cast<uint32_t>(to.steps.size() - 1);
}

Load loadOf(uint32_t operand, std::vector<int64_t> strides) {
  Load load;
  load.operand = operand;
  load.strides = std::move(strides);
  return load;
}
Store storeOf(std::vector<int64_t> strides) {
  Store store;
  store.strides = std::move(strides);
  return store;
}

/** state = op(state, value), for state `number`. */
void addState(std::vector<State>& states, Expression& step, Expression& merge, Opcode op, uint32_t value,
              uint32_t number, float initial) {
  states.push_back({kFloat, Bits::of(initial)});
  step.results.push_back(push(step, op, {push(step, Opcode::State, {}, number), value}));
  const uint32_t state = push(merge, Opcode::State, {}, number), other = push(merge, Opcode::Other, {}, number);
  merge.results.push_back(push(merge, op, {state, other}));
}

void run(const Kernel& kernel, std::vector<float>& input, std::vector<float>& output) {
  char *in = reinterpret_cast<char*>(input.data()), *out = reinterpret_cast<char*>(output.data());
  std::atomic<bool> bad{false};
  Call call;
  call.inputs = &in;
  call.outputs = &out;
  call.badIndex = &bad;
  kernel.run(call);
}

std::vector<float> someFloats(int64_t count, float low, float high) {
  std::vector<float> result(count);
  uint32_t state = 12345;
  for (float& x : result) {
    state = state * 1664525 + 1013904223;
    x = low + (high - low) * static_cast<float>(state >> 8) / 16777216.0f;
  }
  return result;
}

LoopSpec reductionOf(std::vector<int64_t> axes, std::vector<int64_t> strides, std::vector<int64_t> to, Opcode op) {
  LoopSpec spec;
  spec.kind = KernelKind::Reduce;
  spec.axes = std::move(axes);
  spec.reduced = 1;
  spec.loads = {loadOf(0, std::move(strides))};
  spec.stores = {storeOf(std::move(to))};
  const float initial = op == Opcode::Add ? 0 : op == Opcode::Max ? -HUGE_VALF : HUGE_VALF;
  addState(spec.states, spec.step, spec.merge, op, push(spec.step, Opcode::Load), 0, initial);
  spec.values.results = {push(spec.values, Opcode::State)};
  return spec;
}

/** Sums along either axis of [rows, columns]. */
void testSums(int64_t rows, int64_t columns) {
  std::vector<float> input = someFloats(rows * columns, 0.05f, 0.15f);
  for (const bool isAlongRows : {true, false}) {
    const LoopSpec spec = isAlongRows ? reductionOf({rows, columns}, {columns, 1}, {1, 0}, Opcode::Add)
                                      : reductionOf({columns, rows}, {1, columns}, {1, 0}, Opcode::Add);
    const int64_t sums = isAlongRows ? rows : columns, terms = isAlongRows ? columns : rows;
    std::vector<float> once(sums), twice(sums);
    const std::unique_ptr<Kernel> kernel = planLoops(spec);
    setThreadCount(1);
    run(*kernel, input, once);
    setThreadCount(2);
    run(*kernel, input, twice);
    check(once == twice, "sums on two threads", rows * columns);
    double worst = 0;
    for (int64_t i = 0; i < sums; i++) {
      double sum = 0;
      for (int64_t k = 0; k < terms; k++) sum += input[isAlongRows ? i * columns + k : k * columns + i];
      worst = std::max(worst, std::abs(once[i] - sum) / sum);
    }
    check(worst < 1e-6, "error of sums", rows * columns, worst);
  }
}

/** Extremes of rows in which one element is special. */
void testExtremes(int64_t columns) {
  const float values[] = {NAN, HUGE_VALF, -HUGE_VALF, -0.0f, 0.0f, 5};
  for (const Opcode op : {Opcode::Max, Opcode::Min}) {
    const float low = op == Opcode::Max ? -2.0f : 1.0f;
    std::vector<float> input = someFloats(6 * columns, low, low + 1), output(6);
    for (int64_t row = 0; row < 6; row++) input[row * columns + row * 7 % columns] = values[row];
    run(*planLoops(reductionOf({6, columns}, {columns, 1}, {1, 0}, op)), input, output);
    for (int64_t row = 0; row < 6; row++) {
      float expected = input[row * columns];
      for (int64_t k = 1; k < columns && expected == expected; k++) {
        const float x = input[row * columns + k];
        expected = x != x ? x : op == Opcode::Max ? std::max(expected, x) : std::min(expected, x);
      }
      const float got = output[row];
      const bool isEqual = got == expected && std::signbit(got) == std::signbit(expected);
      check(expected != expected ? got != got : isEqual, "extreme with a special value", columns, got, expected);
    }
  }
}

RowsSpec softmaxOf(int64_t rows, int64_t columns) {
  RowsSpec spec;
  spec.axes = {rows, columns};
  spec.loads = {loadOf(0, {columns, 1})};
  spec.stores = {storeOf({columns, 1})};
  RowStage max, sum;
  addState(max.states, max.step, max.merge, Opcode::Max, push(max.step, Opcode::Load), 0, -HUGE_VALF);
  const uint32_t x = push(sum.kept, Opcode::Load), most = push(sum.kept, Opcode::State);
  sum.kept.results = {push(sum.kept, Opcode::Exp, {push(sum.kept, Opcode::Sub, {x, most})})};
  addState(sum.states, sum.step, sum.merge, Opcode::Add, push(sum.step, Opcode::Kept), 1, 0);
  spec.stages = {max, sum};
  const uint32_t power = push(spec.values, Opcode::Kept), total = push(spec.values, Opcode::State, {}, 1);
  spec.values.results = {push(spec.values, Opcode::Div, {power, total})};
  return spec;
}

void testSoftmax(int64_t rows, int64_t columns) {
  std::vector<float> input = someFloats(rows * columns, -8, 8), once(rows * columns), twice(rows * columns);
  const std::unique_ptr<Kernel> kernel = planRows(softmaxOf(rows, columns));
  setThreadCount(1);
  run(*kernel, input, once);
  setThreadCount(2);
  run(*kernel, input, twice);
  check(once == twice, "softmax on two threads", columns);
  double worst = 0;
  for (int64_t row = 0; row < rows; row++) {
    double sum = 0;
    for (int64_t k = 0; k < columns; k++) sum += std::exp(static_cast<double>(input[row * columns + k]));
    for (int64_t k = 0; k < columns; k++) {
      const double expected = std::exp(static_cast<double>(input[row * columns + k])) / sum;
      worst = std::max(worst, std::abs(once[row * columns + k] - expected) / expected);
    }
  }
  check(worst < 3e-6, "error of softmax", columns, worst);
}

/** Quotients of all kinds by one number; expected to the last bit or the one beside it. */
void testQuotients() {
  for (const float divisor : {3.0f, -0.7f, 1e-20f, 1e20f, 1e-35f, 3e38f, 0.0f, HUGE_VALF, NAN}) {
    LoopSpec spec;
    spec.kind = KernelKind::Map;
    std::vector<float> input = someFloats(300, -9, 9);
    for (const float special : {0.0f, -0.0f, HUGE_VALF, -HUGE_VALF, NAN, 3e38f, -3e38f, 1e-38f, 1e-44f})
      input.push_back(special);
    const int64_t count = static_cast<int64_t>(input.size());
    spec.axes = {count};
    spec.loads = {loadOf(0, {1})};
    spec.stores = {storeOf({1})};
    const uint32_t x = push(spec.values, Opcode::Load), by = push(spec.values, Opcode::Const, {}, 0, divisor);
    spec.values.results = {push(spec.values, Opcode::Div, {x, by})};
    std::vector<float> output(count);
    run(*planLoops(spec), input, output);
    for (int64_t i = 0; i < count; i++) {
      const float expected = input[i] / divisor, got = output[i];
      const bool isNear = expected != expected ? got != got : got == expected || got == std::nextafter(expected, got);
      const bool hasSign = expected != expected || std::signbit(got) == std::signbit(expected);
      check(isNear && hasSign, "quotient", i, got, expected);
    }
  }
}

/** Rows of no elements: their states' initial values are stored. */
void testEmptyRows() {
  RowsSpec spec = softmaxOf(3, 0);
  spec.stores = {storeOf({1, 0})};
  spec.values = {};
  spec.values.results = {push(spec.values, Opcode::State, {}, 1)};
  std::vector<float> input(1), output(3, 7.0f);
  run(*planRows(spec), input, output);
  for (float x : output) check(x == 0, "rows of no elements", 0, x);
}

}  // namespace

int main() {
  for (const Isa isa : {Isa::Baseline, Isa::Avx2, Isa::Avx512, Isa::Neon}) {
    if (!supportsIsa(isa)) continue;
    set = isaName(isa);
    selectIsa(set);
    testSums(1, 1000003);
    testSums(3, 70001);
    testSums(70001, 3);
    testSums(1100, 1025);
    testSums(17, 16);
    for (int64_t columns : {1, 2, 3, 7, 8, 15, 16, 17, 31, 63, 64, 65, 100, 1000, 1024, 1500, 5000}) {
      testExtremes(columns);
      testSoftmax(columns < 100 ? 333 : 5, columns);
    }
    testSoftmax(1200, 200);
    testEmptyRows();
    testQuotients();
  }
  std::printf("%d passed, %d failed\n", passed, failed);
  return failed == 0 ? 0 : 1;
}
