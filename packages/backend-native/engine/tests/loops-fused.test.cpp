// Expressions of which the interpreter makes one instruction, and those that only look like them: against the same
// steps one by one, for rows of all lengths, on every instruction set. The instructions: ops-fused.test.cpp.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <functional>

#include "../loops/ops.h"
#include "../program/kernel.h"
#include "../runtime/cpu.h"
#include "../runtime/threads.h"

using namespace flambeau;

namespace {

int passed = 0, failed = 0;
const char* set = "";

void check(bool isRight, const char* what, int64_t columns, double got = 0, double expected = 0) {
  if (isRight) {
    passed++;
  } else if (failed++ < 20) {
    std::printf("failed: %s, rows of %lld, %s: %.17g, expected %.17g\n", what, static_cast<long long>(columns), set,
                got, expected);
  }
}

template <class T> constexpr WordType kTypeOf = sizeof(T) == 4 ? WordType::Float32 : WordType::Float64;
template <class T> bool isSame(T a, T b) {
  return (a == b && std::signbit(a) == std::signbit(b)) || (a != a && b != b);
}

/** What an instruction gives for one number. */
template <class T> T once(Opcode op, T x) {
  T result;
  blockOps().table[static_cast<int>(op)][static_cast<int>(kTypeOf<T>)](&result, &x, nullptr, nullptr, 1);
  return result;
}

/** An expression that grows. */
template <class T> struct Builder {
  Expression& to;
  uint32_t push(Opcode op, std::initializer_list<uint32_t> operands = {}, uint32_t position = 0) {
    Step step;
    step.op = op;
    step.type = kTypeOf<T>;
    step.position = position;
    std::copy(operands.begin(), operands.end(), step.operands);
    to.steps.push_back(step);
    return static_cast<uint32_t>(to.steps.size() - 1);
  }
  uint32_t constant(T value) {
    const uint32_t at = push(Opcode::Const);
    to.steps[at].value = Bits::of(value);
    return at;
  }
  uint32_t load(uint32_t which) { return push(Opcode::Load, {}, which); }
};

/** Inputs: x and y for each element; r and t one for each row. */
enum Input : uint32_t { X, Y, R, T0 };
constexpr int64_t kRows = 4;

template <class T> struct Data {
  std::vector<T> inputs[4];
  explicit Data(int64_t columns) {
    using L = std::numeric_limits<T>;
    const T special[] = {0,     T(-0.0), L::infinity(), -L::infinity(), L::quiet_NaN(), L::denorm_min(),
                         T(80), T(-88),  T(350)};
    uint32_t state = static_cast<uint32_t>(columns);
    for (int i = 0; i < 4; i++) {
      for (int64_t at = 0; at < (i < 2 ? kRows * columns : kRows); at++) {
        state = state * 1664525 + 1013904223;
        const uint32_t pick = state >> 24;
        const bool isSpecial = i < 2 && pick < 9;
        inputs[i].push_back(isSpecial ? special[pick] : static_cast<T>(static_cast<int32_t>(state)) / T(0x1p27));
      }
    }
  }
  T at(Input which, int64_t row, int64_t columns, int64_t column) const {
    return inputs[which][static_cast<size_t>(which < R ? row * columns + column : row)];
  }
};

template <class T> std::vector<Load> loadsOf(int64_t columns) {
  std::vector<Load> loads;
  for (uint32_t i = 0; i < 4; i++) {
    Load load;
    load.operand = i;
    load.type = kTypeOf<T>;
    load.strides = i < 2 ? std::vector<int64_t>{columns, 1} : std::vector<int64_t>{1, 0};
    loads.push_back(load);
  }
  return loads;
}

Store storeOf(uint32_t operand, WordType type, std::vector<int64_t> strides) {
  Store store;
  store.operand = operand;
  store.type = type;
  store.strides = std::move(strides);
  return store;
}

template <class T> void run(const Kernel& kernel, Data<T>& data, std::vector<std::vector<T>>& outputs) {
  char *in[4], *out[2];
  for (int i = 0; i < 4; i++) in[i] = reinterpret_cast<char*>(data.inputs[i].data());
  for (size_t i = 0; i < outputs.size(); i++) out[i] = reinterpret_cast<char*>(outputs[i].data());
  std::atomic<bool> bad{false};
  Call call;
  call.inputs = in;
  call.outputs = out;
  call.badIndex = &bad;
  kernel.run(call);
}

/** One expression, and what it gives for x, y, r and t; the same bits, or as near as `units` say. */
template <class T> struct Case {
  const char* name;
  std::function<uint32_t(Builder<T>&)> build;
  std::function<T(T, T, T, T)> steps;
  int units = 0;
};

template <class T> bool isNear(T got, T expected, int units) {
  if (units == 0 || expected != expected) return isSame(got, expected);
  // Where a power overflows the steps give 0.
  using L = std::numeric_limits<T>;
  if (expected == 0) return std::fabs(got) <= L::min();
  const T unit = std::max(L::denorm_min(), std::fabs(expected) * L::epsilon());
  return got == expected || std::fabs(got - expected) <= unit * static_cast<T>(units);
}

/** `isShared`: the difference, or whatever else comes before the last step, is stored as well. */
template <class T> void testCase(const Case<T>& each, int64_t columns, bool isShared) {
  LoopSpec spec;
  spec.kind = KernelKind::Map;
  spec.axes = {kRows, columns};
  spec.loads = loadsOf<T>(columns);
  Builder<T> builder{spec.values};
  const uint32_t result = each.build(builder);
  spec.values.results = {result};
  spec.stores = {storeOf(0, kTypeOf<T>, {columns, 1})};
  if (isShared) {
    const Step& last = spec.values.steps[result];
    const uint32_t first = last.operands[0], second = last.operands[1];
    const bool takesFirst = spec.values.steps[first].op != Opcode::Const && spec.values.steps[first].op != Opcode::Load;
    spec.values.results.push_back(takesFirst ? first : second);
    spec.stores.push_back(storeOf(1, kTypeOf<T>, {columns, 1}));
  }
  Data<T> data(columns);
  const size_t size = static_cast<size_t>(kRows * columns);
  std::vector<std::vector<T>> outputs(spec.stores.size(), std::vector<T>(size));
  run(*planLoops(spec), data, outputs);
  for (int64_t row = 0; row < kRows; row++) {
    for (int64_t i = 0; i < columns; i++) {
      const auto at = [&](Input which) { return data.at(which, row, columns, i); };
      const T expected = each.steps(at(X), at(Y), at(R), at(T0));
      const T got = outputs[0][static_cast<size_t>(row * columns + i)];
      check(isNear(got, expected, each.units), each.name, columns, got, expected);
    }
  }
}

template <class T> T least(T a, T b) { return a != a ? a : b != b ? b : std::min(a, b); }

template <class T> std::vector<Case<T>> someCases() {
  using B = Builder<T>;
  const T root = T(0.70710678118654752);
  std::vector<Case<T>> cases;
  const auto gelu = [&](const char* name, Input in, T half, T scale, bool isReversed) {
    cases.push_back({name,
                     [=](B& e) {
                       const uint32_t x = e.load(X), z = in == X ? x : e.load(in), one = e.constant(1);
                       const uint32_t first = e.push(Opcode::Mul, {x, e.constant(half)});
                       const uint32_t erf = e.push(Opcode::Erf, {e.push(Opcode::Mul, {z, e.constant(scale)})});
                       if (isReversed) return e.push(Opcode::Mul, {e.push(Opcode::Add, {erf, one}), first});
                       return e.push(Opcode::Mul, {first, e.push(Opcode::Add, {one, erf})});
                     },
                     [=](T x, T y, T r, T) {
                       const T z = in == X ? x : in == Y ? y : r;
                       return x * half * (1 + once(Opcode::Erf, z * scale));
                     }});
  };
  gelu("gelu", X, T(0.5), root, false);
  gelu("gelu in another order", X, T(0.5), root, true);
  gelu("gelu of two numbers", Y, T(0.5), root, false);
  gelu("gelu of an element and a row", R, T(0.5), root, false);
  gelu("gelu with another factor", X, T(0.25), root, false);
  gelu("gelu with another scale", X, T(0.5), T(0.7), false);

  const auto sigmoid = [&](const char* name, T one, bool isBounded, T limit, bool isReversed) {
    cases.push_back({name,
                     [=](B& e) {
                       uint32_t power = e.push(Opcode::Neg, {e.load(X)});
                       const uint32_t high = e.constant(limit), add = e.constant(1);
                       if (isBounded && isReversed) power = e.push(Opcode::Min, {high, power});
                       else if (isBounded) power = e.push(Opcode::Min, {power, high});
                       power = e.push(Opcode::Exp, {power});
                       const uint32_t sum = isReversed ? e.push(Opcode::Add, {power, add})
                                                       : e.push(Opcode::Add, {add, power});
                       return e.push(Opcode::Div, {e.constant(one), sum});
                     },
                     [=](T x, T, T, T) {
                       return one / (1 + once(Opcode::Exp, isBounded ? least(-x, limit) : -x));
                     },
                     5});
  };
  for (const bool isReversed : {false, true}) {
    sigmoid("sigmoid", 1, false, 0, isReversed);
    sigmoid("twice a sigmoid", 2, false, 0, isReversed);
    using L = std::numeric_limits<T>;
    for (const T limit : {T(80), T(88), T(350), T(1), L::infinity(), L::quiet_NaN()}) {
      sigmoid("bounded sigmoid", 1, true, limit, isReversed);
    }
  }

  // Differences from what a row has, from a constant, from another element.
  for (const int from : {int(R), int(Y), -1}) {
    const auto taken = [from](T y, T r) { return from == int(R) ? r : from == int(Y) ? y : T(1.25); };
    const auto make = [from](B& e) { return from < 0 ? e.constant(T(1.25)) : e.load(static_cast<uint32_t>(from)); };
    for (const bool isReversed : {false, true}) {
      const auto difference = [=](B& e) {
        const uint32_t x = e.load(X), y = make(e);
        return isReversed ? e.push(Opcode::Sub, {y, x}) : e.push(Opcode::Sub, {x, y});
      };
      const auto stepsOf = [=](T x, T y, T r) { return isReversed ? taken(y, r) - x : x - taken(y, r); };
      cases.push_back({"exp of a difference", [=](B& e) { return e.push(Opcode::Exp, {difference(e)}); },
                       [=](T x, T y, T r, T) { return once(Opcode::Exp, stepsOf(x, y, r)); }});
      for (const int by : {int(T0), int(Y), -1}) {
        const auto factor = [=](B& e) { return by < 0 ? e.constant(T(-0.3)) : e.load(static_cast<uint32_t>(by)); };
        const auto scale = [=](T y, T t) { return by == int(T0) ? t : by == int(Y) ? y : T(-0.3); };
        cases.push_back({"scaled difference",
                         [=](B& e) {
                           const uint32_t d = difference(e), f = factor(e);
                           return isReversed ? e.push(Opcode::Mul, {f, d}) : e.push(Opcode::Mul, {d, f});
                         },
                         [=](T x, T y, T r, T t) { return stepsOf(x, y, r) * scale(y, t); }});
      }
    }
    for (const bool isReversed : {false, true}) {
      cases.push_back({isReversed ? "inverse quotient" : "quotient",
                       [=](B& e) {
                         const uint32_t x = e.load(X), y = make(e);
                         return isReversed ? e.push(Opcode::Div, {y, x}) : e.push(Opcode::Div, {x, y});
                       },
                       [=](T x, T y, T r, T) { return isReversed ? taken(y, r) / x : x / taken(y, r); }});
    }
  }
  return cases;
}

/** state = op(state, value). */
template <class T>
RowStage stageOf(Opcode op, uint32_t number, T initial, const std::function<uint32_t(Builder<T>&)>& value) {
  RowStage stage;
  stage.states = {{kTypeOf<T>, Bits::of(initial)}};
  Builder<T> step{stage.step}, merge{stage.merge};
  const uint32_t state = step.push(Opcode::State, {}, number);
  stage.step.results = {step.push(op, {state, value(step)})};
  const uint32_t own = merge.push(Opcode::State, {}, number), other = merge.push(Opcode::Other, {}, number);
  stage.merge.results = {merge.push(op, {own, other})};
  return stage;
}

/** Σ (x - centre)² of rows, from a number for each row, a constant and the row's greatest; or Σ (x - r)·(x - t). */
template <class T> void testSquares(int64_t columns) {
  enum { FromRow, FromConstant, FromState, Mixed };
  for (const int kind : {FromRow, FromConstant, FromState, Mixed}) {
    const auto value = [&](Builder<T>& e) {
      const uint32_t x = e.load(X);
      const uint32_t centre = kind == FromConstant ? e.constant(T(1.25))
                              : kind == FromState  ? e.push(Opcode::State, {}, 0)
                                                   : e.load(R);
      const uint32_t distance = e.push(Opcode::Sub, {x, centre});
      const uint32_t second = kind == Mixed ? e.push(Opcode::Sub, {x, e.load(T0)}) : distance;
      return e.push(Opcode::Mul, {distance, second});
    };
    Data<T> data(columns);
    // Of the last row alone numbers may be special.
    for (int64_t i = 0; i < (kRows - 1) * columns; i++) {
      T& x = data.inputs[X][static_cast<size_t>(i)];
      if (!(std::fabs(x) < 100)) x = 3;
    }
    for (const bool isReduction : {false, true}) {
      if (isReduction && kind == FromState) continue;
      std::vector<std::vector<T>> outputs(1, std::vector<T>(kRows));
      const std::vector<Store> stores = {storeOf(0, kTypeOf<T>, {1, 0})};
      const uint32_t number = kind == FromState ? 1 : 0;
      const RowStage sum = stageOf<T>(Opcode::Add, number, 0, value);
      if (isReduction) {
        LoopSpec spec;
        spec.kind = KernelKind::Reduce;
        spec.axes = {kRows, columns};
        spec.reduced = 1;
        spec.loads = loadsOf<T>(columns);
        spec.stores = stores;
        spec.states = sum.states;
        spec.step = sum.step;
        spec.merge = sum.merge;
        spec.values.results = {Builder<T>{spec.values}.push(Opcode::State)};
        run(*planLoops(spec), data, outputs);
      } else {
        RowsSpec spec;
        spec.axes = {kRows, columns};
        spec.row = 1;
        spec.loads = loadsOf<T>(columns);
        spec.stores = stores;
        if (kind == FromState) {
          spec.stages.push_back(stageOf<T>(Opcode::Max, 0, -std::numeric_limits<T>::infinity(),
                                           [](Builder<T>& e) { return e.load(X); }));
        }
        spec.stages.push_back(sum);
        spec.values.results = {Builder<T>{spec.values}.push(Opcode::State, {}, number)};
        run(*planRows(spec), data, outputs);
      }
      for (int64_t row = 0; row < kRows; row++) {
        T most = -std::numeric_limits<T>::infinity();
        long double total = 0, size = 0;
        for (int64_t i = 0; i < columns; i++) {
          const T x = data.at(X, row, columns, i);
          if (most == most) most = x != x ? x : std::max(most, x);
        }
        const T r = data.inputs[R][static_cast<size_t>(row)], t = data.inputs[T0][static_cast<size_t>(row)];
        const T centre = kind == FromConstant ? T(1.25) : kind == FromState ? most : r;
        for (int64_t i = 0; i < columns; i++) {
          const T x = data.at(X, row, columns, i), product = (x - centre) * (x - (kind == Mixed ? t : centre));
          total += product;
          size += std::fabs(product);
        }
        const T got = outputs[0][static_cast<size_t>(row)];
        const T slack = static_cast<T>(size) * std::numeric_limits<T>::epsilon() / 2 * static_cast<T>(columns);
        const bool isRight = std::isfinite(total) && std::fabs(got - total) <= slack;
        check(isRight || isSame(got, static_cast<T>(total)), "squares", columns, got, static_cast<double>(total));
      }
    }
  }
}

template <class T> void testAll() {
  std::vector<int64_t> lengths = {100, 513, 1500};
  for (int64_t columns = 1; columns <= 67; columns++) lengths.push_back(columns);
  const std::vector<Case<T>> cases = someCases<T>();
  for (const int64_t columns : lengths) {
    for (const Case<T>& each : cases) {
      for (const bool isShared : {false, true}) testCase(each, columns, isShared);
    }
    testSquares<T>(columns);
  }
  testSquares<T>(5000);
  testSquares<T>(70001);
}

}  // namespace

int main() {
  setThreadCount(1);
  for (const Isa isa : {Isa::Baseline, Isa::Avx2, Isa::Avx512, Isa::Neon}) {
    if (!supportsIsa(isa)) continue;
    set = isaName(isa);
    selectIsa(set);
    testAll<float>();
    testAll<double>();
  }
  std::printf("%d passed, %d failed\n", passed, failed);
  return failed == 0 ? 0 : 1;
}
