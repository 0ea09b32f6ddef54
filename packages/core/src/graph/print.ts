// Graphs as text: one line per value, in the order of execution.
import { HostValue, attributesText } from "../operation.ts";
import { type Graph, type GraphOperand, type GraphValue, type StateSlot, isGraphValue } from "./graph.ts"; // prettier-ignore

const typeOf = ({ dtype, shape }: GraphValue): string => `${dtype}[${shape.join(", ")}]`;

function showOperand(operand: GraphOperand): string {
  if (operand instanceof HostValue) return "host";
  return isGraphValue(operand) ? `%${operand.id}` : String(operand);
}

/** `graph name(%0: float32[2, 3]) { … }`. State is numbered in the order of its first use. */
export function printGraph(graph: Graph): string {
  const owners = new Map<object, number>();
  const showSlot = ({ owner, kind }: StateSlot): string => {
    if (!owners.has(owner)) owners.set(owner, owners.size);
    return `variable${owners.get(owner)}${kind === "gradient" ? ".grad" : ""}`;
  };
  const inputs = graph.inputs.map((value) => `%${value.id}: ${typeOf(value)}`).join(", ");
  const lines = [`graph ${graph.name}(${inputs}) {`];
  for (const { value } of graph.constants)
    lines.push(`  %${value.id} = constant: ${typeOf(value)}`);
  for (const { value, slot } of graph.reads) {
    lines.push(`  %${value.id} = read ${showSlot(slot)}: ${typeOf(value)}`);
  }
  for (const { operation, attributes, inputs: operands, outputs } of graph.nodes) {
    const results = outputs.map((value) => `%${value.id}`).join(", ");
    const text = attributesText(attributes);
    const call = `${operation.name}(${operands.map(showOperand).join(", ")})`;
    lines.push(`  ${results} = ${call}${text && ` {${text}}`}: ${outputs.map(typeOf).join(", ")}`);
  }
  for (const { value, slot } of graph.writes) {
    lines.push(`  write ${showSlot(slot)} = ${value === undefined ? "none" : `%${value.id}`}`);
  }
  lines.push(`  return ${graph.outputs.map((value) => `%${value.id}`).join(", ")}`, "}");
  return lines.join("\n");
}
