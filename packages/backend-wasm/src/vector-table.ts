// Four elements at a time: how each instruction is emitted on 32-bit lanes. float32 is f32x4, int32
// i32x4, uint8 an i32x4 of 0-255, bool a lane mask of 0 or -1. Rare ones go lane by lane.
import {
  type DType,
  type Instruction,
  binaryInstructions,
  farAngle,
} from "@flambeau/core/extension";
import { type Code, type Row, floatOnly, integerOnly, undefinedRows, yieldsBool } from "./code.ts";
import type { FunctionBuilder } from "./encoder.ts";
import { unaryMathImports } from "./math.ts";
import type { PlainOpcode } from "./opcodes.ts";
import { emitCast, scalarTable, scalarType } from "./scalar-table.ts";

/** What lives in 32-bit lanes. */
export type LaneDType = "float32" | "int32" | "uint8" | "bool";

export const isLaneDType = (dtype: DType): dtype is LaneDType =>
  dtype === "float32" || dtype === "int32" || dtype === "uint8" || dtype === "bool";

const lanes = [0, 1, 2, 3] as const;

const unary =
  (name: PlainOpcode): Row =>
  ({ f }, x) =>
    void f.get(x).op(name);

const binary =
  (name: PlainOpcode): Row =>
  ({ f }, x, y) =>
    void f.get(x).get(y).op(name);

const same: Row = ({ f }, x) => void f.get(x);

/** Applies the scalar table's row to each lane. */
function perLane(dtype: "float32" | "int32", op: Instruction): Row {
  const t = dtype === "float32" ? "f32" : "i32";
  const isBinary = (binaryInstructions as readonly string[]).includes(op);
  return (code, x, y) => {
    const { f } = code;
    const a = code.scratch(t, "lane a");
    const b = code.scratch(t, "lane b");
    for (const lane of lanes) {
      f.get(x).lane(`${t}x4.extract_lane`, lane).set(a);
      if (isBinary) f.get(y).lane(`${t}x4.extract_lane`, lane).set(b);
      scalarTable[dtype][op](code, a, b);
      if (lane === 0) f.op(`${t}x4.splat`);
      else f.lane(`${t}x4.replace_lane`, lane);
    }
  };
}

/** Near angles are decomposed; only far ones take the function itself, lane by lane. */
function farOnly(op: "sin" | "cos" | "tan"): Row {
  const each = perLane("float32", op);
  return (code, x, y) => {
    const { f } = code;
    f.get(x).op("f32x4.abs").f32x4(farAngle).op("f32x4.gt").op("v128.any_true").if("v128");
    each(code, x, y);
    f.else().i32x4(0).end();
  };
}

/**
 * The engine's own min and max take eight machine instructions to order -0 below 0; pmin and pmax take
 * one, and return `x` where either is NaN. So only a NaN in `y` needs care. Zeros count as equal.
 */
const extremum =
  (name: "f32x4.pmin" | "f32x4.pmax"): Row =>
  ({ f }, x, y, constantY) => {
    f.get(x).get(y).op(name);
    if (constantY === undefined || Number.isNaN(constantY)) {
      f.get(y).get(y).op("f32x4.ne").op("v128.or");
    }
  };

const floatTruth = (f: FunctionBuilder, x: number) => f.get(x).i32x4(0).op("f32x4.ne");

const float32Rows = {
  ...undefinedRows("float32", integerOnly),
  ...(Object.fromEntries(
    unaryMathImports.map((name) => [name, perLane("float32", name)]),
  ) as Record<(typeof unaryMathImports)[number], Row>),
  sin: farOnly("sin"),
  cos: farOnly("cos"),
  tan: farOnly("tan"),
  erf: () => {
    throw new Error("wasm: erf is decomposed before it is emitted.");
  },
  neg: unary("f32x4.neg"),
  abs: unary("f32x4.abs"),
  floor: unary("f32x4.floor"),
  ceil: unary("f32x4.ceil"),
  trunc: unary("f32x4.trunc"),
  round: unary("f32x4.nearest"),
  sqrt: unary("f32x4.sqrt"),
  not: ({ f }, x) => void f.get(x).i32x4(0).op("f32x4.eq"),
  add: binary("f32x4.add"),
  sub: binary("f32x4.sub"),
  mul: binary("f32x4.mul"),
  div: binary("f32x4.div"),
  rem: perLane("float32", "rem"),
  pow: perLane("float32", "pow"),
  atan2: perLane("float32", "atan2"),
  min: extremum("f32x4.pmin"),
  max: extremum("f32x4.pmax"),
  eq: binary("f32x4.eq"),
  ne: binary("f32x4.ne"),
  lt: binary("f32x4.lt"),
  le: binary("f32x4.le"),
  and: ({ f }, x, y) => void floatTruth(floatTruth(f, x), y).op("v128.and"),
  or: ({ f }, x, y) => void floatTruth(floatTruth(f, x), y).op("v128.or"),
} satisfies Record<Instruction, Row>;

function shift(op: "shl" | "shr" | "shrU", name: PlainOpcode): Row {
  const each = perLane("int32", op);
  return (code, x, y, constantY) => {
    if (constantY === undefined) return each(code, x, y);
    code.f
      .get(x)
      .i32(Number(constantY) & 31)
      .op(name);
  };
}

const falsehood = (f: FunctionBuilder, x: number) => f.get(x).i32x4(0).op("i32x4.eq");

const int32Rows = {
  ...undefinedRows("int32", floatOnly),
  neg: unary("i32x4.neg"),
  abs: unary("i32x4.abs"),
  floor: same,
  ceil: same,
  trunc: same,
  round: same,
  not: ({ f }, x) => void falsehood(f, x),
  bitNot: unary("v128.not"),
  add: binary("i32x4.add"),
  sub: binary("i32x4.sub"),
  mul: binary("i32x4.mul"),
  div: perLane("int32", "div"),
  rem: perLane("int32", "rem"),
  pow: perLane("int32", "pow"),
  min: binary("i32x4.min_s"),
  max: binary("i32x4.max_s"),
  eq: binary("i32x4.eq"),
  ne: binary("i32x4.ne"),
  lt: binary("i32x4.lt_s"),
  le: binary("i32x4.le_s"),
  and: ({ f }, x, y) => void falsehood(falsehood(f, x), y).op("v128.or").op("v128.not"),
  or: ({ f }, x, y) => void falsehood(falsehood(f, x), y).op("v128.and").op("v128.not"),
  bitAnd: binary("v128.and"),
  bitOr: binary("v128.or"),
  bitXor: binary("v128.xor"),
  shl: shift("shl", "i32x4.shl"),
  shr: shift("shr", "i32x4.shr_s"),
  shrU: shift("shrU", "i32x4.shr_u"),
} satisfies Record<Instruction, Row>;

const mapRows = (make: (op: Instruction, row: Row) => Row): Record<Instruction, Row> =>
  Object.fromEntries(
    Object.entries(int32Rows).map(([op, row]) => [op, make(op as Instruction, row)]),
  ) as Record<Instruction, Row>;

const uint8Rows = mapRows((op, row) =>
  yieldsBool.has(op)
    ? row
    : (code, x, y, constantY) => {
        row(code, x, y, constantY);
        code.f.i32x4(255).op("v128.and");
      },
);

/** Arithmetic on bool counts 0 and 1 and keeps whether the result is not 0. */
const boolRows: Record<Instruction, Row> = {
  ...mapRows((op, row) => (code, x, y) => {
    const { f } = code;
    const a = code.scratch("v128", "bool a");
    const b = code.scratch("v128", "bool b");
    f.get(x).i32x4(1).op("v128.and").set(a);
    if ((binaryInstructions as readonly string[]).includes(op)) {
      f.get(y).i32x4(1).op("v128.and").set(b);
    }
    row(code, a, b);
    if (!yieldsBool.has(op)) f.i32x4(0).op("i32x4.ne");
  }),
  not: unary("v128.not"),
  and: binary("v128.and"),
  or: binary("v128.or"),
  eq: binary("i32x4.eq"),
  ne: binary("i32x4.ne"),
  add: binary("v128.or"),
  mul: binary("v128.and"),
  min: binary("v128.and"),
  max: binary("v128.or"),
  bitAnd: binary("v128.and"),
  bitOr: binary("v128.or"),
  bitXor: binary("v128.xor"),
};

/** By the dtype of the operands. */
export const vectorTable: Record<LaneDType, Record<Instruction, Row>> = {
  float32: float32Rows,
  int32: int32Rows,
  uint8: uint8Rows,
  bool: boolRows,
};

/** float32 lanes on the stack → int32 lanes; what a lane cannot hold goes the scalar way. */
function floatToInt32(code: Code): void {
  const { f } = code;
  const x = code.scratch("v128", "cast");
  f.tee(x)
    .op("f32x4.abs")
    .f32x4(2 ** 31)
    .op("f32x4.ge")
    .op("v128.any_true")
    .if("v128");
  for (const lane of lanes) {
    f.get(x).lane("f32x4.extract_lane", lane);
    emitCast(code, "float32", "int32");
    if (lane === 0) f.op("i32x4.splat");
    else f.lane("i32x4.replace_lane", lane);
  }
  f.else().get(x).op("i32x4.trunc_sat_f32x4_s").end();
}

/** Converts the lanes on the stack. */
export function emitVectorCast(code: Code, from: LaneDType, to: LaneDType): void {
  const { f } = code;
  if (from === to) return;
  if (to === "bool") {
    f.i32x4(0).op(from === "float32" ? "f32x4.ne" : "i32x4.ne");
  } else if (to === "float32") {
    if (from === "bool") f.f32x4(1).op("v128.and");
    else f.op("f32x4.convert_i32x4_s");
  } else {
    if (from === "float32") floatToInt32(code);
    if (from === "bool") f.i32x4(1).op("v128.and");
    else if (to === "uint8") f.i32x4(255).op("v128.and");
  }
}

/** Turns the scalar of `dtype` on the stack into four equal lanes. */
export function emitSplat(f: FunctionBuilder, dtype: LaneDType): void {
  f.op(scalarType[dtype] === "f32" ? "f32x4.splat" : "i32x4.splat");
  if (dtype === "bool") f.op("i32x4.neg");
}

export function emitVectorConstant(f: FunctionBuilder, dtype: LaneDType, value: number): void {
  if (dtype === "float32") f.f32x4(value);
  else f.i32x4(dtype === "bool" ? -value : value);
}
