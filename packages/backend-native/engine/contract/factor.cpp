// See factor.h. Factors that lie in memory as the product wants them go to the packing of the instruction
// set; all others are first copied, a panel at a time.
#include "factor.h"

#include <algorithm>

#include "../loops/ops.h"

namespace flambeau {
namespace {

/** Most elements of a panel that are staged at a time. */
constexpr int64_t kStage = 2048;

template <class T> const MicroSet<T>& microSetOf();
template <> const MicroSet<float>& microSetOf<float>() { return microKernels(); }
template <> const MicroSet<double>& microSetOf<double>() { return microKernels64(); }

/** A value of a value type as T, with the meaning of a cast to a number type. */
template <class T, class From>
void convertRun(const void* from, int64_t stride, int64_t count, T* to) {
  const From* source = static_cast<const From*>(from);
  for (int64_t i = 0; i < count; i++) to[i] = static_cast<T>(source[i * stride]);
}

/** Through the conversions of blockOps: words to their value type, that to T. */
template <class T>
void convertBlocks(WordType type, const char* from, int64_t stride, int64_t count, T* to) {
  constexpr int64_t most = 128;
  alignas(64) char words[most * 8], values[most * 8], results[most * 8];
  const int64_t size = byteSize(type);
  const WordType value = valueType(type);
  const BlockOp widen = blockOps().widen[static_cast<int>(type)];
  const BlockOp cast = blockOps().cast[static_cast<int>(value)][static_cast<int>(TypeOf<T>::value)];
  for (int64_t first = 0; first < count; first += most) {
    const int64_t some = std::min(most, count - first);
    const char* source = from + first * stride * size;
    if (stride != 1) {
      for (int64_t i = 0; i < some; i++) std::memcpy(words + i * size, source + i * stride * size, size);
      source = words;
    }
    const char* held = source;
    if (widen) {
      widen(values, source, nullptr, nullptr, some);
      held = values;
    } else if (source != words) {
      std::memcpy(values, source, some * size);
      held = values;
    }
    if (value != TypeOf<T>::value) {
      cast(results, held, nullptr, nullptr, some);
      held = results;
    }
    std::memcpy(to + first, held, some * sizeof(T));
  }
}

/** `count` elements, `stride` apart. */
template <class T>
void readRun(WordType type, const char* from, int64_t stride, int64_t count, T* to) {
  if (type == TypeOf<T>::value) return convertRun<T, T>(from, stride, count, to);
  convertBlocks<T>(type, from, stride, count, to);
}

}  // namespace

template <class T>
void readFactor(const Factor& factor, const char* base, int64_t outer, int64_t count, int64_t k, int64_t kCount,
                T* to, int64_t ldTo) {
  const int64_t size = byteSize(factor.type);
  for (int64_t p = 0, run; p < kCount; p += run) {
    int64_t step;
    run = factor.k.evenRun(k + p, kCount - p, step);
    const char* from = base + factor.k.at(k + p) * size;
    for (int64_t i = 0; i < count; i++) {
      readRun<T>(factor.type, from + factor.outer.at(outer + i) * size, step, run, to + i * ldTo + p);
    }
  }
}

template <class T>
void packFactor(const Factor& factor, const char* base, int64_t outer, int64_t count, int64_t k, int64_t kCount,
                int64_t height, bool isPadded, T* to) {
  const MicroSet<T>& micro = microSetOf<T>();
  const bool isOwnType = factor.type == TypeOf<T>::value;
  if (isOwnType && factor.outer.isEven() && factor.k.isEven()) {
    const int64_t stride = factor.outer.stride, kStride = factor.k.stride;
    const T* from = reinterpret_cast<const T*>(base) + outer * stride + k * kStride;
    if (isPadded) return micro.packB(from, kStride, stride, kCount, count, to);
    return micro.packRows(from, stride, kStride, count, kCount, static_cast<int>(height), to);
  }
  const auto pack = [&](const T* from, int64_t stride, int64_t kStride, int64_t rows, int64_t steps, T* panel) {
    if (isPadded) micro.packB(from, kStride, stride, steps, rows, panel);
    else micro.packA(from, stride, kStride, rows, steps, panel);
  };
  for (int64_t first = 0; first < count; first += height) {
    const int64_t rows = std::min(height, count - first), width = isPadded ? height : rows;
    int64_t stride;
    const bool isEven = factor.outer.evenRun(outer + first, rows, stride) == rows;
    for (int64_t p = 0, run; p < kCount; p += run) {
      int64_t kStride;
      run = factor.k.evenRun(k + p, kCount - p, kStride);
      if (isOwnType && isEven) {
        const T* from = reinterpret_cast<const T*>(base) + factor.outer.at(outer + first) + factor.k.at(k + p);
        pack(from, stride, kStride, rows, run, to + p * width);
        continue;
      }
      // Neighbours first: rows of the stage run along k, or across it where the factor lies so.
      alignas(64) T stage[kStage];
      if (isEven && stride == 1 && kStride != 1) {
        run = std::min(run, std::max<int64_t>(1, kStage / rows));
        const char* from = base + (factor.outer.at(outer + first) + factor.k.at(k + p)) * byteSize(factor.type);
        for (int64_t q = 0; q < run; q++) {
          readRun<T>(factor.type, from + q * kStride * byteSize(factor.type), 1, rows, stage + q * rows);
        }
        pack(stage, 1, rows, rows, run, to + p * width);
      } else {
        run = std::min(kCount - p, std::max<int64_t>(1, kStage / rows));
        readFactor<T>(factor, base, outer + first, rows, k + p, run, stage, run);
        pack(stage, run, 1, rows, run, to + p * width);
      }
    }
    to += width * kCount;
  }
}

template void readFactor(const Factor&, const char*, int64_t, int64_t, int64_t, int64_t, float*, int64_t);
template void readFactor(const Factor&, const char*, int64_t, int64_t, int64_t, int64_t, double*, int64_t);
template void readFactor(const Factor&, const char*, int64_t, int64_t, int64_t, int64_t, int32_t*, int64_t);
template void readFactor(const Factor&, const char*, int64_t, int64_t, int64_t, int64_t, int64_t*, int64_t);
template void packFactor(const Factor&, const char*, int64_t, int64_t, int64_t, int64_t, int64_t, bool, float*);
template void packFactor(const Factor&, const char*, int64_t, int64_t, int64_t, int64_t, int64_t, bool, double*);

}  // namespace flambeau
