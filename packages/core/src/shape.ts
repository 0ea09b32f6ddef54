// Shapes and memory layouts: broadcasting, strides, axes. Plain numbers only, no tensors.
import { IndexError, ShapeError, showShape } from "./errors.ts";

export type Shape = readonly number[];

export function sizeOf(shape: Shape): number {
  let size = 1;
  for (const length of shape) size *= length;
  return size;
}

export function sameShape(a: Shape, b: Shape): boolean {
  if (a === b) return true;
  if (a.length !== b.length) return false;
  for (let axis = 0; axis < a.length; axis++) if (a[axis] !== b[axis]) return false;
  return true;
}

/** Row-major strides in elements. */
export function contiguousStrides(shape: Shape): number[] {
  const strides = new Array<number>(shape.length);
  let step = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    strides[axis] = step;
    step *= Math.max(shape[axis]!, 1);
  }
  return strides;
}

/**
 * How a tensor's elements lie in its buffer, up to the offset. Layouts are interned: equal layouts
 * are the same object, so `id` can stand for them in the keys of kernel caches.
 */
export interface Layout {
  readonly id: number;
  readonly shape: Shape;
  readonly strides: readonly number[];
  readonly size: number;
  readonly isContiguous: boolean;
}

const layouts = new Map<string, Layout>();
const layoutLimit = 1 << 16;
let nextLayoutId = 0;

function isContiguous(shape: Shape, strides: readonly number[]): boolean {
  let step = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    if (shape[axis] !== 1 && strides[axis] !== step) return false;
    step *= shape[axis]!;
  }
  return true;
}

export function layoutOf(
  shape: Shape,
  strides: readonly number[] = contiguousStrides(shape),
): Layout {
  const key = `${shape.join()}|${strides.join()}`;
  let layout = layouts.get(key);
  if (layout === undefined) {
    // Ids are never reused, so forgetting old layouts only costs cache misses.
    if (layouts.size >= layoutLimit) layouts.clear();
    const size = sizeOf(shape);
    layout = {
      id: nextLayoutId++,
      shape: Object.freeze([...shape]),
      strides: Object.freeze([...strides]),
      size,
      isContiguous: size === 0 || isContiguous(shape, strides),
    };
    layouts.set(key, layout);
  }
  return layout;
}

/** NumPy's broadcasting: align at the last axis; lengths must be equal or 1. */
export function broadcastShapes(operation: string, ...shapes: readonly Shape[]): Shape {
  let result: Shape = shapes[0] ?? [];
  for (let i = 1; i < shapes.length; i++) {
    const next = shapes[i]!;
    if (sameShape(result, next)) continue;
    const ndim = Math.max(result.length, next.length);
    const merged = new Array<number>(ndim);
    for (let axis = 0; axis < ndim; axis++) {
      const a = result[axis - ndim + result.length] ?? 1;
      const b = next[axis - ndim + next.length] ?? 1;
      if (a !== b && a !== 1 && b !== 1) {
        throw new ShapeError(
          `${operation}: shapes ${showShape(result)} and ${showShape(next)} do not broadcast: ` +
            `${a} ≠ ${b} at axis ${axis - ndim}. Lengths must be equal or 1, aligned at the last axis.`,
        );
      }
      merged[axis] = a === 1 ? b : a;
    }
    result = merged;
  }
  return result;
}

/** Strides that read `shape` as if it had `target`'s shape: 0 on repeated axes. */
export function broadcastStrides(
  shape: Shape,
  strides: readonly number[],
  target: Shape,
): number[] {
  const shift = target.length - shape.length;
  return target.map((length, axis) => {
    const from = axis - shift;
    return from < 0 || (shape[from] === 1 && length !== 1) ? 0 : strides[from]!;
  });
}

/** Maps -1 to the last axis and so on; throws when out of range. */
export function normalizeAxis(operation: string, axis: number, ndim: number): number {
  // A 0-d tensor counts as having one axis, as in PyTorch.
  const count = Math.max(ndim, 1);
  const result = axis < 0 ? axis + count : axis;
  if (!Number.isInteger(axis) || result < 0 || result >= count) {
    throw new IndexError(
      `${operation}: axis ${axis} is out of range for ${ndim} dimension${ndim === 1 ? "" : "s"}. ` +
        (ndim === 0
          ? "A 0-d tensor accepts axis 0 and -1."
          : `Expected an integer from ${-ndim} to ${ndim - 1}.`),
    );
  }
  return result;
}

/** Sorted, distinct, non-negative axes; `undefined` means all. */
export function normalizeAxes(
  operation: string,
  axes: number | readonly number[] | undefined,
  ndim: number,
): number[] {
  if (axes === undefined) return Array.from({ length: ndim }, (_, axis) => axis);
  const list = typeof axes === "number" ? [axes] : axes;
  const result = list.map((axis) => normalizeAxis(operation, axis, ndim));
  if (new Set(result).size !== result.length) {
    throw new IndexError(`${operation}: axes ${showShape(list)} name the same axis twice.`);
  }
  return ndim === 0 ? [] : result.sort((a, b) => a - b);
}
