// What authors of ops and backends need: definers, the scalar vocabulary, kernels, the contract.
export { apply } from "./apply.ts";
export * from "./compiler/kernel.ts";
export * from "./compiler/lower.ts";
export * from "./dtype.ts";
export * from "./errors.ts";
export * from "./operation.ts";
export * from "./ops/define.ts";
export { type ElementwiseRule, binary, elementwise, ternary, unary } from "./ops/elementwise.ts";
export type * from "./runtime/backend.ts";
export { decompose, farAngle } from "./scalar/decompose.ts";
export * from "./scalar/instruction.ts";
export * from "./scalar/linear.ts";
export * from "./scalar/evaluate.ts";
export * from "./shape.ts";
export { contractAsReduce } from "./backends/reference.ts";
export { threefry } from "./random.ts";
