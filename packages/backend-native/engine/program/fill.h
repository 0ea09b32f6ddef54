// Fills memory with one word, over and over.
#pragma once
#include "../base.h"

namespace flambeau {

/** As many whole words of `size` bytes as fit into `bytes` (none where that is less), on all threads. */
void fillWords(char* to, int64_t bytes, int size, Bits word);

}  // namespace flambeau
