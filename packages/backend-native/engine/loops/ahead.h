// Fetching memory ahead: while a block is computed, what later blocks will touch comes nearer. Pays where an
// expression takes long enough to hide the way from memory, and operands do not stay in the second cache.
#pragma once
#include "compiler.h"

namespace flambeau::loops {

/** Lets `code` fetch what its own loads and stores touch `steps` indices of `axis` later. */
void lookAhead(Code& code, const Machine& machine, size_t axis, int64_t steps);
/** As lookAhead for loads in which a block's elements are spread a little, such as windows. */
void lookAround(Code& code, const Machine& machine, size_t axis, int64_t steps);
/** Lets codes that run on each row, one after the other, fetch what the last of them stores, and then what they
 * load `steps` indices of `axis` later. */
void lookAlongRows(const std::vector<Code*>& codes, const Machine& machine, size_t axis, int64_t steps);

/** Whether fetching ahead pays for codes that run on so many elements. */
bool paysAhead(const std::vector<Code*>& codes, const Machine& machine, double elements);

}  // namespace flambeau::loops
