// Pooling over any number of spatial axes: the kernels of maximum and sum pooling and their gradients.
// Operands are `[n, c, spatial…]`. Public functions are in pool.ts.
import { apply } from "../apply.ts";
import type { MapKernel, ReduceKernel, State } from "../compiler/kernel.ts";
import { contiguousStore } from "../compiler/lower.ts";
import {
  type Coordinate,
  type WindowGeometry,
  inputCoordinates,
  outputCoordinates,
  windowLoad,
} from "../compiler/window.ts";
import { type DType, isFloat } from "../dtype.ts";
import type { Description, OperandDescription, Operation } from "../operation.ts";
import { type Scalar, constant, leaf, s } from "../scalar/instruction.ts";
import { type Shape, contiguousStrides, sizeOf } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { primitive } from "./define.ts";
import { boundOf } from "./reduction-core.ts";
import { gathering } from "./selection.ts";
import { reshape } from "./view.ts";

export interface PoolGeometry extends WindowGeometry {
  readonly [name: string]: readonly number[];
}

const range = (from: number, count: number): number[] =>
  Array.from({ length: count }, (_, i) => from + i);

/** Loops `[n, c, place…, kernel…]`, the kernel's folded, with a load through the windows. */
function windowLoops(
  x: OperandDescription,
  place: Shape,
  kernel: Shape,
  coordinates: readonly Coordinate[],
) {
  const spatial = kernel.length;
  const loops = { place: range(2, spatial), kernel: range(2 + spatial, spatial) };
  const result = [...x.shape.slice(0, 2), ...place];
  const nothing = kernel.map(() => 0);
  const strides = [...x.layout.strides.slice(0, 2), ...place.map(() => 0), ...nothing];
  return {
    axes: [...result, ...kernel],
    load: windowLoad(0, x, loops, strides, coordinates),
    storeStrides: [...contiguousStrides(result), ...nothing],
    loops,
  };
}

const pooled = ({ shape, dtype }: Description, { output }: WindowGeometry): Description => ({
  shape: [...shape.slice(0, 2), ...output],
  dtype,
});

function reduceWindows(
  x: OperandDescription,
  { axes, load, storeStrides }: ReturnType<typeof windowLoops>,
  states: readonly State[],
  fill: number,
  values: readonly Scalar[],
): ReduceKernel {
  return {
    kind: "reduce",
    axes,
    reduced: x.shape.length - 2,
    loads: [{ ...load, fill }],
    params: [],
    states,
    stores: values.map((value, operand) => ({
      operand,
      dtype: value.dtype,
      offset: 0,
      strides: storeStrides,
      value,
    })),
  };
}

const lowest = (dtype: DType): number => Number(boundOf(dtype, -1));

/** The largest element of each window, where no gradient is wanted. */
const maxOperation: Operation<PoolGeometry> = /* @__PURE__ */ primitive({
  name: "maxPool",
  infer: ([x], geometry) => [pooled(x!, geometry)],
  lower([x], geometry): ReduceKernel {
    const { dtype } = x!;
    const windows = windowLoops(x!, geometry.output, geometry.kernel, inputCoordinates(geometry));
    const max = leaf("state", 0, dtype);
    const state: State = {
      dtype,
      initial: lowest(dtype),
      step: s.max(max, leaf("load", 0, dtype)),
      merge: s.max(max, leaf("other", 0, dtype)),
    };
    return reduceWindows(x!, windows, [state], lowest(dtype), [max]);
  },
});

const index = (loop: number): Scalar => leaf("index", loop, "int32");
const sumOf = (terms: readonly Scalar[]): Scalar => terms.reduce((a, b) => s.add(a, b));

/**
 * The largest element of each window, the first of equals, and its position in the flattened image,
 * int32. A window tells positions by their distance from its corner, so the inner loop is short.
 */
const maxPositionOperation: Operation<PoolGeometry> = /* @__PURE__ */ primitive({
  name: "maxPool",
  infer: ([x], geometry) => {
    const result = pooled(x!, geometry);
    return [result, { shape: result.shape, dtype: "int32" }];
  },
  lower([x], geometry): ReduceKernel {
    const { dtype } = x!;
    const windows = windowLoops(x!, geometry.output, geometry.kernel, inputCoordinates(geometry));
    const { loops } = windows;
    const steps = contiguousStrides(geometry.input);
    const distance = sumOf(
      steps.map((step, i) => s.mul(index(loops.kernel[i]!), step * geometry.dilation[i]!)),
    );
    const corner = geometry.input.map((_, i) =>
      s.sub(s.mul(index(loops.place[i]!), geometry.stride[i]!), geometry.before[i]!),
    );
    // Nothing beats the lowest value: then it is the first element of the window inside the image.
    const first = corner.map((at, i) => {
      const dilation = geometry.dilation[i]!;
      const beyond = s.rem(s.sub(dilation, s.rem(s.neg(at), dilation)), dilation);
      return s.select(s.lt(at, 0), dilation === 1 ? constant(0, "int32") : beyond, at);
    });
    const flat = (coordinates: readonly Scalar[]): Scalar =>
      sumOf(coordinates.map((at, i) => s.mul(at, steps[i]!)));
    const value = leaf("load", 0, dtype);
    const [best, where] = [leaf("state", 0, dtype), leaf("state", 1, "int32")];
    const [otherBest, otherWhere] = [leaf("other", 0, dtype), leaf("other", 1, "int32")];
    const wins = (v: Scalar): Scalar =>
      isFloat(dtype) ? s.or(s.gt(v, best), s.and(s.isNaN(v), s.not(s.isNaN(best)))) : s.gt(v, best);
    // Partial results may interleave: at equal values the nearer to the corner is the first.
    const isFirst = s.and(s.ge(otherWhere, 0), s.lt(otherWhere, where));
    const isSame = isFloat(dtype)
      ? s.or(s.eq(otherBest, best), s.and(s.isNaN(otherBest), s.isNaN(best)))
      : s.eq(otherBest, best);
    const merges = s.or(wins(otherBest), s.and(isSame, isFirst));
    const found = s.add(flat(corner), where);
    return reduceWindows(
      x!,
      windows,
      [
        {
          dtype,
          initial: lowest(dtype),
          step: s.select(wins(value), value, best),
          merge: s.select(merges, otherBest, best),
        },
        {
          dtype: "int32",
          initial: -1,
          step: s.select(wins(value), distance, where),
          merge: s.select(merges, otherWhere, where),
        },
      ],
      lowest(dtype),
      [best, s.select(s.lt(where, 0), flat(first), found)],
    );
  },
  saves: () => ({ outputs: [1] }),
  gradient: ({ grads: [grad], inputs, output, attributes: { input } }) => {
    if (grad === undefined) return [undefined];
    const { shape } = inputs[0]!;
    const flat = (t: Tensor) => reshape(t, [...shape.slice(0, 2), sizeOf(t.shape.slice(2))]);
    const image = [...shape.slice(0, 2), sizeOf(input)];
    const attributes = { axis: 2, shape: image, combine: "add" as const };
    return [reshape(gathering.place(flat(grad), flat(output(1)), attributes), shape)];
  },
});

/** Each window's largest element. No gradient. */
export const maxValues = (x: Tensor, geometry: PoolGeometry): Tensor =>
  apply(maxOperation, [x], geometry)[0]!;

/** Each window's largest element and its position. */
export const maxPositions = (x: Tensor, geometry: PoolGeometry): [Tensor, Tensor] =>
  apply(maxPositionOperation, [x], geometry) as [Tensor, Tensor];

interface SumAttributes extends PoolGeometry {
  /** One number: sums are divided by it. */
  readonly divisor: readonly [number];
}

function sumWindows(
  x: OperandDescription,
  windows: ReturnType<typeof windowLoops>,
  divisor: number,
): ReduceKernel {
  const { dtype } = x;
  const sum = leaf("state", 0, dtype);
  const state: State = {
    dtype,
    initial: 0,
    step: s.add(sum, leaf("load", 0, dtype)),
    merge: s.add(sum, leaf("other", 0, dtype)),
  };
  return reduceWindows(x, windows, [state], 0, [divisor === 1 ? sum : s.div(sum, divisor)]);
}

const sumOperation: Operation<SumAttributes> = /* @__PURE__ */ primitive({
  name: "sumPool",
  infer: ([x], geometry) => [pooled(x!, geometry)],
  lower([x], geometry): ReduceKernel {
    const windows = windowLoops(x!, geometry.output, geometry.kernel, inputCoordinates(geometry));
    return sumWindows(x!, windows, geometry.divisor[0]);
  },
  gradient: ({ grads, attributes }) => [apply(spreadOperation, [grads[0]!], attributes)[0]!],
});

/** Whether windows tile the input: each place belongs to one window. */
const isTiled = (geometry: WindowGeometry): boolean =>
  geometry.input.every(
    (n, axis) =>
      geometry.before[axis] === 0 &&
      geometry.stride[axis] === geometry.kernel[axis] &&
      (geometry.kernel[axis] === 1 || geometry.dilation[axis] === 1) &&
      n === geometry.output[axis]! * geometry.kernel[axis]!,
  );

/** Every place of a tile reads the tile's one value. */
function repeatTiles(grad: OperandDescription, geometry: SumAttributes): MapKernel {
  const { dtype, shape, layout } = grad;
  const axes = shape.slice(0, 2);
  const strides = layout.strides.slice(0, 2);
  geometry.output.forEach((n, axis) => {
    axes.push(n, geometry.kernel[axis]!);
    strides.push(layout.strides[axis + 2]!, 0);
  });
  const value = s.div(leaf("load", 0, dtype), geometry.divisor[0]);
  return {
    kind: "map",
    axes,
    loads: [{ operand: 0, dtype, offset: 0, strides }],
    params: [],
    stores: [contiguousStore(axes, value)],
  };
}

/** Sum pooling's transpose: each place gets the sum over the windows that cover it. */
const spreadOperation: Operation<SumAttributes> = /* @__PURE__ */ primitive({
  name: "sumPoolGradient",
  infer: ([grad], { input }) => [
    { shape: [...grad!.shape.slice(0, 2), ...input], dtype: grad!.dtype },
  ],
  lower([grad], geometry) {
    if (isTiled(geometry)) return repeatTiles(grad!, geometry);
    const coordinates = outputCoordinates(geometry);
    const windows = windowLoops(grad!, geometry.input, geometry.kernel, coordinates);
    return sumWindows(grad!, windows, geometry.divisor[0]);
  },
  gradient: ({ grads, attributes }) => [apply(sumOperation, [grads[0]!], attributes)[0]!],
});

/** Sum of each window, divided by one number for all. */
export const sumPool = (x: Tensor, geometry: PoolGeometry, divisor: number): Tensor =>
  apply(sumOperation, [x], { ...geometry, divisor: [divisor] } as SumAttributes)[0]!;

interface CountAttributes extends PoolGeometry {
  /** Where counted elements end, per axis: the padded or the real input. */
  readonly low: readonly number[];
  readonly high: readonly number[];
}

const countOperation: Operation<CountAttributes> = /* @__PURE__ */ primitive({
  name: "poolCounts",
  infer: ([like], { output }) => [{ shape: output, dtype: like!.dtype }],
  lower([like], { output, kernel, stride, before, low, high }): MapKernel {
    const counts = output.map((_, axis) => {
      const start = s.sub(s.mul(index(axis), stride[axis]!), before[axis]!);
      const end = s.min(s.add(start, kernel[axis]!), high[axis]!);
      return s.sub(end, s.max(start, low[axis]!));
    });
    const value = s.cast(counts.reduce((a, b) => s.mul(a, b)), like!.dtype); // prettier-ignore
    return { kind: "map", axes: output, loads: [], params: [], stores: [contiguousStore(output, value)] };
  },
}); // prettier-ignore

/** How many elements each window averages over, `output`-shaped, in the dtype of `like`. */
export const poolCounts = (like: Tensor, attributes: CountAttributes): Tensor =>
  apply(countOperation, [like], attributes)[0]!;
