// Arithmetic beyond arithmetic.ts, element by element: fused and interpolating forms, signs and bits of
// floats, repairs of NaN and infinities, degrees. Comparisons with a tolerance are in closeness.ts.
import {
  type DType,
  byteSize,
  dtypes,
  isComplex,
  isFloat,
  isInteger,
  isContinuous,
} from "../dtype.ts";
import { copySign, nextAfter, signBit, splitFloat } from "../scalar/bits.ts";
import { type Scalar, constant, s } from "../scalar/instruction.ts";
import { DTypeError } from "../errors.ts";
import type { TensorLike } from "../operation.ts";
import { type Tensor, isTensor } from "../tensor.ts";
import { type AlphaOptions, abs, div, mul, pow, sub } from "./arithmetic.ts";
import { cast } from "./cast.ts";
import { type Op, attach, composite, eitherZero, kinked } from "./define.ts";
import { binary, elementwise, ternary, unary } from "./elementwise.ts";
import { clamp } from "./masking.ts";

const floats: readonly DType[] = ["float32", "float64"];
const zeroLike = (x: Scalar): Scalar => constant(0, x.dtype);
const asBool = (value: boolean): Scalar => constant(value, "bool");
const truth = { skips: { gradient: "the result is bool" } } as const;

/** `|x|`: `abs` by its long name. */
export const absolute = abs;
/** `x / y`: `div` by its long name. */
export const trueDivide = div;
/** `clamp` by its short name. */
export const clip = clamp;

/** `x` itself. Bools are refused, as in PyTorch. */
export const positive = /* @__PURE__ */ unary("positive", (x) => x, {
  refuses: { bool: "Cast with to(…) first." },
  dtypes: ["float32", "float64", "int32", "int64", "uint8"],
});

/** The larger of two; a number wins over NaN, unlike in `maximum`. */
export const fmax = /* @__PURE__ */ binary(
  "fmax",
  (x, y) => s.select(s.isNaN(x), y, s.select(s.isNaN(y), x, s.max(x, y))),
  {
    skips: { ...kinked, ...eitherZero },
    gradient: ([x, y], _, grad) => {
      const isFirst = s.or(s.ge(x!, y!), s.isNaN(y!));
      return [s.select(isFirst, grad, zeroLike(grad)), s.select(isFirst, zeroLike(grad), grad)];
    },
  },
);

/** The smaller of two; a number wins over NaN, unlike in `minimum`. */
export const fmin = /* @__PURE__ */ binary(
  "fmin",
  (x, y) => s.select(s.isNaN(x), y, s.select(s.isNaN(y), x, s.min(x, y))),
  {
    skips: { ...kinked, ...eitherZero },
    gradient: ([x, y], _, grad) => {
      const isFirst = s.or(s.le(x!, y!), s.isNaN(y!));
      return [s.select(isFirst, grad, zeroLike(grad)), s.select(isFirst, zeroLike(grad), grad)];
    },
  },
);

/** `log(eˣ + eʸ)`, without overflow. */
export const logaddexp = /* @__PURE__ */ binary(
  "logaddexp",
  (x, y) => {
    const soft = s.add(s.max(x, y), s.log1p(s.exp(s.neg(s.abs(s.sub(x, y))))));
    return s.select(s.and(s.eq(x, y), s.eq(s.abs(x), Infinity)), x, soft);
  },
  {
    promotion: "float",
    gradient: ([x, y], _, grad) => [
      s.mul(grad, s.sigmoid(s.sub(x!, y!))),
      s.mul(grad, s.sigmoid(s.sub(y!, x!))),
    ],
  },
);

/** `log₂(2ˣ + 2ʸ)`, without overflow. */
export const logaddexp2 = /* @__PURE__ */ binary(
  "logaddexp2",
  (x, y) => {
    const lower = s.exp(s.mul(-Math.LN2, s.abs(s.sub(x, y))));
    const soft = s.add(s.max(x, y), s.mul(Math.LOG2E, s.log1p(lower)));
    return s.select(s.and(s.eq(x, y), s.eq(s.abs(x), Infinity)), x, soft);
  },
  {
    promotion: "float",
    gradient: ([x, y], _, grad) => [
      s.mul(grad, s.sigmoid(s.mul(Math.LN2, s.sub(x!, y!)))),
      s.mul(grad, s.sigmoid(s.mul(Math.LN2, s.sub(y!, x!)))),
    ],
  },
);

/** `refuses` of the dtypes that fail a test. */
const refuse = (accepts: (dtype: DType) => boolean, hint: string) =>
  Object.fromEntries(dtypes.filter((dtype) => !accepts(dtype)).map((dtype) => [dtype, hint]));

const onlyFloats = {
  refuses: /* @__PURE__ */ refuse(
    isFloat,
    "Only floats have values between; cast with to(…) first.",
  ),
  dtypes: floats,
};

/** `start + weight · (end - start)`, exact at both ends; the weight is a number or a tensor. */
export const lerp = /* @__PURE__ */ ternary(
  "lerp",
  (start, end, weight) => {
    const way = s.sub(end, start);
    const fromEnd = s.sub(end, s.mul(way, s.sub(1, weight)));
    return s.select(s.lt(s.abs(weight), 0.5), s.add(start, s.mul(weight, way)), fromEnd);
  },
  {
    ...onlyFloats,
    samples: [
      (make) => [make([2, 3]), make([2, 3]), make([2, 3])],
      (make) => [make([2, 3]), make([3]), 0.3],
      (make) => [make([2, 1]), make([3]), 0.75],
    ],
    gradient: ([start, end, weight], _, grad) => [
      s.mul(grad, s.sub(1, weight!)),
      s.mul(grad, weight!),
      s.mul(grad, s.sub(end!, start!)),
    ],
  },
);

export interface ValueOptions {
  /** Scales the product or quotient. Default 1. */
  readonly value?: number;
}

type WithValue = (x: Tensor, y: Tensor, z: Tensor, options?: ValueOptions) => Tensor;

const scaledSum = (
  name: "addcmul" | "addcdiv",
  combine: (y: Scalar, z: Scalar) => Scalar,
  rule: Parameters<typeof elementwise>[2],
): Op<WithValue> => {
  const call: Op<(x: Tensor, y: Tensor, z: Tensor, value: number) => Tensor> = elementwise(
    name,
    (x, y, z, value) => s.add(x!, s.mul(value!, combine(y!, z!))),
    rule,
  );
  return attach(
    (x: Tensor, y: Tensor, z: Tensor, { value = 1 }: ValueOptions = {}) => call(x, y, z, value),
    {
      ...call.definition,
      samples: [
        (make) => [make([2, 3]), make([2, 3]), make([2, 3], 1, 3)],
        (make) => [make([2, 3]), make([3]), make([2, 1], 1, 3), { value: 2 }],
      ],
    },
  );
};

/** `x + value · y · z`. */
export const addcmul = /* @__PURE__ */ scaledSum("addcmul", s.mul, {});

/** `x + value · y / z`. Integers are refused, as in PyTorch. */
export const addcdiv = /* @__PURE__ */ scaledSum("addcdiv", s.div, onlyFloats);

/** `|x|` with the sign of `y`, of which -0 has one. */
export const copysign = /* @__PURE__ */ binary("copysign", copySign, {
  promotion: "float",
  refuses: /* @__PURE__ */ refuse(
    (dtype) => !isComplex(dtype),
    "Complex numbers have no sign; use sgn(x).",
  ),
  // PyTorch divides the result by x; at 0 the gradient is 0.
  gradient: ([x], result, grad) => {
    const isKept = s.eq(signBit(x!), signBit(result));
    const signed = s.select(isKept, grad, s.neg(grad));
    return [s.select(s.eq(x!, 0), zeroLike(grad), signed), undefined];
  },
  skips: kinked,
});

/** Whether the sign bit is set: true of -0, and of integers below 0. */
export const signbit = /* @__PURE__ */ unary(
  "signbit",
  (x) => (isFloat(x.dtype) ? signBit(x) : x.dtype === "bool" ? asBool(false) : s.lt(x, 0)),
  { ...truth, skips: { ...truth.skips, extreme: "engines do not keep the sign of NaN" } },
);

/** The float next to `x` in the direction of `y`. */
export const nextafter = /* @__PURE__ */ binary("nextafter", nextAfter, {
  refuses: /* @__PURE__ */ refuse(
    (dtype) => floats.includes(dtype),
    "Cast to float32 or float64 with to(…).",
  ),
  dtypes: floats,
  skips: { gradient: "PyTorch has none" },
  gradient: () => [undefined, undefined],
});

/** `x · 2ʸ`. */
export const ldexp = /* @__PURE__ */ composite(
  "ldexp",
  (x: Tensor, y: Tensor): Tensor => {
    const dtype = isContinuous(x.dtype) ? x.dtype : "float32";
    return mul(x, pow(2, isFloat(y.dtype) ? y : cast(y, dtype)));
  },
  { samples: [(make) => [make([2, 3]), make.integers([3], -3, 4)], (make) => [make([2]), make([2])]] },
); // prettier-ignore

const mantissaOf = /* @__PURE__ */ unary("frexp", (x) => splitFloat(x).mantissa, {
  gradient: ([x], _, grad) => [
    s.div(grad, s.pow(constant(2, grad.dtype), s.cast(splitFloat(x!).exponent, grad.dtype))),
  ],
});
const exponentOf = /* @__PURE__ */ unary("frexpExponent", (x) => splitFloat(x).exponent);

export interface MantissaAndExponent {
  readonly mantissa: Tensor;
  readonly exponent: Tensor;
}

/** `x = mantissa · 2^exponent` with the mantissa in ±[1/2, 1); the exponent is int32. */
export const frexp = /* @__PURE__ */ composite(
  "frexp",
  (x: Tensor): MantissaAndExponent => {
    if (!isFloat(x.dtype)) {
      throw new DTypeError(
        `frexp: expected a float dtype, got ${x.dtype}. Cast with to("float32").`,
      );
    }
    return { mantissa: mantissaOf(x), exponent: exponentOf(x) };
  },
  {
    samples: [(make) => [make([2, 3])], (make) => [make([3], 0.1, 20)]],
    dtypes: floats,
    skips: { tied: "the mantissa jumps at powers of 2" },
  },
);

export interface NanToNumOptions {
  /** Stands for NaN. Default 0. */
  readonly nan?: number;
  /** Stands for ∞. Default: the dtype's largest number. */
  readonly posinf?: number;
  /** Stands for -∞. Default: the dtype's least number. */
  readonly neginf?: number;
}

const replaced: Op<(x: Tensor, nan: number, high: number, low: number) => Tensor> =
  /* @__PURE__ */ elementwise(
    "nanToNum",
    (x, nan, high, low) => {
      if (!isFloat(x!.dtype)) return x!;
      const finite = s.select(s.eq(x!, Infinity), high!, s.select(s.eq(x!, -Infinity), low!, x!));
      return s.select(s.isNaN(x!), nan!, finite);
    },
    {
      gradient: ([x], _, grad) => {
        const isFinite = s.lt(s.abs(x!), Infinity);
        return [s.select(isFinite, grad, zeroLike(grad)), undefined, undefined, undefined];
      },
    },
  );

const unchanged = /* @__PURE__ */ unary("nanToNum", (x) => x);

/** The largest finite number of a float dtype. */
const largestOf = (dtype: DType): number =>
  dtype === "float64"
    ? Number.MAX_VALUE
    : dtype === "float16"
      ? 65504
      : dtype === "bfloat16"
        ? (2 - 2 ** -7) * 2 ** 127
        : (2 - 2 ** -23) * 2 ** 127;

/** `x` with NaN and infinities replaced by numbers; integers stay. */
export const nanToNum: Op<(x: Tensor, options?: NanToNumOptions) => Tensor> =
  /* @__PURE__ */ attach(
    (x: Tensor, { nan = 0, posinf, neginf }: NanToNumOptions = {}): Tensor => {
      if (!isFloat(x.dtype)) return unchanged(x);
      const most = largestOf(x.dtype);
      return replaced(x, nan, posinf ?? most, neginf ?? -most);
    },
    {
      ...replaced.definition,
      samples: [
        (make) => [make([2, 3])],
        (make) => [make([2, 3]), { nan: 7, posinf: 100, neginf: -100 }],
      ],
    },
  );

/** 0 below 0, 1 above, `values` at 0. Its gradient is 0 everywhere. */
export const heaviside = /* @__PURE__ */ binary(
  "heaviside",
  (x, values) => s.select(s.eq(x, 0), values, s.cast(s.gt(x, 0), x.dtype)),
  { skips: { gradient: "PyTorch has none" }, gradient: () => [undefined, undefined] },
);

const withoutOrder = "Complex numbers have no order; take real(x) or imag(x) first.";
const notOrdered = { complex64: withoutOrder, complex128: withoutOrder };

/** Whether `x` is -∞. */
export const isneginf = /* @__PURE__ */ unary(
  "isneginf",
  (x) => (isFloat(x.dtype) ? s.eq(x, -Infinity) : asBool(false)),
  { ...truth, refuses: notOrdered },
);
/** Whether `x` is +∞. */
export const isposinf = /* @__PURE__ */ unary(
  "isposinf",
  (x) => (isFloat(x.dtype) ? s.eq(x, Infinity) : asBool(false)),
  { ...truth, refuses: notOrdered },
);
/** Whether `x` has no imaginary part: true of every real dtype. */
export const isreal = /* @__PURE__ */ unary(
  "isreal",
  (x) => (isComplex(x.dtype) ? s.eq(s.imag(x), 0) : asBool(true)),
  truth,
);

const notComplex = "Complex numbers are no angles; angle(x) gives theirs.";
const noAngle = { complex64: notComplex, complex128: notComplex };

/** Degrees to radians. */
export const deg2rad = /* @__PURE__ */ unary("deg2rad", (x) => s.mul(x, Math.PI / 180), {
  promotion: "float",
  refuses: noAngle,
});
/** Radians to degrees. */
export const rad2deg = /* @__PURE__ */ unary("rad2deg", (x) => s.mul(x, 180 / Math.PI), {
  promotion: "float",
  refuses: noAngle,
});

const doubled = (x: TensorLike): TensorLike =>
  isTensor(x) ? cast(x, isComplex(x.dtype) ? "complex128" : "float64") : x;

/** `x` to the power `y`, computed and returned in float64. */
export const floatPower: Op<(x: TensorLike, y: TensorLike) => Tensor> = /* @__PURE__ */ composite(
  "floatPower",
  (x: TensorLike, y: TensorLike): Tensor => pow(doubled(x), doubled(y)),
  {
    samples: [
      (make) => [make([2, 3], 0.5, 2), make([2, 3], 0.5, 2)],
      (make) => [make([2, 3], 0.5, 2), 0.3],
    ],
    skips: { float32: "the result is float64" },
  },
);

/** `y - alpha · x`: subtraction the other way round. */
export const rsub: Op<(x: TensorLike, y: TensorLike, options?: AlphaOptions) => Tensor> =
  /* @__PURE__ */ composite(
    "rsub",
    (x: TensorLike, y: TensorLike, { alpha = 1 }: AlphaOptions = {}): Tensor =>
      sub(y, alpha === 1 ? x : mul(x, alpha)),
    {
      samples: [
        (make) => [make([2, 3]), make([3])],
        (make) => [make([2, 3]), 2],
        (make) => [make([2, 3]), make([3]), { alpha: 3 }],
      ],
      dtypes: ["float32", "float64", "int32", "int64", "uint8"],
    },
  );

/** A shift whose count may be too large or negative: then the bits are all gone. */
function shifted(x: Scalar, y: Scalar, isLeft: boolean): Scalar {
  const width = 8 * byteSize(x.dtype);
  const isInside = s.and(s.ge(y, 0), s.lt(y, width));
  const gone = isLeft ? zeroLike(x) : s.select(s.lt(x, 0), constant(-1, x.dtype), zeroLike(x));
  const count = s.select(isInside, y, zeroLike(y));
  return s.select(isInside, isLeft ? s.shl(x, count) : s.shr(x, count), gone);
}

const shifts = {
  refuses: /* @__PURE__ */ refuse(isInteger, "Only integers have bits to shift; cast with to(…)."),
  dtypes: ["uint8", "int32", "int64"],
  domain: [-3, 4],
} as const;

/** `x · 2ʸ` on bits; 0 where the count is negative or not below the width. */
export const bitwiseLeftShift = /* @__PURE__ */ binary(
  "bitwiseLeftShift",
  (x, y) => shifted(x, y, true),
  shifts,
);
/** `⌊x / 2ʸ⌋` on bits; 0 or -1 where the count is negative or not below the width. */
export const bitwiseRightShift = /* @__PURE__ */ binary(
  "bitwiseRightShift",
  (x, y) => shifted(x, y, false),
  shifts,
);
