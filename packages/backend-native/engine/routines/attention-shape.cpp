// Checks the operands of attention routines; see attention-shape.h.
#include "attention-shape.h"

namespace flambeau {

bool readAttentionShape(const RoutineSpec& spec, size_t first, size_t mask, AttentionShape& s) {
  if (spec.attributes.size() != 3 || spec.inputs.size() < first + 3) return false;
  const RoutineOperand &q = spec.inputs[first], &k = spec.inputs[first + 1], &v = spec.inputs[first + 2];
  for (const RoutineOperand* operand : {&q, &k, &v}) {
    if (operand->type != WordType::Float32 || operand->shape.size() != 4) return false;
    if (operand->shape[0] != q.shape[0] || operand->shape[1] != q.shape[1]) return false;
  }
  s.batch = q.shape[0];
  s.headsPerBatch = q.shape[1];
  s.heads = s.batch * s.headsPerBatch;
  s.queries = q.shape[2];
  s.size = q.shape[3];
  s.keys = k.shape[2];
  s.valueSize = v.shape[3];
  if (k.shape[3] != s.size || v.shape[2] != s.keys) return false;
  s.scale = static_cast<float>(spec.attributes[0]);
  s.isCausal = spec.attributes[1] != 0;
  const double kind = spec.attributes[2];
  if (kind != 0 && kind != 1 && kind != 2) return false;
  s.maskKind = static_cast<int>(kind);
  if ((s.maskKind != 0) != (spec.inputs.size() == mask + 1)) return false;
  if (s.maskKind == 0) return spec.inputs.size() == mask;
  const RoutineOperand& m = spec.inputs[mask];
  if (m.type != (s.maskKind == 1 ? WordType::Bool : WordType::Float32) || m.shape.size() != 4) return false;
  s.maskBatch = m.shape[0];
  s.maskHeads = m.shape[1];
  const bool fits = (s.maskBatch == 1 || s.maskBatch == s.batch) && (s.maskHeads == 1 || s.maskHeads == s.headsPerBatch);
  return fits && m.shape[2] == s.queries && m.shape[3] == s.keys;
}

}  // namespace flambeau
