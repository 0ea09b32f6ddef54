// Values folded into a tensor at positions: sums, products, means, extremes.
import { apply } from "../apply.ts";
import { customFunction } from "../autograd/function.ts";
import type { Combine, MapKernel } from "../compiler/kernel.ts";
import { type DType, integerRange, isContinuous, isFloat } from "../dtype.ts";
import { DTypeError, FlambeauError, ShapeError, showShape } from "../errors.ts";
import type { Operation } from "../operation.ts";
import { leaf } from "../scalar/instruction.ts";
import { type Shape, contiguousStrides, normalizeAxis } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { add, div, eq, floorDivide, maximum, minimum, mul, sub, where } from "./arithmetic.ts";
import { cast } from "./cast.ts";
import { ones } from "./creation.ts";
import { type Sample, composite, primitive } from "./define.ts";
import { clamp } from "./masking.ts";
import { gathering } from "./selection.ts";
import { expand, reshape, sliceView } from "./view.ts";

interface FoldAttributes {
  readonly [name: string]: number | string | readonly number[];
  readonly axis: number;
  readonly shape: readonly number[];
  readonly combine: "mul" | "max" | "min";
}

/** The value that leaves every other as it is. */
function identityOf(combine: FoldAttributes["combine"], dtype: DType): number | bigint {
  if (combine === "mul") return 1;
  const sign = combine === "max" ? -1 : 1;
  if (isFloat(dtype)) return sign * Infinity;
  const [least, greatest] = integerRange(dtype);
  return combine === "max" ? least : greatest;
}

/** Values folded into a tensor of identities, each where its index says along the axis. */
const foldOperation: Operation<FoldAttributes> = /* @__PURE__ */ primitive({
  name: "scatterFold",
  infer: ([values], { shape }) => [{ shape, dtype: values!.dtype }],
  lower([values, index], { axis, shape, combine }): MapKernel {
    const { dtype, layout } = values!;
    const own = contiguousStrides(shape);
    return {
      kind: "map",
      axes: index!.shape,
      loads: [
        { operand: 1, dtype: index!.dtype, offset: 0, strides: index!.layout.strides },
        { operand: 0, dtype, offset: 0, strides: layout.strides },
      ],
      params: [],
      stores: [
        {
          operand: 0,
          dtype,
          offset: 0,
          strides: own.with(axis, 0),
          indirections: [{ load: 0, size: shape[axis]!, stride: own[axis]! }],
          value: leaf("load", 1, dtype),
          combine: combine satisfies Combine,
        },
      ],
      initial: identityOf(combine, dtype),
    };
  },
});

/** What all ways of reducing know: everything has the same rank, and values the shape of the index. */
interface Scattered {
  readonly axis: number;
  readonly shape: Shape;
  readonly includeSelf: boolean;
}

const fold = (
  values: Tensor,
  index: Tensor,
  { axis, shape }: Scattered,
  combine: FoldAttributes["combine"],
): Tensor => apply(foldOperation, [values, index], { axis, shape, combine })[0]!;

const accumulate = (values: Tensor, index: Tensor, { axis, shape }: Scattered): Tensor =>
  gathering.place(values, index, { axis, shape, combine: "add" });

/** Where anything was put. */
function reached(index: Tensor, { axis, shape }: Scattered): Tensor {
  const yes = expand(ones([], { dtype: "bool", device: index.device }), index.shape);
  return gathering.place(yes, index, { axis, shape, combine: "set" });
}

/** `x` takes part only where nothing arrives, unless it is included. */
const startOf = (x: Tensor, index: Tensor, how: Scattered, identity: number): Tensor =>
  how.includeSelf ? x : where(reached(index, how), identity, x);

/** PyTorch's gradient of products: from the elements that are not zero and the number that are. */
const product = /* @__PURE__ */ customFunction({
  name: "scatterReduce",
  forward: (x: Tensor, index: Tensor, values: Tensor, how: Scattered) => ({
    result: mul(x, fold(values, index, how, "mul")),
    saved: { x, index, values, how },
  }),
  backward: ({ x, index, values, how }, grad): (Tensor | undefined)[] => {
    const [isZero, areZero] = [eq(x, 0), eq(values, 0)];
    const [own, others] = [where(isZero, 1, x), where(areZero, 1, values)];
    const rest: Tensor = product(own, index, others, how);
    const zeros = add(cast(isZero, grad.dtype), accumulate(cast(areZero, grad.dtype), index, how));
    const pick = (t: Tensor) => gathering.pick(t, index, how.axis);
    const share = (total: Tensor, count: Tensor, element: Tensor, its: Tensor) =>
      where(eq(sub(count, cast(its, grad.dtype)), 0), div(total, element), 0);
    return [
      mul(grad, share(rest, zeros, own, isZero)),
      undefined,
      mul(pick(grad), share(pick(rest), pick(zeros), others, areZero)),
      undefined,
    ];
  },
});

/** Equal extremes share the gradient. */
const extreme = /* @__PURE__ */ customFunction({
  name: "scatterReduce",
  forward: (x: Tensor, index: Tensor, values: Tensor, how: Scattered, combine: "max" | "min") => {
    const folded = fold(values, index, how, combine);
    const joined = (combine === "max" ? maximum : minimum)(x, folded);
    const result = how.includeSelf ? joined : where(reached(index, how), folded, x);
    return { result, saved: { x, index, values, how, result } };
  },
  backward: ({ x, index, values, how, result }, grad) => {
    const pick = (t: Tensor) => gathering.pick(t, index, how.axis);
    const isReached = how.includeSelf ? undefined : reached(index, how);
    const isOwn = cast(eq(x, result), grad.dtype);
    const own = isReached === undefined ? isOwn : where(isReached, 0, isOwn);
    const others = cast(eq(values, pick(result)), grad.dtype);
    const ties = add(own, accumulate(others, index, how));
    const share = div(grad, clamp(ties, { min: 1 }));
    const kept = isReached === undefined ? mul(share, own) : where(isReached, 0, grad);
    return [kept, undefined, mul(pick(share), others), undefined, undefined];
  },
});

function mean(x: Tensor, index: Tensor, values: Tensor, how: Scattered): Tensor {
  const total = add(startOf(x, index, how, 0), accumulate(values, index, how));
  const one = expand(ones([], { dtype: x.dtype, device: x.device }), index.shape);
  const counted = accumulate(one, index, how);
  const count = how.includeSelf ? add(counted, 1) : clamp(counted, { min: 1 });
  return isContinuous(x.dtype) ? div(total, count) : floorDivide(total, count);
}

export type Reduce = "sum" | "prod" | "mean" | "amax" | "amin";

const reductions: Record<
  Reduce,
  (x: Tensor, index: Tensor, values: Tensor, how: Scattered) => Tensor
> = {
  sum: (x, index, values, how) => add(startOf(x, index, how, 0), accumulate(values, index, how)),
  prod: (x, index, values, how) => product(startOf(x, index, how, 1), index, values, how),
  mean,
  amax: (x, index, values, how) => extreme(x, index, values, how, "max"),
  amin: (x, index, values, how) => extreme(x, index, values, how, "min"),
};

export interface ScatterReduceOptions {
  readonly reduce: Reduce;
  /** Whether the values of `x` take part where others arrive. Default true. */
  readonly includeSelf?: boolean;
}

function requireFit(x: Tensor, index: Tensor, source: Tensor, axis: number): void {
  if (index.dtype !== "int32" && index.dtype !== "int64") {
    throw new DTypeError(
      `scatterReduce: the index is ${index.dtype}; expected int32 or int64. Cast it with to("int32").`,
    );
  }
  if (x.dtype !== source.dtype) {
    throw new DTypeError(
      `scatterReduce: the tensor is ${x.dtype}, the source ${source.dtype}. Convert one with to(…).`,
    );
  }
  const fits =
    index.ndim === x.ndim &&
    source.ndim === x.ndim &&
    index.shape.every((n, i) => (i === axis || n <= x.shape[i]!) && n <= source.shape[i]!);
  if (fits) return;
  throw new ShapeError(
    `scatterReduce: an index of shape ${showShape(index.shape)} does not fit a tensor of ` +
      `${showShape(x.shape)} and a source of ${showShape(source.shape)}: expected as many axes, none ` +
      `longer beside axis ${axis}, and none longer than the source's.`,
  );
}

const cases: readonly [Reduce, boolean][] = [
  ["sum", true],
  ["sum", false],
  ["prod", true],
  ["prod", false],
  ["mean", true],
  ["mean", false],
  ["amax", true],
  ["amax", false],
  ["amin", true],
  ["amin", false],
];

/**
 * `x` with the elements of `source` folded in where `gather` along `axis` would read: their sum,
 * product, mean, largest or smallest, together with what is there (unless `includeSelf` is false).
 */
export const scatterReduce = /* @__PURE__ */ composite(
  "scatterReduce",
  (
    x: Tensor,
    axis: number,
    index: Tensor,
    source: Tensor,
    { reduce, includeSelf = true }: ScatterReduceOptions,
  ): Tensor => {
    const at = normalizeAxis("scatterReduce", axis, x.ndim);
    requireFit(x, index, source, at);
    const call = reductions[reduce];
    if (call === undefined) {
      throw new FlambeauError(
        `scatterReduce: unknown reduce ${JSON.stringify(reduce)}. Expected one of ` +
          `${Object.keys(reductions).join(", ")}.`,
      );
    }
    const raised = (t: Tensor) => (t.ndim === 0 ? reshape(t, [1]) : t);
    const [target, positions, all] = [raised(x), raised(index), raised(source)];
    const none = positions.shape.map(() => 0);
    const values = sliceView(all, none, positions.shape, none.map(() => 1)); // prettier-ignore
    const how = { axis: at, shape: target.shape, includeSelf };
    return reshape(call(target, positions, values, how), x.shape);
  },
  {
    samples: [
      ...cases.map(([reduce, includeSelf]): Sample => (make) => [
        make.distinct([3, 4]),
        1,
        make.integers([3, 5], 0, 3),
        make.distinct([3, 5]),
        { reduce, includeSelf },
      ]),
      (make) => [make([3]), 0, make.integers([0], 0, 3), make([0]), { reduce: "amax" }],
      (make) => [make([3]), -1, make.integers([2], 0, 3), make([4]), { reduce: "prod" }],
    ],
    dtypes: ["float32", "float64", "int32", "int64", "uint8"],
    skips: { tied: "equal extremes share the gradient; differences see one side" },
  },
);
