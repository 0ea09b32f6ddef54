// Calls of the engine: operands and params into its slots, and what a run that did not end well means.
import {
  type DType,
  type Load,
  type LoopKernel,
  type MemoryError,
  type Operand,
  FlambeauError,
  byteSize,
  convert,
  integerAt,
  throwBadIndex,
} from "@flambeau/core/extension";
import { type Engine, type NativeBuffer, runStatus } from "./engine.ts";
import type { NativeMemory } from "./memory.ts";
import type { FlatProgram, ProgramOperand } from "./program.ts";

/** What executables need of the backend they belong to. */
export interface Runtime {
  readonly engine: Engine;
  readonly memory: NativeMemory;
}

export type Operands = readonly Operand<NativeBuffer>[];

/** How a param's number is left in the slots. */
const asFloat = 0;
const asInt64 = 1;
const asConverted = 2;

const elementOf = ({ element }: ProgramOperand): number => element;

/** Writes what a program reads before it runs. Allocates nothing, but for int64 params. */
export class SlotWriter {
  readonly #numbers: Float64Array;
  readonly #integers: BigInt64Array;
  readonly #inputUnits: Float64Array;
  readonly #outputUnits: Float64Array;
  readonly #paramKinds: Uint8Array;
  readonly #paramTypes: readonly DType[];
  /** Outputs of which the length is said. */
  readonly #measured: Int32Array;

  /** `inputUnits` and `outputUnits`: the bytes that one of an operand's `offset` stands for. */
  constructor(
    { slots }: Engine,
    { inputs, outputs, params }: FlatProgram,
    inputUnits: readonly number[] = inputs.map(elementOf),
    outputUnits: readonly number[] = outputs.map(elementOf),
  ) {
    this.#numbers = slots;
    this.#integers = new BigInt64Array(slots.buffer, slots.byteOffset, slots.length);
    this.#inputUnits = Float64Array.from(inputUnits);
    this.#outputUnits = Float64Array.from(outputUnits);
    this.#paramTypes = params;
    this.#paramKinds = Uint8Array.from(params, (dtype) =>
      dtype === "int64" ? asInt64 : dtype.startsWith("float") ? asFloat : asConverted,
    );
    this.#measured = Int32Array.from(
      outputs.flatMap(({ isMeasured }, i) => (isMeasured ? [i] : [])),
    );
  }

  write(inputs: Operands, outputs: Operands, params: readonly (number | bigint)[]): void {
    const numbers = this.#numbers;
    const [inputUnits, outputUnits, kinds] = [this.#inputUnits, this.#outputUnits, this.#paramKinds]; // prettier-ignore
    let at = 0;
    for (let i = 0; i < inputUnits.length; i++) {
      const operand = inputs[i]!;
      numbers[at] = operand.handle.address;
      numbers[at + 1] = operand.offset * inputUnits[i]!;
      at += 2;
    }
    for (let i = 0; i < outputUnits.length; i++) {
      const operand = outputs[i]!;
      numbers[at] = operand.handle.address;
      numbers[at + 1] = operand.offset * outputUnits[i]!;
      at += 2;
    }
    for (let i = 0; i < kinds.length; i++) {
      const value = params[i]!;
      if (kinds[i] === asFloat) numbers[at] = Number(value);
      else this.#writeInteger(at, this.#paramTypes[i]!, value);
      at++;
    }
    for (let i = 0; i < this.#measured.length; i++) {
      numbers[at++] = outputs[this.#measured[i]!]!.handle.bytes;
    }
  }

  #writeInteger(at: number, dtype: DType, value: number | bigint): void {
    const exact = convert(value, typeof value === "bigint" ? "int64" : "float64", dtype);
    if (typeof exact === "bigint") this.#integers[at] = exact;
    else this.#numbers[at] = exact;
  }
}

/** Reads integers of operands whose bytes are copied once. */
function integersOf({ engine }: Runtime, operandOf: (load: Load) => Operand<NativeBuffer>) {
  const copies = new Map<NativeBuffer, DataView>();
  return (load: Load, element: number): number => {
    const { handle, offset } = operandOf(load);
    let view = copies.get(handle);
    if (view === undefined) {
      const bytes = new Uint8Array(handle.bytes);
      engine.read(handle.address, bytes);
      view = new DataView(bytes.buffer);
      copies.set(handle, view);
    }
    return integerAt(view, (offset + element) * byteSize(load.dtype), load.dtype);
  };
}

/** Throws the IndexError of a kernel's first bad index. */
export function throwIndexOf(
  kernel: LoopKernel,
  runtime: Runtime,
  operandOf: (load: Load) => Operand<NativeBuffer>,
): never {
  throwBadIndex(kernel, integersOf(runtime, operandOf));
}

/** A run's status and position: which kernel (bad index, no memory), or which operand (out of bounds). */
export const outcomeOf = (result: number) => ({
  status: result % 8,
  position: Math.floor(result / 8),
});

/** What is thrown where an operand cannot be what its kernel needs. */
export function boundsError(operands: Operands, position: number): FlambeauError {
  const { handle, offset } = operands[position]!;
  return new FlambeauError(
    `native: operand ${position} (${handle.bytes} bytes at ${handle.address}, from element ${offset} on) is ` +
      `not what its kernel was compiled for.`,
  );
}

export function scratchError({ memory }: Runtime): MemoryError {
  return memory.error("a kernel needs working memory");
}

export const isOutOfMemory = (result: number): boolean => result % 8 === runStatus.outOfMemory;
