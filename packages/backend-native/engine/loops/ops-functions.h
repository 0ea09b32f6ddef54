// Names of the functions that fill the tables of ops.h: block<Instruction><ValueType>, grouped by the types
// that have them. Each family of functions is a file ops-*.isa.cpp; ops-table.isa.cpp lists them all.
#pragma once
#include "ops.h"

// Instructions of every value type.
#define FLAMBEAU_COMMON_OPS(X, type)                                                                        \
  X(Neg, type) X(Abs, type) X(Floor, type) X(Ceil, type) X(Trunc, type) X(Round, type) X(Not, type)         \
  X(Add, type) X(Sub, type) X(Mul, type) X(Div, type) X(Rem, type) X(Pow, type) X(Min, type) X(Max, type)   \
  X(Eq, type) X(Ne, type) X(Lt, type) X(Le, type) X(And, type) X(Or, type) X(Select, type)

// Of bool and integers alone.
#define FLAMBEAU_INTEGER_OPS(X, type) \
  X(BitNot, type) X(BitAnd, type) X(BitOr, type) X(BitXor, type) X(Shl, type) X(Shr, type) X(ShrU, type)

// Of floats alone.
#define FLAMBEAU_FLOAT_OPS(X, type)                                                                          \
  X(Sqrt, type) X(Exp, type) X(Expm1, type) X(Log, type) X(Log1p, type) X(Sin, type) X(Cos, type)            \
  X(Tan, type) X(Asin, type) X(Acos, type) X(Atan, type) X(Sinh, type) X(Cosh, type) X(Tanh, type)           \
  X(Asinh, type) X(Acosh, type) X(Atanh, type) X(Erf, type) X(Atan2, type)

// Of floats alone, and no instructions.
#define FLAMBEAU_FUSED_OPS(X, type) \
  X(MultiplyAdd, type) X(MultiplySubtract, type) X(SubtractProduct, type) X(Sigmoid, type) X(BoundedSigmoid, type) \
  X(ExpOfDifference, type) X(Gelu, type)

#define FLAMBEAU_ALL_OPS(X)                                      \
  FLAMBEAU_COMMON_OPS(X, Bool) FLAMBEAU_INTEGER_OPS(X, Bool)     \
  FLAMBEAU_COMMON_OPS(X, Uint8) FLAMBEAU_INTEGER_OPS(X, Uint8)   \
  FLAMBEAU_COMMON_OPS(X, Int32) FLAMBEAU_INTEGER_OPS(X, Int32)   \
  FLAMBEAU_COMMON_OPS(X, Int64) FLAMBEAU_INTEGER_OPS(X, Int64)   \
  FLAMBEAU_COMMON_OPS(X, Float32) FLAMBEAU_FLOAT_OPS(X, Float32) \
  FLAMBEAU_COMMON_OPS(X, Float64) FLAMBEAU_FLOAT_OPS(X, Float64)

// Conversions: block<From>To<To>.
#define FLAMBEAU_CASTS_FROM(X, from) \
  X(from, Bool) X(from, Uint8) X(from, Int32) X(from, Int64) X(from, Float32) X(from, Float64)

// What memory holds and registers do not, with the value type.
#define FLAMBEAU_NARROW_TYPES(X) \
  X(Int8, Int32) X(Int16, Int32) X(Uint16, Int32) X(Float16, Float32) X(Bfloat16, Float32)

namespace flambeau {
namespace FLAMBEAU_ISA {

#define FLAMBEAU_DECLARE(op, type) \
  void block##op##type(void* out, const void* a, const void* b, const void* c, int64_t count);
FLAMBEAU_ALL_OPS(FLAMBEAU_DECLARE)
FLAMBEAU_FUSED_OPS(FLAMBEAU_DECLARE, Float32)
FLAMBEAU_FUSED_OPS(FLAMBEAU_DECLARE, Float64)
#undef FLAMBEAU_DECLARE

#define FLAMBEAU_DECLARE(from, to) \
  void block##from##To##to(void* out, const void* a, const void* b, const void* c, int64_t count);
FLAMBEAU_CASTS_FROM(FLAMBEAU_DECLARE, Bool)
FLAMBEAU_CASTS_FROM(FLAMBEAU_DECLARE, Uint8)
FLAMBEAU_CASTS_FROM(FLAMBEAU_DECLARE, Int32)
FLAMBEAU_CASTS_FROM(FLAMBEAU_DECLARE, Int64)
FLAMBEAU_CASTS_FROM(FLAMBEAU_DECLARE, Float32)
FLAMBEAU_CASTS_FROM(FLAMBEAU_DECLARE, Float64)
#undef FLAMBEAU_DECLARE

#define FLAMBEAU_DECLARE(narrow, value)                                                               \
  void blockWiden##narrow(void* out, const void* a, const void* b, const void* c, int64_t count);  \
  void blockNarrow##narrow(void* out, const void* a, const void* b, const void* c, int64_t count);
FLAMBEAU_NARROW_TYPES(FLAMBEAU_DECLARE)
#undef FLAMBEAU_DECLARE

}  // namespace FLAMBEAU_ISA
}  // namespace flambeau
