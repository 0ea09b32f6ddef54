// Free pieces of an address range: joined with their neighbours when released, split when taken.
// Knows addresses and sizes only; memory.ts decides when to use it.

/** Pieces tried in the size class of the request before a larger class is split. */
const mostTries = 16;
const classes = 4 * 33;

/** Size classes: four per power of two. */
function classOf(size: number): number {
  const exponent = Math.floor(Math.log2(size));
  return exponent * 4 + Math.floor((size / 2 ** exponent - 1) * 4);
}

export class FreeSpace {
  private readonly sizes = new Map<number, number>();
  private readonly startsByEnd = new Map<number, number>();
  private readonly pieces: Set<number>[] = Array.from({ length: classes }, () => new Set());

  /** Makes `[start, start + size)` free. */
  release(start: number, size: number): void {
    let from = start;
    let end = start + size;
    const before = this.startsByEnd.get(start);
    if (before !== undefined) {
      from = before;
      this.remove(before);
    }
    const after = this.sizes.get(end);
    if (after !== undefined) {
      this.remove(end);
      end += after;
    }
    this.insert(from, end - from);
  }

  /** The start of a piece of exactly `size`, no longer free; `undefined` where none is left. */
  take(size: number): number | undefined {
    const first = classOf(size);
    let tries = 0;
    for (const start of this.pieces[first]!) {
      if (this.sizes.get(start)! >= size) return this.split(start, size);
      if (++tries === mostTries) break;
    }
    for (let larger = first + 1; larger < classes; larger++) {
      for (const start of this.pieces[larger]!) return this.split(start, size);
    }
    return undefined;
  }

  /** Size of the free piece that ends at `end`, or 0. */
  sizeEndingAt(end: number): number {
    const start = this.startsByEnd.get(end);
    return start === undefined ? 0 : end - start;
  }

  private split(start: number, size: number): number {
    const whole = this.sizes.get(start)!;
    this.remove(start);
    if (whole > size) this.insert(start + size, whole - size);
    return start;
  }

  private insert(start: number, size: number): void {
    this.sizes.set(start, size);
    this.startsByEnd.set(start + size, start);
    this.pieces[classOf(size)]!.add(start);
  }

  private remove(start: number): void {
    const size = this.sizes.get(start)!;
    this.sizes.delete(start);
    this.startsByEnd.delete(start + size);
    this.pieces[classOf(size)]!.delete(start);
  }
}
