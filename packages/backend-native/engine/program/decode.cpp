// Reads programs: operands, temporaries, params, and how kernels are bound to them.
#include "decode.h"

namespace flambeau {
namespace {

using format::Space;

std::vector<BufferRef> decodeBuffers(Reader& reader, const DecodedProgram& program, bool areWritten) {
  const uint32_t outputs = static_cast<uint32_t>(program.operands.size()) - program.inputs;
  const uint32_t counts[] = {program.inputs, outputs, static_cast<uint32_t>(program.temporaries.size())};
  std::vector<BufferRef> buffers(reader.count(4, "buffers"));
  for (BufferRef& buffer : buffers) {
    buffer.space = static_cast<Space>(reader.below(format::kSpaceCount, "space"));
    if (areWritten && buffer.space == Space::Input) malformed("a kernel writes an input");
    buffer.index = reader.below(counts[static_cast<int>(buffer.space)], "buffer");
    buffer.offset = reader.wide();
  }
  return buffers;
}

/** Joins what a kernel touches of a buffer to what the program does, or checks that a temporary has it. */
void bind(DecodedProgram& program, const BufferRef& buffer, const ByteRange& reach) {
  if (reach.isEmpty()) return;
  const ByteRange shifted{checkedSum(reach.low, buffer.offset), checkedSum(reach.high, buffer.offset)};
  if (buffer.space == Space::Temporary) {
    const Temporary& temporary = program.temporaries[buffer.index];
    if (shifted.low < 0 || shifted.high > temporary.bytes) malformed("a kernel leaves its temporary");
    return;
  }
  const uint32_t first = buffer.space == Space::Input ? 0 : program.inputs;
  program.operands[first + buffer.index].reach.include(shifted);
}

/** Elements of `type` must lie where they may: at multiples of their size. */
void requireAligned(const DecodedProgram& program, const BufferRef& buffer, WordType type) {
  const int64_t size = byteSize(type);
  if (buffer.offset % size != 0) malformed("an operand is not aligned");
  if (buffer.space == Space::Temporary) return;
  const uint32_t first = buffer.space == Space::Input ? 0 : program.inputs;
  if (program.operands[first + buffer.index].elementSize % size != 0) malformed("an operand has smaller elements");
}

void requireAligned(const DecodedProgram& program, const DecodedKernel& kernel) {
  if (const RoutineSpec* routine = std::get_if<RoutineSpec>(&kernel.spec)) {
    for (size_t i = 0; i < kernel.inputs.size(); i++) {
      requireAligned(program, kernel.inputs[i], routine->inputs[i].type);
    }
    for (size_t i = 0; i < kernel.outputs.size(); i++) {
      requireAligned(program, kernel.outputs[i], routine->outputs[i].type);
    }
    return;
  }
  const auto check = [&](const LoopsCommon& loops) {
    for (const Load& load : loops.loads) requireAligned(program, kernel.inputs[load.operand], load.type);
    for (const Store& store : loops.stores) requireAligned(program, kernel.outputs[store.operand], store.type);
  };
  if (const auto* spec = std::get_if<LoopSpec>(&kernel.spec)) check(*spec);
  if (const auto* spec = std::get_if<RowsSpec>(&kernel.spec)) check(*spec);
  if (const auto* spec = std::get_if<ContractSpec>(&kernel.spec)) check(*spec);
}

DecodedKernel decodeKernel(Reader& reader, DecodedProgram& program) {
  DecodedKernel kernel;
  const auto kind = static_cast<KernelKind>(reader.below(kKernelKindCount, "kind"));
  kernel.inputs = decodeBuffers(reader, program, false);
  kernel.outputs = decodeBuffers(reader, program, true);
  kernel.params.resize(reader.count(1, "params"));
  std::vector<WordType> types;
  types.reserve(kernel.params.size());
  for (uint32_t& param : kernel.params) {
    param = reader.below(static_cast<uint32_t>(program.params.size()), "param");
    types.push_back(program.params[param]);
  }
  decodeSpec(reader, kind, types, kernel);
  requireAligned(program, kernel);
  for (size_t i = 0; i < kernel.inputs.size(); i++) bind(program, kernel.inputs[i], kernel.reach.inputs[i]);
  for (size_t i = 0; i < kernel.outputs.size(); i++) bind(program, kernel.outputs[i], kernel.reach.outputs[i]);
  for (const Fill& fill : kernel.fills) {
    const BufferRef& buffer = kernel.outputs[fill.output];
    if (buffer.space == Space::Output && !program.operands[program.inputs + buffer.index].isMeasured) {
      malformed("an output is filled whose size is not known");
    }
    if (buffer.offset < 0) malformed("an output is filled from before its start");
  }
  return kernel;
}

ProgramOperand decodeOperand(Reader& reader) {
  ProgramOperand operand;
  operand.elementSize = reader.word();
  if (operand.elementSize != 1 && operand.elementSize != 2 && operand.elementSize != 4 && operand.elementSize != 8) {
    malformed("elements of " + std::to_string(operand.elementSize) + " bytes");
  }
  operand.isMeasured = reader.flag("measured");
  return operand;
}

Temporary decodeTemporary(Reader& reader, int64_t arena) {
  Temporary temporary;
  temporary.offset = reader.wide();
  temporary.bytes = reader.wide();
  if (temporary.offset < 0 || temporary.offset % 64 != 0 || temporary.bytes < 0 ||
      temporary.offset + temporary.bytes > arena) {
    malformed("a temporary leaves the arena");
  }
  return temporary;
}

}  // namespace

DecodedProgram decodeProgram(const uint8_t* bytes, size_t length) {
  Reader reader(bytes, length);
  if (reader.word() != format::kMagic) malformed("it does not begin as programs do");
  const uint32_t version = reader.word();
  if (version != format::kVersion) malformed("version " + std::to_string(version));
  if (reader.word() != length) malformed("its length is not what it says");
  DecodedProgram program;
  program.inputs = reader.count(2, "inputs");
  const uint32_t outputs = reader.count(2, "outputs");
  program.arena = reader.wide();
  if (program.arena < 0) malformed("a negative arena");
  const size_t operands = static_cast<size_t>(program.inputs) + outputs;
  program.operands.reserve(operands);
  for (size_t i = 0; i < operands; i++) program.operands.push_back(decodeOperand(reader));
  program.temporaries.resize(reader.count(4, "temporaries"));
  for (Temporary& temporary : program.temporaries) temporary = decodeTemporary(reader, program.arena);
  program.params.resize(reader.count(1, "params"));
  for (WordType& param : program.params) param = reader.valueTypeWord("a param");
  const uint32_t kernels = reader.count(4, "kernels");
  program.kernels.reserve(kernels);
  for (uint32_t i = 0; i < kernels; i++) {
    try {
      program.kernels.push_back(decodeKernel(reader, program));
    } catch (const Error& error) {
      throw Error("kernel " + std::to_string(i) + ": " + error.what());
    }
  }
  if (reader.remaining() != 0) malformed("bytes follow its end");
  return program;
}

}  // namespace flambeau
