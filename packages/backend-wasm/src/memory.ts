// Hands out pieces of one WebAssembly.Memory. Freed pieces wait in caches by size for the next of
// their kind; when those hold too much, everything free is joined with its neighbours (free-space.ts).
import { MemoryError } from "@flambeau/core/extension";
import { FreeSpace } from "./free-space.ts";

const page = 65536;
const mebibyte = 1024 ** 2;
const alignment = 64;
/** Vector loads may read this far past a buffer; the last bytes of the memory are never handed out. */
const overread = 64;
/** Growing takes about a millisecond where many modules are alive: do it in large steps. */
const leastGrowth = 16 * mebibyte;
/** Free bytes kept in caches however small the memory. */
const leastCache = 16 * mebibyte;

export const largestMemory = 4 * 1024 ** 3 - page;
export const defaultMemoryLimit = 2 * 1024 ** 3;

/** What a request of `bytes` takes: up to 1 MiB four sizes per power of two, then whole pages. */
export function roundedSize(bytes: number): number {
  if (bytes <= 4 * alignment) {
    return Math.max(alignment, Math.ceil(bytes / alignment) * alignment);
  }
  const step = bytes > mebibyte ? page : 2 ** (29 - Math.clz32(bytes - 1));
  return Math.ceil(bytes / step) * step;
}

const showMegabytes = (bytes: number): string => `${(bytes / mebibyte).toFixed(1)} MB`;

export class WasmMemory {
  readonly memory: WebAssembly.Memory;
  readonly limit: number;
  /** Views of the whole memory; replaced when it grows, so never keep them. */
  bytes: Uint8Array;
  words: Int32Array;
  /**
   * Requested bytes by address; -1 for buffers that wait in `caches`. Deleting and setting one key again
   * and again would leave V8 a chain to search, as long as the map.
   */
  private readonly sizes = new Map<number, number>();
  private liveCount = 0;
  private readonly caches = new Map<number, number[]>();
  private readonly space = new FreeSpace();
  private cachedBytes = 0;
  private liveSize = 0;
  private end: number;

  /** `reserved` bytes at the bottom are the caller's. */
  constructor(options: { limit: number; shared: boolean; reserved: number }) {
    this.limit = Math.min(Math.max(options.limit, mebibyte), largestMemory);
    const initial = Math.min(mebibyte, this.limit) / page;
    this.memory = new WebAssembly.Memory({
      initial,
      maximum: Math.ceil(this.limit / page),
      shared: options.shared,
    });
    this.bytes = new Uint8Array(this.memory.buffer);
    this.words = new Int32Array(this.memory.buffer);
    this.end = initial * page - overread;
    const start = Math.ceil(options.reserved / alignment) * alignment;
    this.space.release(start, this.end - start);
  }

  /** Bytes in live buffers, as they were asked for. */
  get liveBytes(): number {
    let sum = 0;
    for (const bytes of this.sizes.values()) sum += Math.max(bytes, 0);
    return sum;
  }

  get liveBuffers(): number {
    return this.liveCount;
  }

  /** The size that was asked for. */
  sizeOf(address: number): number {
    const bytes = this.sizes.get(address) ?? -1;
    if (bytes < 0) throw new MemoryError("wasm: the buffer was freed.");
    return bytes;
  }

  allocate(bytes: number): number {
    const size = roundedSize(bytes);
    const cache = this.caches.get(size);
    let address: number | undefined;
    if (cache !== undefined && cache.length > 0) {
      address = cache.pop()!;
      this.cachedBytes -= size;
    } else {
      address = this.carve(size, bytes);
    }
    this.sizes.set(address, bytes);
    this.liveCount++;
    this.liveSize += size;
    return address;
  }

  free(address: number): void {
    const bytes = this.sizes.get(address) ?? -1;
    if (bytes < 0) {
      throw new MemoryError(`wasm: nothing is allocated at ${address}; was it freed twice?`);
    }
    this.sizes.set(address, -1);
    this.liveCount--;
    const size = roundedSize(bytes);
    this.liveSize -= size;
    this.cachedBytes += size;
    const cache = this.caches.get(size);
    if (cache === undefined) this.caches.set(size, [address]);
    else cache.push(address);
  }

  /** Takes a piece out of joined free space, growing the memory as the last resort but one. */
  private carve(size: number, bytes: number): number {
    let address = this.space.take(size);
    if (address !== undefined) return address;
    if (this.cachedBytes > Math.max(leastCache, this.liveSize / 4)) {
      this.flush();
      address = this.space.take(size);
      if (address !== undefined) return address;
    }
    if (!this.grow(size)) {
      this.flush();
      address = this.space.take(size);
      if (address !== undefined) return address;
      // Smaller steps may still fit below the limit now that the end is joined.
      if (!this.grow(size)) throw this.exhausted(bytes);
    }
    return this.space.take(size)!;
  }

  /** Gives every cached piece back, so that neighbours join. */
  private flush(): void {
    for (const [size, addresses] of this.caches) {
      for (const address of addresses) {
        this.space.release(address, size);
        this.sizes.delete(address);
      }
    }
    this.caches.clear();
    this.cachedBytes = 0;
  }

  private grow(size: number): boolean {
    const missing = size - this.space.sizeEndingAt(this.end);
    const room = Math.floor(this.limit / page) * page - (this.end + overread);
    if (missing > room) return false;
    const wanted = Math.max(missing, leastGrowth, (this.end + overread) / 4);
    const pages = Math.ceil(Math.min(wanted, room) / page);
    try {
      this.memory.grow(pages);
    } catch {
      return false;
    }
    this.bytes = new Uint8Array(this.memory.buffer);
    this.words = new Int32Array(this.memory.buffer);
    this.space.release(this.end, pages * page);
    this.end += pages * page;
    return true;
  }

  private exhausted(bytes: number): MemoryError {
    return new MemoryError(
      `out of memory on wasm: ${showMegabytes(bytes)} asked for, ${showMegabytes(this.liveBytes)} ` +
        `in ${this.liveCount} live buffers, limit ${showMegabytes(this.limit)}. Dropped tensors return ` +
        `their memory when the event loop turns: await now and then (\`await settle()\`, DataLoader ` +
        `and fit do), wrap the work in scope(() => …), or raise FLAMBEAU_MEMORY_LIMIT (at most ` +
        `${showMegabytes(largestMemory)} on wasm).`,
    );
  }
}
