// Attention: softmax of scaled scores under a mask, times the values. The mask, the scale and the causal
// triangle are folded into the softmax, so that scores are read twice and written once.
import { apply } from "../apply.ts";
import { customFunction } from "../autograd/function.ts";
import { foldLoops, foldedShape } from "../compiler/fold.ts";
import type { Load, MapKernel, ReduceKernel } from "../compiler/kernel.ts";
import { broadcastLoad, contiguousStore } from "../compiler/lower.ts";
import { isFloat } from "../dtype.ts";
import { DTypeError, FlambeauError, ShapeError, showShape } from "../errors.ts";
import type { OperandDescription, Operation } from "../operation.ts";
import type { Generator } from "../random.ts";
import { type Scalar, constant, leaf, s } from "../scalar/instruction.ts";
import { type Shape, broadcastShapes, sameShape } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { cast } from "./cast.ts";
import { type Op, composite, primitive } from "./define.ts";
import { dropout as drop } from "./dropout.ts";
import { elementwise } from "./elementwise.ts";
import { matmul } from "./matmul.ts";
import { sumTo } from "./reduction.ts";
import { exponentialStates } from "./softmax.ts";
import { sumProduct } from "./sum-product.ts";
import { expand, reshape, transpose, unsqueeze } from "./view.ts";

interface ScoreAttributes {
  readonly [name: string]: number | boolean;
  readonly scale: number;
  readonly causal: boolean;
}

/** A score as the softmax sees it: scaled, -∞ where it is masked. `row` and `column` are loop axes. */
function maskedScore(
  mask: OperandDescription | undefined,
  { scale, causal }: ScoreAttributes,
  score: Scalar,
  [row, column]: readonly [number, number],
): Scalar {
  let x = scale === 1 ? score : s.mul(score, scale);
  const nothing = constant(-Infinity, x.dtype);
  if (mask?.dtype === "bool") x = s.select(leaf("load", 1, "bool"), x, nothing);
  else if (mask !== undefined) x = s.add(x, leaf("load", 1, x.dtype));
  if (!causal) return x;
  return s.select(s.le(leaf("index", column, "int32"), leaf("index", row, "int32")), x, nothing);
}

/** Operands scores `[…, l, s]` and maybe a mask: each row's maximum m, and `Σ exp(x - m)`. */
const rowOperation: Operation<ScoreAttributes> = /* @__PURE__ */ primitive({
  name: "attentionRows",
  infer: ([x]) => {
    const description = { shape: foldedShape(x!.shape, [x!.shape.length - 1]), dtype: x!.dtype };
    return [description, description];
  },
  lower([x, mask], attributes): ReduceKernel {
    const { shape, dtype } = x!;
    const last = shape.length - 1;
    const loops = foldLoops(shape, [last]);
    const score = maskedScore(mask, attributes, leaf("load", 0, dtype), [last - 1, last]);
    const loads = [loops.load(0, x!), ...(mask === undefined ? [] : [loops.load(1, mask)])];
    return {
      kind: "reduce",
      axes: loops.axes,
      reduced: 1,
      loads,
      params: [],
      states: exponentialStates(dtype, score),
      stores: [0, 1].map((operand) => ({
        operand,
        dtype,
        offset: 0,
        strides: loops.storeStrides,
        value: leaf("state", operand, dtype),
      })),
    };
  },
});

/** Operands scores, maxima and sums `[…, l, 1]`, and maybe a mask: the softmax. */
const weightOperation: Operation<ScoreAttributes> = /* @__PURE__ */ primitive({
  name: "attentionWeights",
  infer: ([x]) => [{ shape: x!.shape, dtype: x!.dtype }],
  lower([x, max, sum, mask], attributes): MapKernel {
    const { shape, dtype } = x!;
    const load = (operand: number, from: OperandDescription): Load =>
      broadcastLoad(operand, from, shape);
    const masks = mask === undefined ? [] : [load(3, mask)];
    const loads = [load(0, x!), ...masks, load(1, max!), load(2, sum!)];
    const last = shape.length - 1;
    const score = maskedScore(mask, attributes, leaf("load", 0, dtype), [last - 1, last]);
    const [highest, total] = [-2, -1].map((at) => leaf("load", loads.length + at, dtype)) as [Scalar, Scalar];
    const share = s.div(s.exp(s.sub(score, highest)), total);
    // A row without a single place to look at looks nowhere.
    const isBlind = s.eq(highest, constant(-Infinity, dtype));
    const value = s.select(isBlind, constant(0, dtype), share);
    return { kind: "map", axes: shape, loads, params: [], stores: [contiguousStore(shape, value)] };
  },
}); // prettier-ignore

/** `scale · y · (grad - inner)`. */
const scoreGradient = /* @__PURE__ */ elementwise<
  (y: Tensor, grad: Tensor, inner: Tensor, scale: number) => Tensor
>("attentionGradient", (y, grad, inner, scale) => s.mul(scale!, s.mul(y!, s.sub(grad!, inner!))));

type Weights = (scores: Tensor, mask: Tensor | undefined, scale: number, causal: boolean) => Tensor;

/** Scores and a mask that broadcasts to their shape. */
const maskedSoftmax: Weights = /* @__PURE__ */ customFunction({
  name: "attentionWeights",
  forward: (scores: Tensor, mask: Tensor | undefined, scale: number, causal: boolean) => {
    const masks = mask === undefined ? [] : [mask];
    const [max, sum] = apply(rowOperation, [scores, ...masks], { scale, causal });
    const operands = [scores, max!, sum!, ...masks];
    const y = apply(weightOperation, operands, { scale, causal })[0]!;
    return { result: y, saved: { y, scale, maskShape: mask?.shape } };
  },
  backward: ({ y, scale, maskShape }, grad, [ofScores, ofMask]) => {
    const inner = sumProduct(grad, y, [y.ndim - 1]);
    return [
      ofScores ? scoreGradient(y, grad, inner, scale) : undefined,
      ofMask ? sumTo(scoreGradient(y, grad, inner, 1), maskShape!) : undefined,
      undefined,
      undefined,
    ];
  },
  batch: ([scores, mask, scale, causal]) => {
    const x = scores!.value as Tensor;
    let over = mask!.value as Tensor | undefined;
    const batch = (mask!.isBatched ? over! : x).shape[0]!;
    const rank = x.ndim + Number(!scores!.isBatched);
    const all = scores!.isBatched ? x : expand(unsqueeze(x, 0), [batch, ...x.shape]);
    if (mask!.isBatched) {
      // The batch axis stays first, however many axes broadcasting adds.
      const fill = new Array<number>(rank - over!.ndim).fill(1);
      over = reshape(over!, [batch, ...fill, ...over!.shape.slice(1)]);
    }
    return maskedSoftmax(all, over, scale!.value as number, causal!.value as boolean);
  },
});

export interface AttentionWeightOptions {
  /** bool, true where a query may look; or numbers that are added. Broadcasts to the scores. */
  readonly mask?: Tensor;
  /** Query i looks at keys 0 … i. Default false. */
  readonly causal?: boolean;
  /** Multiplies the scores. Default 1. */
  readonly scale?: number;
}

/** Softmax of scores `[…, queries, keys]` under a mask; rows that are masked whole are 0. @internal */
export function attentionWeights(
  name: string,
  scores: Tensor,
  { mask, causal = false, scale = 1 }: AttentionWeightOptions,
): Tensor {
  if (mask === undefined) return maskedSoftmax(scores, undefined, scale, causal);
  if (mask.dtype !== "bool" && !isFloat(mask.dtype)) {
    throw new DTypeError(
      `${name}: the mask is bool (true where a query may look) or float (added to the scores), got ` +
        `${mask.dtype}. Compare it, for instance mask.ne(0).`,
    );
  }
  const shape = broadcastShapes(name, scores.shape, mask.shape);
  const over = mask.dtype === "bool" ? mask : cast(mask, scores.dtype);
  const all = sameShape(shape, scores.shape) ? scores : expand(scores, shape);
  return maskedSoftmax(all, over, scale, causal);
}

export interface AttentionOptions {
  /**
   * bool, true where a query may look at a key; or numbers that are added to the scores. Broadcasts
   * to `[…, queries, keys]`.
   */
  readonly mask?: Tensor;
  /** Probability of dropping a weight. Default 0; pass 0 in evaluation. */
  readonly dropout?: number;
  /** Query i looks at keys 0 … i. Default false. */
  readonly causal?: boolean;
  /** Multiplies the scores. Default `1 / √size`. */
  readonly scale?: number;
  /** Keys and values may have fewer heads, each shared by a group of query heads. Default false. */
  readonly enableGqa?: boolean;
  /** Draws what is dropped. Default: the device's own. */
  readonly generator?: Generator;
}

function requireOperands(query: Tensor, key: Tensor, value: Tensor): void {
  const shapes = `${showShape(query.shape)}, ${showShape(key.shape)} and ${showShape(value.shape)}`;
  const name = "scaledDotProductAttention";
  if ([query, key, value].some((x) => x.ndim < 2)) {
    throw new ShapeError(`${name}: expected at least 2 axes [length, size], got ${shapes}.`);
  }
  if (query.shape.at(-1) !== key.shape.at(-1)) {
    throw new ShapeError(
      `${name}: queries and keys have the same size (last axis), got ${shapes}.`,
    );
  }
  if (key.shape.at(-2) !== value.shape.at(-2)) {
    throw new ShapeError(`${name}: there is one value for each key (axis -2), got ${shapes}.`);
  }
  if (![query, key, value].every((x) => isFloat(x.dtype))) {
    const dtypes = [query, key, value].map((x) => x.dtype).join(", ");
    throw new DTypeError(
      `${name}: expected float tensors, got ${dtypes}. Cast with to("float32").`,
    );
  }
}

/** Each head as often as it serves a query head. */
function shareHeads(x: Tensor, heads: number | undefined): Tensor {
  const own = x.shape.at(-3);
  if (own === heads) return x;
  if (own === undefined || heads === undefined || heads % own !== 0) {
    throw new ShapeError(
      `scaledDotProductAttention: enableGqa needs axes [heads, length, size] and query heads that are a ` +
        `multiple of the others, got ${heads ?? "no"} query heads and shape ${showShape(x.shape)}.`,
    );
  }
  const [before, after] = [x.shape.slice(0, -3), x.shape.slice(-2)];
  const shared: Shape = [...before, own, heads / own, ...after];
  return reshape(expand(unsqueeze(x, -3), shared), [...before, heads, ...after]);
}

type Attention = (query: Tensor, key: Tensor, value: Tensor, options?: AttentionOptions) => Tensor;

/**
 * `softmax(query · keyᵀ · scale + mask) · value`: query `[…, queries, size]`, key `[…, keys, size]`, value
 * `[…, keys, width]` → `[…, queries, width]`. A query that may look at no key gives zeros. Vaswani et
 * al., 2017.
 */
export const scaledDotProductAttention: Op<Attention> = /* @__PURE__ */ composite(
  "scaledDotProductAttention",
  (query: Tensor, key: Tensor, value: Tensor, options: AttentionOptions = {}): Tensor => {
    requireOperands(query, key, value);
    const { mask, dropout = 0, causal = false, enableGqa = false, generator } = options;
    const scale = options.scale ?? 1 / Math.sqrt(query.shape.at(-1)!);
    if (causal && mask !== undefined) {
      throw new FlambeauError(
        "scaledDotProductAttention: pass a mask or causal, not both. Join them: " +
          'mask.logicalAnd(ones([queries, keys], { dtype: "bool" }).tril()).',
      );
    }
    const heads = query.shape.at(-3);
    const [keys, values] = enableGqa ? [shareHeads(key, heads), shareHeads(value, heads)] : [key, value];
    const scores = matmul(query, transpose(keys, -1, -2)); // […, queries, keys]
    const weights = attentionWeights("scaledDotProductAttention", scores, { mask, causal, scale });
    return matmul(dropout === 0 ? weights : drop(weights, dropout, { generator }), values);
  },
  {
    samples: [
      (make) => [make([2, 3, 4]), make([2, 5, 4]), make([2, 5, 3])],
      (make) => [make([2, 3, 4]), make([5, 4]), make([5, 3]), { mask: make.booleans([2, 1, 5]) }],
      (make) => [make([2, 2, 3, 4]), make([2, 2, 5, 4]), make([2, 2, 5, 3]), { mask: make([3, 5]), scale: 0.3 }],
      (make) => [make([1, 4, 2]), make([1, 4, 2]), make([1, 4, 2]), { causal: true }],
      (make) => [make([1, 4, 3, 2]), make([1, 2, 3, 2]), make([1, 2, 3, 2]), { enableGqa: true, causal: true, dropout: 0 }],
    ],
    dtypes: ["float32", "float64"],
  },
); // prettier-ignore
