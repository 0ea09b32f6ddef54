// The WebAssembly backend. `createWasmBackend` is all that core and users need;
// `emittedModules` shows what it wrote.
export { type WasmOptions, createWasmBackend, emittedModules } from "./backend.ts";
