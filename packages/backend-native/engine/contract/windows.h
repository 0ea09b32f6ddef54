// Convolutions and their gradients: contractions in which a factor is read through guarded windows.
#pragma once
#include <memory>

#include "../program/kernel.h"

namespace flambeau {

/** Null where the contraction is no convolution that this file knows; a generic path then serves. */
std::unique_ptr<Kernel> planWindows(const ContractSpec& spec);

}  // namespace flambeau
