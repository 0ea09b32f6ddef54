// The numbers that stand for instructions, dtypes and the like in programs for the engine. The C++ side
// is engine/generated/vocabulary.h, written from here by `npm run engine-header` (fresh in `check`).
import { binaryInstructions, unaryInstructions } from "@flambeau/core/extension";

/** Steps of an expression: the scalar vocabulary, what stands apart from it, and the leaves. */
export const opcodes = [
  ...unaryInstructions,
  ...binaryInstructions,
  "select", "cast", "bitcast", "const", "load", "param", "index", "state", "other", "kept",
] as const; // prettier-ignore
export type Opcode = (typeof opcodes)[number];

/** What memory holds. Registers hold the first six; the rest are widened when loaded. */
export const wordTypes = [
  "bool", "uint8", "int32", "int64", "float32", "float64",
  "int8", "int16", "uint16", "float16", "bfloat16",
] as const; // prettier-ignore
export type WordType = (typeof wordTypes)[number];

export const combines = ["set", "add", "mul", "max", "min"] as const;
export const kernelKinds = ["map", "reduce", "scan", "rows", "contract", "routine"] as const;
