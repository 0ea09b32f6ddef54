// Modules as functions of their state: parameters given as tensors, for `func.grad` and `func.vmap`, or as
// one vector.
import {
  FlambeauError,
  Parameter,
  ShapeError,
  type Tensor,
  Variable,
  concat,
  noGrad,
  scope,
} from "@flambeau/core";
import type { Module, StateDict } from "./module.ts";
import { type Slot, variableSlots } from "./walk.ts";

/** What stands in: buffers are written to while a module trains, so theirs is a variable. */
function standIn(variable: Variable, value: Tensor): Variable {
  const isPlain = value.batched === undefined && value.symbol === undefined;
  const isState = value instanceof Variable || variable instanceof Parameter || !isPlain;
  return (isState ? value : new Variable(value)) as Variable;
}

function requireKnown(module: Module, state: StateDict, slots: readonly (readonly [string, Slot<Variable>])[]): void {
  const names = new Map(slots);
  for (const [name, value] of Object.entries(state)) {
    const slot = names.get(name);
    if (slot === undefined) {
      throw new FlambeauError(
        `functionalCall: ${module.constructor.name} has no parameter or buffer ${JSON.stringify(name)}. It has ` +
          `${[...names.keys()].join(", ") || "none"}.`,
      );
    }
    if (String(slot.value.shape) === String(value.shape)) continue;
    throw new ShapeError(
      `functionalCall: ${name} has shape [${slot.value.shape.join(", ")}], got [${value.shape.join(", ")}].`,
    );
  }
} // prettier-ignore

/**
 * Calls a module with other tensors in place of the parameters and buffers that `state` names (as in a
 * state dict); tied ones are replaced everywhere. Gradients flow to the tensors given; what the module
 * writes to its buffers meanwhile is lost. `torch.func.functional_call`.
 */
export function functionalCall<M extends Module>(
  module: M,
  state: StateDict,
  ...inputs: Parameters<M["forward"]>
): ReturnType<M["forward"]> {
  const slots = variableSlots(module);
  requireKnown(module, state, slots);
  const replacements = new Map<Variable, Variable>();
  for (const [name, { value }] of slots) {
    const given = Object.hasOwn(state, name) ? state[name] : undefined;
    if (given !== undefined) replacements.set(value, standIn(value, given));
  }
  const replaced = slots.flatMap(([, slot]) => {
    const next = replacements.get(slot.value);
    return next === undefined ? [] : [{ slot, next }];
  });
  try {
    for (const { slot, next } of replaced) slot.replace(next);
    return (module as unknown as (...values: unknown[]) => ReturnType<M["forward"]>)(...inputs);
  } finally {
    for (const { slot } of replaced) slot.replace(slot.value);
  }
}

/** All elements one after another, `[size]`; gradients flow. `torch.nn.utils.parameters_to_vector`. */
export const parametersToVector = (parameters: Iterable<Tensor>): Tensor =>
  concat([...parameters].map((parameter) => parameter.reshape([-1])), 0); // prettier-ignore

/** Gives parameters the elements of a vector, in order. `torch.nn.utils.vector_to_parameters`. */
export function vectorToParameters(vector: Tensor, parameters: Iterable<Variable>): void {
  const list = [...parameters];
  const total = list.reduce((sum, { size }) => sum + size, 0);
  if (vector.ndim !== 1 || vector.size !== total) {
    throw new ShapeError(
      `vectorToParameters: expected a vector of ${total} elements, got shape [${vector.shape.join(", ")}].`,
    );
  }
  noGrad(() =>
    scope(() => {
      let start = 0;
      for (const parameter of list) {
        const end = start + parameter.size;
        const part = vector.slice(0, { start, end }).reshape(parameter.shape);
        // A copy: the parameters must not share the vector's buffer.
        parameter.assign(part.to(parameter.dtype).clone());
        start = end;
      }
    }),
  );
}
