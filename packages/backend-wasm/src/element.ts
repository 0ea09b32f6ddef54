// Loads and stores of single elements: addresses, guards, coordinates read from other loads, and
// stores that combine. Vectors of four are in lanes.ts, which falls back on these.
import {
  type Combine,
  type DType,
  type WordDType,
  byteSize,
  convert,
  valueDType,
  wordDType,
} from "@flambeau/core/extension";
import type { Code } from "./code.ts";
import type { FunctionBuilder, Local } from "./encoder.ts";
import type { MemoryOpcode } from "./opcodes.ts";
import { type PlannedAccess, type PlannedGuard, type PlannedIndirection, errorSlot } from "./plan.ts"; // prettier-ignore
import { emitConstant, scalarTable, scalarType } from "./scalar-table.ts";
import { type Walk, parametersLocal } from "./walk.ts";

const loadOpcodes: Record<WordDType, MemoryOpcode> = {
  float32: "f32.load",
  float64: "f64.load",
  int32: "i32.load",
  int64: "i64.load",
  int8: "i32.load8_s",
  uint8: "i32.load8_u",
  int16: "i32.load16_s",
  uint16: "i32.load16_u",
  bool: "i32.load8_u",
};

const storeOpcodes: Record<WordDType, MemoryOpcode> = {
  float32: "f32.store",
  float64: "f64.store",
  int32: "i32.store",
  int64: "i64.store",
  int8: "i32.store8",
  uint8: "i32.store8",
  int16: "i32.store16",
  uint16: "i32.store16",
  bool: "i32.store8",
};

/** Pushes the coordinate that load `load` holds for the element at hand: an i32, or i64 for int64. */
export type PushCoordinate = (load: number) => void;

/** `pointer += stride · coordinate`, or a report of the bad index and the end of the run. */
function addCoordinate(
  walk: Walk,
  pointer: Local,
  dtype: DType,
  indirection: PlannedIndirection,
  push: () => void,
): void {
  const { code } = walk;
  const { f } = code;
  const [size, stride] = [walk.number(indirection.size), walk.number(indirection.stride)];
  const [below, span] = [walk.number(indirection.below), walk.number(indirection.span)];
  const coordinate = code.scratch("i32", "coordinate");
  push();
  if (dtype === "int64") {
    const wide = code.scratch("i64", "coordinate");
    f.tee(wide).get(below).op("i64.extend_i32_s").op("i64.add");
    f.get(span).op("i64.extend_i32_u").op("i64.ge_u");
    f.get(wide).op("i32.wrap_i64").set(coordinate);
  } else {
    f.tee(coordinate).get(below).op("i32.add").get(span).op("i32.ge_u");
  }
  f.if();
  f.get(parametersLocal).i32(1).memory("i32.store", errorSlot);
  f.op("return").end();
  f.get(coordinate).get(size).op("i32.add").get(coordinate);
  f.get(coordinate).i32(0).op("i32.lt_s").op("select");
  f.get(stride).op("i32.mul").get(pointer).op("i32.add").set(pointer);
}

/** Moves the row's pointer by the coordinates that hold for the whole row. */
export function applyRowCoordinates(walk: Walk, access: PlannedAccess): void {
  for (const indirection of access.indirections) {
    if (!indirection.perRow) continue;
    const source = walk.plan.loads[indirection.load]!;
    const pointer = walk.at(access.pointer);
    addCoordinate(walk, pointer, source.dtype, indirection, () =>
      walk.push(source.pointer).memory(loadOpcodes[wordDType(source.dtype)]),
    );
  }
}

/** Pushes whether the guard holds `lanes` elements further; divisions also move `pointer`. */
function pushGuard(walk: Walk, guard: PlannedGuard, lanes: number, pointer: Local): void {
  const { f } = walk.code;
  walk.push(guard.form, lanes);
  if (guard.division === undefined) {
    f.get(walk.number(guard.size)).op("i32.lt_u");
    return;
  }
  const { divisor, stride } = guard.division;
  const numerator = walk.code.scratch("i32", "numerator");
  const quotient = walk.code.scratch("i32", "quotient");
  f.tee(numerator).get(walk.number(divisor)).op("i32.div_s").set(quotient);
  f.get(quotient).get(walk.number(stride)).op("i32.mul").get(pointer).op("i32.add").set(pointer);
  f.get(quotient).get(walk.number(divisor)).op("i32.mul").get(numerator).op("i32.eq");
  f.get(quotient).get(walk.number(guard.size)).op("i32.lt_u").op("i32.and");
}

/** Sets `pointer` to the element's address; calls `body` where it exists, `absent` where not. */
function locate(
  walk: Walk,
  access: PlannedAccess,
  lanes: number,
  pointer: Local,
  pushCoordinate: PushCoordinate,
  body: () => void,
  absent?: { result: ReturnType<typeof typeOf>; emit: () => void },
): void {
  const { f } = walk.code;
  walk.push(access.pointer, lanes).set(pointer);
  const coordinates = () => {
    for (const indirection of access.indirections) {
      if (indirection.perRow) continue;
      const { dtype } = walk.plan.loads[indirection.load]!;
      addCoordinate(walk, pointer, dtype, indirection, () => pushCoordinate(indirection.load));
    }
  };
  if (access.guards.length === 0) {
    coordinates();
    body();
    return;
  }
  access.guards.forEach((guard, i) => {
    pushGuard(walk, guard, lanes, pointer);
    if (i > 0) f.op("i32.and");
  });
  f.if(absent?.result);
  coordinates();
  body();
  if (absent !== undefined) {
    f.else();
    absent.emit();
  }
  f.end();
}

const typeOf = (dtype: DType) => scalarType[valueDType(dtype)];

/** Pushes one element as a scalar. */
export function pushElement(
  walk: Walk,
  access: PlannedAccess,
  fill: number,
  lanes: number,
  pushCoordinate: PushCoordinate,
): void {
  const { dtype } = access;
  if (!access.isSlow) {
    walk.push(access.pointer, lanes).memory(loadOpcodes[wordDType(dtype)]);
    return;
  }
  const { code } = walk;
  const pointer = code.scratch("i32", "element");
  locate(
    walk,
    access,
    lanes,
    pointer,
    pushCoordinate,
    () => void code.f.get(pointer).memory(loadOpcodes[wordDType(dtype)]),
    {
      result: typeOf(dtype),
      emit: () => emitConstant(code.f, dtype, convert(fill, "float64", dtype)),
    },
  );
}

/** Combines what is at `pointer` with `value` (both scalars) and stores it. */
function storeAt(
  code: Code,
  dtype: DType,
  combine: Combine,
  pointer: Local,
  value: Local,
): FunctionBuilder {
  const { f } = code;
  f.get(pointer);
  if (combine === "set") f.get(value);
  else {
    const before = code.scratch(scalarType[valueDType(dtype)], "before");
    f.get(pointer).memory(loadOpcodes[wordDType(dtype)]).set(before);
    scalarTable[valueDType(dtype)][combine](code, before, value);
  }
  return f.memory(storeOpcodes[wordDType(dtype)]);
}

/** Stores the scalar in `value` as one element. */
export function storeElement(
  walk: Walk,
  access: PlannedAccess,
  combine: Combine,
  lanes: number,
  value: Local,
  pushCoordinate: PushCoordinate,
): void {
  const pointer = walk.code.scratch("i32", "element");
  locate(walk, access, lanes, pointer, pushCoordinate, () => {
    storeAt(walk.code, access.dtype, combine, pointer, value);
  });
}

/** Bytes between neighbours where they are known to be adjacent. */
export const isUnit = (access: PlannedAccess): boolean =>
  access.pointer.unit === byteSize(access.dtype);
