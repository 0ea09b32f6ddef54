// Ops that stay functions: their first operand is a list, or a condition, and no method reads well.
export { where } from "./arithmetic.ts";
export { concat, stack } from "./join.ts";
