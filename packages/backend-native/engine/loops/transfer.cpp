// Moving a block's elements between registers and memory: strided, guarded, through coordinates, and stores
// that meet what is there.
#include <numeric>

#include "machine.h"

namespace flambeau::loops {
namespace {

constexpr size_t kMostDimensions = 16;

int64_t floorDivide(int64_t a, int64_t b) {
  const int64_t quotient = a / b;
  return a % b != 0 && (a < 0) != (b < 0) ? quotient - 1 : quotient;
}

/** Indices first, first + step, … along an axis. */
struct Progression {
  int64_t first, step, count;
};

/** Where 0 <= (start + coefficient · i) / divisor < size, exactly; false where that is too hard to say. */
bool solve(int64_t start, int64_t coefficient, const CheckedAxis& check, int64_t extent, Progression& result) {
  const int64_t last = (check.size - 1) * check.divisor;
  int64_t low, high;
  if (coefficient > 0) {
    low = -floorDivide(start, coefficient);
    high = floorDivide(last - start, coefficient);
  } else {
    low = -floorDivide(last - start, -coefficient);
    high = floorDivide(start, -coefficient);
  }
  low = low < 0 ? 0 : low;
  high = high >= extent ? extent - 1 : high;
  result = {low, 1, high - low + 1};
  if (check.divisor == 1 || result.count <= 0 || check.size <= 0) {
    if (check.size <= 0) result.count = 0;
    return true;
  }
  const int64_t shared = std::gcd(coefficient < 0 ? -coefficient : coefficient, check.divisor);
  const int64_t step = check.divisor / shared;
  if (step > 1024) return false;
  if (start % shared != 0) {
    result.count = 0;
    return true;
  }
  while (low <= high && (start + coefficient * low) % check.divisor != 0) low++;
  result = {low, step, low > high ? 0 : (high - low) / step + 1};
  return true;
}

/** Narrows `to` to what is in `other` too; false where both have gaps. */
bool intersect(Progression& to, const Progression& other) {
  if (to.count <= 0 || other.count <= 0) {
    to.count = 0;
    return true;
  }
  if (to.step != 1 && other.step != 1) return false;
  const Progression& coarse = to.step != 1 ? to : other;
  const Progression& fine = to.step != 1 ? other : to;
  const int64_t fineLast = fine.first + fine.count - 1;
  int64_t first = coarse.first;
  if (first < fine.first) first += (fine.first - first + coarse.step - 1) / coarse.step * coarse.step;
  int64_t last = coarse.first + (coarse.count - 1) * coarse.step;
  if (last > fineLast) last = fineLast;
  const int64_t step = coarse.step;
  to = {first, step, last < first ? 0 : (last - first) / step + 1};
  return true;
}

}  // namespace

int64_t Frame::countOf(const View& view) const {
  int64_t count = 1;
  for (size_t b = 0; b < view.axes; b++) count *= extents_[b];
  return count;
}

void Frame::move(const View& view, char* memory, char* block, const Dimension* d, size_t count, bool isLoad) {
  if (count > 2) {
    for (int64_t i = 0; i < d[0].length; i++)
      move(view, memory + i * d[0].inMemory, block + i * d[0].inBlock, d + 1, count - 1, isLoad);
    return;
  }
  const Dimension one = {1, 0, 0};
  const Dimension& row = count == 2 ? d[0] : one;
  const Dimension& column = count == 0 ? one : d[count - 1];
  if (isLoad) {
    moves_.rectangle(view.size, block, memory,
                     {row.length, column.length, row.inBlock, column.inBlock, row.inMemory, column.inMemory});
  } else {
    moves_.rectangle(view.size, memory, block,
                     {row.length, column.length, row.inMemory, column.inMemory, row.inBlock, column.inBlock});
  }
}

void Frame::movePlain(const View& view, char* block, bool isLoad) {
  Dimension dimensions[kMostDimensions];
  size_t count = view.stretches.size();
  int64_t pitch = view.size;
  for (size_t i = count; i-- > 0;) {
    const Stretch& stretch = view.stretches[i];
    const int64_t length = stretch.ranged < 0 ? stretch.length : stretch.length * extents_[stretch.ranged];
    dimensions[i] = {length, pitch, stretch.stride};
    pitch *= length;
  }
  move(view, address(view), block, dimensions, count, isLoad);
}

void Frame::moveChecked(const View& view, char* block, bool isLoad) {
  if (view.coordinates.empty() && moveInside(view, block, isLoad)) return;
  if (view.checks.empty() && !view.variesInside) return moveRuns(view, block, isLoad);
  findOffsets(view);
  const int64_t count = countOf(view);
  if (isLoad) moves_.gather(view.size, block, bases_[view.slot], offsets_, view.fill, count);
  else moves_.scatter(view.size, bases_[view.slot], offsets_, block, count);
}

bool Frame::moveInside(const View& view, char* block, bool isLoad) {
  Progression inside[kMostDimensions];
  const size_t axes = view.axes;
  for (size_t b = 0; b < axes; b++) inside[b] = {0, 1, extents_[b]};
  bool isEmpty = false;
  int64_t offset = slots_[view.slot];
  for (const CheckedAxis& check : view.checks) {
    const int64_t start = slots_[check.slot];
    if (check.along == severalBoxAxes) return false;
    if (check.along == noBoxAxis) {
      if (start % check.divisor != 0 || start < 0 || start / check.divisor >= check.size) isEmpty = true;
      else offset += check.stride * (start / check.divisor);
      continue;
    }
    Progression found;
    if (!solve(start, check.coefficients[check.along], check, extents_[check.along], found)) return false;
    if (!intersect(inside[check.along], found)) return false;
  }
  bool isWhole = !isEmpty;
  for (size_t b = 0; b < axes; b++) {
    isEmpty = isEmpty || inside[b].count <= 0;
    isWhole = isWhole && inside[b].count == extents_[b];
  }
  if (isLoad && !isWhole) moves_.fill(view.size, block, view.fill, countOf(view));
  if (isEmpty) return true;
  Dimension dimensions[kMostDimensions];
  int64_t pitch = view.size;
  for (size_t b = axes; b-- > 0;) {
    const Progression& part = inside[b];
    dimensions[b] = {part.count, pitch * part.step, view.strides[b] * part.step};
    block += pitch * part.first;
    offset += view.strides[b] * part.first;
    pitch *= extents_[b];
  }
  for (const CheckedAxis& check : view.checks) {
    if (check.along == noBoxAxis || check.divisor == 1) continue;
    const Progression& part = inside[check.along];
    const int64_t coefficient = check.coefficients[check.along];
    offset += check.stride * ((slots_[check.slot] + coefficient * part.first) / check.divisor);
    dimensions[check.along].inMemory += check.stride * (coefficient * part.step / check.divisor);
  }
  size_t count = 0;
  for (size_t b = 0; b < axes; b++) {
    const Dimension& next = dimensions[b];
    if (next.length == 1) continue;
    if (count > 0 && dimensions[count - 1].inBlock == next.inBlock * next.length &&
        dimensions[count - 1].inMemory == next.inMemory * next.length) {
      dimensions[count - 1] = {dimensions[count - 1].length * next.length, next.inBlock, next.inMemory};
    } else {
      dimensions[count++] = next;
    }
  }
  move(view, bases_[view.slot] + offset, block, dimensions, count, isLoad);
  return true;
}

void Frame::moveRuns(const View& view, char* block, bool isLoad) {
  const size_t axes = view.axes;
  const int64_t length = axes == 0 ? 1 : extents_[axes - 1];
  const int64_t stride = axes == 0 ? 0 : view.strides[axes - 1];
  const bool meets = !isLoad && (view.combine != Combine::Set || view.isOrdered);
  int64_t rows = 1;
  for (size_t b = 0; b + 1 < axes; b++) rows *= extents_[b];
  fillLinear(offsets_, slots_[view.slot], view.strides, axes == 0 ? 0 : axes - 1);
  for (int64_t row = 0; row < rows; row++, block += length * view.size) {
    int64_t offset = offsets_[row];
    bool isRight = true;
    for (const CoordinateRegister& coordinate : view.coordinates) {
      const char* values = registers_[coordinate.values];
      int64_t value;
      if (coordinate.isWide) {
        std::memcpy(&value, values + row * length * 8, 8);
      } else {
        int32_t narrow;
        std::memcpy(&narrow, values + row * length * 4, 4);
        value = narrow;
      }
      if (value < 0 && coordinate.wraps) value += coordinate.size;
      const bool isInside = value >= 0 && value < coordinate.size;
      if (isInside) offset += coordinate.stride * value;
      isRight = isRight && isInside;
    }
    if (!isRight) {
      call_.badIndex->store(true, std::memory_order_relaxed);
      if (isLoad) moves_.fill(view.size, block, view.fill, length);
      continue;
    }
    char* memory = bases_[view.slot] + offset;
    if (meets) meetRun(view, memory, stride, block, length);
    else if (isLoad) moves_.rectangle(view.size, block, memory, {1, length, 0, view.size, 0, stride});
    else moves_.rectangle(view.size, memory, block, {1, length, 0, stride, 0, view.size});
  }
}

void Frame::fillLinear(int64_t* to, int64_t start, const std::vector<int64_t>& steps, size_t axes) {
  if (axes == 0) {
    to[0] = start;
    return;
  }
  // The last axis first; what it gives is repeated for each index of the axis before.
  int64_t count = extents_[axes - 1];
  moves_.ramp64(reinterpret_cast<char*>(to), start, steps[axes - 1], count);
  for (size_t b = axes - 1; b-- > 0;) {
    for (int64_t i = 1; i < extents_[b]; i++) moves_.shift(to + i * count, to, steps[b] * i, count);
    count *= extents_[b];
  }
}

void Frame::findOffsets(const View& view) {
  const int64_t count = countOf(view);
  fillLinear(offsets_, slots_[view.slot], view.strides, view.axes);
  for (const CheckedAxis& check : view.checks) {
    fillLinear(quotients_, slots_[check.slot], check.coefficients, view.axes);
    for (int64_t i = 0; i < count; i++) {
      const int64_t value = quotients_[i];
      const bool isInside = value >= 0 && value % check.divisor == 0 && value / check.divisor < check.size;
      if (!isInside) offsets_[i] = kMissing;
      else if (offsets_[i] != kMissing) offsets_[i] += check.stride * (value / check.divisor);
    }
  }
  for (const CoordinateRegister& coordinate : view.coordinates) {
    const Coordinates values = {registers_[coordinate.values], coordinate.isWide, coordinate.wraps, coordinate.size,
                                coordinate.stride};
    if (!moves_.addCoordinates(offsets_, values, count)) call_.badIndex->store(true, std::memory_order_relaxed);
  }
}

void Frame::meetRun(const View& view, char* memory, int64_t stride, const char* block, int64_t count) {
  if (view.combine == Combine::Set)
    return moves_.rectangle(view.size, memory, block, {1, count, 0, stride, 0, view.size});
  const int combine = static_cast<int>(view.combine), type = static_cast<int>(view.type);
  if (moves_.combine[combine][type] != nullptr) return moves_.combine[combine][type](memory, stride, block, count);
  // Halves meet as float32, one after the other: `memory` may meet itself.
  constexpr Opcode opcodes[] = {Opcode::Add, Opcode::Add, Opcode::Mul, Opcode::Max, Opcode::Min};
  const BlockOps& ops = blockOps();
  const BlockOp op = ops.table[static_cast<int>(opcodes[combine])][static_cast<int>(WordType::Float32)];
  const int64_t together = stride == view.size ? 64 : 1;
  for (int64_t i = 0; i < count; i += together) {
    const int64_t n = count - i < together ? count - i : together;
    float before[64], value[64];
    ops.widen[type](before, memory + i * stride, nullptr, nullptr, n);
    ops.widen[type](value, block + i * view.size, nullptr, nullptr, n);
    op(before, before, value, nullptr, n);
    ops.narrow[type](memory + i * stride, before, nullptr, nullptr, n);
  }
}

void Frame::meet(const View& view, const char* block) {
  char* values = const_cast<char*>(block);
  if (view.checks.empty() && !view.variesInside) return moveRuns(view, values, false);
  findOffsets(view);
  const int64_t count = countOf(view);
  if (view.combine == Combine::Set) return moves_.scatter(view.size, bases_[view.slot], offsets_, block, count);
  const auto combineAt = moves_.combineAt[static_cast<int>(view.combine)][static_cast<int>(view.type)];
  if (combineAt != nullptr) return combineAt(bases_[view.slot], offsets_, block, count);
  for (int64_t i = 0; i < count; i++)
    if (offsets_[i] != kMissing) meetRun(view, bases_[view.slot] + offsets_[i], 0, block + i * view.size, 1);
}

}  // namespace flambeau::loops
