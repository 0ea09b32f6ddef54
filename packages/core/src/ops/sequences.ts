// Tensors that follow from a rule: powers, choices of elements.
import { ShapeError, showShape } from "../errors.ts";
import type { Tensor } from "../tensor.ts";
import { pow } from "./arithmetic.ts";
import { cast } from "./cast.ts";
import { type TensorOptions, arange, full, linspace, tensor, trackGradient } from "./creation.ts";
import { composite } from "./define.ts";
import { meshgrid } from "./rearrange.ts";
import { slicing } from "./selection.ts";
import { flip, reshape, unsqueeze } from "./view.ts";
import { stack } from "./join.ts";

export interface LogspaceOptions extends TensorOptions {
  /** Default 10. */
  readonly base?: number;
}

/** `count` powers of a base whose exponents go from `start` to `end` at equal distances. */
export function logspace(
  start: number,
  end: number,
  count: number,
  { base = 10, dtype = "float32", requiresGrad = false, device }: LogspaceOptions = {},
): Tensor {
  const exponents = linspace(start, end, count, { dtype: "float64", device });
  const powers = pow(full([], base, { dtype: "float64", device }), exponents);
  const result = cast(powers, dtype);
  return requiresGrad ? trackGradient(result) : result;
}

export interface VanderOptions {
  /** How many columns. Default as many as rows. */
  readonly columns?: number;
  /** Powers rise from left to right. Default false. */
  readonly increasing?: boolean;
}

/** The matrix of powers of a vector's elements, `[n, columns]`, highest first: Vandermonde's. */
export const vander = /* @__PURE__ */ composite(
  "vander",
  (x: Tensor, { columns, increasing = false }: VanderOptions = {}): Tensor => {
    if (x.ndim !== 1) {
      throw new ShapeError(`vander: expected a vector, got shape ${showShape(x.shape)}.`);
    }
    const exponents = arange(0, columns ?? x.size, { dtype: x.dtype, device: x.device });
    const order = increasing ? exponents : flip(exponents);
    return pow(unsqueeze(x, 1), order);
  },
  {
    samples: [(make) => [make([3])], (make) => [make([3]), { columns: 4, increasing: true }]],
    dtypes: ["float32", "float64"],
  },
);

export interface CombinationsOptions {
  /** Allows an element to stand with itself. Default false. */
  readonly withReplacement?: boolean;
}

/** Positions of all choices of `count` out of `n`, in lexicographic order. */
function choices(n: number, count: number, withReplacement: boolean): number[][] {
  if (count === 0) return [[]];
  const shorter = choices(n, count - 1, withReplacement);
  return shorter.flatMap((head) => {
    const first = head.length === 0 ? 0 : head.at(-1)! + (withReplacement ? 0 : 1);
    return Array.from({ length: Math.max(n - first, 0) }, (_, i) => [...head, first + i]);
  });
}

/** All choices of `count` elements of a vector, in their order: `[choices, count]`. */
export const combinations = /* @__PURE__ */ composite(
  "combinations",
  (x: Tensor, count = 2, { withReplacement = false }: CombinationsOptions = {}): Tensor => {
    if (x.ndim !== 1 || !Number.isInteger(count) || count < 1) {
      throw new ShapeError(
        `combinations: expected a vector and a positive count, got shape ${showShape(x.shape)} and ` +
          `${count}.`,
      );
    }
    const rows = choices(x.size, count, withReplacement);
    const index = tensor(Int32Array.from(rows.flat()), { device: x.device });
    return reshape(slicing.pick(x, index, 0), [rows.length, count]);
  },
  {
    samples: [
      (make) => [make([4])],
      (make) => [make([3]), 2, { withReplacement: true }],
      (make) => [make([2]), 3],
    ],
  },
);

/** Every choice of one element from each vector: `[choices, vectors]`; of one vector, itself. */
export const cartesianProd = /* @__PURE__ */ composite(
  "cartesianProd",
  (tensors: readonly Tensor[]): Tensor => {
    if (tensors.length === 1) return tensors[0]!;
    return stack(meshgrid(tensors).map((grid) => reshape(grid, [-1])), 1); // prettier-ignore
  },
  { samples: [(make) => [[make([2]), make([3])]]] },
);
