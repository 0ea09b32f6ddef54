// Which backends a program has. They start on first use, so importing costs nothing. The CPU is served by
// the native engine where its addon is here, else by wasm. FLAMBEAU_BACKEND names another default;
// FLAMBEAU_THREADS and FLAMBEAU_MEMORY_LIMIT tune both, FLAMBEAU_CPU the native one.
import { FlambeauError, matmulPrecision, registerBackend } from "@flambeau/core";
import { createNativeBackend, loadEngine } from "@flambeau/backend-native";
import { createWasmBackend } from "@flambeau/backend-wasm";
import { parseMemoryLimit } from "./memory-limit.ts";

const { env } = (globalThis as { process?: { env?: Record<string, string | undefined> } }).process ?? {}; // prettier-ignore

const memoryLimit = () => parseMemoryLimit(env?.["FLAMBEAU_MEMORY_LIMIT"]);

registerBackend("wasm", () => createWasmBackend(memoryLimit()), { preferred: true });

registerBackend(
  "native",
  () => {
    const loaded = loadEngine();
    if ("reason" in loaded) {
      throw new FlambeauError(
        `device "native" is not here: ${loaded.reason}. In a checkout, \`npm run build:native\` builds it ` +
          `with a C++ compiler; device "wasm" needs none.`,
      );
    }
    return createNativeBackend(loaded.engine, {
      ...memoryLimit(),
      precision: () => matmulPrecision(),
    });
  },
  { preferred: () => "engine" in loadEngine() },
);
