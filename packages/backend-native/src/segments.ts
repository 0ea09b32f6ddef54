// Programs of many kernels: cut into segments at routines that only JavaScript has, each other segment one
// program of the engine. Temporaries of one segment lie in its arena; those of several are buffers.
import {
  type Kernel,
  type Operand,
  type Program,
  type ProgramExecutable,
  type ProgramStep,
  type RoutineKernel,
  byteSize,
} from "@flambeau/core/extension";
import type { Runtime } from "./call.ts";
import type { NativeBuffer } from "./engine.ts";
import { compileRoutine } from "./executable.ts";
import { forEngine } from "./program.ts";
import type { Precision } from "./program-kernels.ts";
import type { Programs } from "./programs.ts";
import { type Buffers, EngineSegment, type Segment, refsOf, unitOf } from "./segment.ts";

/** A routine in JavaScript as a segment of its own. */
function routineSegment(
  program: Program,
  kernel: RoutineKernel,
  step: ProgramStep,
  runtime: Runtime,
): Segment {
  const execute = compileRoutine(kernel, runtime);
  const bind = (refs: ProgramStep["inputs"], list: RoutineKernel["inputs"]) =>
    refs.map((ref, i) => ({ ref, element: byteSize(list[i]!.dtype), unit: unitOf(program, ref) }));
  const sources = bind(step.inputs, kernel.inputs);
  const targets = bind(step.outputs, kernel.outputs);
  const run = (buffers: Buffers): void => {
    const operand = ({ ref, element, unit }: (typeof sources)[number]): Operand<NativeBuffer> => {
      const { handle, offset } = buffers[ref.space][ref.index]!;
      return { handle, offset: (offset * unit) / element + ref.offset };
    };
    execute(sources.map(operand), targets.map(operand), []);
  };
  return {
    run,
    async runAsync(buffers) {
      run(buffers);
    },
  };
}

/** Steps in runs that the engine takes whole, and single ones that it does not take. */
function cut(
  steps: readonly ProgramStep[],
  isNative: (kernel: Kernel) => boolean,
): ProgramStep[][] {
  const runs: ProgramStep[][] = [];
  let grows = false;
  for (const step of steps) {
    const native = isNative(step.kernel);
    if (native && grows) runs.at(-1)!.push(step);
    else runs.push([step]);
    grows = native;
  }
  return runs;
}

/** Which segments use each temporary: the only one, or undefined where there are several. */
function ownersOf(program: Program, runs: readonly ProgramStep[][]): (number | undefined)[] {
  const users = program.temporaries.map(() => new Set<number>());
  runs.forEach((steps, segment) => {
    for (const { space, index } of steps.flatMap(refsOf)) {
      if (space === "temporary") users[index]!.add(segment);
    }
  });
  return users.map((segments) => (segments.size === 1 ? [...segments][0] : undefined));
}

/** Prepares a program. `hasKernel` says which routines the engine runs. */
export function compileProgram(
  given: Program,
  runtime: Runtime,
  programs: Programs,
  hasKernel: (routine: RoutineKernel) => boolean,
  precision: Precision,
): ProgramExecutable<NativeBuffer> {
  const steps = given.steps.map((step) => ({ ...step, kernel: forEngine(step.kernel) }));
  const program: Program = { ...given, steps };
  const isNative = (kernel: Kernel) => kernel.kind !== "routine" || hasKernel(kernel);
  const runs = cut(steps, isNative);
  const owners = ownersOf(program, runs);
  const isLocal = (temporary: number, segment: number) =>
    owners[temporary] === segment && isNative(runs[segment]![0]!.kernel);
  const segments = runs.map((list, segment): Segment => {
    const [{ kernel }] = list as [ProgramStep];
    if (kernel.kind === "routine" && !isNative(kernel)) {
      return routineSegment(program, kernel, list[0]!, runtime);
    }
    return new EngineSegment(
      program,
      list,
      (temporary) => isLocal(temporary, segment),
      runtime,
      programs,
      precision,
    );
  });
  const isBuffer = owners.map((owner, i) => owner === undefined || !isLocal(i, owner));
  const { memory } = runtime;
  const withBuffers = (input: Buffers["input"], output: Buffers["output"]): Buffers => ({
    input,
    output,
    temporary: program.temporaries.map(({ bytes }, i) =>
      isBuffer[i] ? { handle: memory.allocate(bytes), offset: 0 } : undefined,
    ),
  });
  const release = ({ temporary }: Buffers): void => {
    for (const operand of temporary) if (operand !== undefined) memory.free(operand.handle);
  };
  const copies = (operands: Buffers["input"]) => operands.map(({ handle, offset }) => ({ handle, offset })); // prettier-ignore
  return {
    run(inputs, outputs, params) {
      const buffers = withBuffers(inputs, outputs);
      try {
        for (const segment of segments) segment.run(buffers, params);
      } finally {
        release(buffers);
      }
    },
    async runAsync(inputs, outputs, params) {
      // Between segments the caller goes on, and may change its arrays.
      const buffers = withBuffers(copies(inputs), copies(outputs));
      const numbers = [...params];
      try {
        for (const segment of segments) await segment.runAsync(buffers, numbers);
      } finally {
        release(buffers);
      }
    },
  };
}
