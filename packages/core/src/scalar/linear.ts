// Straight-line form of scalar expressions: a list of instructions in which equal subexpressions
// stand once. Backends walk it; its text is what kernel caches compare.
import { type DType, shortName } from "../dtype.ts";
import { type Instruction, type Leaf, type Scalar, nodesOf, operandsOf } from "./instruction.ts";

export interface Step {
  readonly op: Instruction | Leaf | "const" | "cast" | "bitcast" | "select";
  readonly dtype: DType;
  /** Positions of the operands in the list; `select` has condition, x, y. */
  readonly operands: readonly number[];
  /** Of a constant. */
  readonly value?: number | bigint;
  /** Of a leaf: which load, param, axis, state or argument. */
  readonly position?: number;
}

export interface LinearScalars {
  readonly steps: readonly Step[];
  /** Where each root expression's value is. */
  readonly results: readonly number[];
  /** Equal texts mean equal programs. */
  readonly text: string;
}

function showStep(step: Step): string {
  const type = shortName(step.dtype);
  if (step.op === "const") return `${Object.is(step.value, -0) ? "-0" : step.value}:${type}`;
  if (step.position !== undefined) return `${step.op}${step.position}:${type}`;
  return `${step.op}:${type}(${step.operands.map((operand) => `%${operand}`).join(" ")})`;
}

/** Linearises expressions together, merging equal subexpressions. */
export function linearize(roots: readonly Scalar[]): LinearScalars {
  const steps: Step[] = [];
  const known = new Map<string, number>();
  const place = new Map<Scalar, number>();
  for (const node of nodesOf(...roots)) {
    const step: Step = {
      op: node.op,
      dtype: node.dtype,
      operands: operandsOf(node).map((operand) => place.get(operand)!),
      ...("value" in node && { value: node.value }),
      ...("position" in node && { position: node.position }),
    };
    const text = showStep(step);
    let at = known.get(text);
    if (at === undefined) {
      at = steps.length;
      steps.push(step);
      known.set(text, at);
    }
    place.set(node, at);
  }
  const results = roots.map((root) => place.get(root)!);
  const text = `${[...known.keys()].join("; ")} -> ${results.map((at) => `%${at}`).join(" ")}`;
  return { steps, results, text };
}

/** One expression as readable text: `max(%x, 0)`. */
export function showScalar(e: Scalar): string {
  if (e.op === "const") return `${e.value}`;
  if ("position" in e) return `${e.op}${e.position}`;
  const operands = operandsOf(e).map(showScalar).join(", ");
  return e.op === "cast" || e.op === "bitcast"
    ? `${e.op}<${shortName(e.dtype)}>(${operands})`
    : `${e.op}(${operands})`;
}
