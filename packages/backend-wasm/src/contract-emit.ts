// Emits the module of a contraction. Its `run(parameters, start, end, scratch)` computes units of work:
// blocks of C, each summed over k by multiplying tiles (contract-tiles.ts) and stored, if it is not yet
// where it belongs, by an epilogue (contract-finish.ts). contract-plan.ts made the decisions.
import type { LinearScalars } from "@flambeau/core/extension";
import { importMath } from "./code.ts";
import { emitBlock, emitFinish, emitMerge } from "./contract-finish.ts";
import { emitDot, emitOuter } from "./contract-micro.ts";
import type { ContractShape } from "./contract-plan.ts";
import {
  type Position, type Tile, emitBlockProduct, emitMove, emitTile, factors, lengthsOf,
} from "./contract-tiles.ts"; // prettier-ignore
import { type FunctionBuilder, ModuleBuilder } from "./encoder.ts";
import {
  type Integer, IntegerCode, type Variable, add, and, div, equal, less, mul, rem, sub, sum,
} from "./integer.ts"; // prettier-ignore

export interface EmitOptions {
  /** What is stored, from the sum and the epilogue's loads. */
  readonly program: LinearScalars;
  readonly shared: boolean;
  readonly relaxed: boolean;
}

type Names = ReadonlyMap<string, number>;

/** `names` gives the position of each parameter in the block. */
export function emitContract(
  shape: ContractShape,
  names: Names,
  { program, shared, relaxed }: EmitOptions,
): Uint8Array<ArrayBuffer> {
  const module = new ModuleBuilder(shared);
  const imports = importMath(
    module,
    program.steps.map((step) => step.op),
  );
  const strips = new Map<number, FunctionBuilder>();
  for (const piece of shape.strips) {
    const common = { tile: shape.tile, rows: shape.rows, relaxed, view: shape.view !== undefined };
    strips.set(
      piece,
      shape.form === "outer"
        ? emitOuter(module, {
            ...common,
            vectors: piece,
            along: shape.a.along === "k" ? "k" : "m",
          })
        : emitDot(module, { ...common, columns: piece, runLength: shape.view?.runLength }),
    );
  }
  const finish = emitFinish(module, shape, names, program, imports);
  const unit = emitUnit(module, shape, names, strips, finish);
  const merge = shape.splits ? emitMerge(module, names, finish) : undefined;
  const f = module.function("run", ["i32", "i32", "i32", "i32"]);
  const code = new IntegerCode(f, names);
  code.for({ local: 1 }, { local: 2 }, 1, (u) => {
    const call = (callee: FunctionBuilder): void => {
      code.push({ local: 0 }).push(u).push({ local: 3 }).f.call(callee);
    };
    if (merge) {
      code.when(
        code.word("mode"),
        () => call(merge),
        () => call(unit),
      );
    } else {
      call(unit);
    }
  });
  return module.encode();
}

function emitUnit(
  module: ModuleBuilder,
  shape: ContractShape,
  names: Names,
  strips: ReadonlyMap<number, FunctionBuilder>,
  finish: FunctionBuilder,
): FunctionBuilder {
  const f = module.function(undefined, ["i32", "i32", "i32"]);
  const code = new IntegerCode(f, names);
  const word = (name: string): Integer => code.word(name);
  const unit: Variable = { local: 1 };
  const scratch: Variable = { local: 2 };

  const split = shape.splits ? code.variable(rem(unit, word("splits"))) : undefined;
  const block = emitBlock(code, split ? div(unit, word("splits")) : unit);
  const { m0, n0, rows, columns } = block;
  const batch = code.variable(block.batch);
  const batchIndices = code.decode(batch, lengthsOf(code, shape.axes.batch));
  const origin = { a: shape.a, b: shape.b };
  const start = Object.fromEntries(
    factors.map((factor) => [
      factor,
      emitMove(
        code,
        factor,
        origin[factor],
        {
          base: word(`${factor}.base`),
          guards: origin[factor].guards.map((_, g) => word(`${factor}.guard${g}.base`)),
        },
        shape.axes.batch,
        batchIndices,
      ),
    ]),
  ) as Record<"a" | "b", Position>;

  // The block of C: a tile in scratch, a part of the sum, or the output itself.
  const c = code.variable(add(scratch, word("tile.c")));
  const cRow = code.variable(word("tile.row"));
  const whole = code.variable(0);
  if (split) {
    code.set(c, add(word("partials"), mul(mul(unit, word("mc")), word("tile.row"))));
  } else if (shape.storesDirectly || shape.view?.storesRuns) {
    const output = `e${shape.epilogueSteps.length + 1}`;
    const at = (axes: readonly string[], indices: readonly Variable[]): Integer =>
      sum(...axes.map((axis, i) => mul(indices[i]!, word(`${output}.${axis}`))));
    const store = (column: Integer): void => {
      code.set(whole, 1);
      code.set(cRow, word("output.row"));
      const start = add(word(`${output}.base`), at(shape.axes.batch, batchIndices));
      code.set(c, sum(start, mul(m0, cRow), column));
    };
    if (shape.view?.storesRuns)
      store(at(shape.axes.n, code.decode(n0, lengthsOf(code, shape.axes.n))));
    else code.when(equal(and(columns, 3), 0), () => store(mul(n0, 4)));
  }

  const step = code.variable(split ? mul(split, word("stepsPerSplit")) : 0);
  const lastStep = code.variable(word("steps"));
  if (split) code.atMost(lastStep, add(step, word("stepsPerSplit")));
  const accumulate = code.variable(0);
  code.while(less(step, lastStep), () => {
    const k0 = code.variable(mul(rem(step, word("kBlocks")), word("kc")));
    const depth = code.variable(word("kc"));
    code.atMost(depth, sub(word("K"), k0));
    const outerIndices = code.decode(div(step, word("kBlocks")), lengthsOf(code, shape.axes.outer));
    const tiles = Object.fromEntries(
      factors.map((factor) => {
        const position =
          shape.axes.outer.length === 0
            ? start[factor]
            : emitMove(code, factor, origin[factor], start[factor], shape.axes.outer, outerIndices);
        const own = factor === "a" ? { at: m0, count: rows } : { at: n0, count: columns };
        const k = { at: k0, count: depth };
        return [factor, emitTile(code, factor, shape, position, own, k, scratch)];
      }),
    ) as Record<"a" | "b", Tile>;
    emitBlockProduct(code, shape, strips, tiles, { c, cRow, columns, rows, depth, accumulate });
    code.set(accumulate, 1);
    code.increase(step, 1);
  });
  if (!split) {
    code.when(equal(whole, 0), () => {
      for (const value of [{ local: 0 }, batch, m0, rows, n0, columns, c]) code.push(value);
      f.call(finish);
    });
  }
  return f;
}
