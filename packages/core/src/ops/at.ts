// Indexing: `t.at(0, ":", "1:5:2", [1, 5], null, "...")`. Numbers and slices are views; lists and
// integer tensors gather.
import { apply } from "../apply.ts";
import type { Load, MapKernel } from "../compiler/kernel.ts";
import { broadcastLoad, contiguousStore } from "../compiler/lower.ts";
import type { OperandDescription, Operation } from "../operation.ts";
import { leaf } from "../scalar/instruction.ts";
import { type Shape, broadcastShapes, contiguousStrides } from "../shape.ts";
import { type Tensor, isTensor } from "../tensor.ts";
import { tensor } from "./creation.ts";
import { type Op, composite, primitive } from "./define.ts";
import { type IndexItem, type IndexPlan, planIndex } from "./index-plan.ts";
import { reshape, sliceView } from "./view.ts";

interface ListAttributes {
  readonly [name: string]: readonly number[];
  /** Axes that the index operands replace, ascending. */
  readonly axes: readonly number[];
}

/** NumPy's rule: neighbouring lists leave their axes where they were, others move to the front. */
function placeOf(axes: readonly number[]): number {
  const areNeighbours = axes.every((axis, i) => i === 0 || axis === axes[i - 1]! + 1);
  return areNeighbours ? axes[0]! : 0;
}

/** The gathered shape and, per axis of x, its axis there (-1 for replaced ones). */
function gatheredAxes(shape: Shape, axes: readonly number[], index: Shape) {
  const place = placeOf(axes);
  const kept = shape.map((_, axis) => axis).filter((axis) => !axes.includes(axis));
  const before = kept.slice(0, place);
  const after = kept.slice(place);
  const result = [...before.map((a) => shape[a]!), ...index, ...after.map((a) => shape[a]!)];
  const loopOf = shape.map((_, axis) => {
    const i = kept.indexOf(axis);
    return i < 0 ? -1 : i < place ? i : i + index.length;
  });
  return { shape: result, loopOf, place };
}

/** Loads of the index operands, broadcast to their place among the loops. */
function indexLoads(
  indices: readonly OperandDescription[],
  index: Shape,
  place: number,
  ndim: number,
): Load[] {
  return indices.map((operand, i) => {
    const own = broadcastLoad(i + 1, operand, index);
    const strides = new Array<number>(ndim).fill(0);
    own.strides.forEach((stride, axis) => (strides[place + axis] = stride));
    return { ...own, strides };
  });
}

const gatherOperation: Operation<ListAttributes> = /* @__PURE__ */ primitive({
  name: "at",
  infer([x, ...indices], { axes }) {
    const index = broadcastShapes("at", ...indices.map((i) => i.shape));
    return [{ shape: gatheredAxes(x!.shape, axes, index).shape, dtype: x!.dtype }];
  },
  lower([x, ...indices], { axes }): MapKernel {
    const index = broadcastShapes("at", ...indices.map((i) => i.shape));
    const { shape, loopOf, place } = gatheredAxes(x!.shape, axes, index);
    const loads = indexLoads(indices, index, place, shape.length);
    const strides = new Array<number>(shape.length).fill(0);
    x!.layout.strides.forEach((stride, axis) => {
      if (loopOf[axis]! >= 0) strides[loopOf[axis]!] = stride;
    });
    const indirections = axes.map((axis, load) => ({
      load,
      size: x!.shape[axis]!,
      stride: x!.layout.strides[axis]!,
      wraps: true,
    }));
    loads.push({ operand: 0, dtype: x!.dtype, offset: 0, strides, indirections });
    const value = leaf("load", loads.length - 1, x!.dtype);
    return { kind: "map", axes: shape, loads, params: [], stores: [contiguousStore(shape, value)] };
  },
  saves: (_, inputs) => ({ inputs: inputs.map((_input, i) => i).slice(1) }),
  gradient: (context) => {
    const { grads, inputs, attributes } = context;
    const indices = inputs.slice(1).map((_, i) => context.input(i + 1));
    const { axes } = attributes;
    const { shape } = inputs[0]!;
    return [scatterLists(grads[0]!, indices, { axes, shape, combine: "add" })];
  },
});

interface ScatterAttributes {
  readonly [name: string]: readonly number[] | string;
  readonly axes: readonly number[];
  readonly shape: readonly number[];
  readonly combine: "set" | "add";
}

/** Puts gathered elements back into zeros of `shape`: adding, it is the transpose of gathering. */
const scatterOperation: Operation<ScatterAttributes> = /* @__PURE__ */ primitive({
  name: "scatterAt",
  infer: ([x], { shape }) => [{ shape, dtype: x!.dtype }],
  lower([x, ...indices], { axes, shape, combine }): MapKernel {
    const index = broadcastShapes("at", ...indices.map((i) => i.shape));
    const gathered = gatheredAxes(shape, axes, index);
    const loads = indexLoads(indices, index, gathered.place, gathered.shape.length);
    loads.push(broadcastLoad(0, x!, gathered.shape));
    const own = contiguousStrides(shape);
    const strides = new Array<number>(gathered.shape.length).fill(0);
    own.forEach((stride, axis) => {
      if (gathered.loopOf[axis]! >= 0) strides[gathered.loopOf[axis]!] = stride;
    });
    const indirections = axes.map((axis, load) => ({
      load,
      size: shape[axis]!,
      stride: own[axis]!,
      wraps: true,
    }));
    const value = leaf("load", loads.length - 1, x!.dtype);
    const store = { operand: 0, dtype: x!.dtype, offset: 0, strides, indirections, value };
    return {
      kind: "map",
      axes: gathered.shape,
      loads,
      params: [],
      stores: [{ ...store, combine }],
      initial: 0,
    };
  },
  saves: (_, inputs) => ({ inputs: inputs.map((_input, i) => i).slice(1) }),
  gradient: (context) => {
    const { grads, inputs, attributes } = context;
    const indices = inputs.slice(1).map((_, i) => context.input(i + 1));
    const { axes } = attributes;
    return [apply(gatherOperation, [grads[0]!, ...indices], { axes })[0]!];
  },
});

/** Puts elements into zeros at index lists. @internal */
export const scatterLists = (
  x: Tensor,
  indices: readonly Tensor[],
  attributes: ScatterAttributes,
): Tensor => apply(scatterOperation, [x, ...indices], attributes)[0]!;

/** The part of a tensor that slices alone reach. @internal */
export function slicePart(x: Tensor, plan: IndexPlan): Tensor {
  return reshape(sliceView(x, plan.starts, plan.lengths, plan.steps), plan.shape);
}

/** Index lists as tensors on the device of `like`. @internal */
export const listTensors = (plan: IndexPlan, like: Tensor): Tensor[] =>
  plan.lists.map(({ list }) =>
    isTensor(list) ? list : tensor([...list], { dtype: "int32", device: like.device }),
  );

/** Picks what the lists of a plan name from the part that its slices reach. @internal */
export function gatherLists(part: Tensor, plan: IndexPlan): Tensor {
  if (plan.lists.length === 0) return part;
  const axes = plan.lists.map(({ axis }) => axis);
  return apply(gatherOperation, [part, ...listTensors(plan, part)], { axes })[0]!;
}

/**
 * Part of a tensor. A number picks and drops an axis, `"start:end:step"` slices it, a list or an
 * integer tensor picks several positions, a bool tensor those where it is true, `null` adds an axis,
 * `"..."` skips axes. Lists broadcast against each other, as in NumPy and PyTorch. Without lists the
 * result is a view.
 */
export const at: Op<(x: Tensor, ...index: IndexItem[]) => Tensor> = /* @__PURE__ */ composite(
  "at",
  (x: Tensor, ...index: IndexItem[]): Tensor => {
    const plan = planIndex(x.shape, index);
    return gatherLists(slicePart(x, plan), plan);
  },
  {
    samples: [
      (make) => [make([3, 4]), 1],
      (make) => [make([3, 4]), ":", "1:4:2"],
      (make) => [make([3, 4]), "...", null, -1],
      (make) => [make([3, 4]), "::-1", [0, 3, 3]],
      (make) => [make([3, 4, 2]), [0, 2], ":", [1, 0]],
      (make) => [make([3, 4]), make.integers([2, 2], -3, 3)],
      (make) => [make([0, 4]), ":", 1],
    ],
  },
);
