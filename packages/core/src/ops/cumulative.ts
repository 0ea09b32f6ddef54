// Running sums, products, logarithms of sums and extremes along an axis. Differences, which undo
// sums, are in difference.ts.
import { apply } from "../apply.ts";
import type { ScanKernel } from "../compiler/kernel.ts";
import { type DType, isContinuous, isFloat } from "../dtype.ts";
import { DTypeError } from "../errors.ts";
import type { BatchOperand, Operation } from "../operation.ts";
import { type Scalar, leaf, s } from "../scalar/instruction.ts";
import { normalizeAxis } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { eq, mul, sub, where } from "./arithmetic.ts";
import { cast } from "./cast.ts";
import { conj } from "./complex.ts";
import { type Op, type Sample, expose, primitive } from "./define.ts";
import { exp } from "./math.ts";
import { dilatedPad } from "./pad.ts";
import { type ScanAttributes, carried, previous, recurrence, scanLoops } from "./recurrence.ts";
import type { ValuesAndIndices } from "./rows.ts";
import { gathering } from "./selection.ts";
import { reshape, sliceView } from "./view.ts";

const widened = (dtype: DType): DType => (isContinuous(dtype) ? dtype : "int64");

/** On a batch the axis stands one further. */
function batchScan(
  this: Operation<ScanAttributes>,
  [x]: readonly BatchOperand[],
  { axis, isReversed }: ScanAttributes,
): Tensor[] {
  return apply(this, [x!.value], { axis: axis + 1, isReversed });
}

/** A scan with one state that is stored as it is. */
function runningFold(
  name: string,
  initial: number,
  join: (state: Scalar, x: Scalar) => Scalar,
  rest: Pick<Operation<ScanAttributes>, "saves" | "gradient">,
): Operation<ScanAttributes> {
  return primitive<ScanAttributes>({
    name,
    infer: ([x]) => [{ shape: x!.shape, dtype: widened(x!.dtype) }],
    lower([x], { axis, isReversed }, [output]): ScanKernel {
      const { dtype } = output!;
      const wide = carried(dtype);
      const loops = scanLoops(x!.shape, axis);
      const state = leaf("state", 0, wide);
      const step = join(state, s.cast(leaf("load", 0, x!.dtype), wide));
      const value = s.cast(state, dtype);
      return {
        kind: "scan",
        isReversed,
        axes: loops.axes,
        loads: [loops.load(0, x!)],
        params: [],
        states: [{ dtype: wide, initial, step }],
        stores: [{ operand: 0, dtype, offset: 0, strides: loops.storeStrides, value }],
      };
    },
    batch: batchScan,
    ...rest,
  });
}

const cumsumOperation: Operation<ScanAttributes> = /* @__PURE__ */ runningFold("cumsum", 0, s.add, {
  gradient: ({ grads, attributes: { axis, isReversed } }) => [
    apply(cumsumOperation, [grads[0]!], { axis, isReversed: !isReversed })[0],
  ],
});

const cumprodOperation: Operation<ScanAttributes> = /* @__PURE__ */ runningFold(
  "cumprod",
  1,
  s.mul,
  {
    saves: () => ({ inputs: [0], outputs: [0] }),
    // Products are never divided, so that zeros are right.
    gradient({ grads, input, output, attributes }) {
      const back = { ...attributes, isReversed: !attributes.isReversed };
      const later = recurrence(conj(previous(input(0), back)), grads[0]!, back);
      return [mul(later, conj(previous(output(0), attributes, 1)))];
    },
  },
);

/** `log(eˣ + eʸ)`; equal infinities are themselves. */
function logAddExp(x: Scalar, y: Scalar): Scalar {
  const [low, high] = [s.min(x, y), s.max(x, y)];
  const isInfinite = s.and(s.eq(low, high), s.eq(s.abs(high), Infinity));
  return s.select(isInfinite, high, s.add(high, s.log1p(s.exp(s.sub(low, high)))));
}

const logcumsumexpOperation: Operation<ScanAttributes> = /* @__PURE__ */ runningFold(
  "logcumsumexp",
  -Infinity,
  logAddExp,
  {
    saves: () => ({ inputs: [0], outputs: [0] }),
    gradient({ grads, input, output, attributes }) {
      const [x, y] = [input(0), output(0)];
      // The result only grows: what later results pass back is weighted by e^(y[i] - y[i + 1]) ≤ 1.
      const weights = exp(growth(y, attributes));
      const back = { ...attributes, isReversed: !attributes.isReversed };
      return [mul(exp(sub(x, y)), recurrence(weights, grads[0]!, back))];
    },
  },
);

/** `y[i] - y[i + 1]`, and 0 at the last position. */
function growth(y: Tensor, { axis, isReversed }: ScanAttributes): Tensor {
  const none = y.shape.map(() => 0);
  const lengths = y.shape.with(axis, Math.max(y.shape[axis]! - 1, 0));
  const part = (start: number) => sliceView(y, none.with(axis, start), lengths, none.map(() => 1)); // prettier-ignore
  const [now, next] = isReversed ? [part(1), part(0)] : [part(0), part(1)];
  const change = where(eq(next, -Infinity), 0, sub(now, next));
  const [one, zero] = [none.with(axis, y.shape[axis] === 0 ? 0 : 1), none];
  return isReversed ? dilatedPad(change, one, zero, none) : dilatedPad(change, zero, one, none);
}

/** Runs a scan with the axis counted from 0; a 0-d tensor has one position. */
function along(operation: Operation<ScanAttributes>, x: Tensor, axis: number): Tensor[] {
  const at = normalizeAxis(operation.name, axis, x.ndim);
  const attributes = { axis: at, isReversed: false };
  if (x.ndim > 0) return apply(operation, [x], attributes);
  return apply(operation, [reshape(x, [1])], attributes).map((y) => reshape(y, []));
}

export interface CumulativeOptions {
  /** Converts the elements first. */
  readonly dtype?: DType;
}

const samples: readonly Sample[] = [
  (make) => [make([5]), 0],
  (make) => [make([2, 3, 2]), 1],
  (make) => [make([3, 4]), -1],
  (make) => [make([4, 6]), 0],
  (make) => [make([]), 0],
  (make) => [make([0, 2]), 0],
];
const floats: readonly DType[] = ["float32", "float64"];

const cumulative =
  (operation: Operation<ScanAttributes>) =>
  (x: Tensor, axis: number, { dtype }: CumulativeOptions = {}): Tensor =>
    along(operation, dtype === undefined ? x : cast(x, dtype), axis)[0]!;

/** Running sum along `axis`. Integers and bools sum in int64. */
export const cumsum = /* @__PURE__ */ expose(cumsumOperation, cumulative(cumsumOperation), {
  samples,
});
/** Running product along `axis`. Integers and bools multiply in int64. */
export const cumprod = /* @__PURE__ */ expose(cumprodOperation, cumulative(cumprodOperation), {
  samples,
});
/** Logarithm of the running sum of exponentials along `axis`, without overflow. */
export const logcumsumexp = /* @__PURE__ */ expose(
  logcumsumexpOperation,
  (x: Tensor, axis: number): Tensor => {
    if (!isFloat(x.dtype)) {
      throw new DTypeError(
        `logcumsumexp: expected a float dtype, got ${x.dtype}. Cast with to("float32").`,
      );
    }
    return along(logcumsumexpOperation, x, axis)[0]!;
  },
  { samples, dtypes: floats },
);

/** The best element so far and the last position that has it. NaN is best and stays. */
function runningExtreme(
  name: string,
  atLeastAsGood: (x: Scalar, y: Scalar) => Scalar,
): Operation<ScanAttributes> {
  return primitive<ScanAttributes>({
    name,
    infer: ([x]) => [x!, { shape: x!.shape, dtype: "int32" }],
    lower([x], { axis, isReversed }): ScanKernel {
      const { dtype } = x!;
      const loops = scanLoops(x!.shape, axis);
      const value = leaf("load", 0, dtype);
      const [best, place] = [leaf("state", 0, dtype), leaf("state", 1, "int32")];
      const index = leaf("index", loops.last, "int32");
      const better = atLeastAsGood(value, best);
      const isFirst = s.lt(place, 0);
      const wins = isFloat(dtype)
        ? s.or(s.or(isFirst, s.isNaN(value)), s.and(s.not(s.isNaN(best)), better))
        : s.or(isFirst, better);
      const store = { offset: 0, strides: loops.storeStrides };
      return {
        kind: "scan",
        isReversed,
        axes: loops.axes,
        loads: [loops.load(0, x!)],
        params: [],
        states: [
          { dtype, initial: 0, step: s.select(wins, value, best) },
          { dtype: "int32", initial: -1, step: s.select(wins, index, place) },
        ],
        stores: [
          { operand: 0, dtype, ...store, value: best },
          { operand: 1, dtype: "int32", ...store, value: place },
        ],
      };
    },
    saves: () => ({ outputs: [1] }),
    gradient: ({ grads, inputs, output, attributes: { axis } }) => [
      grads[0] &&
        gathering.place(grads[0], output(1), { axis, shape: inputs[0]!.shape, combine: "add" }),
    ],
    batch: batchScan,
  });
}

const cummaxOperation = /* @__PURE__ */ runningExtreme("cummax", (x, y) => s.ge(x, y));
const cumminOperation = /* @__PURE__ */ runningExtreme("cummin", (x, y) => s.le(x, y));

type RunningExtreme = (x: Tensor, axis: number) => ValuesAndIndices;

const extreme = (operation: Operation<ScanAttributes>): Op<RunningExtreme> =>
  expose(
    operation,
    (x: Tensor, axis: number): ValuesAndIndices => {
      const [values, indices] = along(operation, x, axis);
      return { values: values!, indices: indices! };
    },
    {
      samples: [
        (make) => [make.distinct([5]), 0],
        (make) => [make.distinct([2, 3, 2]), 1],
        (make) => [make.distinct([3, 4]), -1],
        (make) => [make.distinct([]), 0],
        (make) => [make([0, 2]), 0],
      ],
      skips: {
        tied: "where elements are equal the gradient goes to the last; differences see both",
      },
    },
  );

/** Running maximum along `axis` with the last position that has it: `{ values, indices }`. */
export const cummax = /* @__PURE__ */ extreme(cummaxOperation);
/** Running minimum along `axis` with the last position that has it: `{ values, indices }`. */
export const cummin = /* @__PURE__ */ extreme(cumminOperation);
