// Weights as a length times a direction. Salimans and Kingma, 2016.
import {
  FlambeauError,
  type HookHandle,
  Parameter,
  type Tensor,
  noGrad,
  scope,
} from "@flambeau/core";
import { stateOf } from "./layers/parameter.ts";
import type { Module } from "./module.ts";

export interface WeightNormOptions {
  /** Which parameter. Default `weight`. */
  readonly name?: string;
  /** The axis that keeps a length for each position; null: one length for all. Default 0. */
  readonly axis?: number | null;
}

type Fields = Record<string, Tensor | undefined>;

const hooks = new WeakMap<Module, Map<string, { readonly hook: HookHandle; readonly axis: number | null }>>(); // prettier-ignore

/** Lengths along an axis, which keep the rank. */
const lengths = (v: Tensor, axis: number | null): Tensor => {
  const at = axis === null ? null : axis < 0 ? axis + v.ndim : axis;
  const folded = v.shape.map((_, i) => i).filter((i) => i !== at);
  return scope(() => v.square().sum(folded, { keepDims: true }).sqrt());
};

const weightOf = (g: Tensor, v: Tensor, axis: number | null): Tensor =>
  scope(() => v.mul(g.div(lengths(v, axis))));

/**
 * Makes a parameter the product of its lengths (`weight_g` in a state dict) and directions (`weight_v`),
 * which learn apart; it is computed anew in each call. `torch.nn.utils.weight_norm`.
 */
export function weightNorm<M extends Module>(module: M, { name = "weight", axis = 0 }: WeightNormOptions = {}): M {
  const fields = module as unknown as Fields;
  const weight = fields[name];
  if (!(weight instanceof Parameter)) {
    throw new FlambeauError(
      `weightNorm: ${module.constructor.name}.${name} is not a Parameter. Name one with { name }.`,
    );
  }
  const [g, v] = stateOf(() =>
    noGrad(() => [new Parameter(lengths(weight, axis)), new Parameter(weight.detach())]),
  ) as [Parameter, Parameter];
  const compute = (): void => {
    fields[name] = weightOf(fields[`${name}G`]!, fields[`${name}V`]!, axis);
  };
  Object.assign(module, { [`${name}G`]: g, [`${name}V`]: v });
  compute();
  const hook = module.registerForwardPreHook(compute);
  const own = hooks.get(module) ?? new Map();
  own.set(name, { hook, axis });
  hooks.set(module, own);
  return module;
} // prettier-ignore

/** Undoes `weightNorm`: the weight is a parameter again. `torch.nn.utils.remove_weight_norm`. */
export function removeWeightNorm<M extends Module>(module: M, name = "weight"): M {
  const found = hooks.get(module)?.get(name);
  if (found === undefined) {
    throw new FlambeauError(
      `removeWeightNorm: ${module.constructor.name}.${name} has no weight norm.`,
    );
  }
  found.hook.remove();
  hooks.get(module)!.delete(name);
  const fields = module as unknown as Fields;
  const [g, v] = [fields[`${name}G`]!, fields[`${name}V`]!];
  fields[name] = stateOf(() => noGrad(() => new Parameter(weightOf(g, v, found.axis))));
  Reflect.deleteProperty(fields, `${name}G`);
  Reflect.deleteProperty(fields, `${name}V`);
  return module;
}
