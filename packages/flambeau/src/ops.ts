// `flambeau/ops`: functions only. Attaches no methods, so that a bundler keeps just the ops in use.
export * from "@flambeau/core/ops";
