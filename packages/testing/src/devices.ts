// Which devices the suites test: `reference` always, and each backend that is installed here.
import { registerBackend } from "@flambeau/core";
import type { Backend } from "@flambeau/core/extension";

/**
 * The lane that runs: `FLAMBEAU_LANE=fast` takes a subset for every commit, `full` (the default)
 * everything.
 */
export const lane: "fast" | "full" = process.env["FLAMBEAU_LANE"] === "fast" ? "fast" : "full";

interface WasmModule {
  createWasmBackend(options: { readonly threads: number }): Backend<number>;
}

interface NativeModule {
  loadEngine(): { readonly engine: unknown } | { readonly reason: string };
  createNativeBackend(engine: unknown): Backend;
}

/** A package of this workspace, or `undefined` where it is not here. */
async function find<Module>(name: string): Promise<Module | undefined> {
  try {
    return (await import(name)) as Module;
  } catch (error) {
    // Only a missing package is no error: a broken one must not pass for absent.
    if ((error as { code?: string }).code !== "ERR_MODULE_NOT_FOUND") throw error;
    return undefined;
  }
}

/** Registers `wasm1` and, in the full lane, `wasm2`: one and two threads. Gives their names. */
async function registerWasm(): Promise<string[]> {
  const found = await find<WasmModule>("@flambeau/backend-wasm");
  if (found === undefined) return [];
  return (lane === "full" ? [1, 2] : [1]).map((threads) => {
    const name = `wasm${threads}`;
    // A device is called what its backend is called; kernels are cached under that name.
    registerBackend(name, () => ({ ...found.createWasmBackend({ threads }), name }));
    return name;
  });
}

/** Why the native engine is not tested, or `undefined` where it is. */
export let nativeAbsence: string | undefined;

/** Registers `native` where its addon was built. */
async function registerNative(): Promise<string[]> {
  const found = await find<NativeModule>("@flambeau/backend-native");
  const loaded = found?.loadEngine() ?? { reason: "its package is not here" };
  if ("reason" in loaded) {
    nativeAbsence = loaded.reason;
    return [];
  }
  registerBackend("native", () => found!.createNativeBackend(loaded.engine));
  return ["native"];
}

/** `FLAMBEAU_DEVICES=native,wasm1` takes some of them; `reference` always stands first. */
const asked = process.env["FLAMBEAU_DEVICES"]?.split(",");
const present = [...(await registerWasm()), ...(await registerNative())];

/** Names of the devices under test; `reference` first. */
export const testedDevices: readonly string[] = [
  "reference",
  ...present.filter((name) => asked === undefined || asked.includes(name)),
];
