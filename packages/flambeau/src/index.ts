// What `import … from "flambeau"` gives: tensors, ops, autograd. Layers, optimizers, data, training and
// formats are subpaths. Importing this makes the WebAssembly backend the default device.
import "./backends.ts";

export * from "@flambeau/core";
