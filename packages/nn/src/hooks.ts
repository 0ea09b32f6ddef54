// Functions that users hang on a module: before and after forward, and on the way back.
import { FlambeauError, type HookHandle, type Tensor, isTensor } from "@flambeau/core";
import { tensorsIn } from "./hidden-parameters.ts";
import type { Module } from "./module.ts";

/** May return other inputs, as an array. */
export type ForwardPreHook = (module: Module, inputs: unknown[]) => unknown[] | undefined | void;
/** May return another output. */
export type ForwardHook = (module: Module, inputs: unknown[], output: unknown) => unknown;
/**
 * Gets the gradients of the inputs (`undefined` where none is needed) and of the outputs. May return
 * another gradient for the input, where there is one only.
 */
export type BackwardHook = (
  module: Module,
  gradInputs: readonly (Tensor | undefined)[],
  gradOutputs: readonly (Tensor | undefined)[],
) => readonly (Tensor | undefined)[] | undefined | void;

/** Hooks of one kind, in the order of their registration. */
export class HookList<F> {
  readonly #hooks = new Set<{ readonly hook: F }>();

  get size(): number {
    return this.#hooks.size;
  }

  add(hook: F): HookHandle {
    const entry = { hook };
    this.#hooks.add(entry);
    return { remove: () => void this.#hooks.delete(entry) };
  }

  *[Symbol.iterator](): Generator<F> {
    for (const { hook } of this.#hooks) yield hook;
  }
}

/** The same elements behind nodes of their own, so that hooks see this use of it only. */
const separate = <T>(x: T): T =>
  isTensor(x) && x.node !== undefined ? (x.unsqueeze(0).squeeze(0) as unknown as T) : x;

/** Runs `forward` so that its gradients pass through the hooks. */
export function withBackwardHooks(
  module: Module,
  hooks: HookList<BackwardHook>,
  given: readonly unknown[],
  forward: (inputs: readonly unknown[]) => unknown,
): unknown {
  const inputs = given.map(separate);
  const output = forward(inputs);
  const outputs = isTensor(output) ? separate(output) : output;
  const tensors = tensorsIn(outputs);
  const gradOutputs: (Tensor | undefined)[] = tensors.map(() => undefined);
  const tracked = inputs.filter(isTensor).filter(({ node }) => node !== undefined);
  const gradInputs: (Tensor | undefined)[] = inputs.map(() => undefined);
  let waiting = 0;

  const call = (): Tensor | undefined => {
    for (const hook of hooks) {
      const replaced = hook(module, gradInputs, gradOutputs);
      if (replaced === undefined) continue;
      if (tracked.length !== 1) {
        throw new FlambeauError(
          `${module.constructor.name}: a backward hook may replace the gradient of one input, but ` +
            `${tracked.length} need one. Use registerHook on the input tensors.`,
        );
      }
      replaced.forEach((grad, i) => (gradInputs[i] = grad ?? gradInputs[i]));
    }
    return tracked.length === 1 ? gradInputs.find((grad) => grad !== undefined) : undefined;
  };

  tensors.forEach((tensor, i) => {
    if (tensor.node === undefined) return;
    if (tracked.length === 0) waiting++;
    tensor.registerHook((grad) => {
      gradOutputs[i] = grad;
      if (tracked.length === 0 && --waiting === 0) call();
      return undefined;
    });
  });
  waiting += tracked.length;
  inputs.forEach((input, i) => {
    if (!isTensor(input) || input.node === undefined) return;
    input.registerHook((grad) => {
      gradInputs[i] = grad;
      return --waiting === 0 ? call() : undefined;
    });
  });
  return outputs;
}
