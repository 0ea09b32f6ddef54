// Positions of extremes: argmax and argmin. Values are in reduction.ts.
import { apply } from "../apply.ts";
import type { ReduceKernel, State } from "../compiler/kernel.ts";
import { type DType, isFloat } from "../dtype.ts";
import { DTypeError } from "../errors.ts";
import type { Operation } from "../operation.ts";
import { type Scalar, constant, leaf, s } from "../scalar/instruction.ts";
import { contiguousStrides, normalizeAxes } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { expose, primitive } from "./define.ts";
import {
  type ReduceAttributes, type ReduceOptions, batchReduction, boundOf, loops, outputShape,
  reductionSamples, requireElements,
} from "./reduction-core.ts"; // prettier-ignore

/** Position of the first extreme along the folded axes, row-major; NaN counts as the extreme. */
function argument(name: string, better: (x: Scalar, y: Scalar) => Scalar, sign: 1 | -1) {
  return primitive<ReduceAttributes>({
    name,
    infer([x], attributes) {
      if (x!.dtype === "bool") {
        throw new DTypeError(`${name}: bool is not accepted. Cast with to("uint8").`);
      }
      requireElements(name, x!.shape, attributes.axes);
      return [{ shape: outputShape(x!.shape, attributes), dtype: "int32" }];
    },
    batch: batchReduction,
    lower([x], { axes }, [output]): ReduceKernel {
      const loop = loops(x!, axes, output!);
      const lengths = axes.map((axis) => x!.shape[axis]!);
      const steps = contiguousStrides(lengths);
      const first = loop.axes.length - axes.length;
      const position = steps.reduce(
        (at, step, i) => s.add(at, s.mul(leaf("index", first + i, "int32"), step)),
        constant(0, "int32"),
      );
      const value = leaf("load", 0, x!.dtype);
      const best = leaf("state", 0, x!.dtype);
      const where = leaf("state", 1, "int32");
      // An element wins if it is better, or first at equal value; the empty state is at -1.
      const wins = (v: Scalar, at: Scalar): Scalar => {
        const isEmpty = s.lt(where, 0);
        const beats = isFloat(v.dtype)
          ? s.or(better(v, best), s.and(s.isNaN(v), s.not(s.isNaN(best))))
          : better(v, best);
        const same = isFloat(v.dtype)
          ? s.or(s.eq(v, best), s.and(s.isNaN(v), s.isNaN(best)))
          : s.eq(v, best);
        const earlier = s.and(same, s.lt(at, where));
        return s.and(s.ge(at, 0), s.or(isEmpty, s.or(beats, earlier)));
      };
      const otherBest = leaf("other", 0, x!.dtype);
      const otherWhere = leaf("other", 1, "int32");
      const states: State[] = [
        {
          dtype: x!.dtype,
          initial: boundOf(x!.dtype, sign),
          step: s.select(wins(value, position), value, best),
          merge: s.select(wins(otherBest, otherWhere), otherBest, best),
        },
        {
          dtype: "int32",
          initial: -1,
          step: s.select(wins(value, position), position, where),
          merge: s.select(wins(otherBest, otherWhere), otherWhere, where),
        },
      ];
      return {
        kind: "reduce",
        axes: loop.axes,
        reduced: loop.reduced,
        loads: [loop.load],
        params: [],
        states,
        stores: [
          { operand: 0, dtype: "int32", offset: 0, strides: loop.storeStrides, value: where },
        ],
      };
    },
  });
}

const argmaxOperation = /* @__PURE__ */ argument("argmax", (x, y) => s.gt(x, y), -1);
const argminOperation = /* @__PURE__ */ argument("argmin", (x, y) => s.lt(x, y), 1);
const numeric: readonly DType[] = ["uint8", "int32", "int64", "float32", "float64"];
const argumentSamples = /* @__PURE__ */ reductionSamples.filter((_, i) => i !== 2);

const argumentReduction =
  (operation: Operation<ReduceAttributes>) =>
  (x: Tensor, axis?: number, { keepDims = false }: ReduceOptions = {}): Tensor =>
    apply(operation, [x], { axes: normalizeAxes(operation.name, axis, x.ndim), keepDims })[0]!;

/** Position of the first largest element along `axis`, or in the flattened tensor; int32. */
export const argmax = /* @__PURE__ */ expose(argmaxOperation, argumentReduction(argmaxOperation), {
  samples: argumentSamples,
  dtypes: numeric,
});
/** Position of the first smallest element along `axis`, or in the flattened tensor; int32. */
export const argmin = /* @__PURE__ */ expose(argminOperation, argumentReduction(argminOperation), {
  samples: argumentSamples,
  dtypes: numeric,
});
