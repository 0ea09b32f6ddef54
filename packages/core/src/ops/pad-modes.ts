// Padding from the tensor itself: positions beyond an end are looked up inside. By a constant: pad.ts.
import { FlambeauError, ShapeError, showShape } from "../errors.ts";
import type { Tensor } from "../tensor.ts";
import { tensor } from "./creation.ts";
import { slicing } from "./selection.ts";

export type PadMode = "constant" | "reflect" | "replicate" | "circular";

/** Where the element for position `i` of an axis of length `n` comes from. */
const sources: Record<Exclude<PadMode, "constant">, (i: number, n: number) => number> = {
  /** Mirrored, without repeating the end. */
  reflect: (i, n) => (i < 0 ? -i : i >= n ? 2 * (n - 1) - i : i),
  replicate: (i, n) => Math.min(Math.max(i, 0), n - 1),
  circular: (i, n) => ((i % n) + n) % n,
};

/** Pads (or with negative widths cuts) every axis by a rule of `sources`. */
export function padFromInside(
  x: Tensor,
  before: readonly number[],
  after: readonly number[],
  mode: PadMode,
): Tensor {
  if (!Object.hasOwn(sources, mode)) {
    throw new FlambeauError(
      `pad: unknown mode ${JSON.stringify(mode)}. Expected constant, ${Object.keys(sources).join(", ")}.`,
    );
  }
  const source = sources[mode as keyof typeof sources];
  const most = (n: number) => (mode === "reflect" ? n - 1 : mode === "circular" ? n : Infinity);
  let result = x;
  x.shape.forEach((n, axis) => {
    const [left, right] = [before[axis]!, after[axis]!];
    if (left === 0 && right === 0) return;
    if (Math.max(left, right) > most(n) || n === 0 || n + left + right < 0) {
      throw new ShapeError(
        `pad: widths [${left}, ${right}] are too large for axis ${axis} of shape ` +
          `${showShape(x.shape)} with mode ${mode}` +
          (mode === "replicate" ? "." : `: at most ${Math.max(most(n), 0)} on each side.`),
      );
    }
    const index = Int32Array.from({ length: n + left + right }, (_, i) => source(i - left, n));
    result = slicing.pick(result, tensor(index, { device: x.device }), axis);
  });
  return result;
}
