// The weights of attention: a softmax of scores, with the scale, the mask and the causal triangle folded
// into it, so that scores are read once and the weights written once.
import { apply } from "../apply.ts";
import { customFunction } from "../autograd/function.ts";
import { foldLoops } from "../compiler/fold.ts";
import type { RowsKernel } from "../compiler/kernel.ts";
import { isFloat } from "../dtype.ts";
import { DTypeError } from "../errors.ts";
import type { OperandDescription, Operation } from "../operation.ts";
import { type Scalar, constant, leaf, s } from "../scalar/instruction.ts";
import { broadcastShapes, sameShape } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { cast } from "./cast.ts";
import { primitive } from "./define.ts";
import { sumTo } from "./reduction.ts";
import { largest, storesOf, summing } from "./row-core.ts";
import { softmaxGradient } from "./softmax.ts";
import { expand, reshape, unsqueeze } from "./view.ts";

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

/** Operands scores `[…, l, s]` and maybe a mask: the softmax. */
const weightOperation: Operation<ScoreAttributes> = /* @__PURE__ */ primitive({
  name: "attentionWeights",
  infer: ([x]) => [{ shape: x!.shape, dtype: x!.dtype }],
  lower([x, mask], attributes): RowsKernel {
    const { shape, dtype } = x!;
    const last = shape.length - 1;
    const loops = foldLoops(shape, [last]);
    const [score, e] = [leaf("kept", 0, dtype), leaf("kept", 1, dtype)];
    const [max, sum] = [leaf("state", 0, dtype), leaf("state", 1, dtype)];
    // A row without a single place to look at looks nowhere.
    const isBlind = s.eq(max, constant(-Infinity, dtype));
    return {
      kind: "rows",
      axes: loops.axes,
      row: loops.reduced,
      loads: [loops.load(0, x!), ...(mask === undefined ? [] : [loops.load(1, mask)])],
      params: [],
      stages: [
        {
          kept: [maskedScore(mask, attributes, leaf("load", 0, dtype), [last - 1, last])],
          states: [largest(0, score)],
        },
        { kept: [s.exp(s.sub(score, max))], states: [summing(1, e)] },
      ],
      stores: storesOf(loops, s.select(isBlind, constant(0, dtype), s.div(e, sum))),
    };
  },
});

type Weights = (scores: Tensor, mask: Tensor | undefined, scale: number, causal: boolean) => Tensor;

/** Scores and a mask that broadcasts to their shape. */
const maskedSoftmax: Weights = /* @__PURE__ */ customFunction({
  name: "attentionWeights",
  forward: (scores: Tensor, mask: Tensor | undefined, scale: number, causal: boolean) => {
    const operands = mask === undefined ? [scores] : [scores, mask];
    const y = apply(weightOperation, operands, { scale, causal })[0]!;
    return { result: y, saved: { y, scale, maskShape: mask?.shape } };
  },
  backward: ({ y, scale, maskShape }, grad, [ofScores, ofMask]) => {
    const last = [y.ndim - 1];
    return [
      ofScores ? softmaxGradient(y, grad, last, scale) : undefined,
      ofMask ? sumTo(softmaxGradient(y, grad, last), maskShape!) : undefined,
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

/** The mask as kernels take it; throws unless it is bool or float. @internal */
export function requireMask(name: string, mask: Tensor): Tensor {
  if (mask.dtype === "bool" || isFloat(mask.dtype)) return mask;
  throw new DTypeError(
    `${name}: the mask is bool (true where a query may look) or float (added to the scores), got ` +
      `${mask.dtype}. Compare it, for instance mask.ne(0).`,
  );
}

/** Softmax of scores `[…, queries, keys]` under a mask; rows that are masked whole are 0. @internal */
export function attentionWeights(
  name: string,
  scores: Tensor,
  { mask, causal = false, scale = 1 }: AttentionWeightOptions,
): Tensor {
  if (mask === undefined) return maskedSoftmax(scores, undefined, scale, causal);
  requireMask(name, mask);
  const shape = broadcastShapes(name, scores.shape, mask.shape);
  const over = mask.dtype === "bool" ? mask : cast(mask, scores.dtype);
  const all = sameShape(shape, scores.shape) ? scores : expand(scores, shape);
  return maskedSoftmax(all, over, scale, causal);
}
