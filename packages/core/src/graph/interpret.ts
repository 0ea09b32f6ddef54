// Runs a graph op by op, as if its ops were called anew: the meaning of plans. Replay comes here when a program
// failed, to find the op and the position that were wrong.
import { run } from "../apply.ts";
import type { Tensor } from "../tensor.ts";
import { type Graph, type GraphValue, isGraphValue } from "./graph.ts";
import { givenValues } from "./plan.ts";

/** All values of a graph on what `sourcesOf` gives. The caller disposes of them. */
export function interpret(graph: Graph, given: readonly Tensor[]): Map<GraphValue, Tensor> {
  const values = new Map<GraphValue, Tensor>();
  const give = (value: GraphValue, tensor: Tensor) => values.set(value, tensor);
  try {
    givenValues(graph).forEach((value, i) => give(value, given[i]!.withoutHistory()));
    for (const { operation, attributes, inputs, outputs } of graph.nodes) {
      const operands = inputs.map((x) => (isGraphValue(x) ? values.get(x)! : x));
      run(operation, operands, attributes).forEach((result, i) => give(outputs[i]!, result));
    }
  } catch (error) {
    for (const tensor of values.values()) tensor.dispose();
    throw error;
  }
  return values;
}
