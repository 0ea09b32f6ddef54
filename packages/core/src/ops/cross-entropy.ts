// Cross-entropy with class indices in few kernels: three forward, two backward. Options that are rare,
// and the public function, are in class-loss.ts.
import { apply } from "../apply.ts";
import { customFunction } from "../autograd/function.ts";
import type { Load, MapKernel, ReduceKernel, State, Store } from "../compiler/kernel.ts";
import { contiguousStore, broadcastLoad } from "../compiler/lower.ts";
import type { DType } from "../dtype.ts";
import type { OperandDescription, Operation } from "../operation.ts";
import { type Scalar, constant, leaf, s } from "../scalar/instruction.ts";
import type { Shape } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { add, mul, sub } from "./arithmetic.ts";
import { primitive } from "./define.ts";
import { ternary } from "./elementwise.ts";
import { type LossReduction, requireReduction } from "./loss.ts";
import { sum } from "./reduction.ts";
import { gathering, slicing } from "./selection.ts";
import { maxAndLogSum } from "./softmax.ts";
import { reshape, unsqueeze } from "./view.ts";

interface TargetAttributes {
  readonly [name: string]: number | string;
  readonly ignoreIndex: number;
  /** Of the weights. */
  readonly dtype: DType;
}

/** int64 as int32; what does not fit stays out of the range of any class. */
const narrowed = (x: Scalar): Scalar =>
  s.cast(x.dtype === "int64" ? s.max(s.min(x, 2147483647), -2147483648) : x, "int32");

/**
 * Targets as int32 indices that are safe to read, 0 for ignored ones; and their weights, 0 or 1. Kernels
 * over all classes then compare int32, which vectors hold.
 */
const targetOperation: Operation<TargetAttributes> = /* @__PURE__ */ primitive({
  name: "crossEntropyTargets",
  infer: ([target], { dtype }) => [
    { shape: target!.shape, dtype: "int32" },
    { shape: target!.shape, dtype },
  ],
  lower([target], { ignoreIndex, dtype }): MapKernel {
    const { shape } = target!;
    const value = narrowed(leaf("load", 0, target!.dtype));
    const isIgnored = s.eq(value, ignoreIndex);
    return {
      kind: "map",
      axes: shape,
      loads: [broadcastLoad(0, target!, shape)],
      params: [],
      stores: [
        contiguousStore(shape, s.select(isIgnored, 0, value)),
        contiguousStore(shape, s.select(isIgnored, constant(0, dtype), 1), 1),
      ],
    };
  },
});

interface LossAttributes {
  readonly [name: string]: string;
  readonly reduction: LossReduction;
}

/** `[n, d…]` of what stands on `[n, c, d…]`. */
const withoutClasses = (list: readonly number[]): number[] => [list[0]!, ...list.slice(2)];

/** Operands x, max and log-sum `[n, 1, d…]`, classes and weights `[n, d…]`. */
const lossOperation: Operation<LossAttributes> = /* @__PURE__ */ primitive({
  name: "crossEntropy",
  infer: ([x, , , classes], { reduction }) => {
    const scalar = { shape: [] as Shape, dtype: x!.dtype };
    return reduction === "none"
      ? [{ shape: classes!.shape, dtype: x!.dtype }]
      : [scalar, scalar];
  },
  lower([x, max, logSum, classes, weights], { reduction }): MapKernel | ReduceKernel {
    const axes = classes!.shape;
    const { dtype, layout, shape } = x!;
    const load = (operand: number, from: OperandDescription): Load => ({
      operand,
      dtype: from.dtype,
      offset: 0,
      strides: from.shape.length === axes.length ? from.layout.strides : withoutClasses(from.layout.strides),
    }); // prettier-ignore
    const indirections = [{ load: 0, size: shape[1]!, stride: layout.strides[1]! }];
    const picked = { operand: 0, dtype, offset: 0, strides: withoutClasses(layout.strides), indirections };
    const loads = [load(3, classes!), picked, load(1, max!), load(2, logSum!), load(4, weights!)];
    const [chosen, highest, logTotal, weight] = [1, 2, 3, 4].map((i) => leaf("load", i, dtype)) as [Scalar, Scalar, Scalar, Scalar];
    const negative = s.add(s.sub(highest, chosen), logTotal);
    // What is ignored may be infinite.
    const loss = s.select(s.eq(weight, 0), 0, s.mul(weight, negative));
    if (reduction === "none") {
      return { kind: "map", axes, loads, params: [], stores: [contiguousStore(axes, loss)] };
    }
    const states = [loss, weight].map((term, i): State => {
      const total = leaf("state", i, dtype);
      return { dtype, initial: 0, step: s.add(total, term), merge: s.add(total, leaf("other", i, dtype)) };
    });
    const [total, count] = [leaf("state", 0, dtype), leaf("state", 1, dtype)];
    const values = [reduction === "mean" ? s.div(total, count) : total, count];
    const strides = axes.map(() => 0);
    const stores = values.map((value, operand): Store => ({ operand, dtype, offset: 0, strides, value }));
    return { kind: "reduce", axes, reduced: axes.length, loads, params: [], states, stores };
  },
}); // prettier-ignore

/** `exp(x - max - logSum)`: the softmax, with its history. */
const probabilities = /* @__PURE__ */ ternary("softmax", (x, max, logSum) =>
  s.exp(s.sub(s.sub(x, max), logSum)),
);

/**
 * `scale · (softmax(x) - one hot)`, of the shape of x. Operands x, max and log-sum `[n, 1, d…]`, classes
 * and scale `[n, d…]`.
 */
const gradientOperation: Operation<Record<string, never>> = /* @__PURE__ */ primitive({
  name: "crossEntropyGradient",
  infer: ([x]) => [{ shape: x!.shape, dtype: x!.dtype }],
  lower([x, max, logSum, classes, scale]): MapKernel {
    const { shape, dtype } = x!;
    const spread = (operand: number, from: OperandDescription): Load => {
      const [first, ...rest] = from.layout.strides;
      return { operand, dtype: from.dtype, offset: 0, strides: [first!, 0, ...rest] };
    };
    const loads = [
      broadcastLoad(0, x!, shape),
      broadcastLoad(1, max!, shape),
      broadcastLoad(2, logSum!, shape),
      spread(3, classes!),
      spread(4, scale!),
    ];
    const isTarget = s.eq(leaf("index", 1, "int32"), leaf("load", 3, "int32"));
    const [value, highest, logTotal, factor] = [0, 1, 2, 4].map((i) => leaf("load", i, dtype)) as [Scalar, Scalar, Scalar, Scalar];
    const p = s.exp(s.sub(s.sub(value, highest), logTotal));
    const slope = s.mul(factor, s.sub(p, s.cast(isTarget, dtype)));
    const result = s.select(s.eq(factor, 0), constant(0, dtype), slope);
    return { kind: "map", axes: shape, loads, params: [], stores: [contiguousStore(shape, result)] };
  },
  saves: () => ({ inputs: [0, 1, 2, 3, 4] }),
  gradient({ grads, needs, input }) {
    const [upstream, x, classes] = [grads[0]!, input(0), input(3)];
    const p = probabilities(x, input(1), input(2));
    const ofX = mul(mul(upstream, p), unsqueeze(input(4), 1));
    // Σ over classes of upstream · (p - one hot).
    const ofScale = () => {
      const chosen = gathering.pick(upstream, unsqueeze(classes, 1), 1);
      return reshape(sub(sum(mul(upstream, p), 1, { keepDims: true }), chosen), classes.shape);
    };
    return [
      needs[0] ? ofX : undefined,
      undefined,
      needs[2] ? mul(sum(ofX, 1, { keepDims: true }), -1) : undefined,
      undefined,
      needs[4] ? ofScale() : undefined,
    ];
  },
}); // prettier-ignore

/** `grad · weight / total`: what each target's row is multiplied with. */
const rowScale = /* @__PURE__ */ ternary("crossEntropyScale", (grad, weight, total) =>
  s.div(s.mul(grad, weight), total),
);

const lossOfTargets = /* @__PURE__ */ customFunction({
  name: "crossEntropy",
  forward: (x: Tensor, classes: Tensor, weights: Tensor, reduction: LossReduction) => {
    const [max, logSum] = maxAndLogSum(x, [1]);
    const operands = [x, max, logSum, classes, weights];
    const [loss, total] = apply(lossOperation, operands, { reduction }) as [Tensor, Tensor?];
    const result = total === undefined ? [loss, max, logSum] : [loss, max, logSum, total];
    return { result, saved: { x, max, logSum, classes, weights, total, reduction } };
  },
  // The maximum cancels out and the total has no gradient; the log-sum's is for second derivatives.
  backward: ({ x, max, logSum, classes, weights, total, reduction }, [grad, , ofLogSum]) => {
    let ofX: Tensor | undefined;
    if (grad !== undefined) {
      const scale = rowScale(grad, weights, reduction === "mean" ? total! : 1);
      ofX = apply(gradientOperation, [x, max, logSum, classes, scale], {})[0]!;
    }
    if (ofLogSum !== undefined) {
      const more = mul(ofLogSum, probabilities(x, max, logSum));
      ofX = ofX === undefined ? more : add(ofX, more);
    }
    return [ofX, undefined, undefined, undefined];
  },
});

export interface TargetOptions {
  /** `[classes]`; no gradient flows to it here. */
  readonly weight: Tensor | undefined;
  readonly ignoreIndex: number;
  readonly reduction: LossReduction;
}

/** Cross-entropy of logits `[n, classes, d…]` and class indices `[n, d…]` of any integer dtype. */
export function crossEntropyOfTargets(x: Tensor, target: Tensor, options: TargetOptions): Tensor {
  const { weight, ignoreIndex, reduction } = options;
  requireReduction("crossEntropy", reduction);
  const attributes = { ignoreIndex, dtype: x.dtype };
  const [classes, counts] = apply(targetOperation, [target], attributes) as [Tensor, Tensor];
  const weights = weight === undefined ? counts : mul(counts, slicing.pick(weight, classes, 0));
  return lossOfTargets(x, classes, weights, reduction)[0]!;
}
