// The flat binary of a program: a list of little-endian 32-bit words, written by src/program-writer.ts and
// read by decode*.cpp. Notation: `x: u` one word; `x: wide` two words, a signed number, low word first, at most
// 2^48 in size; `x: bits` two words, a scalar in its low bytes, the rest 0; `[n: u, …]` a count and as many
// records; `{…} × n` as many records as said elsewhere. Types, opcodes, kinds and combines are numbers of
// generated/vocabulary.h.
//
//   program     magic: u, version: u, length: u (bytes in all), inputs: u, outputs: u, arena: wide (bytes),
//               {operand} × (inputs + outputs), [n: u, temporary], [n: u, type: u] (params), [n: u, kernel]
//   operand     element: u (bytes: a power of two up to 8), measured: u (0 or 1)
//               The call's byte offset is a multiple of `element`. Of a measured operand the call also says
//               how many bytes it has; operands that `initial` fills are measured.
//   temporary   offset: wide (into the arena, a multiple of 64), bytes: wide
//   kernel      kind: u, [n: u, buffer] (inputs), [n: u, buffer] (outputs), [n: u, param: u], then
//               map, reduce, scan, rows, contract: loops; routine: routine
//   buffer      space: u (0 input, 1 output, 2 temporary; kernels write outputs and temporaries), index: u,
//               offset: wide (bytes)
//   loops       [n: u, length: wide] (axes), [n: u, load], [n: u, store], filled: u (0 or 1),
//               {bits} × stores where filled (as memory holds them), then what the kind has, at last
//               expression (one result per store)
//     reduce    reduced: u, [n: u, state], expression (step), expression (merge)
//     scan      reversed: u, [n: u, state], expression (step)
//     rows      row: u, [n: u, stage]
//     contract  batch: u, m: u, n: u, k: u, accumulator: u, bfloat16: u (allowed: 0 or 1)
//   stage       [n: u, state], expression (kept), expression (step), expression (merge)
//   state       type: u, initial: bits
//   load        access, fill: bits (of the value type)
//   store       access, combine: u
//   access      operand: u, type: u, offset: wide, {stride: wide} × axes, [n: u, guard], [n: u, indirection]
//   guard       base: wide, divisor: wide, size: wide, stride: wide, {coefficient: wide} × axes
//   indirection load: u, wraps: u (0 or 1), size: wide, stride: wide
//   expression  [n: u, step], [n: u, step's position: u] (results)
//   step        opcode + 256 · type: u, then of a const bits, of a leaf its position: u, else the operands'
//               positions, a word each
//   routine     [n: u, character: u] (name), [n: u, argument] (inputs), [n: u, argument] (outputs),
//               [n: u, bits] (attributes, float64)
//   argument    type: u, [n: u, length: wide] (shape), strided: u (0 or 1; inputs only), then {stride: wide} × n
#pragma once
#include <cstdint>

namespace flambeau::format {

constexpr uint32_t kMagic = 0x50424c46;  // "FLBP"
constexpr uint32_t kVersion = 1;
constexpr int64_t kWidest = int64_t{1} << 48;

/** More than any program needs; planners may rely on them. */
constexpr uint32_t kMaxAxes = 32;
constexpr uint32_t kMaxSteps = 1 << 16;
/** Elements of a loop nest. */
constexpr int64_t kMaxElements = kWidest;

enum class Space : uint8_t { Input, Output, Temporary };
constexpr int kSpaceCount = 3;

}  // namespace flambeau::format
