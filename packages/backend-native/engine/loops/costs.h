// Rough costs in nanoseconds per element, the same on every processor: what decides whether threads pay and
// how work is cut.
#pragma once
#include "machine.h"

namespace flambeau::loops {

constexpr double kFoldCost = 0.04;

inline double costOfInstruction(Opcode op, WordType type) {
  const bool isWide = type == WordType::Float64 || type == WordType::Int64;
  const double step = isWide ? 0.08 : 0.04;
  if (op == Opcode::Sqrt || op == Opcode::Exp) return 5 * step;
  if (op >= Opcode::Expm1 && op <= Opcode::Erf) return 15 * step;
  if (op == Opcode::Pow || op == Opcode::Atan2 || op == Opcode::Rem) return 30 * step;
  if (op == Opcode::Div) return type == WordType::Float32 ? 2 * step : 8 * step;
  return step;
}

inline double costOfTransfer(const View& view) {
  if (view.combine != Combine::Set || !view.coordinates.empty()) return view.variesInside ? 1.5 : 0.2;
  if (!view.checks.empty()) return 0.2;
  if (view.isDense() || view.stretches.empty() || view.stretches.back().stride == 0) return 0.03 * view.size / 4;
  return view.stretches.back().stride == view.size ? 0.06 : 0.4;
}

}  // namespace flambeau::loops
