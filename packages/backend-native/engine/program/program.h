// A program: kernels in order over numbered buffers, decoded from the flat binary that src/program.ts writes
// (layout: program/format.h). Everything is checked when it is decoded or, for the reach of operands, before
// each run: a malformed program or a short buffer is an Error, never a crash.
#pragma once
#include <memory>
#include <vector>

#include "kernel.h"

namespace flambeau {

struct RunResult {
  enum class Status { Ok, BadIndex, OutOfBounds, OutOfMemory } status = Status::Ok;
  /** Which kernel of the program (BadIndex, OutOfMemory), or which operand (OutOfBounds). */
  int32_t position = 0;
};

class Program {
 public:
  /** Throws Error where the bytes do not make a program. */
  static std::unique_ptr<Program> decode(const uint8_t* bytes, size_t length);
  virtual ~Program() = default;
  /** How many numbers `run` reads: two per operand, one per param, one per measured operand. */
  virtual size_t slotCount() const = 0;
  /**
   * Runs all kernels. `slots`: for each operand of the program (inputs, then outputs) the address of its
   * block's data and a byte offset into it, as doubles; then the params, as doubles (int64 as its bits); then
   * of each measured operand (format.h) how many bytes its block has in use.
   */
  virtual RunResult run(const double* slots) const = 0;
  /** Blocks that the slots name, for those who must keep them alive during an asynchronous run. */
  virtual size_t operandCount() const = 0;
};

}  // namespace flambeau
