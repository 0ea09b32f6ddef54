// Complex arithmetic as expressions on pairs of floats. A row for each instruction that complex
// numbers have; compiler/realize-scalar.ts applies them. Branch cuts are those of C and PyTorch; inverse
// functions follow Kahan's "Branch cuts for complex elementary functions".
import { type Scalar, constant, s } from "./instruction.ts";

/** A value in parts; `im` is absent where it is exactly 0. */
export interface Parts {
  readonly re: Scalar;
  readonly im?: Scalar;
}

const imaginary = ({ re, im }: Parts): Scalar => im ?? constant(0, re.dtype);
const conj = ({ re, im }: Parts): Parts => ({ re, im: im && s.neg(im) });

const add = (x: Parts, y: Parts): Parts => ({
  re: s.add(x.re, y.re),
  im: x.im === undefined ? y.im : y.im === undefined ? x.im : s.add(x.im, y.im),
});

const neg = (x: Parts): Parts => ({ re: s.neg(x.re), im: x.im && s.neg(x.im) });

const sub = (x: Parts, y: Parts): Parts => ({
  re: s.sub(x.re, y.re),
  im: x.im === undefined ? y.im && s.neg(y.im) : y.im === undefined ? x.im : s.sub(x.im, y.im),
});

function mul(x: Parts, y: Parts): Parts {
  if (y.im === undefined) return { re: s.mul(x.re, y.re), im: x.im && s.mul(x.im, y.re) };
  if (x.im === undefined) return { re: s.mul(x.re, y.re), im: s.mul(x.re, y.im) };
  return {
    re: s.sub(s.mul(x.re, y.re), s.mul(x.im, y.im)),
    im: s.add(s.mul(x.re, y.im), s.mul(x.im, y.re)),
  };
}

/** Smith's division, as NumPy and PyTorch do it: the divisor's larger part is divided by. */
function div(x: Parts, y: Parts): Parts {
  if (y.im === undefined) return { re: s.div(x.re, y.re), im: x.im && s.div(x.im, y.re) };
  const [c, d] = [y.re, y.im];
  const isRealLarger = s.ge(s.abs(c), s.abs(d));
  const large = s.select(isRealLarger, c, d);
  const small = s.select(isRealLarger, d, c);
  const isZero = s.eq(large, 0);
  const ratio = s.select(isZero, constant(0, c.dtype), s.div(small, large));
  const scale = s.select(isZero, s.abs(large), s.add(large, s.mul(small, ratio)));
  const [a, b] = [x.re, imaginary(x)];
  const numerators = [
    s.select(isRealLarger, s.add(a, s.mul(b, ratio)), s.add(s.mul(a, ratio), b)),
    s.select(isRealLarger, s.sub(b, s.mul(a, ratio)), s.sub(s.mul(b, ratio), a)),
  ] as const;
  return { re: s.div(numerators[0], scale), im: s.div(numerators[1], scale) };
}

/** `√(re² + im²)` without overflow. */
export function magnitude({ re, im }: Parts): Scalar {
  if (im === undefined) return s.abs(re);
  const [a, b] = [s.abs(re), s.abs(im)];
  const large = s.max(a, b);
  const ratio = s.div(s.min(a, b), large);
  const scaled = s.mul(large, s.sqrt(s.add(1, s.mul(ratio, ratio))));
  const isInfinite = s.or(s.eq(a, Infinity), s.eq(b, Infinity));
  return s.select(isInfinite, Infinity, s.select(s.eq(large, 0), large, scaled));
}

export const phase = (x: Parts): Scalar => s.atan2(imaginary(x), x.re);

/** Whether the sign bit is set, also of -0. */
const isNegative = (x: Scalar): Scalar => s.or(s.lt(x, 0), s.and(s.eq(x, 0), s.lt(s.div(1, x), 0)));

const withSignOf = (size: Scalar, x: Scalar): Scalar => s.select(isNegative(x), s.neg(size), size);

function sqrt(x: Parts): Parts {
  const [a, b] = [x.re, imaginary(x)];
  const half = s.add(s.mul(s.abs(a), 0.5), s.mul(magnitude(x), 0.5));
  const root = s.sqrt(half);
  const other = s.div(s.abs(b), s.mul(root, 2));
  const zero = constant(0, a.dtype);
  const safe = s.select(s.eq(root, 0), zero, other);
  const isRight = s.not(s.lt(a, 0));
  const isInfinite = s.eq(s.abs(b), Infinity);
  const re = s.select(isRight, root, safe);
  const im = s.select(isRight, safe, root);
  return {
    re: s.select(isInfinite, Infinity, re),
    im: s.select(isInfinite, b, withSignOf(im, b)),
  };
}

/** `e^re · (cos im, sin im)`; real arguments stay real. */
function exp({ re, im }: Parts): Parts {
  const size = s.exp(re);
  if (im === undefined) return { re: size };
  return {
    re: s.select(s.eq(im, 0), size, s.mul(size, s.cos(im))),
    im: s.select(s.eq(im, 0), im, s.mul(size, s.sin(im))),
  };
}

function expm1({ re, im }: Parts): Parts {
  if (im === undefined) return { re: s.expm1(re) };
  const half = s.sin(s.mul(im, 0.5));
  const rest = s.mul(2, s.mul(half, half));
  return {
    re: s.sub(s.mul(s.expm1(re), s.cos(im)), rest),
    im: s.mul(s.exp(re), s.sin(im)),
  };
}

const log = (x: Parts): Parts => ({ re: s.log(magnitude(x)), im: phase(x) });

/** `log|1 + x|` from `|1 + x|² - 1`, which is exact near 0; far from it `log` is as good. */
function log1p(x: Parts): Parts {
  const [a, b] = [x.re, imaginary(x)];
  const square = s.add(s.mul(a, s.add(a, 2)), s.mul(b, b));
  const shifted = { re: s.add(a, 1), im: b };
  const isNear = s.lt(s.abs(square), 0.5);
  return {
    re: s.select(isNear, s.mul(s.log1p(square), 0.5), s.log(magnitude(shifted))),
    im: phase(shifted),
  };
}

const sinh = (x: Parts): Parts => ({
  re: s.mul(s.sinh(x.re), s.cos(imaginary(x))),
  im: s.mul(s.cosh(x.re), s.sin(imaginary(x))),
});

const cosh = (x: Parts): Parts => ({
  re: s.mul(s.cosh(x.re), s.cos(imaginary(x))),
  im: s.mul(s.sinh(x.re), s.sin(imaginary(x))),
});

/** From here on `cosh² x` is `sinh² x` to all digits, and may overflow. */
const flat = 20;

/** Kahan's: through tan of the imaginary part; far out it is ±1. */
function tanh(x: Parts): Parts {
  const [a, b] = [x.re, imaginary(x)];
  const tangent = s.tan(b);
  const beta = s.add(1, s.mul(tangent, tangent));
  const sine = s.sinh(s.max(s.min(a, flat), -flat));
  const rho = s.sqrt(s.add(1, s.mul(sine, sine)));
  const scale = s.add(1, s.mul(beta, s.mul(sine, sine)));
  const isFar = s.gt(s.abs(a), flat);
  const decay = s.exp(s.mul(s.abs(a), -2));
  const rest = s.mul(4, s.mul(s.mul(s.sin(b), s.cos(b)), decay));
  return {
    re: s.select(isFar, withSignOf(constant(1, a.dtype), a), s.div(s.mul(beta, s.mul(rho, sine)), scale)), // prettier-ignore
    im: s.select(isFar, rest, s.div(tangent, scale)),
  };
}

/** `i·x` and `-i·x`: what circular functions share with hyperbolic ones. */
const turned = (x: Parts): Parts => ({ re: s.neg(imaginary(x)), im: x.re });
const turnedBack = (x: Parts): Parts => ({ re: imaginary(x), im: s.neg(x.re) });

const circular =
  (hyperbolic: (x: Parts) => Parts) =>
  (x: Parts): Parts =>
    turnedBack(hyperbolic(turned(x)));

const onePlus = (x: Parts): Parts => ({ re: s.add(1, x.re), im: imaginary(x) });
const oneMinus = (x: Parts): Parts => ({ re: s.sub(1, x.re), im: s.neg(imaginary(x)) });

function asin(x: Parts): Parts {
  const [below, above] = [sqrt(oneMinus(x)), sqrt(onePlus(x))];
  return {
    re: s.atan2(x.re, mul(below, above).re),
    im: s.asinh(imaginary(mul(conj(below), above))),
  };
}

function acos(x: Parts): Parts {
  const [below, above] = [sqrt(oneMinus(x)), sqrt(onePlus(x))];
  return {
    re: s.mul(2, s.atan2(below.re, above.re)),
    im: s.asinh(imaginary(mul(conj(above), below))),
  };
}

function acosh(x: Parts): Parts {
  const below = sqrt({ re: s.sub(x.re, 1), im: imaginary(x) });
  const above = sqrt(onePlus(x));
  return {
    re: s.asinh(mul(conj(below), above).re),
    im: s.mul(2, s.atan2(imaginary(below), above.re)),
  };
}

function atanh(x: Parts): Parts {
  const [a, b] = [x.re, imaginary(x)];
  const square = s.mul(b, b);
  const distance = s.add(s.mul(s.sub(1, a), s.sub(1, a)), square);
  const across = s.sub(s.mul(s.sub(1, a), s.add(1, a)), square);
  return {
    re: s.mul(0.25, s.log1p(s.div(s.mul(4, a), distance))),
    im: s.mul(0.5, s.atan2(s.mul(2, b), across)),
  };
}

const one = (like: Parts): Parts => ({ re: constant(1, like.re.dtype) });

/** Small powers are products; others `e^(y log x)`, where 0 to a positive power is 0. */
function pow(x: Parts, y: Parts): Parts {
  if (y.im === undefined && y.re.op === "const") {
    switch (y.re.value) {
      case 0:
        return one(x);
      case 1:
        return x;
      case 2:
        return mul(x, x);
      case 3:
        return mul(mul(x, x), x);
      case 0.5:
        return sqrt(x);
      case -1:
        return div(one(x), x);
    }
  }
  const power = exp(mul(y, log(x)));
  const isZero = s.and(s.eq(x.re, 0), s.eq(imaginary(x), 0));
  const isFlat = s.and(s.eq(y.re, 0), s.eq(imaginary(y), 0));
  const zero = constant(0, x.re.dtype);
  const plain = (part: Scalar): Scalar => s.select(s.and(isZero, s.gt(y.re, 0)), zero, part);
  return {
    re: s.select(isFlat, 1, plain(power.re)),
    im: s.select(isFlat, zero, plain(imaginary(power))),
  };
}

const truthy = ({ re, im }: Parts): Scalar =>
  im === undefined ? s.ne(re, 0) : s.or(s.ne(re, 0), s.ne(im, 0));

type Row = (x: Parts, y: Parts) => Parts;

/** Comparisons and `abs` give real values. */
export const complexTable = {
  add,
  sub,
  mul,
  div,
  pow,
  neg,
  sqrt,
  exp,
  expm1,
  log,
  log1p,
  sinh,
  cosh,
  tanh,
  asin,
  acos,
  acosh,
  atanh,
  sin: circular(sinh),
  cos: (x) => cosh(turned(x)),
  tan: circular(tanh),
  atan: circular(atanh),
  asinh: circular(asin),
  abs: (x) => ({ re: magnitude(x) }),
  eq: (x, y) => ({ re: s.and(s.eq(x.re, y.re), s.eq(imaginary(x), imaginary(y))) }),
  ne: (x, y) => ({ re: s.or(s.ne(x.re, y.re), s.ne(imaginary(x), imaginary(y))) }),
  and: (x, y) => ({ re: s.and(truthy(x), truthy(y)) }),
  or: (x, y) => ({ re: s.or(truthy(x), truthy(y)) }),
  not: (x) => ({ re: s.not(truthy(x)) }),
} satisfies { readonly [op: string]: Row };

export const complexTruth = truthy;
