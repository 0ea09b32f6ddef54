// The WebAssembly backend: kernels become SIMD modules at run time, buffers are addresses in one
// memory, long work is shared by worker threads. Maps and reductions: executable.ts; contractions:
// contract.ts; threads: threads.ts.
import {
  type Backend,
  type ContractKernel,
  type DType,
  type Executable,
  FlambeauError,
  type Kernel,
  type MapKernel,
  type Operand,
  type RoutineKernel,
  type TypedArray,
  arrayType,
  byteSize,
  contractAsReduce,
  dtypes,
  spanOf,
} from "@flambeau/core/extension";
import { compileContract } from "./contract.ts";
import { type Engine, compileLoops, withInitial } from "./executable.ts";
import { WasmMemory, defaultMemoryLimit } from "./memory.ts";
import { canShareMemory, hasRelaxedSimd, threadCount } from "./platform.ts";
import { type PoolModule, createPool } from "./threads.ts";

export interface WasmOptions {
  /** Threads in all; by default FLAMBEAU_THREADS or one per core. Always 1 without shared memory. */
  readonly threads?: number;
  /** The most bytes of buffers; 2 GiB by default, below 4 GiB. */
  readonly memoryLimit?: number;
}

/** The bottom of the memory: the parameter block of calls on this thread. */
const blockAddress = 1024;
const blockBytes = 65536 - 1024;

/** Modules by structure, of every backend that is alive. */
const moduleTables: WeakRef<Map<string, PoolModule>>[] = [];

/** What has been emitted so far, oldest first: for dumps and for curiosity. */
export const emittedModules = (): { key: string; bytes: number }[] =>
  moduleTables.flatMap((table) =>
    [...(table.deref() ?? [])].map(([key, { byteLength }]) => ({ key, bytes: byteLength })),
  );

function compileRoutine(kernel: RoutineKernel, { memory }: Engine): Executable<number> {
  const view = ({ handle, offset }: Operand<number>, dtype: DType, size: number): TypedArray =>
    new (arrayType(dtype))(memory.memory.buffer, handle + offset * byteSize(dtype), size);
  const inputs = kernel.inputs.map((own) => ({ dtype: own.dtype, size: spanOf(own) }));
  const outputs = kernel.outputs.map((own) => ({ dtype: own.dtype, size: spanOf(own) }));
  return (from, to) =>
    kernel.run(
      inputs.map(({ dtype, size }, i) => view(from[i]!, dtype, size)),
      outputs.map(({ dtype, size }, i) => view(to[i]!, dtype, size)),
    );
}

/** Creates the backend; its memory grows up to the limit and is never given back. */
export function createWasmBackend(options: WasmOptions = {}): Backend<number> {
  const threads = canShareMemory() ? (options.threads ?? threadCount()) : 1;
  const memory = new WasmMemory({
    limit: options.memoryLimit ?? defaultMemoryLimit,
    shared: threads > 1,
    reserved: blockAddress + blockBytes,
  });
  const allocate = (bytes: number): number => memory.allocate(bytes);
  const pool = createPool({ threads, memory: memory.memory, allocate });
  const modules = new Map<string, PoolModule>();
  moduleTables.push(new WeakRef(modules));
  const engine: Engine = { memory, pool, modules, block: blockAddress, blockBytes };
  const contracts = {
    pool,
    modules,
    relaxed: hasRelaxedSimd(),
    allocate,
    free: (address: number) => memory.free(address),
    compileMap: (kernel: MapKernel) => compileLoops(kernel, engine),
  };
  const contract = (kernel: ContractKernel): Executable<number> =>
    withInitial(
      kernel,
      engine,
      compileContract(kernel, contracts) ?? compileLoops(contractAsReduce(kernel), engine),
    );
  return {
    name: "wasm",
    dtypes: new Set(dtypes),
    memoryLimit: memory.limit,
    allocate,
    free: (handle) => memory.free(handle),
    write: (handle, byteOffset, bytes) => memory.bytes.set(bytes, handle + byteOffset),
    read: (handle, byteOffset, byteLength) =>
      memory.bytes.slice(handle + byteOffset, handle + byteOffset + byteLength),
    compile(kernel: Kernel): Executable<number> {
      if (kernel.kind === "routine") return compileRoutine(kernel, engine);
      if (kernel.kind === "contract") return contract(kernel);
      if (kernel.kind === "rows") {
        throw new FlambeauError("wasm: row programs are compiled stage by stage, not whole.");
      }
      return compileLoops(kernel, engine);
    },
  };
}
