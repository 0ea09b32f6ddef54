// For tests: runs a kernel on the reference backend and on this one and compares every output.
import {
  type Backend,
  type DType,
  type Kernel,
  type TypedArray,
  arrayType,
  byteSize,
  showKernel,
} from "@flambeau/core/extension";
import { createReferenceBackend } from "@flambeau/core/reference";

export interface OutputDescription {
  readonly dtype: DType;
  readonly size: number;
}

export interface Case {
  readonly kernel: Kernel;
  readonly inputs: readonly TypedArray[];
  readonly outputs: readonly OutputDescription[];
  readonly params?: readonly (number | bigint)[];
  /** Largest relative difference of floats; 0 by default. */
  readonly tolerance?: number;
}

const bytesOf = (array: TypedArray): Uint8Array =>
  new Uint8Array(array.buffer, array.byteOffset, array.byteLength);

/** Contents of the outputs after a run; they start as 7, at an element offset of 3. */
export function runOn<Handle>(backend: Backend<Handle>, one: Case): TypedArray[] {
  const shift = 3;
  const inputs = one.inputs.map((array) => {
    const handle = backend.allocate(array.byteLength);
    backend.write(handle, 0, bytesOf(array));
    return { handle, offset: 0 };
  });
  const outputs = one.outputs.map(({ dtype, size }) => {
    const bytes = (size + shift) * byteSize(dtype);
    const handle = backend.allocate(bytes);
    backend.write(handle, 0, new Uint8Array(bytes).fill(dtype === "bool" ? 1 : 7));
    return { handle, offset: shift };
  });
  try {
    backend.compile(one.kernel)(inputs, outputs, one.params ?? []);
    return one.outputs.map(({ dtype, size }, i) => {
      const bytes = backend.read(outputs[i]!.handle, 0, (size + shift) * byteSize(dtype));
      return new (arrayType(dtype))((bytes as Uint8Array).slice().buffer);
    });
  } finally {
    for (const { handle } of [...inputs, ...outputs]) backend.free(handle);
  }
}

function differs(a: number | bigint, b: number | bigint, tolerance: number): boolean {
  if (a === b || (a !== a && b !== b)) return false;
  if (typeof a === "bigint" || typeof b === "bigint" || tolerance === 0) return true;
  return !(Math.abs(a - b) <= tolerance * Math.max(Math.abs(a), Math.abs(b), 1e-30));
}

/** Throws where the two backends differ, with the kernel's text. */
export function expectSame(backend: Backend<number>, one: Case): void {
  const expected = runOn(createReferenceBackend(), one);
  const got = runOn(backend, one);
  expected.forEach((array, output) => {
    for (let i = 0; i < array.length; i++) {
      if (!differs(array[i]!, got[output]![i]!, one.tolerance ?? 0)) continue;
      throw new Error(
        `output ${output} at ${i - 3}: expected ${array[i]}, got ${got[output]![i]}\n` +
          `${showKernel(one.kernel)}\ninputs ${one.inputs.map((x) => `[${x}]`).join(" ")}`,
      );
    }
  });
}
