// Replays graphs through plans (plan.ts), one for each choice of layouts that came up; at once, or beside
// JavaScript.
import { run } from "../apply.ts";
import { byteSize } from "../dtype.ts";
import { IndexError } from "../errors.ts";
import { modes } from "../modes.ts";
import { HostValue, type TensorLike } from "../operation.ts";
import { bytesFor } from "../runtime/device.ts";
import { Storage } from "../runtime/storage.ts";
import { register } from "../scope.ts";
import type { Layout } from "../shape.ts";
import { Tensor } from "../tensor.ts";
import type { Variable } from "../variable.ts";
import { explainPlan } from "./explain.ts";
import type { Graph, StateSlot } from "./graph.ts";
import { interpret } from "./interpret.ts";
import { type CallStep, type Place, type Plan, type PlanBuffer, type PlanStep, type ProgramStep, type Source, dependsOnOffsets, planGraph, sourcesOf } from "./plan.ts"; // prettier-ignore

/** A plan, and what it was made for. */
interface Planned {
  readonly plan: Plan;
  readonly layouts: readonly Layout[];
  readonly dtypes: readonly string[];
  /** Of given tensors, where the plan depends on them. */
  readonly offsets: readonly number[];
  readonly precision: string;
}

/** Plans that a graph keeps: state may lie one way at first, and another later. */
const planLimit = 8;

/** Tensors of a run, by slots: what was given, then what was made. */
type Frame = (Tensor | undefined)[];
type HostNumbers = ReadonlyMap<HostValue, number>;

/** A graph that can be run again and again. */
export class Replay {
  readonly graph: Graph;
  readonly #sources: readonly Source[];
  readonly #isExact: boolean;
  /** The latest first. */
  readonly #plans: Planned[] = [];

  constructor(graph: Graph) {
    this.graph = graph;
    this.#sources = sourcesOf(graph);
    this.#isExact = dependsOnOffsets(graph);
  }

  get writesState(): boolean {
    return this.graph.writes.length > 0;
  }

  /** Runs the graph on `inputs`, updates the state it writes, and returns its outputs. */
  run(inputs: readonly Tensor[]): Tensor[] {
    const frame: Frame = this.#gather(inputs);
    const plan = this.#planFor(frame as Tensor[]);
    const numbers = readNumbers(plan);
    try {
      for (let i = 0; i < plan.steps.length; i++) {
        const step = plan.steps[i]!;
        if (step.kind === "call") runCall(step, frame, numbers);
        else runProgram(step, frame, numbers, plan);
        disposeOf(step, frame);
      }
      const outputs = finish(plan, frame);
      for (const output of outputs) register(output);
      return outputs;
    } finally {
      // What was given is the caller's.
      for (let i = plan.given.length; i < frame.length; i++) frame[i]?.dispose();
    }
  }

  /** As `run`; programs run beside JavaScript. State is read now and written at the end. */
  async runAsync(inputs: readonly Tensor[]): Promise<Tensor[]> {
    // Handles of our own: others may dispose of theirs before the run ends.
    const frame: Frame = this.#gather(inputs).map((tensor) => tensor.withoutHistory());
    try {
      const plan = this.#planFor(frame as Tensor[]);
      const numbers = readNumbers(plan);
      for (const step of plan.steps) {
        if (step.kind === "call") runCall(step, frame, numbers);
        else await runProgramAsync(step, frame, numbers, plan);
        disposeOf(step, frame);
      }
      return finish(plan, frame);
    } finally {
      for (const tensor of frame) tensor?.dispose();
    }
  }

  /** The latest plan as text. */
  explain(): string {
    return explainPlan(this.#plans[0]!.plan);
  }

  #gather(inputs: readonly Tensor[]): Tensor[] {
    const sources = this.#sources;
    const tensors = new Array<Tensor>(sources.length);
    for (let i = 0; i < sources.length; i++) {
      const source = sources[i]!;
      if (source.kind === "input") tensors[i] = inputs[source.position]!;
      else tensors[i] = source.kind === "constant" ? source.tensor : held(source.slot);
    }
    return tensors;
  }

  #planFor(tensors: readonly Tensor[]): Plan {
    const plans = this.#plans;
    for (let i = 0; i < plans.length; i++) {
      const planned = plans[i]!;
      if (!this.#serves(planned, tensors)) continue;
      if (i > 0) plans.unshift(...plans.splice(i, 1));
      return planned.plan;
    }
    const plan = planGraph(this.graph, tensors);
    if (plans.length >= planLimit) plans.pop();
    plans.unshift({
      plan,
      layouts: tensors.map(({ layout }) => layout),
      dtypes: tensors.map(({ dtype }) => dtype),
      offsets: tensors.map(({ offset }) => offset),
      precision: modes.matmulPrecision,
    });
    return plan;
  }

  #serves(planned: Planned, tensors: readonly Tensor[]): boolean {
    const { layouts, dtypes, offsets, precision } = planned;
    if (precision !== modes.matmulPrecision) return false;
    for (let i = 0; i < tensors.length; i++) {
      const { layout, dtype, offset } = tensors[i]!;
      if (layout !== layouts[i] || dtype !== dtypes[i]) return false;
      if (this.#isExact && offset !== offsets[i]) return false;
    }
    return true;
  }
}

const held = ({ kind, owner }: StateSlot): Tensor =>
  kind === "value" ? owner : owner.heldGradient!;

const noNumbers: HostNumbers = new Map();

const readNumbers = ({ hostValues }: Plan): HostNumbers =>
  hostValues.length === 0 ? noNumbers : new Map(hostValues.map((value) => [value, value.read()]));

/** Whether a value is its buffer as it was given or made. */
const isWhole = ({ buffer, layout, dtype, bytes }: Place): boolean =>
  layout === buffer.layout && dtype === buffer.dtype && bytes === 0;

/** A handle on a value. */
function look({ buffer, dtype, layout, bytes }: Place, frame: Frame): Tensor {
  const { storage, offset, device } = frame[buffer.slot]!;
  const start = (offset * byteSize(buffer.dtype) + bytes) / byteSize(dtype);
  return new Tensor(dtype, device, layout, start, storage);
}

/** Updates the state and gives the outputs, which are in no scope yet. */
function finish(plan: Plan, frame: Frame): Tensor[] {
  // All before the first write: values may be state that the writes replace.
  const outputs = plan.outputs.map((place) => look(place, frame));
  const values = plan.writes.map(({ place }) => place && look(place, frame));
  plan.writes.forEach(({ slot }, i) => {
    const value = values[i];
    if (slot.kind === "value") {
      (slot.owner as Variable).assign(value!);
      value!.dispose();
    } else if (value === undefined) slot.owner.grad = undefined;
    else slot.owner.adoptGradient(value);
  });
  return outputs;
}

function disposeOf({ ending }: PlanStep, frame: Frame): void {
  for (let i = 0; i < ending.length; i++) {
    const { slot } = ending[i]!;
    frame[slot]!.dispose();
    frame[slot] = undefined;
  }
}

function runCall({ node, operands, results }: CallStep, frame: Frame, numbers: HostNumbers): void {
  const inputs = new Array<TensorLike>(operands.length);
  let views: Tensor[] | undefined;
  for (let i = 0; i < operands.length; i++) {
    const operand = operands[i]!;
    if (typeof operand !== "object") inputs[i] = operand;
    else if (operand instanceof HostValue) {
      const number = numbers.get(operand)!;
      inputs[i] = new HostValue(() => number);
    } else if (isWhole(operand)) inputs[i] = frame[operand.buffer.slot]!;
    else (views ??= []).push((inputs[i] = look(operand, frame)));
  }
  const outputs = run(node.operation, inputs, node.attributes);
  for (let i = 0; i < results.length; i++) frame[results[i]!.slot] = outputs[i];
  if (views !== undefined) for (const view of views) view.dispose();
}

/** What a program is run on. */
function argumentsOf(step: ProgramStep, frame: Frame, numbers: HostNumbers) {
  const { inputs, outputs, params, hostParams } = step;
  const given = new Array<Tensor>(inputs.length);
  for (let i = 0; i < inputs.length; i++) given[i] = frame[inputs[i]!.slot]!;
  const made = new Array<Tensor>(outputs.length);
  for (let i = 0; i < outputs.length; i++) made[i] = frame[outputs[i]!.slot] = makeBuffer(outputs[i]!);
  if (hostParams.length === 0) return { given, made, params };
  const own = [...params];
  for (const { at, value } of hostParams) own[at] = numbers.get(value)!;
  return { given, made, params: own };
} // prettier-ignore

const makeBuffer = ({ device, dtype, layout }: PlanBuffer): Tensor =>
  new Tensor(dtype, device, layout, 0, Storage.allocate(device, bytesFor(layout.size, dtype)));

function runProgram(step: ProgramStep, frame: Frame, numbers: HostNumbers, plan: Plan): void {
  const { given, made, params } = argumentsOf(step, frame, numbers);
  try {
    step.executable.run(given, made, params);
  } catch (error) {
    throw named(error, plan, frame);
  }
}

async function runProgramAsync(
  step: ProgramStep,
  frame: Frame,
  numbers: HostNumbers,
  plan: Plan,
): Promise<void> {
  const { given, made, params } = argumentsOf(step, frame, numbers);
  try {
    await step.executable.runAsync(given, made, params);
  } catch (error) {
    throw named(error, plan, frame);
  }
}

/** Programs know neither ops nor what they worked out on the way: running op by op finds what was wrong. */
function named(error: unknown, { graph, given }: Plan, frame: Frame): unknown {
  if (!(error instanceof IndexError)) return error;
  try {
    const values = interpret(graph, frame.slice(0, given.length) as Tensor[]);
    for (const tensor of values.values()) tensor.dispose();
  } catch (found) {
    if (found instanceof IndexError) return found;
  }
  return error;
}
