// Derivatives of scalar expressions: one table row per instruction, and the chain rule.
import { isComplex, isContinuous } from "../dtype.ts";
import {
  type BinaryInstruction,
  type Scalar,
  type UnaryInstruction,
  constant,
  nodesOf,
  s,
} from "./instruction.ts";

/** `undefined` stands for a derivative that is zero everywhere it exists. */
type UnaryRule = ((x: Scalar, y: Scalar) => Scalar) | undefined;
type BinaryRule =
  | readonly [
      ((x: Scalar, y: Scalar, out: Scalar) => Scalar) | undefined,
      ((x: Scalar, y: Scalar, out: Scalar) => Scalar) | undefined,
    ]
  | undefined;

const one = (like: Scalar): Scalar => constant(1, like.dtype);
const minusOne = (like: Scalar): Scalar => constant(-1, like.dtype);
const twoOverSqrtPi = 2 / Math.sqrt(Math.PI);

/** d out / d x, from the operand x and the result out. */
const unaryRules = {
  neg: minusOne,
  abs: (x) => s.select(s.gt(x, 0), 1, s.select(s.lt(x, 0), -1, constant(0, x.dtype))),
  floor: undefined,
  ceil: undefined,
  trunc: undefined,
  round: undefined,
  not: undefined,
  bitNot: undefined,
  sqrt: (_, out) => s.div(0.5, out),
  exp: (_, out) => out,
  expm1: (_, out) => s.add(out, 1),
  log: (x) => s.div(1, x),
  log1p: (x) => s.div(1, s.add(x, 1)),
  sin: (x) => s.cos(x),
  cos: (x) => s.neg(s.sin(x)),
  tan: (_, out) => s.add(1, s.mul(out, out)),
  asin: (x) => s.div(1, s.sqrt(s.mul(s.sub(1, x), s.add(1, x)))),
  acos: (x) => s.div(-1, s.sqrt(s.mul(s.sub(1, x), s.add(1, x)))),
  atan: (x) => s.div(1, s.add(1, s.mul(x, x))),
  sinh: (x) => s.cosh(x),
  cosh: (x) => s.sinh(x),
  tanh: (_, out) => s.mul(s.sub(1, out), s.add(1, out)),
  asinh: (x) => s.div(1, s.sqrt(s.add(s.mul(x, x), 1))),
  acosh: (x) => s.div(1, s.mul(s.sqrt(s.sub(x, 1)), s.sqrt(s.add(x, 1)))),
  atanh: (x) => s.div(1, s.mul(s.sub(1, x), s.add(1, x))),
  erf: (x) => s.mul(twoOverSqrtPi, s.exp(s.neg(s.mul(x, x)))),
} satisfies Record<UnaryInstruction, UnaryRule>;

/** Ties share the gradient, as PyTorch's maximum and minimum do. */
const tie = (wins: Scalar, x: Scalar, y: Scalar): Scalar =>
  s.select(s.eq(x, y), constant(0.5, x.dtype), s.select(wins, 1, constant(0, x.dtype)));

const binaryRules = {
  add: [one, one],
  sub: [one, minusOne],
  mul: [(_, y) => y, (x) => x],
  div: [(_, y) => s.div(1, y), (_x, y, out) => s.neg(s.div(out, y))],
  rem: [one, (x, y) => s.neg(s.trunc(s.div(x, y)))],
  pow: [
    // x⁰ is flat, also at x = 0 where y·x^(y-1) is 0·∞.
    (x, y) => s.select(s.eq(y, 0), 0, s.mul(y, s.pow(x, s.sub(y, 1)))),
    (x, y, out) => s.select(s.and(s.eq(x, 0), s.ge(s.real(y), 0)), 0, s.mul(out, s.log(x))),
  ],
  atan2: [
    (x, y) => s.div(y, s.add(s.mul(x, x), s.mul(y, y))),
    (x, y) => s.neg(s.div(x, s.add(s.mul(x, x), s.mul(y, y)))),
  ],
  min: [(x, y) => tie(s.lt(x, y), x, y), (x, y) => tie(s.lt(y, x), x, y)],
  max: [(x, y) => tie(s.lt(y, x), x, y), (x, y) => tie(s.lt(x, y), x, y)],
  eq: undefined,
  ne: undefined,
  lt: undefined,
  le: undefined,
  and: undefined,
  or: undefined,
  bitAnd: undefined,
  bitOr: undefined,
  bitXor: undefined,
  shl: undefined,
  shr: undefined,
  shrU: undefined,
} satisfies Record<BinaryInstruction, BinaryRule>;

const isConstant = (e: Scalar, value: number): boolean => e.op === "const" && e.value === value;

/** Products and sums that fold the 0s and 1s which the chain rule leaves. */
function times(x: Scalar, y: Scalar): Scalar {
  if (isConstant(x, 1)) return y;
  if (isConstant(y, 1)) return x;
  if (isConstant(x, -1)) return s.neg(y);
  if (isConstant(y, -1)) return s.neg(x);
  return s.mul(x, y);
}

/** Of what is real though its operand is complex: PyTorch's conjugate Wirtinger derivatives. */
const complexRules: { readonly [op: string]: (z: Scalar, g: Scalar, out: Scalar) => Scalar } = {
  real: (_, g) => s.complex(g, 0),
  imag: (_, g) => s.complex(0, g),
  abs: (z, g, out) => {
    const [up, size] = [s.cast(g, z.dtype), s.cast(out, z.dtype)];
    return s.select(s.eq(out, 0), constant(0, z.dtype), s.mul(up, s.div(z, size)));
  },
};

/**
 * The sum over roots of `upstream · d e / d argument`, as an expression; `undefined` where it is
 * zero. Reverse mode over the expression, so shared subexpressions are derived once. On complex
 * numbers partial derivatives are conjugated: gradients then point where a real loss grows.
 */
export function pullback(
  e: Scalar,
  upstream: Scalar,
  isArgument: (node: Scalar) => number | undefined,
): Map<number, Scalar> {
  const order = [...nodesOf(e)];
  const gradients = new Map<Scalar, Scalar>([[e, upstream]]);
  const result = new Map<number, Scalar>();
  const accumulate = (node: Scalar, term: Scalar) => {
    if (!isContinuous(node.dtype)) return;
    const known = gradients.get(node);
    gradients.set(node, known === undefined ? term : s.add(known, term));
  };
  for (const node of order.toReversed()) {
    const g = gradients.get(node);
    if (g === undefined) continue;
    const argument = isArgument(node);
    if (argument !== undefined) {
      const known = result.get(argument);
      result.set(argument, known === undefined ? g : s.add(known, g));
    } else if (node.op === "select") {
      const zero = constant(0, node.dtype);
      accumulate(node.x, s.select(node.condition, g, zero));
      accumulate(node.y, s.select(node.condition, zero, g));
    } else if (node.op === "cast") {
      if (isContinuous(node.x.dtype)) accumulate(node.x, s.cast(g, node.x.dtype));
    } else if (node.op === "complex") {
      accumulate(node.x, s.real(g));
      accumulate(node.y, s.imag(g));
    } else if ("x" in node && isComplex(node.x.dtype) && complexRules[node.op] !== undefined) {
      accumulate(node.x, complexRules[node.op]!(node.x, g, node));
    } else if ("y" in node) {
      const rules: BinaryRule = binaryRules[node.op as BinaryInstruction];
      if (rules?.[0]) accumulate(node.x, times(g, s.conj(rules[0](node.x, node.y, node))));
      if (rules?.[1]) accumulate(node.y, times(g, s.conj(rules[1](node.x, node.y, node))));
    } else if ("x" in node && node.op !== "bitcast") {
      const rule: UnaryRule = unaryRules[node.op as UnaryInstruction];
      if (rule) accumulate(node.x, times(g, s.conj(rule(node.x, node))));
    }
  }
  return result;
}
