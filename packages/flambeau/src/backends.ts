// Which backends a program has. They start on first use, so importing costs nothing.
// FLAMBEAU_BACKEND names another default; FLAMBEAU_THREADS and FLAMBEAU_MEMORY_LIMIT tune wasm.
import { registerBackend } from "@flambeau/core";
import { createWasmBackend } from "@flambeau/backend-wasm";
import { parseMemoryLimit } from "./memory-limit.ts";

const { env } = (globalThis as { process?: { env?: Record<string, string | undefined> } }).process ?? {}; // prettier-ignore

registerBackend(
  "wasm",
  () => createWasmBackend({ ...parseMemoryLimit(env?.["FLAMBEAU_MEMORY_LIMIT"]) }),
  { preferred: true },
);
