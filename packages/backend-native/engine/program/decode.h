// What decoding gives before kernels are planned: specs that are in order, how operands are bound, and which
// bytes each kernel can touch. decode.cpp reads programs, decode-kernel.cpp kernels, decode-loops.cpp their
// loops, decode-expression.cpp expressions, reach.cpp finds the bytes.
#pragma once
#include "reader.h"
#include "spec.h"

namespace flambeau {

/** Bytes that may be touched, counted from an operand's element 0. */
struct ByteRange {
  int64_t low = 0, high = 0;  // `high` is excluded
  bool isEmpty() const { return low >= high; }
  void include(const ByteRange& other) {
    if (other.isEmpty()) return;
    if (isEmpty()) *this = other;
    low = other.low < low ? other.low : low;
    high = other.high > high ? other.high : high;
  }
};

/** Where a kernel's operand lies. */
struct BufferRef {
  format::Space space = format::Space::Input;
  uint32_t index = 0;
  int64_t offset = 0;  // bytes
};

/** What `initial` asks for: an output filled to its end. */
struct Fill {
  uint32_t output = 0;
  WordType type = WordType::Float32;
  Bits word;  // as memory holds it
};

/** What one kernel touches of its operands. */
struct Reach {
  std::vector<ByteRange> inputs, outputs;
};

struct DecodedKernel {
  KernelSpec spec;
  std::vector<BufferRef> inputs, outputs;
  std::vector<uint32_t> params;  // of the program
  std::vector<Fill> fills;
  Reach reach;
};

struct ProgramOperand {
  int64_t elementSize = 1;
  bool isMeasured = false;
  ByteRange reach;
};

struct Temporary {
  int64_t offset = 0, bytes = 0;
};

struct DecodedProgram {
  uint32_t inputs = 0;
  std::vector<ProgramOperand> operands;  // inputs, then outputs
  std::vector<Temporary> temporaries;
  int64_t arena = 0;
  std::vector<WordType> params;
  std::vector<DecodedKernel> kernels;
};

/** Throws Error where the bytes do not make a program. */
DecodedProgram decodeProgram(const uint8_t* bytes, size_t length);

/** Reads what follows a kernel's bindings; `kernel.inputs`, `outputs` and `paramTypes` are known. */
void decodeSpec(Reader& reader, KernelKind kind, const std::vector<WordType>& paramTypes, DecodedKernel& kernel);

/** Which leaves an expression may have. */
struct Leaves {
  const LoopsCommon* loops = nullptr;
  bool hasElements = true;                    // loads, indices
  const std::vector<WordType>* states = nullptr;
  uint32_t stateEnd = 0;                      // `state` leaves from 0
  uint32_t otherStart = 0, otherEnd = 0;      // `other` leaves
  const std::vector<WordType>* kept = nullptr;
  uint32_t keptEnd = 0;
};

/** How many operands a step of this opcode has. */
int operandCount(Opcode op);

constexpr size_t kAnyCount = SIZE_MAX;

/** Reads an expression of `results` results whose types are all in order. */
Expression decodeExpression(Reader& reader, const Leaves& leaves, size_t results);

/** Axes, loads and stores, and what the stores are filled with before. */
void decodeCommon(Reader& reader, size_t inputs, size_t outputs, LoopsCommon& loops, std::vector<Fill>& fills);

/**
 * The accesses that stay where they are along the axes from `outer` on; with `alongOne` axes of length 1 do not
 * count.
 */
class FixedAccesses {
 public:
  FixedAccesses(const LoopsCommon& loops, size_t outer, bool alongOne = false);
  bool contains(const Access& access) const;
  bool containsLoad(size_t load) const { return loads_[load]; }

 private:
  std::vector<size_t> axes_;  // along which a fixed access has no stride
  std::vector<bool> loads_;
};

/**
 * Checks that fixed stores have values which do not vary along the axes from `outer` on either, and, unless
 * they `mayMove`, that all stores are fixed.
 */
void requireFixedValues(const LoopsCommon& loops, const FixedAccesses& fixed, uint32_t outer, bool mayMove);

/**
 * Bytes that loops touch. What stays where it is along the axes from `outer` on may be touched even where one
 * of those is empty.
 */
Reach reachOf(const LoopsCommon& loops, uint32_t outer, size_t inputs, size_t outputs);

}  // namespace flambeau
