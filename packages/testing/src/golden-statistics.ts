// Reductions, order statistics, sorting and running sums of PyTorch in Flambeau. Assembled in
// golden-adapter.ts.
import * as f from "@flambeau/core";
import type { DType, Tensor } from "@flambeau/core";
import { type Entry, NotYet, fn, indexFn } from "./golden-call.ts";

type Axes = number | readonly number[];

/** PyTorch's `dtype=` of reductions: the input is converted first. */
const as = (x: Tensor, dtype: DType | undefined): Tensor => (dtype === undefined ? x : x.to(dtype));

type Reduction = (x: Tensor, axes?: Axes, options?: { readonly keepDims?: boolean }) => Tensor;

const reduction = (call: Reduction): Entry =>
  fn("input dim keepdim dtype", (x: Tensor, axes?: Axes, keepDims?: boolean, dtype?: DType) =>
    call(as(x, dtype), axes, { keepDims }),
  );

const moment = (call: typeof f.variance): Entry =>
  fn(
    "input dim unbiased keepdim correction",
    (x: Tensor, axes?: Axes, unbiased = true, keepDims?: boolean, correction?: number) =>
      call(x, axes, { keepDims, correction: correction ?? Number(unbiased) }),
  );

/** `torch.max` is three functions: of everything, along an axis, of two tensors. */
const extreme = (all: Reduction, pair: typeof f.maximum, name: string): Entry =>
  indexFn("input dim keepdim", (x: Tensor, other?: Tensor | number) => {
    if (other === undefined) return all(x);
    if (typeof other !== "number") return pair(x, other);
    throw new NotYet(`${name}(dim)`);
  });

export const reductions: Readonly<Record<string, Entry>> = {
  "torch.sum": reduction(f.sum),
  "torch.prod": reduction(f.prod),
  "torch.mean": reduction(f.mean),
  "torch.amax": reduction(f.amax),
  "torch.amin": reduction(f.amin),
  "torch.all": reduction(f.all),
  "torch.any": reduction(f.any),
  "torch.logsumexp": reduction(f.logsumexp as Reduction),
  "torch.var": moment(f.variance),
  "torch.std": moment(f.std),
  "torch.max": extreme(f.amax, f.maximum, "torch.max"),
  "torch.min": extreme(f.amin, f.minimum, "torch.min"),
  "torch.argmax": indexFn("input dim keepdim", (x: Tensor, axis?: number, keepDims?: boolean) =>
    f.argmax(x, axis, { keepDims }),
  ),
  "torch.argmin": indexFn("input dim keepdim", (x: Tensor, axis?: number, keepDims?: boolean) =>
    f.argmin(x, axis, { keepDims }),
  ),
};

interface ValuesAndIndices {
  readonly values: Tensor;
  readonly indices: Tensor;
}

/** PyTorch's named tuples, in their order. */
const pair = ({ values, indices }: ValuesAndIndices): Tensor[] => [values, indices];

/** With an axis the values and where they stand, else the value alone. */
const statistic = (
  alone: (x: Tensor) => Tensor,
  withIndices: (
    x: Tensor,
    axis: number,
    options: { readonly keepDims?: boolean },
  ) => ValuesAndIndices,
): Entry =>
  indexFn("input dim keepdim", (x: Tensor, axis?: number, keepDims?: boolean) =>
    axis === undefined ? alone(x) : pair(withIndices(x, axis, { keepDims })),
  );

type Cumulative = typeof f.cumsum;

const cumulative = (call: Cumulative): Entry =>
  fn("input dim dtype", (x: Tensor, axis: number, dtype?: DType) => call(x, axis, { dtype }));

const quantile = (call: typeof f.quantile): Entry =>
  fn(
    "input q dim keepdim interpolation",
    (
      x: Tensor,
      q: number | Tensor,
      axis?: number,
      keepDims?: boolean,
      interpolation?: "linear" | "lower" | "higher" | "nearest" | "midpoint",
    ) => call(x, q, axis, { keepDims, interpolation }),
  );

const trapezoid: Entry = fn("y x dx dim", (y: Tensor, x?: Tensor, dx?: number, axis?: number) =>
  f.trapezoid(y, x, { dx, axis }),
);

const distinct = (call: typeof f.unique, names: string): Entry =>
  indexFn(names, (x: Tensor, wantsInverse = false, wantsCounts = false, axis?: number) => {
    const { values, inverse, counts } = call(x, { axis });
    return [values, ...(wantsInverse ? [inverse] : []), ...(wantsCounts ? [counts] : [])];
  });

export const ordering: Readonly<Record<string, Entry>> = {
  "torch.sort": indexFn(
    "input dim descending stable",
    (x: Tensor, axis?: number, descending?: boolean) => pair(f.sort(x, axis, { descending })),
  ),
  "torch.argsort": indexFn(
    "input dim descending stable",
    (x: Tensor, axis?: number, descending?: boolean) => f.argsort(x, axis, { descending }),
  ),
  "torch.topk": indexFn(
    "input k dim largest",
    (x: Tensor, k: number, axis?: number, largest?: boolean) =>
      pair(f.topk(x, k, axis, { largest })),
  ),
  "torch.median": statistic(f.median, f.medianWithIndices),
  "torch.nanmedian": statistic(f.nanmedian, f.nanmedianWithIndices),
  "torch.mode": indexFn("input dim keepdim", (x: Tensor, axis?: number, keepDims?: boolean) =>
    pair(f.mode(x, axis, { keepDims })),
  ),
  "torch.kthvalue": indexFn(
    "input k dim keepdim",
    (x: Tensor, k: number, axis?: number, keepDims?: boolean) =>
      pair(f.kthvalue(x, k, axis, { keepDims })),
  ),
  "torch.quantile": quantile(f.quantile),
  "torch.nanquantile": quantile(f.nanquantile),
  "torch.searchsorted": indexFn(
    "sorted_sequence input right",
    (sequence: Tensor, x: Tensor, right?: boolean) => f.searchsorted(sequence, x, { right }),
  ),
  "torch.bucketize": indexFn(
    "input boundaries right",
    (x: Tensor, boundaries: Tensor, right?: boolean) => f.bucketize(x, boundaries, { right }),
  ),
  "torch.unique": distinct(f.unique, "input return_inverse return_counts dim"),
  "torch.unique_consecutive": distinct(
    f.uniqueConsecutive,
    "input return_inverse return_counts dim",
  ),
  "torch.bincount": fn(
    "input weights minlength",
    (x: Tensor, weights?: Tensor, minLength?: number) => f.bincount(x, { weights, minLength }),
  ),
  "torch.histc": fn("input bins min max", (x: Tensor, bins?: number, min?: number, max?: number) =>
    f.histc(x, { bins, min, max }),
  ),
  "torch.histogram": fn("input bins range", (x: Tensor, bins: number, range?: [number, number]) =>
    Object.values(f.histogram(x, bins, { range })),
  ),
  "torch.count_nonzero": fn("input dim", f.countNonzero),
};

export const running: Readonly<Record<string, Entry>> = {
  "torch.cumsum": cumulative(f.cumsum),
  "torch.cumprod": cumulative(f.cumprod),
  "torch.logcumsumexp": fn("input dim", f.logcumsumexp),
  "torch.cummax": indexFn("input dim", (x: Tensor, axis: number) => pair(f.cummax(x, axis))),
  "torch.cummin": indexFn("input dim", (x: Tensor, axis: number) => pair(f.cummin(x, axis))),
  "torch.diff": fn(
    "input n dim prepend append",
    (x: Tensor, n?: number, axis?: number, prepend?: Tensor, append?: Tensor) =>
      f.diff(x, n, axis, { prepend, append }),
  ),
  "torch.trapezoid": trapezoid,
  "torch.trapz": trapezoid,
};
