// The micro-kernels of float32 products for one instruction set; tiles.h and panels.h have the code.
#include "panels.h"

namespace flambeau {
namespace FLAMBEAU_ISA {

extern const MicroKernels microKernels;
const MicroKernels microKernels = microSet<float>();

}  // namespace FLAMBEAU_ISA
}  // namespace flambeau
