// Which instruction sets may be used, by feature bits: models lie (virtual machines invent them), and bits
// count only when the operating system keeps the registers across switches (XGETBV).
#include "cpu.h"

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <initializer_list>
#include <string>

#include "../base.h"

#if defined(FLAMBEAU_X86)
#if defined(_MSC_VER)
#include <intrin.h>
#else
#include <cpuid.h>
#endif
#endif
#if defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace flambeau {

namespace {

struct Features {
  bool avx2 = false, avx512 = false, amx = false;
};

#if defined(FLAMBEAU_X86)

struct Registers {
  uint32_t a = 0, b = 0, c = 0, d = 0;
};

Registers cpuid(uint32_t leaf, uint32_t subleaf) {
  Registers r;
#if defined(_MSC_VER)
  int values[4];
  __cpuid(values, 0);
  if (static_cast<uint32_t>(values[0]) < leaf) return r;
  __cpuidex(values, static_cast<int>(leaf), static_cast<int>(subleaf));
  r.a = values[0], r.b = values[1], r.c = values[2], r.d = values[3];
#else
  if (!__get_cpuid_count(leaf, subleaf, &r.a, &r.b, &r.c, &r.d)) return Registers{};
#endif
  return r;
}

/** Which registers the system saves. */
uint64_t savedState() {
#if defined(_MSC_VER)
  return _xgetbv(0);
#else
  uint32_t low, high;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (static_cast<uint64_t>(high) << 32) | low;
#endif
}

/** Linux lends the tiles only to processes that ask. */
bool requestTiles() {
#if defined(__linux__) && defined(SYS_arch_prctl)
  constexpr int kRequestPermission = 0x1023, kTileData = 18;
  return syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
#else
  return false;
#endif
}

Features detect() {
  const auto all = [](uint32_t word, std::initializer_list<int> bits) {
    for (int bit : bits) {
      if (!(word >> bit & 1)) return false;
    }
    return true;
  };
  Features found;
  const Registers basic = cpuid(1, 0);
  constexpr int kFma = 12, kOsxsave = 27, kAvx = 28, kF16c = 29;
  if (!all(basic.c, {kFma, kOsxsave, kAvx, kF16c})) return found;
  const uint64_t state = savedState();
  constexpr uint64_t kYmm = 0x6, kZmm = 0xe6, kTiles = 0x60000;
  const Registers extended = cpuid(7, 0), more = cpuid(7, 1);
  constexpr int kAvx2 = 5, kBmi2 = 8, kAvx512f = 16, kAvx512dq = 17, kAvx512bw = 30, kAvx512vl = 31;
  constexpr int kAmxBf16 = 22, kAmxTile = 24, kAvx512Bf16 = 5;
  found.avx2 = (state & kYmm) == kYmm && all(extended.b, {kAvx2, kBmi2});
  found.avx512 =
      found.avx2 && (state & kZmm) == kZmm && all(extended.b, {kAvx512f, kAvx512dq, kAvx512bw, kAvx512vl});
  found.amx = found.avx512 && (state & kTiles) == kTiles && all(extended.d, {kAmxBf16, kAmxTile}) &&
              all(more.a, {kAvx512Bf16}) && requestTiles();
  return found;
}

#else

Features detect() { return Features{}; }

#endif

const Features& features() {
  static const Features found = detect();
  return found;
}

constexpr Isa kIsas[] = {Isa::Avx512, Isa::Avx2, Isa::Neon, Isa::Baseline};  // best first
constexpr int kUnknown = -1;
std::atomic<int> active{kUnknown}, amx{kUnknown};

}  // namespace

const char* isaName(Isa isa) {
  switch (isa) {
    case Isa::Avx512: return "avx512";
    case Isa::Avx2: return "avx2";
    case Isa::Neon: return "neon";
    case Isa::Baseline: break;
  }
  return "baseline";
}

bool supportsIsa(Isa isa) {
#if defined(FLAMBEAU_ARM)
  return isa == Isa::Neon;
#else
  switch (isa) {
    case Isa::Avx512: return features().avx512;
    case Isa::Avx2: return features().avx2;
    case Isa::Neon: return false;
    case Isa::Baseline: break;
  }
  return true;
#endif
}

void selectIsa(const char* name) {
  std::string available;
  for (Isa isa : kIsas) {
    if (!supportsIsa(isa)) continue;
    if (!name || !*name || std::string(name) == isaName(isa)) {
      active.store(static_cast<int>(isa), std::memory_order_relaxed);
      // Tiles are used together with AVX-512; who forces less wants to see the rest.
      amx.store(isa == Isa::Avx512 && features().amx, std::memory_order_relaxed);
      return;
    }
    available += (available.empty() ? "" : ", ") + std::string(isaName(isa));
  }
  throw Error("FLAMBEAU_CPU is \"" + std::string(name) + "\", but this processor can be used as: " + available +
              ". Set it to one of these, or leave it unset for the first.");
}

void selectIsa() { selectIsa(std::getenv("FLAMBEAU_CPU")); }

Isa activeIsa() {
  const int isa = active.load(std::memory_order_relaxed);
  if (isa != kUnknown) return static_cast<Isa>(isa);
  selectIsa();
  return static_cast<Isa>(active.load(std::memory_order_relaxed));
}

bool hasAmx() {
  activeIsa();
  return amx.load(std::memory_order_relaxed) == 1;
}

}  // namespace flambeau
