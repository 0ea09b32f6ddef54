// Softmax and its relatives: along rows, without overflow. Losses built on them are in loss.ts.
import { apply } from "../apply.ts";
import { type FoldLoops, foldLoops, foldedShape } from "../compiler/fold.ts";
import type { RowsKernel, Store } from "../compiler/kernel.ts";
import { type DType, isFloat, requireReal } from "../dtype.ts";
import { DTypeError } from "../errors.ts";
import type { OperandDescription, Operation } from "../operation.ts";
import { type Scalar, constant, leaf, s } from "../scalar/instruction.ts";
import { normalizeAxes, normalizeAxis } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { mul, neg, sub } from "./arithmetic.ts";
import { cast } from "./cast.ts";
import { type Op, composite, expose, primitive } from "./define.ts";
import { ternary } from "./elementwise.ts";
import { exp } from "./math.ts";
import { type Axes, type ReduceOptions } from "./reduction-core.ts";
import { sum, sumTo } from "./reduction.ts";
import { type RowAttributes, batchRows, largest, storesOf, summing } from "./row-core.ts";
import { reshape } from "./view.ts";
import { inFloat32 } from "./widen.ts";

/** Rows of one operand: its maximum m, then `Σ exp(x - m)`, are states 0 and 1. */
function exponentialRows(
  x: OperandDescription,
  axes: readonly number[],
  keepsExp: boolean,
  stores: (loops: FoldLoops, x: Scalar, max: Scalar, sum: Scalar) => Store[],
): RowsKernel {
  const loops = foldLoops(x.shape, axes);
  const { dtype } = x;
  const [value, max] = [leaf("load", 0, dtype), leaf("state", 0, dtype)];
  const e = s.exp(s.sub(value, max));
  return {
    kind: "rows",
    axes: loops.axes,
    row: loops.reduced,
    loads: [loops.load(0, x)],
    params: [],
    stages: [
      { kept: [], states: [largest(0, value)] },
      keepsExp
        ? { kept: [e], states: [summing(1, leaf("kept", 0, dtype))] }
        : { kept: [], states: [summing(1, e)] },
    ],
    stores: stores(loops, value, max, leaf("state", 1, dtype)),
  };
}

const sameAsFirst: Operation["infer"] = ([x]) => [{ shape: x!.shape, dtype: x!.dtype }];

interface GradientAttributes extends RowAttributes {
  readonly scale: number;
}

/** `scale · y · (grad - Σ grad · y)` of a softmax y. */
const softmaxGradientOperation = /* @__PURE__ */ primitive<GradientAttributes>({
  name: "softmaxGradient",
  infer: sameAsFirst,
  lower([y, grad], { axes, scale }): RowsKernel {
    const { shape, dtype } = y!;
    const loops = foldLoops(shape, axes);
    const [value, upstream] = [leaf("load", 0, dtype), leaf("load", 1, dtype)];
    const slope = s.mul(value, s.sub(upstream, leaf("state", 0, dtype)));
    return {
      kind: "rows",
      axes: loops.axes,
      row: loops.reduced,
      loads: [loops.load(0, y!), loops.load(1, grad!)],
      params: [],
      stages: [{ kept: [], states: [summing(0, s.mul(upstream, value))] }],
      stores: storesOf(loops, scale === 1 ? slope : s.mul(scale, slope)),
    };
  },
  saves: () => ({ inputs: [0, 1] }),
  gradient({ grads, needs, inputs, input, attributes: { axes, scale } }) {
    const [upstream, y, grad] = [grads[0]!, input(0), input(1)];
    const ofY = () => {
      const inner = sub(grad, sum(mul(grad, y), axes, { keepDims: true }));
      const outer = sum(mul(upstream, y), axes, { keepDims: true });
      return mul(sub(mul(upstream, inner), mul(grad, outer)), scale);
    };
    return [
      needs[0] ? ofY() : undefined,
      needs[1] ? sumTo(softmaxGradient(y, upstream, axes, scale), inputs[1]!.shape) : undefined,
    ];
  },
  batch: batchRows,
});

/** The gradient of `softmax(scale · x)` from its result. @internal */
export const softmaxGradient = (
  y: Tensor,
  grad: Tensor,
  axes: readonly number[],
  scale = 1,
): Tensor => apply(softmaxGradientOperation, [y, grad], { axes, scale })[0]!;

const softmaxOperation = /* @__PURE__ */ primitive<RowAttributes>({
  name: "softmax",
  infer: sameAsFirst,
  lower: ([x], { axes }) =>
    exponentialRows(x!, axes, true, (loops, value, _, sum) =>
      storesOf(loops, s.div(leaf("kept", 0, value.dtype), sum)),
    ),
  saves: () => ({ outputs: [0] }),
  gradient: ({ grads, output, attributes: { axes } }) => [
    softmaxGradient(output(0), grads[0]!, axes),
  ],
  batch: batchRows,
});

/** `grad - exp(y) · Σ grad` of a log-softmax y. */
const logSoftmaxGradientOperation = /* @__PURE__ */ primitive<RowAttributes>({
  name: "logSoftmaxGradient",
  infer: sameAsFirst,
  lower([y, grad], { axes }): RowsKernel {
    const { shape, dtype } = y!;
    const loops = foldLoops(shape, axes);
    const [value, upstream] = [leaf("load", 0, dtype), leaf("load", 1, dtype)];
    return {
      kind: "rows",
      axes: loops.axes,
      row: loops.reduced,
      loads: [loops.load(0, y!), loops.load(1, grad!)],
      params: [],
      stages: [{ kept: [], states: [summing(0, upstream)] }],
      stores: storesOf(loops, s.sub(upstream, s.mul(s.exp(value), leaf("state", 0, dtype)))),
    };
  },
  saves: () => ({ inputs: [0, 1] }),
  gradient({ grads, needs, inputs, input, attributes: { axes } }) {
    const [upstream, y, grad] = [grads[0]!, input(0), input(1)];
    const share = mul(upstream, exp(y));
    const over = (x: Tensor) => sum(x, axes, { keepDims: true });
    return [
      needs[0] ? neg(mul(share, over(grad))) : undefined,
      needs[1] ? sumTo(sub(upstream, over(share)), inputs[1]!.shape) : undefined,
    ];
  },
  batch: batchRows,
});

const logSoftmaxOperation = /* @__PURE__ */ primitive<RowAttributes>({
  name: "logSoftmax",
  infer: sameAsFirst,
  lower: ([x], { axes }) =>
    exponentialRows(x!, axes, false, (loops, value, max, sum) =>
      storesOf(loops, s.sub(s.sub(value, max), s.log(sum))),
    ),
  saves: () => ({ outputs: [0] }),
  gradient: ({ grads, output, attributes: { axes } }) =>
    apply(logSoftmaxGradientOperation, [output(0), grads[0]!], { axes }),
  batch: batchRows,
});

const statisticsOperation = /* @__PURE__ */ primitive<RowAttributes>({
  name: "softmaxStatistics",
  infer: ([x], { axes }) => {
    const result = { shape: foldedShape(x!.shape, axes), dtype: x!.dtype };
    return [result, result];
  },
  lower: ([x], { axes }) =>
    exponentialRows(x!, axes, false, (loops, _, max, sum) =>
      storesOf(loops, undefined, [max, s.log(sum)]),
    ),
  batch: batchRows,
});

/** Each row's maximum m and `log Σ exp(x - m)`. No gradient: for use in forwards. @internal */
export const maxAndLogSum = (x: Tensor, axes: readonly number[]): [Tensor, Tensor] =>
  apply(statisticsOperation, [x], { axes }) as [Tensor, Tensor];

type Rows = (x: Tensor, axis: number) => Tensor;
const rowsOf =
  (operation: Operation<RowAttributes>): Rows =>
  (x, axis) =>
    apply(operation, [x], { axes: [axis] })[0]!;
const softmaxRows = /* @__PURE__ */ rowsOf(softmaxOperation);
const logSoftmaxRows = /* @__PURE__ */ rowsOf(logSoftmaxOperation);

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

const logsumexpOperation = /* @__PURE__ */ primitive<RowAttributes>({
  name: "logsumexp",
  infer: ([x], { axes }) => [{ shape: foldedShape(x!.shape, axes), dtype: x!.dtype }],
  lower: ([x], { axes }) =>
    exponentialRows(x!, axes, false, (loops, _, max, sum) => {
      const isInfinite = s.eq(s.abs(max), constant(Infinity, max.dtype));
      return storesOf(loops, undefined, [s.select(isInfinite, max, s.add(max, s.log(sum)))]);
    }),
  saves: () => ({ inputs: [0], outputs: [0] }),
  gradient: ({ grads, input, output }) => [scaledExp(grads[0]!, input(0), output(0))],
  batch: batchRows,
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
