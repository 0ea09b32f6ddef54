// Finds parameters that a model uses but its walk cannot see, before training silently skips them.
import { FlambeauError, Parameter, type Tensor, isTensor } from "@flambeau/core";
import type { Module } from "./module.ts";
import { isReached } from "./walk.ts";

type Node = NonNullable<Tensor["node"]>;

/** Tensors in arrays and plain objects. */
export function tensorsIn(value: unknown): Tensor[] {
  if (isTensor(value)) return [value];
  if (Array.isArray(value)) return value.flatMap(tensorsIn);
  if (typeof value !== "object" || value === null) return [];
  return Object.getPrototypeOf(value) === Object.prototype
    ? Object.values(value).flatMap(tensorsIn)
    : [];
}

const nodesOf = (value: unknown): Node[] =>
  tensorsIn(value).flatMap(({ node }) => (node === undefined ? [] : [node]));

/** Parameters that `output` was computed from, on the way back to `inputs`. */
function parametersUsed(inputs: unknown, output: unknown): Set<Parameter> {
  const found = new Set<Parameter>();
  const seen = new Set<Node>(nodesOf(inputs));
  const pending = nodesOf(output).filter((node) => !seen.has(node));
  for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
    if (seen.has(node)) continue;
    seen.add(node);
    if ("tensor" in node && node.tensor instanceof Parameter) found.add(node.tensor);
    for (const edge of node.edges) if (edge !== undefined) pending.push(edge.node);
  }
  return found;
}

/**
 * Throws where the tape of a call reaches a parameter that no module's walk does.
 * @returns whether there was a tape to look at.
 */
export function requireReachable(module: Module, inputs: unknown, output: unknown): boolean {
  if (nodesOf(output).length === 0) return false;
  module.parameters();
  for (const parameter of parametersUsed(inputs, output)) {
    if (isReached(parameter)) continue;
    throw new FlambeauError(
      `${module.constructor.name}: forward uses a Parameter of shape [${parameter.shape.join(", ")}] ` +
        `that is in none of its fields, so optimizers and checkpoints would miss it. Keep it in a ` +
        `plain field, an array or a plain object: private fields (#weight), Maps, Sets and variables ` +
        `outside the class are not walked.`,
    );
  }
  return true;
}
