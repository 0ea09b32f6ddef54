// Contractions for tests: random axes, strides, types and epilogues, and what plain loops in double make of them.
// No tests here.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <random>
#include <vector>

#include "../program/kernel.h"
#include "../runtime/threads.h"

namespace flambeau::contraction {

inline int passed = 0, failed = 0;
inline std::mt19937 engine(7);

inline int64_t pick(int64_t low, int64_t high) { return std::uniform_int_distribution<int64_t>(low, high)(engine); }
inline bool chance(double p) { return std::bernoulli_distribution(p)(engine); }

inline uint16_t bfloat16Bits(float x) {
  uint32_t bits;
  std::memcpy(&bits, &x, 4);
  return static_cast<uint16_t>((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}

/** An operand: exactly as many bytes as its access reaches, so that a sanitizer sees what is beyond. */
struct Memory {
  WordType type = WordType::Float32;
  int64_t origin = 0, elements = 0;
  std::vector<char> bytes;
  char* start() { return bytes.data() + origin * byteSize(type); }
  const char* start() const { return bytes.data() + origin * byteSize(type); }
};

inline double valueAt(const Memory& memory, int64_t at) {
  const char* from = memory.start() + at * byteSize(memory.type);
  const auto read = [&](auto value) {
    std::memcpy(&value, from, sizeof(value));
    return static_cast<double>(value);
  };
  switch (memory.type) {
    case WordType::Float32: return read(float());
    case WordType::Float64: return read(double());
    case WordType::Int32: return read(int32_t());
    case WordType::Int64: return read(int64_t());
    case WordType::Int8: return read(int8_t());
    case WordType::Bool:
    case WordType::Uint8: return read(uint8_t());
    case WordType::Bfloat16: {
      const uint32_t bits = static_cast<uint32_t>(static_cast<uint16_t>(read(uint16_t()))) << 16;
      float value;
      std::memcpy(&value, &bits, 4);
      return value;
    }
    case WordType::Float16: {
      const int bits = static_cast<int>(read(uint16_t())), exponent = bits >> 10 & 31, fraction = bits & 1023;
      const double size = exponent ? std::ldexp(1024 + fraction, exponent - 25) : std::ldexp(fraction, -24);
      return bits & 0x8000 ? -size : size;
    }
    default: return 0;
  }
}

inline void setRandom(Memory& memory, int64_t at) {
  char* to = memory.start() + at * byteSize(memory.type);
  const auto write = [&](auto value) { std::memcpy(to, &value, sizeof(value)); };
  const float x = static_cast<float>(pick(-1000, 1000)) / 512;
  switch (memory.type) {
    case WordType::Float32: return write(x);
    case WordType::Float64: return write(static_cast<double>(x));
    case WordType::Int32: return write(static_cast<int32_t>(pick(-50, 50)));
    case WordType::Int64: return write(pick(-50, 50));
    case WordType::Int8: return write(static_cast<int8_t>(pick(-50, 50)));
    case WordType::Uint8: return write(static_cast<uint8_t>(pick(0, 50)));
    case WordType::Bool: return write(static_cast<uint8_t>(pick(0, 1)));
    case WordType::Bfloat16: return write(bfloat16Bits(x));
    case WordType::Float16: return write(static_cast<uint16_t>(pick(0, 1) << 15 | pick(10, 16) << 10 | pick(0, 1023)));
    default: return;
  }
}

/** Strides over some axes (those with `isUsed`) in a random order of nesting, and what memory they need. */
inline void layOut(Access& access, const std::vector<int64_t>& axes, const std::vector<bool>& isUsed, bool isPlain,
            Memory& memory) {
  std::vector<size_t> order;
  for (size_t axis = 0; axis < axes.size(); axis++) {
    if (isUsed[axis]) order.push_back(axis);
  }
  if (!isPlain) std::shuffle(order.begin(), order.end(), engine);
  access.strides.assign(axes.size(), 0);
  int64_t reach = !isPlain && chance(0.1) ? pick(2, 3) : 1, low = 0, high = 0;
  for (size_t i = order.size(); i-- > 0;) {
    const size_t axis = order[i];
    int64_t stride = reach;
    reach = std::max<int64_t>(1, reach * std::max<int64_t>(1, axes[axis]));
    if (!isPlain && chance(0.2)) reach += pick(1, 5);
    if (!isPlain && chance(0.1)) stride = -stride;
    access.strides[axis] = stride;
    const int64_t far = stride * std::max<int64_t>(0, axes[axis] - 1);
    (far < 0 ? low : high) += far;
  }
  access.type = memory.type;
  access.offset = pick(0, 3);
  memory.elements = high - low + 1 + access.offset;
  memory.origin = -low;
  memory.bytes.assign(memory.elements * byteSize(memory.type), 0);
  for (int64_t i = low; i <= high + access.offset; i++) setRandom(memory, i);
}

enum class Finish { Bare, ColumnBias, RowBias, Relu, BiasRelu, TwoStores, Accumulate, Overlap };
constexpr int kFinishes = 8;

struct Example {
  ContractSpec spec;
  std::vector<Memory> inputs, outputs;
};

inline uint32_t step(Expression& e, Opcode op, WordType type, uint32_t x = 0, uint32_t y = 0, uint32_t position = 0) {
  Step s;
  s.op = op;
  s.type = type;
  s.operands[0] = x;
  s.operands[1] = y;
  s.position = position;
  e.steps.push_back(s);
  return static_cast<uint32_t>(e.steps.size() - 1);
}

struct Shape {
  std::vector<int64_t> batch, m, n, k;
};

inline void finish(Example& e, Finish how) {
  ContractSpec& s = e.spec;
  const WordType type = s.accumulator;
  const size_t rows = s.batch + s.m, outer = rows + s.n;
  Expression& values = s.values;
  uint32_t result = step(values, Opcode::State, type);
  const bool isByColumn = how != Finish::RowBias;
  if (how == Finish::ColumnBias || how == Finish::RowBias || how == Finish::BiasRelu) {
    std::vector<bool> isUsed(s.axes.size());
    for (size_t axis = 0; axis < outer; axis++) {
      const bool isOfGroup = isByColumn ? axis >= rows : axis >= s.batch && axis < rows;
      isUsed[axis] = isOfGroup || (axis < s.batch && chance(0.3));
    }
    Memory memory;
    memory.type = type;
    Load load;
    layOut(load, s.axes, isUsed, chance(0.7), memory);
    load.operand = 2;
    s.loads.push_back(load);
    e.inputs.push_back(memory);
    const uint32_t bias = step(values, Opcode::Load, type, 0, 0, 2);
    const bool isFirst = chance(0.5);
    result = step(values, Opcode::Add, type, isFirst ? result : bias, isFirst ? bias : result);
  }
  if (how == Finish::Relu || how == Finish::BiasRelu) {
    result = step(values, Opcode::Max, type, result, step(values, Opcode::Const, type));
  }
  values.results.assign(how == Finish::TwoStores ? 2 : 1, result);
  if (how == Finish::TwoStores) values.results[1] = step(values, Opcode::Mul, type, result, result);
  const bool isPlain = chance(0.5);
  for (size_t i = 0; i < values.results.size(); i++) {
    std::vector<bool> isUsed(s.axes.size());
    for (size_t axis = 0; axis < outer; axis++) isUsed[axis] = how != Finish::Overlap || !chance(0.4);
    Memory memory;
    memory.type = type;
    Store store;
    layOut(store, s.axes, isUsed, isPlain, memory);
    store.operand = static_cast<uint32_t>(i);
    if (how == Finish::Accumulate || how == Finish::Overlap) store.combine = Combine::Add;
    s.stores.push_back(store);
    e.outputs.push_back(memory);
  }
}

inline Example makeExample(const Shape& shape, WordType a, WordType b, WordType accumulator, Finish how, bool isPlain) {
  Example e;
  ContractSpec& s = e.spec;
  s.accumulator = accumulator;
  std::vector<int> group;
  const auto append = [&](const std::vector<int64_t>& lengths, int which) {
    for (int64_t length : lengths) {
      s.axes.push_back(length);
      group.push_back(which);
    }
    return static_cast<uint32_t>(lengths.size());
  };
  s.batch = append(shape.batch, 0);
  s.m = append(shape.m, 1);
  s.n = append(shape.n, 2);
  s.k = append(shape.k, 3);
  for (int side = 0; side < 2; side++) {
    std::vector<bool> isUsed;
    for (size_t axis = 0; axis < group.size(); axis++) {
      const bool isOfBatch = group[axis] == 0 && !(!isPlain && chance(0.2));
      isUsed.push_back(isOfBatch || group[axis] == 1 + side || group[axis] == 3);
    }
    Memory memory;
    memory.type = side ? b : a;
    Load load;
    layOut(load, s.axes, isUsed, isPlain, memory);
    load.operand = static_cast<uint32_t>(side);
    s.loads.push_back(load);
    e.inputs.push_back(memory);
  }
  finish(e, how);
  return e;
}

inline int64_t addressOf(const Access& access, const std::vector<int64_t>& index) {
  int64_t address = access.offset;
  for (size_t axis = 0; axis < index.size(); axis++) address += access.strides[axis] * index[axis];
  return address;
}

/** Calls `visit` for each index of axes first … last-1. */
template <class Visit>
void forEachIndex(const std::vector<int64_t>& axes, std::vector<int64_t>& index, size_t first, size_t last,
                  const Visit& visit) {
  if (first == last) return visit();
  for (index[first] = 0; index[first] < axes[first]; index[first]++) forEachIndex(axes, index, first + 1, last, visit);
  index[first] = 0;
}

inline double evaluate(const Example& e, const std::vector<int64_t>& index, double sum, uint32_t result) {
  std::vector<double> values;
  for (const Step& s : e.spec.values.steps) {
    const auto at = [&](int i) { return values[s.operands[i]]; };
    switch (s.op) {
      case Opcode::State: values.push_back(sum); break;
      case Opcode::Load: {
        const Load& load = e.spec.loads[s.position];
        values.push_back(valueAt(e.inputs[load.operand], addressOf(load, index)));
        break;
      }
      case Opcode::Add: values.push_back(at(0) + at(1)); break;
      case Opcode::Mul: values.push_back(at(0) * at(1)); break;
      case Opcode::Max: values.push_back(std::max(at(0), at(1))); break;
      default: values.push_back(0);
    }
  }
  return values[result];
}

/** The sum over the k axes from `axis` on, and the sum of absolute values. */
inline void addProducts(const Example& e, size_t axis, int64_t a, int64_t b, double& sum, double& size) {
  if (axis == e.spec.axes.size()) {
    const double product = valueAt(e.inputs[0], a) * valueAt(e.inputs[1], b);
    sum += product;
    size += std::abs(product);
    return;
  }
  for (int64_t i = 0; i < e.spec.axes[axis]; i++) {
    addProducts(e, axis + 1, a + i * e.spec.loads[0].strides[axis], b + i * e.spec.loads[1].strides[axis], sum, size);
  }
}

struct Expected {
  std::vector<double> value, slack;  // per element of an output; slack < 0 where nothing is stored
};

/** `unit`: relative rounding of one step. */
inline std::vector<Expected> expect(const Example& e, double unit) {
  const ContractSpec& s = e.spec;
  std::vector<Expected> result;
  for (const Memory& memory : e.outputs) {
    Expected expected{std::vector<double>(memory.elements), std::vector<double>(memory.elements, -1)};
    for (int64_t i = 0; i < memory.elements; i++) expected.value[i] = valueAt(memory, i - memory.origin);
    result.push_back(expected);
  }
  std::vector<int64_t> index(s.axes.size(), 0);
  const size_t outer = s.batch + s.m + s.n;
  int64_t depth = 1;
  for (size_t axis = outer; axis < s.axes.size(); axis++) depth *= s.axes[axis];
  forEachIndex(s.axes, index, 0, outer, [&] {
    double sum = 0, size = 0;
    addProducts(e, outer, addressOf(s.loads[0], index), addressOf(s.loads[1], index), sum, size);
    const double steps = 1 + static_cast<double>(depth);
    for (size_t i = 0; i < s.stores.size(); i++) {
      const int64_t at = addressOf(s.stores[i], index) + e.outputs[i].origin;
      const double value = evaluate(e, index, sum, s.values.results[i]);
      const double scale = i == 1 ? 2 * std::abs(sum) + 1 : 1;  // the second store squares
      const bool isAdd = s.stores[i].combine == Combine::Add;
      double& slack = result[i].slack[at];
      const double before = isAdd ? std::abs(result[i].value[at]) : 0;
      result[i].value[at] = isAdd ? result[i].value[at] + value : value;
      slack = (isAdd ? std::max(0.0, slack) : 0) +
              unit * (scale * (size * std::sqrt(steps) * 2 + 1) + std::abs(value) * 4 + before);
    }
  });
  return result;
}

inline void fail(const char* what, const Example& e, const char* isa) {
  failed++;
  std::printf("FAILED on %s: %s; groups %u %u %u %u, axes", isa, what, e.spec.batch, e.spec.m, e.spec.n, e.spec.k);
  for (int64_t length : e.spec.axes) std::printf(" %lld", static_cast<long long>(length));
  std::printf("\n");
}

inline std::vector<Memory> runOn(const Example& e, const Kernel& kernel, int threads) {
  setThreadCount(threads);
  std::vector<Memory> outputs = e.outputs;
  std::vector<char*> in, out;
  for (const Memory& memory : e.inputs) in.push_back(const_cast<char*>(memory.start()));
  for (Memory& memory : outputs) out.push_back(memory.start());
  Call call;
  call.inputs = in.data();
  call.outputs = out.data();
  kernel.run(call);
  return outputs;
}

inline void check(const Example& e, const char* isa) {
  double unit = e.spec.accumulator == WordType::Float64 ? 0x1p-52 : 0x1p-23;
  if (e.spec.allowsBfloat16) unit = 0x1p-8;
  const auto kernel = planContract(e.spec);
  const auto one = runOn(e, *kernel, 1), two = runOn(e, *kernel, 2);
  const auto expected = expect(e, unit);
  for (size_t i = 0; i < one.size(); i++) {
    if (one[i].bytes != two[i].bytes) return fail("differs between one thread and two", e, isa);
    for (int64_t at = 0; at < one[i].elements; at++) {
      const double is = valueAt(one[i], at - one[i].origin), should = expected[i].value[at];
      const double slack = expected[i].slack[at];
      if (slack < 0 ? is != should : !(std::abs(is - should) <= slack)) {
        std::printf("  element %lld: %.9g, expected %.9g within %.3g\n", static_cast<long long>(at), is, should, slack);
        return fail(slack < 0 ? "touches what is not its own" : "wrong value", e, isa);
      }
    }
  }
  passed++;
}

}  // namespace flambeau::contraction
