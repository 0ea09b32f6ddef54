// What a data set is, and data sets made of others. Arrays as data sets are in tensor-dataset.ts.
import {
  type Device,
  IndexError,
  FlambeauError,
  type Tensor,
  type TypedArray,
  scope,
} from "@flambeau/core";
import { shuffledOrder } from "./order.ts";

/** What a batch of samples becomes: numbers, arrays and tensors stack; lists and objects keep form. */
export type Collated<Sample> = Sample extends number | bigint | boolean | TypedArray | Tensor
  ? Tensor
  : Sample extends string
    ? string[]
    : Sample extends object
      ? { -readonly [Key in keyof Sample]: Collated<Sample[Key]> }
      : never;

export interface BatchOptions {
  /** Where the tensors go; the default device if left out. */
  readonly device?: Device | string | undefined;
}

/** Samples by position. */
export interface Dataset<Sample = unknown, Batch = Collated<Sample>> {
  readonly length: number;
  at(index: number): Sample | Promise<Sample>;
  /** The samples at `indices` as one batch, where that is faster than one by one. */
  batch?(indices: ArrayLike<number>, options: BatchOptions): Batch | Promise<Batch>;
}

export function requireIndex(name: string, index: number, length: number): void {
  if (Number.isInteger(index) && index >= 0 && index < length) return;
  throw new IndexError(
    length === 0
      ? `${name}: index ${index}, but the data set is empty.`
      : `${name}: index ${index} is out of range; expected an integer from 0 to ${length - 1}.`,
  );
}

/** Some samples of another data set, in the order of `indices`. */
export class Subset<Sample, Batch = Collated<Sample>> implements Dataset<Sample, Batch> {
  readonly dataset: Dataset<Sample, Batch>;
  readonly indices: ArrayLike<number>;
  readonly batch?: (indices: ArrayLike<number>, options: BatchOptions) => Batch | Promise<Batch>;

  constructor(dataset: Dataset<Sample, Batch>, indices: ArrayLike<number>) {
    for (let i = 0; i < indices.length; i++) requireIndex("Subset", indices[i]!, dataset.length);
    this.dataset = dataset;
    this.indices = indices;
    if (dataset.batch !== undefined) {
      this.batch = (wanted, options) =>
        dataset.batch!(
          Uint32Array.from(wanted, (i) => indices[i]!),
          options,
        );
    }
  }

  get length(): number {
    return this.indices.length;
  }

  at(index: number): Sample | Promise<Sample> {
    requireIndex("Subset", index, this.length);
    return this.dataset.at(this.indices[index]!);
  }
}

/**
 * Another data set whose samples pass through `transform`. The function sees whole batches where the
 * data set makes them, single samples (no batch axis) else; tensors it makes on the way are freed.
 */
export class TransformedDataset<From, const To> implements Dataset<To, To> {
  readonly dataset: Dataset<From, From>;
  readonly transform: (value: From) => To;
  readonly batch?: (indices: ArrayLike<number>, options: BatchOptions) => To | Promise<To>;

  constructor(dataset: Dataset<From, From>, transform: (value: From) => To) {
    this.dataset = dataset;
    this.transform = transform;
    if (dataset.batch !== undefined) {
      this.batch = (wanted, options) => this.#apply(() => dataset.batch!(wanted, options));
    }
  }

  get length(): number {
    return this.dataset.length;
  }

  at(index: number): To | Promise<To> {
    return this.#apply(() => this.dataset.at(index));
  }

  #apply(read: () => From | Promise<From>): To | Promise<To> {
    const value = read();
    return value instanceof Promise
      ? value.then((ready) => scope(() => this.transform(ready)))
      : scope(() => this.transform(value));
  }
}

/**
 * Splits a data set at random into parts of the given lengths, or fractions that add up to 1. The
 * same seed splits the same way.
 */
export function randomSplit<Sample, Batch>(
  dataset: Dataset<Sample, Batch>,
  lengths: readonly number[],
  options: { readonly seed?: number } = {},
): Subset<Sample, Batch>[] {
  const counts = countsOf(lengths, dataset.length);
  const order = shuffledOrder(dataset.length, options.seed ?? 0, 0);
  let from = 0;
  return counts.map((count) => new Subset(dataset, order.subarray(from, (from += count))));
}

function countsOf(lengths: readonly number[], total: number): number[] {
  const sum = lengths.reduce((a, b) => a + b, 0);
  const areFractions = lengths.some((n) => !Number.isInteger(n)) || (sum === 1 && total !== 1);
  if (lengths.some((n) => !(n >= 0)) || (areFractions ? Math.abs(sum - 1) > 1e-6 : sum !== total)) {
    throw new FlambeauError(
      `randomSplit: lengths [${lengths.join(", ")}] add up to ${sum}; expected ${total}, the length ` +
        `of the data set, or fractions that add up to 1.`,
    );
  }
  if (!areFractions) return [...lengths];
  // What rounding down leaves over goes one by one to the first parts, as in PyTorch.
  const counts = lengths.map((fraction) => Math.floor(fraction * total));
  const rest = total - counts.reduce((a, b) => a + b, 0);
  return counts.map((count, part) => count + (part < rest ? 1 : 0));
}
