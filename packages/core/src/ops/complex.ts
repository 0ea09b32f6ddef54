// Complex numbers: made of parts and taken apart, conjugates, angles. Parts are views, so that they
// cost nothing. Arithmetic is that of the other elementwise ops.
import { apply } from "../apply.ts";
import { contiguousStore } from "../compiler/lower.ts";
import type { MapKernel } from "../compiler/kernel.ts";
import { type DType, complexDType, isComplex, realDType } from "../dtype.ts";
import { DTypeError, ShapeError, showShape } from "../errors.ts";
import type { Operation } from "../operation.ts";
import { type Scalar, constant, leaf, s } from "../scalar/instruction.ts";
import { layoutOf } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { sign } from "./arithmetic.ts";
import { cast } from "./cast.ts";
import { zerosLike } from "./creation.ts";
import { type Op, attach, expose, primitive } from "./define.ts";
import { binary, unary } from "./elementwise.ts";

const complexes: readonly DType[] = ["complex64", "complex128"];
const floats: readonly DType[] = ["float32", "float64"];

const noParts = "expected floats, which become the parts of complex numbers; cast with to(…).";

function requireFloats(name: string, ...tensors: readonly Tensor[]): void {
  for (const { dtype } of tensors) {
    if (dtype === "float32" || dtype === "float64") continue;
    throw new DTypeError(`${name}: ${noParts} Got ${dtype}.`);
  }
}

const joined = /* @__PURE__ */ binary("complex", (re, im) => s.complex(re, im), { dtypes: floats });

/** Complex numbers of real and imaginary parts, both float32 or float64. */
export const complex: Op<(re: Tensor, im: Tensor) => Tensor> = /* @__PURE__ */ attach(
  (re: Tensor, im: Tensor): Tensor => {
    requireFloats("complex", re, im);
    return joined(re, im);
  },
  { ...joined.definition, samples: joined.definition.samples.slice(0, 4) },
);

const ofPolar = /* @__PURE__ */ binary(
  "polar",
  (size, angle) => s.complex(s.mul(size, s.cos(angle)), s.mul(size, s.sin(angle))),
  { dtypes: floats },
);

/** Complex numbers of their absolute values and angles. */
export const polar: Op<(abs: Tensor, angle: Tensor) => Tensor> = /* @__PURE__ */ attach(
  (size: Tensor, angle: Tensor): Tensor => {
    requireFloats("polar", size, angle);
    return ofPolar(size, angle);
  },
  { ...ofPolar.definition, samples: ofPolar.definition.samples.slice(0, 4) },
);

const conjugate = /* @__PURE__ */ unary("conj", s.conj, { dtypes: complexes });

/** The complex conjugate; a real tensor as it is. */
export const conj: Op<(x: Tensor) => Tensor> = /* @__PURE__ */ attach(
  (x: Tensor): Tensor => (isComplex(x.dtype) ? conjugate(x) : x),
  conjugate.definition,
);

/** The angle of each number in the plane, in radians; of a real one 0 or π, and NaN of NaN. */
export const angle = /* @__PURE__ */ unary(
  "angle",
  (x) => {
    if (isComplex(x.dtype)) return s.atan2(s.imag(x), s.real(x));
    const turned = s.select(s.lt(x, 0), constant(Math.PI, x.dtype), constant(0, x.dtype));
    return s.select(s.isNaN(x), x, turned);
  },
  {
    promotion: "float",
    dtypes: [...floats, "int32", "bool"],
    gradient: () => [undefined],
    complexGradient([z], _, grad) {
      // d atan2 = (re · d im - im · d re) / |z|²
      const [re, im] = [s.real(z!), s.imag(z!)];
      const square = s.add(s.mul(re, re), s.mul(im, im));
      const isZero = s.eq(square, 0);
      const along = (part: Scalar): Scalar =>
        s.select(isZero, constant(0, re.dtype), s.mul(grad, s.div(part, square)));
      return [s.complex(along(s.neg(im)), along(re))];
    },
  },
);

const direction = /* @__PURE__ */ unary(
  "sgn",
  (z) => {
    const size = s.abs(z);
    return s.select(s.eq(size, 0), constant(0, z.dtype), s.div(z, s.cast(size, z.dtype)));
  },
  {
    dtypes: complexes,
    // What changes the absolute value alone is taken out of the gradient.
    complexGradient([z], unit, grad) {
      const size = s.cast(s.abs(z!), z!.dtype);
      const along = s.cast(s.real(s.mul(grad, s.conj(unit))), z!.dtype);
      const across = s.div(s.sub(grad, s.mul(along, unit)), size);
      return [s.select(s.eq(s.abs(z!), 0), constant(0, z!.dtype), across)];
    },
  },
);

/** The sign of real numbers; of complex ones `z / |z|`, and 0 of 0. */
export const sgn: Op<(x: Tensor) => Tensor> = /* @__PURE__ */ attach(
  (x: Tensor): Tensor => (isComplex(x.dtype) ? direction(x) : sign(x)),
  sign.definition,
);

function requireComplex(name: string, x: Tensor): void {
  if (isComplex(x.dtype)) return;
  throw new DTypeError(`${name}: expected complex numbers, got ${x.dtype}. Make them with complex(re, im).`); // prettier-ignore
}

const twice = (stride: number): number => 2 * stride;

/** A part of every number, as a view on the pairs. */
function partOperation(
  name: "real" | "imag",
  gradient: (grad: Tensor) => Tensor,
): Operation<Record<string, never>> {
  const position = name === "real" ? 0 : 1;
  return primitive({
    name,
    traits: { isView: true },
    infer: ([x]) => [{ shape: x!.shape, dtype: realDType(x!.dtype) }],
    view: ({ shape, strides }, offset) => ({
      layout: layoutOf(shape, strides.map(twice)),
      offset: 2 * offset + position,
    }),
    lower([x]) {
      const { shape, dtype, layout } = x!;
      const load = { operand: 0, dtype, offset: 0, strides: layout.strides };
      const value = s[name](leaf("load", 0, dtype));
      return { kind: "map", axes: shape, loads: [load], params: [], stores: [contiguousStore(shape, value)] }; // prettier-ignore
    },
    gradient: ({ grads }) => [gradient(grads[0]!)],
    batch: ([x]) => [(name === "real" ? real : imag)(x!.value as Tensor)],
  });
}

const realOperation = /* @__PURE__ */ partOperation("real", (grad) =>
  cast(grad, complexDType(grad.dtype)),
);
const imagOperation = /* @__PURE__ */ partOperation("imag", (grad) =>
  complex(zerosLike(grad), grad),
);

/** The real parts, as a view; a real tensor as it is. */
export const real = /* @__PURE__ */ expose(
  realOperation,
  (x: Tensor): Tensor => (isComplex(x.dtype) ? apply(realOperation, [x], {})[0]! : x),
  { samples: [(make) => [make([2, 3])]], dtypes: complexes },
);

/** The imaginary parts, as a view. Real tensors are refused. */
export const imag = /* @__PURE__ */ expose(
  imagOperation,
  (x: Tensor): Tensor => {
    requireComplex("imag", x);
    return apply(imagOperation, [x], {})[0]!;
  },
  { samples: [(make) => [make([2, 3])]], dtypes: complexes },
);

const asRealOperation: Operation<Record<string, never>> = /* @__PURE__ */ primitive({
  name: "viewAsReal",
  traits: { isView: true },
  infer: ([x]) => [{ shape: [...x!.shape, 2], dtype: realDType(x!.dtype) }],
  view: ({ shape, strides }, offset) => ({
    layout: layoutOf([...shape, 2], [...strides.map(twice), 1]),
    offset: 2 * offset,
  }),
  lower([x]): MapKernel {
    const axes = [...x!.shape, 2];
    const load = { operand: 0, dtype: x!.dtype, offset: 0, strides: [...x!.layout.strides, 0] };
    const z = leaf("load", 0, x!.dtype);
    const isFirst = s.eq(leaf("index", axes.length - 1, "int32"), 0);
    const value = s.select(isFirst, s.real(z), s.imag(z));
    return { kind: "map", axes, loads: [load], params: [], stores: [contiguousStore(axes, value)] };
  },
  gradient: ({ grads }) => [viewAsComplex(grads[0]!)],
  batch: ([x]) => [viewAsReal(x!.value as Tensor)],
});

/** Complex numbers as pairs of floats along a new last axis, as a view. `torch.view_as_real`. */
export const viewAsReal = /* @__PURE__ */ expose(
  asRealOperation,
  (x: Tensor): Tensor => {
    requireComplex("viewAsReal", x);
    return apply(asRealOperation, [x], {})[0]!;
  },
  { samples: [(make) => [make([2, 3])], (make) => [make([])]], dtypes: complexes },
);

const asComplexOperation: Operation<Record<string, never>> = /* @__PURE__ */ primitive({
  name: "viewAsComplex",
  traits: { isView: true },
  infer: ([x]) => [{ shape: x!.shape.slice(0, -1), dtype: complexDType(x!.dtype) }],
  view({ shape, strides }, offset) {
    const outer = strides.slice(0, -1);
    if (strides.at(-1) !== 1 || offset % 2 !== 0 || outer.some((stride) => stride % 2 !== 0))
      return;
    const halved = outer.map((stride) => stride / 2);
    return { layout: layoutOf(shape.slice(0, -1), halved), offset: offset / 2 };
  },
  lower([x]): MapKernel {
    const { shape, dtype, layout } = x!;
    const axes = shape.slice(0, -1);
    const strides = layout.strides.slice(0, -1);
    const step = layout.strides.at(-1)!;
    const loads = [0, step].map((from) => ({ operand: 0, dtype, offset: from, strides }));
    const value = s.complex(leaf("load", 0, dtype), leaf("load", 1, dtype));
    return { kind: "map", axes, loads, params: [], stores: [contiguousStore(axes, value)] };
  },
  gradient: ({ grads }) => [viewAsReal(grads[0]!)],
  batch: ([x]) => [viewAsComplex(x!.value as Tensor)],
});

/** Pairs of floats along the last axis as complex numbers. `torch.view_as_complex`. */
export const viewAsComplex = /* @__PURE__ */ expose(
  asComplexOperation,
  (x: Tensor): Tensor => {
    requireFloats("viewAsComplex", x);
    if (x.shape.at(-1) !== 2) {
      throw new ShapeError(
        `viewAsComplex: the last axis holds real and imaginary part, so its size is 2; got shape ` +
          `${showShape(x.shape)}.`,
      );
    }
    return apply(asComplexOperation, [x], {})[0]!;
  },
  { samples: [(make) => [make([3, 2])], (make) => [make([2])]], dtypes: floats },
);
