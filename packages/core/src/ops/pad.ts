// Padding: around a tensor and between its elements. One masked load does both.
import { apply } from "../apply.ts";
import { copyKernel } from "../compiler/lower.ts";
import { ShapeError, showShape } from "../errors.ts";
import type { Operation } from "../operation.ts";
import type { Tensor } from "../tensor.ts";
import { expose, primitive } from "./define.ts";
import { type PadMode, padFromInside } from "./pad-modes.ts";
import { sliceView } from "./view.ts";

interface PadAttributes {
  readonly [name: string]: readonly number[] | number;
  readonly before: readonly number[];
  readonly after: readonly number[];
  /** Positions put between neighbours. */
  readonly gaps: readonly number[];
  readonly value: number;
}

const spread = (n: number, gap: number): number => (n === 0 ? 0 : (n - 1) * (gap + 1) + 1);

const padOperation: Operation<PadAttributes> = /* @__PURE__ */ primitive({
  name: "pad",
  infer([x], { before, after, gaps }) {
    const shape = x!.shape.map((n, axis) => spread(n, gaps[axis]!) + before[axis]! + after[axis]!);
    if (shape.some((n) => n < 0)) {
      throw new ShapeError(
        `pad: cutting ${showShape(before)} before and ${showShape(after)} after leaves nothing of ` +
          `shape ${showShape(x!.shape)}.`,
      );
    }
    return [{ shape, dtype: x!.dtype }];
  },
  lower([x], { before, gaps, value }, [output]) {
    const { shape } = output!;
    const zeros = shape.map(() => 0);
    const guards = shape.flatMap((n, axis) => {
      const gap = gaps[axis]!;
      if (n === x!.shape[axis] && before[axis] === 0 && gap === 0) return [];
      return {
        base: -before[axis]!,
        coefficients: zeros.with(axis, 1),
        divisor: gap + 1,
        size: x!.shape[axis]!,
        stride: x!.layout.strides[axis]!,
      };
    });
    const guarded = new Set(guards.map((guard) => guard.coefficients.indexOf(1)));
    const strides = x!.layout.strides.map((stride, axis) => (guarded.has(axis) ? 0 : stride));
    return copyKernel(shape, {
      operand: 0,
      dtype: x!.dtype,
      offset: 0,
      strides,
      guards,
      fill: value,
    });
  },
  gradient({ grads, inputs, attributes: { before, after, gaps } }) {
    const { shape } = inputs[0]!;
    // What was cut away has no gradient: pad with the opposite amounts, then pick every step.
    const cutBefore = before.map((n) => Math.max(-n, 0));
    const cutAfter = after.map((n) => Math.max(-n, 0));
    const isCut = cutBefore.some((n) => n > 0) || cutAfter.some((n) => n > 0);
    const none = shape.map(() => 0);
    const grown = isCut ? dilatedPad(grads[0]!, cutBefore, cutAfter, none) : grads[0]!;
    const starts = before.map((n) => Math.max(n, 0));
    return [
      sliceView(
        grown,
        starts,
        shape,
        gaps.map((gap) => gap + 1),
      ),
    ];
  },
  batch: ([x], { before, after, gaps, value }) => [
    dilatedPad(x!.value as Tensor, [0, ...before], [0, ...after], [0, ...gaps], value),
  ],
});

/** Pads (or with negative amounts cuts) each axis, and puts `gaps` positions between neighbours. */
export const dilatedPad = (
  x: Tensor,
  before: readonly number[],
  after: readonly number[],
  gaps: readonly number[],
  value = 0,
): Tensor => apply(padOperation, [x], { before, after, gaps, value })[0]!;

export interface PadOptions {
  /**
   * `constant` (default); `reflect`: mirrored without the end; `replicate`: the end repeated;
   * `circular`: from the other end.
   */
  readonly mode?: PadMode;
  /** What to fill with, in mode `constant`. Default 0. */
  readonly value?: number;
}

/**
 * Pads with a constant or from the tensor itself. `widths` counts from the last axis, as PyTorch's: `[left, right]`,
 * `[left, right, top, bottom]`, …; negative widths cut.
 */
export const pad = /* @__PURE__ */ expose(
  padOperation,
  (
    x: Tensor,
    widths: readonly number[],
    { mode = "constant", value = 0 }: PadOptions = {},
  ): Tensor => {
    if (widths.length % 2 !== 0 || widths.length > 2 * x.ndim) {
      throw new ShapeError(
        `pad: expected two widths for each of at most ${x.ndim} axes of shape ` +
          `${showShape(x.shape)}, last axis first, got ${widths.length} widths.`,
      );
    }
    const width = (axis: number, side: number) => widths[2 * (x.ndim - 1 - axis) + side] ?? 0;
    const before = x.shape.map((_, axis) => width(axis, 0));
    const after = x.shape.map((_, axis) => width(axis, 1));
    if (mode !== "constant") return padFromInside(x, before, after, mode);
    return dilatedPad(
      x,
      before,
      after,
      x.shape.map(() => 0),
      value,
    );
  },
  {
    samples: [
      (make) => [make([2, 3]), [1, 2]],
      (make) => [make([2, 3]), [1, 0, 0, 2], { value: 0.5 }],
      (make) => [make([2, 5]), [-1, -2]],
      (make) => [make([2, 0]), [1, 1], { value: 1 }],
      (make) => [make([2, 4]), [3, 1], { mode: "reflect" }],
      (make) => [make([2, 3]), [1, 4, -1, 1], { mode: "replicate" }],
      (make) => [make([2, 3]), [3, 2, 1, 0], { mode: "circular" }],
    ],
  },
);
