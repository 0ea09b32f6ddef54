// A pool of worker threads over one WebAssembly memory. A job is an exported `run(parameters, start,
// end, scratch)` over units 0 … total-1 in chunks; whoever is free claims the next chunk, the caller
// too. The worker's half is worker-source.ts.
//
// One word counts the unclaimed chunks down. A claim is a compare-exchange of r to r-1 where r > 0, and
// the job is read only after a claim succeeded: the caller cannot leave a job, nor change its words,
// before every claimed chunk is counted in `done`. So a worker that wakes late can do no harm.
import { mathFunctions, mathImports } from "./math.ts";
import { type Thread, canWait, startThread } from "./platform.ts";
import {
  control, controlBytes, messageBytes, messageOffset, scratchBytes, workerSource,
} from "./worker-source.ts"; // prettier-ignore

/** A module that every thread can run. */
export interface PoolModule {
  readonly id: number;
  /** The bytes in shared memory, for workers to compile when they first need it. */
  readonly address: number;
  readonly byteLength: number;
  /** The caller's own instance. */
  readonly run: (parameters: number, start: number, end: number, scratch: number) => void;
}

export interface PoolOptions {
  /** Threads in all, the caller among them. */
  readonly threads: number;
  readonly memory: WebAssembly.Memory;
  /** Reserves bytes of the memory for good, 64-byte aligned; its address. */
  readonly allocate: (bytes: number) => number;
  /** Seconds without any progress after which a worker counts as dead; default 30. */
  readonly patience?: number;
}

export interface Pool {
  readonly threads: number;
  /** Whether modules import a shared memory. */
  readonly shared: boolean;
  /** How many workers are up; they start with the first job of several chunks. */
  readonly ready: number;
  /**
   * Compiles a module here; workers do so when they first run it. Only modules that need scratch
   * memory may use the fourth parameter of `run`.
   */
  createModule(bytes: Uint8Array<ArrayBuffer>, options?: { needsScratch?: boolean }): PoolModule;
  /** Runs units 0 … total-1. Errors inside, in whichever thread, are thrown here. */
  run(module: PoolModule, parameters: number, total: number, chunk: number): void;
  /** The same, with a parameter block that is copied into the pool's own memory first. */
  runWith(module: PoolModule, words: Int32Array, total: number, chunk: number): void;
  /** Ends the workers; jobs still run, on the caller. */
  close(): void;
}

/** Words of the pool's own parameter block. */
const blockWords = 2048;

const spinMilliseconds = 0.05;

class ThreadPool implements Pool {
  readonly threads: number;
  readonly shared: boolean;
  private readonly memory: WebAssembly.Memory;
  private readonly allocate: (bytes: number) => number;
  private readonly patience: number;
  private readonly address: number;
  private words: Int32Array;
  private readonly block: number;
  private blockView: Int32Array;
  private scratch = 0;
  private workers: Thread[] | undefined;
  private nextModule = 0;
  private readonly mayWait = canWait();
  private readonly env: Record<string, WebAssembly.ImportValue>;

  constructor({ threads, memory, allocate, patience = 30 }: PoolOptions) {
    this.memory = memory;
    this.allocate = allocate;
    this.patience = patience;
    this.shared = !(memory.buffer instanceof ArrayBuffer);
    this.threads = this.shared ? threads : 1;
    this.address = allocate(controlBytes);
    this.block = allocate(blockWords * 4);
    this.words = new Int32Array(memory.buffer, this.address, messageOffset / 4).fill(0);
    this.blockView = new Int32Array(memory.buffer, this.block, blockWords);
    this.env = { memory, ...mathFunctions() };
  }

  get ready(): number {
    return this.workers === undefined ? 0 : Atomics.load(this.words, control.ready);
  }

  createModule(bytes: Uint8Array<ArrayBuffer>, { needsScratch = false } = {}): PoolModule {
    if (needsScratch && this.scratch === 0) {
      this.scratch = this.allocate(this.threads * scratchBytes);
      this.refresh();
      this.words[control.scratch] = this.scratch;
      this.words[control.scratchBytes] = scratchBytes;
    }
    const instance = new WebAssembly.Instance(new WebAssembly.Module(bytes), { env: this.env });
    let address = 0;
    if (this.threads > 1) {
      address = this.allocate(bytes.length);
      new Uint8Array(this.memory.buffer, address, bytes.length).set(bytes);
    }
    return {
      id: this.nextModule++,
      address,
      byteLength: bytes.length,
      run: instance.exports["run"] as PoolModule["run"],
    };
  }

  /** Growing an unshared memory detaches the views on it. */
  private refresh(): void {
    if (this.shared || this.words.length > 0) return;
    this.words = new Int32Array(this.memory.buffer, this.address, messageOffset / 4);
    this.blockView = new Int32Array(this.memory.buffer, this.block, blockWords);
  }

  runWith(module: PoolModule, words: Int32Array, total: number, chunk: number): void {
    this.refresh();
    this.blockView.set(words);
    this.run(module, this.block, total, chunk);
  }

  run(module: PoolModule, parameters: number, total: number, chunk: number): void {
    const { run } = module;
    const { scratch } = this;
    const chunks = Math.ceil(total / chunk);
    if (chunks <= 1) {
      if (total > 0) run(parameters, 0, total, scratch);
      return;
    }
    if (this.threads > 1 && this.workers === undefined) this.start();
    const helpers = this.ready;
    if (helpers === 0) {
      for (let start = 0; start < total; start += chunk) {
        run(parameters, start, Math.min(start + chunk, total), scratch);
      }
      return;
    }
    this.post(module, parameters, total, chunk, chunks, helpers);
    const error = this.work(run, parameters, total, chunk, chunks);
    this.finish(chunks);
    if (error !== undefined) throw error;
    if (this.words[control.failed] !== 0) throw this.failure();
  }

  private post(
    module: PoolModule,
    parameters: number,
    total: number,
    chunk: number,
    chunks: number,
    helpers: number,
  ): void {
    const { words } = this;
    words[control.module] = module.id;
    words[control.moduleAddress] = module.address;
    words[control.moduleBytes] = module.byteLength;
    words[control.parameters] = parameters;
    words[control.total] = total;
    words[control.chunk] = chunk;
    words[control.chunks] = chunks;
    words[control.failed] = 0;
    Atomics.store(words, control.done, 0);
    Atomics.store(words, control.remaining, chunks);
    Atomics.add(words, control.epoch, 1);
    if (Atomics.load(words, control.sleepers) > 0) {
      Atomics.notify(words, control.epoch, Math.min(chunks - 1, helpers));
    }
  }

  /** The caller's share of a job; returns its error, if any, when nothing is left to claim. */
  private work(
    run: PoolModule["run"],
    parameters: number,
    total: number,
    chunk: number,
    chunks: number,
  ): unknown {
    const { words, scratch } = this;
    for (;;) {
      const left = Atomics.load(words, control.remaining);
      if (left === 0) return undefined;
      if (Atomics.compareExchange(words, control.remaining, left, left - 1) !== left) continue;
      const start = (chunks - left) * chunk;
      try {
        run(parameters, start, Math.min(start + chunk, total), scratch);
        Atomics.add(words, control.done, 1);
      } catch (error) {
        const dropped = Atomics.exchange(words, control.remaining, 0);
        Atomics.add(words, control.done, 1 + dropped);
        return error ?? new Error("wasm: a kernel failed.");
      }
    }
  }

  /** Waits until the chunks that workers claimed have ended. */
  private finish(chunks: number): void {
    const { words } = this;
    let done = Atomics.load(words, control.done);
    if (done === chunks) return;
    const end = performance.now() + spinMilliseconds;
    do {
      for (let i = 0; i < 64 && done !== chunks; i++) done = Atomics.load(words, control.done);
    } while (done !== chunks && performance.now() < end);
    let waited = 0;
    let last = performance.now();
    while (done !== chunks) {
      let moved: boolean;
      if (this.mayWait) {
        moved = Atomics.wait(words, control.done, done, 1000) !== "timed-out";
      } else {
        const now = performance.now();
        moved = now - last < 1000;
        if (!moved) last = now;
      }
      const before = done;
      done = Atomics.load(words, control.done);
      if (moved || done !== before) {
        if (done !== before) waited = 0;
        continue;
      }
      if (++waited >= this.patience) this.abandon();
    }
  }

  private abandon(): never {
    this.close();
    throw new Error(
      `wasm: a worker thread has not answered for ${this.patience} s: it was ended from outside or ran out of memory. ` +
        "Work goes on with one thread; set FLAMBEAU_THREADS=1 to start without workers.",
    );
  }

  private failure(): Error {
    const length = Math.min(this.words[control.messageLength]!, messageBytes);
    const bytes = new Uint8Array(this.memory.buffer, this.address + messageOffset, length);
    return new Error(`wasm: a kernel failed in a worker thread: ${String.fromCharCode(...bytes)}`);
  }

  private start(): void {
    const data = (thread: number) => ({
      memory: this.memory,
      address: this.address,
      thread,
      imports: mathImports,
    });
    this.workers = [];
    for (let thread = 1; thread < this.threads; thread++) {
      // A worker that ends by itself claims nothing more: the rest go on without it.
      this.workers.push(startThread(workerSource, data(thread), () => {}));
    }
  }

  close(): void {
    for (const worker of this.workers ?? []) worker.terminate();
    this.workers = [];
    Atomics.store(this.words, control.stop, 1);
    Atomics.store(this.words, control.ready, 0);
    Atomics.add(this.words, control.epoch, 1);
    Atomics.notify(this.words, control.epoch);
  }
}

export const createPool = (options: PoolOptions): Pool => new ThreadPool(options);
