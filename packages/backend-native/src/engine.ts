// What the addon offers: the only place that says so on this side. Addresses are doubles (below 2^53).

/** A buffer of the engine. When it is collected, its memory goes back to the pool. */
export class NativeBuffer {
  /** Of the first byte; 64-byte aligned. 0 once it was given back. */
  address = 0;
  /** As many as were asked for, at least. */
  bytes = 0;
}

/** How a run ended: 0 well; else a status and a position, as in engine/program/program.h. */
export const runStatus = { ok: 0, badIndex: 1, outOfBounds: 2, outOfMemory: 3 } as const;

export interface Engine {
  /** Of the process, as of the last call or collection here: live bytes, live blocks, cached bytes, limit. */
  readonly counters: Float64Array;
  /** Where calls leave operands and params: the engine reads it in place. int64 params are written as bits. */
  readonly slots: Float64Array;
  readonly routines: readonly string[];
  readonly isa: "avx512" | "avx2" | "baseline" | "neon";
  readonly hasAmx: boolean;
  /**
   * A block of at least `bytes`, as its address; 0 where there is no memory. It goes back when `buffer` is
   * collected (inside the collection), unless `free` came first. The caller sets the fields of `buffer`.
   */
  allocate(buffer: NativeBuffer, bytes: number): number;
  /** Gives a block of `allocate` back now, once; asynchronous runs that use it still keep it. */
  free(address: number): void;
  /** Copies, after all asynchronous runs so far; `address` may lie inside a block. */
  write(address: number, bytes: Uint8Array): void;
  read(address: number, into: Uint8Array): void;
  /** An ArrayBuffer over a block's own memory, which it keeps alive (given back by the event loop). */
  share(address: number, byteOffset: number, byteLength: number): ArrayBuffer;
  /**
   * The address at which programs may use memory that `share` gave from offset 0, for as long as `memory`
   * lives; 0 for any other memory, which must be copied.
   */
  adopt(memory: ArrayBuffer): number;
  /** Decodes a program and gives its number; throws an Error that says what is malformed. */
  createProgram(bytes: Uint8Array): number;
  deleteProgram(program: number): void;
  /** Runs with what `slots` holds, after all asynchronous runs so far. 0, or status + 8 · position. */
  run(program: number): number;
  /** As `run`, on the engine's own thread, after all earlier asynchronous runs; resolves to the same number. */
  runAsync(program: number): Promise<number>;
  setThreads(count: number): void;
  setMemoryLimit(bytes: number): void;
  trimMemory(): void;
}
