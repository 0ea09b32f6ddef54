// The arithmetic of the block interpreter: one function per instruction and value type, over blocks of
// neighbours. Pointers need no more alignment than their elements and may point straight into tensors:
// exactly `count` elements of each operand are read and of `out` written. `out` may be an operand whose
// elements have the same size; otherwise they do not overlap.
#pragma once
#include <cstdint>

#include "../base.h"
#include "../isa.h"

namespace flambeau {

/** Elements of a block. */
constexpr int64_t kBlock = 1024;

using BlockOp = void (*)(void* out, const void* a, const void* b, const void* c, int64_t count);

struct BlockOps {
  /** Unary and binary instructions, and select (a: condition as bool, b, c): by opcode, by the value type
   * of the *operands* (of select: of its values). Null where the instruction has no meaning: transcendental
   * ones, sqrt and atan2 on integers and bool, bits and shifts on floats. Bool results are bytes of 0 or 1. */
  BlockOp table[kOpcodeCount][6];
  /** Conversions between value types: [from][to]. Meaning: `convert` in evaluate.ts; a copy from a type
   * to itself. */
  BlockOp cast[6][6];
  /** Reinterpretations: int32 <-> float32, int64 <-> float64 move bytes, so none is needed. */
  /** a·b + c, a·b - c and c - a·b in one walk; float32 and float64. The product is rounded, too. */
  BlockOp multiplyAdd[6], multiplySubtract[6], subtractProduct[6];
  /** Loads of neighbours: [word type] widens memory (unaligned) to the value type; null where the two are
   * the same. */
  BlockOp widen[kWordTypeCount];
  /** Stores of neighbours: narrows the value type to memory (unaligned): rounds to nearest even, wraps. */
  BlockOp narrow[kWordTypeCount];
  /** What programs spell with several instructions; float32 and float64. 1 / (1 + exp(-x)); the same of
   * exp(min(-x, b)), where b is one element; exp(a - b), where b is one element, too; and
   * (x · 0.5) · (1 + erf(x · √0.5)). */
  BlockOp sigmoid[6], boundedSigmoid[6], expOfDifference[6], gelu[6];
};

FLAMBEAU_FOR_EACH_ISA(BlockOps, blockOps)

}  // namespace flambeau
