// Each element repeated, next to itself.
import { ShapeError, showShape } from "../errors.ts";
import { normalizeAxis } from "../shape.ts";
import { type Tensor, isTensor } from "../tensor.ts";
import { arange, tensor } from "./creation.ts";
import { cumsum } from "./cumulative.ts";
import { type SizeOptions, countSkips, resultCount } from "./data-dependent.ts";
import { composite } from "./define.ts";
import { clamp } from "./masking.ts";
import { sum } from "./reduction.ts";
import { searchsorted } from "./search.ts";
import { slicing } from "./selection.ts";
import { expand, reshape, unsqueeze } from "./view.ts";

const counted = { name: "repeatInterleave", traits: { hasDataDependentSize: true } } as const;

/**
 * Each position along `axis` repeated that many times, or each its own number of times; without an axis,
 * of the flattened tensor. `size` says how many that makes in all; it is read from the numbers if not.
 */
export const repeatInterleave = /* @__PURE__ */ composite(
  "repeatInterleave",
  (
    x: Tensor,
    repeats: number | readonly number[] | Tensor,
    axis?: number,
    { size }: SizeOptions = {},
  ): Tensor => {
    const source = axis === undefined || x.ndim === 0 ? reshape(x, [-1]) : x;
    const at = normalizeAxis("repeatInterleave", axis ?? 0, source.ndim);
    const n = source.shape[at]!;
    if (typeof repeats === "number") {
      if (!Number.isInteger(repeats) || repeats < 0) {
        throw new ShapeError(`repeatInterleave: expected a number of times ≥ 0, got ${repeats}.`);
      }
      const spread = unsqueeze(source, at + 1);
      const repeated = expand(spread, spread.shape.with(at + 1, repeats));
      return reshape(repeated, source.shape.with(at, n * repeats));
    }
    const times = isTensor(repeats)
      ? repeats
      : tensor([...repeats], { dtype: "int32", device: x.device });
    if (times.ndim > 1 || (times.size !== n && times.size !== 1)) {
      throw new ShapeError(
        `repeatInterleave: expected one number of times, or ${n}, one per position of axis ${at} of ` +
          `${showShape(source.shape)}, got shape ${showShape(times.shape)}.`,
      );
    }
    const each = expand(reshape(times, [-1]), [n]);
    const total = resultCount(counted, times, size, () => sum(each));
    const ends = cumsum(each, 0);
    const places = arange(0, total, { dtype: ends.dtype, device: x.device });
    const index = searchsorted(ends, places, { right: true });
    // A size beyond the sum repeats the last position.
    return slicing.pick(source, size === undefined ? index : clamp(index, { max: n - 1 }), at);
  },
  {
    samples: [
      (make) => [make([2, 3]), 2],
      (make) => [make([2, 3]), 2, 1],
      (make) => [make([3, 2]), make.integers([3], 0, 3), 0],
      (make) => [make([3, 2]), [1, 0, 2], 0],
      (make) => [make([2, 2]), [2], -1, { size: 4 }],
    ],
    skips: countSkips,
  },
);
