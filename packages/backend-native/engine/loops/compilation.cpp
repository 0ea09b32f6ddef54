// One expression on its way to code.
#include <algorithm>

#include "compiler.h"
#include "costs.h"
#include "scalars.h"

namespace flambeau::loops {

namespace {

using Kind = Instruction::Kind;

int operandCount(Opcode op) {
  if (op <= Opcode::Erf) return 1;
  if (op <= Opcode::ShrU) return 2;
  if (op == Opcode::Select) return 3;
  return op == Opcode::Cast || op == Opcode::Bitcast ? 1 : 0;
}

bool isFloat(WordType type) { return type == WordType::Float32 || type == WordType::Float64; }
int at(WordType type) { return static_cast<int>(type); }

enum class Fused : uint8_t { None, MultiplyAdd, MultiplySubtract, SubtractProduct };

/** What a step came to: an instruction with operands that are steps, or a leaf. */
struct Form {
  BlockOp op = nullptr;
  int operands = 0;
  uint32_t steps[3] = {0, 0, 0};
  Fused fused = Fused::None;
};

}  // namespace

class Compilation {
 public:
  Compilation(Compiler& compiler, const Expression& expression, const Leaves& leaves, const std::vector<Sink>& sinks)
      : compiler_(compiler), steps_(expression.steps), leaves_(leaves), sinks_(sinks) {}

  Code compile(std::vector<Register>* held);

 private:
  struct Value {
    Rate rate = Rate::Call;
    bool isConstant = false;
    WordType type = WordType::Float32;  // of constants
    Bits bits;
    Register at[kRates] = {kNoRegister, kNoRegister, kNoRegister, kNoRegister};
  };

  void findRates();
  void findNeeded();
  void findForms();
  bool fuse(uint32_t step);
  bool isSingle(uint32_t step, Opcode op) const { return steps_[step].op == op && uses_[step] == 1; }
  bool isOne(uint32_t step) const;
  uint32_t source(uint32_t step) const;
  Rate leafRate(const Step& step) const;

  void emit(uint32_t step);
  void useSingles(uint32_t step, Instruction& instruction);
  void emitLoad(uint32_t load, Value& value, WordType type);
  void emitIndex(const Step& step, Value& value);
  Register coordinate(uint32_t load, Rate rate);
  void addCoordinates(int view, const Reach& reach, Rate rate);
  Register at(uint32_t step, Rate rate) { return spread(values_[step], rate, byteSize(steps_[step].type)); }
  Register spread(Value& value, Rate rate, int size);
  Register temporary(int size, Rate rate) {
    return compiler_.add(Place::Kind::Frame, compiler_.bytesOf(size, rate), true);
  }
  void sinkInto(const std::vector<const Sink*>& sinks);
  void bindStores();
  bool readsMemory(const Instruction& instruction) const;
  bool isNeighbour(const Instruction& load) const;
  void placeTemporaries(const std::vector<Register>& held);
  template <class Visit> void forEachRead(const Instruction& instruction, const Visit& visit) const;

  Compiler& compiler_;
  const std::vector<Step>& steps_;
  const Leaves& leaves_;
  const std::vector<Sink>& sinks_;
  std::vector<Rate> rates_;
  std::vector<int> uses_;
  std::vector<bool> isNeeded_, isAbsorbed_;
  std::vector<Form> forms_;
  std::vector<Value> values_;
  std::map<uint32_t, Value> loads_;        // by load: an expression may name one twice, and coordinates do
  Code code_;
};

/** A step that moves no bits stands for its operand. */
uint32_t Compilation::source(uint32_t step) const {
  for (;;) {
    const Step& s = steps_[step];
    const bool isSame = s.op == Opcode::Bitcast || (s.op == Opcode::Cast && steps_[s.operands[0]].type == s.type);
    if (!isSame) return step;
    step = s.operands[0];
  }
}

void Compilation::findNeeded() {
  uses_.assign(steps_.size(), 0);
  isNeeded_.assign(steps_.size(), false);
  for (const Sink& sink : sinks_) {
    isNeeded_[source(sink.step)] = true;
    uses_[source(sink.step)] += 2;  // never absorbed
  }
  for (size_t i = steps_.size(); i-- > 0;) {
    if (!isNeeded_[i]) continue;
    for (int k = 0; k < operandCount(steps_[i].op); k++) {
      const uint32_t operand = source(steps_[i].operands[k]);
      isNeeded_[operand] = true;
      uses_[operand]++;
    }
  }
}

bool Compilation::isOne(uint32_t step) const {
  const Step& s = steps_[step];
  if (s.op != Opcode::Const) return false;
  return s.type == WordType::Float32 ? s.value.as<float>() == 1 : s.type == WordType::Float64 && s.value.as<double>() == 1;
}

/** Makes one instruction of several; those within are absorbed. */
bool Compilation::fuse(uint32_t i) {
  const Step& s = steps_[i];
  if (!isFloat(s.type)) return false;
  const BlockOps& ops = blockOps();
  const int type = loops::at(s.type);
  const uint32_t x = source(s.operands[0]), y = source(s.operands[1]);
  if (s.op == Opcode::Div && isOne(x) && isSingle(y, Opcode::Add)) {
    const uint32_t a = source(steps_[y].operands[0]), b = source(steps_[y].operands[1]);
    const uint32_t e = isOne(a) ? b : a;
    if (isOne(isOne(a) ? a : b) && isSingle(e, Opcode::Exp)) {
      const uint32_t minus = source(steps_[e].operands[0]);
      if (isSingle(minus, Opcode::Neg) && ops.sigmoid[type] != nullptr) {
        forms_[i] = {ops.sigmoid[type], 1, {source(steps_[minus].operands[0]), 0, 0}};
        isAbsorbed_[y] = isAbsorbed_[e] = isAbsorbed_[minus] = true;
        return true;
      }
    }
  }
  if (s.op != Opcode::Add && s.op != Opcode::Sub) return false;
  const bool isProduct[2] = {isSingle(x, Opcode::Mul) && !isAbsorbed_[x] && rates_[x] == rates_[i],
                             isSingle(y, Opcode::Mul) && !isAbsorbed_[y] && rates_[y] == rates_[i]};
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
  isAbsorbed_[product] = true;
  return true;
}

void Compilation::findForms() {
  const BlockOps& ops = blockOps();
  forms_.resize(steps_.size());
  isAbsorbed_.assign(steps_.size(), false);
  // The last ones first: what an instruction absorbs absorbs nothing itself.
  for (size_t i = steps_.size(); i-- > 0;) {
    const Step& s = steps_[i];
    const int operands = operandCount(s.op);
    if (!isNeeded_[i] || isAbsorbed_[i] || operands == 0 || source(static_cast<uint32_t>(i)) != i) continue;
    if (fuse(static_cast<uint32_t>(i))) continue;
    Form& form = forms_[i];
    form.operands = operands;
    for (int k = 0; k < operands; k++) form.steps[k] = source(s.operands[k]);
    const int from = loops::at(steps_[s.operands[s.op == Opcode::Select ? 1 : 0]].type);
    form.op = s.op == Opcode::Cast ? ops.cast[from][loops::at(s.type)] : ops.table[static_cast<int>(s.op)][from];
    if (form.op == nullptr) {
      throw Error(std::string("Instruction ") + kOpcodeNames[static_cast<int>(s.op)] + " is not defined on " +
                  kWordTypeNames[from] + ".");
    }
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
    if (!isNeeded_[i]) continue;
    const int operands = operandCount(steps_[i].op);
    if (operands == 0) rates_[i] = leafRate(steps_[i]);
    for (int k = 0; k < operands; k++) rates_[i] = std::max(rates_[i], rates_[source(steps_[i].operands[k])]);
  }
}

Register Compilation::spread(Value& value, Rate rate, int size) {
  Register& there = value.at[static_cast<int>(rate)];
  if (there != kNoRegister) return there;
  const Register own = value.at[static_cast<int>(value.rate)];
  // One element serves the call and the block; a constant is as long as any block where it must be.
  if (rate <= Rate::Block || rate == value.rate) return there = own;
  if (value.isConstant) return there = compiler_.constant(value.type, value.bits, true);
  Instruction instruction;
  instruction.rate = rate;
  instruction.size = static_cast<uint8_t>(size);
  instruction.a = own;
  instruction.kind = value.rate == Rate::Row ? Kind::SpreadRows : Kind::Spread;
  if (value.rate == Rate::Call) {
    // Once for all blocks, of which this is the longest.
    there = compiler_.keep(size == 1 ? WordType::Bool : size == 4 ? WordType::Int32 : WordType::Int64, rate);
    instruction.start = rate == Rate::Row ? compiler_.box().mostRows : compiler_.box().most;
    instruction.out = there;
    compiler_.machine_->prologue.push_back(instruction);
    return there;
  }
  instruction.out = there = temporary(size, rate);
  code_.body.push_back(instruction);
  return there;
}

/** The register of a load that serves as coordinate of others. */
Register Compilation::coordinate(uint32_t load, Rate rate) {
  Value& value = loads_[load];
  const WordType type = valueType(compiler_.nest().loads[load].type);
  if (value.at[static_cast<int>(value.rate)] == kNoRegister) emitLoad(load, value, type);
  return spread(value, rate, byteSize(type));
}

void Compilation::addCoordinates(int number, const Reach& reach, Rate rate) {
  const Nest& nest = compiler_.nest();
  for (const Indirection& indirection : reach.indirections) {
    const Reach& source = nest.loads[indirection.load];
    const CoordinateRegister coordinate = {this->coordinate(indirection.load, rate), source.type == WordType::Int64,
                                           indirection.wraps, indirection.size, indirection.stride};
    View& view = compiler_.machine_->views[number];
    view.coordinates.push_back(coordinate);
    if (view.axes > 0 && varies(nest, source, compiler_.box().axes[view.axes - 1].axis)) view.variesInside = true;
  }
}

void Compilation::emitLoad(uint32_t load, Value& value, WordType type) {
  const Nest& nest = compiler_.nest();
  const Reach& reach = nest.loads[load];
  value.rate = compiler_.rateOf(reach);
  Instruction instruction;
  instruction.kind = Kind::Load;
  instruction.rate = value.rate;
  instruction.size = static_cast<uint8_t>(byteSize(type));
  instruction.view = compiler_.viewOf(load, false, value.rate, type);
  addCoordinates(instruction.view, reach, value.rate);
  const View& view = compiler_.machine_->views[instruction.view];
  Register& there = value.at[static_cast<int>(value.rate)];
  const bool isPointer = view.isDense() && view.convert == nullptr;
  if (value.rate == Rate::Call) {
    instruction.out = there = compiler_.keep(type, Rate::Call);
    compiler_.machine_->prologue.push_back(instruction);
    return;
  }
  const bool isSteady = compiler_.fastAxis_ >= 0 && view.isPlain() && !isPointer && value.rate >= Rate::Row &&
                        !varies(nest, reach, static_cast<size_t>(compiler_.fastAxis_));
  if (isSteady) {
    there = compiler_.keep(type, value.rate);
    instruction.cache = compiler_.machine_->caches++;
  } else {
    there = temporary(byteSize(type), value.rate);
  }
  instruction.out = there;
  code_.body.push_back(instruction);
  code_.cost += costOfTransfer(view) * (value.rate == Rate::Full);
}

void Compilation::emitIndex(const Step& step, Value& value) {
  const Nest& nest = compiler_.nest();
  const int axis = nest.axisOf[step.position];
  const bool isWide = step.type == WordType::Int64 || step.type == WordType::Float64;
  const WordType type = isWide ? WordType::Int64 : WordType::Int32;
  const bool isDown = compiler_.reversedAxis_ >= 0 && axis == compiler_.reversedAxis_;
  Instruction instruction;
  instruction.kind = Kind::Index;
  instruction.size = isWide ? 8 : 4;
  instruction.axis = axis;
  instruction.rate = value.rate;
  if (isDown) {
    instruction.start = nest.axes[axis] - 1;
    instruction.step = -1;
  }
  const Box& box = compiler_.box();
  for (size_t b = 0; b < box.axes.size(); b++)
    if (static_cast<int>(box.axes[b].axis) == axis) instruction.boxAxis = static_cast<int>(b);
  const bool isSteady = instruction.boxAxis >= 0 && axis != compiler_.fastAxis_;
  Register to;
  if (isSteady) {
    to = compiler_.keep(type, value.rate);
    instruction.cache = compiler_.machine_->caches++;
  } else {
    to = temporary(instruction.size, value.rate);
  }
  instruction.out = to;
  code_.body.push_back(instruction);
  code_.cost += 0.02;
  if (step.type != type) {
    Instruction cast;
    cast.rate = value.rate;
    cast.size = static_cast<uint8_t>(byteSize(step.type));
    cast.op = blockOps().cast[loops::at(type)][loops::at(step.type)];
    cast.a = to;
    cast.b = cast.c = to;
    cast.out = to = temporary(cast.size, value.rate);
    code_.body.push_back(cast);
  }
  value.at[static_cast<int>(value.rate)] = to;
}

/** Gives an instruction its operands: single elements as they are where there is a function for that. */
void Compilation::useSingles(uint32_t i, Instruction& instruction) {
  const ScalarOps& singles = scalarOps();
  const Form& form = forms_[i];
  const Opcode op = steps_[i].op;
  const int type = loops::at(steps_[form.steps[form.operands > 1 && op == Opcode::Select ? 1 : 0]].type);
  bool isSingle[3] = {false, false, false};
  for (int k = 0; k < form.operands; k++) isSingle[k] = instruction.rate > Rate::Block && rates_[form.steps[k]] <= Rate::Block;
  BlockOp found = nullptr;
  if (form.fused != Fused::None) {
    const int which = static_cast<int>(!isSingle[1] ? Single::C : isSingle[2] ? Single::Both : Single::B);
    if (isSingle[1] || isSingle[2]) {
      found = form.fused == Fused::MultiplyAdd        ? singles.multiplyAdd[which][type]
              : form.fused == Fused::MultiplySubtract ? singles.multiplySubtract[which][type]
                                                      : singles.subtractProduct[which][type];
    }
  } else if (form.operands > 1 && op != Opcode::Cast) {
    const int first = op == Opcode::Select ? 1 : 0, second = first + 1;
    if (op == Opcode::Select) isSingle[0] = false;
    if (isSingle[first] && isSingle[second]) isSingle[first] = false;
    if (isSingle[first]) found = singles.first[static_cast<int>(op)][type];
    if (isSingle[second]) found = singles.second[static_cast<int>(op)][type];
  }
  if (found != nullptr) instruction.op = found;
  Register names[3];
  for (int k = 0; k < 3; k++) {
    if (k >= form.operands) names[k] = names[0];
    else names[k] = at(form.steps[k], found != nullptr && isSingle[k] ? Rate::Block : instruction.rate);
  }
  instruction.a = names[0];
  instruction.b = names[1];
  instruction.c = names[2];
}

void Compilation::emit(uint32_t i) {
  const Step& s = steps_[i];
  Value& value = values_[i];
  const auto given = [&](const Operand& operand) {
    value.rate = operand.rate;
    value.at[static_cast<int>(operand.rate)] = operand.name;
  };
  const auto constant = [&](Bits bits) {
    value.isConstant = true;
    value.type = s.type;
    value.bits = bits;
    value.at[0] = compiler_.constant(s.type, bits, false);
  };
  switch (s.op) {
    case Opcode::Const:
      return constant(s.value);
    case Opcode::Param: {
      const auto found = compiler_.params_.find(s.position);
      if (found != compiler_.params_.end()) {
        value.at[0] = found->second;
        return;
      }
      Instruction instruction;
      instruction.kind = Kind::Param;
      instruction.size = static_cast<uint8_t>(byteSize(s.type));
      instruction.axis = static_cast<int>(s.position);
      instruction.out = value.at[0] = compiler_.params_[s.position] = compiler_.keep(s.type, Rate::Call);
      compiler_.machine_->prologue.push_back(instruction);
      return;
    }
    case Opcode::State: return given(leaves_.states[s.position]);
    case Opcode::Other: return given(leaves_.others[s.position]);
    case Opcode::Kept: return given(leaves_.kept[s.position]);
    case Opcode::Load: {
      Value& load = loads_[s.position];
      if (load.at[static_cast<int>(load.rate)] == kNoRegister) emitLoad(s.position, load, s.type);
      value = load;
      return;
    }
    case Opcode::Index: {
      value.rate = rates_[i];
      if (compiler_.nest().axisOf[s.position] < 0) {
        return constant(Bits{});
      }
      return emitIndex(s, value);
    }
    default: break;
  }
  const Form& form = forms_[i];
  value.rate = rates_[i];
  Instruction instruction;
  instruction.rate = value.rate;
  instruction.size = static_cast<uint8_t>(byteSize(s.type));
  instruction.op = form.op;
  useSingles(i, instruction);
  Register& there = value.at[static_cast<int>(value.rate)];
  if (value.rate == Rate::Call) {
    instruction.out = there = compiler_.keep(s.type, Rate::Call);
    compiler_.machine_->prologue.push_back(instruction);
    return;
  }
  instruction.out = there = temporary(instruction.size, value.rate);
  code_.body.push_back(instruction);
  if (value.rate == Rate::Full) code_.cost += costOfInstruction(s.op, steps_[form.steps[0]].type);
}

template <class Visit>
void Compilation::forEachRead(const Instruction& instruction, const Visit& visit) const {
  if (instruction.kind == Kind::Compute) {
    visit(instruction.a);
    visit(instruction.b);
    visit(instruction.c);
  } else if (instruction.a != kNoRegister) {
    visit(instruction.a);
  }
  if (instruction.view < 0) return;
  for (const CoordinateRegister& coordinate : compiler_.machine_->views[instruction.view].coordinates)
    visit(coordinate.values);
}

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
    for (const Sink& other : sinks_) takers += source(other.step) == step;
    for (size_t k = 0; k < code_.body.size(); k++) {
      if (code_.body[k].out == from) producer = static_cast<int>(k);
      forEachRead(code_.body[k], [&](Register name) {
        if (name == sink->into.name) lastRead = static_cast<int>(k);
      });
    }
    const bool isOwn = compiler_.rooms_[from].isTemporary && producer >= 0 && takers == 1 && !isWanted && producer >= lastRead &&
                       code_.body[producer].kind == Kind::Compute;
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
  if (instruction.kind != Kind::Load) return false;
  const View& view = compiler_.machine_->views[instruction.view];
  return view.isDense() && view.convert == nullptr;
}

bool Compilation::readsMemory(const Instruction& instruction) const {
  if (instruction.kind == Kind::Load) return true;
  bool result = false;
  forEachRead(instruction, [&](Register name) {
    for (const Instruction& other : code_.body) result = result || (other.out == name && isNeighbour(other));
  });
  return result;
}

/** Lets instructions write results where they are to be stored, if no later one reads memory: outputs may be
 * inputs' own memory. */
void Compilation::bindStores() {
  int lastRead = -1;
  for (size_t k = 0; k < code_.body.size(); k++)
    if (readsMemory(code_.body[k])) lastRead = static_cast<int>(k);
  std::vector<Instruction> body;
  std::vector<Register> bound;
  for (Instruction& instruction : code_.body) {
    if (instruction.kind != Kind::Store) {
      body.push_back(instruction);
      continue;
    }
    const View& view = compiler_.machine_->views[instruction.view];
    const Register from = instruction.a;
    int producer = -1;
    for (size_t k = 0; k < body.size(); k++)
      if (body[k].out == from) producer = static_cast<int>(k);
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
  std::map<Register, size_t> lastUse;
  for (size_t k = 0; k < body.size(); k++) {
    forEachRead(body[k], [&](Register name) { lastUse[name] = k; });
    if (body[k].out != kNoRegister) lastUse.emplace(body[k].out, k);
  }
  for (Register name : held) lastUse[name] = body.size();
  std::map<int64_t, std::vector<int64_t>> free;  // offsets by bytes
  std::map<Register, bool> isPlaced;
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
      if (instruction.kind != Kind::Compute) return false;
      // The same elements: an operand of this rate and size.
      for (const Instruction& other : body)
        if (other.out == name) return other.size == instruction.size && other.rate == instruction.rate && !isNeighbour(other);
      return false;
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

Code Compilation::compile(std::vector<Register>* held) {
  findNeeded();
  findRates();
  findForms();
  values_.resize(steps_.size());
  for (uint32_t i = 0; i < steps_.size(); i++)
    if (isNeeded_[i] && !isAbsorbed_[i] && source(i) == i) emit(i);
  std::vector<const Sink*> into;
  std::vector<Register> holds;
  for (const Sink& sink : sinks_) {
    if (sink.kind == Sink::Kind::Into) into.push_back(&sink);
    if (sink.kind == Sink::Kind::Hold) holds.push_back(at(source(sink.step), sink.rate));
  }
  for (const Sink& sink : sinks_) {
    if (sink.kind != Sink::Kind::Store) continue;
    const Nest& nest = compiler_.nest();
    const Reach& reach = nest.stores[sink.store];
    Instruction instruction;
    instruction.kind = Kind::Store;
    instruction.rate = sink.rate;
    instruction.view = compiler_.viewOf(sink.store, true, sink.rate, steps_[sink.step].type);
    addCoordinates(instruction.view, reach, sink.rate);
    instruction.a = at(source(sink.step), sink.rate);
    instruction.size = static_cast<uint8_t>(byteSize(steps_[sink.step].type));
    code_.body.push_back(instruction);
    code_.cost += costOfTransfer(compiler_.machine_->views[instruction.view]);
  }
  // Copies into registers come before stores, so stores go last.
  if (!into.empty()) sinkInto(into);
  std::stable_partition(code_.body.begin(), code_.body.end(),
                        [](const Instruction& instruction) { return instruction.kind != Kind::Store; });
  bindStores();
  placeTemporaries(holds);
  if (held != nullptr) held->insert(held->end(), holds.begin(), holds.end());
  return std::move(code_);
}

Code Compiler::compile(const Expression& expression, const Leaves& leaves, const std::vector<Sink>& sinks,
                       std::vector<Register>* held) {
  return Compilation(*this, expression, leaves, sinks).compile(held);
}

}  // namespace flambeau::loops
