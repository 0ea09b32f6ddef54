// Tensors taken apart along an axis. The parts are views; their gradients are joined in one kernel.
import { customFunction } from "../autograd/function.ts";
import { ShapeError, showShape } from "../errors.ts";
import { type Shape, normalizeAxis } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { zeros } from "./creation.ts";
import { composite } from "./define.ts";
import { concat } from "./join.ts";
import { permute, reshape, sliceView } from "./view.ts";

const partShapes = (shape: Shape, sizes: readonly number[], axis: number): number[][] =>
  sizes.map((size) => shape.map((n, i) => (i === axis ? size : n)));

const parts = /* @__PURE__ */ customFunction({
  name: "split",
  forward: (x: Tensor, sizes: readonly number[], axis: number) => {
    let first = 0;
    const result: readonly Tensor[] = partShapes(x.shape, sizes, axis).map((shape) => {
      const starts = shape.map((_, i) => (i === axis ? first : 0));
      first += shape[axis]!;
      return sliceView(x, starts, shape, shape.map(() => 1)); // prettier-ignore
    });
    return { result, saved: { shapes: partShapes(x.shape, sizes, axis), axis, order: orderOf(x) } };
  },
  backward: ({ shapes, axis, order }, grads) => {
    const { dtype, device } = grads.find((grad) => grad !== undefined)!;
    const all = shapes.map((shape, i) => grads[i] ?? zeros(shape, { dtype, device }));
    // Joined as x lay: where x was a permuted view, going back through that view copies nothing more.
    const joined = concat(all.map((grad) => permute(grad, order)), order.indexOf(axis));
    return [permute(joined, order.map((_, i) => order.indexOf(i))), undefined, undefined];
  },
}); // prettier-ignore

/** The axes of x from those with the largest strides to those with the smallest. */
const orderOf = ({ shape, strides }: Tensor): number[] =>
  [...shape.keys()].toSorted((a, b) => Math.abs(strides[b]!) - Math.abs(strides[a]!));

function sizesOf(n: number, size: number): number[] {
  // An empty axis is one empty part.
  const count = Math.max(Math.ceil(n / size), 1);
  return Array.from({ length: count }, (_, i) => Math.min(size, n - i * size));
}

/** Parts of `size` along `axis` (the last may be smaller), or of the sizes given. All are views. */
export const split = /* @__PURE__ */ composite(
  "split",
  (x: Tensor, size: number | readonly number[], axis = 0): Tensor[] => {
    const at = normalizeAxis("split", axis, x.ndim);
    const n = x.shape[at] ?? 1;
    const list = typeof size === "number" ? [size] : size;
    const least = typeof size === "number" && n > 0 ? 1 : 0;
    if (x.ndim === 0 || !list.every((one) => Number.isInteger(one) && one >= least)) {
      throw new ShapeError(
        `split: expected a positive size, or a list of sizes, for axis ${at} of shape ` +
          `${showShape(x.shape)}, got ${typeof size === "number" ? size : showShape(size)}.`,
      );
    }
    const sizes = typeof size === "number" ? sizesOf(n, size) : size;
    const total = sizes.reduce((sum, one) => sum + one, 0);
    if (total !== n) {
      throw new ShapeError(
        `split: sizes ${showShape(sizes)} sum to ${total}, but axis ${at} of shape ` +
          `${showShape(x.shape)} has ${n}.`,
      );
    }
    return [...parts(x, sizes, at)];
  },
  {
    samples: [
      (make) => [make([5, 2]), 2],
      (make) => [make([2, 5]), [1, 4], 1],
      (make) => [make([2, 4]), 2, -1],
      (make) => [make([0, 2]), 2],
    ],
  },
);

/** At most `count` parts of equal size along `axis`; the last may be smaller. All are views. */
export const chunk = /* @__PURE__ */ composite(
  "chunk",
  (x: Tensor, count: number, axis = 0): Tensor[] => {
    if (!Number.isInteger(count) || count < 1) {
      throw new ShapeError(`chunk: expected a positive number of parts, got ${count}.`);
    }
    const n = x.shape[normalizeAxis("chunk", axis, x.ndim)] ?? 1;
    // Nothing in equal parts is that many times nothing.
    if (n === 0) return split(x, new Array<number>(count).fill(0), axis);
    return split(x, Math.ceil(n / count), axis);
  },
  {
    samples: [
      (make) => [make([5, 2]), 3],
      (make) => [make([2, 4]), 2, 1],
      (make) => [make([2]), 3],
      (make) => [make([0, 2]), 2],
    ],
  },
);

/** The slices along `axis`, without it. All are views. */
export const unbind = /* @__PURE__ */ composite(
  "unbind",
  (x: Tensor, axis = 0): Tensor[] => {
    const at = normalizeAxis("unbind", axis, x.ndim);
    if (x.ndim === 0) throw new ShapeError("unbind: a 0-d tensor has no axis to take apart.");
    if (x.shape[at] === 0) return [];
    const shape = x.shape.filter((_, i) => i !== at);
    return split(x, 1, at).map((part) => reshape(part, shape));
  },
  { samples: [(make) => [make([2, 3])], (make) => [make([2, 3, 2]), -2]] },
);
