// The micro-kernels of float64 products for one instruction set; tiles.h and panels.h have the code.
#include "panels.h"

namespace flambeau {
namespace FLAMBEAU_ISA {

extern const MicroKernels64 microKernels64;
const MicroKernels64 microKernels64 = microSet<double>();

}  // namespace FLAMBEAU_ISA
}  // namespace flambeau
