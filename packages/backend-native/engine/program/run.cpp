// Runs programs: plans kernels once; on each call checks operands against their blocks, converts params, and
// calls the kernels in order.
#include <algorithm>
#include <cmath>

#include "../runtime/memory.h"
#include "decode.h"
#include "fill.h"
#include "program.h"

namespace flambeau {
namespace {

using format::Space;

/** Memory for a few items on the stack, for more of them on the heap. */
template <class T, size_t kFew>
class Stack {
 public:
  explicit Stack(size_t count) : data_(few_) {
    if (count > kFew) {
      many_.reset(new T[count]);
      data_ = many_.get();
    }
  }
  T* data() { return data_; }
  T& operator[](size_t at) { return data_[at]; }

 private:
  T few_[kFew];
  std::unique_ptr<T[]> many_;
  T* data_;
};

struct BlockReference {
  Block* block = nullptr;
  ~BlockReference() {
    if (block != nullptr) releaseBlock(block);
  }
};

/** A number below 2^53 that is no fraction; -1 where it is neither. */
int64_t wholeNumber(double value) {
  if (!(value >= 0 && value < 9007199254740992.0) || value != std::floor(value)) return -1;
  return static_cast<int64_t>(value);
}

template <class Integer>
Bits wrapped(double value) {
  // What does not fit int64 becomes its minimum, as everywhere; the caller has converted already.
  const bool fits = value >= -9223372036854775808.0 && value < 9223372036854775808.0;
  const int64_t whole = fits ? static_cast<int64_t>(value) : INT64_MIN;
  return Bits::of(static_cast<Integer>(static_cast<uint64_t>(whole)));
}

Bits convertParam(double value, WordType type) {
  switch (type) {
    case WordType::Float64:
    case WordType::Int64: return Bits::of(value);
    case WordType::Float32: return Bits::of(static_cast<float>(value));
    case WordType::Int32: return wrapped<int32_t>(value);
    case WordType::Uint8: return wrapped<uint8_t>(value);
    default: return Bits::of(static_cast<uint8_t>(value != 0));
  }
}

std::unique_ptr<Kernel> planRoutineOrThrow(RoutineSpec spec) {
  const std::string name = spec.name;
  std::unique_ptr<Kernel> kernel = planRoutine(std::move(spec));
  if (kernel == nullptr) throw Error("the engine has no routine " + name + " for these operands");
  return kernel;
}

struct Planner {
  std::unique_ptr<Kernel> operator()(LoopSpec& spec) const { return planLoops(std::move(spec)); }
  std::unique_ptr<Kernel> operator()(RowsSpec& spec) const { return planRows(std::move(spec)); }
  std::unique_ptr<Kernel> operator()(ContractSpec& spec) const { return planContract(std::move(spec)); }
  std::unique_ptr<Kernel> operator()(RoutineSpec& spec) const { return planRoutineOrThrow(std::move(spec)); }
};

/** A kernel with its operands found: an index into the addresses of all buffers, and a byte offset. */
struct BoundOperand {
  uint32_t buffer = 0;
  int64_t offset = 0;
};

struct PlannedKernel {
  std::unique_ptr<Kernel> kernel;
  std::vector<BoundOperand> operands;  // inputs, then outputs
  size_t inputs = 0;
  std::vector<uint32_t> params;
  std::vector<Fill> fills;
};

class PlannedProgram final : public Program {
 public:
  explicit PlannedProgram(DecodedProgram program)
      : inputs_(program.inputs),
        operands_(std::move(program.operands)),
        temporaries_(std::move(program.temporaries)),
        arena_(program.arena),
        params_(std::move(program.params)) {
    kernels_.reserve(program.kernels.size());
    for (DecodedKernel& kernel : program.kernels) kernels_.push_back(plan(kernel));
    measured_ = static_cast<size_t>(
        std::count_if(operands_.begin(), operands_.end(), [](const ProgramOperand& o) { return o.isMeasured; }));
  }

  size_t operandCount() const override { return operands_.size(); }
  size_t slotCount() const override { return 2 * operands_.size() + params_.size() + measured_; }

  RunResult run(const double* slots) const override {
    Stack<char*, 24> buffers(operands_.size() + temporaries_.size());
    Stack<int64_t, 24> ends(operands_.size() + temporaries_.size());
    const int32_t refused = findOperands(slots, buffers.data(), ends.data());
    if (refused >= 0) return {RunResult::Status::OutOfBounds, refused};

    BlockReference arena;
    if (arena_ > 0) {
      arena.block = allocateBlock(static_cast<size_t>(arena_));
      if (arena.block == nullptr) return {RunResult::Status::OutOfMemory, 0};
    }
    for (size_t i = 0; i < temporaries_.size(); i++) {
      const size_t at = operands_.size() + i;
      buffers[at] = arena.block == nullptr ? nowhere() : arena.block->data() + temporaries_[i].offset;
      ends[at] = temporaries_[i].bytes;
    }
    Stack<Bits, 16> params(params_.size());
    for (size_t i = 0; i < params_.size(); i++) {
      params[i] = convertParam(slots[2 * operands_.size() + i], params_[i]);
    }
    for (size_t i = 0; i < kernels_.size(); i++) {
      const RunResult::Status status = runKernel(kernels_[i], buffers.data(), ends.data(), params.data());
      if (status != RunResult::Status::Ok) return {status, static_cast<int32_t>(i)};
    }
    return {};
  }

 private:
  PlannedKernel plan(DecodedKernel& decoded) const {
    PlannedKernel planned;
    planned.inputs = decoded.inputs.size();
    for (const BufferRef& buffer : decoded.inputs) planned.operands.push_back(bound(buffer));
    for (const BufferRef& buffer : decoded.outputs) planned.operands.push_back(bound(buffer));
    planned.params = std::move(decoded.params);
    planned.fills = std::move(decoded.fills);
    planned.kernel = std::visit(Planner(), decoded.spec);
    return planned;
  }

  BoundOperand bound(const BufferRef& buffer) const {
    const size_t first = buffer.space == Space::Input ? 0 : buffer.space == Space::Output ? inputs_ : operands_.size();
    return {static_cast<uint32_t>(first + buffer.index), buffer.offset};
  }

  /** Where operands are that nothing touches. */
  static char* nowhere() {
    alignas(64) static char bytes[64];
    return bytes;
  }

  /**
   * Finds where element 0 of each operand is and how many bytes follow it, of measured ones to the end of
   * what is in use. Gives the first operand that cannot be what kernels need, or -1.
   */
  int32_t findOperands(const double* slots, char** buffers, int64_t* ends) const {
    const double* lengths = slots + 2 * operands_.size() + params_.size();
    for (size_t i = 0; i < operands_.size(); i++) {
      const ProgramOperand& operand = operands_[i];
      const int64_t address = wholeNumber(slots[2 * i]), offset = wholeNumber(slots[2 * i + 1]);
      const int64_t length = operand.isMeasured ? wholeNumber(*lengths++) : 0;
      buffers[i] = nowhere();
      ends[i] = 0;
      if (operand.reach.isEmpty() && length == 0) continue;
      const int32_t position = static_cast<int32_t>(i);
      if (address < 0 || offset < 0 || offset % operand.elementSize != 0) return position;
      Block* const block = blockAt(static_cast<uintptr_t>(address));
      if (block == nullptr) return position;
      const int64_t capacity = static_cast<int64_t>(block->capacity);
      if (length < 0 || length > capacity) return position;
      if (!operand.reach.isEmpty() && (offset + operand.reach.low < 0 || offset + operand.reach.high > capacity)) {
        return position;
      }
      buffers[i] = block->data() + offset;
      ends[i] = length - offset;
    }
    return -1;
  }

  RunResult::Status runKernel(const PlannedKernel& planned, char* const* buffers, const int64_t* ends,
                              const Bits* params) const {
    const size_t count = planned.operands.size();
    Stack<char*, 24> operands(count);
    for (size_t i = 0; i < count; i++) {
      const BoundOperand& operand = planned.operands[i];
      operands[i] = buffers[operand.buffer] + operand.offset;
    }
    Stack<Bits, 16> own(planned.params.size());
    for (size_t i = 0; i < planned.params.size(); i++) own[i] = params[planned.params[i]];
    for (const Fill& fill : planned.fills) {
      const size_t at = planned.inputs + fill.output;
      const BoundOperand& operand = planned.operands[at];
      fillWords(operands[at], ends[operand.buffer] - operand.offset, byteSize(fill.type), fill.word);
    }
    std::atomic<bool> badIndex{false};
    Call call;
    call.inputs = operands.data();
    call.outputs = operands.data() + planned.inputs;
    call.params = own.data();
    call.badIndex = &badIndex;
    try {
      planned.kernel->run(call);
    } catch (const Error&) {
      return RunResult::Status::OutOfMemory;
    }
    return badIndex.load(std::memory_order_relaxed) ? RunResult::Status::BadIndex : RunResult::Status::Ok;
  }

  uint32_t inputs_;
  std::vector<ProgramOperand> operands_;
  std::vector<Temporary> temporaries_;
  int64_t arena_;
  std::vector<WordType> params_;
  std::vector<PlannedKernel> kernels_;
  size_t measured_ = 0;
};

}  // namespace

std::unique_ptr<Program> Program::decode(const uint8_t* bytes, size_t length) {
  return std::make_unique<PlannedProgram>(decodeProgram(bytes, length));
}

}  // namespace flambeau
