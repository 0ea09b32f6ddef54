// Finding folds in expressions, and joining partial states block by block.
#include "states.h"

namespace flambeau::loops {
namespace {

uint32_t unwrapped(const Expression& e, uint32_t step) {
  while (e.steps[step].op == Opcode::Cast && e.steps[e.steps[step].operands[0]].type == e.steps[step].type)
    step = e.steps[step].operands[0];
  return step;
}

bool foldOf(const Step& step, Fold& fold) {
  const bool isBool = step.type == WordType::Bool;
  switch (step.op) {
    case Opcode::Add: fold = Fold::Add; return !isBool;
    case Opcode::Mul: fold = Fold::Mul; return !isBool;
    case Opcode::Max: fold = Fold::Max; return true;
    case Opcode::Min: fold = Fold::Min; return true;
    case Opcode::Or: fold = Fold::Max; return isBool;
    case Opcode::And: fold = Fold::Min; return isBool;
    default: return false;
  }
}

bool isState(const Expression& e, uint32_t step, Opcode leaf, uint32_t number) {
  const Step& s = e.steps[unwrapped(e, step)];
  return s.op == leaf && s.position == number;
}

double numberOf(const State& state) {
  switch (state.type) {
    case WordType::Float32: return state.initial.as<float>();
    case WordType::Float64: return state.initial.as<double>();
    case WordType::Int64: return static_cast<double>(state.initial.as<int64_t>());
    case WordType::Int32: return state.initial.as<int32_t>();
    default: return state.initial.as<uint8_t>();
  }
}

bool isNeutral(const State& state, Fold fold) {
  const double number = numberOf(state);
  const bool isFloating = state.type == WordType::Float32 || state.type == WordType::Float64;
  const bool isByte = state.type == WordType::Bool || state.type == WordType::Uint8;
  const double high = isFloating ? __builtin_inf() : state.type == WordType::Bool ? 1 : isByte ? 255
                      : state.type == WordType::Int32 ? 2147483647.0 : 9223372036854775807.0;
  const double low = isFloating ? -__builtin_inf() : isByte ? 0 : -high - (state.type == WordType::Int32);
  switch (fold) {
    case Fold::Add: return number == 0;
    case Fold::Mul: return number == 1;
    case Fold::Max: return number == low;
    default: return number == high;
  }
}

}  // namespace

std::vector<FoldTerm> findFolds(const std::vector<State>& states, uint32_t first, const Expression& step,
                                const Expression* merge) {
  std::vector<FoldTerm> terms;
  std::vector<bool> dependsOnState(step.steps.size(), false);
  const uint32_t end = first + static_cast<uint32_t>(states.size());
  for (size_t i = 0; i < step.steps.size(); i++) {
    const Step& s = step.steps[i];
    if (s.op == Opcode::State && s.position >= first && s.position < end) dependsOnState[i] = true;
    for (int k = 0; k < operandsOf(s); k++) dependsOnState[i] = dependsOnState[i] || dependsOnState[s.operands[k]];
  }
  for (uint32_t i = 0; i < states.size(); i++) {
    const Step& s = step.steps[unwrapped(step, step.results[i])];
    FoldTerm term = {Fold::Add, 0, states[i].type};
    if (!foldOf(s, term.fold) || s.type != states[i].type) return {};
    const int own = isState(step, s.operands[0], Opcode::State, first + i) ? 0 : 1;
    if (!isState(step, s.operands[own], Opcode::State, first + i) || dependsOnState[s.operands[1 - own]]) return {};
    term.value = s.operands[1 - own];
    if (loopMoves().fold[static_cast<int>(term.fold)][static_cast<int>(term.type)] == nullptr) return {};
    if (merge != nullptr) {
      const Step& m = merge->steps[unwrapped(*merge, merge->results[i])];
      Fold fold;
      if (!foldOf(m, fold) || fold != term.fold || m.type != s.type || !isNeutral(states[i], fold)) return {};
      const int mine = isState(*merge, m.operands[0], Opcode::State, first + i) ? 0 : 1;
      if (!isState(*merge, m.operands[mine], Opcode::State, first + i)) return {};
      if (!isState(*merge, m.operands[1 - mine], Opcode::Other, first + i)) return {};
    }
    terms.push_back(term);
  }
  return terms;
}

bool isSquare(const Expression& e, const FoldTerm& term, uint32_t& x, uint32_t& centre) {
  if (term.fold != Fold::Add || loopMoves().squares[static_cast<int>(term.type)] == nullptr) return false;
  const Step& product = e.steps[unwrapped(e, term.value)];
  if (product.op != Opcode::Mul) return false;
  const uint32_t root = unwrapped(e, product.operands[0]);
  if (root != unwrapped(e, product.operands[1]) || e.steps[root].op != Opcode::Sub) return false;
  x = e.steps[root].operands[0];
  centre = e.steps[root].operands[1];
  return true;
}

StateLayout::StateLayout(const std::vector<State>& states, int64_t lanes) {
  for (const State& state : states) {
    offsets_.push_back(bytes_);
    sizes_.push_back(byteSize(state.type));
    initial_.push_back(state.initial);
    bytes_ += (lanes * sizes_.back() + 63) / 64 * 64 + 64;
  }
}

void StateLayout::fill(char* memory, int64_t lanes) const {
  for (size_t i = 0; i < offsets_.size(); i++) loopMoves().fill(sizes_[i], at(memory, i), initial_[i].word, lanes);
}

Merger::Merger(const std::vector<State>& states, uint32_t first, const Expression& merge) {
  Nest nest;
  nest.axes = {kBlock};
  nest.outer = 1;
  Box box;
  box.axes = {{0, true}};
  box.most = kBlock;
  Compiler compiler(std::move(nest), std::move(box), -1);
  Leaves leaves;
  leaves.states.resize(first);
  leaves.others.resize(first);
  std::vector<Sink> sinks;
  for (uint32_t i = 0; i < states.size(); i++) {
    states_.push_back(compiler.external());
    others_.push_back(compiler.external());
    sizes_.push_back(byteSize(states[i].type));
    leaves.states.push_back({states_[i], Rate::Full, states[i].type});
    leaves.others.push_back({others_[i], Rate::Full, states[i].type});
    sinks.push_back({Sink::Kind::Into, merge.results[i], 0, leaves.states.back(), Rate::Full});
  }
  code_ = compiler.compile(merge, leaves, sinks);
  machine_ = compiler.finish();
}

void Merger::merge(Frame& frame, char* const* states, char* const* others, int64_t lanes) const {
  for (int64_t from = 0; from < lanes; from += kBlock) {
    frame.setExtent(0, lanes - from < kBlock ? lanes - from : kBlock);
    for (size_t i = 0; i < states_.size(); i++) {
      frame.at(states_[i]) = states[i] + from * sizes_[i];
      frame.at(others_[i]) = others[i] + from * sizes_[i];
    }
    frame.run(code_);
  }
}

void Merger::mergeGroups(Frame& frame, char* const* states, int64_t parts, int64_t lanes) const {
  char* others[kMostStates];
  while (parts > 1) {
    const int64_t half = (parts + 1) / 2;
    for (size_t i = 0; i < states_.size(); i++) others[i] = states[i] + half * lanes * sizes_[i];
    merge(frame, states, others, (parts - half) * lanes);
    parts = half;
  }
}

}  // namespace flambeau::loops
