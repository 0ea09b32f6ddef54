// The tape: one node per recorded op call, reachable only from the tensors that it made. Walking it
// backwards is backward.ts.
import { AutogradError, showShape } from "../errors.ts";
import type {
  Attributes,
  Description,
  GradientContext,
  Operation,
  OperandDescription,
  TensorLike,
} from "../operation.ts";
import { type Tensor, isTensor } from "../tensor.ts";

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
export class OperationNode extends GradientNode implements GradientContext<Attributes> {
  readonly isLeaf = false;
  readonly operation: Operation;
  readonly attributes: Attributes;
  readonly inputs: readonly OperandDescription[];
  readonly needs: readonly boolean[];
  grads: readonly (Tensor | undefined)[] = [];
  /** Operands then results; holes where nothing was saved. */
  #saved: (TensorLike | undefined)[] | undefined;

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
    const saved: (TensorLike | undefined)[] = new Array(operands.length + results.length);
    for (let i = 0; i < operands.length; i++) {
      if (!isTensor(operands[i])) saved[i] = operands[i];
    }
    for (const i of saves.inputs ?? []) {
      const operand = operands[i];
      saved[i] = isTensor(operand) ? operand.alias() : operand;
    }
    for (const i of saves.outputs ?? []) saved[operands.length + i] = results[i]!.alias();
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
    return value;
  }

  input(position: number): Tensor {
    return this.#read(position) as Tensor;
  }

  operand(position: number): TensorLike {
    return this.#read(position);
  }

  output(position: number): Tensor {
    return this.#read(this.inputs.length + position) as Tensor;
  }

  override inputShape(position: number): readonly number[] | undefined {
    return this.operation.traits.broadcasts ? this.inputs[position]!.shape : undefined;
  }

  override pull(grads: readonly (Tensor | undefined)[]): readonly (Tensor | undefined)[] {
    if (this.#saved === undefined) throw usedTwice(this.name);
    this.grads = grads;
    try {
      return this.operation.gradient!(this);
    } finally {
      this.grads = [];
    }
  }

  override release(): void {
    for (const saved of this.#saved ?? []) if (isTensor(saved)) saved.dispose();
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
