// The engine for tests. Where it is not built, tests that need it are skipped, and this says why.
import { type Backend, type DType, type Kernel, type TypedArray, arrayType } from "@flambeau/core/extension"; // prettier-ignore
import type { Engine, NativeBuffer } from "./engine.ts";
import { loadEngine } from "./load.ts";

const loaded = loadEngine();
if ("reason" in loaded) {
  process.stderr.write(`Tests of the native engine are skipped: ${loaded.reason}.\n`);
}

export const isBuilt = "engine" in loaded;

/** Only where it is built. */
export const engine = (): Engine => {
  if ("reason" in loaded) throw new Error(loaded.reason);
  return loaded.engine;
};

type AnyBackend = Backend<NativeBuffer>;

/** A buffer with these elements. */
export function filled(
  backend: AnyBackend,
  array: TypedArray,
): { handle: NativeBuffer; offset: number } {
  const bytes = new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
  const handle = backend.allocate(bytes.byteLength);
  backend.write(handle, 0, bytes);
  return { handle, offset: 0 };
}

export function elements(
  backend: AnyBackend,
  handle: NativeBuffer,
  dtype: DType,
  size: number,
): TypedArray {
  const array = new (arrayType(dtype))(size);
  const bytes = backend.read(handle, 0, array.byteLength) as Uint8Array;
  new Uint8Array(array.buffer).set(bytes);
  return array;
}

/** Runs a kernel on copies of the inputs; outputs start with what is given. */
export function runKernel(
  backend: AnyBackend,
  kernel: Kernel,
  inputs: readonly TypedArray[],
  outputs: readonly { readonly dtype: DType; readonly before: TypedArray }[],
  params: readonly (number | bigint)[] = [],
): TypedArray[] {
  const targets = outputs.map(({ before }) => filled(backend, before));
  backend.compile(kernel)(
    inputs.map((input) => filled(backend, input)),
    targets,
    params,
  );
  return outputs.map(({ dtype, before }, i) => elements(backend, targets[i]!.handle, dtype, before.length)); // prettier-ignore
}
