// The tables of ops.h, put together from the families. They are constants: nothing of an instruction set runs
// before it was chosen.
#include "ops-functions.h"

namespace flambeau {
namespace FLAMBEAU_ISA {

namespace {

constexpr int at(Opcode op) { return static_cast<int>(op); }
constexpr int at(WordType type) { return static_cast<int>(type); }

constexpr BlockOps makeTables() {
  BlockOps ops{};
#define FLAMBEAU_ENTRY(op, type) ops.table[at(Opcode::op)][at(WordType::type)] = &block##op##type;
  FLAMBEAU_ALL_OPS(FLAMBEAU_ENTRY)
#undef FLAMBEAU_ENTRY

#define FLAMBEAU_ENTRY(from, to) ops.cast[at(WordType::from)][at(WordType::to)] = &block##from##To##to;
  FLAMBEAU_CASTS_FROM(FLAMBEAU_ENTRY, Bool)
  FLAMBEAU_CASTS_FROM(FLAMBEAU_ENTRY, Uint8)
  FLAMBEAU_CASTS_FROM(FLAMBEAU_ENTRY, Int32)
  FLAMBEAU_CASTS_FROM(FLAMBEAU_ENTRY, Int64)
  FLAMBEAU_CASTS_FROM(FLAMBEAU_ENTRY, Float32)
  FLAMBEAU_CASTS_FROM(FLAMBEAU_ENTRY, Float64)
#undef FLAMBEAU_ENTRY

#define FLAMBEAU_ENTRY(type, value)                         \
  ops.widen[at(WordType::type)] = &blockWiden##type;      \
  ops.narrow[at(WordType::type)] = &blockNarrow##type;
  FLAMBEAU_NARROW_TYPES(FLAMBEAU_ENTRY)
#undef FLAMBEAU_ENTRY

#define FLAMBEAU_FUSED(type)                                                \
  ops.multiplyAdd[at(WordType::type)] = &blockMultiplyAdd##type;            \
  ops.multiplySubtract[at(WordType::type)] = &blockMultiplySubtract##type;  \
  ops.subtractProduct[at(WordType::type)] = &blockSubtractProduct##type;    \
  ops.sigmoid[at(WordType::type)] = &blockSigmoid##type;                    \
  ops.boundedSigmoid[at(WordType::type)] = &blockBoundedSigmoid##type;      \
  ops.expOfDifference[at(WordType::type)] = &blockExpOfDifference##type;    \
  ops.gelu[at(WordType::type)] = &blockGelu##type;
  FLAMBEAU_FUSED(Float32)
  FLAMBEAU_FUSED(Float64)
#undef FLAMBEAU_FUSED
  return ops;
}

constexpr BlockOps tables = makeTables();

}  // namespace

extern const BlockOps blockOps;
const BlockOps blockOps = tables;

}  // namespace FLAMBEAU_ISA
}  // namespace flambeau
