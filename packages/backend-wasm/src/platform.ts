// The only file of this backend that knows where it runs (Node, browser, worker): how many threads,
// how to start one, whether waiting is allowed, and what the engine's WebAssembly can do.
import { ModuleBuilder } from "./encoder.ts";

interface NodeWorker {
  on(event: "error" | "exit", listener: (detail: unknown) => void): void;
  unref(): void;
  terminate(): unknown;
}

interface NodeModules {
  "node:os": { availableParallelism(): number };
  "node:worker_threads": {
    readonly Worker: new (source: string, options: object) => NodeWorker;
  };
}

interface NodeProcess {
  readonly env?: Record<string, string | undefined>;
  getBuiltinModule?(name: string): unknown;
}

const nodeProcess = (globalThis as { process?: NodeProcess }).process;

/** One of Node's own modules, synchronously; `undefined` elsewhere. */
function nodeModule<Name extends keyof NodeModules>(name: Name): NodeModules[Name] | undefined {
  return nodeProcess?.getBuiltinModule?.(name) as NodeModules[Name] | undefined;
}

/** Whether this place can share memory between threads: Node, or a cross-origin isolated page. */
export const canShareMemory = (): boolean =>
  nodeModule("node:worker_threads") !== undefined ||
  (globalThis as { crossOriginIsolated?: boolean }).crossOriginIsolated === true;

/** FLAMBEAU_THREADS, else one per core; 1 where memory cannot be shared. */
export function threadCount(): number {
  if (!canShareMemory()) return 1;
  const asked = nodeProcess?.env?.["FLAMBEAU_THREADS"];
  if (asked !== undefined && asked !== "") {
    const count = Number(asked);
    if (Number.isInteger(count) && count >= 1 && count <= 256) return count;
    throw new RangeError(
      `FLAMBEAU_THREADS: expected a whole number from 1 to 256, got "${asked}". Unset it for one thread per core.`,
    );
  }
  const cores =
    nodeModule("node:os")?.availableParallelism() ??
    (globalThis as { navigator?: { hardwareConcurrency?: number } }).navigator?.hardwareConcurrency;
  return Math.min(cores ?? 1, 64);
}

/** A running worker thread. */
export interface Thread {
  terminate(): void;
}

/**
 * Starts `source` (plain JavaScript that defines `serve`) and calls `serve(data)` in a new thread.
 * The thread never keeps the process alive; `onExit` hears of its end where the platform tells.
 */
export function startThread(source: string, data: object, onExit: () => void): Thread {
  const node = nodeModule("node:worker_threads");
  if (node) {
    const worker = new node.Worker(
      `${source}\nserve(require("node:worker_threads").workerData);`,
      // Loaders and NODE_OPTIONS of the main program are not wanted here: they cost 300 ms.
      { eval: true, workerData: data, execArgv: [], env: {}, name: "flambeau" },
    );
    worker.on("error", onExit);
    worker.on("exit", onExit);
    worker.unref();
    return { terminate: () => void worker.terminate() };
  }
  const text = `${source}\nonmessage = (event) => serve(event.data);`;
  const address = URL.createObjectURL(new Blob([text], { type: "text/javascript" }));
  const worker = new Worker(address, { name: "flambeau" });
  URL.revokeObjectURL(address);
  worker.addEventListener("error", onExit);
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a worker has none
  worker.postMessage(data);
  return { terminate: () => worker.terminate() };
}

/** Whether this thread may block: browsers forbid it on the page's own thread. */
export function canWait(): boolean {
  try {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 1, 0);
    return true;
  } catch {
    return false;
  }
}

let relaxed: boolean | undefined;

/** Whether the engine has relaxed SIMD (fused multiply-add): Node 22, current browsers. */
export function hasRelaxedSimd(): boolean {
  if (relaxed === undefined) {
    const module = new ModuleBuilder(false);
    const f = module.function("probe", []);
    f.f32x4(1).f32x4(1).f32x4(1).op("f32x4.relaxed_madd").op("drop");
    relaxed = WebAssembly.validate(module.encode());
  }
  return relaxed;
}
