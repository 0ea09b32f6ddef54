// The three transforms along the last axis that all others are made of: complex to complex, and real from
// and to the first half of a spectrum. Each one's gradient is another one of them. No public ops here.
import { apply } from "../../apply.ts";
import type { RoutineKernel } from "../../compiler/kernel.ts";
import { type DType, complexDType, realDType } from "../../dtype.ts";
import type { Attributes, Operation } from "../../operation.ts";
import { sizeOf } from "../../shape.ts";
import type { Tensor } from "../../tensor.ts";
import { primitive } from "../define.ts";
import { type Transform, transformOf } from "./numeric-fourier.ts";

/** -1: `exp(-2πi·k·t/n)`, the forward transform; 1: its conjugate. */
export type Direction = -1 | 1;

interface FourierAttributes extends Attributes {
  readonly direction: Direction;
  /** What results are multiplied by. */
  readonly scale: number;
}

interface HalfAttributes extends FourierAttributes {
  /** Length of the real rows. */
  readonly n: number;
  /**
   * Whether bins between the first and the middle count twice: for themselves and for their mirror
   * images.
   */
  readonly isDoubled: boolean;
}

const lastReplaced = (shape: readonly number[], n: number): number[] => [...shape.slice(0, -1), n];
const halfOf = (n: number): number => Math.floor(n / 2) + 1;

/** Visits rows: what a routine of complex or real rows has in common. */
function rowsRoutine(
  name: string,
  input: { readonly dtype: DType; readonly shape: readonly number[] },
  output: { readonly dtype: DType; readonly shape: readonly number[] },
  n: number,
  visit: (
    from: Float64Array,
    to: Float64Array,
    row: number,
    parts: { readonly re: Float64Array; readonly im: Float64Array; readonly transform: Transform },
  ) => void,
): RoutineKernel {
  return {
    kind: "routine",
    name,
    inputs: [input],
    outputs: [output],
    run([from], [to]) {
      const rows = sizeOf(input.shape.slice(0, -1));
      const re = new Float64Array(n);
      const im = new Float64Array(n);
      const parts = { re, im, transform: transformOf(n) };
      // Both are float arrays; complex numbers are pairs in them.
      for (let row = 0; row < rows; row++) {
        visit(from as Float64Array, to as Float64Array, row, parts);
      }
    },
  };
}

/** Turns the forward transform of `(re, im)` into the backward one by exchanging the parts. */
const transformed = (
  re: Float64Array,
  im: Float64Array,
  direction: Direction,
  transform: Transform,
): void => (direction === -1 ? transform(re, im) : transform(im, re));

const fourierOperation: Operation<FourierAttributes> = /* @__PURE__ */ primitive({
  name: "fourier",
  infer: ([x]) => [x!],
  lower([x], { direction, scale }, [output]) {
    const n = x!.shape.at(-1)!;
    return rowsRoutine("fourier", x!, output!, n, (from, to, row, { re, im, transform }) => {
      const start = 2 * row * n;
      for (let t = 0; t < n; t++) {
        re[t] = from[start + 2 * t]!;
        im[t] = from[start + 2 * t + 1]!;
      }
      transformed(re, im, direction, transform);
      for (let k = 0; k < n; k++) {
        to[start + 2 * k] = scale * re[k]!;
        to[start + 2 * k + 1] = scale * im[k]!;
      }
    });
  },
  gradient: ({ grads, attributes: { direction, scale } }) => [
    fourier(grads[0]!, direction === -1 ? 1 : -1, scale),
  ],
  batch: ([x], attributes) => apply(fourierOperation, [x!.value], attributes),
});

/** Complex `[…, n]` → complex `[…, n]`. */
export const fourier = (x: Tensor, direction: Direction, scale: number): Tensor =>
  apply(fourierOperation, [x], { direction, scale })[0]!;

/** How often bin `k` of a half spectrum counts. */
const countOf = (k: number, { n, isDoubled }: HalfAttributes): number =>
  isDoubled && k > 0 && 2 * k !== n ? 2 : 1;

const toHalfOperation: Operation<HalfAttributes> = /* @__PURE__ */ primitive({
  name: "halfSpectrum",
  infer: ([x], { n }) => [
    { shape: lastReplaced(x!.shape, halfOf(n)), dtype: complexDType(x!.dtype) },
  ],
  lower([x], attributes, [output]) {
    const { n, direction, scale } = attributes;
    const half = halfOf(n);
    return rowsRoutine("halfSpectrum", x!, output!, n, (from, to, row, { re, im, transform }) => {
      for (let t = 0; t < n; t++) re[t] = from[row * n + t]!;
      im.fill(0);
      transformed(re, im, direction, transform);
      for (let k = 0; k < half; k++) {
        const factor = scale * countOf(k, attributes);
        to[2 * (row * half + k)] = factor * re[k]!;
        to[2 * (row * half + k) + 1] = factor * im[k]!;
      }
    });
  },
  gradient: ({ grads, attributes }) => [
    apply(fromHalfOperation, [grads[0]!], opposite(attributes))[0],
  ],
  batch: ([x], attributes) => apply(toHalfOperation, [x!.value], attributes),
});

const opposite = (attributes: HalfAttributes): HalfAttributes => ({
  ...attributes,
  direction: attributes.direction === -1 ? 1 : -1,
});

const fromHalfOperation: Operation<HalfAttributes> = /* @__PURE__ */ primitive({
  name: "fromHalfSpectrum",
  infer: ([x], { n }) => [{ shape: lastReplaced(x!.shape, n), dtype: realDType(x!.dtype) }],
  lower([x], attributes, [output]) {
    const { n, direction, scale } = attributes;
    const half = halfOf(n);
    return rowsRoutine(
      "fromHalfSpectrum",
      x!,
      output!,
      n,
      (from, to, row, { re, im, transform }) => {
        re.fill(0);
        im.fill(0);
        // Only the real part of the result is asked for: mirror images may be left out and counted twice.
        for (let k = 0; k < half; k++) {
          const count = countOf(k, attributes);
          re[k] = count * from[2 * (row * half + k)]!;
          im[k] = count * from[2 * (row * half + k) + 1]!;
        }
        transformed(re, im, direction, transform);
        for (let t = 0; t < n; t++) to[row * n + t] = scale * re[t]!;
      },
    );
  },
  gradient: ({ grads, attributes }) => [
    apply(toHalfOperation, [grads[0]!], opposite(attributes))[0],
  ],
  batch: ([x], attributes) => apply(fromHalfOperation, [x!.value], attributes),
});

/** Real `[…, n]` → the first `n/2 + 1` bins of its spectrum, complex. */
export const toHalfSpectrum = (x: Tensor, direction: Direction, scale: number): Tensor =>
  apply(toHalfOperation, [x], { n: x.shape.at(-1)!, direction, scale, isDoubled: false })[0]!;

/** The first `n/2 + 1` bins of a spectrum whose others mirror them → real `[…, n]`. */
export const fromHalfSpectrum = (
  x: Tensor,
  n: number,
  direction: Direction,
  scale: number,
): Tensor => apply(fromHalfOperation, [x], { n, direction, scale, isDoubled: true })[0]!;
