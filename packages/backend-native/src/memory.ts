// Buffers on this side: what is freed by hand is handed out again without a call; what is dropped comes back
// when V8 collects, which is asked for as dropped bytes may have piled up.
import { MemoryError } from "@flambeau/core/extension";
import type { Collector } from "./collector.ts";
import { type Engine, NativeBuffer } from "./engine.ts";

const mebibyte = 1024 ** 2;

/** Bytes allocated between collections: little enough that dead blocks are reused while in the cache. */
export const smallestBudget = 64 * mebibyte;
/** Freed buffers that are kept here, in bytes; more go back to the engine. */
const mostRecycled = 256 * mebibyte;
/** Bytes by which the live ones may grow before all of the heap is looked at. */
const fullCollectionStep = 256 * mebibyte;
/** What a buffer's `bytes` is while it waits to be handed out again. */
const waiting = -1;

/** Sizes that share a bucket: powers of two with three steps between them, as in engine/runtime/memory.cpp. */
function bucketOf(bytes: number): number {
  if (bytes <= 256) return Math.max((bytes + 63) >>> 6, 1);
  if (bytes > 2 ** 31) return 4 * 23 + bucketOf(Math.ceil(bytes / 2 ** 23));
  const power = 31 - Math.clz32(bytes - 1);
  return 4 * (power - 8) + ((bytes - 1) >>> (power - 2)) + 1;
}

/** The most bytes that buffers of a bucket are asked for. */
function bytesOfBucket(bucket: number): number {
  if (bucket <= 4) return 64 * bucket;
  const step = bucket - 5;
  return (5 + (step % 4)) * 2 ** (6 + Math.floor(step / 4));
}

/** The same, looked up. */
const bucketBytes = Float64Array.from({ length: 192 }, (_, bucket) => bytesOfBucket(bucket));

const megabytes = (bytes: number): string => (bytes / mebibyte).toFixed(bytes < mebibyte ? 3 : 1);

export class NativeMemory {
  readonly #engine: Engine;
  readonly #collector: Collector;
  readonly #recycled: NativeBuffer[][] = [];
  #recycledBytes = 0;
  #recycledCount = 0;
  #budget = smallestBudget;
  /** Live bytes after the last collection, and after the last full one. */
  #liveThen = 0;
  #liveAfterFull = 0;

  constructor(engine: Engine, collector: Collector) {
    this.#engine = engine;
    this.#collector = collector;
  }

  /** In buffers that are in use, of the whole process. */
  liveBytes(): number {
    return this.#engine.counters[0]! - this.#recycledBytes;
  }

  liveBuffers(): number {
    return this.#engine.counters[1]! - this.#recycledCount;
  }

  limit(): number {
    return this.#engine.counters[3]!;
  }

  allocate(bytes: number): NativeBuffer {
    const bucket = bucketOf(bytes);
    const size = bucketBytes[bucket]!;
    const buffer = this.#recycled[bucket]?.pop();
    if (buffer !== undefined) {
      this.#recycledBytes -= size;
      this.#recycledCount--;
      buffer.bytes = bytes;
      return buffer;
    }
    if (this.liveBytes() - this.#liveThen >= this.#budget) this.#collect();
    const fresh = new NativeBuffer();
    let address = this.#engine.allocate(fresh, size);
    if (address === 0) address = this.#allocateWithCare(fresh, size, bytes);
    fresh.address = address;
    fresh.bytes = bytes;
    return fresh;
  }

  free(buffer: NativeBuffer): void {
    const { bytes } = buffer;
    if (bytes < 0 || buffer.address === 0) return;
    const bucket = bucketOf(bytes);
    const size = bucketBytes[bucket]!;
    if (this.#recycledBytes + size > mostRecycled) {
      this.#giveBack(buffer);
      return;
    }
    buffer.bytes = waiting;
    (this.#recycled[bucket] ??= []).push(buffer);
    this.#recycledBytes += size;
    this.#recycledCount++;
  }

  #giveBack(buffer: NativeBuffer): void {
    this.#engine.free(buffer.address);
    buffer.address = 0;
    buffer.bytes = 0;
  }

  /** Young objects first; all of them where many bytes outlived their youth. */
  #collect(): void {
    const before = this.liveBytes();
    this.#collector.minor();
    let after = this.liveBytes();
    const mostOld = this.#liveAfterFull + Math.max(fullCollectionStep, this.#liveAfterFull);
    if (after > mostOld || after > 0.8 * this.limit()) {
      this.#collector.full();
      after = this.liveBytes();
      this.#liveAfterFull = after;
    }
    // Where little comes back, looking again soon would not pay.
    const cameBack = before - after >= this.#budget / 2;
    const most = Math.max(smallestBudget, after / 2);
    this.#budget = cameBack ? smallestBudget : Math.min(2 * this.#budget, most);
    this.#liveThen = after;
  }

  /** Where there is no memory: gives back what is kept here, and what may be dropped. */
  #allocateWithCare(buffer: NativeBuffer, size: number, bytes: number): number {
    this.releaseRecycled();
    let address = this.#engine.allocate(buffer, size);
    if (address === 0) {
      this.#collector.full();
      this.#liveThen = this.#liveAfterFull = this.liveBytes();
      address = this.#engine.allocate(buffer, size);
    }
    if (address === 0) throw this.error(`${megabytes(bytes)} MB asked for`);
    return address;
  }

  /** What to say when there is no memory even after a full collection. */
  error(what: string): MemoryError {
    return new MemoryError(
      `out of memory on native: ${what}, ${megabytes(this.liveBytes())} MB in ${this.liveBuffers()} live ` +
        `buffers, limit ${megabytes(this.limit())} MB. Dispose of large tensors, wrap the body of loops in ` +
        `scope(() => …), take smaller batches, or raise FLAMBEAU_MEMORY_LIMIT.`,
    );
  }

  /** Gives what waits to be handed out again back to the engine, and that to the system. */
  releaseRecycled(): void {
    for (const buffers of this.#recycled) buffers?.forEach((buffer) => this.#giveBack(buffer));
    this.#recycled.length = 0;
    this.#recycledBytes = this.#recycledCount = 0;
    this.#engine.trimMemory();
  }

  /** All that can be done for memory at once, before trying again. */
  relieve(): void {
    this.releaseRecycled();
    this.#collector.full();
    this.#liveThen = this.#liveAfterFull = this.liveBytes();
  }
}
