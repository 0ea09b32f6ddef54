// What `t.at(...)` understands: numbers, slices as strings, lists, null and "...". Turns an index
// into a slice of every axis and the lists that are left; masks become lists in mask-index.ts.
import { IndexError, showShape } from "../errors.ts";
import type { Shape } from "../shape.ts";
import { type Tensor, isTensor } from "../tensor.ts";
import { withoutMasks } from "./mask-index.ts";
import { sliceRange } from "./view.ts";

/**
 * One position of an index: a number picks and drops an axis, `"start:end:step"` slices it, a list or
 * an integer tensor picks several, a bool tensor those where it is true, `null` adds an axis, `"..."`
 * stands for the axes in between.
 */
export type IndexItem = number | string | null | readonly number[] | Tensor;
export type Index = readonly IndexItem[];

export interface IndexPlan {
  /** A slice of every axis of the tensor. */
  readonly starts: readonly number[];
  readonly lengths: readonly number[];
  readonly steps: readonly number[];
  /** Shape after slicing, dropping and adding axes. */
  readonly shape: readonly number[];
  /** Lists, by axis of `shape`. */
  readonly lists: readonly { readonly axis: number; readonly list: readonly number[] | Tensor }[];
}

const slicePattern = /^\s*(-?\d+)?\s*:\s*(-?\d+)?\s*(?::\s*(-?\d+)?\s*)?$/;

function parseSlice(text: string): { start?: number; end?: number; step: number } {
  const match = slicePattern.exec(text);
  if (match === null) {
    throw new IndexError(
      `at: cannot read the slice "${text}". Expected "start:end" or "start:end:step", each part an ` +
        `integer or empty, or "...".`,
    );
  }
  const number = (part: string | undefined) => (part === undefined ? undefined : Number(part));
  return { start: number(match[1]), end: number(match[2]), step: number(match[3]) ?? 1 };
}

/** Replaces "..." (or the missing end) by full slices. */
function withoutEllipsis(shape: Shape, index: Index): IndexItem[] {
  const used = index.filter((item) => item !== null && item !== "...").length;
  const dots = index.filter((item) => item === "...").length;
  if (dots > 1) throw new IndexError(`at: an index may hold "..." once, got it ${dots} times.`);
  if (used > shape.length) {
    throw new IndexError(
      `at: ${used} indices for ${shape.length} axes of shape ${showShape(shape)}.`,
    );
  }
  const rest = new Array<string>(shape.length - used).fill(":");
  const at = index.indexOf("...");
  return at < 0 ? [...index, ...rest] : [...index.slice(0, at), ...rest, ...index.slice(at + 1)];
}

export function planIndex(tensorShape: Shape, index: Index): IndexPlan {
  const starts: number[] = [];
  const lengths: number[] = [];
  const steps: number[] = [];
  const shape: number[] = [];
  const lists: { axis: number; list: readonly number[] | Tensor }[] = [];
  for (const item of withoutEllipsis(tensorShape, withoutMasks(tensorShape, index))) {
    if (item === null) {
      shape.push(1);
      continue;
    }
    const axis = starts.length;
    const n = tensorShape[axis]!;
    if (typeof item === "string") {
      const { start, end, step } = parseSlice(item);
      const range = sliceRange("at", n, start, end, step);
      starts.push(range.start);
      lengths.push(range.length);
      steps.push(step);
      shape.push(range.length);
    } else if (typeof item === "number") {
      if (!Number.isInteger(item) || item < -n || item >= n) {
        throw new IndexError(
          `at: index ${item} is out of range for axis ${axis} of shape ${showShape(tensorShape)}. ` +
            `Expected an integer from ${-n} to ${n - 1}.`,
        );
      }
      starts.push(item < 0 ? item + n : item);
      lengths.push(1);
      steps.push(1);
    } else {
      if (isTensor(item) && item.dtype !== "int32" && item.dtype !== "int64") {
        throw new IndexError(
          `at: index tensors are int32 or int64, got ${item.dtype}. Convert with to("int32").`,
        );
      }
      if (Array.isArray(item) && !item.every(Number.isInteger)) {
        throw new IndexError(
          `at: a list picks positions by integers, got ${JSON.stringify(item)}. Several axes are ` +
            `indexed by several arguments: at(0, ":").`,
        );
      }
      lists.push({ axis: shape.length, list: item });
      starts.push(0);
      lengths.push(n);
      steps.push(1);
      shape.push(n);
    }
  }
  return { starts, lengths, steps, shape, lists };
}
