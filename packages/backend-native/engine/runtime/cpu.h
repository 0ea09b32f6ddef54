// Choosing the instruction set. Asking for the chosen one: isa.h.
#pragma once
#include "../isa.h"

namespace flambeau {

/** As FLAMBEAU_CPU and `Engine.isa` spell it. */
const char* isaName(Isa isa);
/** Whether processor and operating system have it. */
bool supportsIsa(Isa isa);
/**
 * Makes the named set the active one, or the best where `name` is null or empty. Throws Error, with the names
 * there are, for one that is unknown or that this processor lacks. Between runs.
 */
void selectIsa(const char* name);
/** As FLAMBEAU_CPU says; the addon does this when it is loaded. */
void selectIsa();

}  // namespace flambeau
