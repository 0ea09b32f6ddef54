// Fetching memory ahead: while a block is computed, what later blocks will touch comes nearer. Pays where an
// expression takes long enough to hide the way from memory, and operands do not stay in the second cache.
#pragma once
#include "compiler.h"

namespace flambeau::loops {

/** Lets `code` fetch what its own loads and stores touch `steps` indices of `axis` later. */
void lookAhead(Code& code, const Machine& machine, size_t axis, int64_t steps);
/** As lookAhead for loads in which a block's elements are spread a little, such as windows. */
void lookAround(Code& code, const Machine& machine, size_t axis, int64_t steps);
/** Lets `code` fetch what the stores of `later` will touch at the same place. */
void lookForStores(Code& code, const Machine& machine, const Code& later);

/** Whether fetching ahead pays in a kernel of so many elements. */
bool paysAhead(const Code& code, const Machine& machine, double elements);

}  // namespace flambeau::loops
