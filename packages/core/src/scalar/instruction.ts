// The closed vocabulary of per-element arithmetic, and `s`, which builds expressions in it.
// Meaning: evaluate.ts. Derivatives: derive.ts. Straight-line form and text: linear.ts.
import {
  type DType,
  byteSize,
  complexDType,
  isBig,
  isComplex,
  isContinuous,
  isUnsigned,
  realDType,
  valueDType,
} from "../dtype.ts";
import { DTypeError } from "../errors.ts";

export const unaryInstructions = [
  "neg", "abs", "floor", "ceil", "trunc", "round", "not", "bitNot",
  "sqrt", "exp", "expm1", "log", "log1p", "sin", "cos", "tan", "asin", "acos", "atan",
  "sinh", "cosh", "tanh", "asinh", "acosh", "atanh", "erf",
] as const; // prettier-ignore

export const binaryInstructions = [
  "add", "sub", "mul", "div", "rem", "pow", "atan2", "min", "max",
  "eq", "ne", "lt", "le", "and", "or", "bitAnd", "bitOr", "bitXor", "shl", "shr", "shrU",
] as const; // prettier-ignore

export type UnaryInstruction = (typeof unaryInstructions)[number];
export type BinaryInstruction = (typeof binaryInstructions)[number];
/** Instructions with operands of their own dtype; `select`, `cast` and `bitcast` stand apart. */
export type Instruction = UnaryInstruction | BinaryInstruction;

/**
 * What takes complex numbers apart and puts them together. Stands apart from the vocabulary:
 * compiler/realize.ts leaves none of them, nor any complex dtype, for backends.
 */
export type ComplexInstruction = "real" | "imag" | "complex";

/**
 * A typed expression over one element.
 * Leaves: `const`; `arg` (an op's operand); inside kernels `load` (what a load fetched), `param` (a
 * number given at run time), `index` (the position along a loop axis, int32), in reductions `state` and
 * `other` (the two partial states that merge), in row programs `kept` (what an earlier stage left for
 * this element).
 */
export type Scalar =
  | { readonly op: "const"; readonly dtype: DType; readonly value: number | bigint }
  | { readonly op: Leaf; readonly dtype: DType; readonly position: number }
  | { readonly op: UnaryInstruction | "cast" | "bitcast" | "real" | "imag"; readonly dtype: DType; readonly x: Scalar }
  | { readonly op: BinaryInstruction | "complex"; readonly dtype: DType; readonly x: Scalar; readonly y: Scalar }
  | {
      readonly op: "select";
      readonly dtype: DType;
      readonly condition: Scalar;
      readonly x: Scalar;
      readonly y: Scalar;
    }; // prettier-ignore

export type Leaf = "arg" | "load" | "param" | "index" | "state" | "other" | "kept";

/** What builders accept: numbers take the dtype of the operand beside them. */
export type ScalarLike = Scalar | number | bigint | boolean;

/**
 * A constant, rounded to what `dtype` can hold; of float16 and bfloat16 to what they compute in,
 * float32. Complex constants are real.
 */
export function constant(value: number | bigint | boolean, dtype: DType): Scalar {
  if (dtype === "bool") return { op: "const", dtype, value: Number(value) === 0 ? 0 : 1 };
  if (isContinuous(dtype)) {
    const part = valueDType(dtype) === "float64" ? Number(value) : Math.fround(Number(value));
    return { op: "const", dtype, value: part };
  }
  const whole = typeof value === "bigint" ? value : BigInt(Math.trunc(Number(value)));
  const bits = byteSize(dtype) * 8;
  const wrapped = isUnsigned(dtype) ? BigInt.asUintN(bits, whole) : BigInt.asIntN(bits, whole);
  return { op: "const", dtype, value: isBig(dtype) ? wrapped : Number(wrapped) };
}

export const leaf = (op: Leaf, position: number, dtype: DType): Scalar => ({ op, dtype, position });

const isExpression = (x: ScalarLike): x is Scalar => typeof x === "object";

function lift(x: ScalarLike, beside: ScalarLike): Scalar {
  if (isExpression(x)) return x;
  if (!isExpression(beside)) return constant(x, typeof x === "boolean" ? "bool" : "float32");
  return constant(x, beside.dtype);
}

function unify(op: string, x: ScalarLike, y: ScalarLike): [Scalar, Scalar] {
  const a = lift(x, y);
  const b = lift(y, x);
  if (a.dtype !== b.dtype) {
    throw new DTypeError(
      `scalar ${op}: operands are ${a.dtype} and ${b.dtype}; cast one of them (s.cast).`,
    );
  }
  return [a, b];
}

const yieldsBool = new Set<BinaryInstruction>(["eq", "ne", "lt", "le", "and", "or"]);

/** What complex numbers have: they are not ordered, and have no bits and no remainder. */
const complexInstructions = new Set<string>([
  "neg", "abs", "not", "sqrt", "exp", "expm1", "log", "log1p", "sin", "cos", "tan", "asin", "acos",
  "atan", "sinh", "cosh", "tanh", "asinh", "acosh", "atanh", "add", "sub", "mul", "div", "pow",
  "eq", "ne", "and", "or",
]); // prettier-ignore

function requireDefined(op: string, dtype: DType): void {
  if (!isComplex(dtype) || complexInstructions.has(op)) return;
  throw new DTypeError(
    `Complex numbers have no ${op}: they have no order, no bits and no remainder. Take abs(x), real(x) ` +
      `or imag(x) first.`,
  );
}

const unaryBuilder =
  (op: UnaryInstruction) =>
  (x: Scalar): Scalar => {
    requireDefined(op, x.dtype);
    return { op, dtype: op === "not" ? "bool" : op === "abs" ? realDType(x.dtype) : x.dtype, x };
  };

const binaryBuilder =
  (op: BinaryInstruction) =>
  (x: ScalarLike, y: ScalarLike): Scalar => {
    const [a, b] = unify(op, x, y);
    requireDefined(op, a.dtype);
    return { op, dtype: yieldsBool.has(op) ? "bool" : a.dtype, x: a, y: b };
  };

type Builders = { readonly [K in UnaryInstruction]: (x: Scalar) => Scalar } & {
  readonly [K in BinaryInstruction]: (x: ScalarLike, y: ScalarLike) => Scalar;
};

const builders = Object.fromEntries([
  ...unaryInstructions.map((op) => [op, unaryBuilder(op)]),
  ...binaryInstructions.map((op) => [op, binaryBuilder(op)]),
]) as Builders;

const cast = (x: Scalar, dtype: DType): Scalar =>
  x.dtype === dtype ? x : x.op === "const" ? constant(x.value, dtype) : { op: "cast", dtype, x };

/**
 * Builds expressions: `s.max(x, 0)`. Comparisons and `and`, `or`, `not` yield bool; `min` and `max`
 * carry NaN; `div` and `rem` truncate on integers (division by zero gives 0); `round` rounds half to
 * even; shifts take the count modulo the width.
 */
export const s = {
  ...builders,
  constant,
  cast,
  /** The real part; of a real number itself. */
  real: (x: Scalar): Scalar =>
    isComplex(x.dtype) ? { op: "real", dtype: realDType(x.dtype), x } : x,
  /** The imaginary part; of a real number 0. */
  imag: (x: Scalar): Scalar =>
    isComplex(x.dtype) ? { op: "imag", dtype: realDType(x.dtype), x } : constant(0, x.dtype),
  /** A complex number of two floats. */
  complex(re: ScalarLike, im: ScalarLike): Scalar {
    const [x, y] = unify("complex", re, im);
    return { op: "complex", dtype: complexDType(x.dtype), x, y };
  },
  /** The complex conjugate; of a real number itself. */
  conj: (x: Scalar): Scalar =>
    isComplex(x.dtype) && x.op !== "const" ? s.complex(s.real(x), s.neg(s.imag(x))) : x,
  /** Reinterprets the bits: int32 ↔ float32, int64 ↔ float64. */
  bitcast: (x: Scalar, dtype: DType): Scalar => ({ op: "bitcast", dtype, x }),
  gt: (x: ScalarLike, y: ScalarLike): Scalar => builders.lt(y, x),
  ge: (x: ScalarLike, y: ScalarLike): Scalar => builders.le(y, x),
  select(condition: Scalar, x: ScalarLike, y: ScalarLike): Scalar {
    const [a, b] = unify("select", x, y);
    return { op: "select", dtype: a.dtype, condition, x: a, y: b };
  },
  isNaN: (x: Scalar): Scalar => builders.ne(x, x),
  /** `x != 0`, whatever x is. */
  truthy: (x: Scalar): Scalar => (x.dtype === "bool" ? x : builders.ne(x, 0)),
  square: (x: Scalar): Scalar => builders.mul(x, x),
  reciprocal: (x: Scalar): Scalar => builders.div(1, x),
  sign: (x: Scalar): Scalar => s.select(s.gt(x, 0), 1, s.select(s.lt(x, 0), -1, s.mul(x, 0))),
  /** 1 / (1 + exp(-x)); exp overflows to infinity, so the tails are exact. */
  sigmoid: (x: Scalar): Scalar => builders.div(1, builders.add(1, builders.exp(builders.neg(x)))),
} as const;

/** Operands of an expression, in order. */
export function operandsOf(e: Scalar): readonly Scalar[] {
  if ("condition" in e) return [e.condition, e.x, e.y];
  if ("y" in e) return [e.x, e.y];
  if ("x" in e) return [e.x];
  return [];
}

/** The same instruction on other operands; leaves and constants as they are. */
export function mapOperands(e: Scalar, change: (operand: Scalar) => Scalar): Scalar {
  if ("condition" in e) return { ...e, condition: change(e.condition), x: change(e.x), y: change(e.y) }; // prettier-ignore
  if ("y" in e) return { ...e, x: change(e.x), y: change(e.y) };
  if ("x" in e) return { ...e, x: change(e.x) };
  return e;
}

/** Rebuilds an expression from the leaves up; `visit` gets each node with its operands replaced. */
export function transform(e: Scalar, visit: (node: Scalar) => Scalar): Scalar {
  const done = new Map<Scalar, Scalar>();
  const go = (node: Scalar): Scalar => {
    let next = done.get(node);
    if (next === undefined) {
      next = visit(mapOperands(node, go));
      done.set(node, next);
    }
    return next;
  };
  return go(e);
}

/** Replaces leaves of one kind. */
export const substitute = (e: Scalar, op: Leaf, replace: (position: number) => Scalar): Scalar =>
  transform(e, (node) =>
    node.op === op ? replace((node as { position: number }).position) : node,
  );

/** Every distinct node once, operands before users. */
export function nodesOf(...roots: readonly Scalar[]): Scalar[] {
  const result: Scalar[] = [];
  const seen = new Set<Scalar>();
  // A stack instead of recursion: fused expressions may be thousands of nodes deep.
  const stack = roots.toReversed();
  while (stack.length > 0) {
    const node = stack.at(-1)!;
    const waiting = stack.length;
    if (!seen.has(node)) {
      const operands = operandsOf(node);
      for (let i = operands.length - 1; i >= 0; i--) {
        if (!seen.has(operands[i]!)) stack.push(operands[i]!);
      }
    }
    if (stack.length > waiting) continue;
    stack.pop();
    if (seen.has(node)) continue;
    seen.add(node);
    result.push(node);
  }
  return result;
}
