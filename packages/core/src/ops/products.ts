// Products of vectors, matrices and chains of them, made of matmul. By index notation: einsum.ts.
import { ShapeError, showShape } from "../errors.ts";
import { normalizeAxis, sizeOf } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { add, mul, sub } from "./arithmetic.ts";
import { eye } from "./creation.ts";
import { type Sample, composite } from "./define.ts";
import { bmm, dot, matmul, mm } from "./matmul.ts";
import { roll } from "./rearrange.ts";
import { sum } from "./reduction.ts";
import { expand, permute, reshape, unsqueeze } from "./view.ts";

const floats = ["float32", "float64"] as const;
const numeric = ["float32", "float64", "int32", "int64", "uint8"] as const;

function requireVectors(name: string, ...tensors: readonly Tensor[]): void {
  const wrong = tensors.find((x) => x.ndim !== 1);
  if (wrong === undefined) return;
  throw new ShapeError(`${name}: expected vectors, got shape ${showShape(wrong.shape)}.`);
}

/** Every element of one vector times every element of the other: `[m]`, `[n]` → `[m, n]`. */
export const outer = /* @__PURE__ */ composite(
  "outer",
  (a: Tensor, b: Tensor): Tensor => {
    requireVectors("outer", a, b);
    return mul(unsqueeze(a, 1), b);
  },
  { samples: [(make) => [make([2]), make([3])], (make) => [make([0]), make([3])]] },
);

/** Sum of products over the last axes of both: `[…a, n]`, `[…b, n]` → `[…a, …b]`. */
export const inner = /* @__PURE__ */ composite(
  "inner",
  (a: Tensor, b: Tensor): Tensor => {
    if (a.ndim === 0 || b.ndim === 0) return mul(a, b);
    if (a.shape.at(-1) !== b.shape.at(-1)) {
      throw new ShapeError(
        `inner: the last axes differ: ${showShape(a.shape)} and ${showShape(b.shape)}.`,
      );
    }
    return tensordot(a, b, [[-1], [-1]]);
  },
  {
    samples: [
      (make) => [make([2, 3]), make([4, 3])],
      (make) => [make([3]), make([3])],
      (make) => [make([2, 3]), make([])],
    ],
    dtypes: numeric,
  },
);

/** Inner product of two vectors; the first would be conjugated if it were complex. */
export const vdot = /* @__PURE__ */ composite("vdot", (a: Tensor, b: Tensor): Tensor => dot(a, b), {
  samples: [(make) => [make([3]), make([3])]],
  dtypes: numeric,
});

/**
 * Sum of products over pairs of axes: the last `axes` of `a` with the first of `b`, or the axes named
 * for each.
 */
export const tensordot = /* @__PURE__ */ composite(
  "tensordot",
  (a: Tensor, b: Tensor, axes: number | readonly [readonly number[], readonly number[]] = 2): Tensor => {
    const [left, right] =
      typeof axes === "number"
        ? [
            Array.from({ length: axes }, (_, i) => a.ndim - axes + i),
            Array.from({ length: axes }, (_, i) => i),
          ]
        : axes;
    const own = left.map((axis) => normalizeAxis("tensordot", axis, a.ndim));
    const other = right.map((axis) => normalizeAxis("tensordot", axis, b.ndim));
    const fits = own.length === other.length && own.every((axis, i) => a.shape[axis] === b.shape[other[i]!]);
    if (!fits) {
      throw new ShapeError(
        `tensordot: axes ${showShape(own)} of ${showShape(a.shape)} and ${showShape(other)} of ` +
          `${showShape(b.shape)} do not have equal lengths.`,
      );
    }
    const [freeA, freeB] = [
      [...a.shape.keys()].filter((axis) => !own.includes(axis)),
      [...b.shape.keys()].filter((axis) => !other.includes(axis)),
    ];
    const inner = sizeOf(own.map((axis) => a.shape[axis]!));
    const shape = [...freeA.map((axis) => a.shape[axis]!), ...freeB.map((axis) => b.shape[axis]!)];
    const rows = reshape(permute(a, [...freeA, ...own]), [
      sizeOf(freeA.map((axis) => a.shape[axis]!)),
      inner,
    ]);
    const columns = reshape(permute(b, [...other, ...freeB]), [
      inner,
      sizeOf(freeB.map((axis) => b.shape[axis]!)),
    ]);
    return reshape(matmul(rows, columns), shape);
  },
  {
    samples: [
      (make) => [make([2, 3, 4]), make([3, 4, 2])],
      (make) => [make([2, 3]), make([3, 2]), 1],
      (make) => [make([2, 3, 4]), make([4, 3, 5]), [[1, 2], [1, 0]]],
      (make) => [make([2]), make([3]), 0],
    ],
    dtypes: numeric,
  },
); // prettier-ignore

/** Every element of `a` times all of `b`, as blocks: axis lengths multiply. */
export const kron = /* @__PURE__ */ composite(
  "kron",
  (a: Tensor, b: Tensor): Tensor => {
    const ndim = Math.max(a.ndim, b.ndim);
    const raised = (x: Tensor) => [...new Array<number>(ndim - x.ndim).fill(1), ...x.shape];
    const [left, right] = [raised(a), raised(b)];
    const blocks = mul(
      reshape(a, left.flatMap((n) => [n, 1])),
      reshape(b, right.flatMap((n) => [1, n])),
    ); // prettier-ignore
    return reshape(blocks, left.map((n, i) => n * right[i]!)); // prettier-ignore
  },
  { samples: [(make) => [make([2, 3]), make([3, 2])], (make) => [make([2]), make([2, 2])]] },
);

/** The vector product along an axis of length 3; both broadcast. */
export const cross = /* @__PURE__ */ composite(
  "cross",
  (a: Tensor, b: Tensor, axis = -1): Tensor => {
    const ndim = Math.max(a.ndim, b.ndim);
    const at = normalizeAxis("cross", axis, ndim) - ndim;
    if (a.shape.at(at) !== 3 || b.shape.at(at) !== 3) {
      throw new ShapeError(
        `cross: expected length 3 along axis ${axis}, got ${showShape(a.shape)} and ` +
          `${showShape(b.shape)}.`,
      );
    }
    const turned = (x: Tensor, by: number) => roll(x, by, at);
    return sub(mul(turned(a, -1), turned(b, -2)), mul(turned(a, -2), turned(b, -1)));
  },
  {
    samples: [(make) => [make([4, 3]), make([4, 3])], (make) => [make([3, 2]), make([3, 1]), 0]],
    dtypes: numeric,
  },
);

export interface AddProductOptions {
  /** Multiplies the tensor that is added; with 0 it is left out, even where it is NaN. Default 1. */
  readonly beta?: number;
  /** Multiplies the product. Default 1. */
  readonly alpha?: number;
}

/** `beta · x + alpha · product`. */
function added(x: Tensor, product: Tensor, { beta = 1, alpha = 1 }: AddProductOptions): Tensor {
  const scaled = alpha === 1 ? product : mul(product, alpha);
  if (beta === 0) return scaled;
  const sum = add(beta === 1 ? x : mul(x, beta), scaled);
  if (sum.ndim === product.ndim && sum.shape.every((n, i) => n === product.shape[i])) return sum;
  throw new ShapeError(
    `the tensor of shape ${showShape(x.shape)} does not broadcast to the product's ` +
      `${showShape(product.shape)}.`,
  );
}

const addSamples = (...shapes: readonly (readonly number[])[]): readonly Sample[] => [
  (make) => shapes.map((shape) => make(shape)),
  (make) => [...shapes.map((shape) => make(shape)), { beta: 0.5, alpha: 2 }],
  (make) => [...shapes.map((shape) => make(shape)), { beta: 0 }],
];

type AddProduct = (x: Tensor, a: Tensor, b: Tensor, options?: AddProductOptions) => Tensor;

/** `beta · x + alpha · (a · b)` for matrices; `x` broadcasts. */
export const addmm = /* @__PURE__ */ composite<AddProduct>(
  "addmm",
  (x, a, b, options = {}) => added(x, mm(a, b), options),
  { samples: addSamples([4], [2, 3], [3, 4]), dtypes: floats },
);

/** `beta · x + alpha · (a · v)` for a matrix and a vector; `x` broadcasts. */
export const addmv = /* @__PURE__ */ composite<AddProduct>(
  "addmv",
  (x, a, b, options = {}) => {
    requireVectors("addmv", b);
    return added(x, matmul(a, b), options);
  },
  { samples: addSamples([2], [2, 3], [3]), dtypes: floats },
);

/** `beta · x + alpha · outer(a, b)`; `x` broadcasts. */
export const addr = /* @__PURE__ */ composite<AddProduct>(
  "addr",
  (x, a, b, options = {}) => added(x, outer(a, b), options),
  { samples: addSamples([2, 3], [2], [3]), dtypes: floats },
);

/** `beta · x + alpha · Σ aᵢ · bᵢ` over batches of matrices; `x` broadcasts. */
export const addbmm = /* @__PURE__ */ composite<AddProduct>(
  "addbmm",
  (x, a, b, options = {}) => added(x, sum(bmm(a, b), 0), options),
  { samples: addSamples([2, 4], [3, 2, 3], [3, 3, 4]), dtypes: floats },
);

/** `beta · x + alpha · (a · b)` for batches of matrices; `x` broadcasts. */
export const baddbmm = /* @__PURE__ */ composite<AddProduct>(
  "baddbmm",
  (x, a, b, options = {}) => added(x, bmm(a, b), options),
  { samples: addSamples([2, 1, 4], [2, 2, 3], [2, 3, 4]), dtypes: floats },
);

/** The product of matrices in the order that takes the fewest operations; the ends may be vectors. */
export const multiDot = /* @__PURE__ */ composite(
  "multiDot",
  (tensors: readonly Tensor[]): Tensor => {
    const count = tensors.length;
    if (count < 2) throw new ShapeError(`multiDot: expected at least 2 tensors, got ${count}.`);
    const matrices = tensors.map((x, i) => {
      const isEnd = i === 0 || i === count - 1;
      if (x.ndim !== 2 && !(isEnd && x.ndim === 1)) {
        throw new ShapeError(
          `multiDot: expected matrices (vectors at the ends), got shape ${showShape(x.shape)} at ${i}.`,
        );
      }
      return x.ndim === 2 ? x : unsqueeze(x, i === 0 ? 0 : 1);
    });
    const sizes = [matrices[0]!.shape[0]!, ...matrices.map((x) => x.shape[1]!)];
    const splits = bestSplits(sizes);
    const product = (from: number, to: number): Tensor => {
      if (from === to) return matrices[from]!;
      const at = splits[from]![to]!;
      return matmul(product(from, at), product(at + 1, to));
    };
    const result = product(0, count - 1);
    const ends = [tensors[0]!.ndim === 1, tensors.at(-1)!.ndim === 1];
    return ends.includes(true) ? reshape(result, result.shape.filter((_, i) => !ends[i])) : result; // prettier-ignore
  },
  {
    samples: [
      (make) => [[make([2, 3]), make([3, 4]), make([4, 2])]],
      (make) => [[make([3]), make([3, 4]), make([4, 2]), make([2])]],
    ],
    dtypes: floats,
  },
);

/** Where to split each range of matrices, `sizes[i] × sizes[i + 1]`, so that the work is least. */
function bestSplits(sizes: readonly number[]): number[][] {
  const count = sizes.length - 1;
  const grid = () => Array.from({ length: count }, () => new Array<number>(count).fill(0));
  const [costs, splits] = [grid(), grid()];
  for (let length = 2; length <= count; length++) {
    for (let from = 0; from + length <= count; from++) {
      const to = from + length - 1;
      costs[from]![to] = Infinity;
      for (let at = from; at < to; at++) {
        const own = sizes[from]! * sizes[at + 1]! * sizes[to + 1]!;
        const cost = costs[from]![at]! + costs[at + 1]![to]! + own;
        if (cost >= costs[from]![to]!) continue;
        costs[from]![to] = cost;
        splits[from]![to] = at;
      }
    }
  }
  return splits;
}

/** Square matrices (checked by the caller) multiplied by themselves `n` ≥ 0 times. @internal */
export function positivePower(x: Tensor, n: number): Tensor {
  const rows = x.shape.at(-1)!;
  if (n === 0) return expand(eye(rows, rows, { dtype: x.dtype, device: x.device }), x.shape);
  let result: Tensor | undefined;
  let square = x;
  for (let rest = n; ; square = matmul(square, square)) {
    if (rest % 2 === 1) result = result === undefined ? square : matmul(result, square);
    rest = Math.floor(rest / 2);
    if (rest === 0) return result!;
  }
}

/** `xᵀ · weight · y + bias` for each output: `[…, a]`, `[…, b]`, `[out, a, b]` → `[…, out]`. */
export const bilinear = /* @__PURE__ */ composite(
  "bilinear",
  (x: Tensor, y: Tensor, weight: Tensor, bias?: Tensor): Tensor => {
    const fits =
      weight.ndim === 3 &&
      x.ndim > 0 &&
      x.ndim === y.ndim &&
      x.shape.at(-1) === weight.shape[1] &&
      y.shape.at(-1) === weight.shape[2] &&
      x.shape.slice(0, -1).every((n, i) => n === y.shape[i]);
    if (!fits) {
      throw new ShapeError(
        `bilinear: expected […, a], […, b] and a weight [out, a, b], got ${showShape(x.shape)}, ` +
          `${showShape(y.shape)} and ${showShape(weight.shape)}.`,
      );
    }
    const [out, a, b] = weight.shape as [number, number, number];
    const left = reshape(matmul(reshape(x, [-1, a]), reshape(permute(weight, [1, 0, 2]), [a, out * b])), [-1, out, b]); // prettier-ignore
    const product = sum(mul(left, unsqueeze(reshape(y, [-1, b]), 1)), 2);
    const result = reshape(product, [...x.shape.slice(0, -1), out]);
    return bias === undefined ? result : add(result, bias);
  },
  {
    samples: [
      (make) => [make([3, 2]), make([3, 4]), make([2, 2, 4]), make([2])],
      (make) => [make([2]), make([3]), make([2, 2, 3])],
    ],
    dtypes: floats,
  },
);

/** The product of matrices; `multiDot` by its old name. */
export const chainMatmul = /* @__PURE__ */ composite(
  "chainMatmul",
  (tensors: readonly Tensor[]): Tensor => (tensors.length === 1 ? tensors[0]! : multiDot(tensors)),
  { samples: [(make) => [[make([2, 3]), make([3, 4]), make([4, 2])]]], dtypes: floats },
);
