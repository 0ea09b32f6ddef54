// The contract between Flambeau and the code that runs kernels on a device.
import type { Kernel } from "../compiler/kernel.ts";
import type { Program } from "../compiler/program.ts";
import type { DType } from "../dtype.ts";

/** A buffer as its backend knows it: an address or an object. */
export type BufferHandle = unknown;

/**
 * One buffer as an operand of a kernel; `offset` in elements is added to the access's own. Tensors are
 * operands as they are, others are plain objects: read both fields by name, spreading would lose one.
 */
export interface Operand<Handle = BufferHandle> {
  readonly handle: Handle;
  readonly offset: number;
}

/**
 * A compiled kernel. `inputs` and `outputs` are in the order of the kernel's operand numbers;
 * `params` are the run-time numbers. Indices out of range throw an IndexError. The arrays and what is in
 * them are the caller's: read during the call, never kept or changed.
 */
export type Executable<Handle = BufferHandle> = (
  inputs: readonly Operand<Handle>[],
  outputs: readonly Operand<Handle>[],
  params: readonly (number | bigint)[],
) => void;

/** A compiled program; operands and params in the program's order. */
export interface ProgramExecutable<Handle = BufferHandle> {
  run(
    inputs: readonly Operand<Handle>[],
    outputs: readonly Operand<Handle>[],
    params: readonly (number | bigint)[],
  ): void;
  /** As `run`, beside JavaScript, after all runs before it. The arrays are read before it returns. */
  runAsync(
    inputs: readonly Operand<Handle>[],
    outputs: readonly Operand<Handle>[],
    params: readonly (number | bigint)[],
  ): Promise<void>;
}

export interface Backend<Handle = BufferHandle> {
  readonly name: string;
  /** A tensor of another dtype is an error at creation. */
  readonly dtypes: ReadonlySet<DType>;
  /** Reserves at least `bytes` (possibly 0) bytes, contents undefined; throws a MemoryError. */
  allocate(bytes: number): Handle;
  free(handle: Handle): void;
  /** Copies bytes in. */
  write(handle: Handle, byteOffset: number, bytes: Uint8Array): void;
  /** Copies bytes out. */
  read(handle: Handle, byteOffset: number, byteLength: number): Uint8Array | Promise<Uint8Array>;
  /** Prepares a kernel; the caller keeps the result, keyed by the kernel's exact shapes. */
  compile(kernel: Kernel): Executable<Handle>;
  /** Prepares many kernels at once; without it, core runs them one by one. */
  compileProgram?(program: Program): ProgramExecutable<Handle>;
  /** Whether `compile` takes rows kernels. Others get their stages one by one (compiler/rows.ts). */
  readonly rows?: boolean;
  /** Whether kernels may load and store float16 and bfloat16, which are float32 in expressions. */
  readonly loadsHalves?: boolean;
  /**
   * Whether map kernels may store where they load from, each element being read only for the values that
   * take its place.
   */
  readonly updatesInPlace?: boolean;
  /** Names of routines that the backend has kernels of its own for. */
  readonly routines?: ReadonlySet<string>;
  /** The most bytes that may live at once. */
  readonly memoryLimit: number;
  /**
   * Whether handles are objects whose memory comes back by itself once they are collected. Core then
   * registers nothing and counts nothing: `free` only gives memory back sooner, `allocate` keeps the
   * limit, and the two counters below must be there.
   */
  readonly collectsHandles?: boolean;
  /** Bytes of the buffers that are alive. */
  liveBytes?(): number;
  /** Number of buffers that are alive. */
  liveBuffers?(): number;
}
