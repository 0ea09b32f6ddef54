// Windows that slide over spatial axes: options and sizes shared by convolution and pooling.
import { ShapeError, showShape } from "../errors.ts";
import type { Shape } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { reshape } from "./view.ts";

/** One number for all spatial axes, or one for each. */
export type PerAxis = number | readonly number[];

/** A window option as a list of integers, one per spatial axis, none below `least`. */
export function perAxis(
  operation: string,
  option: string,
  value: PerAxis,
  spatial: number,
  least: number,
): number[] {
  const list = typeof value === "number" ? new Array<number>(spatial).fill(value) : [...value];
  if (list.length === 1) while (list.length < spatial) list.push(list[0]!);
  if (list.length !== spatial || !list.every((n) => Number.isInteger(n) && n >= least)) {
    throw new ShapeError(
      `${operation}: ${option} is one integer, at least ${least}, or ${spatial} of them, got ` +
        `${typeof value === "number" ? value : showShape(value)}.`,
    );
  }
  return list;
}

/** How many windows fit on a padded axis; with `ceil` a last one may reach beyond it. */
export const windowCount = (
  padded: number,
  kernel: number,
  stride: number,
  dilation: number,
  ceil = false,
): number => {
  const steps = (padded - dilation * (kernel - 1) - 1) / stride;
  return (ceil ? Math.ceil(steps) : Math.floor(steps)) + 1;
};

const axisNames = ["length", "height", "width"] as const;
/** `"height, width"` and the like, for messages. */
export const spatialNames = (spatial: number): string =>
  spatial === 1
    ? axisNames[0]
    : spatial === 2
      ? axisNames.slice(1).join(", ")
      : ["depth", ...axisNames.slice(1)].join(", ");

/** Throws unless x is a batch of images, or one image without the batch axis. */
export function requireImages(operation: string, x: Tensor, spatial: number): void {
  if (x.ndim === spatial + 1 || x.ndim === spatial + 2) return;
  throw new ShapeError(
    `${operation}: expected an input of ${spatial + 2} axes [batch, channels, ` +
      `${spatialNames(spatial)}], or ${spatial + 1} without the batch, got shape ` +
      `${showShape(x.shape)}.`,
  );
}

/** Runs `body` on a batch of one where the batch axis is missing. */
export function batched(x: Tensor, spatial: number, body: (x: Tensor) => Tensor): Tensor {
  if (x.ndim === spatial + 2) return body(x);
  const result = body(reshape(x, [1, ...x.shape]));
  return reshape(result, result.shape.slice(1));
}

/** Throws where a window is larger than what it slides over. */
export function requireFit(operation: string, kernel: Shape, dilation: Shape, padded: Shape): void {
  const spans = kernel.map((n, axis) => dilation[axis]! * (n - 1) + 1);
  if (spans.every((n, axis) => n <= padded[axis]!)) return;
  throw new ShapeError(
    `${operation}: the kernel ${showShape(kernel)} spans ${showShape(spans)}, more than the padded ` +
      `input ${showShape(padded)}. Pad more, or use a smaller kernel or dilation.`,
  );
}
