// Replays a graph kernel by kernel, freeing each value after its last use.
import { run } from "../apply.ts";
import { register } from "../scope.ts";
import type { Tensor } from "../tensor.ts";
import type { Variable } from "../variable.ts";
import { type Graph, type GraphValue, isGraphValue } from "./graph.ts";

/** For each node, the values that nothing after it needs. */
const lastUses = new WeakMap<Graph, (readonly GraphValue[])[]>();

function lastUsesOf(graph: Graph): (readonly GraphValue[])[] {
  let result = lastUses.get(graph);
  if (result !== undefined) return result;
  const needed = new Set<GraphValue>([
    ...graph.outputs,
    ...graph.writes.flatMap(({ value }) => (value ? [value] : [])),
  ]);
  result = new Array(graph.nodes.length);
  for (let i = graph.nodes.length - 1; i >= 0; i--) {
    const { inputs, outputs } = graph.nodes[i]!;
    const ending: GraphValue[] = [];
    for (const value of [...outputs, ...inputs.filter(isGraphValue)]) {
      if (needed.has(value)) continue;
      needed.add(value);
      ending.push(value);
    }
    result[i] = ending;
  }
  lastUses.set(graph, result);
  return result;
}

/** Runs the program on `inputs`, updates the state it writes, and returns its outputs. */
export function runGraph(graph: Graph, inputs: readonly Tensor[]): Tensor[] {
  const values = new Map<GraphValue, Tensor>();
  // Handles of our own: what arguments, constants and state hold is not ours to free.
  graph.inputs.forEach((value, i) => values.set(value, inputs[i]!.withoutHistory()));
  for (const { value, tensor } of graph.constants) values.set(value, tensor.withoutHistory());
  for (const { value, slot } of graph.reads) {
    const held = slot.kind === "value" ? slot.owner : slot.owner.heldGradient!;
    values.set(value, held.withoutHistory());
  }
  const endings = lastUsesOf(graph);
  graph.nodes.forEach((node, i) => {
    const operands = node.inputs.map((operand) =>
      isGraphValue(operand) ? values.get(operand)! : operand,
    );
    const results = run(node.operation, operands, node.attributes);
    node.outputs.forEach((value, output) => values.set(value, results[output]!));
    for (const value of endings[i]!) {
      values.get(value)!.dispose();
      values.delete(value);
    }
  });
  const outputs = graph.outputs.map((value) => values.get(value)!.withoutHistory());
  outputs.forEach(register);
  for (const { value, slot } of graph.writes) {
    const result = value && values.get(value)!;
    if (slot.kind === "gradient") slot.owner.grad = result;
    else (slot.owner as Variable).assign(result!);
  }
  for (const tensor of values.values()) tensor.dispose();
  return outputs;
}
