// Attention: softmax of scaled scores under a mask, times the values. The weights are in
// attention-weights.ts; devices with a kernel for all of it take it whole, by attention-whole.ts.
import { isFloat } from "../dtype.ts";
import { DTypeError, FlambeauError, ShapeError, showShape } from "../errors.ts";
import type { Generator } from "../random.ts";
import type { Shape } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { attentionWeights } from "./attention-weights.ts";
import { attentionWhole } from "./attention-whole.ts";
import { type Op, composite } from "./define.ts";
import { dropout as drop } from "./dropout.ts";
import { matmul } from "./matmul.ts";
import { expand, reshape, transpose, unsqueeze } from "./view.ts";

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
    if (dropout === 0) {
      const whole = attentionWhole(query, keys, values, { mask, causal, scale });
      if (whole !== undefined) return whole;
    }
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
