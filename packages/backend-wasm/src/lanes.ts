// Loads and stores of four elements along the vector axis: whole vectors where elements are adjacent
// and exist, single lanes elsewhere.
import { type Combine, type DType, byteSize, valueDType } from "@flambeau/core/extension";
import type { Local } from "./encoder.ts";
import { type PushCoordinate, isUnit, pushElement, storeElement } from "./element.ts";
import type { PlannedAccess } from "./plan.ts";
import { scalarType } from "./scalar-table.ts";
import { type LaneDType, emitSplat, vectorTable } from "./vector-table.ts";
import type { Walk } from "./walk.ts";

/** How many lanes count: all four, the walk's `remaining`, or the first. */
export type Width = "full" | "partial" | "one";

/** Pushes the coordinate that a load holds for one lane of the current vector. */
export type PushLaneCoordinate = (load: number, lane: number) => void;

const extract = (dtype: LaneDType) =>
  dtype === "float32" ? "f32x4.extract_lane" : "i32x4.extract_lane";

/** Runs `body` for each lane that counts. */
function eachLane(walk: Walk, width: Width, body: (lane: number) => void): void {
  const { f } = walk.code;
  const exit = f.block();
  for (let lane = 0; lane < (width === "one" ? 1 : 4); lane++) {
    if (width === "partial" && lane === 3) break;
    if (width === "partial" && lane > 0) f.get(walk.remaining).i32(lane).op("i32.le_s").brIf(exit);
    body(lane);
  }
  f.end();
}

/** What lanes hold of an access: narrow words are wide in registers. */
const laneDType = (dtype: DType): LaneDType => valueDType(dtype) as LaneDType;

/** Turns narrow words that fill only the low bits of lanes into what lanes hold. */
function widen(walk: Walk, dtype: DType): void {
  const { f } = walk.code;
  if (dtype === "bool") f.op("i32x4.neg");
  if (dtype !== "int8" && dtype !== "int16") return;
  const unused = 32 - 8 * byteSize(dtype);
  f.i32(unused).op("i32x4.shl").i32(unused).op("i32x4.shr_s");
}

/** Pushes four adjacent elements; `offset` in bytes. Memory past the last element may be read. */
function pushAdjacent(walk: Walk, { pointer, dtype }: PlannedAccess, offset: number): void {
  const { f } = walk.code;
  f.get(walk.at(pointer));
  if (byteSize(dtype) === 4) {
    f.memory("v128.load", offset);
    return;
  }
  if (byteSize(dtype) === 2) {
    f.memory(dtype === "int16" ? "v128.load16x4_s" : "v128.load16x4_u", offset);
    return;
  }
  const sign = dtype === "int8" ? "s" : "u";
  f.memory("v128.load32_zero", offset).op(`i16x8.extend_low_i8x16_${sign}`);
  f.op(`i32x4.extend_low_i16x8_${sign}`);
  if (dtype === "bool") f.op("i32x4.neg");
}

/** Pushes four elements at a common distance. */
function pushStrided(walk: Walk, access: PlannedAccess, lanes: number, width: Width): void {
  const { code } = walk;
  const { f } = code;
  const pointer = code.scratch("i32", "lane pointer");
  const vector = code.scratch("v128", "lanes");
  const bytes = byteSize(access.dtype);
  walk.push(access.pointer, lanes).set(pointer);
  f.i32x4(0).set(vector);
  eachLane(walk, width, (lane) => {
    if (lane > 0) {
      f.get(pointer);
      walk.pushStep(access.pointer, walk.plan.vectorAxis, 1).op("i32.add").set(pointer);
    }
    f.get(pointer);
    if (bytes === 1) f.get(vector).memoryLane("v128.load8_lane", lane * 4);
    else if (bytes === 2) f.get(vector).memoryLane("v128.load16_lane", lane * 2);
    else if (lane === 0) f.memory("v128.load32_zero");
    else f.get(vector).memoryLane("v128.load32_lane", lane);
    f.set(vector);
  });
  f.get(vector);
  widen(walk, access.dtype);
}

/** Pushes four elements, each with its own guards and coordinates. */
function pushSlow(
  walk: Walk,
  access: PlannedAccess,
  fill: number,
  lanes: number,
  width: Width,
  pushCoordinate: PushLaneCoordinate,
): void {
  const { code } = walk;
  const { f } = code;
  const dtype = laneDType(access.dtype);
  const vector = code.scratch("v128", "slow lanes");
  f.i32x4(0).set(vector);
  eachLane(walk, width, (lane) => {
    f.get(vector);
    pushElement(walk, access, fill, lanes + lane, (load) => pushCoordinate(load, lane));
    f.lane(dtype === "float32" ? "f32x4.replace_lane" : "i32x4.replace_lane", lane).set(vector);
  });
  f.get(vector);
  if (dtype === "bool") f.op("i32x4.neg");
}

/** Pushes whether all four elements exist: coordinates move evenly, so the ends tell. */
function pushAllExist(walk: Walk, access: PlannedAccess, lanes: number): void {
  const { f } = walk.code;
  let count = 0;
  for (const { form, size } of access.guards) {
    const moves = form.coefficients[walk.plan.vectorAxis] !== undefined;
    for (const lane of moves ? [lanes, lanes + 3] : [lanes]) {
      walk.push(form, lane).get(walk.number(size)).op("i32.lt_u");
      if (count++ > 0) f.op("i32.and");
    }
  }
}

/** Pushes the vector number `copy` of an access that varies along the vector axis. */
function pushVarying(
  walk: Walk,
  access: PlannedAccess,
  fill: number,
  copy: number,
  width: Width,
  pushCoordinate: PushLaneCoordinate,
): void {
  const { f } = walk.code;
  const lanes = copy * 4;
  const fast = () => {
    if (isUnit(access)) pushAdjacent(walk, access, lanes * byteSize(access.dtype));
    else pushStrided(walk, access, lanes, width);
  };
  if (!access.isSlow) return fast();
  const isEven =
    access.indirections.every(({ perRow }) => perRow) &&
    access.guards.every(({ division }) => division === undefined) &&
    access.pointer.coefficients[walk.plan.vectorAxis] !== undefined;
  if (!isEven) return pushSlow(walk, access, fill, lanes, width, pushCoordinate);
  pushAllExist(walk, access, lanes);
  f.if("v128");
  fast();
  f.else();
  pushSlow(walk, access, fill, lanes, width, pushCoordinate);
  f.end();
}

/** Pushes a vector of loaded elements; equal lanes where they do not vary along the vector axis. */
export function pushVector(
  walk: Walk,
  access: PlannedAccess,
  fill: number,
  copy: number,
  width: Width,
  pushCoordinate: PushLaneCoordinate,
): void {
  const { f } = walk.code;
  if (access.varies[walk.plan.vectorAxis]) {
    return pushVarying(walk, access, fill, copy, width, pushCoordinate);
  }
  if (!access.isSlow && byteSize(access.dtype) === 4) {
    walk.push(access.pointer).memory("v128.load32_splat");
    return;
  }
  const push: PushCoordinate = (load) => pushCoordinate(load, 0);
  pushElement(walk, access, fill, 0, push);
  emitSplat(f, laneDType(access.dtype));
}

/** Turns a mask or lanes of 0-255 in `value` into what lies in memory, for lane stores of bytes. */
function narrowed(walk: Walk, dtype: LaneDType, value: Local): Local {
  const { code } = walk;
  if (dtype !== "bool") return value;
  const bits = code.scratch("v128", "bits");
  code.f.get(value).i32x4(1).op("v128.and").set(bits);
  return bits;
}

function storeAdjacent(walk: Walk, access: PlannedAccess, copy: number, value: Local): void {
  const { f } = walk.code;
  f.get(walk.at(access.pointer));
  if (byteSize(access.dtype) === 4) {
    f.get(value).memory("v128.store", copy * 16);
    return;
  }
  if (byteSize(access.dtype) === 2) {
    f.get(value).get(value).shuffle([0, 1, 4, 5, 8, 9, 12, 13, 0, 1, 4, 5, 8, 9, 12, 13]);
    f.memoryLane("v128.store64_lane", 0, copy * 8);
    return;
  }
  const bytes = narrowed(walk, laneDType(access.dtype), value);
  f.get(bytes).get(bytes).shuffle([0, 4, 8, 12, 0, 4, 8, 12, 0, 4, 8, 12, 0, 4, 8, 12]);
  f.memoryLane("v128.store32_lane", 0, copy * 4);
}

function storeLanes(
  walk: Walk,
  access: PlannedAccess,
  lanes: number,
  width: Width,
  value: Local,
): void {
  const { f } = walk.code;
  const bytes = byteSize(access.dtype);
  const source = narrowed(walk, laneDType(access.dtype), value);
  eachLane(walk, width, (lane) => {
    walk.push(access.pointer, lanes + lane).get(source);
    if (bytes === 1) f.memoryLane("v128.store8_lane", lane * 4);
    else if (bytes === 2) f.memoryLane("v128.store16_lane", lane * 2);
    else f.memoryLane("v128.store32_lane", lane);
  });
}

/** Stores the lanes of `value` that count. */
export function storeVector(
  walk: Walk,
  access: PlannedAccess,
  combine: Combine,
  copy: number,
  width: Width,
  value: Local,
  pushCoordinate: PushLaneCoordinate,
): void {
  const { code } = walk;
  const { f } = code;
  const dtype = laneDType(access.dtype);
  const lanes = copy * 4;
  const adjacent = isUnit(access) && width !== "one";
  const each = () => {
    const scalar = code.scratch(scalarType[dtype], "stored");
    const source = narrowed(walk, dtype, value);
    eachLane(walk, width, (lane) => {
      f.get(source).lane(extract(dtype), lane).set(scalar);
      storeElement(walk, access, combine, lanes + lane, scalar, (load) =>
        pushCoordinate(load, lane),
      );
    });
  };
  if (access.isSlow || (combine !== "set" && !adjacent)) return each();
  let result = value;
  if (combine !== "set") {
    const before = code.scratch("v128", "stored before");
    result = code.scratch("v128", "combined");
    pushAdjacent(walk, access, lanes * byteSize(access.dtype));
    f.set(before);
    vectorTable[dtype][combine](code, before, value);
    f.set(result);
  }
  if (adjacent && width === "full") storeAdjacent(walk, access, copy, result);
  else storeLanes(walk, access, lanes, width, result);
}
