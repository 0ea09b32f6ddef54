// Writes one kernel's own part of a program: loops, accesses, states, or a routine and its operands.
import {
  type Access,
  type ContractKernel,
  type Load,
  type LoopKernel,
  type RoutineKernel,
  type ScanState,
  type State,
  type Store,
  convert,
  encodeHalf,
  isHalf,
  valueDType,
} from "@flambeau/core/extension";
import { typeNumber, writeExpressions } from "./program-expressions.ts";
import { combines } from "./vocabulary.ts";
import type { Words } from "./words.ts";

/** How matrix products of float32 may be computed. */
export type Precision = "highest" | "bfloat16";

const sourceOf = (value: number | bigint) => (typeof value === "bigint" ? "int64" : "float64");

function writeAccess(words: Words, access: Access): void {
  const { operand, dtype, offset, strides, guards = [], indirections = [] } = access;
  words.u(operand);
  words.u(typeNumber(dtype));
  words.wide(offset);
  words.wides(strides);
  words.u(guards.length);
  for (const { base, divisor, size, stride, coefficients } of guards) {
    words.wide(base);
    words.wide(divisor);
    words.wide(size);
    words.wide(stride);
    words.wides(coefficients);
  }
  words.u(indirections.length);
  for (const { load, wraps, size, stride } of indirections) {
    words.u(load);
    words.u(wraps === true ? 1 : 0);
    words.wide(size);
    words.wide(stride);
  }
}

function writeLoad(words: Words, load: Load): void {
  writeAccess(words, load);
  words.bits(convert(load.fill ?? 0, "float64", load.dtype), valueDType(load.dtype));
}

function writeStore(words: Words, store: Store): void {
  writeAccess(words, store);
  words.u(combines.indexOf(store.combine ?? "set"));
}

/** What `initial` leaves in memory. */
function writeWord(words: Words, value: number | bigint, { dtype }: Store): void {
  if (isHalf(dtype)) words.bits(encodeHalf(Number(value), dtype), "int32");
  else words.bits(convert(value, sourceOf(value), dtype), valueDType(dtype));
}

function writeStates(words: Words, states: readonly (State | ScanState)[]): void {
  words.u(states.length);
  for (const { dtype, initial } of states) {
    words.u(typeNumber(dtype));
    words.bits(convert(initial, sourceOf(initial), dtype), valueDType(dtype));
  }
}

const steps = (states: readonly (State | ScanState)[]) => states.map(({ step }) => step);
const merges = (states: readonly State[]) => states.map(({ merge }) => merge);

function writeGroups(words: Words, kernel: ContractKernel, precision: Precision): void {
  const { groups, accumulator } = kernel;
  for (const count of [groups.batch, groups.m, groups.n, groups.k]) words.u(count);
  words.u(typeNumber(accumulator));
  words.u(precision === "bfloat16" ? 1 : 0);
}

export function writeLoops(words: Words, kernel: LoopKernel, precision: Precision): void {
  words.u(kernel.axes.length);
  words.wides(kernel.axes);
  words.u(kernel.loads.length);
  for (const load of kernel.loads) writeLoad(words, load);
  words.u(kernel.stores.length);
  for (const store of kernel.stores) writeStore(words, store);
  const { initial } = kernel;
  words.u(initial === undefined ? 0 : 1);
  if (initial !== undefined) for (const store of kernel.stores) writeWord(words, initial, store);
  switch (kernel.kind) {
    case "map":
      break;
    case "reduce":
      words.u(kernel.reduced);
      writeStates(words, kernel.states);
      writeExpressions(words, steps(kernel.states));
      writeExpressions(words, merges(kernel.states));
      break;
    case "scan":
      words.u(kernel.isReversed ? 1 : 0);
      writeStates(words, kernel.states);
      writeExpressions(words, steps(kernel.states));
      break;
    case "rows":
      words.u(kernel.row);
      words.u(kernel.stages.length);
      for (const { states, kept } of kernel.stages) {
        writeStates(words, states);
        writeExpressions(words, kept);
        writeExpressions(words, steps(states));
        writeExpressions(words, merges(states));
      }
      break;
    case "contract":
      writeGroups(words, kernel, precision);
  }
  writeExpressions(
    words,
    kernel.stores.map(({ value }) => value),
  );
}

export function writeRoutine(
  words: Words,
  { name, inputs, outputs, attributes = [] }: RoutineKernel,
): void {
  words.u(name.length);
  for (const character of name) words.u(character.charCodeAt(0));
  for (const operands of [inputs, outputs]) {
    words.u(operands.length);
    for (const { dtype, shape, strides } of operands) {
      words.u(typeNumber(dtype));
      words.u(shape.length);
      words.wides(shape);
      words.u(strides === undefined ? 0 : 1);
      if (strides !== undefined) words.wides(strides);
    }
  }
  words.u(attributes.length);
  for (const value of attributes) words.bits(value, "float64");
}
