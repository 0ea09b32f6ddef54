// Attention as one operation, for devices whose backend has a kernel for it: scores are never written down.
// The routines here are their meaning. What they do not cover takes the way of attention.ts.
import { apply } from "../apply.ts";
import type { RoutineKernel, RoutineOperand } from "../compiler/kernel.ts";
import { asItLies } from "../compiler/routine.ts";
import type { TypedArray } from "../dtype.ts";
import { modes } from "../modes.ts";
import type { Operation } from "../operation.ts";
import { type Shape, broadcastShapes, contiguousStrides, sizeOf } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { attentionWeights, requireMask } from "./attention-weights.ts";
import { cast } from "./cast.ts";
import { primitive } from "./define.ts";
import { matmul } from "./matmul.ts";
import { softmaxGradient } from "./softmax.ts";
import { expand, reshape, transpose } from "./view.ts";

interface AttentionAttributes {
  readonly [name: string]: number | boolean;
  readonly scale: number;
  readonly causal: boolean;
}

interface Sizes {
  readonly images: number;
  readonly heads: number;
  readonly queries: number;
  readonly keys: number;
  readonly size: number;
  readonly width: number;
}

function sizesOf(query: { shape: Shape }, value: { shape: Shape }): Sizes {
  const [images, queries, heads, size] = query.shape as [number, number, number, number];
  const [, keys, , width] = value.shape as [number, number, number, number];
  return { images, heads, queries, keys, size, width };
}

/** Where the row of a query or a key of a head starts. */
type Place = (head: number, at: number) => number;

function placesIn({ heads }: Sizes, { shape, strides = contiguousStrides(shape) }: RoutineOperand): Place {
  const [image, row, own] = strides as [number, number, number];
  return (head, at) => Math.floor(head / heads) * image + (head % heads) * own + at * row;
} // prettier-ignore

/** `[n, h, l, e]` of `[n, l, h, e]`, and the other way. */
const byHead = (x: Tensor): Tensor => transpose(x, 1, 2);

interface Mask {
  readonly dtype: string;
  readonly shape: Shape;
}

/** The numbers that kernels of these names get: the scale, causal or not, no, bool or float mask. */
const attributesOf = ({ scale, causal }: AttentionAttributes, mask: Mask | undefined): number[] => [
  scale,
  Number(causal),
  mask === undefined ? 0 : mask.dtype === "bool" ? 1 : 2,
];

/** Calls `visit` for each query with its head, its number, and its scores. */
function forEachQuery(
  { images, heads, queries, keys, size }: Sizes,
  { scale, causal }: AttentionAttributes,
  mask: Mask | undefined,
  [query, key, maskValues]: readonly [TypedArray, TypedArray, TypedArray | undefined],
  [queryAt, keyAt]: readonly [Place, Place],
  visit: (head: number, at: number, scores: Float64Array) => void,
): void {
  const scores = new Float64Array(keys);
  for (let head = 0; head < images * heads; head++) {
    const [image, own] = [Math.floor(head / heads), head % heads];
    for (let at = 0; at < queries; at++) {
      const row = queryAt(head, at);
      const maskRow = mask === undefined ? 0 : (Math.min(image, mask.shape[0]! - 1) * mask.shape[1]! + Math.min(own, mask.shape[1]! - 1)) * queries + at;
      for (let other = 0; other < keys; other++) {
        const from = keyAt(head, other);
        let score = 0;
        for (let i = 0; i < size; i++) score += Number(query[row + i]) * Number(key[from + i]);
        score *= scale;
        if (maskValues !== undefined) {
          const given = Number(maskValues[maskRow * keys + other]);
          if (mask!.dtype !== "bool") score += given;
          else if (given === 0) score = -Infinity;
        }
        scores[other] = causal && other > at ? -Infinity : score;
      }
      visit(head, at, scores);
    }
  }
} // prettier-ignore

/**
 * Operands query `[n, l, h, e]`, key `[n, s, h, e]`, value `[n, s, h, w]`, read as they lie, and maybe a mask
 * `[n or 1, h or 1, l, s]`. Results: attention `[n, l, h, w]`, and each query's `log Σ exp(scores)`.
 */
const attentionOperation: Operation<AttentionAttributes> = /* @__PURE__ */ primitive({
  name: "attention",
  infer: ([query, , value]) => {
    const { dtype } = query!;
    const { images, heads, queries, width } = sizesOf(query!, value!);
    return [
      { shape: [images, queries, heads, width], dtype },
      { shape: [images, heads, queries], dtype },
    ];
  },
  lower(inputs, attributes, outputs): RoutineKernel {
    const [query, , value, mask] = inputs;
    const sizes = sizesOf(query!, value!);
    const { keys, queries, width } = sizes;
    const operands = inputs.map((input, i) => (i < 3 ? asItLies(input) : input));
    const [queryAt, keyAt, valueAt] = operands.map((one) => placesIn(sizes, one)) as [
      Place,
      Place,
      Place,
    ];
    const outAt = placesIn(sizes, outputs[0]!);
    return {
      kind: "routine",
      name: "attention",
      attributes: attributesOf(attributes, mask),
      inputs: operands,
      outputs,
      run([q, k, v, m], [out, logSum]) {
        forEachQuery(sizes, attributes, mask, [q!, k!, m], [queryAt, keyAt], (head, at, scores) => {
          const max = scores.reduce((a, b) => Math.max(a, b), -Infinity);
          let sum = 0;
          for (let i = 0; i < keys; i++) sum += scores[i] = Math.exp(scores[i]! - max);
          // A query that may look at no key looks nowhere.
          const isBlind = max === -Infinity;
          for (let i = 0; i < width; i++) {
            let total = 0;
            for (let j = 0; j < keys; j++) total += scores[j]! * Number(v![valueAt(head, j) + i]);
            out![outAt(head, at) + i] = isBlind ? 0 : total / sum;
          }
          logSum![head * queries + at] = isBlind ? max : max + Math.log(sum);
        });
      },
    };
  },
  saves: (_, inputs) => ({ inputs: [...inputs.keys()], outputs: [0, 1] }),
  gradient({ grads, inputs, input, output, attributes }) {
    const [grad, query, key, value] = [grads[0]!, input(0), input(1), input(2)];
    const mask = inputs.length > 3 ? input(3) : undefined;
    const masks = mask === undefined ? [] : [mask];
    if (!modes.gradient) {
      const operands = [grad, query, key, value, output(0), output(1), ...masks];
      return [...apply(gradientOperation, operands, attributes), ...masks.map(() => undefined)];
    }
    // A gradient that will be differentiated itself is made of ops that can be.
    const { scale } = attributes;
    const [g, q, k, v] = [grad, query, key, value].map(byHead) as [Tensor, Tensor, Tensor, Tensor];
    const scores = matmul(q, transpose(k, -1, -2));
    const weights = attentionWeights("scaledDotProductAttention", scores, { mask, ...attributes });
    const ofWeights = matmul(g, transpose(v, -1, -2));
    const ofScores = softmaxGradient(weights, ofWeights, [3], scale);
    return [
      byHead(matmul(ofScores, k)),
      byHead(matmul(transpose(ofScores, -1, -2), q)),
      byHead(matmul(transpose(weights, -1, -2), g)),
      ...masks.map(() => undefined),
    ];
  },
});

/** Operands grad, query, key, value, both results and maybe a mask: gradients of the first three. */
const gradientOperation: Operation<AttentionAttributes> = /* @__PURE__ */ primitive({
  name: "attentionGradient",
  infer: ([, query, key, value]) =>
    [query!, key!, value!].map(({ shape, dtype }) => ({ shape, dtype })),
  lower(inputs, attributes, outputs): RoutineKernel {
    const [, query, , value, , , mask] = inputs;
    const sizes = sizesOf(query!, value!);
    const { keys, queries, size, width } = sizes;
    const operands = inputs.map((input, i) => (i < 5 ? asItLies(input) : input));
    const places = operands.slice(0, 5).map((one) => placesIn(sizes, one));
    const [gradAt, queryAt, keyAt, valueAt, outAt] = places as [Place, Place, Place, Place, Place];
    const [toQuery, toKey, toValue] = outputs.map((one) => placesIn(sizes, one)) as [Place, Place, Place];
    return {
      kind: "routine",
      name: "attentionGradient",
      attributes: attributesOf(attributes, mask),
      inputs: operands,
      outputs,
      run([grad, q, k, v, out, logSum, m], results) {
        const [ofQuery, ofKey, ofValue] = results as [Float32Array, Float32Array, Float32Array];
        for (const result of [ofQuery, ofKey, ofValue]) result.fill(0);
        const g = grad as Float32Array;
        forEachQuery(sizes, attributes, mask, [q!, k!, m], [queryAt, keyAt], (head, at, scores) => {
          const total = Number(logSum![head * queries + at]);
          const [own, ofOwn, from] = [gradAt(head, at), outAt(head, at), queryAt(head, at)];
          const to = toQuery(head, at);
          let inner = 0;
          for (let i = 0; i < width; i++) inner += g[own + i]! * Number(out![ofOwn + i]);
          for (let j = 0; j < keys; j++) {
            const weight = total === -Infinity ? 0 : Math.exp(scores[j]! - total);
            const [thisKey, thisValue] = [keyAt(head, j), valueAt(head, j)];
            const [ofThisKey, ofThisValue] = [toKey(head, j), toValue(head, j)];
            let slope = -inner;
            for (let i = 0; i < width; i++) {
              slope += g[own + i]! * Number(v![thisValue + i]);
              ofValue[ofThisValue + i]! += weight * g[own + i]!;
            }
            slope *= weight * attributes.scale;
            for (let i = 0; i < size; i++) {
              ofQuery[to + i]! += slope * Number(k![thisKey + i]);
              ofKey[ofThisKey + i]! += slope * Number(q![from + i]);
            }
          }
        });
      },
    };
  },
}); // prettier-ignore

interface WholeOptions {
  readonly mask: Tensor | undefined;
  readonly causal: boolean;
  readonly scale: number;
}

const routines = ["attention", "attentionGradient"];

/** `[…, l, s]` as `[n, h, l, s]`, n and h of length 1 where the mask does not differ along them. */
function maskFor(mask: Tensor, leading: Shape, queries: number, keys: number): Tensor {
  const float = mask.dtype === "bool" ? mask : cast(mask, "float32");
  const rank = leading.length + 2;
  const own = [...new Array<number>(rank - mask.ndim).fill(1), ...mask.shape];
  const heads = own[rank - 3] ?? 1;
  const isShared = own.slice(0, -3).every((n) => n === 1);
  const before = isShared ? own.slice(0, -3) : leading.slice(0, -1);
  const shape = [...before, ...own.slice(-3, -2), queries, keys];
  return reshape(expand(reshape(float, own), shape), [sizeOf(before), heads, queries, keys]);
}

/**
 * Attention by the device's own kernel, or `undefined` where there is none for it: other dtypes than
 * float32, masks that learn or add queries, batches of `vmap`, nothing to look at.
 */
export function attentionWhole(
  query: Tensor,
  key: Tensor,
  value: Tensor,
  { mask, causal, scale }: WholeOptions,
): Tensor | undefined {
  const operands = [query, key, value];
  const { routines: own } = query.device.backend;
  if (own === undefined || !routines.every((name) => own.has(name))) return undefined;
  if (operands.some(({ dtype, size }) => dtype !== "float32" || size === 0)) return undefined;
  if ([...operands, mask].some((x) => x?.batched !== undefined)) return undefined;
  if (mask !== undefined && (mask.requiresGrad || mask.size === 0)) return undefined;
  const name = "scaledDotProductAttention";
  const [queries, keys] = [query.shape.at(-2)!, key.shape.at(-2)!];
  const over = mask && requireMask(name, mask);
  const leadingOf = (x: Tensor): Shape => x.shape.slice(0, -2);
  let leading = operands.map(leadingOf).reduce((a, b) => broadcastShapes(name, a, b));
  if (over !== undefined) {
    const scores = broadcastShapes(name, [...leading, queries, keys], over.shape);
    if (scores.at(-2) !== queries || scores.at(-1) !== keys) return undefined;
    leading = scores.slice(0, -2);
  }
  const [images, heads] = [sizeOf(leading.slice(0, -1)), leading.at(-1) ?? 1];
  const rows = operands.map((x) => {
    const inner = x.shape.slice(-2);
    return byHead(reshape(expand(x, [...leading, ...inner]), [images, heads, ...inner]));
  });
  const masks = over === undefined ? [] : [maskFor(over, leading, queries, keys)];
  const [result] = apply(attentionOperation, [...rows, ...masks], { scale, causal });
  return reshape(byHead(result!), [...leading, queries, value.shape.at(-1)!]);
}
