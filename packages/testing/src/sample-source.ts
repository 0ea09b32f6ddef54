// Where the tensors of generated tests come from: the same seed gives the same values, whatever the
// device and however the elements lie in memory. What the tests do with them is conformance.ts.
import {
  type DType,
  type Tensor,
  flip,
  noGrad,
  permute,
  reshape,
  slice,
  tensor,
} from "@flambeau/core";
import {
  type TypedArray,
  arrayType,
  integerRange,
  isBig,
  isComplex,
  isContinuous,
  isUnsigned,
  realDType,
  wordsOf,
} from "@flambeau/core/extension";
import type { SampleSource } from "@flambeau/core/extension";
import { trackGradient } from "@flambeau/core/extension";
import { sizeOf } from "@flambeau/core/extension";

/** How the elements of a sample lie in memory: as written, or as views of something else. */
export type Placement = "row-major" | "transposed" | "sliced" | "flipped";

/**
 * Which values a sample has. `extreme`: zeros, infinities, NaN, the ends of the dtype; `large`: up to
 * ±100; `tied`: few distinct ones, 0 among them; `edge`: close to the ends of the op's domain. `empty`
 * and `0-d` are ordinary values in these shapes, for ops that take any shape.
 */
export type Values = "ordinary" | "extreme" | "large" | "tied" | "edge" | "empty" | "0-d";

export interface SourceOptions {
  readonly dtype: DType;
  readonly device: string;
  readonly seed: number;
  readonly placement?: Placement;
  readonly values?: Values;
  /** Whether the op takes any shapes: then extreme values of the operands meet in all pairs. */
  readonly anyShape?: boolean;
  /** Whether float tensors of the dtype under test require gradients. */
  readonly requiresGrad?: boolean;
}

/** Numbers in [0, 1) from a seed. */
export function uniformNumbers(seed: number): () => number {
  let state = (seed ^ 0x9e3779b9) | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let word = Math.imul(state ^ (state >>> 15), 1 | state);
    word = (word + Math.imul(word ^ (word >>> 7), 61 | word)) ^ word;
    return ((word ^ (word >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A seed from a name, so that each op has samples of its own that never change. */
export function seedOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}

const floatExtremes = [
  0, -0, 1, -1, 0.5, -2.5, 3, 100, -100, 1e-30, -1e-30, 1e30, -1e30, Infinity, -Infinity, NaN,
]; // prettier-ignore

const exactFloats = [0, -0, 1, -2, 3, Infinity, -Infinity, NaN];

/** The ends of an integer dtype, and numbers near 0 that it has. */
function integersOf(dtype: DType, near: readonly number[]): (number | bigint)[] {
  const [least, greatest] = integerRange(dtype);
  const inside = near.map(BigInt).filter((value) => value >= least && value <= greatest);
  return [...new Set([...inside, greatest, least])].map((value) => (isBig(dtype) ? value : Number(value))); // prettier-ignore
}

/** Extremes whose sums and products do not depend on the order of summation. */
const exactExtremes = (dtype: DType): readonly (number | bigint)[] =>
  isComplex(dtype)
    ? exactFloats.filter(Number.isFinite)
    : isContinuous(dtype)
      ? exactFloats
      : integersOf(dtype, [0, 1, -1, 2]);

const largestAndLeast: { readonly [dtype: string]: readonly number[] } = {
  float16: [65504, 2 ** -14, 2 ** -24],
  bfloat16: [3.3895313892515355e38, 1.1754943508222875e-38],
  float32: [3.4028234663852886e38, 1.1754943508222875e-38],
  float64: [1.7976931348623157e308, 2.2250738585072014e-308],
};

const complexParts = [0, -0, 1, -2.5, 1e-30, Infinity, NaN];

/** What each dtype's extreme samples hold; complex numbers as pairs. */
export function extremesOf(dtype: DType): readonly (number | bigint)[] {
  if (isComplex(dtype)) return complexParts.flatMap((re) => complexParts.flatMap((im) => [re, im]));
  if (isContinuous(dtype)) return [...floatExtremes, ...largestAndLeast[realDType(dtype)]!];
  return integersOf(dtype, [0, 1, -1, 2, -3, 3, 7, 100, 128, 2 ** 31]);
}

type Draw = (low: number, high: number, next: () => number) => number;

const drawAnywhere: Draw = (low, high, next) => low + (high - low) * next();

const drawFloat: Record<Values, Draw> = {
  ordinary: drawAnywhere,
  extreme: drawAnywhere,
  empty: drawAnywhere,
  "0-d": drawAnywhere,
  // A domain of its own is kept: only ops that take any value see ±100.
  large: (low, high, next) =>
    low === -2 && high === 2 ? 200 * next() - 100 : drawAnywhere(low, high, next),
  // Half-integers around 0 where the domain has it: kinks are there.
  tied: (low, high, next) => {
    const [from, to] = low < 0 && high > 0 ? [Math.max(low, -1), Math.min(high, 1.5)] : [low, high];
    const first = Math.ceil(from * 2);
    return (first + Math.floor(next() * Math.max(1, Math.ceil(to * 2) - first))) / 2;
  },
  edge: (low, high, next) => {
    const margin = (high - low) * (0.001 + 0.01 * next());
    return next() < 0.5 ? low + margin : high - margin;
  },
};

/** A whole number of `[low, high)`, as far as `dtype` has one there. */
function drawWhole(low: number, high: number, dtype: DType, next: () => number): number {
  const smallest = Math.max(Math.ceil(low), isUnsigned(dtype) ? 0 : -Infinity);
  const largest = Math.min(Math.ceil(high) - 1, dtype === "bool" ? 1 : Infinity);
  return smallest + Math.floor(next() * Math.max(1, largest - smallest + 1));
}

function arrayOf(dtype: DType, values: readonly (number | bigint)[]): TypedArray {
  const data = new (arrayType(dtype))(values.length);
  values.forEach((value, i) => (data[i] = (isBig(dtype) ? BigInt(value) : Number(value)) as never));
  return data;
}

/** Row-major `data` of `shape`, read by `at`, as an array of another order. */
function rearranged(
  data: TypedArray,
  shape: readonly number[],
  place: (index: readonly number[]) => number,
  size: number,
  dtype: DType,
): TypedArray {
  const words = wordsOf(dtype);
  const result = new (arrayType(dtype))(size * words);
  const index = shape.map(() => 0);
  for (let from = 0; from < data.length; from += words) {
    const to = place(index) * words;
    for (let word = 0; word < words; word++) result[to + word] = data[from + word] as never;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      if (++index[axis]! < shape[axis]!) break;
      index[axis] = 0;
    }
  }
  return result;
}

const rowMajor = (index: readonly number[], shape: readonly number[]): number =>
  index.reduce((at, i, axis) => at * shape[axis]! + i, 0);

/** A tensor of row-major `data` whose elements lie as `placement` says. */
export function placed(
  data: TypedArray,
  shape: readonly number[],
  dtype: DType,
  device: string,
  placement: Placement,
): Tensor {
  const upload = (values: TypedArray, its: readonly number[]): Tensor =>
    tensor(values, { shape: its, dtype, device });
  return noGrad(() => {
    if (placement === "row-major" || data.length === 0) return upload(data, shape);
    if (placement === "transposed" && shape.length > 1) {
      const reversed = shape.toReversed();
      const order = shape.map((_, axis) => shape.length - 1 - axis);
      const place = (index: readonly number[]) => rowMajor(index.toReversed(), reversed);
      return permute(upload(rearranged(data, shape, place, sizeOf(shape), dtype), reversed), order);
    }
    if (placement === "flipped" && shape.length > 0) {
      const place = (index: readonly number[]) => sizeOf(shape) - 1 - rowMajor(index, shape);
      return flip(upload(rearranged(data, shape, place, sizeOf(shape), dtype), shape));
    }
    // Every second element of something larger, from the second on.
    const outer = shape.length === 0 ? [3] : shape.map((n) => 2 * n + 1);
    const place = (index: readonly number[]) =>
      shape.length === 0
        ? 1
        : rowMajor(
            index.map((i) => 2 * i + 1),
            outer,
          );
    const padded = upload(rearranged(data, shape, place, sizeOf(outer), dtype), outer);
    const cut = outer.reduce(
      (x, _, axis) => slice(x, axis, { start: 1, end: -1, step: 2 }),
      padded,
    );
    return reshape(cut, shape);
  });
}

/** The tensors of one sample. Each needs a source of its own, since calls draw in order. */
export function createSampleSource(options: SourceOptions): SampleSource {
  const {
    dtype,
    device,
    seed,
    placement = "row-major",
    values = "ordinary",
    anyShape = false,
  } = options;
  const next = uniformNumbers(seed);
  let calls = 0;
  const make = (data: TypedArray, shape: readonly number[], its: DType = dtype): Tensor => {
    const x = placed(data, shape, its, device, placement);
    return options.requiresGrad && its === dtype && isContinuous(its) ? trackGradient(x) : x;
  };

  const draw = (low: number, high: number): number => {
    if (!isContinuous(dtype)) return drawWhole(low, high, dtype, next);
    const value = drawFloat[values](low, high, next);
    // One that float32 holds, so that both float dtypes see the same sample.
    return Math.fround(value);
  };

  const shapeOf = (asked: readonly number[]): readonly number[] =>
    !anyShape ? asked : values === "empty" ? [0, 3] : values === "0-d" ? [] : asked;

  const source = (asked: readonly number[], low = -2, high = 2): Tensor => {
    const shape = shapeOf(asked);
    if (values === "extreme") {
      if (anyShape) return make(...everyPair(extremesOf(dtype), calls++, dtype));
      const count = sizeOf(shape) * wordsOf(dtype);
      return make(arrayOf(dtype, pick(exactExtremes(dtype), count, next)), shape);
    }
    return make(
      arrayOf(
        dtype,
        Array.from({ length: sizeOf(shape) * wordsOf(dtype) }, () => draw(low, high)),
      ),
      shape,
    );
  };
  const integers = (shape: readonly number[], low: number, high: number): Tensor => {
    const drawn = Array.from({ length: sizeOf(shape) }, () => drawWhole(low, high, "int64", next));
    return make(arrayOf("int64", drawn), shape, "int64");
  };
  const booleans = (asked: readonly number[]): Tensor => {
    const shape = shapeOf(asked);
    if (values === "extreme" && anyShape)
      return make(...everyPair([0, 1], calls++, "bool"), "bool");
    const drawn = Array.from({ length: sizeOf(shape) }, () => (next() < 0.5 ? 0 : 1));
    return make(arrayOf("bool", drawn), shape, "bool");
  };
  const distinct = (shape: readonly number[]): Tensor => {
    const size = sizeOf(shape);
    if (dtype === "bool" || values === "tied" || values === "extreme") return source(shape);
    const order = shuffled(size, next);
    if (!isContinuous(dtype)) return make(arrayOf(dtype, order), shape);
    const spacing = values === "large" ? 200 / Math.max(size, 1) : 0.25;
    const spread = order.map((i) => Math.fround((i - size / 2) * spacing + 0.1 * next()));
    const parts = isComplex(dtype)
      ? spread.flatMap((re, i) => [re, spread[size - 1 - i]!])
      : spread;
    return make(arrayOf(dtype, parts), shape);
  };
  return Object.assign(source, { dtype, integers, booleans, distinct });
}

/** The k-th operand of a grid: its values lie along an axis of their own, so that all pairs meet. */
function everyPair(
  values: readonly (number | bigint)[],
  operand: number,
  dtype: DType,
): [TypedArray, number[]] {
  const shape = [values.length / wordsOf(dtype), ...Array.from({ length: operand }, () => 1)];
  return [arrayOf(dtype, values), shape];
}

const pick = <T>(from: readonly T[], count: number, next: () => number): T[] =>
  Array.from({ length: count }, () => from[Math.floor(next() * from.length)]!);

function shuffled(size: number, next: () => number): number[] {
  const order = Array.from({ length: size }, (_, i) => i);
  for (let i = size - 1; i > 0; i--) {
    const j = Math.floor(next() * (i + 1));
    [order[i], order[j]] = [order[j]!, order[i]!];
  }
  return order;
}
