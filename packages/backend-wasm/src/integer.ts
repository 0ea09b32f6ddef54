// int32 expressions for the address arithmetic of emitted code, and structured loops around them.
// Numbers that change from call to call are words of the parameter block, known by name.
import type { FunctionBuilder, Local } from "./encoder.ts";
import type { PlainOpcode } from "./opcodes.ts";

/** An int32 computed by emitted code. */
export type Integer = number | Variable | Word | Operation;

export interface Variable {
  readonly local: Local;
}
interface Word {
  readonly word: number;
}
interface Operation {
  readonly op: PlainOpcode;
  readonly x: Integer;
  readonly y: Integer;
}

const fold: Partial<Record<PlainOpcode, (x: number, y: number) => number>> = {
  "i32.add": (x, y) => (x + y) | 0,
  "i32.sub": (x, y) => (x - y) | 0,
  "i32.mul": Math.imul,
};

function binary(op: PlainOpcode, x: Integer, y: Integer): Integer {
  const folded = fold[op];
  if (folded && typeof x === "number" && typeof y === "number") return folded(x, y);
  return { op, x, y };
}

export const add = (x: Integer, y: Integer): Integer =>
  x === 0 ? y : y === 0 ? x : binary("i32.add", x, y);
export const sub = (x: Integer, y: Integer): Integer => (y === 0 ? x : binary("i32.sub", x, y));
export const mul = (x: Integer, y: Integer): Integer =>
  x === 0 || y === 0 ? 0 : x === 1 ? y : y === 1 ? x : binary("i32.mul", x, y);
export const div = (x: Integer, y: Integer): Integer => binary("i32.div_s", x, y);
export const rem = (x: Integer, y: Integer): Integer => binary("i32.rem_s", x, y);
export const and = (x: Integer, y: Integer): Integer => binary("i32.and", x, y);
export const sum = (...terms: Integer[]): Integer => terms.reduce(add, 0);
/** Comparisons are 0 or 1. */
export const less = (x: Integer, y: Integer): Integer => binary("i32.lt_s", x, y);
/** On addresses, which may lie above 2 GiB. */
export const below = (x: Integer, y: Integer): Integer => binary("i32.lt_u", x, y);
export const atLeast = (x: Integer, y: Integer): Integer => binary("i32.ge_s", x, y);
export const equal = (x: Integer, y: Integer): Integer => binary("i32.eq", x, y);
/** Not in `0 … size-1`. */
export const outside = (x: Integer, size: Integer): Integer => binary("i32.ge_u", x, size);

/** Writes a function's integer arithmetic. Its first parameter is the block's address. */
export class IntegerCode {
  readonly f: FunctionBuilder;
  private readonly names: ReadonlyMap<string, number>;

  /** `names` gives the position of each word in the block. */
  constructor(f: FunctionBuilder, names: ReadonlyMap<string, number>) {
    this.f = f;
    this.names = names;
  }

  /** A word of the parameter block. */
  word(name: string): Integer {
    return { word: this.position(name) };
  }

  /** How many bytes into the block a word lies. */
  addressOf(name: string): number {
    return this.position(name) * 4;
  }

  private position(name: string): number {
    const position = this.names.get(name);
    if (position === undefined) throw new Error(`contract: no parameter is called ${name}.`);
    return position;
  }

  push(value: Integer): this {
    if (typeof value === "number") this.f.i32(value);
    else if ("local" in value) this.f.get(value.local);
    else if ("word" in value) this.f.get(0).memory("i32.load", value.word * 4);
    else this.push(value.x).push(value.y).f.op(value.op);
    return this;
  }

  /** A new local; `initial` is computed here. */
  variable(initial?: Integer): Variable {
    const variable = { local: this.f.local("i32") };
    if (initial !== undefined) this.set(variable, initial);
    return variable;
  }

  set(variable: Variable, value: Integer): void {
    this.push(value).f.set(variable.local);
  }

  increase(variable: Variable, by: Integer): void {
    this.set(variable, add(variable, by));
  }

  /** `variable = min(variable, limit)`. */
  atMost(variable: Variable, limit: Integer): void {
    const other = this.variable(limit);
    this.when(less(other, variable), () => this.set(variable, other));
  }

  when(condition: Integer, body: () => void, otherwise?: () => void): void {
    this.push(condition).f.if();
    body();
    if (otherwise) {
      this.f.else();
      otherwise();
    }
    this.f.end();
  }

  /** `while (condition) body`, tested first. */
  while(condition: Integer, body: () => void): void {
    this.push(condition).f.if();
    const again = this.f.loop();
    body();
    this.push(condition).f.brIf(again);
    this.f.end().end();
  }

  /** `for (counter = from; counter < to; counter += step)`. */
  for(from: Integer, to: Integer, step: Integer, body: (counter: Variable) => void): void {
    const counter = this.variable(from);
    this.while(less(counter, to), () => {
      body(counter);
      this.increase(counter, step);
    });
  }

  /** Splits a flat position into one index per axis; `lengths` are outermost first. */
  decode(position: Integer, lengths: readonly Integer[]): Variable[] {
    const indices = lengths.map(() => this.variable());
    if (indices.length === 0) return indices;
    const rest = indices[0]!;
    this.set(rest, position);
    for (let axis = lengths.length - 1; axis > 0; axis--) {
      this.set(indices[axis]!, rem(rest, lengths[axis]!));
      this.set(rest, div(rest, lengths[axis]!));
    }
    return indices;
  }

  /** Moves `by` on along the innermost axis, at most to its end, and carries outwards. */
  advance(indices: readonly Variable[], lengths: readonly Integer[], by: Integer): void {
    const carry = (axis: number, step: Integer): void => {
      this.increase(indices[axis]!, step);
      if (axis === 0) return;
      this.when(atLeast(indices[axis]!, lengths[axis]!), () => {
        this.set(indices[axis]!, 0);
        carry(axis - 1, 1);
      });
    };
    if (indices.length > 0) carry(indices.length - 1, by);
  }
}
