// What instruction tables need to emit one instruction: the function being built, imported Math
// functions, helper functions and scratch locals. Tables: scalar-table.ts and vector-table.ts.
import { type DType, type Instruction, DTypeError } from "@flambeau/core/extension";
import type { FunctionBuilder, FunctionIndex, Local, ModuleBuilder, ValueType } from "./encoder.ts";
import { type MathImport, binaryMathImports, unaryMathImports } from "./math.ts";

/** Emits one instruction on operands in locals and leaves the result on the stack. */
export type Row = (code: Code, x: Local, y: Local, constantY?: number | bigint) => void;

/** A function under construction together with what its module offers. */
export class Code {
  readonly f: FunctionBuilder;
  private readonly module: ModuleBuilder;
  private readonly imports: ReadonlyMap<string, FunctionIndex>;
  private readonly helpers = new Map<string, FunctionBuilder>();
  private readonly scratches = new Map<string, Local>();
  private readonly hoisted = new Map<string, Local>();

  constructor(
    module: ModuleBuilder,
    f: FunctionBuilder,
    imports: ReadonlyMap<string, FunctionIndex>,
  ) {
    this.module = module;
    this.f = f;
    this.imports = imports;
  }

  /** Pushes the result of an imported function on what is on the stack. */
  callMath(name: MathImport): void {
    const index = this.imports.get(name);
    if (index === undefined) throw new Error(`wasm: ${name} was not imported.`);
    this.f.call(index);
  }

  /** A function of this module, built on first use. */
  helper(
    name: string,
    params: readonly ValueType[],
    results: readonly ValueType[],
    build: (f: FunctionBuilder) => void,
  ): FunctionBuilder {
    let helper = this.helpers.get(name);
    if (helper === undefined) {
      helper = this.module.function(undefined, params, results);
      this.helpers.set(name, helper);
      build(helper);
    }
    return helper;
  }

  /** A local for use within one instruction; the same one for equal names. */
  scratch(type: ValueType, name: string): Local {
    const key = `${type} ${name}`;
    let local = this.scratches.get(key);
    if (local === undefined) {
      local = this.f.local(type);
      this.scratches.set(key, local);
    }
    return local;
  }

  /** A local set once at the start of the function; the same one for equal keys. */
  hoist(key: string, type: ValueType, emit: (f: FunctionBuilder) => void): Local {
    let local = this.hoisted.get(key);
    if (local === undefined) {
      local = this.f.local(type);
      this.hoisted.set(key, local);
      this.f.atStart(() => {
        emit(this.f);
        this.f.set(local!);
      });
    }
    return local;
  }
}

/** Declares the Math functions that `instructions` may call; before the module's first function. */
export function importMath(
  module: ModuleBuilder,
  instructions: Iterable<string>,
): Map<string, FunctionIndex> {
  const result = new Map<string, FunctionIndex>();
  for (const name of new Set(instructions)) {
    if ((unaryMathImports as readonly string[]).includes(name)) {
      result.set(name, module.import(name, ["f64"], ["f64"]));
    } else if ((binaryMathImports as readonly string[]).includes(name)) {
      result.set(name, module.import(name, ["f64", "f64"], ["f64"]));
    }
  }
  return result;
}

/** The row of an instruction that has no meaning on `dtype`. */
export const undefinedOn =
  (op: Instruction, dtype: DType): Row =>
  () => {
    throw new DTypeError(`scalar ${op}: not defined on ${dtype}; cast to a float first.`);
  };

/** Rows `op` → undefined on `dtype`, for spreading into a table. */
export const undefinedRows = <Op extends Instruction>(
  dtype: DType,
  ops: readonly Op[],
): Record<Op, Row> =>
  Object.fromEntries(ops.map((op) => [op, undefinedOn(op, dtype)])) as Record<Op, Row>;

/** Instructions whose result is bool whatever their operands are. */
export const yieldsBool = new Set<string>(["eq", "ne", "lt", "le", "and", "or", "not"]);

/** What only floats have. */
export const floatOnly = [
  "sqrt", "exp", "expm1", "log", "log1p", "sin", "cos", "tan", "asin", "acos", "atan",
  "sinh", "cosh", "tanh", "asinh", "acosh", "atanh", "erf", "atan2",
] as const; // prettier-ignore

/** What only integers and bool have. */
export const integerOnly = ["bitNot", "bitAnd", "bitOr", "bitXor", "shl", "shr", "shrU"] as const;
