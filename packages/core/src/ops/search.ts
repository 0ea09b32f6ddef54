// Places in sorted sequences.
import { apply } from "../apply.ts";
import type { RoutineKernel } from "../compiler/kernel.ts";
import { dtypeOfNumber, promoteTypes, requireReal } from "../dtype.ts";
import { ShapeError, showShape } from "../errors.ts";
import type { Operation } from "../operation.ts";
import { sameShape } from "../shape.ts";
import { type Tensor, isTensor } from "../tensor.ts";
import { cast } from "./cast.ts";
import { full } from "./creation.ts";
import { cumsum } from "./cumulative.ts";
import { composite, primitive } from "./define.ts";
import { lowerBound } from "./ordering.ts";

const searchOperation: Operation<{ isRight: boolean }> = /* @__PURE__ */ primitive({
  name: "searchsorted",
  infer([, values]) {
    requireReal("searchsorted", values!.dtype);
    return [{ shape: values!.shape, dtype: "int32" }];
  },
  lower: (inputs, { isRight }, outputs): RoutineKernel => ({
    kind: "routine",
    name: "searchsorted",
    inputs,
    outputs,
    attributes: [Number(isRight)],
    run([sequence, values, sorter], [places]) {
      const [sorted, wanted] = inputs.map(({ shape }) => shape);
      const n = sorted!.at(-1)!;
      // One sequence serves all values, or each row has its own.
      const width = sorted!.length === 1 ? Infinity : wanted!.at(-1)!;
      for (let i = 0; i < values!.length; i++) {
        const start = width === Infinity ? 0 : Math.floor(i / width) * n;
        const at = (position: number) =>
          sequence![start + (sorter === undefined ? position : Number(sorter[start + position]))]!;
        places![i] = lowerBound(at, n, values![i]!, isRight);
      }
    },
  }),
});

export interface SearchOptions {
  /** Behind equal elements instead of before them. */
  readonly right?: boolean;
}

export interface SearchsortedOptions extends SearchOptions {
  /** The positions that sort the sequence, if it is not in order. */
  readonly sorter?: Tensor;
}

/**
 * Where each of `values` would be inserted into a sorted sequence (last axis) to keep the order; int32.
 * A 1-d sequence serves all values; else leading axes are equal.
 */
export const searchsorted = /* @__PURE__ */ composite(
  "searchsorted",
  (
    sequence: Tensor,
    values: Tensor | number,
    { right = false, sorter }: SearchsortedOptions = {},
  ): Tensor => {
    const wanted = isTensor(values)
      ? values
      : full([], values, { dtype: promoteTypes(dtypeOfNumber(values), sequence.dtype), device: sequence.device }); // prettier-ignore
    const fits =
      sequence.ndim === 1 ||
      (sequence.ndim > 1 && sameShape(sequence.shape.slice(0, -1), wanted.shape.slice(0, -1)));
    if (!fits) {
      throw new ShapeError(
        `searchsorted: a sequence of shape ${showShape(sequence.shape)} does not fit values of shape ` +
          `${showShape(wanted.shape)}. It is 1-d, or has equal leading axes.`,
      );
    }
    if (sorter !== undefined && !sameShape(sorter.shape, sequence.shape)) {
      throw new ShapeError(
        `searchsorted: expected a sorter of shape ${showShape(sequence.shape)}, got ` +
          `${showShape(sorter.shape)}.`,
      );
    }
    const dtype = promoteTypes(sequence.dtype, wanted.dtype);
    const operands = [cast(sequence, dtype), cast(wanted, dtype)];
    if (sorter !== undefined) operands.push(cast(sorter, "int32"));
    return apply(searchOperation, operands, { isRight: right })[0]!;
  },
  {
    samples: [
      (make) => [ascending(make.integers([5], 0, 2)), make([2, 3])],
      (make) => [ascending(make.integers([2, 4], 0, 2)), make([2, 3]), { right: true }],
      (make) => [ascending(make.integers([4], 0, 2)), 1.5],
    ],
    isDifferentiable: false,
  },
);

/** Running sums of what is not negative, for samples. */
const ascending = (x: unknown): unknown => cumsum(x as Tensor, -1);

/** Which bucket each element falls into, between ascending `boundaries`; int32. */
export const bucketize = /* @__PURE__ */ composite(
  "bucketize",
  (x: Tensor | number, boundaries: Tensor, { right = false }: SearchOptions = {}): Tensor => {
    if (boundaries.ndim !== 1) {
      throw new ShapeError(
        `bucketize: expected 1-d boundaries, got shape ${showShape(boundaries.shape)}.`,
      );
    }
    return searchsorted(boundaries, x, { right });
  },
  {
    samples: [
      (make) => [make([2, 3]), ascending(make.integers([4], 0, 2))],
      (make) => [make([3]), ascending(make.integers([4], 0, 2)), { right: true }],
    ],
    isDifferentiable: false,
  },
);
