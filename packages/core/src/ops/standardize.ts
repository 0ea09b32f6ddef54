// The core of the normalizations: subtract the mean over some axes, divide by the deviation, scale and
// shift. Three kernels forward; backward two, or three where the weight spans the normalized axes.
import { apply } from "../apply.ts";
import { customFunction } from "../autograd/function.ts";
import { foldLoops, foldedShape } from "../compiler/fold.ts";
import type { Load, ReduceKernel, State } from "../compiler/kernel.ts";
import type { DType } from "../dtype.ts";
import type { OperandDescription, Operation, TensorLike } from "../operation.ts";
import { type Scalar, leaf, s } from "../scalar/instruction.ts";
import { type Shape, sizeOf } from "../shape.ts";
import { type Tensor, isTensor } from "../tensor.ts";
import { add, div, mul, sub } from "./arithmetic.ts";
import { primitive } from "./define.ts";
import { elementwise } from "./elementwise.ts";
import { sumTo } from "./reduction.ts";
import { expand } from "./view.ts";

interface FoldAttributes {
  readonly [name: string]: readonly number[];
  /** Sorted and distinct; they stay with length 1. */
  readonly axes: readonly number[];
}

const summing = (dtype: DType, position: number, term: Scalar): State => {
  const total = leaf("state", position, dtype);
  return { dtype, initial: 0, step: s.add(total, term), merge: s.add(total, leaf("other", position, dtype)) };
}; // prettier-ignore

/** Operands as loads, or as params where they are bare numbers. */
function operandLeaves(
  inputs: readonly OperandDescription[],
  dtype: DType,
  load: (operand: number, input: OperandDescription) => Load,
) {
  const loads: Load[] = [];
  const params: DType[] = [];
  const leaves = inputs.map((input) => {
    if (input.isNumber) return leaf("param", params.push(dtype) - 1, dtype);
    loads.push(load(loads.length, input));
    return leaf("load", loads.length - 1, dtype);
  });
  return { loads, params, leaves };
}

/** A reduction to a mean, in one kernel. */
const meanOperation: Operation<FoldAttributes> = /* @__PURE__ */ primitive({
  name: "meanOver",
  infer: ([x], { axes }) => [{ shape: foldedShape(x!.shape, axes), dtype: x!.dtype }],
  lower([x], { axes }): ReduceKernel {
    const loops = foldLoops(x!.shape, axes);
    const { dtype } = x!;
    const count = sizeOf(axes.map((axis) => x!.shape[axis]!));
    const value = s.div(leaf("state", 0, dtype), count);
    return {
      kind: "reduce",
      axes: loops.axes,
      reduced: loops.reduced,
      loads: [loops.load(0, x!)],
      params: [],
      states: [summing(dtype, 0, leaf("load", 0, dtype))],
      stores: [{ operand: 0, dtype, offset: 0, strides: loops.storeStrides, value }],
    };
  },
});

/** The biased variance about a given mean, and `1 / √(variance + ε)`. */
const deviationOperation: Operation<FoldAttributes> = /* @__PURE__ */ primitive({
  name: "deviationOver",
  infer: ([x], { axes }) => {
    const result = { shape: foldedShape(x!.shape, axes), dtype: x!.dtype };
    return [result, result];
  },
  lower(inputs, { axes }): ReduceKernel {
    const { shape, dtype } = inputs[0]!;
    const loops = foldLoops(shape, axes);
    const { loads, params, leaves } = operandLeaves(inputs, dtype, loops.load);
    const [x, mean, epsilon] = leaves as [Scalar, Scalar, Scalar];
    const count = sizeOf(axes.map((axis) => shape[axis]!));
    const distance = s.sub(x, mean);
    const variance = s.div(leaf("state", 0, dtype), count);
    const inverse = s.div(1, s.sqrt(s.add(variance, epsilon)));
    const store = { dtype, offset: 0, strides: loops.storeStrides };
    return {
      kind: "reduce",
      axes: loops.axes,
      reduced: loops.reduced,
      loads,
      params,
      states: [summing(dtype, 0, s.mul(distance, distance))],
      stores: [
        { ...store, operand: 0, value: variance },
        { ...store, operand: 1, value: inverse },
      ],
    };
  },
});

/**
 * `Σ g · a` and `Σ g · b · (x - mean)` over axes, in one pass; what a normalization's gradient needs.
 * Operands g, x (of equal shape), mean, a, b broadcast; the last two may be numbers.
 */
const centredSumsOperation: Operation<FoldAttributes> = /* @__PURE__ */ primitive({
  name: "centredSums",
  infer: ([g], { axes }) => {
    const result = { shape: foldedShape(g!.shape, axes), dtype: g!.dtype };
    return [result, result];
  },
  lower(inputs, { axes }): ReduceKernel {
    const { shape, dtype } = inputs[0]!;
    const loops = foldLoops(shape, axes);
    const { loads, params, leaves } = operandLeaves(inputs, dtype, loops.load);
    const [g, x, mean, a, b] = leaves as [Scalar, Scalar, Scalar, Scalar, Scalar];
    const store = { dtype, offset: 0, strides: loops.storeStrides };
    return {
      kind: "reduce",
      axes: loops.axes,
      reduced: loops.reduced,
      loads,
      params,
      states: [
        summing(dtype, 0, s.mul(g, a)),
        summing(dtype, 1, s.mul(s.mul(g, b), s.sub(x, mean))),
      ],
      stores: [0, 1].map((operand) => ({
        ...store,
        operand,
        value: leaf("state", operand, dtype),
      })),
    };
  },
  saves: () => ({ inputs: [0, 1, 2, 3, 4] }),
  gradient({ grads: [first, second], needs, inputs, input, operand }) {
    // Only gradients of gradients come here: plain ops, one term at a time.
    const [g, x, mean, a, b] = [input(0), input(1), input(2), operand(3), operand(4)];
    const sumBack = (term: Tensor | undefined, position: number) =>
      term && sumTo(term, inputs[position]!.shape);
    const plain = (t: TensorLike) => (isTensor(t) ? t : undefined);
    const centred = sub(x, mean);
    const scaled = second && mul(mul(g, second), b);
    const ofG = plus(first && mul(first, a), second && mul(mul(second, b), centred));
    return [
      needs[0] ? sumBack(ofG, 0) : undefined,
      needs[1] ? sumBack(scaled, 1) : undefined,
      needs[2] && scaled ? sumBack(mul(scaled, -1), 2) : undefined,
      needs[3] && plain(a) && first ? sumBack(mul(g, first), 3) : undefined,
      needs[4] && plain(b) && second ? sumBack(mul(mul(g, second), centred), 4) : undefined,
    ];
  },
});

const plus = (a: Tensor | undefined, b: Tensor | undefined): Tensor | undefined =>
  a === undefined ? b : b === undefined ? a : add(a, b);

type CentredSums = (
  operands: readonly [Tensor, Tensor, Tensor, TensorLike, TensorLike],
  axes: readonly number[],
) => [Tensor, Tensor];
const centredSums: CentredSums = (operands, axes) =>
  apply(centredSumsOperation, operands, { axes }) as [Tensor, Tensor];

type Elementwise = (...operands: TensorLike[]) => Tensor;

/** `(x - mean) · inverse · weight + bias`. */
export const scaleAndShift: Elementwise = /* @__PURE__ */ elementwise(
  "normalize",
  (x, mean, inverse, weight, bias) =>
    s.add(s.mul(s.mul(s.sub(x!, mean!), inverse!), weight!), bias!),
);

/**
 * `inverse · v · (g·u - (Σ₁ + (x - mean) · inverse² · Σ₂) / n)`, with the sums over the normalized axes.
 * The weight is u where it spans those axes, else v.
 */
const inputGradient: Elementwise = /* @__PURE__ */ elementwise(
  "normalizeGradient",
  (g, x, mean, inverse, u, v, first, second, n) => {
    const slope = s.mul(s.mul(s.mul(s.sub(x!, mean!), inverse!), inverse!), second!);
    return s.mul(s.mul(inverse!, v!), s.sub(s.mul(g!, u!), s.div(s.add(first!, slope), n!)));
  },
);

interface Saved {
  readonly x: Tensor;
  readonly mean: Tensor;
  readonly inverse: Tensor;
  readonly weight: Tensor | undefined;
  readonly axes: readonly number[];
  /** `undefined` without a bias. */
  readonly biasShape: Shape | undefined;
}

/** Gradients of input, weight and bias from that of the result. */
function pull({ x, mean, inverse, weight, axes, biasShape }: Saved, g: Tensor) {
  // A weight that is constant along what is normalized is multiplied after summing.
  const shape = weight?.shape;
  const isAcross = shape !== undefined && axes.every((axis) => shape[axis] === 1);
  const [u, v] = isAcross ? [1, weight!] : [weight ?? 1, 1];
  const [first, second] = centredSums([g, x, mean, u, u], axes);
  const ofX = inputGradient(g, x, mean, inverse, u, v, first, second, sizeAlong(x, axes));
  if (shape === undefined) {
    return { ofX, ofWeight: undefined, ofBias: biasShape && sumTo(g, biasShape) };
  }
  if (isAcross) {
    const ofWeight = sumTo(mul(second, inverse), shape);
    return { ofX, ofWeight, ofBias: biasShape && sumTo(first, shape) };
  }
  const others = x.shape.flatMap((n, axis) => (shape[axis] === 1 && n !== 1 ? [axis] : []));
  const [ofBias, ofWeight] = centredSums([g, x, mean, 1, inverse], others);
  return { ofX, ofWeight, ofBias: biasShape && ofBias };
}

const sizeAlong = (x: Tensor, axes: readonly number[]): number =>
  sizeOf(axes.map((axis) => x.shape[axis]!));

/** What gradients of the statistics add to that of x; they exist in gradients of gradients only. */
function statisticsGradient(
  { x, mean, inverse, axes }: Saved,
  ofMean: Tensor | undefined,
  ofInverse: Tensor | undefined,
): Tensor | undefined {
  const count = sizeAlong(x, axes);
  const cube = () => mul(mul(inverse, inverse), inverse);
  const spread = ofInverse && mul(mul(ofInverse, cube()), -1 / count);
  const result = plus(ofMean && div(ofMean, count), spread && mul(sub(x, mean), spread));
  return result && expand(result, x.shape);
}

/**
 * `(x - mean) / √(variance + ε) · weight + bias` over `axes`; weight and bias have the rank of x, with
 * equal shapes. Also the mean, the biased variance and `1 / √(variance + ε)`, with folded axes of
 * length 1; no gradient flows through the variance.
 */
export const standardize = /* @__PURE__ */ customFunction({
  name: "standardize",
  forward: (
    x: Tensor,
    weight: Tensor | undefined,
    bias: Tensor | undefined,
    axes: readonly number[],
    epsilon: number,
  ) => {
    const mean = apply(meanOperation, [x], { axes })[0]!;
    const [variance, inverse] = apply(deviationOperation, [x, mean, epsilon], { axes }) as [
      Tensor,
      Tensor,
    ];
    const y = scaleAndShift(x, mean, inverse, weight ?? 1, bias ?? 0);
    const saved: Saved = { x, mean, inverse, weight, axes, biasShape: bias?.shape };
    return { result: [y, mean, inverse, variance], saved };
  },
  backward: (saved, [g, ofMean, ofInverse]) => {
    const pulled = g && pull(saved, g);
    const ofX = plus(pulled?.ofX, statisticsGradient(saved, ofMean, ofInverse));
    return [ofX, pulled?.ofWeight, pulled?.ofBias, undefined, undefined];
  },
});
