// How a tracer takes over state: reads and writes of variables and gradients pass through here.
import type { Tensor } from "./tensor.ts";

/** What a tracer does instead of reading and writing. */
export interface StateListener {
  /** The traced value that stands for a variable's current one. */
  readVariable(variable: Tensor): Tensor;
  writeVariable(variable: Tensor, value: Tensor): void;
  readGradient(owner: Tensor, stored: Tensor | undefined): Tensor | undefined;
  writeGradient(owner: Tensor, value: Tensor | undefined): void;
  /** Notes that the program holds only while `read()` gives what it gave. */
  guard(read: () => unknown, value: unknown): void;
}

export const state: { listener: StateListener | undefined } = { listener: undefined };

/** Reads something that programs depend on without being an operand: a mode, a flag. */
export function guarded<T>(read: () => T): T {
  const value = read();
  state.listener?.guard(read, value);
  return value;
}
