// A stretch of a program that the engine runs at once.
import {
  type BufferRef,
  type Operand,
  type Program,
  type ProgramStep,
  IndexError,
  byteSize,
} from "@flambeau/core/extension";
import { planArena } from "./arena.ts";
import { type Operands, type Runtime, SlotWriter, boundsError, isOutOfMemory, outcomeOf, scratchError, throwIndexOf } from "./call.ts"; // prettier-ignore
import { type NativeBuffer, runStatus } from "./engine.ts";
import { type FlatProgram, type FlatStep, type Place, operandsOf } from "./program.ts";
import type { Precision } from "./program-kernels.ts";
import type { ProgramHandle, Programs } from "./programs.ts";

/** A run's buffers: what the program was given, and those of its temporaries that are buffers. */
export interface Buffers {
  readonly input: Operands;
  readonly output: Operands;
  readonly temporary: readonly (Operand<NativeBuffer> | undefined)[];
}

export type Params = readonly (number | bigint)[];

/** Steps that run at once. */
export interface Segment {
  run(buffers: Buffers, params: Params): void;
  runAsync(buffers: Buffers, params: Params): Promise<void>;
}

export const keyOf = ({ space, index }: BufferRef): string => `${space} ${index}`;
export const refsOf = ({ inputs, outputs }: ProgramStep): readonly BufferRef[] => [...inputs, ...outputs]; // prettier-ignore

/** The bytes that one of an operand's `offset` stands for. */
export function unitOf({ inputs, outputs }: Program, { space, index }: BufferRef): number {
  if (space === "temporary") return 8;
  return byteSize((space === "input" ? inputs : outputs)[index]!.dtype);
}

const unique = (refs: readonly BufferRef[]): BufferRef[] => [...new Map(refs.map((ref) => [keyOf(ref), ref])).values()]; // prettier-ignore

/** The step with its operands in the places of the flat program, offsets in bytes. */
function flattenStep(
  step: ProgramStep,
  placeOf: (ref: BufferRef) => Omit<Place, "offset">,
): FlatStep {
  const { inputs, outputs } = operandsOf(step.kernel);
  const place = (ref: BufferRef, element: number): Place => ({ ...placeOf(ref), offset: ref.offset * element }); // prettier-ignore
  return {
    kernel: step.kernel,
    inputs: inputs.map(({ element }, i) => place(step.inputs[i]!, element)),
    outputs: outputs.map(({ element }, i) => place(step.outputs[i]!, element)),
    params: step.params,
  };
}

export class EngineSegment implements Segment {
  readonly #program: Program;
  readonly #steps: readonly ProgramStep[];
  readonly #runtime: Runtime;
  readonly #slots: SlotWriter;
  readonly #handle: ProgramHandle;
  /** Buffers that each run is given. */
  readonly #inputs: readonly BufferRef[];
  readonly #outputs: readonly BufferRef[];

  /** `isLocal` says which temporaries no other segment uses. */
  constructor(
    program: Program,
    steps: readonly ProgramStep[],
    isLocal: (temporary: number) => boolean,
    runtime: Runtime,
    programs: Programs,
    precision: Precision,
  ) {
    const isGiven = ({ space, index }: BufferRef) => space !== "temporary" || !isLocal(index);
    this.#program = program;
    this.#steps = steps;
    this.#runtime = runtime;
    this.#outputs = unique(steps.flatMap(({ outputs }) => outputs).filter(isGiven));
    const written = new Set(this.#outputs.map(keyOf));
    const read = steps.flatMap(({ inputs }) => inputs).filter(isGiven);
    this.#inputs = unique(read.filter((ref) => !written.has(keyOf(ref))));
    const flat = this.#flatten();
    const units = (refs: readonly BufferRef[]) => refs.map((ref) => unitOf(program, ref));
    this.#slots = new SlotWriter(runtime.engine, flat, units(this.#inputs), units(this.#outputs));
    this.#handle = programs.create(flat, precision);
  }

  #flatten(): FlatProgram {
    const [program, steps] = [this.#program, this.#steps];
    const places = new Map<string, Omit<Place, "offset">>();
    this.#inputs.forEach((ref, index) => places.set(keyOf(ref), { space: "input", index }));
    this.#outputs.forEach((ref, index) => places.set(keyOf(ref), { space: "output", index }));
    const lifetimes: { bytes: number; first: number; last: number }[] = [];
    steps.forEach((step, at) => {
      for (const ref of refsOf(step)) {
        const known = places.get(keyOf(ref));
        if (known?.space === "temporary") lifetimes[known.index]!.last = at;
        if (known !== undefined) continue;
        places.set(keyOf(ref), { space: "temporary", index: lifetimes.length });
        lifetimes.push({ bytes: program.temporaries[ref.index]!.bytes, first: at, last: at });
      }
    });
    const arena = planArena(lifetimes);
    const filled = new Set(
      steps.flatMap(({ kernel, outputs }) =>
        kernel.kind !== "routine" && kernel.initial !== undefined ? outputs.map(keyOf) : [],
      ),
    );
    const operand = (ref: BufferRef) => ({
      element: Math.min(8, unitOf(program, ref)),
      isMeasured: filled.has(keyOf(ref)),
    });
    return {
      inputs: this.#inputs.map(operand),
      outputs: this.#outputs.map(operand),
      params: program.params,
      temporaries: lifetimes.map(({ bytes }, i) => ({ offset: arena.offsets[i]!, bytes })),
      arena: arena.bytes,
      steps: steps.map((step) => flattenStep(step, (ref) => places.get(keyOf(ref))!)),
    };
  }

  #write(buffers: Buffers, params: Params): void {
    const given = ({ space, index }: BufferRef) => buffers[space][index]!;
    this.#slots.write(this.#inputs.map(given), this.#outputs.map(given), params);
  }

  run(buffers: Buffers, params: Params): void {
    const { engine, memory } = this.#runtime;
    this.#write(buffers, params);
    let result = engine.run(this.#handle.number);
    if (isOutOfMemory(result)) {
      memory.relieve();
      this.#write(buffers, params);
      result = engine.run(this.#handle.number);
    }
    if (result !== 0) this.#fail(result, buffers);
  }

  async runAsync(buffers: Buffers, params: Params): Promise<void> {
    this.#write(buffers, params);
    const result = await this.#runtime.engine.runAsync(this.#handle.number);
    if (result !== 0) this.#fail(result, buffers);
  }

  /** Throws what a result other than 0 means. */
  #fail(result: number, buffers: Buffers): never {
    const { status, position } = outcomeOf(result);
    if (status === runStatus.outOfMemory) throw scratchError(this.#runtime);
    if (status === runStatus.outOfBounds) {
      const { space, index } = [...this.#inputs, ...this.#outputs][position]!;
      throw boundsError(buffers[space] as Operands, index);
    }
    const { kernel, inputs } = this.#steps[position]!;
    if (kernel.kind === "routine") {
      throw new IndexError(`${kernel.name}: an index is out of range.`);
    }
    throwIndexOf(kernel, this.#runtime, ({ operand, dtype }) => {
      const ref = inputs[operand]!;
      const given = buffers[ref.space][ref.index];
      if (given === undefined) {
        throw new IndexError(
          "an index that a compiled program worked out is out of range. Run the function without " +
            "compile(…) to see which.",
        );
      }
      const bytes = given.offset * unitOf(this.#program, ref);
      return { handle: given.handle, offset: bytes / byteSize(dtype) + ref.offset };
    });
  }
}
