// The only file of core that touches what differs between Node and browsers: environment variables,
// asking for a garbage collection, and turning the event loop.

interface NodeProcess {
  readonly env: Record<string, string | undefined>;
  getBuiltinModule?(name: string): unknown;
}

const nodeProcess = (globalThis as { process?: NodeProcess }).process;

/** An environment variable in Node; `undefined` elsewhere. */
export const environmentVariable = (name: string): string | undefined => nodeProcess?.env?.[name];

let collect: (() => void) | undefined;

/** V8 shows `gc` only behind a flag, which may be set at run time. */
function findCollector(): () => void {
  const exposed = (globalThis as { gc?: () => void }).gc;
  if (exposed !== undefined) return exposed;
  const v8 = nodeProcess?.getBuiltinModule?.("node:v8") as
    | { setFlagsFromString(flag: string): void }
    | undefined;
  const vm = nodeProcess?.getBuiltinModule?.("node:vm") as
    | { runInNewContext(code: string): unknown }
    | undefined;
  if (v8 === undefined || vm === undefined) {
    // Browsers: external memory pressure makes the engine collect soon.
    return () => void new ArrayBuffer(64 * 1024 ** 2);
  }
  v8.setFlagsFromString("--expose-gc");
  const gc = vm.runInNewContext("gc") as () => void;
  v8.setFlagsFromString("--no-expose-gc");
  return gc;
}

/** Asks the engine for a full collection; finalizers run when the event loop turns. */
export function collectGarbage(): void {
  collect ??= findCollector();
  collect();
}

/** Resolves in a later macrotask, after pending finalizers had their chance. */
export function turnEventLoop(): Promise<void> {
  return new Promise((resolve) => {
    if (typeof setImmediate === "function") setImmediate(resolve);
    else setTimeout(resolve, 0);
  });
}
