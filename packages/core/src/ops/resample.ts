// Resampling along an axis: each result is a weighted sum of a few elements. The places and weights
// (taps) are computed once, in JavaScript; the gradient is the same sum with the taps turned around.
// What the taps of each mode are is interpolation-taps.ts; the public op is interpolate.ts.
import { apply } from "../apply.ts";
import type { Load, MapKernel, ReduceKernel } from "../compiler/kernel.ts";
import { contiguousStore } from "../compiler/lower.ts";
import type { OperandDescription, Operation } from "../operation.ts";
import { type Scalar, constant, leaf, s } from "../scalar/instruction.ts";
import { contiguousStrides } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { tensor } from "./creation.ts";
import { primitive } from "./define.ts";

/** Elements that each result along an axis is made of; unused ones have weight 0. */
export interface Taps {
  /** `[taps, count]`, row-major. */
  readonly places: Int32Array;
  readonly weights: Float64Array;
  /** Results along the axis. */
  readonly count: number;
}

/** For each element, the results that it is part of. */
export function turnedAround({ places, weights, count }: Taps, length: number): Taps {
  const users = Array.from({ length }, (): [number, number][] => []);
  weights.forEach((weight, i) => {
    if (weight !== 0) users[places[i]!]!.push([i % count, weight]);
  });
  const taps = Math.max(1, ...users.map((list) => list.length));
  const turned = { places: new Int32Array(taps * length), weights: new Float64Array(taps * length), count: length };
  users.forEach((list, at) =>
    list.forEach(([place, weight], tap) => {
      turned.places[tap * length + at] = place;
      turned.weights[tap * length + at] = weight;
    }),
  );
  return turned;
} // prettier-ignore

interface AxisAttributes {
  readonly [name: string]: number;
  readonly axis: number;
}

/** Above this many taps the kernel loops over them. */
const unrolledTaps = 8;

/** Operands x, places and weights `[taps, count]`, and those of the gradient. */
const resampleOperation: Operation<AxisAttributes> = primitive({
  name: "resample",
  infer: ([x, places], { axis }) => [
    { shape: x!.shape.with(axis, places!.shape[1]!), dtype: x!.dtype },
  ],
  lower([x, places, weights], { axis }, [output]): MapKernel | ReduceKernel {
    const { shape, dtype } = output!;
    const taps = places!.shape[0]!;
    const isLoop = taps > unrolledTaps;
    const inner = isLoop ? [0] : [];
    const zeros = shape.map(() => 0);
    const table = (operand: number, { dtype: its, layout }: OperandDescription, tap: number): Load => ({
      operand,
      dtype: its,
      offset: isLoop ? 0 : tap * layout.strides[0]!,
      strides: [...zeros.with(axis, layout.strides[1]!), ...(isLoop ? [layout.strides[0]!] : [])],
    });
    const own = x!.layout.strides;
    const term = (load: number): Scalar => {
      const weight = leaf("load", load + 1, dtype);
      return s.select(s.eq(weight, 0), constant(0, dtype), s.mul(weight, leaf("load", load + 2, dtype)));
    };
    const loads = Array.from({ length: isLoop ? 1 : taps }, (_, tap): Load[] => [
      table(1, places!, tap),
      table(2, weights!, tap),
      {
        operand: 0,
        dtype,
        offset: 0,
        strides: [...own.with(axis, 0), ...inner],
        indirections: [{ load: 3 * tap, size: x!.shape[axis]!, stride: own[axis]! }],
      },
    ]).flat();
    if (!isLoop) {
      const terms = Array.from({ length: taps }, (_, tap) => term(3 * tap));
      const value = terms.reduce((sum, one) => s.add(sum, one));
      return { kind: "map", axes: shape, loads, params: [], stores: [contiguousStore(shape, value)] };
    }
    const sum = leaf("state", 0, dtype);
    const merge = s.add(sum, leaf("other", 0, dtype));
    return {
      kind: "reduce",
      axes: [...shape, taps],
      reduced: 1,
      loads,
      params: [],
      states: [{ dtype, initial: 0, step: s.add(sum, term(0)), merge }],
      stores: [{ operand: 0, dtype, offset: 0, strides: [...contiguousStrides(shape), 0], value: sum }],
    };
  },
  saves: () => ({ inputs: [1, 2, 3, 4] }),
  gradient: ({ grads, input, attributes }) => [
    apply(resampleOperation, [grads[0]!, input(3), input(4), input(1), input(2)], attributes)[0]!,
  ],
  batch: ([x, ...tables], { axis }) => {
    const operands = [x!.value as Tensor, ...tables.map((table) => table.value as Tensor)];
    return apply(resampleOperation, operands, { axis: axis + 1 });
  },
}); // prettier-ignore

/** Replaces an axis of x by the sums that the taps describe. */
export function resample(x: Tensor, axis: number, taps: Taps, turned: Taps): Tensor {
  const { dtype, device } = x;
  const tables = [taps, turned].flatMap(({ places, weights, count }) => [
    tensor(places, { shape: [places.length / count, count], device }),
    tensor(weights, { shape: [weights.length / count, count], dtype, device }),
  ]);
  return apply(resampleOperation, [x, ...tables], { axis })[0]!;
}
