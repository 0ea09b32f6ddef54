// Rows of a table summed, averaged or compared by bags.
import { DTypeError, FlambeauError, ShapeError, showShape } from "../errors.ts";
import { normalizeAxis } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { div, eq, mul, sub, where } from "./arithmetic.ts";
import { cast } from "./cast.ts";
import { arange, ones, tensor, zeros } from "./creation.ts";
import { composite } from "./define.ts";
import { clamp } from "./masking.ts";
import { scatterReduce } from "./scatter-reduce.ts";
import { searchsorted } from "./search.ts";
import { lookup, slicing } from "./selection.ts";
import { expand, reshape, slice, unsqueeze } from "./view.ts";

export interface EmbeddingBagOptions {
  /** What becomes of the rows of a bag. Default `mean`. */
  readonly mode?: "sum" | "mean" | "max";
  /** A factor for each row, of the index's shape; with `sum` only. */
  readonly perSampleWeights?: Tensor;
  /** The last offset is the end of the last bag. Default false. */
  readonly includeLastOffset?: boolean;
  /** Rows left out of their bags; negative counts from the end. */
  readonly paddingIndex?: number;
}

/** The bag of each element of a flat index, and how many bags there are. */
function bagsOf(index: Tensor, offsets: Tensor | undefined, includeLast: boolean) {
  const { device } = index;
  if (index.ndim === 2) {
    if (offsets !== undefined) {
      throw new ShapeError("embeddingBag: a 2-d index has one bag per row and takes no offsets.");
    }
    const [count, length] = index.shape as [number, number];
    const rows = arange(0, count, { dtype: "int32", device });
    return { count, bags: reshape(expand(unsqueeze(rows, 1), [count, length]), [-1]) };
  }
  if (index.ndim !== 1 || offsets === undefined || offsets.ndim !== 1) {
    throw new ShapeError(
      `embeddingBag: expected a 2-d index, or a 1-d one with 1-d offsets, got ` +
        `${showShape(index.shape)}${offsets === undefined ? "" : ` and ${showShape(offsets.shape)}`}.`,
    );
  }
  const count = offsets.size - Number(includeLast);
  const starts = includeLast ? slice(offsets, 0, { end: -1 }) : offsets;
  const places = arange(0, index.size, { dtype: starts.dtype, device });
  return { count, bags: sub(searchsorted(starts, places, { right: true }), 1) };
}

/** Of samples: the second bag is empty. */
const sampleOffsets = () => tensor([0, 2, 2], { dtype: "int64" });

/**
 * The rows of `weight` `[rows, size]` that an index names, reduced by bags: `[bags, size]`. A 2-d index
 * has one bag per row; in a 1-d one, bags start at `offsets`. An empty bag gives zeros.
 */
export const embeddingBag = /* @__PURE__ */ composite(
  "embeddingBag",
  (
    weight: Tensor,
    index: Tensor,
    offsets?: Tensor,
    { mode = "mean", perSampleWeights, includeLastOffset = false, paddingIndex }: EmbeddingBagOptions = {},
  ): Tensor => {
    if (weight.ndim !== 2) {
      throw new ShapeError(
        `embeddingBag: expected a weight of shape [rows, size], got ${showShape(weight.shape)}.`,
      );
    }
    if (index.dtype !== "int32" && index.dtype !== "int64") {
      throw new DTypeError(`embeddingBag: the index is ${index.dtype}; expected int32 or int64.`);
    }
    if (perSampleWeights !== undefined && mode !== "sum") {
      throw new FlambeauError(`embeddingBag: perSampleWeights go with mode "sum", got "${mode}".`);
    }
    const { dtype, device } = weight;
    const { count, bags } = bagsOf(index, offsets, includeLastOffset);
    const flat = reshape(index, [-1]);
    // What is left out goes to a bag of its own, which is cut off.
    const target =
      paddingIndex === undefined
        ? bags
        : where(eq(flat, normalizeAxis("embeddingBag", paddingIndex, weight.shape[0]!)), count, bags);
    const total = count + Number(paddingIndex !== undefined);
    const rows = lookup.pick(weight, flat, 0);
    const shape = [total, weight.shape[1]!];
    const gather = (values: Tensor, its: readonly number[]) =>
      slicing.place(values, target, { axis: 0, shape: its, combine: "add" });
    let result: Tensor;
    if (mode === "max") {
      const spread = expand(unsqueeze(target, 1), rows.shape);
      const start = zeros(shape, { dtype, device });
      result = scatterReduce(start, 0, spread, rows, { reduce: "amax", includeSelf: false });
    } else {
      const factors = perSampleWeights && unsqueeze(reshape(perSampleWeights, [-1]), 1);
      result = gather(factors === undefined ? rows : mul(rows, cast(factors, dtype)), shape);
      if (mode === "mean") {
        const sizes = gather(expand(ones([], { dtype, device }), flat.shape), [total]);
        result = div(result, unsqueeze(clamp(sizes, { min: 1 }), 1));
      }
    }
    return total === count ? result : slice(result, 0, { end: count });
  },
  {
    samples: [
      (make) => [make([5, 2]), make.integers([2, 3], 0, 5)],
      (make) => [make([5, 2]), make.integers([6], 0, 5), sampleOffsets(), { mode: "sum" }],
      (make) => [make.distinct([5, 2]), make.integers([6], 0, 5), sampleOffsets(), { mode: "max", paddingIndex: -1 }],
      (make) => [make([5, 2]), make.integers([2, 2], 0, 5), undefined, { mode: "sum", perSampleWeights: make([2, 2]) }],
      (make) => [make([5, 2]), make.integers([2, 3], 0, 4), undefined, { paddingIndex: 2 }],
    ],
    dtypes: ["float32", "float64"],
    skips: { tied: "equal rows of a bag share the gradient; differences see one side" },
  },
); // prettier-ignore
