// The native backend: what core asks of a backend, on the engine's addon. Kernels: executable.ts; programs of
// many kernels: segments.ts; memory: memory.ts.
import {
  type Backend,
  type Kernel,
  type Program,
  type RoutineKernel,
  dtypes,
} from "@flambeau/core/extension";
import { findCollector } from "./collector.ts";
import type { Runtime } from "./call.ts";
import type { Engine, NativeBuffer } from "./engine.ts";
import { addressIn, compileKernel, compileRoutine, hasKernel } from "./executable.ts";
import { NativeMemory } from "./memory.ts";
import type { Precision } from "./program-kernels.ts";
import { Programs } from "./programs.ts";
import { compileProgram } from "./segments.ts";

export interface NativeOptions {
  /** Threads in all, of every backend of this process; by default FLAMBEAU_THREADS or one per core. */
  readonly threads?: number;
  /** The most bytes of buffers; by default four fifths of what the process may use. */
  readonly memoryLimit?: number;
  /** How matrix products of float32 are computed; asked when a kernel is compiled. */
  readonly precision?: () => Precision;
}

/** Creates the backend. */
export function createNativeBackend(
  engine: Engine,
  { threads, memoryLimit, precision = () => "highest" }: NativeOptions = {},
): Backend<NativeBuffer> {
  if (threads !== undefined) engine.setThreads(threads);
  if (memoryLimit !== undefined) engine.setMemoryLimit(memoryLimit);
  const memory = new NativeMemory(engine, findCollector());
  const runtime: Runtime = { engine, memory };
  const programs = new Programs(engine);
  const isNative = (routine: RoutineKernel) => hasKernel(routine, runtime, programs);
  return {
    name: "native",
    dtypes: new Set(dtypes),
    rows: true,
    loadsHalves: true,
    updatesInPlace: true,
    routines: new Set(engine.routines),
    collectsHandles: true,
    get memoryLimit() {
      return memory.limit();
    },
    liveBytes: () => memory.liveBytes(),
    liveBuffers: () => memory.liveBuffers(),
    allocate: (bytes) => memory.allocate(bytes),
    free: (buffer) => memory.free(buffer),
    write(buffer, byteOffset, bytes) {
      if (bytes.byteLength === 0) return;
      engine.write(addressIn(buffer, byteOffset, bytes.byteLength), bytes);
    },
    read(buffer, byteOffset, byteLength) {
      const bytes = new Uint8Array(byteLength);
      if (byteLength > 0) engine.read(addressIn(buffer, byteOffset, byteLength), bytes);
      return bytes;
    },
    compile(kernel: Kernel) {
      if (kernel.kind === "routine" && !isNative(kernel)) return compileRoutine(kernel, runtime);
      return compileKernel(kernel, runtime, programs, precision());
    },
    compileProgram: (program: Program) =>
      compileProgram(program, runtime, programs, isNative, precision()),
  };
}
