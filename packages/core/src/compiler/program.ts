// Programs: kernels in order over numbered buffers. What a backend may take whole instead of kernel by kernel.
import type { DType } from "../dtype.ts";
import type { Description } from "../operation.ts";
import type { Kernel } from "./kernel.ts";

/** Where an operand of a step lies. */
export interface BufferRef {
  readonly space: "input" | "output" | "temporary";
  readonly index: number;
  /** In elements of what the kernel reads or writes; added to the accesses' own. */
  readonly offset: number;
}

export interface ProgramStep {
  /** Realized: of the dtypes that the backend has (compiler/realize.ts). */
  readonly kernel: Kernel;
  readonly inputs: readonly BufferRef[];
  /** Never in the space of inputs: those are only read. */
  readonly outputs: readonly BufferRef[];
  /** Which of the program's params the kernel's are. */
  readonly params: readonly number[];
}

export interface Program {
  readonly inputs: readonly Description[];
  readonly outputs: readonly Description[];
  /** Dtypes of the numbers given at run time. */
  readonly params: readonly DType[];
  /** Buffers that hold nothing before a run and nothing after it. */
  readonly temporaries: readonly { readonly bytes: number }[];
  readonly steps: readonly ProgramStep[];
}
