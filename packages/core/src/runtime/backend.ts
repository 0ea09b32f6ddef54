// The contract between Flambeau and the code that runs kernels on a device.
import type { Kernel } from "../compiler/kernel.ts";
import type { DType } from "../dtype.ts";

/** A buffer as its backend knows it: an address or an object. */
export type BufferHandle = unknown;

/** One buffer as an operand of a kernel; `offset` in elements is added to the access's own. */
export interface Operand<Handle = BufferHandle> {
  readonly handle: Handle;
  readonly offset: number;
}

/**
 * A compiled kernel. `inputs` and `outputs` are in the order of the kernel's operand numbers;
 * `params` are the run-time numbers. Indices out of range throw an IndexError.
 */
export type Executable<Handle = BufferHandle> = (
  inputs: readonly Operand<Handle>[],
  outputs: readonly Operand<Handle>[],
  params: readonly (number | bigint)[],
) => void;

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
  /** The most bytes that may live at once. */
  readonly memoryLimit: number;
}
