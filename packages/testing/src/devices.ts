// Which devices the suites test: `reference` always, and each backend that is installed here.
import { registerBackend } from "@flambeau/core";
import type { Backend } from "@flambeau/core/extension";

/**
 * The lane that runs: `FLAMBEAU_LANE=fast` takes a subset for every commit, `full` (the default)
 * everything.
 */
export const lane: "fast" | "full" = process.env["FLAMBEAU_LANE"] === "fast" ? "fast" : "full";

interface WasmModule {
  createWasmBackend?(options: { readonly threads: number }): Backend<number>;
}

/** Registers `wasm1` and, in the full lane, `wasm2`: one and two threads. Gives their names. */
async function registerWasm(): Promise<string[]> {
  let found: WasmModule;
  try {
    found = await import("@flambeau/backend-wasm");
  } catch (error) {
    // Only a missing package is no error: a broken one must not pass for absent.
    if ((error as { code?: string }).code !== "ERR_MODULE_NOT_FOUND") throw error;
    return [];
  }
  const { createWasmBackend } = found;
  if (createWasmBackend === undefined) return [];
  return (lane === "full" ? [1, 2] : [1]).map((threads) => {
    const name = `wasm${threads}`;
    // A device is called what its backend is called; kernels are cached under that name.
    registerBackend(name, () => ({ ...createWasmBackend({ threads }), name }));
    return name;
  });
}

/** Names of the devices under test; `reference` first. */
export const testedDevices: readonly string[] = ["reference", ...(await registerWasm())];
