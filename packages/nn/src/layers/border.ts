// Borders that repeat the image, for convolutions whose paddingMode is not zeros.
import type { Tensor } from "@flambeau/core";

export type BorderMode = "reflect" | "replicate" | "circular";

/** Where a position beyond the border, or inside, takes its value from. */
function source(mode: BorderMode, position: number, size: number): number {
  switch (mode) {
    case "replicate":
      return Math.min(Math.max(position, 0), size - 1);
    case "circular":
      return (position + size) % size;
    case "reflect":
      return position < 0 ? -position : position < size ? position : 2 * (size - 1) - position;
  }
}

/** Pads the last axes of `x`; `widths` holds `[before, after]` for each. `torch.nn.functional.pad`. */
export function withBorder(
  x: Tensor,
  widths: readonly (readonly [number, number])[],
  mode: BorderMode,
): Tensor {
  return widths.reduce((padded, [before, after], i) => {
    if (before === 0 && after === 0) return padded;
    const axis = x.ndim - widths.length + i;
    const size = x.shape[axis]!;
    const from = Array.from({ length: before + size + after }, (_, at) =>
      source(mode, at - before, size),
    );
    return padded.at(...new Array<string>(axis).fill(":"), from, "...");
  }, x);
}
