// Small grey images as text, two rows to a line.
import type { Tensor, TypedArray } from "@flambeau/core";

const blocks = [" ", "▄", "▀", "█"] as const;

/** A 28×28 image (or another size) from 0 (paper) to 1 (ink), in half blocks. */
export function renderDigit(
  image: Tensor | TypedArray | readonly number[],
  { width = 28, threshold = 0.35 }: { readonly width?: number; readonly threshold?: number } = {},
): string {
  const pixels = "dataSync" in image ? image.dataSync() : image;
  const isInk = (at: number): boolean => Number(pixels[at] ?? 0) > threshold;
  const lines: string[] = [];
  for (let row = 0; row < pixels.length; row += 2 * width) {
    const cells = Array.from({ length: width }, (_, column) => {
      const upper = isInk(row + column) ? 2 : 0;
      const lower = isInk(row + width + column) ? 1 : 0;
      return blocks[upper + lower];
    });
    lines.push(cells.join("").trimEnd());
  }
  return lines.join("\n");
}
