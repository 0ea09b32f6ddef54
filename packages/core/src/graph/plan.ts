// Plans: how a graph runs on tensors of certain layouts. Consecutive nodes become programs of the backend, what
// it does not take stays a call, views become other looks at the same buffers. Programs are written by
// lower.ts; run.ts runs plans, explain.ts prints them.
import { describe, deviceWithoutOperands } from "../apply.ts";
import { type Stages, stagesOf } from "../compiler/stages.ts";
import { type DType, byteSize } from "../dtype.ts";
import { type Description, HostValue, type OperandDescription } from "../operation.ts";
import type { ProgramExecutable } from "../runtime/backend.ts";
import { type Device, bytesFor } from "../runtime/device.ts";
import { type Layout, layoutOf } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { type Graph, type GraphNode, type GraphOperand, type GraphValue, type StateSlot, isGraphValue } from "./graph.ts"; // prettier-ignore
import { lowerProgram } from "./lower.ts";

/** A buffer during a run: given (an argument, a constant, state) or made. */
export interface PlanBuffer {
  readonly device: Device;
  readonly dtype: DType;
  readonly layout: Layout;
  /** Its place in the frame of a run; -1 where no run keeps it, because only one program uses it. */
  slot: number;
}

/** Where a value lies. */
export interface Place {
  readonly buffer: PlanBuffer;
  readonly dtype: DType;
  readonly layout: Layout;
  /** From the buffer's first element. */
  readonly bytes: number;
}

/** A node as kernels of its device's backend. */
export interface KernelNode {
  readonly kind: "kernels";
  readonly node: GraphNode;
  readonly device: Device;
  readonly stages: Stages;
  /** Its operands that are tensors. */
  readonly sources: readonly Place[];
  readonly results: readonly PlanBuffer[];
}

/** A node that runs as a call of its own. */
export interface CallStep {
  readonly kind: "call";
  readonly node: GraphNode;
  readonly device: Device;
  readonly operands: readonly (Place | Exclude<GraphOperand, GraphValue>)[];
  readonly results: readonly PlanBuffer[];
  /** Why it is not part of a program. */
  readonly reason: string;
}

/** Nodes that the backend runs at once. */
export interface ProgramStep {
  readonly kind: "program";
  readonly device: Device;
  readonly nodes: readonly KernelNode[];
  readonly executable: ProgramExecutable;
  readonly inputs: readonly PlanBuffer[];
  readonly outputs: readonly PlanBuffer[];
  /** With 0 in the places of host values. */
  readonly params: readonly (number | bigint)[];
  readonly hostParams: readonly { readonly at: number; readonly value: HostValue }[];
  readonly kernelCount: number;
  /** Bytes of each. */
  readonly temporaries: readonly number[];
}

export type PlanStep = (CallStep | ProgramStep) & {
  /** Buffers that nothing after this step needs. */
  readonly ending: readonly PlanBuffer[];
};

/** Where a run finds what it was given. */
export type Source =
  | { readonly kind: "input"; readonly position: number }
  | { readonly kind: "constant"; readonly tensor: Tensor }
  | { readonly kind: "state"; readonly slot: StateSlot };

export interface Plan {
  readonly graph: Graph;
  /** What comes first in the frame. */
  readonly given: readonly PlanBuffer[];
  readonly steps: readonly PlanStep[];
  readonly outputs: readonly Place[];
  readonly writes: readonly { readonly place: Place | undefined; readonly slot: StateSlot }[];
  /** All that a run reads, each once. */
  readonly hostValues: readonly HostValue[];
}

export function sourcesOf({ inputs, constants, reads }: Graph): Source[] {
  return [
    ...inputs.map((_, position): Source => ({ kind: "input", position })),
    ...constants.map(({ tensor }): Source => ({ kind: "constant", tensor })),
    ...reads.map(({ slot }): Source => ({ kind: "state", slot })),
  ];
}

/** The values that `sourcesOf` gives tensors for. */
export const givenValues = ({ inputs, constants, reads }: Graph): GraphValue[] => [
  ...inputs,
  ...constants.map(({ value }) => value),
  ...reads.map(({ value }) => value),
];

/** Whether some view takes smaller elements together: it depends on where its operand starts. */
export const dependsOnOffsets = ({ nodes }: Graph): boolean =>
  nodes.some(({ operation, inputs: [first], outputs: [result] }) => {
    if (operation.view === undefined || first === undefined || !isGraphValue(first)) return false;
    return byteSize(result!.dtype) > byteSize(first.dtype);
  });

/** Nodes whose results reach an output or state. */
function liveNodes({ nodes, outputs, writes }: Graph): GraphNode[] {
  const needed = new Set<GraphOperand | undefined>([
    ...outputs,
    ...writes.map(({ value }) => value),
  ]);
  const live = nodes.toReversed().filter((node) => {
    if (!node.outputs.some((value) => needed.has(value))) return false;
    for (const operand of node.inputs) needed.add(operand);
    return true;
  });
  return live.toReversed();
}

const descriptionOf = ({ dtype, layout }: Place): OperandDescription => ({
  shape: layout.shape,
  dtype,
  layout,
  isNumber: false,
});

/** Works out a plan for what `sourcesOf` gives. */
class Planner {
  readonly #graph: Graph;
  readonly #places = new Map<GraphValue, Place>();
  readonly #given: PlanBuffer[] = [];
  /** Bytes before the first elements of given buffers, where views depend on them. */
  readonly #starts = new Map<PlanBuffer, number>();

  constructor(graph: Graph, tensors: readonly Tensor[]) {
    this.#graph = graph;
    // Where it does not matter where tensors start, the plan serves all that start elsewhere.
    const isExact = dependsOnOffsets(graph);
    givenValues(graph).forEach((value, slot) => {
      const { device, dtype, layout, offset } = tensors[slot]!;
      const buffer = { device, dtype, layout, slot };
      this.#given.push(buffer);
      this.#places.set(value, { buffer, dtype, layout, bytes: 0 });
      if (isExact) this.#starts.set(buffer, offset * byteSize(dtype));
    });
  }

  plan(): Plan {
    const live = liveNodes(this.#graph);
    const parts = group(live.flatMap((node) => this.#node(node) ?? []));
    const outputs = this.#graph.outputs.map((value) => this.#places.get(value)!);
    const writes = this.#graph.writes.map(({ value, slot }) => ({
      place: value && this.#places.get(value)!,
      slot,
    }));
    const kept = new Set(
      [...outputs, ...writes.map(({ place }) => place)].map((place) => place?.buffer),
    );
    // Backwards: what later steps need is known, and ends with the last of them.
    const needed = new Set<PlanBuffer | undefined>([...kept, ...this.#given]);
    let frameSize = this.#given.length;
    const keep = (buffer: PlanBuffer): void => {
      if (buffer.slot < 0) buffer.slot = frameSize++;
    };
    const steps: PlanStep[] = [];
    for (const part of parts.toReversed()) {
      const results = part.flatMap((node) => node.results);
      const made = new Set(results);
      const used = part.flatMap(placesOf).map(({ buffer }) => buffer);
      const ending = new Set(used.filter((buffer) => !needed.has(buffer) && !made.has(buffer)));
      const [first] = part as [CallStep | KernelNode];
      const escaping = results.filter((buffer) => first.kind === "call" || needed.has(buffer));
      // Results of a call that nobody wants.
      for (const buffer of escaping) if (!needed.has(buffer)) ending.add(buffer);
      for (const buffer of [...escaping, ...ending]) keep(buffer);
      for (const buffer of ending) needed.add(buffer);
      const step = first.kind === "call" ? first : lowerProgram(part as KernelNode[], escaping);
      steps.unshift({ ...step, ending: [...ending] });
    }
    const operands = live.flatMap(({ inputs }) => inputs);
    const hostValues = [...new Set(operands.filter((operand) => operand instanceof HostValue))];
    return { graph: this.#graph, given: this.#given, steps, outputs, writes, hostValues };
  }

  /** What a node comes to: nothing where it is a view. */
  #node(node: GraphNode): KernelNode | CallStep | undefined {
    const operands = node.inputs.map((operand) =>
      isGraphValue(operand) ? this.#places.get(operand)! : operand,
    );
    const places = operands.filter(isPlace);
    const device = places[0]?.buffer.device ?? deviceWithoutOperands(node.attributes);
    const inputs = operands.map((x) => (isPlace(x) ? descriptionOf(x) : describe(x)));
    const described = node.operation.infer(inputs, node.attributes);
    const view = this.#view(node, operands[0], described);
    if (view !== undefined) {
      this.#places.set(node.outputs[0]!, view);
      return undefined;
    }
    const results = described.map(({ dtype, shape }) => ({
      device,
      dtype,
      layout: layoutOf(shape),
      slot: -1,
    }));
    results.forEach((buffer, i) => {
      const { dtype, layout } = buffer;
      this.#places.set(node.outputs[i]!, { buffer, dtype, layout, bytes: 0 });
    });
    const isTogether = places.every(({ buffer }) => buffer.device === device);
    const stages = isTogether
      ? lowered(node, inputs, described, device)
      : "its operands are on several devices";
    if (typeof stages !== "string") {
      return { kind: "kernels", node, device, stages, sources: places, results };
    }
    return { kind: "call", node, device, operands, results, reason: stages };
  }

  #view(
    { operation, attributes }: GraphNode,
    operand: Place | Exclude<GraphOperand, GraphValue> | undefined,
    [result]: readonly Description[],
  ): Place | undefined {
    if (operation.view === undefined || !isPlace(operand)) return undefined;
    const { buffer, dtype, layout, bytes } = operand;
    const start = this.#starts.get(buffer) ?? 0;
    const view = operation.view(layout, (start + bytes) / byteSize(dtype), attributes);
    if (view === undefined) return undefined;
    const moved = bytesFor(view.offset, result!.dtype) - start;
    return { buffer, dtype: result!.dtype, layout: view.layout, bytes: moved };
  }
}

const isPlace = (operand: unknown): operand is Place =>
  typeof operand === "object" && operand !== null && "buffer" in operand;

export const placesOf = (node: KernelNode | CallStep): readonly Place[] =>
  node.kind === "call" ? node.operands.filter(isPlace) : node.sources;

/** The kernels of a node, or why it has to be a call. */
function lowered(
  { operation, attributes }: GraphNode,
  inputs: readonly OperandDescription[],
  outputs: readonly Description[],
  device: Device,
): Stages | string {
  const { name, backend } = device;
  if (backend.compileProgram === undefined) return `${name} takes no programs`;
  const missing = outputs.find(({ dtype }) => !backend.dtypes.has(dtype));
  if (missing !== undefined) return `${name} has no ${missing.dtype}`;
  let stages: Stages;
  try {
    const kernel = operation.lower(inputs, attributes, outputs);
    const layouts = outputs.map(({ shape }) => layoutOf(shape));
    const tensors = inputs.filter(({ isNumber }) => !isNumber);
    stages = stagesOf(kernel, tensors, layouts, backend);
  } catch {
    // The call throws what it has to say when the program reaches it.
    return "it cannot run";
  }
  for (const { kernel } of stages.list) {
    if (kernel.kind === "routine" && backend.routines?.has(kernel.name) !== true) {
      return `${name} has no routine ${kernel.name}`;
    }
  }
  return stages;
}

/** Calls alone, kernels of one device together. */
function group(nodes: readonly (KernelNode | CallStep)[]): (KernelNode | CallStep)[][] {
  const parts: (KernelNode | CallStep)[][] = [];
  let device: Device | undefined;
  for (const node of nodes) {
    const joins = node.kind === "kernels" && node.device === device;
    if (joins) parts.at(-1)!.push(node);
    else parts.push([node]);
    device = node.kind === "kernels" ? node.device : undefined;
  }
  return parts;
}

/** Works out how `graph` runs on what `sourcesOf` gives. */
export const planGraph = (graph: Graph, tensors: readonly Tensor[]): Plan =>
  new Planner(graph, tensors).plan();
