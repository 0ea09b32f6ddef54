// Writes scalar expressions in the straight-line form that programs have.
import {
  type DType,
  type Scalar,
  type Step,
  type ValueDType,
  linearize,
} from "@flambeau/core/extension";
import { type Opcode, opcodes, wordTypes } from "./vocabulary.ts";
import type { Words } from "./words.ts";

const opcodeOf = new Map<string, number>(opcodes.map((name, i) => [name, i]));
const typeOf = new Map<string, number>(wordTypes.map((name, i) => [name, i]));

/** Whether memory of kernels holds the dtype as it is. */
export const isHeld = (dtype: DType): boolean => typeOf.has(dtype);

/** The number of what memory or registers hold. */
export function typeNumber(dtype: DType): number {
  const found = typeOf.get(dtype);
  if (found === undefined) throw new Error(`native: kernels do not hold ${dtype}.`);
  return found;
}

function opcodeNumber(op: string): number {
  const found = opcodeOf.get(op);
  if (found === undefined) throw new Error(`native: expressions have no ${op}.`);
  return found;
}

const differs = opcodeNumber("ne" satisfies Opcode);
const constant = opcodeNumber("const" satisfies Opcode);
const bool = typeNumber("bool");

/** Writes expressions together; each shared step stands once. */
export function writeExpressions(words: Words, roots: readonly Scalar[]): void {
  const { steps, results } = linearize(roots);
  const countAt = words.length;
  words.u(0);
  /** Where each step went: some need others before them. */
  const placeOf = new Array<number>(steps.length);
  let count = 0;
  const head = (op: number, type: number): number => {
    words.u(op + 256 * type);
    return count++;
  };

  /** Conditions of any type count as true where they are not 0. */
  const truthOf = (condition: number): number => {
    const { dtype } = steps[condition]!;
    if (dtype === "bool") return placeOf[condition]!;
    const zero = head(constant, typeNumber(dtype));
    words.bits(0, dtype as ValueDType);
    const truth = head(differs, bool);
    words.u(placeOf[condition]!);
    words.u(zero);
    return truth;
  };

  steps.forEach((step: Step, at) => {
    const { op, operands, dtype, position, value } = step;
    const first = op === "select" ? truthOf(operands[0]!) : -1;
    const type = typeNumber(dtype);
    placeOf[at] = head(opcodeNumber(op), type);
    if (op === "const") words.bits(value!, dtype as ValueDType);
    else if (position !== undefined) words.u(position);
    else
      operands.forEach((operand, i) => words.u(i === 0 && first >= 0 ? first : placeOf[operand]!));
  });
  words.set(countAt, count);
  words.u(results.length);
  for (const result of results) words.u(placeOf[result]!);
}
