// Reductions over any axes: sum, product, extremes, truth, moments. Positions of extremes are in
// argument-reduction.ts.
import { apply } from "../apply.ts";
import type { ReduceKernel, State } from "../compiler/kernel.ts";
import { type DType, isComplex, isContinuous } from "../dtype.ts";
import { DTypeError } from "../errors.ts";
import type { GradientContext, Operation } from "../operation.ts";
import { type Scalar, leaf, s } from "../scalar/instruction.ts";
import { type Shape, normalizeAxes, sameShape, sizeOf } from "../shape.ts";
import { type Tensor } from "../tensor.ts";
import { add, div, eq, mul, sub, where } from "./arithmetic.ts";
import { cast } from "./cast.ts";
import { conj, imag, real } from "./complex.ts";
import { type Op, type Sample, composite, expose, kinked, primitive } from "./define.ts";
import { sqrt } from "./math.ts";
import {
  type Axes, type ReduceAttributes, type ReduceOptions, batchReduction, boundOf, keptShape, loops,
  outputShape, reductionSamples, requireElements,
} from "./reduction-core.ts"; // prettier-ignore
import { expand, reshape } from "./view.ts";
import { inFloat32 } from "./widen.ts";

interface Fold {
  readonly name: string;
  /** dtype of the result. */
  readonly dtype: (x: DType) => DType;
  readonly initial: (dtype: DType) => number | bigint;
  /** Joins two values of the result's dtype. */
  readonly join: (x: Scalar, y: Scalar) => Scalar;
  /** What an element contributes. Default: itself, cast. */
  readonly element?: (x: Scalar, dtype: DType) => Scalar;
  /** Whether folding nothing is an error. */
  readonly needsElements?: boolean;
  readonly saves?: Operation<ReduceAttributes>["saves"];
  readonly gradient?: (context: GradientContext<ReduceAttributes>) => Tensor;
}

/** A reduction with one value as its state. */
function fold(rule: Fold): Operation<ReduceAttributes> {
  return primitive<ReduceAttributes>({
    name: rule.name,
    infer([x], attributes) {
      const { shape, dtype } = x!;
      if (rule.needsElements) requireElements(rule.name, shape, attributes.axes);
      return [{ shape: outputShape(shape, attributes), dtype: rule.dtype(dtype) }];
    },
    lower([x], { axes }, [output]): ReduceKernel {
      const loop = loops(x!, axes, output!);
      const { dtype } = loop;
      const loaded = leaf("load", 0, x!.dtype);
      const element = rule.element?.(loaded, dtype) ?? s.cast(loaded, dtype);
      const state = leaf("state", 0, dtype);
      const states: State[] = [
        {
          dtype,
          initial: rule.initial(dtype),
          step: rule.join(state, element),
          merge: rule.join(state, leaf("other", 0, dtype)),
        },
      ];
      const store = { operand: 0, dtype, offset: 0, strides: loop.storeStrides, value: state };
      return {
        kind: "reduce",
        axes: loop.axes,
        reduced: loop.reduced,
        loads: [loop.load],
        params: [],
        states,
        stores: [store],
      };
    },
    batch: batchReduction,
    ...(rule.saves && { saves: rule.saves }),
    ...(rule.gradient && { gradient: (context) => [rule.gradient!(context)] }),
  });
}

/** A gradient (or result) of the reduced shape, as a view of the input's shape. */
function spreadBack(reduced: Tensor, shape: Shape, axes: readonly number[]): Tensor {
  return expand(reshape(reduced, keptShape(shape, axes)), shape);
}

const widened = (dtype: DType): DType => (isContinuous(dtype) ? dtype : "int64");

const sumOperation = /* @__PURE__ */ fold({
  name: "sum",
  dtype: widened,
  initial: () => 0,
  join: s.add,
  gradient: ({ grads, inputs, attributes: { axes } }) =>
    spreadBack(grads[0]!, inputs[0]!.shape, axes),
});

const saveBoth = () => ({ inputs: [0], outputs: [0] });

const prodOperation = /* @__PURE__ */ fold({
  name: "prod",
  dtype: widened,
  initial: () => 1,
  join: s.mul,
  saves: () => ({ inputs: [0] }),
  gradient(context) {
    const { axes } = context.attributes;
    const x = context.input(0);
    const grad = spreadBack(context.grads[0]!, x.shape, axes);
    return axes.length === 0 ? grad : mul(grad, conj(productOfOthers(x, axes)));
  },
});

/** Each element's product of all the others, without dividing, so that zeros are right. */
function productOfOthers(x: Tensor, axes: readonly number[]): Tensor {
  let result: Tensor | undefined;
  let rest = x;
  // One axis at a time: the others along it, times the full products along the later axes.
  for (const axis of axes) {
    const others = othersAlong(rest, axis);
    result = result === undefined ? others : mul(result, others);
    rest = prod(rest, axis, { keepDims: true });
  }
  return result!;
}

/** [.., n, ..] → product over the other n - 1 positions of the axis. */
function othersAlong(x: Tensor, axis: number): Tensor {
  const n = x.shape[axis]!;
  const grid = [...x.shape.slice(0, axis), n, n, ...x.shape.slice(axis + 1)];
  const spread = expand(reshape(x, [...x.shape.slice(0, axis), 1, ...x.shape.slice(axis)]), grid);
  const eye = diagonalMask(n, x);
  const shaped = reshape(eye, [n, n, ...x.shape.slice(axis + 1).map(() => 1)]);
  return prod(where(shaped, 1, spread), axis + 1);
}

const extreme = (
  name: string,
  join: (x: Scalar, y: Scalar) => Scalar,
  sign: 1 | -1,
): Operation<ReduceAttributes> =>
  fold({
    name,
    dtype: (dtype) => dtype,
    initial: (dtype) => boundOf(dtype, sign),
    join,
    needsElements: true,
    saves: saveBoth,
    gradient(context) {
      // PyTorch's amax and amin: tied elements share the gradient equally.
      const { axes } = context.attributes;
      const grad = context.grads[0]!;
      const x = context.input(0);
      const isBest = eq(x, spreadBack(context.output(0), x.shape, axes));
      const share = spreadBack(sum(cast(isBest, grad.dtype), axes), x.shape, axes);
      return where(isBest, div(spreadBack(grad, x.shape, axes), share), 0);
    },
  });

const amaxOperation = /* @__PURE__ */ extreme("amax", s.max, -1);
const aminOperation = /* @__PURE__ */ extreme("amin", s.min, 1);

const truth = (name: string, join: (x: Scalar, y: Scalar) => Scalar, initial: number) =>
  fold({ name, dtype: () => "bool", initial: () => initial, join, element: (x) => s.truthy(x) });

const anyOperation = /* @__PURE__ */ truth("any", s.or, 0);
const allOperation = /* @__PURE__ */ truth("all", s.and, 1);

type Reduction = (x: Tensor, axes?: Axes, options?: ReduceOptions) => Tensor;

const reduction =
  (operation: Operation<ReduceAttributes>): Reduction =>
  (x, axes, { keepDims = false } = {}) =>
    apply(operation, [x], { axes: normalizeAxes(operation.name, axes, x.ndim), keepDims })[0]!;

const emptySample: Sample = (make) => [make([0, 3]), 0];
const tested = { samples: reductionSamples };
const testedTies = { ...tested, skips: kinked };
const testedEmpty = { samples: [...reductionSamples, emptySample] };

/** Sum over `axes` (all by default). Integers and bools sum in int64. */
export const sum = /* @__PURE__ */ expose(sumOperation, reduction(sumOperation), testedEmpty);
/** Product over `axes`. Integers and bools multiply in int64. */
export const prod = /* @__PURE__ */ expose(prodOperation, reduction(prodOperation), testedEmpty);
/** Largest element over `axes`; ties share the gradient. */
export const amax = /* @__PURE__ */ expose(amaxOperation, reduction(amaxOperation), testedTies);
/** Smallest element over `axes`; ties share the gradient. */
export const amin = /* @__PURE__ */ expose(aminOperation, reduction(aminOperation), testedTies);
/** Whether any element is non-zero. */
export const any = /* @__PURE__ */ expose(anyOperation, reduction(anyOperation), testedEmpty);
/** Whether all elements are non-zero. */
export const all = /* @__PURE__ */ expose(allOperation, reduction(allOperation), testedEmpty);

/** Sums a broadcast gradient back to the shape that was broadcast. */
export function sumTo(x: Tensor, shape: Shape): Tensor {
  if (sameShape(x.shape, shape)) return x;
  const shift = x.ndim - shape.length;
  const axes: number[] = [];
  for (let axis = 0; axis < x.ndim; axis++) {
    if (axis < shift || (shape[axis - shift] === 1 && x.shape[axis] !== 1)) axes.push(axis);
  }
  // Where only leading axes go, as those of a bias do, what is left has the shape already.
  return axes.length === shift ? sum(x, axes) : reshape(sum(x, axes, { keepDims: true }), shape);
}

/** The n×n identity as bool, on the device of `like`. */
function diagonalMask(n: number, like: Tensor): Tensor {
  return apply(maskOperation, [like], { n })[0]!;
}

const maskOperation = /* @__PURE__ */ primitive<{ n: number }>({
  name: "diagonalMask",
  infer: (_, { n }) => [{ shape: [n, n], dtype: "bool" }],
  lower: (_, { n }) => ({
    kind: "map",
    axes: [n, n],
    loads: [],
    params: [],
    stores: [
      {
        operand: 0,
        dtype: "bool",
        offset: 0,
        strides: [n, 1],
        value: s.eq(leaf("index", 0, "int32"), leaf("index", 1, "int32")),
      },
    ],
  }),
});

const floats: readonly DType[] = ["float32", "float64"];

function requireFloat(name: string, x: Tensor): void {
  if (isContinuous(x.dtype)) return;
  throw new DTypeError(`${name}: expected a float dtype, got ${x.dtype}. Cast with to("float32").`);
}

const continuous: readonly DType[] = [...floats, "complex64", "complex128"];

const countOver = (x: Tensor, axes: Axes | undefined, name: string): number =>
  sizeOf(normalizeAxes(name, axes, x.ndim).map((axis) => x.shape[axis]!));

/** Arithmetic mean over `axes`; of nothing, NaN. */
export const mean = /* @__PURE__ */ composite(
  "mean",
  (x: Tensor, axes?: Axes, options?: ReduceOptions): Tensor => {
    requireFloat("mean", x);
    return div(sum(x, axes, options), countOver(x, axes, "mean"));
  },
  { ...testedEmpty, dtypes: continuous, inFloat32 },
);

export interface VarianceOptions extends ReduceOptions {
  /** Subtracted from the count: 1 (default) for samples, 0 for populations. */
  readonly correction?: number;
}

type Variance = (x: Tensor, axes?: Axes, options?: VarianceOptions) => Tensor;

/** Variance over `axes`, with Bessel's correction by default. */
export const variance: Op<Variance> = /* @__PURE__ */ composite(
  "var",
  (x: Tensor, axes?: Axes, { correction = 1, keepDims = false }: VarianceOptions = {}): Tensor => {
    requireFloat("var", x);
    if (isComplex(x.dtype)) {
      const options = { correction, keepDims };
      return add(variance(real(x), axes, options), variance(imag(x), axes, options));
    }
    const centre = mean(x, axes, { keepDims: true });
    const deviation = sub(x, centre);
    const count = countOver(x, axes, "var");
    const squares = sum(mul(deviation, deviation), axes, { keepDims });
    // The centre is rounded: what the deviations still sum to is taken out again.
    const rest = sum(deviation, axes, { keepDims });
    return div(sub(squares, div(mul(rest, rest), count)), Math.max(count - correction, 0));
  },
  {
    samples: [
      (make) => [make([2, 3])],
      (make) => [make([4, 3]), 0, { correction: 0 }],
      (make) => [make([2, 3, 2]), [0, 2], { keepDims: true }],
    ],
    dtypes: continuous,
    inFloat32,
  },
);

/** Standard deviation over `axes`, with Bessel's correction by default. */
export const std = /* @__PURE__ */ composite(
  "std",
  (x: Tensor, axes?: Axes, options?: VarianceOptions): Tensor => sqrt(variance(x, axes, options)),
  {
    samples: [(make) => [make([2, 3])], (make) => [make([4, 3]), 0, { correction: 0 }]],
    dtypes: continuous,
    inFloat32,
  },
);
