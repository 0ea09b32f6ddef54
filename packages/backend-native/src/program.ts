// Programs for the engine: kernels bound to numbered buffers, written as engine/program/format.h says.
import {
  type Access,
  type DType,
  type Kernel,
  type LoopKernel,
  byteSize,
  contractAsReduce,
} from "@flambeau/core/extension";
import { typeNumber } from "./program-expressions.ts";
import { type Precision, writeLoops, writeRoutine } from "./program-kernels.ts";
import { kernelKinds } from "./vocabulary.ts";
import { Words } from "./words.ts";

const magic = 0x50424c46;
const version = 1;
const spaces = ["input", "output", "temporary"] as const;

/** Where a kernel's operand lies. */
export interface Place {
  readonly space: (typeof spaces)[number];
  readonly index: number;
  /** In bytes. */
  readonly offset: number;
}

/** A buffer that each run is given. */
export interface ProgramOperand {
  /** Bytes of an element: what offsets are multiples of. */
  readonly element: number;
  /** Whether runs must say how many bytes the buffer has: `initial` fills it. */
  readonly isMeasured: boolean;
}

export interface FlatStep {
  readonly kernel: Kernel;
  readonly inputs: readonly Place[];
  readonly outputs: readonly Place[];
  /** Which of the program's params the kernel's are. */
  readonly params: readonly number[];
}

export interface FlatProgram {
  readonly inputs: readonly ProgramOperand[];
  readonly outputs: readonly ProgramOperand[];
  readonly params: readonly DType[];
  /** In one arena that lives for the time of a run. */
  readonly temporaries: readonly { readonly offset: number; readonly bytes: number }[];
  readonly arena: number;
  readonly steps: readonly FlatStep[];
}

/** The access with one more axis, along which it does not move. */
const overOne = <A extends Access>(access: A): A => ({
  ...access,
  strides: [...access.strides, 0],
  ...(access.guards && {
    guards: access.guards.map((guard) => ({ ...guard, coefficients: [...guard.coefficients, 0] })),
  }),
});

/** The kernel with an innermost axis of one element. */
const withInnerAxis = <K extends LoopKernel>(kernel: K): K => ({
  ...kernel,
  axes: [...kernel.axes, 1],
  loads: kernel.loads.map(overOne),
  stores: kernel.stores.map(overOne),
});

/**
 * A kernel as the engine takes it: matrix products do not gather their factors; reductions and rows have
 * inner axes.
 */
export function forEngine(kernel: Kernel): Kernel {
  if (kernel.kind === "contract") {
    const gathers = kernel.loads
      .slice(0, 2)
      .some(({ indirections = [] }) => indirections.length > 0);
    return gathers ? forEngine(contractAsReduce(kernel)) : kernel;
  }
  if (kernel.kind === "reduce" && kernel.reduced === 0) {
    return { ...withInnerAxis(kernel), reduced: 1 };
  }
  if (kernel.kind === "rows" && kernel.row === 0) return { ...withInnerAxis(kernel), row: 1 };
  return kernel;
}

function elementsOf(accesses: readonly Access[]): ProgramOperand[] {
  const operands: ProgramOperand[] = [];
  for (const { operand, dtype } of accesses) {
    const element = byteSize(dtype);
    const known = operands[operand];
    if (known !== undefined && known.element !== element) {
      throw new Error(`native: operand ${operand} is read as elements of different sizes.`);
    }
    operands[operand] = { element, isMeasured: false };
  }
  // Operands that the kernel does not touch.
  return Array.from(operands, (operand) => operand ?? { element: 1, isMeasured: false });
}

/** What the kernel needs to know of the buffers it is given. */
export function operandsOf(kernel: Kernel): {
  readonly inputs: readonly ProgramOperand[];
  readonly outputs: readonly ProgramOperand[];
} {
  if (kernel.kind === "routine") {
    const list = (operands: typeof kernel.inputs) =>
      operands.map(({ dtype }) => ({ element: byteSize(dtype), isMeasured: false }));
    return { inputs: list(kernel.inputs), outputs: list(kernel.outputs) };
  }
  const isMeasured = kernel.initial !== undefined;
  const outputs = elementsOf(kernel.stores).map(({ element }) => ({ element, isMeasured }));
  return { inputs: elementsOf(kernel.loads), outputs };
}

/** A program of one kernel, whose operands and params are the program's own. */
export function programOf(kernel: Kernel): FlatProgram {
  const { inputs, outputs } = operandsOf(kernel);
  const params = kernel.kind === "routine" ? [] : kernel.params;
  const all = (space: Place["space"], operands: readonly ProgramOperand[]): Place[] =>
    operands.map((_, index) => ({ space, index, offset: 0 }));
  return {
    inputs,
    outputs,
    params,
    temporaries: [],
    arena: 0,
    steps: [
      {
        kernel,
        inputs: all("input", inputs),
        outputs: all("output", outputs),
        params: params.map((_, i) => i),
      },
    ],
  };
}

function writePlaces(words: Words, places: readonly Place[]): void {
  words.u(places.length);
  for (const { space, index, offset } of places) {
    words.u(spaces.indexOf(space));
    words.u(index);
    words.wide(offset);
  }
}

function writeStep(words: Words, { kernel, inputs, outputs, params }: FlatStep, precision: Precision) {
  words.u(kernelKinds.indexOf(kernel.kind));
  writePlaces(words, inputs);
  writePlaces(words, outputs);
  words.u(params.length);
  for (const param of params) words.u(param);
  if (kernel.kind === "routine") writeRoutine(words, kernel);
  else writeLoops(words, kernel, precision);
} // prettier-ignore

/** One list for all programs: it has grown to what they need. */
const shared = new Words();

/** The program's words; valid until the next program is written. */
export function writeProgram(program: FlatProgram, precision: Precision): Words {
  const words = shared;
  words.clear();
  const { inputs, outputs, temporaries, params, steps, arena } = program;
  words.u(magic);
  words.u(version);
  words.u(0);
  words.u(inputs.length);
  words.u(outputs.length);
  words.wide(arena);
  for (const { element, isMeasured } of [...inputs, ...outputs]) {
    words.u(element);
    words.u(isMeasured ? 1 : 0);
  }
  words.u(temporaries.length);
  for (const { offset, bytes } of temporaries) {
    words.wide(offset);
    words.wide(bytes);
  }
  words.u(params.length);
  for (const param of params) words.u(typeNumber(param));
  words.u(steps.length);
  for (const step of steps) writeStep(words, step, precision);
  words.set(2, 4 * words.length);
  return words;
}
