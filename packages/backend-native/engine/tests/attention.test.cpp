// Attention and its gradient against plain loops in double, over shapes, masks and the causal triangle.
#include <cmath>
#include <cstdio>
#include <limits>
#include <random>
#include <vector>

#include "../routines/attention.h"
#include "../runtime/threads.h"

using namespace flambeau;

namespace {

int passed = 0, failed = 0;

struct Example {
  int64_t batch, heads, queries, keys, size, valueSize;
  bool isCausal;
  int maskKind;
  bool isMaskShared;
};

struct Data {
  std::vector<float> q, k, v, grad, added;
  std::vector<uint8_t> allowed;
};

struct Answer {
  std::vector<double> out, logSumExp, q, k, v;
};

Answer expected(const Example& e, const Data& d, double scale) {
  const int64_t heads = e.batch * e.heads;
  Answer a;
  a.out.assign(heads * e.queries * e.valueSize, 0);
  a.logSumExp.assign(heads * e.queries, -INFINITY);
  a.q.assign(d.q.size(), 0);
  a.k.assign(d.k.size(), 0);
  a.v.assign(d.v.size(), 0);
  std::vector<double> score(e.keys), weight(e.keys), upstream(e.keys);
  for (int64_t h = 0; h < heads; h++) {
    for (int64_t i = 0; i < e.queries; i++) {
      const float* q = &d.q[(h * e.queries + i) * e.size];
      double max = -INFINITY;
      for (int64_t j = 0; j < e.keys; j++) {
        double s = 0;
        for (int64_t x = 0; x < e.size; x++) s += double(q[x]) * d.k[(h * e.keys + j) * e.size + x];
        s *= scale;
        const int64_t at = ((e.isMaskShared ? 0 : h) * e.queries + i) * e.keys + j;
        if (e.maskKind == 1 && !d.allowed[at]) s = -INFINITY;
        if (e.maskKind == 2) s += d.added[at];
        if (e.isCausal && j > i) s = -INFINITY;
        score[j] = s;
        if (s > max) max = s;
      }
      if (max == -INFINITY) continue;
      double sum = 0;
      for (int64_t j = 0; j < e.keys; j++) sum += weight[j] = std::exp(score[j] - max);
      a.logSumExp[h * e.queries + i] = max + std::log(sum);
      double inner = 0;
      for (int64_t j = 0; j < e.keys; j++) {
        weight[j] /= sum;
        upstream[j] = 0;
        for (int64_t x = 0; x < e.valueSize; x++) {
          const double v = d.v[(h * e.keys + j) * e.valueSize + x];
          const double g = d.grad[(h * e.queries + i) * e.valueSize + x];
          a.out[(h * e.queries + i) * e.valueSize + x] += weight[j] * v;
          a.v[(h * e.keys + j) * e.valueSize + x] += weight[j] * g;
          upstream[j] += v * g;
        }
        inner += weight[j] * upstream[j];
      }
      for (int64_t j = 0; j < e.keys; j++) {
        const double ofScore = weight[j] * (upstream[j] - inner) * scale;
        for (int64_t x = 0; x < e.size; x++) {
          a.q[(h * e.queries + i) * e.size + x] += ofScore * d.k[(h * e.keys + j) * e.size + x];
          a.k[(h * e.keys + j) * e.size + x] += ofScore * q[x];
        }
      }
    }
  }
  return a;
}

bool isNear(const std::vector<float>& found, const std::vector<double>& wanted, const char* what, int number) {
  double largest = 1;
  for (double x : wanted) {
    if (std::isfinite(x) && std::fabs(x) > largest) largest = std::fabs(x);
  }
  for (size_t i = 0; i < wanted.size(); i++) {
    const bool same = std::isinf(wanted[i]) ? found[i] == wanted[i] : std::fabs(found[i] - wanted[i]) <= 2e-5 * largest;
    if (same) continue;
    std::printf("example %d: %s[%zu] is %g, expected %g\n", number, what, i, found[i], wanted[i]);
    return false;
  }
  return true;
}

void run(const Example& e, int number) {
  std::mt19937 random(number + 1);
  std::normal_distribution<float> normal;
  const int64_t heads = e.batch * e.heads;
  const auto draw = [&](int64_t count) {
    std::vector<float> list(count);
    for (float& x : list) x = normal(random);
    return list;
  };
  Data d;
  d.q = draw(heads * e.queries * e.size);
  d.k = draw(heads * e.keys * e.size);
  d.v = draw(heads * e.keys * e.valueSize);
  d.grad = draw(heads * e.queries * e.valueSize);
  d.added = draw((e.isMaskShared ? 1 : heads) * e.queries * e.keys);
  d.allowed.resize(d.added.size());
  for (size_t i = 0; i < d.allowed.size(); i++) d.allowed[i] = random() % 3 != 0;
  // A row that may look nowhere.
  for (int64_t j = 0; j < e.keys && e.queries > 2; j++) d.allowed[2 * e.keys + j] = 0;
  const double scale = 1 / std::sqrt(double(e.size));

  // Operands lie head by head, which their strides say; results are contiguous.
  const auto result = [&](int64_t length, int64_t size) {
    return RoutineOperand{WordType::Float32, {e.batch, length, e.heads, size}, {}};
  };
  const auto operand = [&](int64_t length, int64_t size) {
    RoutineOperand lying = result(length, size);
    lying.strides = {e.heads * length * size, size, length * size, 1};
    return lying;
  };
  const RoutineOperand q = operand(e.queries, e.size), k = operand(e.keys, e.size), v = operand(e.keys, e.valueSize);
  const RoutineOperand grad = operand(e.queries, e.valueSize), out = result(e.queries, e.valueSize);
  const RoutineOperand rows{WordType::Float32, {e.batch, e.heads, e.queries}, {}};
  const RoutineOperand mask{e.maskKind == 1 ? WordType::Bool : WordType::Float32,
                            {e.isMaskShared ? 1 : e.batch, e.isMaskShared ? 1 : e.heads, e.queries, e.keys},
                            {}};
  RoutineSpec forward{"attention", {q, k, v}, {out, rows}, {scale, double(e.isCausal), double(e.maskKind)}};
  RoutineSpec backward{"attentionGradient",
                       {grad, q, k, v, out, rows},
                       {result(e.queries, e.size), result(e.keys, e.size), result(e.keys, e.valueSize)},
                       forward.attributes};
  if (e.maskKind != 0) forward.inputs.push_back(mask), backward.inputs.push_back(mask);

  const Answer wanted = expected(e, d, scale);
  char* masks = e.maskKind == 1 ? reinterpret_cast<char*>(d.allowed.data()) : reinterpret_cast<char*>(d.added.data());
  std::vector<std::vector<float>> results[2];
  for (int threads = 1; threads <= 2; threads++) {
    setThreadCount(threads);
    std::vector<float> y(wanted.out.size()), lse(wanted.logSumExp.size());
    std::vector<float> ofQ(d.q.size()), ofK(d.k.size()), ofV(d.v.size());
    std::atomic<bool> bad{false};
    const auto bytes = [](std::vector<float>& list) { return reinterpret_cast<char*>(list.data()); };
    char* in[] = {bytes(d.q), bytes(d.k), bytes(d.v), masks};
    char* to[] = {bytes(y), bytes(lse)};
    planAttention(forward)->run({in, to, nullptr, &bad});
    char* back[] = {bytes(d.grad), bytes(d.q), bytes(d.k), bytes(d.v), bytes(y), bytes(lse), masks};
    char* grads[] = {bytes(ofQ), bytes(ofK), bytes(ofV)};
    planAttentionGradient(backward)->run({back, grads, nullptr, &bad});
    results[threads - 1] = {y, lse, ofQ, ofK, ofV};
  }
  const auto byHead = [&](const std::vector<float>& from, int64_t length) {
    const int64_t size = from.empty() ? 0 : static_cast<int64_t>(from.size()) / (heads * length);
    std::vector<float> to(from.size());
    for (size_t i = 0; i < from.size(); i++) {
      const int64_t at = static_cast<int64_t>(i), head = at / size % e.heads, row = at / size / e.heads;
      to[((row / length * e.heads + head) * length + row % length) * size + at % size] = from[i];
    }
    return to;
  };
  auto r = results[0];
  for (const int which : {0, 2}) r[which] = byHead(r[which], e.queries);
  for (const int which : {3, 4}) r[which] = byHead(r[which], e.keys);
  const bool ok = isNear(r[0], wanted.out, "out", number) && isNear(r[1], wanted.logSumExp, "logSumExp", number) &&
                  isNear(r[2], wanted.q, "q", number) && isNear(r[3], wanted.k, "k", number) &&
                  isNear(r[4], wanted.v, "v", number);
  const bool isSame = results[0] == results[1];
  if (!isSame) std::printf("example %d: two threads differ from one\n", number);
  (ok && isSame ? passed : failed)++;
}

}  // namespace

int main() {
  const Example examples[] = {
      {1, 1, 1, 1, 1, 1, false, 0, true},      {2, 2, 128, 128, 64, 64, true, 0, true},
      {1, 3, 70, 133, 20, 33, false, 0, true}, {2, 1, 5, 300, 7, 3, false, 1, false},
      {1, 2, 200, 40, 16, 16, true, 2, true},  {1, 2, 40, 200, 16, 48, true, 1, true},
      {3, 2, 17, 19, 64, 1, false, 2, false},  {1, 1, 600, 600, 8, 8, true, 0, true},
      {1, 1, 3, 0, 4, 4, false, 0, true},      {0, 2, 3, 3, 4, 4, false, 0, true},
  };
  int number = 0;
  for (const Example& example : examples) run(example, number++);
  std::printf("%d passed, %d failed\n", passed, failed);
  return failed > 0;
}
