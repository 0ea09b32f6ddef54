// The block interpreter: boxes of elements, registers that hold them, and instructions over them. Plans
// (Machine, Code) are made by compiler.h; each thread runs its own Frame.
#pragma once
#include <memory>
#include <vector>

#include "../program/kernel.h"
#include "moves.h"
#include "nest.h"
#include "ops.h"

namespace flambeau::loops {

using Register = uint16_t;
constexpr Register kNoRegister = 0xffff;

/** How many elements a value has: one for the whole call, one per block, one per row of the box, or one per
 * element of the box. */
enum class Rate : uint8_t { Call, Block, Row, Full };
constexpr int kRates = 4;

/** An axis of a box. Where it is ranged, its extent is set block by block; else it is always whole. */
struct BoxAxis {
  size_t axis;
  bool isRanged;
};

/**
 * The elements of a block: a stretch of each of these axes, in this order. The first `rows` axes make up its
 * rows (0 where nothing has that rate).
 */
struct Box {
  std::vector<BoxAxis> axes;
  size_t rows = 0;
  int64_t mostRows = 1, most = 1;  // elements
};

/** A stretch of a view: neighbours in the block that are `stride` bytes apart in memory. */
struct Stretch {
  int64_t length;  // whole axes
  int ranged;      // the box axis whose extent multiplies it, or -1
  int64_t stride;
};

struct CheckedAxis {
  int slot;                  // of the check's value at the box's first element
  int64_t divisor, size, stride;
  int along;                 // the only box axis it varies along; noBoxAxis, severalBoxAxes
  std::vector<int64_t> coefficients;  // by box axis
};
constexpr int noBoxAxis = -1, severalBoxAxes = -2;

struct CoordinateRegister {
  Register values;
  bool isWide, wraps;
  int64_t size, stride;
};

/** An access to the elements of a box. */
struct View {
  int slot = 0;            // of the offset of the box's first element
  uint32_t reach = 0;      // which load or store
  int size = 4;            // bytes of an element in memory
  int registerSize = 4;    // bytes of an element in a register
  bool isOrdered = false;  // of a store: one element after the other
  Combine combine = Combine::Set;
  WordType type = WordType::Float32, value = WordType::Float32;
  size_t axes = 0;         // of the box, that the block covers
  std::vector<Stretch> stretches;  // merged, where the access is plain
  std::vector<int64_t> strides;    // by box axis
  std::vector<CheckedAxis> checks;
  std::vector<CoordinateRegister> coordinates;
  bool variesInside = false;  // a coordinate varies along the last box axis
  uint64_t fill = 0;          // as in memory
  BlockOp convert = nullptr;  // widens or narrows; null where memory and register agree

  bool isPlain() const { return checks.empty() && coordinates.empty(); }
  /** All of the `columns` elements for an index of the first axis are neighbours in memory. */
  bool isDenseInRows(int64_t columns) const {
    return isPlain() && !isOrdered && stretches.size() == 2 && stretches[1].stride == size &&
           stretches[1].ranged < 0 && stretches[1].length == columns;
  }
  /** Neighbours in the block are neighbours in memory. */
  bool isDense() const {
    return isPlain() && !isOrdered && (stretches.empty() || (stretches.size() == 1 && stretches[0].stride == size));
  }
};

struct Instruction {
  enum class Kind : uint8_t { Compute, ComputeRows, Load, Point, Index, Param, Spread, SpreadRows, Copy, Store };
  Kind kind = Kind::Compute;
  Rate rate = Rate::Full;
  uint8_t size = 4;     // bytes of an element of `out`
  bool isBound = false; // of a load: `out` is memory that it must fill, not point to
  Register out = kNoRegister, a = kNoRegister, b = kNoRegister, c = kNoRegister;
  int view = -1;        // of loads and stores
  int axis = -1;        // of indices: of the nest; of params: which
  int boxAxis = -1;     // of indices: where the axis stands in the box, if there
  int64_t start = 0, step = 1;  // of indices; of what is spread once, how far
  int cache = -1;       // where the frame notes for which offset a load was made; see Frame
  BlockOp op = nullptr;
  /** Of what is computed: bytes from one element of out, a, b and c to the next, 0 where an operand is a single
   * one; what the next row is further away than that; nanoseconds per element. Rows are along the first axis. */
  uint8_t pitch[4] = {0, 0, 0, 0};
  int64_t rowGap[4] = {0, 0, 0, 0};
  float cost = 0;

  bool computes() const { return kind == Kind::Compute || kind == Kind::ComputeRows; }
};

/** Instructions that run on each block, and the registers that are a stretch of an output. */
struct Code {
  std::vector<Instruction> body;
  struct Binding {
    Register to;
    int view;
  };
  std::vector<Binding> bindings;
  double cost = 0;  // nanoseconds per element, roughly; the same on every processor
  double later = 0; // of what follows the code: folding what it leaves
  /** Memory that is touched later, fetched while this block is computed; see ahead.h. */
  struct Ahead {
    int view;
    int64_t distance, lines;  // in bytes from the block's first element; cache lines from there
  };
  std::vector<Ahead> ahead;
  /** By instruction, and for what follows the code: into how many pieces it is cut, and how many lines are fetched
   * before each of them. */
  struct Pace {
    int pieces, lines;
  };
  std::vector<Pace> paces;
};

/** Where a register lies in a frame, or elsewhere. */
struct Place {
  enum class Kind : uint8_t { Frame, Constant, External } kind = Kind::External;
  int64_t offset = 0;          // in a frame
  const char* constant = nullptr;
};

/** What all frames of a kernel share. */
struct Machine {
  Nest nest;
  Box box;
  std::vector<View> views;
  std::vector<Place> registers;
  std::vector<Instruction> prologue;  // once per frame
  /** Where the parts of a frame begin, in bytes. */
  struct Layout {
    int64_t slots, positions, bases, extents, caches, offsets, quotients, staging, values, end;
  } layout = {};
  std::vector<int64_t> firstSlots;    // at index 0: offsets of loads, of stores, values of checks
  std::vector<std::vector<int64_t>> slotSteps;  // by axis: what one index adds to each slot
  int caches = 0;
  std::vector<std::unique_ptr<char[]>> constants;
};

/** A thread's registers and place in the loops. */
class Frame {
 public:
  /** `memory`: machine.layout.end bytes, 64-byte aligned. Runs the prologue. */
  Frame(const Machine& machine, const Call& call, char* memory);

  /** Brings the box's first element to `index` of `axis`. */
  void moveTo(size_t axis, int64_t index) {
    const int64_t by = index - positions_[axis];
    if (by == 0) return;
    positions_[axis] = index;
    const int64_t* steps = machine_.slotSteps[axis].data();
    for (size_t slot = 0; slot < slotCount_; slot++) slots_[slot] += by * steps[slot];
  }
  /** Sets the extent of a ranged box axis. */
  void setExtent(size_t boxAxis, int64_t extent) {
    if (extents_[boxAxis] == extent) return;
    extents_[boxAxis] = extent;
    resized();
  }

  void run(const Code& code, bool looksAhead = true) {
    for (const Code::Binding& binding : code.bindings) bind(binding);
    if (looksAhead && !code.ahead.empty()) return runAhead(code);
    for (const Instruction& instruction : code.body) step(instruction);
  }

  int64_t count(Rate rate) const { return counts_[static_cast<int>(rate)]; }
  char*& at(Register name) { return registers_[name]; }
  const Moves& moves() const { return moves_; }

 private:
  void resized();
  void runAhead(const Code& code);
  void step(const Instruction& instruction);
  void computeRows(const Instruction& instruction, int64_t from, int64_t to);
  void stepPiece(const Instruction& instruction, int piece, int pieces);
  void bind(const Code::Binding& binding);
  void load(const Instruction& instruction);
  void store(const Instruction& instruction);
  void index(const Instruction& instruction);
  void spreadRows(const Instruction& instruction);
  bool isCached(const Instruction& instruction, int64_t key);

  /** Memory of the box's first element; may lie outside where no element is reached. */
  char* address(const View& view) const {
    return reinterpret_cast<char*>(reinterpret_cast<uintptr_t>(bases_[view.slot]) +
                                   static_cast<uintptr_t>(slots_[view.slot]));
  }

  struct Dimension {
    int64_t length, inBlock, inMemory;  // strides in bytes
  };
  void movePlain(const View& view, char* block, bool isLoad);
  void moveChecked(const View& view, char* block, bool isLoad);
  bool moveInside(const View& view, char* block, bool isLoad);
  void moveRuns(const View& view, char* block, bool isLoad);
  void move(const View& view, char* memory, char* block, const Dimension* dimensions, size_t count, bool isLoad);
  void findOffsets(const View& view);
  void fillLinear(int64_t* to, int64_t start, const std::vector<int64_t>& steps, size_t axes);
  void meet(const View& view, const char* block);
  void meetRun(const View& view, char* memory, int64_t stride, const char* block, int64_t count);
  int64_t countOf(const View& view) const;

  const Machine& machine_;
  const Call& call_;
  const Moves& moves_;
  char** registers_;
  int64_t* slots_;
  int64_t* positions_;
  char** bases_;
  int64_t* extents_;
  int64_t* caches_;     // two for each: the offset for which a load was made, and the extents' version
  int64_t* offsets_;    // of the elements of a block
  int64_t* quotients_;
  char* staging_;       // elements on their way between memory's type and the registers'
  size_t slotCount_;
  int64_t version_ = 1;
  int64_t counts_[kRates] = {1, 1, 1, 1};
};

}  // namespace flambeau::loops
