// Differences of neighbours, and the areas under what they sample.
import { FlambeauError, ShapeError, showShape } from "../errors.ts";
import { normalizeAxis } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { add, mul, ne, sub } from "./arithmetic.ts";
import { composite } from "./define.ts";
import { cumsum } from "./cumulative.ts";
import { concat } from "./join.ts";
import { sum } from "./reduction.ts";
import { reshape, sliceView } from "./view.ts";

/** `count` positions from `start` along an axis. */
function part(x: Tensor, axis: number, start: number, count: number): Tensor {
  const none = x.shape.map(() => 0);
  return sliceView(x, none.with(axis, start), x.shape.with(axis, count), none.map(() => 1)); // prettier-ignore
}

/** All but the last along an axis, and all but the first. */
function neighbours(x: Tensor, axis: number): [Tensor, Tensor] {
  const count = Math.max(x.shape[axis]! - 1, 0);
  return [part(x, axis, 0, count), part(x, axis, Math.min(1, x.shape[axis]!), count)];
}

export interface DiffOptions {
  /** Stands before `x` along the axis. */
  readonly prepend?: Tensor;
  /** Stands after `x` along the axis. */
  readonly append?: Tensor;
}

/** The `n`-th differences of neighbours along `axis`: each is one shorter. Of bools, whether they differ. */
export const diff = /* @__PURE__ */ composite(
  "diff",
  (x: Tensor, n = 1, axis = -1, { prepend, append }: DiffOptions = {}): Tensor => {
    if (x.ndim === 0) throw new ShapeError("diff: expected at least one axis, got a 0-d tensor.");
    if (!Number.isInteger(n) || n < 0) {
      throw new FlambeauError(`diff: expected a number of times n ≥ 0, got ${n}.`);
    }
    const at = normalizeAxis("diff", axis, x.ndim);
    const pieces = [prepend, x, append].filter((piece) => piece !== undefined);
    let result = pieces.length === 1 ? x : concat(pieces, at);
    for (let i = 0; i < n; i++) {
      const [before, after] = neighbours(result, at);
      result = result.dtype === "bool" ? ne(after, before) : sub(after, before);
    }
    return result;
  },
  {
    samples: [
      (make) => [make([5])],
      (make) => [make([4, 3]), 2, 0],
      (make) => [make([2, 3]), 1, 1, { prepend: make([2, 1]), append: make([2, 2]) }],
      (make) => [make([1])],
      (make) => [make([2, 2]), 3],
      (make) => [make([2, 3]), 0],
    ],
  },
);

export interface TrapezoidOptions {
  /** Distance of the samples where no positions are given. Default 1. */
  readonly dx?: number;
  /** Default -1. */
  readonly axis?: number;
}

/** The areas between neighbours. */
function trapezoids(name: string, y: Tensor, x: Tensor | undefined, options: TrapezoidOptions) {
  const { dx, axis = -1 } = options;
  if (y.ndim === 0) throw new ShapeError(`${name}: expected at least one axis, got a 0-d tensor.`);
  if (x !== undefined && dx !== undefined) {
    throw new FlambeauError(`${name}: give positions x or a distance dx, not both.`);
  }
  const at = normalizeAxis(name, axis, y.ndim);
  const [before, after] = neighbours(y, at);
  const pairs = add(before, after);
  if (x === undefined) return { areas: mul(pairs, (dx ?? 1) / 2), axis: at };
  const own = x.ndim === 1 ? 0 : at - y.ndim + x.ndim;
  if (own < 0 || x.ndim > y.ndim || x.shape[own] !== y.shape[at]) {
    throw new ShapeError(
      `${name}: positions of shape ${showShape(x.shape)} do not fit axis ${at} of ` +
        `${showShape(y.shape)}. Give one position per sample.`,
    );
  }
  let steps = diff(x, 1, own);
  // One list of positions serves every row.
  if (x.ndim === 1) {
    const lengths = y.shape.slice(at).map(() => 1);
    steps = reshape(steps, lengths.with(0, steps.size));
  }
  return { areas: mul(mul(pairs, steps), 0.5), axis: at };
}

const trapezoidSamples = [
  (make) => [make([5])],
  (make) => [make([3, 4]), make([4])],
  (make) => [make([4, 3]), make([4]), { axis: 0 }],
  (make) => [make([2, 4]), make([2, 4])],
  (make) => [make([2, 4]), undefined, { dx: 0.5, axis: 0 }],
  (make) => [make([1])],
] satisfies Parameters<typeof composite>[2]["samples"];
const floats = ["float32", "float64"] as const;

/** The area under `y`, sampled at positions `x` or every `dx`, by the trapezoid rule along an axis. */
export const trapezoid = /* @__PURE__ */ composite(
  "trapezoid",
  (y: Tensor, x?: Tensor, options: TrapezoidOptions = {}): Tensor => {
    const { areas, axis } = trapezoids("trapezoid", y, x, options);
    return sum(areas, axis);
  },
  { samples: trapezoidSamples, dtypes: floats },
);

/** As `trapezoid`, up to each sample but the first. */
export const cumulativeTrapezoid = /* @__PURE__ */ composite(
  "cumulativeTrapezoid",
  (y: Tensor, x?: Tensor, options: TrapezoidOptions = {}): Tensor => {
    const { areas, axis } = trapezoids("cumulativeTrapezoid", y, x, options);
    return cumsum(areas, axis);
  },
  { samples: trapezoidSamples, dtypes: floats },
);
