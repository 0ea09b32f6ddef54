// From a map, reduce or scan kernel to something callable: plans it, shares modules between kernels of one
// structure, and on each call writes addresses and params into the parameter block and runs it.
import {
  type DType,
  type Executable,
  type LoopKernel,
  type Operand,
  arrayType,
  byteSize,
  convert,
  integerAt,
  throwBadIndex,
} from "@flambeau/core/extension";
import { emitModule } from "./emit.ts";
import type { WasmMemory } from "./memory.ts";
import { type LoopNest, normalize } from "./normal.ts";
import { type Plan, errorSlot, planKernel } from "./plan.ts";
import { forwardScan } from "./scan.ts";
import { splitReduce } from "./split.ts";
import type { Pool, PoolModule } from "./threads.ts";

/** What executables need of the backend they belong to. */
export interface Engine {
  readonly memory: WasmMemory;
  readonly pool: Pool;
  readonly modules: Map<string, PoolModule>;
  /** Address and size of the block that every call on this thread uses. */
  readonly block: number;
  readonly blockBytes: number;
}

/** Elements per call of `run`, at most: V8 replaces slow first code only between calls. */
const mostElements = 65536;
/** What a chunk should take, so that sharing it is worth the handshake. */
const chunkNanoseconds = 20_000;
/** Work estimated below this stays on the calling thread. */
const forkNanoseconds = 50_000;

/** Outputs per call of `run`, fixed by the kernel's shape. */
function chunkOf(plan: Plan, perOutput: number): number {
  const elements = Math.min(mostElements, chunkNanoseconds / plan.cost);
  const outputs = Math.max(1, Math.floor(elements / Math.max(perOutput, 1)));
  return outputs < 16 ? outputs : outputs & ~15;
}

function isOrdered({ kernel }: Plan): boolean {
  return kernel.stores.some(
    ({ combine, indirections }) => combine !== "set" || indirections.length > 0,
  );
}

/** Writes a kernel's `initial` into whole outputs. */
function fillOutputs(
  { memory }: Engine,
  kernel: LoopKernel,
  outputs: readonly Operand<number>[],
): void {
  for (const { operand, dtype } of kernel.stores) {
    const { handle, offset } = outputs[operand]!;
    const initial = kernel.initial!;
    const value = convert(initial, typeof initial === "bigint" ? "int64" : "float64", dtype);
    const length = Math.floor(memory.sizeOf(handle) / byteSize(dtype)) - offset;
    const start = handle + offset * byteSize(dtype);
    const array = new (arrayType(dtype))(memory.memory.buffer, start, length);
    (array as { fill(value: number | bigint): unknown }).fill(value);
  }
}

/** Where a run-time number of each dtype goes in a block. */
function writeParam(view: DataView, at: number, dtype: DType, value: number | bigint): void {
  if (dtype === "float32") view.setFloat32(at, Number(value), true);
  else if (dtype === "float64") view.setFloat64(at, Number(value), true);
  else {
    const exact = convert(value, typeof value === "bigint" ? "int64" : "float64", dtype);
    if (dtype === "int64") view.setBigInt64(at, exact as bigint, true);
    else view.setInt32(at, Number(exact), true);
  }
}

function moduleOf(plan: Plan, { modules, pool }: Engine): PoolModule {
  let module = modules.get(plan.key);
  if (module === undefined) {
    module = pool.createModule(emitModule(plan, pool.shared));
    modules.set(plan.key, module);
  }
  return module;
}

/** Writes `initial` into the outputs, where the kernel has it, before `run`. */
export function withInitial(
  kernel: LoopKernel,
  engine: Engine,
  run: Executable<number>,
): Executable<number> {
  if (kernel.initial === undefined) return run;
  return (inputs, outputs, params) => {
    fillOutputs(engine, kernel, outputs);
    run(inputs, outputs, params);
  };
}

/** Prepares a map, a reduction or a scan. */
export function compileLoops(kernel: LoopNest, engine: Engine): Executable<number> {
  const boundary = kernel.axes.length - (kernel.kind === "reduce" ? kernel.reduced : 0);
  if (kernel.axes.slice(0, boundary).includes(0)) return withInitial(kernel, engine, () => {});
  const split = kernel.kind === "reduce" ? splitReduce(kernel) : undefined;
  const run =
    split === undefined
      ? compileNest(kernel, engine, kernel, 0)
      : split((part, skipped) => compileNest(part, engine, kernel, skipped), engine.memory);
  return withInitial(kernel, engine, run);
}

/** One loop nest, one module. Bad indices are those of `whole`, whose inputs follow `skipped` others. */
function compileNest(
  kernel: LoopNest,
  engine: Engine,
  whole: LoopNest,
  skipped: number,
): Executable<number> {
  const plan = planKernel(normalize(kernel.kind === "scan" ? forwardScan(kernel) : kernel));
  const { memory, pool } = engine;
  const module = moduleOf(plan, engine);
  const { block: words, params: paramSlots } = plan;
  const view = new DataView(words.buffer);
  const { axes, outer, params: paramTypes } = plan.kernel;
  let total = 1;
  let elements = 1;
  axes.forEach((length, axis) => {
    elements *= length;
    if (axis < outer) total *= length;
  });
  const chunk = chunkOf(plan, elements / total);
  const isForked =
    pool.threads > 1 && total > chunk && !isOrdered(plan) && elements * plan.cost > forkNanoseconds;

  // Flat arrays: a call allocates nothing.
  const accesses = [...plan.loads, ...plan.stores];
  const normals = [...plan.kernel.loads, ...plan.kernel.stores];
  const count = accesses.length;
  const loadCount = plan.loads.length;
  const operandOf = Int32Array.from(normals, ({ operand }) => operand);
  const bytesOf = Int32Array.from(normals, ({ dtype }) => byteSize(dtype));
  const offsetOf = Float64Array.from(normals, ({ offset }) => offset);
  const wordOf = Int32Array.from(accesses, ({ pointer }) => pointer.base / 4);
  const hasCoordinates = normals.some(({ indirections }) => indirections.length > 0);
  const block =
    words.byteLength <= engine.blockBytes ? engine.block : memory.allocate(words.byteLength);
  const errorWord = (block + errorSlot) / 4;

  return (inputs, outputs, params) => {
    for (let i = 0; i < count; i++) {
      const { handle, offset } = (i < loadCount ? inputs : outputs)[operandOf[i]!]!;
      words[wordOf[i]!] = handle + (offset + offsetOf[i]!) * bytesOf[i]!;
    }
    for (let i = 0; i < paramSlots.length; i++) {
      writeParam(view, paramSlots[i]!, paramTypes[i]!, params[i]!);
    }
    memory.words.set(words, block / 4);
    if (isForked) pool.run(module, block, total, chunk);
    else {
      for (let start = 0; start < total; start += chunk) {
        module.run(block, start, Math.min(start + chunk, total), 0);
        if (hasCoordinates && memory.words[errorWord] !== 0) break;
      }
    }
    if (hasCoordinates && memory.words[errorWord] !== 0) {
      const bytes = new DataView(memory.memory.buffer);
      throwBadIndex(whole, ({ operand, dtype }, element) => {
        const { handle, offset } = inputs[skipped + operand]!;
        return integerAt(bytes, handle + (offset + element) * byteSize(dtype), dtype);
      });
    }
  };
}
