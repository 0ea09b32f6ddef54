// DataLoader: batches of a data set, in a seeded order, with a position that can be saved. It keeps
// the memory of dropped batches in bounds: user code never frees anything.
import { type Device, FlambeauError, settle } from "@flambeau/core";
import { collate as defaultCollate } from "./collate.ts";
import type { BatchOptions, Collated, Dataset } from "./dataset.ts";
import { breathe } from "./event-loop.ts";
import { shuffledOrder } from "./order.ts";

export type Collate<Sample, Batch> = (
  samples: Sample[],
  options: BatchOptions,
) => Batch | Promise<Batch>;

export interface LoaderOptions<Sample, Batch> {
  /** Samples in a batch; 1 by default. */
  readonly batchSize?: number;
  /** Visits the samples in an order that depends on `seed` and the epoch. */
  readonly shuffle?: boolean;
  /** Leaves out the last batch where it is smaller than the others. */
  readonly dropLast?: boolean;
  /** An integer up to 2^53; 0 by default, so that runs repeat (PyTorch draws one). */
  readonly seed?: number;
  /** Batches that an asynchronous data set prepares ahead; 2 by default. */
  readonly prefetch?: number;
  /** Makes a batch of samples, in place of the data set's `batch` and the default stacking. */
  readonly collate?: Collate<Sample, Batch>;
  /** Where the tensors go; the default device if left out. */
  readonly device?: Device | string;
}

/** Where a loader is. */
export interface LoaderState {
  readonly seed: number;
  /** The epoch that runs, or runs next. */
  readonly epoch: number;
  /** Batches of it that were handed out. */
  readonly position: number;
}

function requireInteger(name: string, value: number, least: number): number {
  if (Number.isSafeInteger(value) && value >= least) return value;
  throw new FlambeauError(
    `DataLoader: ${name} must be an integer of at least ${least}, got ${value}.`,
  );
}

/**
 * Batches of a data set: `for await (const [x, y] of loader)`. Each loop is one epoch. Between two
 * batches the event loop may turn, and the memory of dropped tensors is given back.
 */
export class DataLoader<Sample, Batch = Collated<Sample>> implements AsyncIterable<Batch> {
  readonly dataset: Dataset<Sample, Batch>;
  readonly batchSize: number;
  readonly shuffle: boolean;
  readonly dropLast: boolean;
  readonly #prefetch: number;
  readonly #collate: Collate<Sample, Batch> | undefined;
  readonly #device: Device | string | undefined;
  #seed: number;
  #epoch = 0;
  #position = 0;
  /** Whether a loop has begun the current epoch; the next loop then begins another. */
  #started = false;

  constructor(dataset: Dataset<Sample, Batch>, options: LoaderOptions<Sample, Batch> = {}) {
    this.dataset = dataset;
    this.batchSize = requireInteger("batchSize", options.batchSize ?? 1, 1);
    this.shuffle = options.shuffle ?? false;
    this.dropLast = options.dropLast ?? false;
    this.#seed = requireInteger("seed", options.seed ?? 0, Number.MIN_SAFE_INTEGER);
    this.#prefetch = requireInteger("prefetch", options.prefetch ?? 2, 0);
    this.#collate = options.collate;
    this.#device = options.device;
  }

  /** Number of batches in an epoch. */
  get length(): number {
    const batches = this.dataset.length / this.batchSize;
    return this.dropLast ? Math.floor(batches) : Math.ceil(batches);
  }

  /** Seed, epoch and position: a loader that loads them continues with the next batch. */
  stateDict(): LoaderState {
    return { seed: this.#seed, epoch: this.#epoch, position: this.#position };
  }

  loadStateDict({ seed, epoch, position }: LoaderState): void {
    requireInteger("seed", seed, Number.MIN_SAFE_INTEGER);
    requireInteger("epoch", epoch, 0);
    if (requireInteger("position", position, 0) > this.length) {
      throw new FlambeauError(
        `DataLoader: the saved position is batch ${position}, but an epoch has ${this.length}. Use ` +
          `the data set and batch size that it was saved with.`,
      );
    }
    this.#seed = seed;
    this.#epoch = epoch;
    this.#position = position;
    this.#started = false;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Batch, void, undefined> {
    if (this.#started) {
      this.#epoch++;
      this.#position = 0;
    }
    this.#started = true;
    const order = this.#order();
    const batches = this.length;
    const ahead: Promise<Batch>[] = [];
    let next = this.#position;
    for (let at = next; at < batches; at++) {
      const current = ahead.shift() ?? this.#load(order, next++);
      if (current instanceof Promise) {
        while (ahead.length < this.#prefetch && next < batches) {
          const coming = Promise.resolve(this.#load(order, next++));
          // Its error is thrown when its turn comes; a loop that stops before never asks.
          coming.catch(() => {});
          ahead.push(coming);
        }
      }
      const batch = await current;
      this.#position = at + 1;
      yield batch;
      await settle();
      await breathe();
    }
    this.#epoch++;
    this.#position = 0;
    this.#started = false;
  }

  #order(): Uint32Array {
    const { length } = this.dataset;
    if (this.shuffle) return shuffledOrder(length, this.#seed, this.#epoch);
    return Uint32Array.from({ length }, (_, i) => i);
  }

  #load(order: Uint32Array, at: number): Batch | Promise<Batch> {
    const indices = order.subarray(at * this.batchSize, (at + 1) * this.batchSize);
    const options = { device: this.#device };
    const { dataset } = this;
    if (this.#collate === undefined && dataset.batch !== undefined) {
      return dataset.batch(indices, options);
    }
    const make = this.#collate ?? (defaultCollate as unknown as Collate<Sample, Batch>);
    const samples = Array.from(indices, (index) => dataset.at(index));
    if (samples.some((sample) => sample instanceof Promise)) {
      return Promise.all(samples).then((ready) => make(ready as Sample[], options));
    }
    return make(samples as Sample[], options);
  }
}
