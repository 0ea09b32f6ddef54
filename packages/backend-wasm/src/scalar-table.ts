// One element at a time: how each instruction of the vocabulary is emitted on f32, f64, i32 and i64.
// uint8 and bool live in an i32 (0-255 and 0 or 1). The meaning is core's scalar/evaluate.ts.
import {
  type DType,
  type Instruction,
  type ValueDType,
  DTypeError,
  farAngle,
  valueDType,
} from "@flambeau/core/extension";
import { type Code, type Row, floatOnly, integerOnly, undefinedRows, yieldsBool } from "./code.ts";
import type { FunctionBuilder, ValueType } from "./encoder.ts";
import { type MathImport, unaryMathImports } from "./math.ts";
import type { PlainOpcode } from "./opcodes.ts";

const unary =
  (name: PlainOpcode): Row =>
  ({ f }, x) =>
    void f.get(x).op(name);

const binary =
  (name: PlainOpcode): Row =>
  ({ f }, x, y) =>
    void f.get(x).get(y).op(name);

const same: Row = ({ f }, x) => void f.get(x);

type Float = "f32" | "f64";

function callMath(t: Float, name: MathImport, operands: number): Row {
  return (code, x, y) => {
    const { f } = code;
    for (const local of operands === 1 ? [x] : [x, y]) {
      f.get(local);
      if (t === "f32") f.op("f64.promote_f32");
    }
    code.callMath(name);
    if (t === "f32") f.op("f32.demote_f64");
  };
}

const zero = (f: FunctionBuilder, t: Float, value = 0): FunctionBuilder =>
  t === "f32" ? f.f32(value) : f.f64(value);

/** In float32 the near angles are decomposed; the function itself serves only the far ones. */
function farOnly(t: Float, name: "sin" | "cos" | "tan"): Row {
  const call = callMath(t, name, 1);
  if (t === "f64") return call;
  return (code, x, y) => {
    const { f } = code;
    f.get(x).op("f32.abs").f32(farAngle).op("f32.gt").if("f32");
    call(code, x, y);
    f.else().f32(0).end();
  };
}

function floatRows(t: Float) {
  const dtype = t === "f32" ? "float32" : "float64";
  const math = Object.fromEntries(
    unaryMathImports.map((name) => [name, callMath(t, name, 1)]),
  ) as Record<(typeof unaryMathImports)[number], Row>;
  const power = callMath(t, "pow", 2);
  const truth = (f: FunctionBuilder, x: number) => zero(f.get(x), t).op(`${t}.ne`);
  return {
    ...undefinedRows(dtype, integerOnly),
    ...math,
    sin: farOnly(t, "sin"),
    cos: farOnly(t, "cos"),
    tan: farOnly(t, "tan"),
    erf: () => {
      throw new Error("wasm: erf is decomposed before it is emitted.");
    },
    neg: unary(`${t}.neg`),
    abs: unary(`${t}.abs`),
    floor: unary(`${t}.floor`),
    ceil: unary(`${t}.ceil`),
    trunc: unary(`${t}.trunc`),
    round: unary(`${t}.nearest`),
    sqrt: unary(`${t}.sqrt`),
    not: ({ f }, x) => void zero(f.get(x), t).op(`${t}.eq`),
    add: binary(`${t}.add`),
    sub: binary(`${t}.sub`),
    mul: binary(`${t}.mul`),
    div: binary(`${t}.div`),
    rem: callMath(t, "rem", 2),
    // C's pow: 1 to any power, and -1 to ±infinity, is 1; JavaScript gives NaN.
    pow: (code, x, y) => {
      const { f } = code;
      zero(f, t, 1);
      power(code, x, y);
      zero(f.get(x), t, 1).op(`${t}.eq`);
      zero(f.get(x), t, -1).op(`${t}.eq`);
      zero(f.get(y).op(`${t}.abs`), t, Infinity).op(`${t}.eq`);
      f.op("i32.and").op("i32.or").op("select");
    },
    atan2: callMath(t, "atan2", 2),
    min: binary(`${t}.min`),
    max: binary(`${t}.max`),
    eq: binary(`${t}.eq`),
    ne: binary(`${t}.ne`),
    lt: binary(`${t}.lt`),
    le: binary(`${t}.le`),
    and: ({ f }, x, y) => void truth(truth(f, x), y).op("i32.and"),
    or: ({ f }, x, y) => void truth(truth(f, x), y).op("i32.or"),
  } satisfies Record<Instruction, Row>;
}

type Integer = "i32" | "i64";
const integer = (f: FunctionBuilder, t: Integer, value: number): FunctionBuilder =>
  t === "i32" ? f.i32(value) : f.i64(BigInt(value));

/** `y == 0 ? 0 : operation(x, y)`, without the traps of division. */
function guarded(t: Integer, name: "div" | "rem"): Row {
  return ({ f }, x, y) => {
    const value: ValueType = t;
    f.get(y).op(`${t}.eqz`).if(value);
    integer(f, t, 0).else();
    // The least integer divided by -1 traps; negation wraps as it should.
    integer(f.get(y), t, -1).op(`${t}.eq`).if(value);
    integer(f, t, 0);
    if (name === "div") f.get(x).op(`${t}.sub`);
    f.else().get(x).get(y).op(`${t}.${name}_s`).end().end();
  };
}

/** Wrapping power by squaring; negative exponents give 0 but for bases 1 and -1. */
function power(t: Integer): Row {
  return (code, x, y) => {
    const helper = code.helper(`pow ${t}`, [t, t], [t], (f) => {
      const [base, exponent] = [0, 1];
      const result = f.local(t);
      integer(f.get(exponent), t, 0).op(`${t}.lt_s`).if();
      integer(f.get(base), t, 1).op(`${t}.eq`).if();
      integer(f, t, 1).op("return").end();
      integer(f.get(base), t, -1).op(`${t}.ne`).if();
      integer(f, t, 0).op("return").end();
      // Base -1: by the exponent's parity.
      integer(integer(integer(f, t, 1).get(exponent), t, 1).op(`${t}.and`), t, 2);
      f.op(`${t}.mul`).op(`${t}.sub`).op("return").end();
      integer(f, t, 1).set(result);
      const exit = f.block();
      const again = f.loop();
      f.get(exponent).op(`${t}.eqz`).brIf(exit);
      f.get(result).get(base).op(`${t}.mul`).get(result);
      integer(f.get(exponent), t, 1).op(`${t}.and`).op(`${t}.eqz`).op("i32.eqz");
      f.op("select").set(result);
      f.get(base).get(base).op(`${t}.mul`).set(base);
      integer(f.get(exponent), t, 1).op(`${t}.shr_u`).set(exponent);
      f.br(again).end().end();
      f.get(result);
    });
    code.f.get(x).get(y).call(helper);
  };
}

function integerRows(t: Integer) {
  const bits = t === "i32" ? 31 : 63;
  const pick =
    (comparison: PlainOpcode): Row =>
    ({ f }, x, y) =>
      void f.get(x).get(y).get(x).get(y).op(comparison).op("select");
  const truth = (f: FunctionBuilder, x: number) => f.get(x).op(`${t}.eqz`);
  return {
    ...undefinedRows(t === "i32" ? "int32" : "int64", floatOnly),
    neg: ({ f }, x) => void integer(f, t, 0).get(x).op(`${t}.sub`),
    abs: ({ f }, x) => {
      const sign = () => integer(f.get(x), t, bits).op(`${t}.shr_s`);
      sign().get(x).op(`${t}.xor`);
      sign().op(`${t}.sub`);
    },
    floor: same,
    ceil: same,
    trunc: same,
    round: same,
    not: unary(`${t}.eqz`),
    bitNot: ({ f }, x) => void integer(f.get(x), t, -1).op(`${t}.xor`),
    add: binary(`${t}.add`),
    sub: binary(`${t}.sub`),
    mul: binary(`${t}.mul`),
    div: guarded(t, "div"),
    rem: guarded(t, "rem"),
    pow: power(t),
    min: pick(`${t}.lt_s`),
    max: pick(`${t}.gt_s`),
    eq: binary(`${t}.eq`),
    ne: binary(`${t}.ne`),
    lt: binary(`${t}.lt_s`),
    le: binary(`${t}.le_s`),
    and: ({ f }, x, y) => void truth(truth(f, x), y).op("i32.or").op("i32.eqz"),
    or: ({ f }, x, y) => void truth(truth(f, x), y).op("i32.and").op("i32.eqz"),
    bitAnd: binary(`${t}.and`),
    bitOr: binary(`${t}.or`),
    bitXor: binary(`${t}.xor`),
    shl: binary(`${t}.shl`),
    shr: binary(`${t}.shr_s`),
    shrU: binary(`${t}.shr_u`),
  } satisfies Record<Instruction, Row>;
}

/** int32 rows followed by a correction where the result is not bool. */
const corrected = (
  rows: Record<Instruction, Row>,
  correct: (f: FunctionBuilder) => void,
): Record<Instruction, Row> =>
  Object.fromEntries(
    Object.entries(rows).map(([op, row]) => [
      op,
      yieldsBool.has(op)
        ? row
        : (code: Code, x: number, y: number) => {
            row(code, x, y);
            correct(code.f);
          },
    ]),
  ) as Record<Instruction, Row>;

const int32Rows = integerRows("i32");

/** By the dtype of the operands. */
export const scalarTable: Record<ValueDType, Record<Instruction, Row>> = {
  float32: floatRows("f32"),
  float64: floatRows("f64"),
  int32: int32Rows,
  int64: integerRows("i64"),
  uint8: corrected(int32Rows, (f) => void f.i32(255).op("i32.and")),
  bool: corrected(int32Rows, (f) => void f.i32(0).op("i32.ne")),
};

/** How one element of each dtype lives in a local. */
export const scalarType: Record<ValueDType, ValueType> = {
  float32: "f32",
  float64: "f64",
  int32: "i32",
  int64: "i64",
  uint8: "i32",
  bool: "i32",
};

/** Float on the stack → int64: what does not fit (and NaN) is the least int64. */
function floatToInt64(code: Code, t: Float): void {
  const { f } = code;
  const x = code.scratch("f64", "cast");
  if (t === "f32") f.op("f64.promote_f32");
  f.tee(x)
    .op("i64.trunc_sat_f64_s")
    .i64(-(2n ** 63n));
  f.get(x)
    .op("f64.abs")
    .f64(2 ** 63)
    .op("f64.lt")
    .op("select");
}

/** Converts the value on the stack as `convert` in core's scalar/evaluate.ts does. */
export function emitCast(code: Code, from: DType, to: DType): void {
  const { f } = code;
  const source = scalarType[valueDType(from)];
  if (from === to) return;
  if (to === "bool") {
    if (source === "i32") f.i32(0).op("i32.ne");
    else if (source === "i64") f.i64(0n).op("i64.ne");
    else zero(f, source as Float).op(`${source as Float}.ne`);
    return;
  }
  if (to === "float32" || to === "float64") {
    if (source === "f32") f.op("f64.promote_f32");
    else if (source === "f64") f.op("f32.demote_f64");
    // Through float64, as the reference does.
    else if (source === "i64") {
      f.op("f64.convert_i64_s");
      if (to === "float32") f.op("f32.demote_f64");
    } else f.op(to === "float32" ? "f32.convert_i32_s" : "f64.convert_i32_s");
    return;
  }
  if (source === "f32" || source === "f64") {
    floatToInt64(code, source);
    if (to !== "int64") f.op("i32.wrap_i64");
  } else if (source === "i64") f.op("i32.wrap_i64");
  else if (to === "int64") f.op("i64.extend_i32_s");
  if (to === "uint8") f.i32(255).op("i32.and");
}

/** Reinterprets the value on the stack. */
export function emitBitcast({ f }: Code, from: DType, to: DType): void {
  if (from === "float32" && to === "int32") f.op("i32.reinterpret_f32");
  else if (from === "int32" && to === "float32") f.op("f32.reinterpret_i32");
  else if (from === "float64" && to === "int64") f.op("i64.reinterpret_f64");
  else if (from === "int64" && to === "float64") f.op("f64.reinterpret_i64");
  else {
    throw new DTypeError(
      `bitcast: expected int32 ↔ float32 or int64 ↔ float64, got ${from} → ${to}.`,
    );
  }
}

/** Pushes a constant. */
export function emitConstant(f: FunctionBuilder, dtype: DType, value: number | bigint): void {
  if (dtype === "float32") f.f32(Number(value));
  else if (dtype === "float64") f.f64(Number(value));
  else if (dtype === "int64") f.i64(BigInt(value));
  else f.i32(Number(value));
}
