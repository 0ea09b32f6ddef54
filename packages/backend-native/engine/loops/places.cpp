// Where results lie: in the registers that take them, in outputs' own memory, in memory that temporaries share.
#include <algorithm>

#include "compilation.h"

namespace flambeau::loops {

using Kind = Instruction::Kind;

/** Gives registers their new values: in place where nothing reads the old one later, else by copies. */
void Compilation::sinkInto(const std::vector<const Sink*>& sinks) {
  std::vector<Instruction> late;
  std::vector<Register> sources;
  for (const Sink* sink : sinks)
    sources.push_back(spread(values_[source(sink->step)], sink->into.rate, byteSize(sink->into.type)));
  bool isPermuted = false;
  for (size_t which = 0; which < sinks.size(); which++) {
    const Sink* sink = sinks[which];
    const uint32_t step = source(sink->step);
    const int size = byteSize(sink->into.type);
    const Register from = sources[which];
    bool isWanted = false;  // another register takes the old value
    for (size_t k = 0; k < sinks.size(); k++) isWanted = isWanted || (k != which && sources[k] == sink->into.name);
    isPermuted = isPermuted || isWanted;
    int producer = -1, lastRead = -1;
    int takers = 0;
    for (const Sink* other : sinks) takers += source(other->step) == step;
    for (size_t k = 0; k < code_.body.size(); k++) {
      if (code_.body[k].out == from) producer = static_cast<int>(k);
      forEachRead(code_.body[k], [&](Register name) {
        if (name == sink->into.name) lastRead = static_cast<int>(k);
      });
    }
    const bool isOwn = compiler_.rooms_[from].isTemporary && producer >= 0 && takers == 1 && !isWanted &&
                       producer >= lastRead && code_.body[producer].computes();
    if (isOwn) {
      for (size_t k = producer; k < code_.body.size(); k++) {
        Instruction& instruction = code_.body[k];
        if (instruction.out == from) instruction.out = sink->into.name;
        // The producer itself reads other values under its own name only.
        if (static_cast<int>(k) == producer) continue;
        for (Register* name : {&instruction.a, &instruction.b, &instruction.c})
          if (*name == from) *name = sink->into.name;
      }
      for (Register& name : values_[step].at)
        if (name == from) name = sink->into.name;
      continue;
    }
    Instruction copy;
    copy.kind = Kind::Copy;
    copy.rate = sink->into.rate;
    copy.size = static_cast<uint8_t>(size);
    copy.a = from;
    copy.out = sink->into.name;
    late.push_back(copy);
  }
  if (isPermuted) {
    for (Instruction& copy : late) {
      Instruction aside = copy;
      aside.out = copy.a = temporary(copy.size, copy.rate);
      code_.body.push_back(aside);
    }
  }
  code_.body.insert(code_.body.end(), late.begin(), late.end());
}

/** Whether a load only points its register at memory. */
bool Compilation::isNeighbour(const Instruction& instruction) const {
  if (instruction.kind == Kind::Point) return true;
  if (instruction.kind != Kind::Load) return false;
  const View& view = compiler_.machine_->views[instruction.view];
  return view.isDense() && view.convert == nullptr;
}

/** By register: which of the instructions writes it, or -1. */
std::vector<int> Compilation::producersOf(const std::vector<Instruction>& body) const {
  std::vector<int> producers(compiler_.rooms_.size(), -1);
  for (size_t k = 0; k < body.size(); k++)
    if (body[k].out != kNoRegister) producers[body[k].out] = static_cast<int>(k);
  return producers;
}

/** Lets instructions write results where they are to be stored, if no later one reads memory: outputs may be
 * inputs' own memory. */
void Compilation::bindStores() {
  const std::vector<int> producers = producersOf(code_.body);
  int lastRead = -1;
  for (size_t k = 0; k < code_.body.size(); k++) {
    bool readsMemory = code_.body[k].kind == Kind::Load;
    forEachRead(code_.body[k], [&](Register name) {
      readsMemory = readsMemory || (producers[name] >= 0 && isNeighbour(code_.body[producers[name]]));
    });
    if (readsMemory) lastRead = static_cast<int>(k);
  }
  std::vector<Instruction> body;
  std::vector<Register> bound;
  for (Instruction& instruction : code_.body) {
    if (instruction.kind != Kind::Store) {
      body.push_back(instruction);
      continue;
    }
    const View& view = compiler_.machine_->views[instruction.view];
    const Register from = instruction.a;
    // Stores come last, so what stands before them stays where it is.
    const int producer = producers[from];
    const bool isFree = producer >= 0 && producer >= lastRead && compiler_.rooms_[from].isTemporary &&
                        std::find(bound.begin(), bound.end(), from) == bound.end();
    if (!isFree || !view.isDense() || view.combine != Combine::Set || view.convert != nullptr ||
        isNeighbour(body[producer]) || body[producer].rate != instruction.rate) {
      body.push_back(instruction);
      continue;
    }
    body[producer].isBound = true;
    bound.push_back(from);
    code_.bindings.push_back({from, instruction.view});
    compiler_.rooms_[from].isTemporary = false;
    compiler_.machine_->registers[from] = {Place::Kind::External, 0, nullptr};
  }
  code_.body = std::move(body);
}

/** Lets temporaries that do not live at the same time share memory. */
void Compilation::placeTemporaries(const std::vector<Register>& held) {
  const std::vector<Instruction>& body = code_.body;
  const std::vector<int> producers = producersOf(body);
  std::vector<size_t> lastUse(compiler_.rooms_.size(), 0);
  for (size_t k = 0; k < body.size(); k++) forEachRead(body[k], [&](Register name) { lastUse[name] = k; });
  for (Register name : held) lastUse[name] = body.size();
  std::map<int64_t, std::vector<int64_t>> free;  // offsets by bytes
  std::vector<bool> isPlaced(compiler_.rooms_.size(), false);
  int64_t end = 0;
  const auto place = [&](Register name) {
    const int64_t bytes = compiler_.rooms_[name].bytes;
    std::vector<int64_t>& offsets = free[bytes];
    if (offsets.empty()) {
      offsets.push_back(end);
      end += (bytes + 63) / 64 * 64 + 64;
    }
    compiler_.machine_->registers[name].offset = offsets.back();
    offsets.pop_back();
    isPlaced[name] = true;
  };
  for (size_t k = 0; k < body.size(); k++) {
    const Instruction& instruction = body[k];
    std::vector<Register> before, after;
    const auto mayReuse = [&](Register name) {
      // The same elements: an operand of this rate and size.
      const Instruction& other = body[producers[name]];
      return instruction.computes() && other.size == instruction.size && other.rate == instruction.rate;
    };
    forEachRead(instruction, [&](Register name) {
      if (!compiler_.rooms_[name].isTemporary || lastUse[name] != k || !isPlaced[name]) return;
      isPlaced[name] = false;
      (mayReuse(name) ? before : after).push_back(name);
    });
    const auto release = [&](const std::vector<Register>& names) {
      for (Register name : names)
        free[compiler_.rooms_[name].bytes].push_back(compiler_.machine_->registers[name].offset);
    };
    release(before);
    const Register out = instruction.out;
    if (out != kNoRegister && compiler_.rooms_[out].isTemporary && !isPlaced[out]) place(out);
    release(after);
  }
  compiler_.temporaryBytes_ = std::max(compiler_.temporaryBytes_, end);
}

}  // namespace flambeau::loops
