// Finds the matrix product in a contraction: merges axes, decides where sums go. Nothing here depends on the
// number of threads or on the instruction set.
#include <algorithm>
#include <cstdlib>

#include "matrix.h"

namespace flambeau {
namespace {

/** Longest table of offsets. */
constexpr int64_t kLongestTable = int64_t{1} << 22;

/** Axes merged as far as they go: length and stride, outermost first; none where there is one element. */
std::vector<std::pair<int64_t, int64_t>> mergeAxes(const std::vector<int64_t>& lengths,
                                                   const std::vector<int64_t>& strides) {
  std::vector<std::pair<int64_t, int64_t>> merged;
  for (size_t axis = 0; axis < lengths.size(); axis++) {
    if (lengths[axis] == 1) continue;
    if (!merged.empty() && merged.back().second == strides[axis] * lengths[axis]) {
      merged.back() = {merged.back().first * lengths[axis], strides[axis]};
    } else {
      merged.push_back({lengths[axis], strides[axis]});
    }
  }
  return merged;
}

Line makeLine(const std::vector<int64_t>& lengths, const std::vector<int64_t>& strides) {
  Line line;
  for (int64_t length : lengths) line.length *= length;
  const auto merged = mergeAxes(lengths, strides);
  // Of one element, or none, any stride is right, and 1 suits most.
  line.stride = merged.size() != 1 ? 1 : merged[0].second;
  if (merged.size() < 2 || line.length == 0) return line;
  line.offsets.assign(1, 0);
  for (const auto& [length, stride] : merged) {
    std::vector<int64_t> next;
    next.reserve(line.offsets.size() * length);
    for (int64_t base : line.offsets) {
      for (int64_t i = 0; i < length; i++) next.push_back(base + i * stride);
    }
    line.offsets = std::move(next);
  }
  return line;
}

bool isPlain(const Access& access) { return access.guards.empty() && access.indirections.empty(); }

/** Which axes make up a group, and their lengths. */
struct Group {
  std::vector<uint32_t> axes;
  std::vector<int64_t> lengths;
  void add(const ContractSpec& spec, uint32_t axis) {
    axes.push_back(axis);
    lengths.push_back(spec.axes[axis]);
  }
  std::vector<int64_t> strides(const Access& access) const {
    std::vector<int64_t> result;
    for (uint32_t axis : axes) result.push_back(access.strides[axis]);
    return result;
  }
  Line line(const Access& access) const { return makeLine(lengths, strides(access)); }
  bool isEven(const Access& access) const { return mergeAxes(lengths, strides(access)).size() < 2; }
  int64_t count() const {
    int64_t product = 1;
    for (int64_t length : lengths) product *= length;
    return product;
  }
};

struct Groups {
  Group batch, m, n, k;
};

/** `mayMove`: what is an axis of the batch only for a and the output counts as one of m. The order within k
 * is free: outermost first where it lies in `leader`, so that neighbours merge. */
Groups groupAxes(const ContractSpec& spec, bool mayMove, const Load& leader) {
  Groups groups;
  for (uint32_t axis = 0; axis < spec.batch; axis++) {
    const bool isOfM = mayMove && spec.loads[1].strides[axis] == 0 && spec.loads[0].strides[axis] != 0;
    (isOfM ? groups.m : groups.batch).add(spec, axis);
  }
  uint32_t axis = spec.batch;
  for (uint32_t i = 0; i < spec.m; i++) groups.m.add(spec, axis++);
  for (uint32_t i = 0; i < spec.n; i++) groups.n.add(spec, axis++);
  std::vector<uint32_t> inner;
  for (uint32_t i = 0; i < spec.k; i++) inner.push_back(axis++);
  std::stable_sort(inner.begin(), inner.end(), [&](uint32_t x, uint32_t y) {
    return std::abs(leader.strides[x]) > std::abs(leader.strides[y]);
  });
  for (uint32_t each : inner) groups.k.add(spec, each);
  return groups;
}

bool isEven(const ContractSpec& spec, const Groups& groups) {
  const Load &a = spec.loads[0], &b = spec.loads[1];
  return groups.m.isEven(a) && groups.k.isEven(a) && groups.n.isEven(b) && groups.k.isEven(b) &&
         (spec.stores.empty() || groups.m.isEven(spec.stores[0]));
}

/** The first grouping in which each group has one stride per factor; else null, or the first of all. */
std::unique_ptr<Groups> findGroups(const ContractSpec& spec, bool mayMove, bool mayUseTables) {
  for (const bool moves : {true, false}) {
    if (moves && !mayMove) continue;
    for (const Load* leader : {&spec.loads[1], &spec.loads[0]}) {
      Groups groups = groupAxes(spec, moves, *leader);
      if (isEven(spec, groups)) return std::make_unique<Groups>(std::move(groups));
    }
  }
  if (!mayUseTables) return nullptr;
  auto groups = std::make_unique<Groups>(groupAxes(spec, mayMove, spec.loads[1]));
  if (std::max({groups->m.count(), groups->n.count(), groups->k.count()}) > kLongestTable) return nullptr;
  return groups;
}

Factor makeFactor(const Load& load, const Group& outer, const Group& k, const Group& batch) {
  return {load.operand, load.type, load.offset, outer.line(load), k.line(load), batch.strides(load)};
}

/** What the only store holds: the sum, or the sum and a load that is added to it. */
struct PlainStore {
  bool isPlain = false;
  const Load* added = nullptr;
};

PlainStore plainStore(const ContractSpec& spec) {
  PlainStore result;
  if (spec.stores.size() != 1 || spec.values.results.size() != 1) return result;
  if (spec.stores[0].type != spec.accumulator) return result;
  const auto& steps = spec.values.steps;
  const Step& root = steps[spec.values.results[0]];
  if (root.op == Opcode::State) {
    result.isPlain = true;
  } else if (root.op == Opcode::Add && root.type == spec.accumulator) {
    const Step *x = &steps[root.operands[0]], *y = &steps[root.operands[1]];
    if (x->op != Opcode::State) std::swap(x, y);
    if (x->op != Opcode::State || y->op != Opcode::Load) return result;
    const Load& load = spec.loads[y->position];
    if (load.type != spec.accumulator || !isPlain(load)) return result;
    result.isPlain = true;
    result.added = &load;
  }
  return result;
}

/** Whether neighbours of the group are neighbours in memory. */
bool isUnit(const Group& group, const Access& access) {
  const auto merged = mergeAxes(group.lengths, group.strides(access));
  return merged.empty() || (merged.size() == 1 && merged[0].second == 1);
}

/** Whether the access does not vary along the group. */
bool isFlat(const Group& group, const Access& access) {
  const auto merged = mergeAxes(group.lengths, group.strides(access));
  return merged.empty() || (merged.size() == 1 && merged[0].second == 0);
}

/** Whether the sums may go straight to the output; fills in where. */
bool planDirect(MatrixProblem& problem, const ContractSpec& spec, const Groups& groups) {
  const WordType type = spec.accumulator;
  if (problem.isOrdered || (type != WordType::Float32 && type != WordType::Float64)) return false;
  const PlainStore plain = plainStore(spec);
  if (!plain.isPlain || spec.stores[0].combine != Combine::Set) return false;
  const Store& store = spec.stores[0];
  if (!isUnit(groups.n, store) || groups.m.count() > kLongestTable) return false;
  if (plain.added) {
    const Load& load = *plain.added;
    Bias bias{true, load.operand, load.offset, 0, groups.batch.strides(load)};
    if (isFlat(groups.m, load) && isUnit(groups.n, load)) {
      problem.columnBias = std::move(bias);
    } else if (isFlat(groups.n, load) && groups.m.isEven(load)) {
      bias.stride = groups.m.line(load).stride;
      problem.rowBias = std::move(bias);
    } else {
      return false;
    }
  }
  problem.output = store.operand;
  problem.outputOffset = store.offset;
  problem.row = groups.m.line(store);
  problem.outputBatch = groups.batch.strides(store);
  return true;
}

}  // namespace

bool isInjective(const ContractSpec& spec, const Store& store) {
  if (!isPlain(store)) return false;
  std::vector<std::pair<int64_t, int64_t>> axes;
  const size_t outer = spec.batch + spec.m + spec.n;
  for (size_t axis = 0; axis < outer; axis++) {
    if (spec.axes[axis] > 1) axes.push_back({std::abs(store.strides[axis]), spec.axes[axis]});
  }
  std::sort(axes.begin(), axes.end());
  int64_t reach = 0;
  for (const auto& [stride, length] : axes) {
    if (stride <= reach) return false;
    reach += stride * (length - 1);
  }
  return true;
}

int64_t Line::evenRun(int64_t first, int64_t most, int64_t& step) const {
  step = stride;
  if (isEven() || most < 2) return most;
  step = offsets[first + 1] - offsets[first];
  int64_t run = 2;
  while (run < most && offsets[first + run] - offsets[first + run - 1] == step) run++;
  return run;
}

MatrixProblem::Place MatrixProblem::placeOf(int64_t index) const {
  Place place{a.offset, b.offset, outputOffset, columnBias.offset, rowBias.offset};
  for (size_t axis = batch.size(); axis-- > 0;) {
    const int64_t i = index % batch[axis];
    index /= batch[axis];
    place.a += i * a.batch[axis];
    place.b += i * b.batch[axis];
    if (isDirect) place.output += i * outputBatch[axis];
    if (columnBias.isThere) place.columnBias += i * columnBias.batch[axis];
    if (rowBias.isThere) place.rowBias += i * rowBias.batch[axis];
  }
  return place;
}

void MatrixProblem::finishRow(const Call& call, int64_t product, int64_t rowIndex, int64_t first, int64_t count,
                              const void* sums) const {
  constexpr size_t most = 32;
  const size_t axes = batchPlaces.size() + rowPlaces.size();
  int64_t few[most];
  std::vector<int64_t> many(axes > most ? axes : 0);
  int64_t* outer = axes > most ? many.data() : few;
  for (size_t axis = batch.size(); axis-- > 0;) {
    outer[batchPlaces[axis]] = product % batch[axis];
    product /= batch[axis];
  }
  for (size_t axis = rowAxes.size(); axis-- > 0;) {
    outer[rowPlaces[axis]] = rowIndex % rowAxes[axis];
    rowIndex /= rowAxes[axis];
  }
  epilogue->run(call, outer, first, count, sums);
}

std::unique_ptr<MatrixProblem> planMatrix(const ContractSpec& spec, bool mayUseTables) {
  const Load &a = spec.loads[0], &b = spec.loads[1];
  if (!isPlain(a) || !isPlain(b)) return nullptr;
  auto problem = std::make_unique<MatrixProblem>();
  problem->isOrdered = std::any_of(spec.stores.begin(), spec.stores.end(),
                                   [&](const Store& store) { return !isInjective(spec, store); });
  const auto found = findGroups(spec, !problem->isOrdered, mayUseTables);
  if (!found) return nullptr;
  const Groups& groups = *found;
  problem->batch = groups.batch.lengths;
  problem->batchPlaces = groups.batch.axes;
  problem->rowAxes = groups.m.lengths;
  problem->rowPlaces = groups.m.axes;
  problem->count = groups.batch.count();
  problem->m = groups.m.count();
  problem->n = groups.n.count();
  problem->k = groups.k.count();
  problem->accumulator = spec.accumulator;
  problem->allowsBfloat16 = spec.allowsBfloat16;
  problem->a = makeFactor(a, groups.m, groups.k, groups.batch);
  problem->b = makeFactor(b, groups.n, groups.k, groups.batch);
  problem->isDirect = planDirect(*problem, spec, groups);
  if (!problem->isDirect) problem->epilogue = planEpilogue(spec);
  return problem;
}

}  // namespace flambeau
