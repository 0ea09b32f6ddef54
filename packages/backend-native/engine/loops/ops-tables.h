// Tables in registers, for functions that are a polynomial of their own on each of 32 intervals. Only for
// ops-*.isa.cpp, and only where an instruction looks 32 numbers up at once.
#pragma once
#include "ops-lanes.h"

#if FLAMBEAU_ISA_NUMBER == FLAMBEAU_ISA_avx512

namespace flambeau {
namespace FLAMBEAU_ISA {
namespace {

/** Of 32 numbers those that the lowest five bits of each lane say. */
FLAMBEAU_INLINE Floats chosen(const float (&table)[32], Floats bits) {
  const __m512 low = _mm512_loadu_ps(table), high = _mm512_loadu_ps(table + 16);
  return Floats(_mm512_permutex2var_ps(low, __m512i(bits), high));
}

}  // namespace
}  // namespace FLAMBEAU_ISA
}  // namespace flambeau

#endif
