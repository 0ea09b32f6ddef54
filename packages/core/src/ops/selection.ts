// Picking elements by integer positions along one axis, and adding them back: each is the other's
// gradient. Public ops are in indexing.ts; lists on several axes at once are in at.ts.
import { apply } from "../apply.ts";
import type { Load, MapKernel } from "../compiler/kernel.ts";
import { contiguousStore } from "../compiler/lower.ts";
import type { OperandDescription, Operation } from "../operation.ts";
import { leaf } from "../scalar/instruction.ts";
import { type Shape, contiguousStrides } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { primitive } from "./define.ts";
import { dilatedPad } from "./pad.ts";

interface SelectAttributes {
  readonly [name: string]: number;
  readonly axis: number;
}

interface PlaceAttributes {
  readonly [name: string]: number | string | readonly number[];
  readonly axis: number;
  /** Shape of the result. */
  readonly shape: readonly number[];
  /** How values that fall on one place meet: they add up, or the last one stays. */
  readonly combine: "add" | "set";
}

/** How a way of picking walks: loops over what is picked, strides of source and index on them. */
interface Walk {
  readonly loops: readonly number[];
  readonly source: readonly number[];
  readonly index: readonly number[];
}

type Rule = (shape: Shape, strides: readonly number[], index: OperandDescription, axis: number) => Walk; // prettier-ignore

/** The index has the source's rank: each of its elements replaces its own coordinate on the axis. */
const elementwise: Rule = (_shape, strides, index, axis) => ({
  loops: index.shape,
  source: strides.map((stride, i) => (i === axis ? 0 : stride)),
  index: index.layout.strides,
});

/** The whole index replaces the axis, and picks slices. */
const slices: Rule = (shape, strides, index, axis) => {
  const zeros = (list: readonly unknown[]) => list.map(() => 0);
  const [before, after] = [shape.slice(0, axis), shape.slice(axis + 1)];
  return {
    loops: [...before, ...index.shape, ...after],
    source: [...strides.slice(0, axis), ...zeros(index.shape), ...strides.slice(axis + 1)],
    index: [...zeros(before), ...index.layout.strides, ...zeros(after)],
  };
};

const indexLoad = (operand: number, index: OperandDescription, strides: readonly number[]): Load => ({
  operand,
  dtype: index.dtype,
  offset: 0,
  strides,
}); // prettier-ignore

export interface Selection {
  /** x, index → what is picked. */
  readonly pick: (x: Tensor, index: Tensor, axis: number) => Tensor;
  /** values, index → zeros of a shape, with the values added (or put) where they would be picked. */
  readonly place: (values: Tensor, index: Tensor, attributes: PlaceAttributes) => Tensor;
  readonly operation: Operation<SelectAttributes>;
}

function selection(name: string, placeName: string, rule: Rule): Selection {
  const pick = (x: Tensor, index: Tensor, axis: number): Tensor =>
    apply(pickOperation, [x, index], { axis })[0]!;
  const place = (values: Tensor, index: Tensor, attributes: PlaceAttributes): Tensor =>
    apply(placeOperation, [values, index], attributes)[0]!;

  const pickOperation: Operation<SelectAttributes> = primitive({
    name,
    infer: ([x, index], { axis }) => {
      const { loops } = rule(x!.shape, x!.layout.strides, index!, axis);
      return [{ shape: loops, dtype: x!.dtype }];
    },
    lower([x, index], { axis }): MapKernel {
      const { shape, layout, dtype } = x!;
      const walk = rule(shape, layout.strides, index!, axis);
      const indirections = [{ load: 0, size: shape[axis]!, stride: layout.strides[axis]! }];
      return {
        kind: "map",
        axes: walk.loops,
        loads: [
          indexLoad(1, index!, walk.index),
          { operand: 0, dtype, offset: 0, strides: walk.source, indirections },
        ],
        params: [],
        stores: [contiguousStore(walk.loops, leaf("load", 1, dtype))],
      };
    },
    saves: () => ({ inputs: [1] }),
    gradient: ({ grads, inputs, input, attributes: { axis } }) => [
      place(grads[0]!, input(1), { axis, shape: inputs[0]!.shape, combine: "add" }),
      undefined,
    ],
  });

  const placeOperation: Operation<PlaceAttributes> = primitive({
    name: placeName,
    infer: ([values], { shape }) => [{ shape, dtype: values!.dtype }],
    lower([values, index], { axis, shape, combine }): MapKernel {
      const { dtype, layout } = values!;
      const own = contiguousStrides(shape);
      const walk = rule(shape, own, index!, axis);
      return {
        kind: "map",
        axes: walk.loops,
        loads: [
          indexLoad(1, index!, walk.index),
          // The values may be more than the index covers.
          { operand: 0, dtype, offset: 0, strides: layout.strides },
        ],
        params: [],
        stores: [
          {
            operand: 0,
            dtype,
            offset: 0,
            strides: walk.source,
            indirections: [{ load: 0, size: shape[axis]!, stride: own[axis]! }],
            value: leaf("load", 1, dtype),
            combine,
          },
        ],
        initial: 0,
      };
    },
    saves: () => ({ inputs: [1] }),
    gradient: ({ grads, inputs, input, attributes: { axis } }) => [
      padTo(pick(grads[0]!, input(1), axis), inputs[0]!.shape),
      undefined,
    ],
  });

  return { pick, place, operation: pickOperation };
}

/** Zeros after the end of each axis. */
const padTo = (x: Tensor, shape: Shape): Tensor => {
  const none = shape.map(() => 0);
  const after = shape.map((n, axis) => n - x.shape[axis]!);
  return after.some((n) => n > 0) ? dilatedPad(x, none, after, none) : x;
};

/** x, index of the same rank. */
export const gathering = /* @__PURE__ */ selection("gather", "scatterAdd", elementwise);
/** The same, for errors that name another op. */
export const scattering = /* @__PURE__ */ selection("gather", "scatter", elementwise);
export const classes = /* @__PURE__ */ selection("gather", "oneHot", elementwise);
/** x, index of any rank, which replaces the axis. */
export const slicing = /* @__PURE__ */ selection("indexSelect", "indexAdd", slices);
/** The same for rows of a table. */
export const lookup = /* @__PURE__ */ selection("embedding", "embeddingGradient", slices);
