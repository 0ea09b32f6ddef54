// Checks the operands of attention routines; see attention-shape.h.
#include "attention-shape.h"

namespace flambeau {
bool AttentionShape::readPlaces(const RoutineOperand& operand, int64_t length, int64_t width,
                                AttentionPlaces& places) const {
  if (operand.type != WordType::Float32) return false;
  if (operand.shape != std::vector<int64_t>{batch, length, headsPerBatch, width}) return false;
  const std::vector<int64_t>& strides = operand.strides;
  if (strides.empty()) places = {length * headsPerBatch * width, headsPerBatch * width, width};
  else places = {strides[0], strides[1], strides[2]};
  return strides.empty() || strides[3] == 1;
}

bool AttentionShape::isPerQuery(const RoutineOperand& operand) const {
  return operand.type == WordType::Float32 && operand.strides.empty() &&
         operand.shape == std::vector<int64_t>{batch, headsPerBatch, queries};
}

bool readAttentionShape(const RoutineSpec& spec, size_t first, size_t mask, AttentionShape& s) {
  if (spec.attributes.size() != 3 || spec.inputs.size() < first + 3) return false;
  const RoutineOperand &q = spec.inputs[first], &k = spec.inputs[first + 1], &v = spec.inputs[first + 2];
  for (const RoutineOperand* operand : {&q, &k, &v}) {
    if (operand->type != WordType::Float32 || operand->shape.size() != 4) return false;
    if (operand->shape[0] != q.shape[0] || operand->shape[2] != q.shape[2]) return false;
  }
  s.batch = q.shape[0];
  s.headsPerBatch = q.shape[2];
  s.heads = s.batch * s.headsPerBatch;
  s.queries = q.shape[1];
  s.size = q.shape[3];
  s.keys = k.shape[1];
  s.valueSize = v.shape[3];
  if (k.shape[3] != s.size || v.shape[1] != s.keys) return false;
  s.inputs.resize(mask);
  const auto read = [&](size_t at, int64_t length, int64_t width) {
    return s.readPlaces(spec.inputs[at], length, width, s.inputs[at]);
  };
  if (!read(first, s.queries, s.size) || !read(first + 1, s.keys, s.size)) return false;
  if (!read(first + 2, s.keys, s.valueSize)) return false;
  s.scale = static_cast<float>(spec.attributes[0]);
  s.isCausal = spec.attributes[1] != 0;
  const double kind = spec.attributes[2];
  if (kind != 0 && kind != 1 && kind != 2) return false;
  s.maskKind = static_cast<int>(kind);
  if ((s.maskKind != 0) != (spec.inputs.size() == mask + 1)) return false;
  if (s.maskKind == 0) return spec.inputs.size() == mask;
  const RoutineOperand& m = spec.inputs[mask];
  if (m.type != (s.maskKind == 1 ? WordType::Bool : WordType::Float32) || m.shape.size() != 4 || !m.strides.empty()) {
    return false;
  }
  s.maskBatch = m.shape[0];
  s.maskHeads = m.shape[1];
  const bool fits = (s.maskBatch == 1 || s.maskBatch == s.batch) && (s.maskHeads == 1 || s.maskHeads == s.headsPerBatch);
  return fits && m.shape[2] == s.queries && m.shape[3] == s.keys;
}

}  // namespace flambeau
