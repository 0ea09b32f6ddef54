// From one kernel to something callable: a program of the engine, or a routine in JavaScript over copies of
// its operands.
import {
  type Executable,
  type Kernel,
  type LoopKernel,
  type RoutineKernel,
  type RoutineOperand,
  type TypedArray,
  arrayType,
  byteSize,
  spanOf,
} from "@flambeau/core/extension";
import { type Operands, type Runtime, SlotWriter, boundsError, isOutOfMemory, outcomeOf, scratchError, throwIndexOf } from "./call.ts"; // prettier-ignore
import { type NativeBuffer, runStatus } from "./engine.ts";
import { forEngine, programOf } from "./program.ts";
import { isHeld } from "./program-expressions.ts";
import type { Precision } from "./program-kernels.ts";
import type { Programs } from "./programs.ts";

/** What a result other than 0 of a one-kernel program is thrown as. */
function fail(
  result: number,
  kernel: Kernel,
  runtime: Runtime,
  inputs: Operands,
  outputs: Operands,
): never {
  const { status, position } = outcomeOf(result);
  if (status === runStatus.badIndex) {
    throwIndexOf(kernel as LoopKernel, runtime, ({ operand }) => inputs[operand]!);
  }
  if (status === runStatus.outOfMemory) throw scratchError(runtime);
  throw boundsError([...inputs, ...outputs], position);
}

/** Prepares a kernel that the engine runs. */
export function compileKernel(
  given: Kernel,
  runtime: Runtime,
  programs: Programs,
  precision: Precision,
): Executable<NativeBuffer> {
  const kernel = forEngine(given);
  const flat = programOf(kernel);
  const handle = programs.create(flat, precision);
  const { engine, memory } = runtime;
  const slots = new SlotWriter(engine, flat);
  const inputCount = flat.inputs.length;
  const outputCount = flat.outputs.length;
  return (inputs, outputs, params) => {
    slots.write(inputs, outputs, params);
    let result = engine.run(handle.number);
    if (result === 0) return;
    if (isOutOfMemory(result)) {
      memory.relieve();
      slots.write(inputs, outputs, params);
      result = engine.run(handle.number);
      if (result === 0) return;
    }
    fail(result, kernel, runtime, inputs.slice(0, inputCount), outputs.slice(0, outputCount));
  };
}

/** Whether the engine has a kernel for the routine on these operands. */
export function hasKernel(kernel: RoutineKernel, { engine }: Runtime, programs: Programs): boolean {
  const operands = [...kernel.inputs, ...kernel.outputs];
  if (!engine.routines.includes(kernel.name) || !operands.every(({ dtype }) => isHeld(dtype))) {
    return false;
  }
  try {
    programs.create(programOf(kernel), "highest");
    return true;
  } catch (error) {
    if (/has no routine/.test((error as Error).message)) return false;
    throw error;
  }
}

/** How many bytes an operand of a routine has, and how they are seen. */
function argumentOf(operand: RoutineOperand) {
  const { dtype } = operand;
  const size = spanOf(operand);
  return { size, element: byteSize(dtype), bytes: size * byteSize(dtype), ArrayType: arrayType(dtype) }; // prettier-ignore
}

const bytesOf = ({ buffer, byteLength }: TypedArray): Uint8Array => new Uint8Array(buffer, 0, byteLength); // prettier-ignore

/**
 * Prepares a routine that runs in JavaScript. Copies, not views: a view would keep its memory until the
 * event loop turns.
 */
export function compileRoutine(
  { run, inputs, outputs }: RoutineKernel,
  { engine }: Runtime,
): Executable<NativeBuffer> {
  const from = inputs.map(argumentOf);
  const to = outputs.map(argumentOf);
  return (sources, targets) => {
    const read = from.map(({ ArrayType, size, element }, i) => {
      const { handle, offset } = sources[i]!;
      const array = new ArrayType(size);
      if (size > 0)
        engine.read(addressIn(handle, offset * element, size * element), bytesOf(array));
      return array;
    });
    const written = to.map(({ ArrayType, size }) => new ArrayType(size));
    run(read, written);
    to.forEach(({ size, element }, i) => {
      const { handle, offset } = targets[i]!;
      if (size > 0) {
        engine.write(addressIn(handle, offset * element, size * element), bytesOf(written[i]!));
      }
    });
  };
}

/** The address of a stretch that lies in the buffer. */
export function addressIn(handle: NativeBuffer, byteOffset: number, byteLength: number): number {
  if (handle.address === 0 || byteOffset < 0 || byteOffset + byteLength > handle.bytes) {
    throw boundsError([{ handle, offset: byteOffset }], 0);
  }
  return handle.address + byteOffset;
}
