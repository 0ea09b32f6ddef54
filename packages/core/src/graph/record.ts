// Recording: runs a function once on symbolic tensors and notes the graph of what it did, backward
// passes and optimiser steps included. Traced functions, which call this, are in trace.ts.
import { describe, deviceWithoutOperands } from "../apply.ts";
import { userPosition } from "../debug/position.ts";
import { TraceError, showShape } from "../errors.ts";
import { type Recorder, modes } from "../modes.ts";
import type { Attributes, Description, Operation, TensorLike } from "../operation.ts";
import { type Device, defaultDevice } from "../runtime/device.ts";
import type { Storage } from "../runtime/storage.ts";
import { requireSynchronous } from "../scope.ts";
import { type StateListener, state } from "../state.ts";
import { type Tensor, isTensor, makeSymbolic } from "../tensor.ts";
import { Variable } from "../variable.ts";
import type { Graph, GraphNode, GraphOperand, GraphValue, StateSlot } from "./graph.ts";
import { mapTensors, tensorsIn } from "./tree.ts";

export interface Guard {
  readonly read: () => unknown;
  readonly value: unknown;
}

/** What is known of one piece of state during a trace. */
interface Tracked {
  readonly slot: StateSlot;
  /** Its value before the program, if the program reads it. */
  before: GraphValue | undefined;
  current: Tensor | undefined;
  isWritten: boolean;
}

/** A handle on a traced value through which gradients flow to where those of `from` do. */
function withHistory(symbolic: Tensor, from: Tensor): Tensor {
  const result = symbolic.withoutHistory();
  result.node = from.node;
  result.outputIndex = from.outputIndex;
  return result;
}

class Tracer implements Recorder, StateListener {
  readonly nodes: GraphNode[] = [];
  readonly inputs: GraphValue[] = [];
  readonly constants: { value: GraphValue; tensor: Tensor }[] = [];
  readonly guards: Guard[] = [];
  readonly tracked: Tracked[] = [];
  readonly #values = new Set<GraphValue>();
  readonly #captured = new Map<Storage, Map<string, Tensor>>();
  readonly #variables = new Map<Tensor, Tracked>();
  readonly #gradients = new Map<Tensor, Tracked>();
  readonly #device: Device;
  #nextId = 0;

  constructor(device: Device) {
    this.#device = device;
  }

  #value({ shape, dtype }: Description, position?: string): GraphValue {
    const value: GraphValue = { id: this.#nextId++, shape: [...shape], dtype, position };
    this.#values.add(value);
    return value;
  }

  input(like: Tensor): Tensor {
    const value = this.#value(like);
    this.inputs.push(value);
    return makeSymbolic(value, like.device);
  }

  /** A tensor from outside the trace: fixed for the life of the program. */
  #constant(tensor: Tensor): Tensor {
    const key = `${tensor.dtype} ${tensor.layout.id} ${tensor.offset}`;
    let sameStorage = this.#captured.get(tensor.storage);
    if (sameStorage === undefined) {
      sameStorage = new Map();
      this.#captured.set(tensor.storage, sameStorage);
    }
    let symbolic = sameStorage.get(key);
    if (symbolic === undefined) {
      const value = this.#value(tensor);
      this.constants.push({ value, tensor: tensor.withoutHistory() });
      symbolic = makeSymbolic(value, tensor.device);
      sameStorage.set(key, symbolic);
    }
    return withHistory(symbolic, tensor);
  }

  #require(tensor: Tensor): Tensor {
    const symbol = tensor.symbol!;
    if (this.#values.has(symbol)) return tensor;
    throw new TraceError(
      `trace: a tensor of shape ${showShape(tensor.shape)} escaped from another trace` +
        `${symbol.position === undefined ? "" : ` (made at ${symbol.position})`}. Return it from the ` +
        `function that made it, and use the result of the call.`,
    );
  }

  /** The traced tensor that stands for `tensor` now. */
  stand(tensor: Tensor): Tensor {
    if (tensor.symbol !== undefined) return this.#require(tensor);
    return tensor instanceof Variable ? this.readVariable(tensor) : this.#constant(tensor);
  }

  resolve(inputs: readonly TensorLike[]): readonly TensorLike[] {
    return inputs.map((input) => (isTensor(input) ? this.stand(input) : input));
  }

  record(operation: Operation, inputs: readonly TensorLike[], attributes: Attributes): Tensor[] {
    const position = userPosition();
    const device =
      inputs.find(isTensor)?.device ??
      ("device" in attributes ? deviceWithoutOperands(attributes) : this.#device);
    const descriptions = inputs.map(describe);
    const outputs = operation
      .infer(descriptions, attributes)
      .map((description) => this.#value(description, position));
    this.nodes.push({
      operation,
      attributes,
      inputs: inputs.map((input) => (isTensor(input) ? input.symbol! : (input as GraphOperand))),
      outputs,
      position,
    });
    return outputs.map((value) => makeSymbolic(value, device));
  }

  #track(map: Map<Tensor, Tracked>, slot: StateSlot): Tracked {
    let tracked = map.get(slot.owner);
    if (tracked === undefined) {
      tracked = { slot, before: undefined, current: undefined, isWritten: false };
      map.set(slot.owner, tracked);
      this.tracked.push(tracked);
    }
    return tracked;
  }

  #read(tracked: Tracked, like: Tensor): Tensor {
    if (tracked.current === undefined) {
      tracked.before = this.#value(like);
      tracked.current = makeSymbolic(tracked.before, like.device);
    }
    return tracked.current;
  }

  readVariable(variable: Tensor): Tensor {
    const tracked = this.#track(this.#variables, { kind: "value", owner: variable });
    return withHistory(this.#read(tracked, variable), variable);
  }

  writeVariable(variable: Tensor, value: Tensor): void {
    const tracked = this.#track(this.#variables, { kind: "value", owner: variable });
    tracked.current = this.stand(value).withoutHistory();
    tracked.isWritten = true;
  }

  readGradient(owner: Tensor, stored: Tensor | undefined): Tensor | undefined {
    const tracked = this.#track(this.#gradients, { kind: "gradient", owner });
    if (tracked.isWritten || tracked.current !== undefined) return tracked.current;
    if (stored === undefined) {
      this.guard(() => owner.heldGradient === undefined, true);
      return undefined;
    }
    this.guard(() => owner.heldGradient !== undefined, true);
    return this.#read(tracked, stored);
  }

  writeGradient(owner: Tensor, value: Tensor | undefined): void {
    const tracked = this.#track(this.#gradients, { kind: "gradient", owner });
    tracked.current = value && this.stand(value).alias();
    tracked.isWritten = true;
  }

  guard(read: () => unknown, value: unknown): void {
    this.guards.push({ read, value });
  }
}

/** A recorded function: its graph, and how its arguments and results are laid out. */
export interface Recording {
  readonly graph: Graph;
  readonly guards: readonly Guard[];
  /** The results, with the position in `graph.outputs` in place of each tensor. */
  readonly results: unknown;
}

/** Stands for the n-th output in a recording's results. */
class Slot {
  readonly position: number;
  constructor(position: number) {
    this.position = position;
  }
}

/** Records `body`; `inputs` say what its arguments are like. */
export function record(
  name: string,
  body: (...inputs: never[]) => unknown,
  inputs: readonly unknown[],
): Recording {
  const device = tensorsIn(inputs)[0]?.device ?? defaultDevice();
  const tracer = new Tracer(device);
  const symbolic = inputs.map((input) => mapTensors(input, (tensor) => tracer.input(tensor)));
  modes.recorder = tracer;
  state.listener = tracer;
  const outputs: GraphValue[] = [];
  let results: unknown;
  try {
    const returned = requireSynchronous("trace", body(...(symbolic as never[])));
    results = mapTensors(returned, (tensor) => {
      outputs.push(tracer.stand(tensor).symbol!);
      return new Slot(outputs.length - 1);
    });
  } finally {
    modes.recorder = undefined;
    state.listener = undefined;
  }
  const graph: Graph = {
    name,
    inputs: tracer.inputs,
    constants: tracer.constants,
    reads: tracer.tracked.flatMap(({ slot, before }) => (before ? [{ value: before, slot }] : [])),
    nodes: tracer.nodes,
    outputs,
    writes: tracer.tracked.flatMap(({ slot, current, isWritten }) =>
      isWritten ? [{ value: current?.symbol, slot }] : [],
    ),
  };
  return { graph, guards: tracer.guards, results };
}

/** What the function returned, with `outputs` in place of its tensors. */
export function fill(results: unknown, outputs: readonly Tensor[]): unknown {
  if (results instanceof Slot) return outputs[results.position]!;
  if (Array.isArray(results)) return results.map((item) => fill(item, outputs));
  if (
    typeof results === "object" &&
    results !== null &&
    Object.getPrototypeOf(results) === Object.prototype
  ) {
    return Object.fromEntries(Object.entries(results).map(([k, item]) => [k, fill(item, outputs)]));
  }
  return results;
}
