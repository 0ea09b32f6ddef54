// Plans as text: what runs at once, what does not and why.
import type { CallStep, Plan, PlanStep, ProgramStep } from "./plan.ts";

const counted = (count: number, noun: string): string =>
  `${count} ${noun}${count === 1 ? "" : "s"}`;

/** `matmul, add ×3, relu`, in the order of first uses. */
function opsText(names: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return [...counts].map(([name, count]) => (count === 1 ? name : `${name} ×${count}`)).join(", ");
}

function programText({ device, kernelCount, inputs, outputs, temporaries, nodes }: ProgramStep): string {
  const buffers = [
    counted(inputs.length, "input"),
    counted(outputs.length, "output"),
    counted(temporaries.length, "temporary").replace("temporarys", "temporaries"),
  ];
  const ops = opsText(nodes.map(({ node }) => node.operation.name));
  return `program of ${counted(kernelCount, "kernel")} on ${device.name} (${buffers.join(", ")}): ${ops}`;
} // prettier-ignore

const callsText = (calls: readonly CallStep[]): string =>
  `${calls.length === 1 ? "op" : "ops"} ${opsText(calls.map(({ node }) => node.operation.name))} ` +
  `called alone: ${calls[0]!.reason}`;

const isSame = (a: PlanStep | undefined, b: PlanStep): boolean =>
  a?.kind === "call" && b.kind === "call" && a.reason === b.reason;

/** One line for each program, and for neighbouring ops that are called for the same reason. */
export function explainPlan({ graph, steps }: Plan): string {
  const lines: string[] = [];
  for (let i = 0; i < steps.length;) {
    const step = steps[i]!;
    if (step.kind === "program") {
      lines.push(programText(step));
      i++;
      continue;
    }
    const calls = [step];
    while (++i < steps.length && isSame(step, steps[i]!)) calls.push(steps[i] as typeof step);
    lines.push(callsText(calls));
  }
  return [`${graph.name}:`, ...lines.map((line) => `  ${line}`)].join("\n");
}
