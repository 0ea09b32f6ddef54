// Transcendental functions on blocks: against long double, over all exponents, at special values, for every
// instruction set of this machine. With an argument: that many samples for each function, and a table.
#include "ops-check.h"

using namespace flambeau;

namespace {

using Unary = long double (*)(long double);
using Binary = long double (*)(long double, long double);

struct Function {
  const char* name;
  Opcode op;
  Unary unary;
  Binary binary;
  double single, twice;  // bounds in units of the last place, of float32 and float64
};

long double power(long double x, long double y) { return std::pow(x, y); }

const Function functions[] = {
    {"sqrt", Opcode::Sqrt, std::sqrt, nullptr, 0.5, 0.5},
    {"exp", Opcode::Exp, std::exp, nullptr, 1.1, 1},
    {"expm1", Opcode::Expm1, std::expm1, nullptr, 2, 2},
    {"log", Opcode::Log, std::log, nullptr, 1, 1},
    {"log1p", Opcode::Log1p, std::log1p, nullptr, 1.5, 1.2},
    {"sin", Opcode::Sin, std::sin, nullptr, 2.2, 1},
    {"cos", Opcode::Cos, std::cos, nullptr, 2.2, 1},
    {"tan", Opcode::Tan, std::tan, nullptr, 0.51, 2.3},
    {"asin", Opcode::Asin, std::asin, nullptr, 0.51, 2.3},
    {"acos", Opcode::Acos, std::acos, nullptr, 0.51, 2},
    {"atan", Opcode::Atan, std::atan, nullptr, 0.51, 1},
    {"sinh", Opcode::Sinh, std::sinh, nullptr, 2.5, 2.5},
    {"cosh", Opcode::Cosh, std::cosh, nullptr, 2, 2},
    {"tanh", Opcode::Tanh, std::tanh, nullptr, 2.5, 2.5},
    {"asinh", Opcode::Asinh, std::asinh, nullptr, 0.51, 2.5},
    {"acosh", Opcode::Acosh, std::acosh, nullptr, 0.51, 2.5},
    {"atanh", Opcode::Atanh, std::atanh, nullptr, 0.51, 2.5},
    {"erf", Opcode::Erf, std::erf, nullptr, 1.5, 1.5},
    {"pow", Opcode::Pow, nullptr, power, 0.6, 1},
    {"atan2", Opcode::Atan2, nullptr, std::atan2, 0.51, 2},
    {"rem", Opcode::Rem, nullptr, std::fmod, 0, 0},
};

long double sigmoid(long double x) { return 1 / (1 + std::exp(-x)); }

/** Numbers of all sizes and signs, the special ones, and many of the sizes that programs use. */
template <class T> std::vector<T> samples(size_t count, Random& random) {
  std::vector<T> values = specialFloats<T>();
  while (values.size() < count) {
    const uint64_t bits = random.next();
    const double unit = static_cast<double>(random.next() >> 11) * 0x1p-53;
    const double sign = bits & 1 ? -1 : 1;
    switch (bits >> 1 & 3) {
      case 0: values.push_back(fromBits<T>(sizeof(T) == 4 ? bits >> 32 : bits)); break;
      case 1: values.push_back(static_cast<T>(sign * unit * 20)); break;
      case 2: values.push_back(static_cast<T>(sign * std::exp2(unit * 60 - 40))); break;
      default: values.push_back(static_cast<T>(1 + sign * unit * 0.6)); break;
    }
  }
  values.resize(count / kBlock * kBlock);
  return values;
}

/** Where functions go from one polynomial to the next: at odd sixteenths (erf), at quarters of octaves (tanh). */
template <class T> std::vector<T> borders() {
  std::vector<T> values;
  const auto add = [&](double border) {
    T low = static_cast<T>(border), high = low;
    for (int i = 0; i < 8; i++) {
      for (const T x : {low, high}) {
        values.push_back(x);
        values.push_back(-x);
      }
      low = std::nextafter(low, T(0));
      high = std::nextafter(high, T(100));
    }
  };
  for (int i = 1; i <= 128; i++) add(i / 32.0);
  for (int octave = -6; octave < 4; octave++) {
    for (int quarter = 0; quarter < 8; quarter++) add(std::ldexp(1 + quarter / 8.0, octave));
  }
  for (const double end : {3.9374998, 3.95, 9.02, 9.010913, 10.0, 20.0, 0x1p-9, 0.0625 - 0x1p-9}) add(end);
  values.resize(values.size() / kBlock * kBlock + kBlock, T(0.5));
  return values;
}

struct Worst {
  double units = 0;
  double x = 0, y = 0, got = 0;
};

template <class T>
Worst worstOf(BlockOp op, const std::vector<T>& x, const std::vector<T>& y, const std::vector<long double>& expected) {
  Worst worst;
  std::vector<T> out(kBlock);
  for (size_t start = 0; start < x.size(); start += kBlock) {
    op(out.data(), &x[start], &y[start], nullptr, kBlock);
    for (size_t i = 0; i < static_cast<size_t>(kBlock); i++) {
      const double units = unitsApart(out[i], expected[start + i]);
      if (!(units <= worst.units)) worst = {units, double(x[start + i]), double(y[start + i]), double(out[i])};
    }
  }
  return worst;
}

template <class T>
void testType(Tally& tally, const Function& f, WordType type, size_t count, bool isShown) {
  Random random;
  std::vector<T> x = samples<T>(count, random);
  if (f.binary == nullptr) {
    const std::vector<T> more = borders<T>();
    x.insert(x.end(), more.begin(), more.end());
  }
  std::vector<T> y = x;
  if (f.binary != nullptr) {
    y = samples<T>(count, random);
    // All pairs of special values first; then powers that do not overflow.
    const std::vector<T> special = specialFloats<T>();
    size_t at = 0;
    for (size_t i = 0; i < special.size() && at < x.size() / 2; i += 2) {
      for (size_t j = 0; j < special.size() && at < x.size() / 2; j += 3, at++) x[at] = special[i], y[at] = special[j];
    }
    for (size_t i = x.size() * 3 / 4; i < x.size(); i++) {
      const T size = std::log2(std::fabs(x[i])) + T(1e-3);
      y[i] = std::fmod(y[i], std::fabs(120 / size) + 1);
    }
  }
  std::vector<long double> expected(x.size());
  for (size_t i = 0; i < x.size(); i++) expected[i] = f.unary != nullptr ? f.unary(x[i]) : f.binary(x[i], y[i]);
  const double bound = sizeof(T) == 4 ? f.single : f.twice;
  if (isShown) std::printf("%-8s %s", f.name, sizeof(T) == 4 ? "float32" : "float64");
  for (const NamedOps& set : opsOfThisMachine()) {
    const int at = static_cast<int>(type);
    const BlockOp op = set.ops->table[static_cast<int>(f.op)][at];
    const Worst worst = worstOf<T>(op, x, y, expected);
    tally.check(worst.units <= bound, f.name, set.name, worst.x, worst.y, worst.got);
    if (isShown) std::printf("   %s %.3f (%g, %g)", set.name, worst.units, worst.x, worst.y);
  }
  if (isShown) std::printf("\n");
}

void testSigmoid(Tally& tally, size_t count, bool isShown) {
  Random random;
  const Function f{"sigmoid", Opcode::Exp, sigmoid, nullptr, 2.5, 2.5};
  const std::vector<float> x = samples<float>(count, random);
  const std::vector<double> y = samples<double>(count, random);
  std::vector<long double> forX, forY;
  for (float v : x) forX.push_back(sigmoid(v));
  for (double v : y) forY.push_back(sigmoid(v));
  for (const NamedOps& set : opsOfThisMachine()) {
    const Worst single = worstOf<float>(set.ops->sigmoid[static_cast<int>(WordType::Float32)], x, x, forX);
    const Worst twice = worstOf<double>(set.ops->sigmoid[static_cast<int>(WordType::Float64)], y, y, forY);
    tally.check(single.units <= f.single, "sigmoid float32", set.name, single.x, single.units, single.got);
    tally.check(twice.units <= f.twice, "sigmoid float64", set.name, twice.x, twice.units, twice.got);
    if (isShown) std::printf("sigmoid %s %.3f %.3f\n", set.name, single.units, twice.units);
  }
}

}  // namespace

int main(int argumentCount, char** arguments) {
  Tally tally;
  const bool isShown = argumentCount > 1;
  const size_t count = isShown ? static_cast<size_t>(std::atoll(arguments[1])) : 65536;
  for (const Function& f : functions) {
    testType<float>(tally, f, WordType::Float32, count, isShown);
    testType<double>(tally, f, WordType::Float64, count, isShown);
  }
  testSigmoid(tally, count, isShown);
  return tally.finish();
}
