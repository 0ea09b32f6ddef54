// The tape: one node per recorded op call, reachable only from the tensors that it made. Walking it
// backwards is backward.ts.
import { userPosition } from "../debug/position.ts";
import { isContinuous } from "../dtype.ts";
import { AutogradError, showShape } from "../errors.ts";
import { modes } from "../modes.ts";
import type {
  Attributes,
  Description,
  GradientContext,
  Operation,
  OperandDescription,
  TensorLike,
} from "../operation.ts";
import { sameShape } from "../shape.ts";
import { type Tensor, isTensor } from "../tensor.ts";
import { SavedValues, nothingSaved } from "./saved.ts";

let clock = 0;

export type GradientHook = (grad: Tensor) => Tensor | undefined;

/** Where a gradient goes: an output of the node that made the operand. */
export interface Edge {
  readonly node: GradientNode;
  readonly outputIndex: number;
}

/** A recorded call, or (as LeafNode) the place where a leaf's gradient accumulates. */
export abstract class GradientNode implements Edge {
  /** Later calls have larger numbers, so descending order is a valid backward order. */
  readonly sequence = clock++;
  abstract readonly name: string;
  abstract readonly isLeaf: boolean;
  /** One per operand; `undefined` where no gradient is needed. */
  readonly edges: readonly (Edge | undefined)[];
  /** Shapes and dtypes of what this node made. */
  readonly outputs: readonly Description[];
  /** By output. */
  hooks: Map<number, GradientHook[]> | undefined = undefined;
  /** What a walk has brought here so far; backward.ts alone uses it. */
  arrival: unknown = undefined;
  /** The user's line that made the call, in anomaly mode. */
  readonly position: string | undefined;

  constructor(edges: readonly (Edge | undefined)[], outputs: readonly Description[]) {
    this.edges = edges;
    this.outputs = outputs;
    this.position = modes.inspector === undefined ? undefined : userPosition();
  }

  /** A node is the edge to its first output: most have no other, and this way edges cost nothing. */
  get node(): this {
    return this;
  }

  get outputIndex(): number {
    return 0;
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
  readonly tensor: Tensor;

  constructor(tensor: Tensor) {
    super([], [{ shape: tensor.shape, dtype: tensor.dtype }]);
    this.tensor = tensor;
  }

  get name(): string {
    return "leaf";
  }

  get isLeaf(): boolean {
    return true;
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

export function edgeOf(operand: unknown): Edge | undefined {
  if (!isTensor(operand)) return undefined;
  const { node, outputIndex } = operand;
  return node === undefined || outputIndex === 0 ? node : { node, outputIndex };
}

/** What recorded calls have in common whose operands and attributes are alike. */
export interface CallPlan {
  readonly inputs: readonly OperandDescription[];
  readonly outputs: readonly Description[];
  /** Which operands need a gradient. */
  readonly needs: readonly boolean[];
  /** Which results can have gradients. */
  readonly tracked: readonly boolean[];
  /** Operands to save: those that the gradient reads, and all numbers. */
  readonly savedInputs: readonly number[];
  readonly savedOutputs: readonly number[];
}

export function planCall(
  operation: Operation,
  attributes: Attributes,
  needs: readonly boolean[],
  inputs: readonly OperandDescription[],
  outputs: readonly Description[],
): CallPlan {
  const saves = operation.saves?.(needs, inputs, attributes) ?? {};
  const numbers = inputs.flatMap(({ isNumber }, i) => (isNumber ? [i] : []));
  return {
    inputs,
    outputs,
    needs,
    tracked: outputs.map(({ dtype }) => isContinuous(dtype)),
    savedInputs: [...new Set([...numbers, ...(saves.inputs ?? [])])],
    savedOutputs: saves.outputs ?? [],
  };
}

/** A recorded op call. */
export class OperationNode extends GradientNode {
  readonly operation: Operation;
  readonly attributes: Attributes;
  readonly plan: CallPlan;
  /** What `plan` names; `undefined` once it was freed. */
  #saved: SavedValues | undefined;

  constructor(
    operation: Operation,
    attributes: Attributes,
    operands: readonly TensorLike[],
    plan: CallPlan,
  ) {
    const edges = new Array<Edge | undefined>(operands.length);
    for (let i = 0; i < operands.length; i++) edges[i] = edgeOf(operands[i]);
    super(edges, plan.outputs);
    this.operation = operation;
    this.attributes = attributes;
    this.plan = plan;
  }

  /** Makes results point here and keeps what the gradient reads. */
  record(operands: readonly TensorLike[], results: readonly Tensor[]): void {
    const { tracked, savedInputs, savedOutputs } = this.plan;
    for (let i = 0; i < results.length; i++) {
      if (!tracked[i]) continue;
      results[i]!.node = this;
      results[i]!.outputIndex = i;
    }
    const fromInputs = savedInputs.length;
    const count = fromInputs + savedOutputs.length;
    this.#saved = count === 0 ? nothingSaved : new SavedValues(count);
    for (let i = 0; i < fromInputs; i++) this.#saved.set(i, operands[savedInputs[i]!]!);
    for (let i = fromInputs; i < count; i++)
      this.#saved.set(i, results[savedOutputs[i - fromInputs]!]!);
  }

  get name(): string {
    return this.operation.name;
  }

  get isLeaf(): boolean {
    return false;
  }

  #read(position: number): TensorLike {
    if (this.#saved === undefined) throw usedTwice(this.name);
    if (position < 0) {
      throw new AutogradError(`${this.name}: its gradient reads a tensor that it does not save.`);
    }
    return this.#saved.get(position) as TensorLike;
  }

  readInput(position: number): TensorLike {
    return this.#read(this.plan.savedInputs.indexOf(position));
  }

  readOutput(position: number): TensorLike {
    const { savedInputs, savedOutputs } = this.plan;
    const found = savedOutputs.indexOf(position);
    return this.#read(found < 0 ? found : savedInputs.length + found);
  }

  override inputShape(position: number): readonly number[] | undefined {
    return this.operation.traits.broadcasts ? this.plan.inputs[position]!.shape : undefined;
  }

  override pull(grads: readonly (Tensor | undefined)[]): readonly (Tensor | undefined)[] {
    if (this.#saved === undefined) throw usedTwice(this.name);
    return this.operation.gradient!(new Context(this, grads));
  }

  override release(): void {
    // Views, additions and the like saved nothing: as in PyTorch, they may be walked again.
    if (!this.#saved?.holdsTensors) return;
    this.#saved.release();
    this.#saved = undefined;
  }
}

/** What a gradient function sees. Its functions are bound, since gradient functions take it apart. */
class Context implements GradientContext<Attributes> {
  readonly attributes: Attributes;
  readonly inputs: readonly Description[];
  readonly outputs: readonly Description[];
  readonly needs: readonly boolean[];
  readonly grads: readonly (Tensor | undefined)[];
  readonly #node: OperationNode;

  constructor(node: OperationNode, grads: readonly (Tensor | undefined)[]) {
    this.attributes = node.attributes;
    this.inputs = node.plan.inputs;
    this.outputs = node.plan.outputs;
    this.needs = node.plan.needs;
    this.grads = grads;
    this.#node = node;
  }

  get input(): (position: number) => Tensor {
    const node = this.#node;
    return (position) => node.readInput(position) as Tensor;
  }

  get operand(): (position: number) => TensorLike {
    const node = this.#node;
    return (position) => node.readInput(position);
  }

  get output(): (position: number) => Tensor {
    const node = this.#node;
    return (position) => node.readOutput(position) as Tensor;
  }
}

/** A gradient must have the shape of what it belongs to. */
export function requireShape(name: string, grad: Tensor, expected: Description): void {
  const { shape } = grad;
  if (sameShape(shape, expected.shape)) return;
  throw new AutogradError(
    `${name}: a gradient of shape ${showShape(shape)} arrived for a value of shape ` +
      `${showShape(expected.shape)}.`,
  );
}
