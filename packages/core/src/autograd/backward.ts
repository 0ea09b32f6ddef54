// Reverse mode: walks the tape from outputs to leaves, iteratively, in descending order of time.
import { AutogradError, showShape } from "../errors.ts";
import { modes } from "../modes.ts";
import { add } from "../ops/arithmetic.ts";
import { onesLike } from "../ops/creation.ts";
import { sumTo } from "../ops/reduction.ts";
import { register, scope } from "../scope.ts";
import { type Tensor, isTensor } from "../tensor.ts";
import { type Edge, type GradientNode, LeafNode, edgeOf, requireShape } from "./tape.ts";

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
  readonly #heap: GradientNode[] = [];

  push(node: GradientNode): void {
    const heap = this.#heap;
    let at = heap.push(node) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (heap[parent]!.sequence >= node.sequence) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = node;
  }

  pop(): GradientNode | undefined {
    const heap = this.#heap;
    const top = heap[0];
    const last = heap.pop();
    if (top === undefined || heap.length === 0) return top;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && heap[child + 1]!.sequence > heap[child]!.sequence) child++;
      if (heap[child]!.sequence <= last!.sequence) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = last!;
    return top;
  }
}

interface Walk {
  readonly roots: readonly Edge[];
  readonly seeds: readonly Tensor[];
  readonly retainGraph: boolean;
  readonly createGraph: boolean;
  /** Called with the finished gradients of a node; true to keep them and go no further. */
  readonly arrive: (node: GradientNode, grads: readonly (Tensor | undefined)[]) => boolean;
}

/** Counts who still needs a gradient, so that it is freed as soon as it has been passed on. */
class Uses {
  readonly #counts = new Map<Tensor, number>();

  add(grad: Tensor): void {
    this.#counts.set(grad, (this.#counts.get(grad) ?? 0) + 1);
  }

  drop(grad: Tensor): void {
    const left = this.#counts.get(grad)! - 1;
    this.#counts.set(grad, left);
    if (left === 0) grad.dispose();
  }
}

function walk({ roots, seeds, retainGraph, createGraph, arrive }: Walk): void {
  const pending = new Map<GradientNode, (Tensor | undefined)[]>();
  const queue = new NodeQueue();
  const uses = new Uses();
  // While the walk itself is recorded, its tensors belong to the new tape.
  const temporary = <T>(body: () => T): T =>
    createGraph || modes.recorder !== undefined ? body() : scope(body);

  const deliver = ({ node, outputIndex }: Edge, grad: Tensor): void => {
    let grads = pending.get(node);
    if (grads === undefined) {
      grads = new Array<Tensor | undefined>(node.outputs.length).fill(undefined);
      pending.set(node, grads);
      queue.push(node);
    }
    const known = grads[outputIndex];
    const total = known === undefined ? grad : add(known, grad);
    grads[outputIndex] = total;
    uses.add(total);
    if (known !== undefined && !createGraph) uses.drop(known);
  };

  for (const seed of seeds) uses.add(seed);
  roots.forEach((edge, i) => deliver(edge, seeds[i]!));
  for (let node = queue.pop(); node !== undefined; node = queue.pop()) {
    const current = node;
    const received = pending.get(current)!;
    pending.delete(current);
    const grads = [...received];
    for (const [output, hooks] of current.hooks) {
      for (const hook of hooks) {
        if (grads[output] !== undefined) grads[output] = hook(grads[output]) ?? grads[output];
      }
    }
    if (arrive(current, grads)) {
      for (const grad of grads) if (grad !== undefined) uses.add(grad);
      continue;
    }
    const pulled = temporary(() =>
      current.pull(grads).map((grad, i) => {
        const edge = current.edges[i];
        if (edge === undefined || grad === undefined) return undefined;
        const shape = current.inputShape(i);
        const fitted = shape === undefined ? grad : sumTo(grad, shape);
        requireShape(current.name, fitted, edge.node.outputs[edge.outputIndex]!);
        modes.inspector?.gradient?.(current, i, fitted);
        return fitted;
      }),
    );
    pulled.forEach((grad, i) => grad && deliver(current.edges[i]!, grad));
    if (!retainGraph) current.release();
    if (createGraph || modes.recorder !== undefined || current.hooks.size > 0) continue;
    for (const grad of received) if (grad !== undefined) uses.drop(grad);
  }
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
  return onesLike(output);
}

function rootOf(output: Tensor, name: string): Edge {
  const edge = edgeOf(output);
  if (edge !== undefined) return edge;
  throw new AutogradError(
    `${name}: the output does not depend on any tensor that requires gradients. Create one with ` +
      `{ requiresGrad: true }, use a Parameter, and check for noGrad() and detach() on the way.`,
  );
}

/** Runs a walk with gradients recorded or not, freeing what it made except `kept`. */
function inMode<T>(createGraph: boolean, body: () => T): T {
  const before = modes.gradient;
  modes.gradient = createGraph;
  try {
    return createGraph || modes.recorder !== undefined ? body() : scope(body);
  } finally {
    modes.gradient = before;
  }
}

/** Accumulates d output / d leaf into the `.grad` of every leaf that `output` depends on. */
export function backward(output: Tensor, options: BackwardOptions = {}): void {
  const { createGraph = false, retainGraph = createGraph } = options;
  const root = rootOf(output, "backward");
  inMode(createGraph, () => {
    const seed = seedFor(output, options.gradient, "backward");
    walk({
      roots: [root],
      seeds: [seed],
      retainGraph,
      createGraph,
      arrive(node, grads) {
        if (!(node instanceof LeafNode)) return false;
        const grad = grads[0];
        if (grad === undefined) return true;
        const leaf = node.tensor;
        const known = leaf.heldGradient;
        leaf.grad = known === undefined ? grad : add(known, grad);
        return true;
      },
    });
  });
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
  const found = inMode(createGraph, () => {
    const results = new Array<Tensor | undefined>(ins.length).fill(undefined);
    const seeds = outs.map((output, i) => seedFor(output, given?.[i], "grad"));
    walk({
      roots,
      seeds,
      retainGraph,
      createGraph,
      arrive(node, grads) {
        wanted.forEach((edge, i) => {
          if (edge.node === node) results[i] = grads[edge.outputIndex]?.alias();
        });
        return node.isLeaf;
      },
    });
    return results;
  });
  found.forEach((result, i) => {
    if (result !== undefined) register(result);
    if (result !== undefined || options.allowUnused) return;
    throw new AutogradError(
      `grad: no output depends on input ${i}. Pass { allowUnused: true } to get undefined for it.`,
    );
  });
  return (isTensor(inputs) ? found[0] : found) as Gradients<I, O>;
}
