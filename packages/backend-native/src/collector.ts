// Asks V8 for collections in the middle of a synchronous loop. Finalizers of engine buffers run inside them.

export interface Collector {
  /** Looks at young objects only: a tenth of a millisecond. */
  minor(): void;
  full(): void;
}

interface NodeProcess {
  getBuiltinModule?(name: string): unknown;
}

type Collect = (options?: { readonly type: "minor" | "major" }) => void;

/** V8 shows `gc` only behind a flag, which may be set at run time. */
function findCollect(): Collect {
  const { process } = globalThis as { process?: NodeProcess };
  const v8 = process?.getBuiltinModule?.("node:v8") as { setFlagsFromString(flag: string): void };
  const vm = process?.getBuiltinModule?.("node:vm") as { runInNewContext(code: string): unknown };
  v8.setFlagsFromString("--expose-gc");
  const collect = vm.runInNewContext("gc") as Collect;
  v8.setFlagsFromString("--no-expose-gc");
  return collect;
}

export function findCollector(): Collector {
  let collect: Collect | undefined;
  return {
    minor() {
      collect ??= findCollect();
      collect({ type: "minor" });
    },
    full() {
      collect ??= findCollect();
      collect();
    },
  };
}
