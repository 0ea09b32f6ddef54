// The core of the normalizations: rows less their mean, divided by their deviation or root mean square,
// scaled and shifted. One row program forward; one backward, and a reduction where the weight lies along
// the rows.
import { apply } from "../apply.ts";
import { foldLoops, foldedShape } from "../compiler/fold.ts";
import type { ReduceKernel, RowsKernel } from "../compiler/kernel.ts";
import { promoteTypes } from "../dtype.ts";
import type { Operation, TensorLike } from "../operation.ts";
import { type Scalar, leaf, s } from "../scalar/instruction.ts";
import { type Shape, sizeOf } from "../shape.ts";
import { type Tensor, isTensor } from "../tensor.ts";
import { add, div, mul, neg, sub } from "./arithmetic.ts";
import { cast } from "./cast.ts";
import { primitive } from "./define.ts";
import { sum, sumTo } from "./reduction.ts";
import { type RowAttributes, batchRows, operandLeaves, storesOf, summing } from "./row-core.ts";
import { expand } from "./view.ts";

interface StandardizeAttributes extends RowAttributes {
  /** Whether the mean is subtracted. Without it rows are divided by their root mean square. */
  readonly isCentred: boolean;
}

const lengthOf = (shape: Shape, axes: readonly number[]): number =>
  sizeOf(axes.map((axis) => shape[axis]!));

const plus = (a: Tensor | undefined, b: Tensor | undefined): Tensor | undefined =>
  a === undefined ? b : b === undefined ? a : add(a, b);

/**
 * Operands x, and weight and bias (of the rank of x, or the numbers 1 and 0) and ε. Results:
 * `(x - mean) · inverse · weight + bias`; `inverse = 1 / √(variance + ε)`; and of centred rows the mean
 * and the biased variance, through which no gradient flows.
 */
const standardizeOperation: Operation<StandardizeAttributes> = /* @__PURE__ */ primitive({
  name: "standardize",
  infer: ([x], { axes, isCentred }) => {
    const { shape, dtype } = x!;
    const perRow = { shape: foldedShape(shape, axes), dtype };
    return [{ shape, dtype }, perRow, ...(isCentred ? [perRow, perRow] : [])];
  },
  lower(inputs, { axes, isCentred }): RowsKernel {
    const { shape, dtype } = inputs[0]!;
    const loops = foldLoops(shape, axes);
    const { loads, params, leaves } = operandLeaves(inputs, dtype, loops.load);
    const [x, weight, bias, epsilon] = leaves as [Scalar, Scalar, Scalar, Scalar];
    const count = lengthOf(shape, axes);
    const mean = s.div(leaf("state", 0, dtype), count);
    const distance = isCentred ? s.sub(x, mean) : x;
    const squares = summing(isCentred ? 1 : 0, s.mul(distance, distance));
    const variance = s.div(leaf("state", isCentred ? 1 : 0, dtype), count);
    const inverse = s.div(1, s.sqrt(s.add(variance, epsilon)));
    let y = s.mul(distance, inverse);
    if (!inputs[1]!.isNumber) y = s.mul(y, weight);
    if (!inputs[2]!.isNumber) y = s.add(y, bias);
    return {
      kind: "rows",
      axes: loops.axes,
      row: loops.reduced,
      loads,
      params,
      stages: [
        ...(isCentred ? [{ kept: [], states: [summing(0, x)] }] : []),
        { kept: [], states: [squares] },
      ],
      stores: storesOf(loops, y, isCentred ? [inverse, mean, variance] : [inverse]),
    };
  },
  saves: ([ofX, ofWeight], _, { isCentred }) =>
    ofX || ofWeight ? { inputs: [0, 1], outputs: isCentred ? [1, 2] : [1] } : {},
  gradient({ grads: [g, ofInverse, ofMean], needs, inputs, input, operand, output, attributes }) {
    const ofBias = () => g && sumTo(g, inputs[2]!.shape);
    if (!needs[0] && !needs[1]) return [undefined, undefined, ofBias(), undefined];
    const mean = attributes.isCentred ? output(2) : 0;
    const rows: Rows = { x: input(0), mean, inverse: output(1), attributes };
    const pulled = g && pull(rows, operand(1), g, needs);
    return [
      needs[0] ? plus(pulled?.ofX, statisticsGradient(rows, ofMean, ofInverse)) : undefined,
      needs[1] ? pulled?.ofWeight : undefined,
      needs[2] ? (pulled?.ofBias ?? ofBias()) : undefined,
      undefined,
    ];
  },
  batch: batchRows,
});

/** Rows and their statistics; the mean is the number 0 where rows are not centred. */
interface Rows {
  readonly x: Tensor;
  readonly mean: TensorLike;
  readonly inverse: Tensor;
  readonly attributes: StandardizeAttributes;
}

/** Gradients of input, weight and bias from that of the result. */
function pull(
  { x, mean, inverse, attributes }: Rows,
  weight: TensorLike,
  g: Tensor,
  [ofX, ofWeight, ofBias]: readonly boolean[],
) {
  const shape = isTensor(weight) ? weight.shape : undefined;
  // A weight that is the same all along the row is multiplied after summing.
  const isAcross = shape !== undefined && attributes.axes.every((axis) => shape[axis] === 1);
  const [along, across] = isAcross ? [1, weight] : [weight, 1];
  const grads: { ofX?: Tensor; ofWeight?: Tensor; ofBias?: Tensor } = {};
  if (ofX || isAcross) {
    const operands = [g, x, mean, inverse, along, across];
    const [own, first, second] = apply(gradientOperation, operands, attributes);
    grads.ofX = own!;
    if (isAcross) {
      if (ofWeight) grads.ofWeight = sumTo(second!, shape);
      if (ofBias) grads.ofBias = sumTo(first!, shape);
      return grads;
    }
  }
  if (shape !== undefined && (ofWeight || ofBias)) {
    const axes = x.shape.flatMap((n, axis) => (shape[axis] === 1 && n !== 1 ? [axis] : []));
    const { isCentred } = attributes;
    [grads.ofBias, grads.ofWeight] = apply(columnOperation, [g, x, mean, inverse], { axes, isCentred }); // prettier-ignore
  }
  return grads;
}

/** What gradients of the statistics add to that of x; they exist in gradients of gradients only. */
function statisticsGradient(
  { x, mean, inverse, attributes: { axes } }: Rows,
  ofMean: Tensor | undefined,
  ofInverse: Tensor | undefined,
): Tensor | undefined {
  const count = lengthOf(x.shape, axes);
  const cube = () => mul(mul(inverse, inverse), inverse);
  const spread = ofInverse && mul(mul(ofInverse, cube()), -1 / count);
  const result = plus(ofMean && div(ofMean, count), spread && mul(sub(x, mean), spread));
  return result && expand(result, x.shape);
}

/**
 * Operands g, x, mean, inverse, u, v, the last two weights or the number 1; with x̂ = (x - mean) · inverse,
 * Σ₁ = Σ g·u and Σ₂ = Σ g·u·x̂ along rows of n. Results: `inverse · v · (g·u - (Σ₁ + x̂ · Σ₂) / n)`, without
 * Σ₁ where rows are not centred; Σ₁; Σ₂.
 */
const gradientOperation: Operation<StandardizeAttributes> = /* @__PURE__ */ primitive({
  name: "standardizeGradient",
  infer: ([g], { axes }) => {
    const { shape, dtype } = g!;
    const perRow = { shape: foldedShape(shape, axes), dtype };
    return [{ shape, dtype }, perRow, perRow];
  },
  lower(inputs, { axes, isCentred }): RowsKernel {
    const { shape, dtype } = inputs[0]!;
    const loops = foldLoops(shape, axes);
    const { loads, params, leaves } = operandLeaves(inputs, dtype, loops.load);
    const [g, x, mean, inverse, u, v] = leaves as [Scalar, Scalar, Scalar, Scalar, Scalar, Scalar];
    const isOne = (operand: number) => inputs[operand]!.isNumber;
    const normalized = s.mul(isCentred ? s.sub(x, mean) : x, inverse);
    const term = isOne(4) ? g : s.mul(g, u);
    const [first, second] = [leaf("state", 0, dtype), leaf("state", 1, dtype)];
    const [keptNormalized, keptTerm] = [leaf("kept", 0, dtype), leaf("kept", 1, dtype)];
    const count = lengthOf(shape, axes);
    const projection = s.mul(keptNormalized, s.div(second, count));
    const shift = isCentred ? s.add(s.div(first, count), projection) : projection;
    const factor = isOne(5) ? inverse : s.mul(inverse, v);
    return {
      kind: "rows",
      axes: loops.axes,
      row: loops.reduced,
      loads,
      params,
      stages: [
        {
          kept: [normalized, term],
          states: [summing(0, keptTerm), summing(1, s.mul(keptTerm, keptNormalized))],
        },
      ],
      stores: storesOf(loops, s.mul(factor, s.sub(keptTerm, shift)), [first, second]),
    };
  },
  saves: () => ({ inputs: [0, 1, 2, 3, 4, 5], outputs: [1, 2] }),
  gradient({ grads: [upstream, ofFirst, ofSecond], needs, inputs, input, operand, output, attributes }) {
    // Only gradients of gradients come here: plain ops, one term at a time.
    const { axes, isCentred } = attributes;
    const [g, x, mean, inverse, u, v] = [input(0), input(1), operand(2), input(3), operand(4), operand(5)];
    const over = (t: Tensor) => sum(t, axes, { keepDims: true });
    const back = (t: Tensor | undefined, position: number) =>
      t && needs[position] ? sumTo(t, inputs[position]!.shape) : undefined;
    const share = 1 / lengthOf(g.shape, axes);
    const distance = sub(x, mean);
    const normalized = mul(distance, inverse);
    const term = mul(g, u);
    let ofTerm = plus(ofFirst, ofSecond && mul(ofSecond, normalized));
    let ofNormalized = ofSecond && mul(ofSecond, term);
    let ofInverse: Tensor | undefined;
    let ofV: Tensor | undefined;
    if (upstream !== undefined) {
      const h = mul(upstream, v);
      const [first, second] = [output(1), output(2)];
      const slope = (t: Tensor, weight: TensorLike) =>
        apply(gradientOperation, [t, x, mean, inverse, weight, 1], attributes)[0]!;
      const along = over(mul(h, normalized));
      ofTerm = plus(ofTerm, slope(h, 1));
      const more = mul(mul(inverse, -share), add(mul(h, second), mul(term, along)));
      ofNormalized = plus(ofNormalized, more)!;
      ofInverse = sub(over(mul(h, term)), mul(mul(along, second), share));
      if (isCentred) ofInverse = sub(ofInverse, mul(mul(over(h), first), share));
      if (needs[5]) ofV = mul(upstream, slope(g, u));
    }
    const ofX = ofNormalized && mul(ofNormalized, inverse);
    return [
      back(ofTerm && mul(ofTerm, u), 0),
      back(ofX, 1),
      back(ofX && neg(over(ofX)), 2),
      back(plus(ofInverse, ofNormalized && over(mul(ofNormalized, distance))), 3),
      back(ofTerm && mul(ofTerm, g), 4),
      back(ofV, 5),
    ];
  },
  batch: batchRows,
}); // prettier-ignore

/**
 * Operands g, x, mean, inverse: `Σ g` and `Σ g · (x - mean) · inverse` across rows, the gradients of a
 * bias and a weight that lie along them.
 */
const columnOperation: Operation<StandardizeAttributes> = /* @__PURE__ */ primitive({
  name: "standardizeColumns",
  infer: ([g], { axes }) => {
    const result = { shape: foldedShape(g!.shape, axes), dtype: g!.dtype };
    return [result, result];
  },
  lower(inputs, { axes, isCentred }): ReduceKernel {
    const { shape, dtype } = inputs[0]!;
    const loops = foldLoops(shape, axes);
    const { loads, params, leaves } = operandLeaves(inputs, dtype, loops.load);
    const [g, x, mean, inverse] = leaves as [Scalar, Scalar, Scalar, Scalar];
    const distance = isCentred ? s.sub(x, mean) : x;
    return {
      kind: "reduce",
      axes: loops.axes,
      reduced: loops.reduced,
      loads,
      params,
      states: [summing(0, g), summing(1, s.mul(g, s.mul(distance, inverse)))],
      stores: storesOf(loops, undefined, [leaf("state", 0, dtype), leaf("state", 1, dtype)]),
    };
  },
  saves: () => ({ inputs: [0, 1, 2, 3] }),
  gradient({ grads: [first, second], needs, inputs, input, operand }) {
    const [g, x, mean, inverse] = [input(0), input(1), operand(2), input(3)];
    const back = (t: Tensor | undefined, position: number) =>
      t && needs[position] ? sumTo(t, inputs[position]!.shape) : undefined;
    const distance = sub(x, mean);
    const ofNormalized = second && mul(second, g);
    const ofX = ofNormalized && mul(ofNormalized, inverse);
    const ofG = plus(first, second && mul(second, mul(distance, inverse)));
    return [
      back(ofG && expand(ofG, g.shape), 0),
      back(ofX, 1),
      back(ofX && neg(ofX), 2),
      back(ofNormalized && mul(ofNormalized, distance), 3),
    ];
  },
  batch: batchRows,
});

interface Standardized {
  readonly y: Tensor;
  /** `1 / √(variance + ε)`; as all statistics, with the normalized axes of length 1. */
  readonly inverse: Tensor;
  readonly mean: Tensor;
  /** The biased one; no gradient flows through it. */
  readonly variance: Tensor;
}

/** `(x - mean) / √(variance + ε) · weight + bias` over `axes`; weight and bias have the rank of x. */
export function standardize(
  x: Tensor,
  weight: Tensor | undefined,
  bias: Tensor | undefined,
  axes: readonly number[],
  epsilon: number,
): Standardized {
  const dtype = [weight, bias].reduce((own, t) => (t ? promoteTypes(own, t.dtype) : own), x.dtype);
  const operands = [cast(x, dtype), weight ? cast(weight, dtype) : 1, bias ? cast(bias, dtype) : 0, epsilon]; // prettier-ignore
  const results = apply(standardizeOperation, operands, { axes, isCentred: true });
  const [y, inverse, mean, variance] = results as [Tensor, Tensor, Tensor, Tensor];
  return { y, inverse, mean, variance };
}

/** `x / √(mean of squares + ε) · weight` over `axes`; the weight has the rank of x. */
export function divideByRootMeanSquare(
  x: Tensor,
  weight: Tensor | undefined,
  axes: readonly number[],
  epsilon: number,
): Tensor {
  const dtype = weight ? promoteTypes(x.dtype, weight.dtype) : x.dtype;
  const operands = [cast(x, dtype), weight ? cast(weight, dtype) : 1, 0, epsilon];
  return apply(standardizeOperation, operands, { axes, isCentred: false })[0]!;
}
