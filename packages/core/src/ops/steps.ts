// The steps of a recurrence: slices of one tensor along its first axis. Where values are at hand and nothing is
// recorded they are read and written in place; else they are taken apart and stacked.
import type { DType } from "../dtype.ts";
import { modes } from "../modes.ts";
import { type Device, bytesFor } from "../runtime/device.ts";
import { Storage } from "../runtime/storage.ts";
import { type Shape, layoutOf } from "../shape.ts";
import { type Tensor, makeTensor } from "../tensor.ts";
import { stack } from "./join.ts";
import { unbind } from "./split.ts";
import { slice } from "./view.ts";

const isPlain = (): boolean =>
  modes.recorder === undefined && modes.batch === undefined && !modes.gradient;

/** `x[t]` for all t. */
export function stepsOf(x: Tensor): Tensor[] {
  const [count, ...shape] = x.shape as [number, ...number[]];
  if (!isPlain() || !x.isContiguous) return unbind(x);
  const layout = layoutOf(shape);
  return Array.from({ length: count }, (_, t) =>
    makeTensor(x.dtype, layout, x.storage, x.offset + t * layout.size),
  );
}

/** Steps `start` to `end - 1`, as one tensor. */
export function someSteps(x: Tensor, start: number, end: number): Tensor {
  if (!isPlain() || !x.isContiguous) return slice(x, 0, { start, end });
  const layout = layoutOf([end - start, ...x.shape.slice(1)]);
  const size = layoutOf(x.shape.slice(1)).size;
  return makeTensor(x.dtype, layout, x.storage, x.offset + start * size);
}

/** Results of steps, which become one tensor. */
export class StepResults {
  readonly #whole: Tensor | undefined;
  readonly #steps: (Tensor | undefined)[];

  /** `count` steps of `shape`. */
  constructor(
    count: number,
    shape: Shape,
    { dtype, device }: { readonly dtype: DType; readonly device: Device },
  ) {
    this.#steps = new Array<Tensor | undefined>(count);
    if (!isPlain()) return;
    const layout = layoutOf([count, ...shape]);
    this.#whole = makeTensor(dtype, layout, Storage.allocate(device, bytesFor(layout.size, dtype)));
    this.#steps = stepsOf(this.#whole);
  }

  /** Where the result of step `t` goes, if that is known beforehand. */
  at(t: number): Tensor | undefined {
    return this.#whole === undefined ? undefined : this.#steps[t];
  }

  /** Tells the result of step `t`. */
  set(t: number, result: Tensor): void {
    this.#steps[t] = result;
  }

  whole(): Tensor {
    return this.#whole ?? stack(this.#steps as Tensor[]);
  }
}
