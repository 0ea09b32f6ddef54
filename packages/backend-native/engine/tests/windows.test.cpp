// Convolutions of random geometry, in all directions, against plain loops in double. What they are made of:
// windows-case.h.
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "../contract/windows.h"
#include "../runtime/threads.h"
#include "windows-case.h"

using namespace flambeau;

namespace {

/** Where an access leads for these indices; false where a guard fails. */
bool locate(const Access& access, const List& index, int64_t& at) {
  at = access.offset;
  for (size_t i = 0; i < index.size(); i++) at += access.strides[i] * index[i];
  for (const auto& guard : access.guards) {
    int64_t q = guard.base;
    for (size_t i = 0; i < index.size(); i++) q += guard.coefficients[i] * index[i];
    if (q % guard.divisor != 0 || q / guard.divisor < 0 || q / guard.divisor >= guard.size) return false;
    at += guard.stride * (q / guard.divisor);
  }
  return true;
}

void loopOver(const List& lengths, size_t from, size_t to, List& index, const std::function<void()>& body) {
  if (from == to) return body();
  for (index[from] = 0; index[from] < lengths[from]; index[from]++) loopOver(lengths, from + 1, to, index, body);
}

template <class T>
double evaluate(const ContractSpec& spec, size_t step, const List& index, double sum,
                const std::vector<std::vector<T>>& inputs) {
  const Step& s = spec.values.steps[step];
  auto operand = [&](int i) { return evaluate(spec, s.operands[i], index, sum, inputs); };
  int64_t at = 0;
  switch (s.op) {
    case Opcode::State: return sum;
    case Opcode::Const: return s.value.as<T>();
    case Opcode::Add: return operand(0) + operand(1);
    case Opcode::Max: return std::isnan(operand(0)) || operand(0) > operand(1) ? operand(0) : operand(1);
    default: {
      const Load& load = spec.loads[s.position];
      locate(load, index, at);
      return inputs[load.operand][static_cast<size_t>(at)];
    }
  }
}

constexpr int kGuardValue = -12345;

/** Runs the case and compares; an empty text, or what is wrong. `strange`: how many inputs are not finite. */
template <class T>
std::string check(const Case& c, int strange) {
  const auto& spec = c.spec;
  std::vector<std::vector<T>> inputs;
  std::vector<char*> inputAddresses;
  std::uniform_real_distribution<T> uniform(-1, 1);
  for (const auto& operand : c.inputs) {
    std::vector<T> values(static_cast<size_t>(operand.extent()));
    for (auto& value : values) value = uniform(generator);
    for (int i = 0; i < strange && !values.empty() && inputs.size() < 2; i++) {
      const T extremes[] = {std::numeric_limits<T>::infinity(), -std::numeric_limits<T>::infinity(),
                            std::numeric_limits<T>::quiet_NaN()};
      values[static_cast<size_t>(pick(0, static_cast<int64_t>(values.size()) - 1))] = extremes[pick(0, 2)];
    }
    inputs.push_back(values);
  }
  for (auto& values : inputs) inputAddresses.push_back(reinterpret_cast<char*>(values.data()));
  const size_t size = static_cast<size_t>(c.output.extent());
  std::vector<T> results[2];
  for (int threads = 1; threads <= 2; threads++) {
    auto& result = results[threads - 1];
    result.assign(size + 64, kGuardValue);
    char* output = reinterpret_cast<char*>(result.data() + 32);
    std::atomic<bool> badIndex{false};
    Call call;
    call.inputs = inputAddresses.data();
    call.outputs = &output;
    call.badIndex = &badIndex;
    setThreadCount(threads);
    const auto kernel = planWindows(spec);
    if (kernel == nullptr) return "not planned";
    kernel->run(call);
    for (size_t i = 0; i < 32; i++) {
      if (result[i] != kGuardValue || result[size + 32 + i] != kGuardValue) return "writes outside its output";
    }
  }
  if (std::memcmp(results[0].data(), results[1].data(), (size + 64) * sizeof(T)) != 0) return "depends on threads";
  const size_t kept = spec.axes.size() - spec.k;
  List index(spec.axes.size(), 0);
  std::string wrong;
  loopOver(spec.axes, 0, kept, index, [&] {
    double sum = 0, magnitude = 0;
    loopOver(spec.axes, kept, spec.axes.size(), index, [&] {
      int64_t a = 0, b = 0;
      locate(spec.loads[0], index, a);
      const bool exists = locate(spec.loads[1], index, b);
      const double y = exists ? inputs[spec.loads[1].operand][static_cast<size_t>(b)] : 0;
      const double product = y * inputs[spec.loads[0].operand][static_cast<size_t>(a)];
      sum += product;
      magnitude += std::fabs(product);
    });
    for (size_t i = kept; i < index.size(); i++) index[i] = 0;
    int64_t at = 0;
    locate(spec.stores[0], index, at);
    const double expected = evaluate(spec, spec.values.results[0], index, sum, inputs);
    const double got = results[0][static_cast<size_t>(at) + 32];
    const double unit = sizeof(T) == 4 ? 1e-6 : 1e-14;
    const bool isSame = got == expected || (std::isnan(got) && std::isnan(expected)) ||
                        (std::isfinite(expected) && std::fabs(got - expected) <= unit * (magnitude + 1));
    if (!isSame && wrong.empty()) {
      char text[200];
      std::snprintf(text, sizeof text, "at %lld: expected %g, got %g", static_cast<long long>(at), expected, got);
      wrong = text;
    }
  });
  return wrong;
}

int passed = 0, failed = 0;

std::string show(const List& list) {
  std::string text = "[";
  for (const int64_t x : list) text += std::to_string(x) + " ";
  return text + "]";
}

void expectRight(const Geometry& g, int64_t images, int64_t in, int64_t out, Direction direction, Tail tail,
                 bool isOdd, int strange, WordType type) {
  const Case c = makeCase(g, images, in, out, direction, tail, isOdd, type);
  const std::string wrong = type == WordType::Float64 ? check<double>(c, strange) : check<float>(c, strange);
  if (wrong.empty()) {
    passed++;
    return;
  }
  failed++;
  std::printf("FAILED: %s\n  direction %d tail %d odd %d images %lld in %lld out %lld groups %lld input %s kernel %s "
              "output %s stride %s before %s dilation %s\n",
              wrong.c_str(), static_cast<int>(direction), static_cast<int>(tail), isOdd, static_cast<long long>(images),
              static_cast<long long>(in), static_cast<long long>(out), static_cast<long long>(g.groups),
              show(g.input).c_str(), show(g.kernel).c_str(), show(g.output).c_str(), show(g.stride).c_str(),
              show(g.before).c_str(), show(g.dilation).c_str());
}

/** `padding` on both sides. */
Geometry geometry(List input, List kernel, List stride, List padding, List dilation, int64_t groups) {
  Geometry g{input, kernel, {}, stride, padding, dilation, groups};
  for (size_t a = 0; a < input.size(); a++) {
    g.output.push_back((input[a] + 2 * padding[a] - dilation[a] * (kernel[a] - 1) - 1) / stride[a] + 1);
  }
  return g;
}

bool isPossible(const Geometry& g) {
  for (size_t a = 0; a < g.input.size(); a++) {
    if (g.input[a] + 2 * g.before[a] < g.dilation[a] * (g.kernel[a] - 1) + 1) return false;
  }
  return true;
}

void checkDirections(const Geometry& g, int64_t images, int64_t in, int64_t out, bool isOdd, int strange = 0) {
  for (const Direction direction : {Direction::Forward, Direction::Input, Direction::Weight}) {
    const WordType type = strange == 0 && pick(0, 4) == 0 ? WordType::Float64 : WordType::Float32;
    expectRight(g, images, in, out, direction, static_cast<Tail>(pick(0, 3)), isOdd, strange, type);
  }
}

void checkRandom(int rounds) {
  for (int round = 0; round < rounds; round++) {
    const size_t spatial = static_cast<size_t>(pick(1, 3));
    const int64_t longest = spatial == 1 ? 70 : spatial == 2 ? 20 : 7;
    List input, kernel, stride, padding, dilation;
    for (size_t a = 0; a < spatial; a++) {
      input.push_back(pick(1, longest));
      kernel.push_back(pick(1, 4));
      stride.push_back(pick(0, 2) ? 1 : pick(2, 3));
      padding.push_back(pick(0, 2) ? pick(0, 1) : pick(0, 5));
      dilation.push_back(pick(0, 3) ? 1 : pick(2, 3));
    }
    const Geometry g = geometry(input, kernel, stride, padding, dilation, pick(0, 2) ? 1 : pick(2, 5));
    if (!isPossible(g)) continue;
    const int64_t most = g.groups > 1 ? 5 : 40;
    checkDirections(g, pick(0, 8) ? pick(1, 4) : 0, pick(1, pick(1, most)), pick(1, pick(1, most)), pick(0, 3) == 0);
  }
}

/** Shapes that models have, small. */
void checkUsual() {
  auto square = [](int64_t size, int64_t kernel, int64_t stride, int64_t padding, int64_t groups) {
    return geometry({size, size}, {kernel, kernel}, {stride, stride}, {padding, padding}, {1, 1}, groups);
  };
  checkDirections(square(32, 3, 1, 1, 1), 2, 3, 64, false);
  checkDirections(square(16, 3, 1, 1, 1), 3, 40, 36, false);
  checkDirections(square(16, 3, 2, 1, 1), 3, 40, 36, false);
  checkDirections(square(16, 1, 2, 0, 1), 3, 40, 36, false);
  checkDirections(square(16, 1, 1, 0, 1), 3, 40, 36, false);
  checkDirections(square(4, 3, 1, 1, 1), 5, 70, 66, false);
  checkDirections(square(28, 3, 1, 0, 1), 3, 1, 32, false);
  checkDirections(square(26, 3, 1, 0, 1), 2, 32, 20, false);
  checkDirections(square(17, 3, 1, 1, 24), 2, 1, 1, false);
  checkDirections(square(17, 3, 2, 1, 24), 2, 1, 1, false);
  checkDirections(square(14, 5, 1, 2, 1), 2, 6, 16, false);
  checkDirections(square(7, 7, 1, 0, 1), 9, 8, 12, false);
  checkDirections(square(56, 7, 2, 3, 1), 1, 3, 16, false);
  checkDirections(geometry({3000}, {5}, {1}, {2}, {1}, 1), 2, 8, 12, false);
  checkDirections(geometry({3000}, {5}, {3}, {2}, {2}, 1), 2, 8, 12, false);
}

/** 3×3 windows at stride 1 with enough channels for Winograd's kernels, also where it meets what is not finite. */
void checkShortConvolutions() {
  for (int round = 0; round < 40; round++) {
    const int64_t height = pick(4, 12), width = pick(4, 12), groups = pick(0, 4) ? 1 : 2;
    const Geometry g = geometry({height, width}, {3, 3}, {1, 1}, {pick(0, 3), pick(0, 3)}, {1, 1}, groups);
    checkDirections(g, pick(1, 4), pick(16, 40), pick(16, 40), pick(0, 3) == 0, round % 3 == 0 ? 2 : 0);
  }
  checkDirections(geometry({24, 30}, {3, 3}, {1, 1}, {1, 1}, {1, 1}, 1), 2, 17, 18, false);
  checkDirections(geometry({24, 31}, {3, 3}, {1, 1}, {1, 1}, {1, 1}, 1), 2, 17, 18, false, 1);
}

/** What a transposed convolution asks for: places that no window covers, phases without taps. */
void checkTransposed() {
  for (int round = 0; round < 60; round++) {
    const size_t spatial = static_cast<size_t>(pick(1, 3));
    Geometry g;
    bool isPossible = true;
    for (size_t a = 0; a < spatial; a++) {
      const int64_t output = pick(1, 6), kernel = pick(1, 3), stride = pick(1, 4), dilation = pick(1, 3);
      const int64_t before = pick(0, 2), extra = pick(0, std::max(stride, dilation) - 1);
      const int64_t input = (output - 1) * stride - 2 * before + dilation * (kernel - 1) + extra + 1;
      isPossible = isPossible && input >= 1;
      g.input.push_back(input);
      g.kernel.push_back(kernel);
      g.output.push_back(output);
      g.stride.push_back(stride);
      g.before.push_back(before);
      g.dilation.push_back(dilation);
    }
    g.groups = pick(0, 3) ? 1 : 2;
    if (isPossible) checkDirections(g, pick(1, 3), pick(1, 20), pick(1, 20), pick(0, 3) == 0);
  }
}

}  // namespace

int main() {
  checkUsual();
  checkShortConvolutions();
  checkTransposed();
  checkRandom(400);
  std::printf("%d passed, %d failed\n", passed, failed);
  return failed == 0 ? 0 : 1;
}
