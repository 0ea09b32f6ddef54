// Masks as indices: `x.at(mask)` picks where a bool tensor is true. A mask becomes one list of
// positions per axis that it covers, which is read from its values.
import { IndexError, TraceError, showShape } from "../errors.ts";
import { modes } from "../modes.ts";
import type { Shape } from "../shape.ts";
import { type Tensor, isTensor } from "../tensor.ts";
import type { Index, IndexItem } from "./index-plan.ts";
import { nonzero } from "./nonzero.ts";
import { select } from "./rearrange.ts";

const isMask = (item: IndexItem): item is Tensor => isTensor(item) && item.dtype === "bool";

const axesOf = (item: IndexItem): number =>
  item === null || item === "..." ? 0 : isMask(item) ? item.ndim : 1;

function listsOf(mask: Tensor, shape: Shape, axis: number): Tensor[] {
  if (mask.isAbstract || modes.recorder !== undefined) {
    throw new TraceError(
      `at: how many elements a mask picks depends on its values, which a traced or batched function ` +
        `does not know. Use where or maskedFill, or maskedSelect with { size }.`,
    );
  }
  const covered = shape.slice(axis, axis + mask.ndim);
  const fits = mask.ndim > 0 && mask.shape.every((n, i) => n === covered[i]);
  if (!fits) {
    throw new IndexError(
      `at: a mask of shape ${showShape(mask.shape)} does not fit shape ${showShape(shape)} from axis ` +
        `${axis} on. It must have the shape of the axes that it stands for.`,
    );
  }
  const coordinates = nonzero(mask);
  return mask.shape.map((_, i) => select(coordinates, 1, i));
}

/** The same index with lists in place of masks. */
export function withoutMasks(shape: Shape, index: Index): Index {
  if (!index.some(isMask)) return index;
  let axis = 0;
  return index.flatMap((item, i): IndexItem[] => {
    if (item === "...") {
      const later = index.slice(i + 1).reduce<number>((sum, next) => sum + axesOf(next), 0);
      axis = shape.length - later;
    }
    const at = axis;
    axis += axesOf(item);
    return isMask(item) ? listsOf(item, shape, at) : [item];
  });
}
