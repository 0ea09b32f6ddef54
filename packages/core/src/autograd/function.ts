// Functions whose gradient is written by hand: forward runs unrecorded, and one tape node stands for
// all of it. `torch.autograd.Function`.
import { isContinuous } from "../dtype.ts";
import { AutogradError } from "../errors.ts";
import { modes, noGrad } from "../modes.ts";
import type { Description } from "../operation.ts";
import { register, scope } from "../scope.ts";
import { type Tensor, isTensor } from "../tensor.ts";
import { type Saved, SavedValues } from "./saved.ts";
import { type Edge, GradientNode, edgeOf, usedTwice } from "./tape.ts";

type Results = Tensor | readonly Tensor[] | readonly [];

/** One gradient per result; of several results some may get none. */
export type ResultGrads<R> = R extends readonly unknown[]
  ? { readonly [K in keyof R]: Tensor | undefined }
  : Tensor;

export interface CustomFunction<I extends readonly unknown[], R extends Results, S extends object> {
  /** For errors and printed tapes. */
  readonly name: string;
  /**
   * Computes the result (a tensor or several) and says what `backward` reads: a plain object of
   * tensors and other values. Runs without recording; intermediates are freed.
   */
  readonly forward: (...inputs: I) => { readonly result: R; readonly saved: S };
  /**
   * One gradient per input, `undefined` where there is none, made with ops on tensors. Saved inputs
   * and results keep their history, so gradients of gradients need nothing more.
   */
  readonly backward: (
    saved: S,
    grads: ResultGrads<R>,
    needs: readonly boolean[],
  ) => readonly (Tensor | undefined)[];
  /**
   * The function on a batch, for `vmap`: batched inputs have one more axis, the first, and so have
   * the results. Without it `vmap` calls the function once per element.
   */
  readonly batch?: (inputs: readonly { value: unknown; isBatched: boolean }[]) => R;
}

type Pull = (
  saved: object,
  grads: readonly (Tensor | undefined)[],
  needs: readonly boolean[],
) => readonly (Tensor | undefined)[];

/** What a call keeps, outside any scope. */
interface Kept {
  readonly names: readonly string[];
  /** By position in `names`. */
  readonly values: SavedValues;
  /** Which of them are results: by position in `names`, which result, or -1. */
  readonly results: readonly number[];
  /** Whether a float tensor was saved that is neither input nor result: it has no history. */
  readonly hasConstants: boolean;
}

class FunctionNode extends GradientNode {
  readonly name: string;
  readonly #backward: Pull;
  #kept: Kept | undefined;

  constructor(
    name: string,
    backward: Pull,
    edges: readonly (Edge | undefined)[],
    outputs: readonly Description[],
    kept: Kept,
  ) {
    super(edges, outputs);
    this.name = name;
    this.#backward = backward;
    this.#kept = kept;
  }

  get isLeaf(): boolean {
    return false;
  }

  override pull(grads: readonly (Tensor | undefined)[]): readonly (Tensor | undefined)[] {
    const { name } = this;
    const kept = this.#kept;
    if (kept === undefined) throw usedTwice(name);
    if (modes.gradient && kept.hasConstants) {
      throw new AutogradError(
        `${name}: a gradient of its gradient was asked for, but backward reads a tensor that forward ` +
          `made and did not return, which has no history. Return it as one more result.`,
      );
    }
    const needs = this.edges.map((edge) => edge !== undefined);
    const saved: { [name: string]: unknown } = {};
    for (let i = 0; i < kept.names.length; i++) saved[kept.names[i]!] = kept.values.get(i);
    const pulled = this.#backward(saved, grads, needs);
    if (pulled.length !== this.edges.length) {
      throw new AutogradError(
        `${name}: backward gave ${pulled.length} gradients for ${this.edges.length} inputs. Return ` +
          `one per input, undefined where there is none.`,
      );
    }
    return pulled;
  }

  override release(): void {
    this.#kept?.values.release();
    this.#kept = undefined;
  }
}

function keep(saved: object, inputs: readonly unknown[], results: readonly Tensor[]): Kept {
  const names = Object.keys(saved);
  const values = new SavedValues(names.length);
  const positions = new Array<number>(names.length);
  let hasConstants = false;
  for (let i = 0; i < names.length; i++) {
    const value = (saved as { [name: string]: unknown })[names[i]!];
    values.set(i, value);
    positions[i] = isTensor(value) ? results.indexOf(value) : -1;
    if (!isTensor(value) || positions[i]! >= 0 || !isContinuous(value.dtype)) continue;
    if (!inputs.includes(value)) hasConstants = true;
  }
  return { names, values, results: positions, hasConstants };
}

/** While tracing, variables are what stands for their current values. */
function resolved<I extends readonly unknown[]>(inputs: I): I {
  const { recorder } = modes;
  if (recorder === undefined) return inputs;
  return inputs.map((x) => (isTensor(x) ? recorder.resolve([x])[0] : x)) as unknown as I;
}

const hasNode = (x: unknown): boolean => isTensor(x) && x.node !== undefined;

/** A result must be a tensor of its own, not an input that was passed through. */
function fresh(result: Tensor, inputs: readonly unknown[]): Tensor {
  if (!inputs.includes(result) && result.node === undefined) return result;
  const copy = result.withoutHistory();
  register(copy);
  return copy;
}

/** Makes one node stand for the whole call. Closes over no tensor: the tape must not keep results. */
function recordNode(
  name: string,
  backward: Pull,
  edges: readonly (Edge | undefined)[],
  results: readonly Tensor[],
  kept: Kept,
): void {
  const outputs = results.map(({ shape, dtype }) => ({ shape, dtype }));
  const node = new FunctionNode(name, backward, edges, outputs, kept);
  const own = (x: Saved, position: number) => {
    if (!isContinuous(results[position]!.dtype)) return;
    x.node = node;
    x.outputIndex = position;
  };
  results.forEach(own);
  kept.results.forEach((position, i) => {
    const handle = position < 0 ? undefined : kept.values.handle(i);
    if (handle !== undefined) own(handle, position);
  });
}

/**
 * Makes a function from its forward and its gradient:
 *
 *     const cube = customFunction({
 *       name: "cube",
 *       forward: (x: Tensor) => ({ result: mul(x, mul(x, x)), saved: { x } }),
 *       backward: ({ x }, grad) => [mul(grad, mul(3, mul(x, x)))],
 *     });
 */
export function customFunction<
  I extends readonly unknown[],
  const R extends Results,
  S extends object,
>({ name, forward, backward, batch }: CustomFunction<I, R, S>): (...inputs: I) => R {
  const pullOne: Pull = (saved, [grad], needs) =>
    backward(saved as S, grad as ResultGrads<R>, needs);
  const pullList: Pull = (saved, grads, needs) =>
    backward(saved as S, grads as unknown as ResultGrads<R>, needs);
  const call = (...given: I): R => {
    const inputs = resolved(given);
    const isTaped = modes.gradient && inputs.some(hasNode);
    const edges = isTaped ? inputs.map(edgeOf) : [];
    let kept: Kept | undefined;
    const body = (): Results =>
      noGrad(() => {
        const { result, saved } = forward(...inputs);
        const results = isTensor(result)
          ? fresh(result, inputs)
          : (result as readonly Tensor[]).map((one) => fresh(one, inputs));
        if (isTaped) kept = keep(saved, inputs, isTensor(results) ? [results] : results);
        return results;
      });
    const result = modes.recorder === undefined ? scope(body) : body();
    if (inputs.some((x) => isTensor(x) && x.batched !== undefined)) {
      // What the batches stand for may have history of its own, which only calls on it record.
      const lower = modes.batch!.function(
        call as unknown as (...inputs: unknown[]) => unknown,
        inputs,
        batch,
      );
      (isTensor(result) ? [result] : result).forEach((one, i) => {
        one.batched = { ...one.batched!, value: lower[i]!.alias() };
      });
      kept?.results.forEach((position, i) => {
        const handle = position < 0 ? undefined : kept!.values.handle(i);
        if (isTensor(handle))
          handle.batched = { ...handle.batched!, value: lower[position]!.alias() };
      });
    }
    if (kept !== undefined) {
      if (isTensor(result)) recordNode(name, pullOne, edges, [result], kept);
      else recordNode(name, pullList, edges, result, kept);
    }
    return result as R;
  };
  return call;
}
