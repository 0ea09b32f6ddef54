// Arithmetic, comparison, logic, bits and rounding, element by element.
import { type DType, isComplex, isContinuous, isFloat, isUnsigned } from "../dtype.ts";
import { FlambeauError } from "../errors.ts";
import { type Scalar, constant, s } from "../scalar/instruction.ts";
import { binary, elementwise, ternary, unary } from "./elementwise.ts";
import type { TensorLike } from "../operation.ts";
import type { Tensor } from "../tensor.ts";
import { attach, eitherZero, kinked, type Op } from "./define.ts";

const floats: readonly DType[] = ["float32", "float64"];
const wholes: readonly DType[] = ["bool", "uint8", "int32", "int64"];
const numeric: readonly DType[] = [...floats, "complex64", "complex128", "int32", "int64", "uint8"];
const smoothInDivisor = [0.5, 2] as const;
const noBits = "Floats have no bits to combine; cast to an integer dtype with to(…).";
const bits = {
  refuses: { float16: noBits, bfloat16: noBits, float32: noBits, float64: noBits },
  dtypes: wholes,
  domain: [-3, 4],
} as const;
const steps = { skips: kinked };
const boolHint = { bool: "Use logicalXor or logicalNot on bools, or cast with to(…)." };

export interface AlphaOptions {
  /** Scales the second operand. Default 1. */
  readonly alpha?: number;
}

type Scaled = Op<(x: TensorLike, y: TensorLike, options?: AlphaOptions) => Tensor>;

/** A sum or difference whose second operand may be scaled. */
const scaled = (plain: Op<(x: TensorLike, y: TensorLike) => Tensor>): Scaled =>
  attach(
    (x: TensorLike, y: TensorLike, options?: AlphaOptions): Tensor =>
      options?.alpha === undefined || options.alpha === 1
        ? plain(x, y)
        : plain(x, mul(y, options.alpha)),
    {
      ...plain.definition,
      samples: [...plain.definition.samples, (make) => [make([2, 3]), make([3]), { alpha: 3 }]],
    },
  );

/** `x + alpha · y`. */
export const add = /* @__PURE__ */ scaled(/* @__PURE__ */ binary("add", s.add));

/** `x - alpha · y`. Bools are refused, as in PyTorch. */
export const sub = /* @__PURE__ */ scaled(
  /* @__PURE__ */ binary("sub", s.sub, {
    refuses: boolHint,
    dtypes: numeric,
  }),
);

/** `x · y`. */
export const mul = /* @__PURE__ */ binary("mul", s.mul);

const trueQuotient = /* @__PURE__ */ binary("div", s.div, {
  promotion: "float",
  domain: smoothInDivisor,
});

/** The quotient rounded towards zero, with the operands' dtype. */
const truncatedQuotient = /* @__PURE__ */ binary("div", (x, y) => s.trunc(s.div(x, y)));

/** Python's `//`: from the remainder, since `x / y` may round up to a whole number. */
function floorOfQuotient(x: Scalar, y: Scalar, quotient: Scalar): Scalar {
  const r = s.rem(x, y);
  const exact = s.div(s.sub(x, r), y);
  const opposite = s.and(s.ne(r, 0), s.ne(s.lt(y, 0), s.lt(r, 0)));
  const lower = s.select(opposite, s.sub(exact, 1), exact);
  const floor = s.floor(lower);
  const rounded = s.select(s.gt(s.sub(lower, floor), 0.5), s.add(floor, 1), floor);
  return s.select(s.eq(y, 0), quotient, rounded);
}

/** The quotient rounded down, with the operands' dtype. Integer division by zero gives 0. */
export const floorDivide = /* @__PURE__ */ binary(
  "floorDivide",
  (x, y) => {
    const { dtype } = x;
    const quotient = s.div(x, y);
    if (isFloat(dtype)) return floorOfQuotient(x, y, quotient);
    if (isUnsigned(dtype)) return quotient;
    const inexact = s.ne(s.rem(x, y), 0);
    const opposite = s.lt(s.bitXor(x, y), 0);
    return s.select(s.and(inexact, opposite), s.sub(quotient, 1), quotient);
  },
  { domain: smoothInDivisor, skips: kinked, gradient: () => [undefined, undefined] },
);

export interface DivOptions {
  /** Rounds the quotient and keeps integer dtypes. Default: the true quotient. */
  readonly roundingMode?: "trunc" | "floor";
}

/** `x / y`, the true quotient: integers become float32, unless a `roundingMode` is given. */
export const div: Op<(x: TensorLike, y: TensorLike, options?: DivOptions) => Tensor> =
  /* @__PURE__ */ attach(
    (x: TensorLike, y: TensorLike, options?: DivOptions): Tensor => {
      const mode = options?.roundingMode;
      if (mode === undefined) return trueQuotient(x, y);
      if (mode === "floor") return floorDivide(x, y);
      if (mode === "trunc") return truncatedQuotient(x, y);
      throw new FlambeauError(
        `div: expected roundingMode "trunc" or "floor", got ${JSON.stringify(mode)}. ` +
          `Leave it out for the true quotient.`,
      );
    },
    {
      ...trueQuotient.definition,
      samples: [
        ...trueQuotient.definition.samples,
        (make) => [make([2, 3], 0.5, 2), make([3], 0.5, 2), { roundingMode: "trunc" }],
        (make) => [make([2, 3], 0.5, 2), make([3], 0.5, 2), { roundingMode: "floor" }],
      ],
      skips: kinked,
    },
  );

/** Python's modulo: the result has the divisor's sign. */
export const remainder = /* @__PURE__ */ binary(
  "remainder",
  (x, y) => {
    const r = s.rem(x, y);
    if (isUnsigned(x.dtype)) return r;
    const zero = constant(0, x.dtype);
    const opposite = s.ne(s.lt(r, zero), s.lt(y, zero));
    return s.select(s.and(s.ne(r, 0), opposite), s.add(r, y), r);
  },
  {
    domain: smoothInDivisor,
    skips: kinked,
    gradient: ([x, y], _, grad) => [grad, s.neg(s.mul(grad, s.floor(s.div(x!, y!))))],
  },
);

/** C's modulo: the result has the dividend's sign. */
export const fmod = /* @__PURE__ */ binary("fmod", s.rem, {
  domain: smoothInDivisor,
  skips: kinked,
});

/** `x` to the power `y`. */
export const pow = /* @__PURE__ */ binary("pow", s.pow, { domain: smoothInDivisor });

/** The larger of two; NaN wins, ties share the gradient. */
export const maximum = /* @__PURE__ */ binary("maximum", s.max, { skips: eitherZero });

/** The smaller of two; NaN wins, ties share the gradient. */
export const minimum = /* @__PURE__ */ binary("minimum", s.min, { skips: eitherZero });

/** The angle of the point (y, x), in radians: `atan2(y, x)`. */
export const atan2 = /* @__PURE__ */ binary("atan2", s.atan2, {
  promotion: "float",
  domain: smoothInDivisor,
});

/** `-x`. */
export const neg = /* @__PURE__ */ unary("neg", s.neg, {
  refuses: boolHint,
  dtypes: numeric,
});

/** `|x|`; the gradient at 0 is 0. */
export const abs = /* @__PURE__ */ unary("abs", s.abs);

/** -1, 0 or 1; NaN gives 0, as PyTorch's CPU kernels do. */
export const sign = /* @__PURE__ */ unary(
  "sign",
  (x) =>
    x.dtype === "bool"
      ? x
      : s.select(s.gt(x, 0), 1, s.select(s.lt(x, 0), constant(-1, x.dtype), constant(0, x.dtype))),
  steps,
);

/** `x²`. */
export const square = /* @__PURE__ */ unary("square", (x) => {
  const wide = x.dtype === "bool" ? s.cast(x, "int64") : x;
  return s.mul(wide, wide);
});

/** `1 / x`. */
export const reciprocal = /* @__PURE__ */ unary("reciprocal", (x) => s.div(1, x), {
  promotion: "float",
  domain: smoothInDivisor,
  gradient: (_, result, grad) => [s.neg(s.mul(grad, s.mul(result, result)))],
});

const rounding =
  (op: (x: Scalar) => Scalar) =>
  (x: Scalar): Scalar =>
    isContinuous(x.dtype) ? op(x) : x;

/** Rounds down. */
export const floor = /* @__PURE__ */ unary("floor", rounding(s.floor), steps);
/** Rounds up. */
export const ceil = /* @__PURE__ */ unary("ceil", rounding(s.ceil), steps);
/** Rounds towards zero. */
export const trunc = /* @__PURE__ */ unary("trunc", rounding(s.trunc), steps);
const roundWhole = /* @__PURE__ */ unary("round", rounding(s.round), steps);

/** Rounds what a power of ten multiplies, or divides where the number of decimals is negative. */
const roundDecimals = /* @__PURE__ */ ternary(
  "round",
  (x, scale, isNegative) => {
    if (!isContinuous(x.dtype)) return x;
    const up = s.div(s.round(s.mul(x, scale)), scale);
    return s.select(s.ne(isNegative, 0), s.mul(s.round(s.div(x, scale)), scale), up);
  },
  { gradient: () => [undefined, undefined, undefined] },
);

export interface RoundOptions {
  /** Digits behind the decimal point; before it where negative. Default 0. */
  readonly decimals?: number;
}

/** Rounds to the nearest integer or to `decimals`, halves to even. */
export const round: Op<(x: Tensor, options?: RoundOptions) => Tensor> = /* @__PURE__ */ attach(
  (x: Tensor, { decimals = 0 }: RoundOptions = {}): Tensor =>
    decimals === 0 ? roundWhole(x) : roundDecimals(x, 10 ** Math.abs(decimals), decimals < 0 ? 1 : 0),
  {
    ...roundWhole.definition,
    samples: [
      ...roundWhole.definition.samples,
      (make) => [make([2, 3]), { decimals: 1 }],
      (make) => [make([2, 3], -200, 200), { decimals: -2 }],
    ],
  },
); // prettier-ignore
/** The fraction that `trunc` drops. */
export const frac = /* @__PURE__ */ unary("frac", (x) => s.sub(x, s.trunc(x)), {
  dtypes: floats,
  skips: kinked,
});

/** `x` limited to `[low, high]`; inside and on the limits the gradient passes. */
const clampBetween = /* @__PURE__ */ ternary(
  "clamp",
  (x, low, high) => s.min(s.max(x, low), high),
  {
    gradient: ([x, low, high], _, grad) => {
      const zero = constant(0, grad.dtype);
      const below = s.lt(x!, low!);
      const above = s.gt(x!, high!);
      const inside = s.and(s.not(below), s.not(above));
      return [
        s.select(inside, grad, zero),
        s.select(s.and(below, s.lt(low!, high!)), grad, zero),
        s.select(s.or(above, s.and(below, s.ge(low!, high!))), grad, zero),
      ];
    },
  },
);

/** Limits of `clamp`; a missing one does not limit. */
export interface ClampOptions {
  readonly min?: TensorLike;
  readonly max?: TensorLike;
}

const clampLow = /* @__PURE__ */ binary("clampMin", s.max, {
  gradient: ([x, low], _, grad) => {
    const zero = constant(0, grad.dtype);
    const passes = s.ge(x!, low!);
    return [s.select(passes, grad, zero), s.select(passes, zero, grad)];
  },
});

const clampHigh = /* @__PURE__ */ binary("clampMax", s.min, {
  gradient: ([x, high], _, grad) => {
    const zero = constant(0, grad.dtype);
    const passes = s.le(x!, high!);
    return [s.select(passes, grad, zero), s.select(passes, zero, grad)];
  },
});

export { clampBetween, clampHigh, clampLow };

const compare = (name: string, op: (x: Scalar, y: Scalar) => Scalar) =>
  binary(name, op, { skips: { gradient: "the result is bool" } });

/** Whether `x = y`, element by element. */
export const eq = /* @__PURE__ */ compare("eq", s.eq);
/** Whether `x ≠ y`. */
export const ne = /* @__PURE__ */ compare("ne", s.ne);
/** Whether `x < y`. */
export const lt = /* @__PURE__ */ compare("lt", s.lt);
/** Whether `x ≤ y`. */
export const le = /* @__PURE__ */ compare("le", s.le);
/** Whether `x > y`. */
export const gt = /* @__PURE__ */ compare("gt", s.gt);
/** Whether `x ≥ y`. */
export const ge = /* @__PURE__ */ compare("ge", s.ge);

const logical = (name: string, op: (x: Scalar, y: Scalar) => Scalar) =>
  binary(name, (x, y) => op(s.truthy(x), s.truthy(y)), {
    skips: { gradient: "the result is bool" },
  });

/** Whether both are non-zero. */
export const logicalAnd = /* @__PURE__ */ logical("logicalAnd", s.and);
/** Whether one is non-zero. */
export const logicalOr = /* @__PURE__ */ logical("logicalOr", s.or);
/** Whether exactly one is non-zero. */
export const logicalXor = /* @__PURE__ */ logical("logicalXor", s.ne);
/** Whether `x` is zero. */
export const logicalNot = /* @__PURE__ */ unary("logicalNot", (x) => s.not(s.truthy(x)));

/** Bits set in both. */
export const bitwiseAnd = /* @__PURE__ */ binary("bitwiseAnd", s.bitAnd, bits);
/** Bits set in one or both. */
export const bitwiseOr = /* @__PURE__ */ binary("bitwiseOr", s.bitOr, bits);
/** Bits set in exactly one. */
export const bitwiseXor = /* @__PURE__ */ binary("bitwiseXor", s.bitXor, bits);
/** Every bit inverted; on bools, logical not. */
export const bitwiseNot = /* @__PURE__ */ unary(
  "bitwiseNot",
  (x) => (x.dtype === "bool" ? s.not(x) : s.bitNot(x)),
  bits,
);

/** A test of a float, or of both parts of a complex number. */
const inParts = (
  x: Scalar,
  join: (re: Scalar, im: Scalar) => Scalar,
  test: (part: Scalar) => Scalar,
): Scalar => (isComplex(x.dtype) ? join(test(s.real(x)), test(s.imag(x))) : test(x));

/** Whether `x` is not a number. */
export const isnan = /* @__PURE__ */ unary("isnan", (x) =>
  isContinuous(x.dtype) ? s.isNaN(x) : constant(false, "bool"),
);
/** Whether `x` is ±∞. */
export const isinf = /* @__PURE__ */ unary("isinf", (x) =>
  isContinuous(x.dtype)
    ? inParts(x, s.or, (part) => s.eq(s.abs(part), Infinity))
    : constant(false, "bool"),
);
/** Whether `x` is neither infinite nor NaN. */
export const isfinite = /* @__PURE__ */ unary("isfinite", (x) =>
  isContinuous(x.dtype)
    ? inParts(x, s.and, (part) => s.lt(s.abs(part), Infinity))
    : constant(true, "bool"),
);

/** `x` where the condition holds, else `y`. The condition is bool (any non-zero counts). */
export const where: Op<(condition: Tensor, x: TensorLike, y: TensorLike) => Tensor> =
  /* @__PURE__ */ elementwise(
    "where",
    (condition, x, y) => s.select(s.truthy(condition!), x!, y!),
    {
      apart: [0],
      samples: [
        (make) => [make.booleans([2, 3]), make([2, 3]), make([2, 3])],
        (make) => [make.booleans([3]), make([2, 1]), make([])],
        (make) => [make.booleans([2, 3]), make([2, 3]), 0.5],
      ],
    },
  );
