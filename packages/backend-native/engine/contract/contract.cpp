// Contractions: picks who computes one. A plain matrix product where the axes allow, windows (convolutions),
// products through tables of offsets, and, for all else, an ordinary reduction.
#include <algorithm>
#include <utility>

#include "matrix.h"
#include "windows.h"

namespace flambeau {
namespace {

uint32_t addStep(Expression& expression, Opcode op, WordType type, uint32_t x = 0, uint32_t y = 0,
                 uint32_t position = 0) {
  Step step;
  step.op = op;
  step.type = type;
  step.operands[0] = x;
  step.operands[1] = y;
  step.position = position;
  expression.steps.push_back(step);
  return static_cast<uint32_t>(expression.steps.size() - 1);
}

/** The same as a reduction of products over k. */
LoopSpec asReduce(ContractSpec spec) {
  const WordType type = spec.accumulator;
  LoopSpec result;
  result.kind = KernelKind::Reduce;
  result.reduced = spec.k;
  result.states.push_back({type, Bits{}});
  uint32_t factors[2];
  for (uint32_t i = 0; i < 2; i++) {
    const WordType held = valueType(spec.loads[i].type);
    factors[i] = addStep(result.step, Opcode::Load, held, 0, 0, i);
    if (held != type) factors[i] = addStep(result.step, Opcode::Cast, type, factors[i]);
  }
  const uint32_t product = addStep(result.step, Opcode::Mul, type, factors[0], factors[1]);
  const uint32_t state = addStep(result.step, Opcode::State, type);
  result.step.results.push_back(addStep(result.step, Opcode::Add, type, state, product));
  const uint32_t earlier = addStep(result.merge, Opcode::State, type);
  const uint32_t later = addStep(result.merge, Opcode::Other, type);
  result.merge.results.push_back(addStep(result.merge, Opcode::Add, type, earlier, later));
  static_cast<LoopsCommon&>(result) = std::move(static_cast<LoopsCommon&>(spec));
  return result;
}

int64_t lengthOf(const ContractSpec& spec, uint32_t first, uint32_t count) {
  int64_t length = 1;
  for (uint32_t axis = first; axis < first + count; axis++) length *= spec.axes[axis];
  return length;
}

/** Whether the stores suit rows along m better: neighbours there are neighbours in the output, or n is 1. */
bool shouldExchange(const ContractSpec& spec) {
  if (spec.stores.size() != 1 || !isInjective(spec, spec.stores[0])) return false;
  const Store& store = spec.stores[0];
  const auto lastStride = [&](uint32_t first, uint32_t count) {
    for (uint32_t axis = first + count; axis-- > first;) {
      if (spec.axes[axis] != 1) return store.strides[axis];
    }
    return int64_t{0};
  };
  const int64_t alongM = lastStride(spec.batch, spec.m), alongN = lastStride(spec.batch + spec.m, spec.n);
  if (lengthOf(spec, spec.batch + spec.m, spec.n) == 1) return lengthOf(spec, spec.batch, spec.m) > 1;
  return alongM == 1 && alongN != 1;
}

template <class T>
void exchangeGroups(std::vector<T>& perAxis, const ContractSpec& spec) {
  const auto m = perAxis.begin() + spec.batch;
  std::rotate(m, m + spec.m, m + spec.m + spec.n);
}

void exchangeGroups(Access& access, const ContractSpec& spec) {
  exchangeGroups(access.strides, spec);
  for (Guard& guard : access.guards) exchangeGroups(guard.coefficients, spec);
  for (Indirection& indirection : access.indirections) {
    if (indirection.load < 2) indirection.load = 1 - indirection.load;
  }
}

bool isFloat(WordType type) { return type == WordType::Float32 || type == WordType::Float64; }

std::unique_ptr<Kernel> planProduct(std::unique_ptr<MatrixProblem> problem) {
  if (!isFloat(problem->accumulator)) return planIntegerProduct(std::move(problem));
  if (auto kernel = planBfloat16Product(problem)) return kernel;
  return planFloatProduct(std::move(problem));
}

}  // namespace

ContractSpec exchangeRoles(const ContractSpec& spec) {
  ContractSpec result = spec;
  exchangeGroups(result.axes, spec);
  for (Load& load : result.loads) exchangeGroups(load, spec);
  for (Store& store : result.stores) exchangeGroups(store, spec);
  std::swap(result.loads[0], result.loads[1]);
  std::swap(result.m, result.n);
  for (Step& step : result.values.steps) {
    if (step.op == Opcode::Load && step.position < 2) step.position = 1 - step.position;
    if (step.op != Opcode::Index || step.position < spec.batch) continue;
    if (step.position < spec.batch + spec.m) step.position += spec.n;
    else if (step.position < spec.batch + spec.m + spec.n) step.position -= spec.m;
  }
  return result;
}

std::unique_ptr<Kernel> planContract(ContractSpec given) {
  const WordType type = given.accumulator;
  const bool isKnown = isFloat(type) || type == WordType::Int32 || type == WordType::Int64;
  if (!isKnown) return planLoops(asReduce(std::move(given)));
  const ContractSpec spec = shouldExchange(given) ? exchangeRoles(given) : given;
  if (auto problem = planMatrix(spec, false)) return planProduct(std::move(problem));
  if (auto kernel = planWindows(given)) return kernel;
  if (auto problem = planMatrix(spec, true)) return planProduct(std::move(problem));
  return planLoops(asReduce(std::move(given)));
}

}  // namespace flambeau
