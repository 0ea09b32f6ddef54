// Softmax and its relatives: along rows, without overflow. Losses built on them are in loss.ts.
import { apply } from "../apply.ts";
import { customFunction } from "../autograd/function.ts";
import { foldLoops, foldedShape } from "../compiler/fold.ts";
import type { ReduceKernel, State } from "../compiler/kernel.ts";
import { type DType, isFloat, requireReal } from "../dtype.ts";
import { DTypeError } from "../errors.ts";
import type { OperandDescription, Operation } from "../operation.ts";
import { type Scalar, constant, leaf, s } from "../scalar/instruction.ts";
import { normalizeAxes, normalizeAxis } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { neg } from "./arithmetic.ts";
import { cast } from "./cast.ts";
import { type Op, composite, expose, primitive } from "./define.ts";
import { ternary } from "./elementwise.ts";
import { type Axes, type ReduceOptions } from "./reduction-core.ts";
import { sum } from "./reduction.ts";
import { sumProduct } from "./sum-product.ts";
import { reshape } from "./view.ts";
import { inFloat32 } from "./widen.ts";

interface RowAttributes {
  readonly [name: string]: readonly number[];
  /** Sorted and distinct; they stay with length 1. */
  readonly axes: readonly number[];
}

/**
 * One pass over each row: its maximum m and `Σ exp(x - m)`. A new maximum scales the sum so far; one
 * exponential per element serves both cases. @internal
 */
export function exponentialStates(dtype: DType, x = leaf("load", 0, dtype)): [State, State] {
  const [max, sum] = [leaf("state", 0, dtype), leaf("state", 1, dtype)];
  const [otherMax, otherSum] = [leaf("other", 0, dtype), leaf("other", 1, dtype)];
  // Equal infinities are at distance 0.
  const factor = (from: Scalar, to: Scalar) =>
    s.select(s.eq(from, to), 1, s.exp(s.neg(s.abs(s.sub(from, to)))));
  const e = factor(x, max);
  const both = s.max(max, otherMax);
  return [
    { dtype, initial: -Infinity, step: s.max(max, x), merge: both },
    {
      dtype,
      initial: 0,
      step: s.select(s.le(x, max), s.add(sum, e), s.add(s.mul(sum, e), 1)),
      merge: s.add(s.mul(sum, factor(max, both)), s.mul(otherSum, factor(otherMax, both))),
    },
  ];
}

function rowKernel(
  x: OperandDescription,
  axes: readonly number[],
  values: (max: Scalar, sum: Scalar) => readonly Scalar[],
): ReduceKernel {
  const loops = foldLoops(x.shape, axes);
  const { dtype } = x;
  const results = values(leaf("state", 0, dtype), leaf("state", 1, dtype));
  return {
    kind: "reduce",
    axes: loops.axes,
    reduced: loops.reduced,
    loads: [loops.load(0, x)],
    params: [],
    states: exponentialStates(dtype),
    stores: results.map((value, operand) => ({
      operand,
      dtype,
      offset: 0,
      strides: loops.storeStrides,
      value,
    })),
  };
}

// m - m is 0, but NaN for an infinite maximum, whose row has no softmax.
const spoil = (max: Scalar, value: Scalar): Scalar => s.add(value, s.sub(max, max));

/** The statistics that a row of softmax needs: its maximum, and one of the sum. */
const statistics = (
  name: string,
  ofSum: (sum: Scalar) => Scalar,
): ((x: Tensor, axes: readonly number[]) => [Tensor, Tensor]) => {
  const operation: Operation<RowAttributes> = primitive({
    name,
    infer: ([x], { axes }) => {
      const shape = foldedShape(x!.shape, axes);
      return [
        { shape, dtype: x!.dtype },
        { shape, dtype: x!.dtype },
      ];
    },
    lower: ([x], { axes }) => rowKernel(x!, axes, (max, sum) => [max, spoil(max, ofSum(sum))]),
  });
  return (x, axes) => apply(operation, [x], { axes }) as [Tensor, Tensor];
};

/** Each row's maximum m and `Σ exp(x - m)`. */
const maxAndSum = /* @__PURE__ */ statistics("softmaxRows", (sum) => sum);
/** Each row's maximum m and `log Σ exp(x - m)`. No gradient: for use in forwards. @internal */
export const maxAndLogSum = /* @__PURE__ */ statistics("logSoftmaxRows", s.log);

const float = { promotion: "float" } as const;
const expRatio = /* @__PURE__ */ ternary(
  "softmax",
  (x, max, sum) => s.div(s.exp(s.sub(x, max)), sum),
  float,
);
const logRatio = /* @__PURE__ */ ternary(
  "logSoftmax",
  (x, max, logSum) => s.sub(s.sub(x, max), logSum),
  float,
);
/** `y · (grad - inner)`. */
const softmaxGradient = /* @__PURE__ */ ternary("softmaxGradient", (y, grad, inner) =>
  s.mul(y, s.sub(grad, inner)),
);
/** `grad - exp(y) · total`. */
const logSoftmaxGradient = /* @__PURE__ */ ternary("logSoftmaxGradient", (y, grad, total) =>
  s.sub(grad, s.mul(s.exp(y), total)),
);

type Rows = (x: Tensor, axis: number) => Tensor;

const softmaxRows: Rows = /* @__PURE__ */ customFunction({
  name: "softmax",
  forward: (x: Tensor, axis: number) => {
    const y = expRatio(x, ...maxAndSum(x, [axis]));
    return { result: y, saved: { y, axis } };
  },
  backward: ({ y, axis }, grad) => [
    softmaxGradient(y, grad, sumProduct(grad, y, [axis])),
    undefined,
  ],
  batch: ([x, axis]) => softmaxRows(x!.value as Tensor, (axis!.value as number) + 1),
});

const logSoftmaxRows: Rows = /* @__PURE__ */ customFunction({
  name: "logSoftmax",
  forward: (x: Tensor, axis: number) => {
    const y = logRatio(x, ...maxAndLogSum(x, [axis]));
    return { result: y, saved: { y, axis } };
  },
  backward: ({ y, axis }, grad) => [
    logSoftmaxGradient(y, grad, sum(grad, axis, { keepDims: true })),
    undefined,
  ],
  batch: ([x, axis]) => logSoftmaxRows(x!.value as Tensor, (axis!.value as number) + 1),
});

export interface SoftmaxOptions {
  /** Converts the input first, for instance an integer one. */
  readonly dtype?: DType;
}

type Softmax = Op<(x: Tensor, axis: number, options?: SoftmaxOptions) => Tensor>;

function floatInput(name: string, x: Tensor, dtype: DType = x.dtype): Tensor {
  if (isFloat(dtype)) return cast(x, dtype);
  throw new DTypeError(
    `${name}: expected a float dtype, got ${dtype}. Pass { dtype: "float32" } to convert.`,
  );
}

const rowOp = (name: string, rows: (x: Tensor, axis: number) => Tensor): Softmax =>
  composite(
    name,
    (x: Tensor, axis: number, { dtype }: SoftmaxOptions = {}): Tensor => {
      const input = floatInput(name, x, dtype);
      return rows(input, normalizeAxis(name, axis, x.ndim));
    },
    {
      samples: [
        (make) => [make([2, 3]), 1],
        (make) => [make([2, 3, 4]), -2],
        (make) => [make([3]), 0, { dtype: "float64" }],
        (make) => [make([2, 0]), 1],
        (make) => [make([0, 3]), 1],
      ],
      dtypes: ["float32", "float64"],
      inFloat32,
    },
  );

/** A 0-d tensor is a row of one. */
const atLeastOne = (x: Tensor): Tensor => (x.ndim === 0 ? reshape(x, [1]) : x);

const onRows =
  (rows: (x: Tensor, axis: number) => Tensor) =>
  (x: Tensor, axis: number): Tensor =>
    reshape(rows(atLeastOne(x), axis), x.shape);

/** `exp(x) / Σ exp(x)` along `axis`. A row whose maximum is infinite gives NaN. */
export const softmax: Softmax = /* @__PURE__ */ rowOp("softmax", onRows(softmaxRows));

/** `log(softmax(x))` along `axis`, exact where the softmax underflows. */
export const logSoftmax: Softmax = /* @__PURE__ */ rowOp("logSoftmax", onRows(logSoftmaxRows));

/** `softmax(-x)` along `axis`. */
export const softmin: Softmax = /* @__PURE__ */ rowOp("softmin", (x, axis) =>
  onRows(softmaxRows)(neg(x), axis),
);

/** `grad · exp(x - y)`. */
const scaledExp = /* @__PURE__ */ ternary("logsumexpGradient", (grad, x, y) =>
  s.mul(grad, s.exp(s.sub(x, y))),
);

const logsumexpOperation: Operation<RowAttributes> = /* @__PURE__ */ primitive({
  name: "logsumexp",
  infer: ([x], { axes }) => [{ shape: foldedShape(x!.shape, axes), dtype: x!.dtype }],
  lower: ([x], { axes }) =>
    rowKernel(x!, axes, (max, sum) => {
      const isInfinite = s.eq(s.abs(max), constant(Infinity, max.dtype));
      return [s.select(isInfinite, max, s.add(max, s.log(sum)))];
    }),
  saves: () => ({ inputs: [0], outputs: [0] }),
  gradient: ({ grads, input, output }) => [scaledExp(grads[0]!, input(0), output(0))],
});

/** `log Σ exp(x)` over `axes`, without overflow. */
export const logsumexp = /* @__PURE__ */ expose(
  logsumexpOperation,
  (x: Tensor, axes: Axes, { keepDims = false }: ReduceOptions = {}): Tensor => {
    const folded = normalizeAxes("logsumexp", axes, x.ndim);
    requireReal("logsumexp", x.dtype);
    const input = isFloat(x.dtype) ? x : cast(x, "float32");
    const result = apply(logsumexpOperation, [input], { axes: folded })[0]!;
    if (keepDims) return result;
    return reshape(
      result,
      x.shape.filter((_, axis) => !folded.includes(axis)),
    );
  },
  {
    samples: [
      (make) => [make([2, 3]), 1],
      (make) => [make([2, 3, 4]), [0, 2], { keepDims: true }],
      (make) => [make([3, 2]), -2],
      (make) => [make([]), 0],
      (make) => [make([0, 3]), 0],
    ],
  },
);
