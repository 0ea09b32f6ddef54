// `flambeau/train`: fit, evaluate, callbacks, metrics, checkpoints.
import "./backends.ts";

export * from "@flambeau/train";
