// Programs: decoding, reach and running. Random programs that are in order must decode, and touch nothing that
// decoding did not foresee; random damage must end in an Error, or in a program that stays inside its blocks.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>

#include "../program/program.h"
#include "guarded-block.h"
#include "program-damage.h"
#include "program-words.h"

using namespace flambeau;
using namespace flambeau::tests;

namespace {

int passed = 0, failed = 0;
/** Of the program under test, for whoever finds this dead. */
uint64_t currentSeed = 0;

void check(bool holds, const char* what, uint64_t seed = 0) {
  holds ? passed++ : failed++;
  if (!holds && failed < 20) std::printf("failed: %s (seed %llu)\n", what, static_cast<unsigned long long>(seed));
}

/** Blocks as small as a program allows, filled with numbers of which many are good indices. */
struct Operands {
  std::vector<std::unique_ptr<GuardedBlock>> blocks;
  std::vector<int64_t> offsets;
  std::vector<double> slots;

  Operands(const DecodedProgram& program, Random& random) {
    std::vector<double> lengths;
    for (const ProgramOperand& operand : program.operands) {
      const int64_t offset = (std::max<int64_t>(0, -operand.reach.low) + 7) / 8 * 8;
      const int64_t bytes = std::max<int64_t>(0, offset + operand.reach.high);
      blocks.push_back(std::make_unique<GuardedBlock>(bytes));
      for (int64_t i = 0; i < bytes; i++) {
        blocks.back()->data()[i] = i % 8 == 0 ? static_cast<char>(pick(random, 0, 5)) : 0;
      }
      offsets.push_back(offset);
      slots.push_back(static_cast<double>(reinterpret_cast<uintptr_t>(blocks.back()->data())));
      slots.push_back(static_cast<double>(offset));
      if (operand.isMeasured) lengths.push_back(static_cast<double>(bytes));
    }
    for (size_t i = 0; i < program.params.size(); i++) slots.push_back(1);
    slots.insert(slots.end(), lengths.begin(), lengths.end());
  }

  bool areIntact() {
    return std::all_of(blocks.begin(), blocks.end(), [](auto& block) { return block->isIntact(); });
  }
};

/** Walks the loops of a kernel and looks whether each element that exists lies in the kernel's reach. */
class Walker {
 public:
  Walker(const LoopsCommon& loops, const Reach& reach, Random& random) : loops_(loops), reach_(reach), random_(random) {
    index_.resize(loops.axes.size());
    values_.resize(loops.loads.size());
  }

  bool isWithin = true;

  void walk(size_t axis) {
    if (axis == index_.size()) return visit();
    for (index_[axis] = 0; index_[axis] < loops_.axes[axis]; index_[axis]++) walk(axis + 1);
  }

 private:
  void visit() {
    for (size_t i = 0; i < loops_.loads.size(); i++) {
      touch(loops_.loads[i], reach_.inputs[loops_.loads[i].operand]);
      values_[i] = pick(random_, 0, 9);
    }
    for (const Store& store : loops_.stores) touch(store, reach_.outputs[store.operand]);
  }

  void touch(const Access& access, const ByteRange& range) {
    int64_t element = access.offset;
    for (size_t axis = 0; axis < index_.size(); axis++) element += access.strides[axis] * index_[axis];
    for (const Guard& guard : access.guards) {
      int64_t coordinate = guard.base;
      for (size_t axis = 0; axis < index_.size(); axis++) coordinate += guard.coefficients[axis] * index_[axis];
      if (coordinate % guard.divisor != 0 || coordinate < 0 || coordinate / guard.divisor >= guard.size) return;
      element += guard.stride * (coordinate / guard.divisor);
    }
    for (const Indirection& indirection : access.indirections) {
      const int64_t value = values_[indirection.load];
      if (value >= indirection.size) return;
      element += indirection.stride * value;
    }
    const int64_t low = element * byteSize(access.type), high = low + byteSize(access.type);
    isWithin = isWithin && low >= range.low && high <= range.high;
  }

  const LoopsCommon& loops_;
  const Reach& reach_;
  Random& random_;
  std::vector<int64_t> index_, values_;
};

const LoopsCommon* loopsOf(const KernelSpec& spec) {
  if (const auto* loops = std::get_if<LoopSpec>(&spec)) return loops;
  if (const auto* rows = std::get_if<RowsSpec>(&spec)) return rows;
  return std::get_if<ContractSpec>(&spec);
}

/** What running the program takes, roughly; damage makes some that would never end. */
double costOf(const DecodedProgram& program) {
  double cost = 0;
  for (const DecodedKernel& kernel : program.kernels) {
    double elements = 1;
    if (const LoopsCommon* loops = loopsOf(kernel.spec)) {
      for (const int64_t length : loops->axes) elements *= static_cast<double>(std::max<int64_t>(length, 1));
    }
    cost += elements;
  }
  for (const ProgramOperand& operand : program.operands) {
    cost += static_cast<double>(operand.reach.high) - static_cast<double>(std::min<int64_t>(operand.reach.low, 0));
  }
  return cost + static_cast<double>(program.arena);
}

/** Decodes and, where that is soon done, runs. Gives whether the bytes made a program. */
bool decodeAndRun(const std::vector<uint8_t>& bytes, uint64_t seed, bool mayFail) {
  Random random(seed);
  currentSeed = seed;
  // A copy without slack: reading beyond it would be seen.
  const std::unique_ptr<uint8_t[]> exact(new uint8_t[bytes.size()]);
  std::copy(bytes.begin(), bytes.end(), exact.get());
  try {
    const DecodedProgram decoded = decodeProgram(exact.get(), bytes.size());
    if (costOf(decoded) > 3e5) return true;
    const std::unique_ptr<Program> program = Program::decode(exact.get(), bytes.size());
    Operands operands(decoded, random);
    if (program->slotCount() != operands.slots.size()) check(false, "slots are as many as decoding says", seed);
    const RunResult result = program->run(operands.slots.data());
    if (result.status == RunResult::Status::OutOfBounds) check(false, "blocks of the reach suffice", seed);
    if (!operands.areIntact()) check(false, "a run stays inside its blocks", seed);
    return true;
  } catch (const Error& error) {
    if (!mayFail) std::printf("seed %llu: %s\n", static_cast<unsigned long long>(seed), error.what());
    return false;
  }
}

void testRandomPrograms(uint64_t count) {
  for (uint64_t seed = 1; seed <= count; seed++) {
    const std::vector<uint8_t> bytes = RandomProgram(seed).make();
    check(decodeAndRun(bytes, seed, false), "a program in order decodes and runs", seed);
    Random random(seed);
    DecodedProgram program;
    try {
      program = decodeProgram(bytes.data(), bytes.size());
    } catch (const Error&) {
      continue;
    }
    for (const DecodedKernel& kernel : program.kernels) {
      Walker walker(*loopsOf(kernel.spec), kernel.reach, random);
      walker.walk(0);
      check(walker.isWithin, "loops stay within their reach", seed);
    }
  }
}

void testDamage(uint64_t count) {
  uint64_t decoded = 0;
  for (uint64_t seed = 1; seed <= count; seed++) {
    Random random(seed * 7919);
    std::vector<uint8_t> bytes = RandomProgram(seed % 16384 + 1, true).make();
    const std::vector<uint8_t> other = RandomProgram(seed % 1021 + 1, true).make();
    for (int64_t acts = std::max<int64_t>(0, pick(random, -3, 3)); acts > 0; acts--) damage(bytes, other, random);
    decoded += decodeAndRun(bytes, seed, true);
  }
  passed++;
  std::printf("%llu of %llu damaged programs were in order\n", static_cast<unsigned long long>(decoded),
              static_cast<unsigned long long>(count));
}

/** `out[i] = x[i] + p` over float32, read through a temporary; with `initial` 7. */
std::vector<uint8_t> handWritten() {
  Words words;
  words.u(format::kMagic);
  for (const uint64_t word : {1, 0, 1, 1}) words.u(word);
  words.wide(128);
  for (const uint64_t word : {4, 0, 4, 1, 1}) words.u(word);
  words.wides({64, 12});
  words.u(1);
  words.e(WordType::Float32);
  words.u(2);
  const auto map = [&](uint64_t from, uint64_t to, bool isFilled, bool adds) {
    words.e(KernelKind::Map);
    for (const uint64_t place : {from, to}) {
      words.u(1);
      words.u(place);
      words.u(0);
      words.wide(0);
    }
    words.u(1);
    words.u(0);
    words.u(1);
    words.wide(3);
    for (int access = 0; access < 2; access++) {
      words.u(1);
      words.u(0);
      words.e(WordType::Float32);
      words.wides({0, 1});
      words.u(0);
      words.u(0);
      if (access == 0) words.wide(0); else words.u(0);
    }
    words.u(isFilled);
    if (isFilled) words.bits(Bits::of(7.0f));
    words.u(adds ? 3 : 1);
    const auto head = [&](Opcode op) {
      words.u(static_cast<uint64_t>(op) + 256 * static_cast<uint64_t>(WordType::Float32));
    };
    head(Opcode::Load);
    words.u(0);
    if (adds) {
      head(Opcode::Param);
      words.u(0);
      head(Opcode::Add);
      words.u(0);
      words.u(1);
    }
    words.u(1);
    words.u(adds ? 2 : 0);
  };
  map(0, 2, false, true);
  map(2, 1, true, false);
  std::vector<uint8_t> bytes(4 * words.list.size());
  std::memcpy(bytes.data(), words.list.data(), bytes.size());
  setLength(bytes);
  return bytes;
}

void testRun() {
  const std::vector<uint8_t> bytes = handWritten();
  const std::unique_ptr<Program> program = Program::decode(bytes.data(), bytes.size());
  check(program->slotCount() == 6 && program->operandCount() == 2, "two operands, a param and a length");
  GuardedBlock x(16), out(24);
  const float values[] = {0, 1, 2, 3};
  std::memcpy(x.data(), values, sizeof values);
  const auto at = [](GuardedBlock& block) { return static_cast<double>(reinterpret_cast<uintptr_t>(block.data())); };
  double slots[] = {at(x), 4, at(out), 4, 0.5, 24};
  check(program->run(slots).status == RunResult::Status::Ok, "it runs");
  float results[6];
  std::memcpy(results, out.data(), sizeof results);
  check(results[1] == 1.5f && results[2] == 2.5f && results[3] == 3.5f, "through the temporary, with the param");
  check(results[4] == 7 && results[5] == 7, "the rest is filled");
  const auto refuses = [&](size_t slot, double value, int32_t position, const char* what) {
    double wrong[6];
    std::copy(slots, slots + 6, wrong);
    wrong[slot] = value;
    const RunResult result = program->run(wrong);
    check(result.status == RunResult::Status::OutOfBounds && result.position == position, what);
  };
  refuses(1, 8, 0, "an offset beyond the end");
  refuses(1, 2, 0, "an offset between elements");
  refuses(1, -4, 0, "a negative offset");
  refuses(0, 0, 0, "a buffer that was given back");
  refuses(0, at(x) + 4, 0, "an address between blocks");
  refuses(2, at(out) + 0.5, 1, "a fraction");
  refuses(5, 25, 1, "more bytes than the block has");
  check(x.isIntact() && out.isIntact(), "guards are as they were");
}

ByteRange reachOfLoad(std::vector<int64_t> axes, Load load) {
  LoopsCommon loops;
  loops.axes = std::move(axes);
  loops.loads.push_back(std::move(load));
  return reachOf(loops, static_cast<uint32_t>(loops.axes.size()), 1, 0).inputs[0];
}

void testReach() {
  const auto load = [](std::vector<int64_t> strides, std::vector<Guard> guards) {
    Load load;
    load.strides = std::move(strides);
    load.guards = std::move(guards);
    return load;
  };
  const auto is = [](ByteRange range, int64_t low, int64_t high) {
    return range.low == 4 * low && range.high == 4 * high;
  };
  check(is(reachOfLoad({3, 4}, load({4, 1}, {})), 0, 12), "a matrix");
  check(is(reachOfLoad({3, 4}, load({-4, 1}, {})), -8, 4), "a flipped one");
  check(reachOfLoad({3, 0}, load({4, 1}, {})).isEmpty(), "an empty one");
  check(is(reachOfLoad({8}, load({0}, {{-2, 1, 4, 1, {1}}})), 0, 4), "padding");
  check(is(reachOfLoad({8}, load({1}, {{-2, 1, 4, 0, {1}}})), 2, 6), "a guard that only masks");
  check(is(reachOfLoad({9}, load({0}, {{0, 3, 3, 1, {1}}})), 0, 3), "gaps");
  check(is(reachOfLoad({5, 3}, load({0, 0}, {{-1, 1, 5, 1, {1, 1}}})), 0, 5), "windows");
  check(is(reachOfLoad({5, 3}, load({0, 0}, {{-1, 1, 3, 1, {1, 1}}})), 0, 3), "windows that look outside");
  check(reachOfLoad({5}, load({1}, {{9, 1, 5, 1, {1}}})).isEmpty(), "outside altogether");
}

}  // namespace

int main(int argc, char** argv) {
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_set_death_callback(
      [] { std::fprintf(stderr, "seed %llu\n", static_cast<unsigned long long>(currentSeed)); });
#endif
  const uint64_t damaged = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 200000;
  testReach();
  testRun();
  testRandomPrograms(4096);
  testDamage(damaged);
  std::printf("%d passed, %d failed\n", passed, failed);
  return failed > 0;
}
