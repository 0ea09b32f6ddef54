// Nodes that the backend runs at once as one program: their stages over numbered buffers.
import type { BufferRef, Program, ProgramStep as Step } from "../compiler/program.ts";
import { type StageRef, elementSizes } from "../compiler/stages.ts";
import type { DType } from "../dtype.ts";
import { HostValue } from "../operation.ts";
import { bytesFor } from "../runtime/device.ts";
import { isGraphValue } from "./graph.ts";
import type { KernelNode, PlanBuffer, ProgramStep } from "./plan.ts";

type Numeric = number | bigint | HostValue;

class ProgramWriter {
  readonly inputs: PlanBuffer[] = [];
  readonly temporaries: number[] = [];
  readonly params: { readonly value: Numeric; readonly dtype: DType }[] = [];
  readonly steps: Step[] = [];
  readonly #refs = new Map<PlanBuffer, BufferRef>();
  readonly #paramAt = new Map<string, number>();
  readonly #hostAt = new Map<HostValue, number>();

  constructor(outputs: readonly PlanBuffer[]) {
    outputs.forEach((buffer, index) =>
      this.#refs.set(buffer, { space: "output", index, offset: 0 }),
    );
  }

  #temporary(bytes: number): BufferRef {
    return { space: "temporary", index: this.temporaries.push(bytes) - 1, offset: 0 };
  }

  /** A buffer that is read: it was made by an earlier node, or the program is given it. */
  #read(buffer: PlanBuffer): BufferRef {
    let ref = this.#refs.get(buffer);
    if (ref === undefined) {
      ref = { space: "input", index: this.inputs.push(buffer) - 1, offset: 0 };
      this.#refs.set(buffer, ref);
    }
    return ref;
  }

  /** A buffer that is written: an output of the program or, where only the program uses it, a temporary. */
  #write(buffer: PlanBuffer): BufferRef {
    let ref = this.#refs.get(buffer);
    if (ref === undefined) {
      ref = this.#temporary(bytesFor(buffer.layout.size, buffer.dtype));
      this.#refs.set(buffer, ref);
    }
    return ref;
  }

  #param(value: Numeric, dtype: DType): number {
    const isHost = value instanceof HostValue;
    const key = isHost ? `host ${this.#hostNumber(value)} ${dtype}` : `${typeof value} ${Object.is(value, -0) ? "-0" : value} ${dtype}`; // prettier-ignore
    let at = this.#paramAt.get(key);
    if (at === undefined) {
      at = this.params.push({ value, dtype }) - 1;
      this.#paramAt.set(key, at);
    }
    return at;
  }

  #hostNumber(value: HostValue): number {
    let number = this.#hostAt.get(value);
    if (number === undefined) this.#hostAt.set(value, (number = this.#hostAt.size));
    return number;
  }

  add({ node, stages, sources, results }: KernelNode): void {
    const numbers = node.inputs.flatMap((operand): Numeric[] => {
      if (isGraphValue(operand)) return [];
      return [typeof operand === "boolean" ? Number(operand) : operand];
    });
    const own = stages.temporaries.map((bytes) => this.#temporary(bytes));
    /** The buffer that a stage's operand lies in, and the bytes before it there. */
    const place = ({ space, index, bytes }: StageRef) => {
      if (space === "temporary") return { ref: own[index]!, bytes };
      if (space === "output") return { ref: this.#write(results[index]!), bytes };
      const { buffer, bytes: before } = sources[index]!;
      return { ref: this.#read(buffer), bytes: before + bytes };
    };
    for (const { kernel, inputs, outputs } of stages.list) {
      const sizes = elementSizes(kernel);
      const bind = (refs: readonly StageRef[], elements: readonly number[]): BufferRef[] =>
        elements.map((element, i) => {
          const { ref, bytes } = place(refs[i]!);
          return { ...ref, offset: bytes / element };
        });
      const dtypes = kernel.kind === "routine" ? [] : kernel.params;
      this.steps.push({
        kernel,
        inputs: bind(inputs, sizes.inputs),
        outputs: bind(outputs, sizes.outputs),
        params: dtypes.map((dtype, i) => this.#param(numbers[i]!, dtype)),
      });
    }
  }
}

const describe = ({ dtype, layout: { shape } }: PlanBuffer) => ({ dtype, shape });

/** Compiles nodes for their device; `outputs` are the buffers that others use. */
export function lowerProgram(
  nodes: readonly KernelNode[],
  outputs: readonly PlanBuffer[],
): ProgramStep {
  const writer = new ProgramWriter(outputs);
  for (const node of nodes) writer.add(node);
  const { inputs, params, steps, temporaries } = writer;
  const { device } = nodes[0]!;
  const program: Program = {
    inputs: inputs.map(describe),
    outputs: outputs.map(describe),
    params: params.map(({ dtype }) => dtype),
    temporaries: temporaries.map((bytes) => ({ bytes })),
    steps,
  };
  return {
    kind: "program",
    device,
    nodes,
    executable: device.backend.compileProgram!(program),
    inputs,
    outputs,
    params: params.map(({ value }) => (value instanceof HostValue ? 0 : value)),
    hostParams: params.flatMap(({ value }, at) =>
      value instanceof HostValue ? [{ at, value }] : [],
    ),
    kernelCount: steps.length,
    temporaries,
  };
}
