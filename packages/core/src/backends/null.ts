// The null backend: allocates nothing and runs nothing. Shapes and dtypes come out, values do not.
// For compiler tests in milliseconds and for estimates of shape and memory.
import { dtypes } from "../dtype.ts";
import { MemoryError } from "../errors.ts";
import type { Backend } from "../runtime/backend.ts";

export function createNullBackend(): Backend<null> {
  return {
    name: "null",
    dtypes: new Set(dtypes),
    memoryLimit: Infinity,
    collectsHandles: true,
    liveBytes: () => 0,
    liveBuffers: () => 0,
    rows: true,
    allocate: () => null,
    free: () => {},
    write: () => {},
    read: () => {
      throw new MemoryError(
        "null: this device computes shapes and dtypes only; it has no values to read. " +
          'Move the computation to another device, for instance device("wasm").',
      );
    },
    compile: () => () => {},
  };
}
