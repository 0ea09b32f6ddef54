// The meaning of the scalar vocabulary, in JavaScript: what every backend must agree with.
// float32 rounds after each instruction; int32 and uint8 wrap; int64 is a bigint; bool is 0 or 1.
import { type DType, isBig, isContinuous, isFloat } from "../dtype.ts";
import { DTypeError } from "../errors.ts";
import { erf } from "./erf.ts";
import { roundHalf } from "./half.ts";
import type { BinaryInstruction, UnaryInstruction } from "./instruction.ts";
import type { LinearScalars, Step } from "./linear.ts";

export type Value = number | bigint;

const roundHalfEven = (x: number): number => {
  const nearest = Math.round(x);
  const result = nearest - x === 0.5 && nearest % 2 !== 0 ? nearest - 1 : nearest;
  return result === 0 ? (Object.is(Math.sign(x), -0) || x < 0 ? -0 : 0) : result;
};

const pow = (x: number, y: number): number =>
  // C's pow, which PyTorch follows: 1 to any power, and -1 to ±infinity, is 1.
  x === 1 || (x === -1 && Math.abs(y) === Infinity) ? 1 : x ** y;

/** On floats. Comparisons give 0 or 1. */
export const floatMeaning = {
  neg: (x) => -x,
  abs: Math.abs,
  floor: Math.floor,
  ceil: Math.ceil,
  trunc: Math.trunc,
  round: roundHalfEven,
  not: (x) => (x === 0 ? 1 : 0),
  bitNot: (x) => ~x,
  sqrt: Math.sqrt,
  exp: Math.exp,
  expm1: Math.expm1,
  log: Math.log,
  log1p: Math.log1p,
  sin: Math.sin,
  cos: Math.cos,
  tan: Math.tan,
  asin: Math.asin,
  acos: Math.acos,
  atan: Math.atan,
  sinh: Math.sinh,
  cosh: Math.cosh,
  tanh: Math.tanh,
  asinh: Math.asinh,
  acosh: Math.acosh,
  atanh: Math.atanh,
  erf,
  add: (x, y) => x + y,
  sub: (x, y) => x - y,
  mul: (x, y) => x * y,
  div: (x, y) => x / y,
  rem: (x, y) => x % y,
  pow,
  atan2: Math.atan2,
  min: Math.min,
  max: Math.max,
  eq: (x, y) => (x === y ? 1 : 0),
  ne: (x, y) => (x !== y ? 1 : 0),
  lt: (x, y) => (x < y ? 1 : 0),
  le: (x, y) => (x <= y ? 1 : 0),
  and: (x, y) => (x !== 0 && y !== 0 ? 1 : 0),
  or: (x, y) => (x !== 0 || y !== 0 ? 1 : 0),
  bitAnd: (x, y) => x & y,
  bitOr: (x, y) => x | y,
  bitXor: (x, y) => x ^ y,
  shl: (x, y) => x << y,
  shr: (x, y) => x >> y,
  shrU: (x, y) => x >>> y,
} satisfies Record<UnaryInstruction, (x: number) => number> &
  Record<BinaryInstruction, (x: number, y: number) => number>;

/** Where int32, uint8 and bool differ from the table above, before wrapping. */
const integerMeaning: Partial<Record<string, (x: number, y: number) => number>> = {
  mul: Math.imul,
  div: (x, y) => (y === 0 ? 0 : Math.trunc(x / y)),
  rem: (x, y) => (y === 0 ? 0 : x % y),
  pow: (x, y) => Number(integerPower(BigInt(x), BigInt(y), 32)),
  floor: (x) => x,
  ceil: (x) => x,
  trunc: (x) => x,
  round: (x) => x,
};

/** Wrapping power by squaring; negative exponents give 0 but for bases 1 and -1. */
function integerPower(base: bigint, exponent: bigint, bits: number): bigint {
  if (exponent < 0n) {
    return base === 1n ? 1n : base === -1n ? (exponent % 2n === 0n ? 1n : -1n) : 0n;
  }
  let result = 1n;
  let square = base;
  for (let e = exponent; e > 0n; e >>= 1n) {
    if (e & 1n) result = BigInt.asIntN(bits, result * square);
    square = BigInt.asIntN(bits, square * square);
  }
  return result;
}

const bigintMeaning: Partial<Record<string, (x: bigint, y: bigint) => Value>> = {
  neg: (x) => -x,
  abs: (x) => (x < 0n ? -x : x),
  floor: (x) => x,
  ceil: (x) => x,
  trunc: (x) => x,
  round: (x) => x,
  not: (x) => (x === 0n ? 1 : 0),
  bitNot: (x) => ~x,
  add: (x, y) => x + y,
  sub: (x, y) => x - y,
  mul: (x, y) => x * y,
  div: (x, y) => (y === 0n ? 0n : x / y),
  rem: (x, y) => (y === 0n ? 0n : x % y),
  pow: (x, y) => integerPower(x, y, 64),
  min: (x, y) => (x < y ? x : y),
  max: (x, y) => (x > y ? x : y),
  eq: (x, y) => (x === y ? 1 : 0),
  ne: (x, y) => (x !== y ? 1 : 0),
  lt: (x, y) => (x < y ? 1 : 0),
  le: (x, y) => (x <= y ? 1 : 0),
  and: (x, y) => (x !== 0n && y !== 0n ? 1 : 0),
  or: (x, y) => (x !== 0n || y !== 0n ? 1 : 0),
  bitAnd: (x, y) => x & y,
  bitOr: (x, y) => x | y,
  bitXor: (x, y) => x ^ y,
  shl: (x, y) => x << (y & 63n),
  shr: (x, y) => x >> (y & 63n),
  shrU: (x, y) => BigInt.asUintN(64, x) >> (y & 63n),
};

/** Rounds or wraps a raw result to what `dtype` can hold; of complex numbers a part. */
export const roundTo: Record<DType, (x: Value) => Value> = {
  float64: (x) => Number(x),
  float32: (x) => Math.fround(Number(x)),
  float16: (x) => roundHalf(Number(x), "float16"),
  bfloat16: (x) => roundHalf(Number(x), "bfloat16"),
  complex64: (x) => Math.fround(Number(x)),
  complex128: (x) => Number(x),
  int64: (x) => BigInt.asIntN(64, x as bigint),
  uint64: (x) => BigInt.asUintN(64, x as bigint),
  int32: (x) => (x as number) | 0,
  uint32: (x) => (x as number) >>> 0,
  int16: (x) => ((x as number) << 16) >> 16,
  uint16: (x) => (x as number) & 65535,
  int8: (x) => ((x as number) << 24) >> 24,
  uint8: (x) => (x as number) & 255,
  bool: (x) => (x === 0 || x === 0n ? 0 : 1),
};

const int64Min = -(2n ** 63n);

/**
 * Conversion between dtypes. Floats truncate towards zero and wrap to narrower integers through
 * int64; what does not fit int64 (and NaN) becomes its minimum, as on x86, where C leaves it open.
 */
export function convert(x: Value, from: DType, to: DType): Value {
  if (to === "bool" || isContinuous(to)) return roundTo[to](x);
  let whole: Value = x;
  if (isContinuous(from)) {
    const truncated = Math.trunc(x as number);
    const limit = to === "uint64" ? 2 ** 64 : 2 ** 63;
    whole = truncated >= -(2 ** 63) && truncated < limit ? BigInt(truncated) : int64Min;
  }
  if (isBig(to)) return roundTo[to](BigInt(whole));
  return roundTo[to](typeof whole === "bigint" ? Number(BigInt.asIntN(32, whole)) : whole);
}

const bits = new DataView(new ArrayBuffer(8));

function reinterpret(x: Value, from: DType, to: DType): Value {
  if (from === "float32" && to === "int32") {
    bits.setFloat32(0, x as number);
    return bits.getInt32(0);
  }
  if (from === "int32" && to === "float32") {
    bits.setInt32(0, x as number);
    return bits.getFloat32(0);
  }
  if (from === "float64" && to === "int64") {
    bits.setFloat64(0, x as number);
    return bits.getBigInt64(0);
  }
  if (from === "int64" && to === "float64") {
    bits.setBigInt64(0, x as bigint);
    return bits.getFloat64(0);
  }
  throw new DTypeError(
    `bitcast: expected int32 ↔ float32 or int64 ↔ float64, got ${from} → ${to}.`,
  );
}

/** How one instruction computes, given the dtypes of its operands. */
function meaningOf(step: Step, operandDtype: DType): (x: Value, y: Value) => Value {
  const op = step.op as UnaryInstruction | BinaryInstruction;
  const finish = roundTo[step.dtype];
  let raw: ((x: never, y: never) => Value) | undefined;
  if (operandDtype === "int64") raw = bigintMeaning[op];
  else if (!isFloat(operandDtype)) raw = integerMeaning[op] ?? floatMeaning[op];
  else raw = floatMeaning[op];
  if (raw === undefined) {
    throw new DTypeError(`scalar ${op}: not defined on ${operandDtype}; cast to a float first.`);
  }
  const compute = raw as (x: Value, y: Value) => Value;
  return (x, y) => finish(compute(x, y));
}

export type Registers = Value[];

/**
 * Prepares a program for repeated evaluation. `readLeaf` gives the value of a leaf; the returned
 * function fills and returns the registers, one per step.
 */
export function evaluator(
  program: LinearScalars,
  readLeaf: (op: string, position: number) => Value,
): () => Registers {
  const { steps } = program;
  const registers: Registers = new Array(steps.length).fill(0);
  const actions = steps.map((step, at): (() => void) => {
    const [a = 0, b = 0, c = 0] = step.operands;
    switch (step.op) {
      case "const":
        registers[at] = step.value!;
        return () => {};
      case "arg":
      case "load":
      case "param":
      case "index":
      case "state":
      case "other":
      case "kept": {
        const { op, position } = step;
        return () => (registers[at] = readLeaf(op, position!));
      }
      case "cast": {
        const from = steps[a]!.dtype;
        return () => (registers[at] = convert(registers[a]!, from, step.dtype));
      }
      case "bitcast": {
        const from = steps[a]!.dtype;
        return () => (registers[at] = reinterpret(registers[a]!, from, step.dtype));
      }
      case "select":
        return () => (registers[at] = registers[a] !== 0 ? registers[b]! : registers[c]!);
      default: {
        const compute = meaningOf(step, steps[a]!.dtype);
        return () => (registers[at] = compute(registers[a]!, registers[b]!));
      }
    }
  });
  return () => {
    for (const action of actions) action();
    return registers;
  };
}
