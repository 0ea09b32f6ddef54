// Block operations besides those of ops.h. Some operands are one element for the whole block (constants,
// params, what does not vary along a row), which spares the block that such an element would fill; and
// comparisons as searches for the greatest element make them.
#pragma once
#include "ops.h"

namespace flambeau::loops {

struct ScalarOps {
  /** Binary instructions by opcode and the operands' type, with a single first or second operand; of select
   * its first or second value. Null where there is none: then the element is spread. */
  BlockOp first[kOpcodeCount][6], second[kOpcodeCount][6];
  /** Fused a·b + c, a·b - c and c - a·b, by type, where these operands are single. */
  BlockOp multiplyAdd[3][6], multiplySubtract[3][6], subtractProduct[3][6];
  /** (a - b)·c, where b and c are single; rounded twice. */
  BlockOp scaledDifference[6];
  /** a > b, a < b, or only a is NaN; a = b, or both are NaN. Floats. */
  BlockOp exceeds[6], undercuts[6], same[6];
};
/** Which operands of fused operations are single: b, c, or both. */
enum class Single : uint8_t { B, C, Both };

}  // namespace flambeau::loops

namespace flambeau {
FLAMBEAU_FOR_EACH_ISA(loops::ScalarOps, scalarOps)
}
