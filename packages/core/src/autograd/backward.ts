// Reverse mode: walks the tape from outputs to leaves, iteratively, in descending order of time.
import { AutogradError, showShape } from "../errors.ts";
import { modes } from "../modes.ts";
import { add } from "../ops/arithmetic.ts";
import { full, onesLike } from "../ops/creation.ts";
import { sumTo } from "../ops/reduction.ts";
import type { DType } from "../dtype.ts";
import type { Device } from "../runtime/device.ts";
import { exchangeScope, register } from "../scope.ts";
import { sameShape } from "../shape.ts";
import { type Tensor, isTensor } from "../tensor.ts";
import { type Edge, type GradientHook, type GradientNode, LeafNode, edgeOf, requireShape } from "./tape.ts"; // prettier-ignore

export interface BackwardOptions {
  /** Gradients of the outputs; only scalars may do without. */
  readonly gradient?: Tensor;
  /** Keeps what was saved, so that the tape can be walked again. Default: `createGraph`. */
  readonly retainGraph?: boolean;
  /** Records the walk itself, for gradients of gradients. */
  readonly createGraph?: boolean;
}

/** Nodes by descending sequence. A binary heap: chains are thousands long, and mostly ordered. */
class NodeQueue {
  readonly #heap: Arrival[] = [];

  push(arrival: Arrival): void {
    const heap = this.#heap;
    const { sequence } = arrival.node;
    let at = heap.push(arrival) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (heap[parent]!.node.sequence >= sequence) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = arrival;
  }

  pop(): Arrival | undefined {
    const heap = this.#heap;
    const top = heap[0];
    const last = heap.pop();
    if (top === undefined || heap.length === 0) return top;
    const { sequence } = last!.node;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && heap[child + 1]!.node.sequence > heap[child]!.node.sequence) {
        child++;
      }
      if (heap[child]!.node.sequence <= sequence) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = last!;
    return top;
  }
}

const nothing = (): undefined => undefined;

/** What a walk has brought to a node so far. */
class Arrival {
  readonly walk: Walk;
  readonly node: GradientNode;
  /** By output of the node. */
  readonly grads: (Tensor | undefined)[];
  /** What a walk that this one interrupts had brought there: hooks may start walks of their own. */
  readonly outer: Arrival | undefined;

  constructor(walk: Walk, node: GradientNode, outer: Arrival | undefined) {
    this.walk = walk;
    this.node = node;
    this.grads = node.outputs.map(nothing);
    this.outer = outer;
  }
}

/** Gives up one hold on a gradient, and frees it after the last. Those of others have no holders. */
function drop(grad: Tensor): void {
  if (grad.holders > 0 && --grad.holders === 0) grad.dispose();
}

/**
 * One way from outputs to leaves. Gradients that it makes are freed as soon as they have been passed on;
 * while the walk itself is recorded, they belong to the new tape instead.
 */
abstract class Walk {
  readonly #queue = new NodeQueue();
  readonly #retainGraph: boolean;
  readonly #createGraph: boolean;
  /** Whether tensors made on the way are the walk's to free. */
  protected readonly isOwner: boolean;
  /** Tensors made by the latest pull. */
  readonly #fresh: Tensor[] = [];
  /** Tensors that hooks saw or made: freed at the end. */
  readonly #lasting: Tensor[] = [];

  constructor(retainGraph: boolean, createGraph: boolean) {
    this.#retainGraph = retainGraph;
    this.#createGraph = createGraph;
    this.isOwner = !createGraph && modes.recorder === undefined;
  }

  /** Called with the finished gradients of a node; true to keep them and go no further. */
  protected abstract arrive(node: GradientNode, grads: readonly (Tensor | undefined)[]): boolean;

  /** Walks from outputs whose gradients `seeds` makes. */
  run(roots: readonly Edge[], seeds: () => readonly Tensor[]): void {
    const before = modes.gradient;
    modes.gradient = this.#createGraph;
    const scope = this.isOwner ? exchangeScope(this.#lasting) : undefined;
    try {
      const made = seeds();
      for (let i = 0; i < roots.length; i++) this.#deliver(roots[i]!, made[i]!);
      for (let next = this.#queue.pop(); next !== undefined; next = this.#queue.pop()) {
        this.#visit(next);
      }
    } finally {
      modes.gradient = before;
      if (this.isOwner) exchangeScope(scope);
      this.#end();
    }
  }

  #deliver({ node, outputIndex }: Edge, grad: Tensor): void {
    let arrival = node.arrival as Arrival | undefined;
    if (arrival?.walk !== this) {
      arrival = new Arrival(this, node, arrival);
      node.arrival = arrival;
      this.#queue.push(arrival);
    }
    const { grads } = arrival;
    const known = grads[outputIndex];
    if (known === undefined) {
      if (grad.holders > 0) grad.holders++;
      grads[outputIndex] = grad;
      return;
    }
    const total = add(known, grad);
    grads[outputIndex] = total;
    if (!this.isOwner) return;
    // One hold for the arrival, one for the list of fresh tensors, which drops it after the visit.
    total.holders = 2;
    drop(known);
  }

  #visit(arrival: Arrival): void {
    const { node } = arrival;
    let { grads } = arrival;
    node.arrival = arrival.outer;
    if (node.hooks !== undefined) {
      for (const grad of grads) if (grad && grad.holders > 0) this.#lasting.push(grad);
      grads = hooked(node.hooks, grads);
    }
    if (!this.arrive(node, grads)) this.#pull(node, grads);
    if (!this.isOwner || node.hooks !== undefined) return;
    for (let i = 0; i < grads.length; i++) if (grads[i] !== undefined) drop(grads[i]!);
  }

  /** Passes the gradients of a node's results on to its operands. */
  #pull(node: GradientNode, grads: readonly (Tensor | undefined)[]): void {
    const { edges } = node;
    const fresh = this.#fresh;
    const scope = this.isOwner ? exchangeScope(fresh) : undefined;
    const pulled = node.pull(grads);
    const fitted = new Array<Tensor | undefined>(edges.length);
    for (let i = 0; i < edges.length; i++) {
      const edge = edges[i];
      const grad = pulled[i];
      fitted[i] = edge === undefined || grad === undefined ? undefined : fit(node, i, edge, grad);
    }
    for (let i = 0; i < fresh.length; i++) fresh[i]!.holders = 1;
    for (let i = 0; i < edges.length; i++) {
      if (fitted[i] !== undefined) this.#deliver(edges[i]!, fitted[i]!);
    }
    if (!this.#retainGraph) node.release();
    if (!this.isOwner) return;
    exchangeScope(scope);
    for (let i = 0; i < fresh.length; i++) {
      if (fresh[i]!.holders === 0) fresh[i]!.dispose();
      else drop(fresh[i]!);
    }
    fresh.length = 0;
  }

  /** Frees what is left: what hooks kept from being freed and, after an error, all gradients. */
  #end(): void {
    for (const grad of this.#fresh) grad.dispose();
    for (const grad of this.#lasting) {
      grad.holders = 0;
      grad.dispose();
    }
    for (let next = this.#queue.pop(); next !== undefined; next = this.#queue.pop()) {
      next.node.arrival = next.outer;
      for (const grad of next.grads) if (grad !== undefined) drop(grad);
    }
  }
}

/** The gradient of an operand, summed to its shape where it was broadcast, and checked. */
function fit(node: GradientNode, operand: number, edge: Edge, grad: Tensor): Tensor {
  const shape = node.inputShape(operand);
  const fitted = shape === undefined || sameShape(grad.shape, shape) ? grad : sumTo(grad, shape);
  requireShape(node.name, fitted, edge.node.outputs[edge.outputIndex]!);
  if (modes.inspector !== undefined) modes.inspector.gradient?.(node, operand, fitted);
  return fitted;
}

/** Gradients as hooks leave them. */
function hooked(
  hooks: ReadonlyMap<number, readonly GradientHook[]>,
  grads: readonly (Tensor | undefined)[],
): (Tensor | undefined)[] {
  const result = [...grads];
  for (const [output, list] of hooks) {
    for (const hook of list) {
      const grad = result[output];
      if (grad !== undefined) result[output] = hook(grad) ?? grad;
    }
  }
  return result;
}

class BackwardWalk extends Walk {
  protected override arrive(node: GradientNode, grads: readonly (Tensor | undefined)[]): boolean {
    if (!(node instanceof LeafNode)) return false;
    const grad = grads[0];
    if (grad === undefined) return true;
    const leaf = node.tensor;
    const known = leaf.heldGradient;
    if (!this.isOwner) leaf.grad = known === undefined ? grad : add(known, grad);
    else if (known !== undefined) leaf.adoptGradient(unscoped(() => add(known, grad)));
    else if (grad.holders === 1 && node.hooks === undefined) {
      // Nobody else needs it: the leaf takes the gradient itself, not a handle on it.
      grad.holders = 0;
      leaf.adoptGradient(grad);
    } else leaf.grad = grad;
    return true;
  }
}

/** Runs `body` outside all scopes. */
function unscoped<T>(body: () => T): T {
  const scope = exchangeScope(undefined);
  try {
    return body();
  } finally {
    exchangeScope(scope);
  }
}

/** Notes the gradients of what was asked for. */
class GradWalk extends Walk {
  readonly results: (Tensor | undefined)[];
  readonly #wanted: readonly Edge[];

  constructor(wanted: readonly Edge[], retainGraph: boolean, createGraph: boolean) {
    super(retainGraph, createGraph);
    this.#wanted = wanted;
    this.results = new Array<Tensor | undefined>(wanted.length).fill(undefined);
  }

  protected override arrive(node: GradientNode, grads: readonly (Tensor | undefined)[]): boolean {
    this.#wanted.forEach((edge, i) => {
      if (edge.node === node) this.results[i] = grads[edge.outputIndex]?.alias();
    });
    return node.isLeaf;
  }
}

/** 0-d ones, by device and dtype: tensors are immutable, and most walks start from one. */
const ones = new Map<Device, Map<DType, Tensor>>();

function oneLike({ device, dtype }: Tensor): Tensor {
  let known = ones.get(device);
  if (known === undefined) ones.set(device, (known = new Map()));
  let one = known.get(dtype);
  if (one === undefined || one.isDisposed) {
    one = unscoped(() => full([], 1, { dtype, device }));
    known.set(dtype, one);
  }
  return one;
}

function seedFor(output: Tensor, gradient: Tensor | undefined, name: string): Tensor {
  if (gradient !== undefined) {
    requireShape(name, gradient, output);
    return gradient;
  }
  if (output.size !== 1) {
    throw new AutogradError(
      `${name}: expected a scalar, got shape ${showShape(output.shape)}. Reduce it with sum() or ` +
        `mean(), or pass { gradient } of the same shape.`,
    );
  }
  if (output.isComplex) {
    throw new AutogradError(
      `${name}: expected a real scalar, got ${output.dtype}: there is no direction in which a complex ` +
        `number grows. Take abs(x) or real(x), or pass { gradient }.`,
    );
  }
  const isPlain = output.ndim === 0 && modes.recorder === undefined && !output.isAbstract;
  return isPlain ? oneLike(output) : onesLike(output);
}

function rootOf(output: Tensor, name: string): Edge {
  const edge = edgeOf(output);
  if (edge !== undefined) return edge;
  throw new AutogradError(
    `${name}: the output does not depend on any tensor that requires gradients. Create one with ` +
      `{ requiresGrad: true }, use a Parameter, and check for noGrad() and detach() on the way.`,
  );
}

/** Accumulates d output / d leaf into the `.grad` of every leaf that `output` depends on. */
export function backward(output: Tensor, options: BackwardOptions = {}): void {
  const { createGraph = false, retainGraph = createGraph } = options;
  const root = rootOf(output, "backward");
  const walk = new BackwardWalk(retainGraph, createGraph);
  walk.run([root], () => [seedFor(output, options.gradient, "backward")]);
}

export interface GradOptions {
  /** Gradients of the outputs, in their order; only scalars may do without. */
  readonly gradOutputs?: Tensor | readonly (Tensor | undefined)[];
  readonly retainGraph?: boolean;
  readonly createGraph?: boolean;
  /** Gives `undefined` for inputs that no output depends on, instead of an error. */
  readonly allowUnused?: boolean;
}

/** What `grad` returns for its inputs and options. */
export type Gradients<I, O> = I extends readonly unknown[]
  ? { -readonly [K in keyof I]: Gradients<I[K], O> }
  : O extends { readonly allowUnused: true }
    ? Tensor | undefined
    : Tensor;

/**
 * Gradients of the sum of outputs with respect to one input or several; `.grad` stays as it is.
 * `torch.autograd.grad`.
 */
export function grad<
  const I extends Tensor | readonly Tensor[],
  const O extends GradOptions = GradOptions,
>(outputs: Tensor | readonly Tensor[], inputs: I, options = {} as O): Gradients<I, O> {
  const { createGraph = false, retainGraph = createGraph } = options;
  const outs: readonly Tensor[] = isTensor(outputs) ? [outputs] : outputs;
  const ins: readonly Tensor[] = isTensor(inputs) ? [inputs] : inputs;
  const given = isTensor(options.gradOutputs) ? [options.gradOutputs] : options.gradOutputs;
  const wanted = ins.map((input, i) => {
    const edge = edgeOf(input);
    if (edge !== undefined) return edge;
    throw new AutogradError(
      `grad: input ${i} does not require gradients. Create it with { requiresGrad: true }.`,
    );
  });
  const roots = outs.map((output) => rootOf(output, "grad"));
  const walk = new GradWalk(wanted, retainGraph, createGraph);
  walk.run(roots, () => outs.map((output, i) => seedFor(output, given?.[i], "grad")));
  const found = walk.results;
  found.forEach((result, i) => {
    if (result !== undefined) register(result);
    if (result !== undefined || options.allowUnused) return;
    throw new AutogradError(
      `grad: no output depends on input ${i}. Pass { allowUnused: true } to get undefined for it.`,
    );
  });
  return (isTensor(inputs) ? found[0] : found) as Gradients<I, O>;
}
