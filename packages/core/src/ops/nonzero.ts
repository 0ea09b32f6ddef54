// Where elements are not zero, and picking by masks.
import { isComplex } from "../dtype.ts";
import { apply } from "../apply.ts";
import type { RoutineKernel } from "../compiler/kernel.ts";
import { DTypeError } from "../errors.ts";
import type { Operation } from "../operation.ts";
import { broadcastShapes } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { ge, ne, where } from "./arithmetic.ts";
import { type SizeOptions, countSkips, resultCount } from "./data-dependent.ts";
import { composite, primitive } from "./define.ts";
import { clamp } from "./masking.ts";
import { sum } from "./reduction.ts";
import { slicing } from "./selection.ts";
import { expand, reshape } from "./view.ts";

interface NonzeroAttributes {
  readonly [name: string]: number;
  readonly size: number;
  readonly fillValue: number;
}

/** Coordinates `[size, ndim]` of the elements that are not zero, row-major. */
const nonzeroOperation: Operation<NonzeroAttributes> = /* @__PURE__ */ primitive({
  name: "nonzero",
  traits: { hasDataDependentSize: true },
  infer: ([x], { size }) => [{ shape: [size, x!.shape.length], dtype: "int32" }],
  lower: ([x], { size, fillValue }, outputs): RoutineKernel => ({
    kind: "routine",
    name: "nonzero",
    inputs: [x!],
    outputs,
    attributes: [fillValue],
    run([source], [result]) {
      const { shape } = x!;
      const ndim = shape.length;
      let found = 0;
      for (let i = 0; i < source!.length && found < size; i++) {
        const value = source![i]!;
        if (value === 0 || value === 0n) continue;
        let rest = i;
        for (let axis = ndim - 1; axis >= 0; axis--) {
          result![found * ndim + axis] = rest % shape[axis]!;
          rest = Math.floor(rest / shape[axis]!);
        }
        found++;
      }
      result!.fill(fillValue as never, found * ndim);
    },
  }),
});

export interface NonzeroOptions extends SizeOptions {
  /** What fills up to `size`. Default -1. */
  readonly fillValue?: number;
}

/** The number of elements that are not zero. */
const countOf = (x: Tensor): Tensor => sum(ne(x, 0));

/** Coordinates of the elements that are not zero, row-major: int32 `[count, ndim]`. */
export const nonzero = /* @__PURE__ */ composite(
  "nonzero",
  (given: Tensor, { size, fillValue = -1 }: NonzeroOptions = {}): Tensor => {
    const x = isComplex(given.dtype) ? ne(given, 0) : given;
    const count = resultCount(nonzeroOperation, x, size, () => countOf(x));
    return apply(nonzeroOperation, [x], { size: count, fillValue })[0]!;
  },
  {
    samples: [
      (make) => [make([2, 3], 0, 2)],
      (make) => [make.booleans([4])],
      (make) => [make([])],
      (make) => [make([0, 2])],
      (make) => [make([3, 2], 0, 2), { size: 4, fillValue: 7 }],
      (make) => [make([2, 3]), { size: 2 }],
    ],
    isDifferentiable: false,
    skips: countSkips,
  },
);

export interface MaskedSelectOptions extends SizeOptions {
  /** What fills up to `size`. Default 0. */
  readonly fillValue?: number;
}

/** The elements where the bool `mask` is true, row-major; both broadcast. */
export const maskedSelect = /* @__PURE__ */ composite(
  "maskedSelect",
  (x: Tensor, mask: Tensor, { size, fillValue = 0 }: MaskedSelectOptions = {}): Tensor => {
    if (mask.dtype !== "bool") {
      throw new DTypeError(
        `maskedSelect: expected a bool mask, got ${mask.dtype}. Compare it, for instance mask.ne(0).`,
      );
    }
    const shape = broadcastShapes("maskedSelect", x.shape, mask.shape);
    const positions = reshape(nonzero(reshape(expand(mask, shape), [-1]), { size }), [-1]);
    const source = reshape(expand(x, shape), [-1]);
    if (size === undefined || source.size === 0) return slicing.pick(source, positions, 0);
    const picked = slicing.pick(source, clamp(positions, { min: 0 }), 0);
    return where(ge(positions, 0), picked, fillValue);
  },
  {
    samples: [
      (make) => [make([2, 3]), make.booleans([2, 3])],
      (make) => [make([3]), make.booleans([2, 1])],
      (make) => [make([2, 3]), make.booleans([])],
      (make) => [make([2, 3]), make.booleans([2, 3]), { size: 5, fillValue: 1 }],
      (make) => [make([0]), make.booleans([0])],
    ],
    skips: countSkips,
  },
);
