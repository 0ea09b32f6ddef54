// Straight-line form of scalar expressions: a list of instructions in which equal subexpressions
// stand once. Backends walk it; its text is what kernel caches compare.
import { type DType, shortName } from "../dtype.ts";
import {
  type ComplexInstruction,
  type Instruction,
  type Leaf,
  type Scalar,
  operandsOf,
} from "./instruction.ts";

export interface Step {
  readonly op: Instruction | ComplexInstruction | Leaf | "const" | "cast" | "bitcast" | "select";
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

/** The text is made when asked for: many programs are emitted once and never shown. */
class Program implements LinearScalars {
  readonly steps: Step[] = [];
  results: number[] = [];
  #text: string | undefined;

  get text(): string {
    this.#text ??= `${this.steps.map(showStep).join("; ")} -> ${this.results.map((at) => `%${at}`).join(" ")}`;
    return this.#text;
  }
}

/** Linearises expressions together, merging equal subexpressions. */
export function linearize(roots: readonly Scalar[]): LinearScalars {
  const program = new Program();
  const { steps } = program;
  const known = new Map<string, number>();
  const place = new Map<Scalar, number>();
  const add = (node: Scalar, operands: readonly number[]): void => {
    let key = `${node.op} ${node.dtype}`;
    for (const operand of operands) key += ` ${operand}`;
    if ("position" in node) key += ` ${node.position}`;
    else if ("value" in node) key += Object.is(node.value, -0) ? " -0" : ` ${node.value}`;
    let at = known.get(key);
    if (at === undefined) {
      at = steps.length;
      known.set(key, at);
      if ("position" in node) {
        steps.push({ op: node.op, dtype: node.dtype, operands, position: node.position });
      } else if ("value" in node) {
        steps.push({ op: node.op, dtype: node.dtype, operands, value: node.value });
      } else steps.push({ op: node.op, dtype: node.dtype, operands });
    }
    place.set(node, at);
  };
  // A stack instead of recursion: fused expressions may be thousands of nodes deep.
  const stack = roots.toReversed();
  while (stack.length > 0) {
    const node = stack.at(-1)!;
    if (place.has(node)) {
      stack.pop();
      continue;
    }
    const operands = operandsOf(node);
    const waiting = stack.length;
    for (let i = operands.length - 1; i >= 0; i--) {
      if (!place.has(operands[i]!)) stack.push(operands[i]!);
    }
    if (stack.length > waiting) continue;
    stack.pop();
    add(node, operands.map((operand) => place.get(operand)!)); // prettier-ignore
  }
  program.results = roots.map((root) => place.get(root)!);
  return program;
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
