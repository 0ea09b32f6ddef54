// The native backend. `loadEngine` finds the addon, or says why there is none; `createNativeBackend` makes a
// backend of it.
export { type NativeOptions, createNativeBackend } from "./backend.ts";
export type { Engine, NativeBuffer } from "./engine.ts";
export { type Loaded, loadEngine } from "./load.ts";
export type { Precision } from "./program-kernels.ts";
