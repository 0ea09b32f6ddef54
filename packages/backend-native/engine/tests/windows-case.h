// Contractions of convolutions for tests, built as core/src/ops/conv-core.ts and core/src/compiler/window.ts build
// them: geometry, operands at any strides, epilogues.
#pragma once
#include <algorithm>
#include <random>
#include <vector>

#include "../program/spec.h"

namespace flambeau {

using List = std::vector<int64_t>;
inline std::mt19937 generator(7);

inline int64_t pick(int64_t low, int64_t high) { return std::uniform_int_distribution<int64_t>(low, high)(generator); }

struct Geometry {
  List input, kernel, output, stride, before, dilation;
  int64_t groups = 1;
};

enum class Direction { Forward, Input, Weight };
enum class Tail { None, Bias, BiasRelu, Residual };

/** An operand: its shape and the strides it lies at. */
struct Operand {
  List shape, strides;
  int64_t extent() const {
    int64_t last = 0;
    for (size_t i = 0; i < shape.size(); i++) {
      if (shape[i] == 0) return 0;
      last += (shape[i] - 1) * strides[i];
    }
    return last + 1;
  }
};

inline List contiguous(const List& shape) {
  List strides(shape.size());
  int64_t stride = 1;
  for (size_t i = shape.size(); i-- > 0;) {
    strides[i] = stride;
    stride *= shape[i];
  }
  return strides;
}

/** Contiguous, or axes in another order with gaps between them. */
inline Operand makeOperand(const List& shape, bool isOdd) {
  Operand operand{shape, contiguous(shape)};
  if (!isOdd) return operand;
  std::vector<size_t> order(shape.size());
  for (size_t i = 0; i < order.size(); i++) order[i] = i;
  std::shuffle(order.begin(), order.end(), generator);
  int64_t stride = pick(1, 2);
  for (const size_t axis : order) {
    operand.strides[axis] = stride;
    stride *= shape[axis] + pick(0, 1);
    if (stride == 0) stride = 1;
  }
  return operand;
}

struct Coordinate {
  int64_t base, step, kernelStep, divisor, size;
  bool isInside;
};

inline std::vector<Coordinate> inputCoordinates(const Geometry& g) {
  std::vector<Coordinate> result;
  for (size_t a = 0; a < g.input.size(); a++) {
    const int64_t base = -g.before[a];
    const int64_t last = base + (g.output[a] - 1) * g.stride[a] + (g.kernel[a] - 1) * g.dilation[a];
    result.push_back({base, g.stride[a], g.dilation[a], 1, g.input[a], base == 0 && last < g.input[a]});
  }
  return result;
}

inline std::vector<Coordinate> outputCoordinates(const Geometry& g) {
  std::vector<Coordinate> result;
  for (size_t a = 0; a < g.output.size(); a++) {
    const bool isPlain = g.kernel[a] == 1 && g.stride[a] == 1 && g.before[a] == 0;
    result.push_back({g.before[a], 1, -g.dilation[a], g.stride[a], g.output[a], isPlain && g.input[a] <= g.output[a]});
  }
  return result;
}

/** The loops of a contraction in order, and which is which; -1 where there is none. */
struct Loops {
  List lengths;
  int group = -1, image = -1, in = -1, out = -1;
  std::vector<int> kernel, place;
};

inline void along(Access& access, int loop, int64_t stride) {
  if (loop >= 0) access.strides[static_cast<size_t>(loop)] += stride;
}

inline void windowLoad(Load& load, const Loops& loops, const List& strides,
                       const std::vector<Coordinate>& coordinates) {
  for (size_t a = 0; a < coordinates.size(); a++) {
    const auto& c = coordinates[a];
    if (c.isInside) {
      along(load, loops.place[a], c.step * strides[a + 2]);
      along(load, loops.kernel[a], c.kernelStep * strides[a + 2]);
      continue;
    }
    Guard guard{c.base, c.divisor, c.size, strides[a + 2], List(loops.lengths.size(), 0)};
    guard.coefficients[static_cast<size_t>(loops.place[a])] = c.step;
    guard.coefficients[static_cast<size_t>(loops.kernel[a])] = c.kernelStep;
    load.guards.push_back(guard);
  }
}

struct Case {
  WordType type = WordType::Float32;
  ContractSpec spec;
  std::vector<Operand> inputs;
  Operand output;
};

inline void addTail(Case& c, const Loops& loops, Tail tail, int madeChannel, int64_t made, bool isOdd) {
  auto& steps = c.spec.values.steps;
  auto step = [&](Opcode op, uint32_t position, List operands, double value = 0) {
    Step s;
    s.op = op;
    s.type = c.type;
    s.position = position;
    for (size_t i = 0; i < operands.size(); i++) s.operands[i] = static_cast<uint32_t>(operands[i]);
    if (op == Opcode::Const && c.type == WordType::Float64) s.value = Bits::of(value);
    if (op == Opcode::Const && c.type == WordType::Float32) s.value = Bits::of(static_cast<float>(value));
    steps.push_back(s);
    return static_cast<int64_t>(steps.size()) - 1;
  };
  int64_t root = step(Opcode::State, 0, {});
  if (tail != Tail::None) {
    Load load;
    load.operand = 2;
    load.type = c.type;
    load.strides.assign(loops.lengths.size(), 0);
    if (tail == Tail::Residual) {
      c.inputs.push_back(c.output);
      load.strides = c.spec.stores[0].strides;
    } else {
      c.inputs.push_back(makeOperand({made * (loops.group >= 0 ? loops.lengths[0] : 1)}, isOdd));
      const int64_t stride = c.inputs.back().strides[0];
      along(load, loops.group, made * stride);
      along(load, madeChannel, stride);
    }
    c.spec.loads.push_back(load);
    root = step(Opcode::Add, 0, {root, step(Opcode::Load, 2, {})});
    if (tail == Tail::BiasRelu) root = step(Opcode::Max, 0, {root, step(Opcode::Const, 0, {}, 0)});
  }
  c.spec.values.results = {static_cast<uint32_t>(root)};
}

inline List join(List a, const List& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

inline Case makeCase(const Geometry& g, int64_t images, int64_t in, int64_t out, Direction direction, Tail tail,
                     bool isOdd, WordType type) {
  Case c;
  c.type = type;
  const bool isForward = direction == Direction::Forward, isWeight = direction == Direction::Weight;
  const Operand x = makeOperand(join({images, g.groups * in}, g.input), isOdd);
  const Operand y = makeOperand(join({images, g.groups * out}, g.output), isOdd);
  const Operand weight = makeOperand(join({g.groups * out, in}, g.kernel), isOdd);
  Loops loops;
  int count = 0;
  auto loop = [&](int64_t length) {
    loops.lengths.push_back(length);
    return count++;
  };
  auto loopsOver = [&](const List& lengths, std::vector<int>& list) {
    for (const int64_t length : lengths) list.push_back(loop(length));
  };
  if (g.groups > 1) loops.group = loop(g.groups);
  if (isWeight) {
    loops.out = loop(out);
    loops.in = loop(in);
    loopsOver(g.kernel, loops.kernel);
    loops.image = loop(images);
    loopsOver(g.output, loops.place);
  } else {
    (isForward ? loops.out : loops.in) = loop(isForward ? out : in);
    loops.image = loop(images);
    loopsOver(isForward ? g.output : g.input, loops.place);
    (isForward ? loops.in : loops.out) = loop(isForward ? in : out);
    loopsOver(g.kernel, loops.kernel);
  }
  auto& spec = c.spec;
  spec.axes = loops.lengths;
  spec.batch = g.groups > 1;
  spec.m = 1;
  spec.n = spec.k = static_cast<uint32_t>(1 + g.kernel.size());
  auto overWeight = [&](Access& access, const List& strides) {
    along(access, loops.group, out * strides[0]);
    along(access, loops.out, strides[0]);
    along(access, loops.in, strides[1]);
    for (size_t a = 0; a < g.kernel.size(); a++) along(access, loops.kernel[a], strides[a + 2]);
  };
  auto overChannels = [&](Access& access, int channel, int64_t perGroup, const List& strides) {
    along(access, loops.image, strides[0]);
    along(access, loops.group, perGroup * strides[1]);
    along(access, channel, strides[1]);
  };
  auto overPlaces = [&](Access& access, const List& strides) {
    for (size_t a = 0; a < g.kernel.size(); a++) along(access, loops.place[a], strides[a + 2]);
  };
  Load affine, window;
  Store store;
  for (Access* access : {static_cast<Access*>(&affine), static_cast<Access*>(&window), static_cast<Access*>(&store)}) {
    access->strides.assign(loops.lengths.size(), 0);
    access->type = type;
  }
  spec.accumulator = type;
  if (isWeight) {
    c.inputs = {y, x};
    c.output = {weight.shape, contiguous(weight.shape)};
    affine.operand = 0;
    window.operand = 1;
    overChannels(affine, loops.out, out, y.strides);
    overPlaces(affine, y.strides);
    overChannels(window, loops.in, in, x.strides);
    windowLoad(window, loops, x.strides, inputCoordinates(g));
    overWeight(store, c.output.strides);
  } else {
    const Operand& from = isForward ? x : y;
    const List& shape = isForward ? y.shape : x.shape;
    c.inputs = {from, weight};
    c.output = {shape, contiguous(shape)};
    affine.operand = 1;
    window.operand = 0;
    overWeight(affine, weight.strides);
    overChannels(window, isForward ? loops.in : loops.out, isForward ? in : out, from.strides);
    windowLoad(window, loops, from.strides, isForward ? inputCoordinates(g) : outputCoordinates(g));
    overChannels(store, isForward ? loops.out : loops.in, isForward ? out : in, c.output.strides);
    overPlaces(store, c.output.strides);
  }
  spec.loads = {affine, window};
  spec.stores = {store};
  addTail(c, loops, isWeight ? Tail::None : tail, isForward ? loops.out : loops.in, isForward ? out : in, isOdd);
  return c;
}

}  // namespace flambeau
