// Instruction sets. Files named *.isa.cpp are compiled once for each of them, with FLAMBEAU_ISA defined as
// its name, and keep everything inside `namespace flambeau::FLAMBEAU_ISA` or an anonymous one. They use no
// standard containers and no standard templates: the linker could pick an instance that was compiled for
// another processor. What they offer is a struct of function pointers, one instance for each set.
#pragma once

// Values that FLAMBEAU_ISA may have, for #if.
#define FLAMBEAU_ISA_baseline 1
#define FLAMBEAU_ISA_avx2 2
#define FLAMBEAU_ISA_avx512 3
#define FLAMBEAU_ISA_neon 4
#define FLAMBEAU_PASTE2(a, b) a##b
#define FLAMBEAU_PASTE(a, b) FLAMBEAU_PASTE2(a, b)
#ifdef FLAMBEAU_ISA
#define FLAMBEAU_ISA_NUMBER FLAMBEAU_PASTE(FLAMBEAU_ISA_, FLAMBEAU_ISA)
#endif

#if defined(__x86_64__) || defined(_M_X64)
#define FLAMBEAU_X86 1
#elif defined(__aarch64__) || defined(_M_ARM64)
#define FLAMBEAU_ARM 1
#endif

namespace flambeau {

enum class Isa { Baseline, Avx2, Avx512, Neon };

/** The best set that processor and operating system have, or the one that FLAMBEAU_CPU names. */
Isa activeIsa();
/** Whether bfloat16 matrix products on AMX tiles may be used by this process (asks the system once). */
bool hasAmx();

// Declares `name` of type T for every set, and `T& name()` which gives the active one.
#if defined(FLAMBEAU_X86)
#define FLAMBEAU_FOR_EACH_ISA(T, name)                                       \
  namespace baseline { extern const T name; }                                \
  namespace avx2 { extern const T name; }                                    \
  namespace avx512 { extern const T name; }                                  \
  inline const T& name() {                                                   \
    switch (activeIsa()) {                                                   \
      case Isa::Avx512: return avx512::name;                                 \
      case Isa::Avx2: return avx2::name;                                     \
      default: return baseline::name;                                        \
    }                                                                        \
  }
#elif defined(FLAMBEAU_ARM)
#define FLAMBEAU_FOR_EACH_ISA(T, name)                                       \
  namespace neon { extern const T name; }                                    \
  inline const T& name() { return neon::name; }
#else
#define FLAMBEAU_FOR_EACH_ISA(T, name)                                       \
  namespace baseline { extern const T name; }                                \
  inline const T& name() { return baseline::name; }
#endif

}  // namespace flambeau
