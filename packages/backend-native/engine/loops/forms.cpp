// What the steps of an expression come to: rates, fused instructions, steps that change nothing.
#include <algorithm>
#include <cmath>

#include "compilation.h"
#include "scalars.h"

namespace flambeau::loops {

/** Whether an int32 is never negative; sums and products are taken not to overflow. */
bool Compilation::isNatural(uint32_t step, int depth) const {
  const Step& s = steps_[step];
  if (s.type != WordType::Int32 || depth == 0) return false;
  if (s.op == Opcode::Index) return true;
  if (s.op == Opcode::Const) return s.value.as<int32_t>() >= 0;
  return (s.op == Opcode::Add || s.op == Opcode::Mul) && isNatural(s.operands[0], depth - 1) &&
         isNatural(s.operands[1], depth - 1);
}

/** Whether a condition always holds: that a position is not negative. */
bool Compilation::isTrue(uint32_t step) const {
  const Step& s = steps_[step];
  if (s.op != Opcode::Le) return false;
  const Step& low = steps_[s.operands[0]];
  return low.op == Opcode::Const && low.type == WordType::Int32 && low.value.as<int32_t>() <= 0 &&
         isNatural(s.operands[1], 6);
}

/** A step that changes nothing stands for its operand. */
uint32_t Compilation::source(uint32_t step) const {
  for (;;) {
    const Step& s = steps_[step];
    if (s.op == Opcode::Bitcast || (s.op == Opcode::Cast && steps_[s.operands[0]].type == s.type)) step = s.operands[0];
    else if (s.op == Opcode::And && s.type == WordType::Bool && isTrue(s.operands[0])) step = s.operands[1];
    else if (s.op == Opcode::And && s.type == WordType::Bool && isTrue(s.operands[1])) step = s.operands[0];
    else return step;
  }
}

void Compilation::findUses() {
  uses_.assign(steps_.size(), 0);
  std::vector<bool> isReached(steps_.size(), false);
  for (const Sink& sink : sinks_) {
    isReached[source(sink.step)] = true;
    uses_[source(sink.step)] += 2;  // never within another instruction
  }
  for (size_t i = steps_.size(); i-- > 0;) {
    if (!isReached[i]) continue;
    for (int k = 0; k < operandCount(steps_[i].op); k++) {
      const uint32_t operand = source(steps_[i].operands[k]);
      isReached[operand] = true;
      uses_[operand]++;
    }
  }
}

bool Compilation::isConstant(uint32_t step, double value) const {
  const Step& s = steps_[step];
  if (s.op != Opcode::Const) return false;
  if (s.type == WordType::Float32) return s.value.as<float>() == static_cast<float>(value);
  return s.type == WordType::Float64 && s.value.as<double>() == value;
}

/** Whether an operand of an instruction may stay a single element: of the block, or of each row if rows are long. */
bool Compilation::isSpared(uint32_t step, Rate rate) const {
  if (rates_[step] <= Rate::Block) return rate > Rate::Block;
  return rates_[step] == Rate::Row && rate == Rate::Full && compiler_.columns() >= kLongRow;
}

/** 1 / (1 + exp(-x)), and 1 / (1 + exp(min(-x, limit))) */
bool Compilation::fuseSigmoid(uint32_t i) {
  const Step& s = steps_[i];
  const BlockOps& ops = blockOps();
  const uint32_t x = source(s.operands[0]), y = source(s.operands[1]);
  if (s.op != Opcode::Div || !isOne(x) || !isSingle(y, Opcode::Add)) return false;
  const uint32_t a = source(steps_[y].operands[0]), b = source(steps_[y].operands[1]);
  const uint32_t power = isOne(a) ? b : a;
  if (!isOne(isOne(a) ? a : b) || !isSingle(power, Opcode::Exp)) return false;
  uint32_t minus = source(steps_[power].operands[0]), limit = minus;
  const bool isBounded = isSingle(minus, Opcode::Min);
  if (isBounded) {
    limit = source(steps_[minus].operands[1]);
    minus = source(steps_[minus].operands[0]);
    const Step& bound = steps_[limit];
    if (bound.op != Opcode::Const || !isSpared(limit, rates_[i])) return false;
    // NaN as the limit makes all results NaN, which the instruction does not.
    if (std::isnan(bound.type == WordType::Float32 ? bound.value.as<float>() : bound.value.as<double>())) return false;
  }
  if (!isSingle(minus, Opcode::Neg)) return false;
  const uint32_t of = source(steps_[minus].operands[0]);
  const int type = loops::at(s.type);
  if (isBounded) forms_[i] = {ops.boundedSigmoid[type], 2, {of, limit, 0}, Fused::WithSingles};
  else forms_[i] = {ops.sigmoid[type], 1, {of, 0, 0}, Fused::None};
  return true;
}

/** (x · 0.5) · (1 + erf(x · √0.5)) */
bool Compilation::fuseGelu(uint32_t i) {
  const Step& s = steps_[i];
  if (s.op != Opcode::Mul) return false;
  const uint32_t half = source(s.operands[0]), sum = source(s.operands[1]);
  if (!isSingle(half, Opcode::Mul) || !isSingle(sum, Opcode::Add)) return false;
  const uint32_t one = source(steps_[sum].operands[0]), erf = source(steps_[sum].operands[1]);
  if (!isOne(one) || !isSingle(erf, Opcode::Erf)) return false;
  const uint32_t scaled = source(steps_[erf].operands[0]), x = source(steps_[half].operands[0]);
  if (!isSingle(scaled, Opcode::Mul) || source(steps_[scaled].operands[0]) != x) return false;
  if (!isConstant(source(steps_[half].operands[1]), 0.5)) return false;
  if (!isConstant(source(steps_[scaled].operands[1]), 0.70710678118654752)) return false;
  forms_[i] = {blockOps().gelu[loops::at(s.type)], 1, {x, 0, 0}, Fused::None};
  return true;
}

/** exp(x - y) and (x - y) · z for single y and z. */
bool Compilation::fuseDifference(uint32_t i) {
  const Step& s = steps_[i];
  if (s.op != Opcode::Exp && s.op != Opcode::Mul) return false;
  const bool isProduct = s.op == Opcode::Mul;
  uint32_t difference = source(s.operands[0]), factor = source(s.operands[isProduct ? 1 : 0]);
  if (isProduct && !isSingle(difference, Opcode::Sub)) std::swap(difference, factor);
  if (!isSingle(difference, Opcode::Sub) || (isProduct && !isSpared(factor, rates_[i]))) return false;
  const uint32_t x = source(steps_[difference].operands[0]), y = source(steps_[difference].operands[1]);
  if (!isSpared(y, rates_[i]) || rates_[x] != rates_[i]) return false;
  const int type = loops::at(s.type);
  if (isProduct) forms_[i] = {scalarOps().scaledDifference[type], 3, {x, y, factor}, Fused::WithSingles};
  else forms_[i] = {blockOps().expOfDifference[type], 2, {x, y, 0}, Fused::WithSingles};
  return true;
}

bool Compilation::isNaNTest(uint32_t step, uint32_t& of) const {
  const Step& s = steps_[step];
  if (s.op != Opcode::Ne || source(s.operands[0]) != source(s.operands[1])) return false;
  of = source(s.operands[0]);
  return isFloat(steps_[of].type);
}

/** Comparisons to which NaN counts: x beats y (x > y, or only x is NaN), x equals y (or both are NaN). */
bool Compilation::fuseComparison(uint32_t i) {
  const Step& s = steps_[i];
  if (s.op != Opcode::Or) return false;
  const uint32_t plain = source(s.operands[0]), special = source(s.operands[1]);
  const Step &p = steps_[plain], &q = steps_[special];
  if (q.op != Opcode::And || (p.op != Opcode::Lt && p.op != Opcode::Eq)) return false;
  if (!isFloat(steps_[p.operands[0]].type)) return false;
  const uint32_t a = source(p.operands[0]), b = source(p.operands[1]);
  uint32_t first, second;
  if (!isNaNTest(source(q.operands[0]), first) || (first != a && first != b)) return false;
  const uint32_t other = first == a ? b : a;
  const uint32_t rest = source(q.operands[1]);
  const int type = loops::at(steps_[a].type);
  const ScalarOps& ops = scalarOps();
  if (p.op == Opcode::Eq) {
    if (!isNaNTest(rest, second) || second != other || a == b) return false;
    forms_[i] = {ops.same[type], 2, {a, b, 0}, Fused::Comparison};
  } else {
    if (steps_[rest].op != Opcode::Not || !isNaNTest(source(steps_[rest].operands[0]), second)) return false;
    if (second != other || a == b) return false;
    forms_[i] = {first == b ? ops.exceeds[type] : ops.undercuts[type], 2, {first, other, 0}, Fused::Comparison};
  }
  return forms_[i].op != nullptr;
}

/** Makes one instruction of several. */
bool Compilation::fuse(uint32_t i) {
  const Step& s = steps_[i];
  if (s.type == WordType::Bool) return fuseComparison(i);
  if (!isFloat(s.type)) return false;
  if (fuseSigmoid(i) || fuseGelu(i) || fuseDifference(i)) return true;
  if (s.op != Opcode::Add && s.op != Opcode::Sub) return false;
  const BlockOps& ops = blockOps();
  const int type = loops::at(s.type);
  const uint32_t x = source(s.operands[0]), y = source(s.operands[1]);
  const bool isProduct[2] = {isSingle(x, Opcode::Mul) && rates_[x] == rates_[i],
                             isSingle(y, Opcode::Mul) && rates_[y] == rates_[i]};
  if ((!isProduct[0] && !isProduct[1]) || x == y) return false;
  const uint32_t product = isProduct[1] ? y : x, rest = isProduct[1] ? x : y;
  const Fused fused = s.op == Opcode::Add ? Fused::MultiplyAdd
                      : isProduct[1]      ? Fused::SubtractProduct
                                          : Fused::MultiplySubtract;
  const BlockOp op = fused == Fused::MultiplyAdd       ? ops.multiplyAdd[type]
                     : fused == Fused::SubtractProduct ? ops.subtractProduct[type]
                                                       : ops.multiplySubtract[type];
  if (op == nullptr) return false;
  uint32_t a = source(steps_[product].operands[0]), b = source(steps_[product].operands[1]);
  if (rates_[a] < rates_[b]) std::swap(a, b);
  forms_[i] = {op, 3, {a, b, rest}, fused};
  return true;
}

/** From the last step back: what no form reads is not needed. */
void Compilation::findForms() {
  const BlockOps& ops = blockOps();
  forms_.resize(steps_.size());
  isNeeded_.assign(steps_.size(), false);
  for (const Sink& sink : sinks_) isNeeded_[source(sink.step)] = true;
  for (size_t i = steps_.size(); i-- > 0;) {
    const Step& s = steps_[i];
    const int operands = operandCount(s.op);
    if (!isNeeded_[i] || operands == 0) continue;
    Form& form = forms_[i];
    if (!fuse(static_cast<uint32_t>(i))) {
      form.operands = operands;
      for (int k = 0; k < operands; k++) form.steps[k] = source(s.operands[k]);
      const int from = loops::at(steps_[s.operands[s.op == Opcode::Select ? 1 : 0]].type);
      form.op = s.op == Opcode::Cast ? ops.cast[from][loops::at(s.type)] : ops.table[static_cast<int>(s.op)][from];
      if (form.op == nullptr) {
        throw Error(std::string("Instruction ") + kOpcodeNames[static_cast<int>(s.op)] + " is not defined on " +
                    kWordTypeNames[from] + ".");
      }
    }
    for (int k = 0; k < form.operands; k++) isNeeded_[form.steps[k]] = true;
  }
}

Rate Compilation::leafRate(const Step& step) const {
  const Box& box = compiler_.box();
  switch (step.op) {
    case Opcode::State: return leaves_.states[step.position].rate;
    case Opcode::Other: return leaves_.others[step.position].rate;
    case Opcode::Kept: return leaves_.kept[step.position].rate;
    case Opcode::Load: return compiler_.rateOf(compiler_.nest().loads[step.position]);
    case Opcode::Index: {
      const int axis = compiler_.nest().axisOf[step.position];
      if (axis < 0) return Rate::Call;
      for (size_t b = 0; b < box.axes.size(); b++)
        if (static_cast<int>(box.axes[b].axis) == axis) return b < box.rows ? Rate::Row : Rate::Full;
      return Rate::Block;
    }
    default: return Rate::Call;
  }
}

void Compilation::findRates() {
  rates_.assign(steps_.size(), Rate::Call);
  for (size_t i = 0; i < steps_.size(); i++) {
    if (uses_[i] == 0) continue;
    const int operands = operandCount(steps_[i].op);
    if (operands == 0) rates_[i] = leafRate(steps_[i]);
    for (int k = 0; k < operands; k++) rates_[i] = std::max(rates_[i], rates_[source(steps_[i].operands[k])]);
  }
}

}  // namespace flambeau::loops
