// The tape: one node per recorded op call, reachable only from the tensors that it made. Walking it
// backwards is backward.ts.
import { userPosition } from "../debug/position.ts";
import { AutogradError, showShape } from "../errors.ts";
import { modes } from "../modes.ts";
import type {
  Attributes,
  Description,
  Operation,
  OperandDescription,
  TensorLike,
} from "../operation.ts";
import { type Tensor, isTensor } from "../tensor.ts";
import { Packed, keepTensor } from "./saved.ts";

let clock = 0;

export type GradientHook = (grad: Tensor) => Tensor | undefined;

/** Where a gradient goes: an output of the node that made the operand. */
export interface Edge {
  readonly node: GradientNode;
  readonly outputIndex: number;
}

/** A recorded call, or (as LeafNode) the place where a leaf's gradient accumulates. */
export abstract class GradientNode {
  /** Later calls have larger numbers, so descending order is a valid backward order. */
  readonly sequence = clock++;
  abstract readonly name: string;
  abstract readonly isLeaf: boolean;
  /** One per operand; `undefined` where no gradient is needed. */
  readonly edges: readonly (Edge | undefined)[];
  /** Shapes and dtypes of what this node made. */
  readonly outputs: readonly Description[];
  readonly hooks = new Map<number, GradientHook[]>();
  /** The user's line that made the call, in anomaly mode. */
  readonly position = modes.inspector === undefined ? undefined : userPosition();

  constructor(edges: readonly (Edge | undefined)[], outputs: readonly Description[]) {
    this.edges = edges;
    this.outputs = outputs;
  }

  /** Gradients of the operands from those of the outputs. */
  abstract pull(grads: readonly (Tensor | undefined)[]): readonly (Tensor | undefined)[];
  /** Forgets what was saved for `pull`. */
  abstract release(): void;
  /** Shapes that gradients of operands are summed to, where operands were broadcast. */
  inputShape(_position: number): readonly number[] | undefined {
    return undefined;
  }
}

/** Ends every path: keeps the leaf whose `.grad` is filled. */
export class LeafNode extends GradientNode {
  readonly name = "leaf";
  readonly isLeaf = true;
  readonly tensor: Tensor;

  constructor(tensor: Tensor) {
    super([], [{ shape: tensor.shape, dtype: tensor.dtype }]);
    this.tensor = tensor;
  }

  override pull(): [] {
    return [];
  }

  override release(): void {}
}

/** Refuses to walk a node whose saved tensors are gone. */
export function usedTwice(name: string): AutogradError {
  return new AutogradError(
    `backward: ${name} was walked before and its saved tensors were freed. Pass ` +
      `{ retainGraph: true } to the first backward() or grad() to go through it twice.`,
  );
}

export const edgeOf = (operand: unknown): Edge | undefined =>
  isTensor(operand) && operand.node !== undefined
    ? { node: operand.node, outputIndex: operand.outputIndex }
    : undefined;

/** A recorded op call. */
export class OperationNode extends GradientNode {
  readonly isLeaf = false;
  readonly operation: Operation;
  readonly attributes: Attributes;
  readonly inputs: readonly OperandDescription[];
  readonly needs: readonly boolean[];
  /** Operands then results; holes where nothing was saved. */
  #saved: (TensorLike | Packed | undefined)[] | undefined;

  constructor(
    operation: Operation,
    attributes: Attributes,
    operands: readonly TensorLike[],
    inputs: readonly OperandDescription[],
    outputs: readonly Description[],
  ) {
    super(operands.map(edgeOf), outputs);
    this.operation = operation;
    this.attributes = attributes;
    this.inputs = inputs;
    this.needs = this.edges.map((edge) => edge !== undefined);
  }

  /** Keeps what the gradient reads; called once the results point at this node. */
  save(operands: readonly TensorLike[], results: readonly Tensor[]): void {
    const saves = this.operation.saves?.(this.needs, this.inputs, this.attributes) ?? {};
    const saved: (TensorLike | Packed | undefined)[] = new Array(operands.length + results.length);
    for (let i = 0; i < operands.length; i++) {
      if (!isTensor(operands[i])) saved[i] = operands[i];
    }
    for (const i of saves.inputs ?? []) {
      const operand = operands[i];
      saved[i] = isTensor(operand) ? keepTensor(operand) : operand;
    }
    for (const i of saves.outputs ?? []) saved[operands.length + i] = keepTensor(results[i]!);
    this.#saved = saved;
  }

  get name(): string {
    return this.operation.name;
  }

  #read(position: number): TensorLike {
    if (this.#saved === undefined) throw usedTwice(this.name);
    const value = this.#saved[position];
    if (value === undefined) {
      throw new AutogradError(`${this.name}: its gradient reads a tensor that it does not save.`);
    }
    return value instanceof Packed ? value.open() : value;
  }

  override inputShape(position: number): readonly number[] | undefined {
    return this.operation.traits.broadcasts ? this.inputs[position]!.shape : undefined;
  }

  override pull(grads: readonly (Tensor | undefined)[]): readonly (Tensor | undefined)[] {
    if (this.#saved === undefined) throw usedTwice(this.name);
    const { attributes, inputs, outputs, needs } = this;
    // Closures, not methods: gradient functions take the context apart.
    return this.operation.gradient!({
      attributes,
      inputs,
      outputs,
      needs,
      grads,
      input: (position) => this.#read(position) as Tensor,
      operand: (position) => this.#read(position),
      output: (position) => this.#read(inputs.length + position) as Tensor,
    });
  }

  override release(): void {
    const saved = (this.#saved ?? []).filter((one) => isTensor(one) || one instanceof Packed);
    // Views, additions and the like saved nothing: as in PyTorch, they may be walked again.
    if (saved.length === 0) return;
    for (const one of saved) if (isTensor(one)) one.dispose();
    this.#saved = undefined;
  }
}

/** A gradient must have the shape of what it belongs to. */
export function requireShape(name: string, grad: Tensor, expected: Description): void {
  const { shape } = grad;
  if (shape.length === expected.shape.length && shape.every((n, i) => n === expected.shape[i]))
    return;
  throw new AutogradError(
    `${name}: a gradient of shape ${showShape(shape)} arrived for a value of shape ` +
      `${showShape(expected.shape)}.`,
  );
}
