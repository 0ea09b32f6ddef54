// The outer part of a contraction's emitted code: where a block of C lies, merging the parts of a split
// sum, and the epilogue, which stores a tile of sums wherever its elements go.
import type { LinearScalars } from "@flambeau/core/extension";
import { Code } from "./code.ts";
import { emitEpilogue } from "./contract-epilogue.ts";
import type { ContractShape } from "./contract-plan.ts";
import { lengthsOf, offsetOf } from "./contract-tiles.ts";
import type { FunctionBuilder, FunctionIndex, Local, ModuleBuilder } from "./encoder.ts";
import {
  type Integer, IntegerCode, type Variable, add, and, div, less, mul, rem, sub,
} from "./integer.ts"; // prettier-ignore

type Names = ReadonlyMap<string, number>;

/** Where a block of C lies, decoded from its number. */
export function emitBlock(code: IntegerCode, block: Integer) {
  const word = (name: string): Integer => code.word(name);
  const rest = code.variable(block);
  const n0 = code.variable(mul(rem(rest, word("nBlocks")), word("nc")));
  code.set(rest, div(rest, word("nBlocks")));
  const m0 = code.variable(mul(rem(rest, word("mBlocks")), word("mc")));
  code.set(rest, div(rest, word("mBlocks")));
  const rows = code.variable(word("mc"));
  code.atMost(rows, sub(word("M"), m0));
  const columns = code.variable(word("nc"));
  code.atMost(columns, sub(word("N"), n0));
  return { batch: rest, m0, n0, rows, columns };
}

/** `merge(parameters, block, scratch)`: adds the parts of one block of C in order and stores it. */
export function emitMerge(
  module: ModuleBuilder,
  names: Names,
  finish: FunctionBuilder,
): FunctionBuilder {
  const f = module.function(undefined, ["i32", "i32", "i32"]);
  const code = new IntegerCode(f, names);
  const block: Variable = { local: 1 };
  const { batch, m0, n0, rows, columns } = emitBlock(code, block);
  const bytes = code.variable(mul(code.word("mc"), code.word("tile.row")));
  const splits = code.variable(code.word("splits"));
  const first = code.variable(add(code.word("partials"), mul(mul(block, splits), bytes)));
  const c = code.variable(add({ local: 2 }, code.word("tile.c")));
  const total = f.local("v128");
  const used = code.variable(mul(rows, code.word("tile.row")));
  code.for(0, used, 16, (offset) => {
    const from = code.variable(add(first, offset));
    code.push(from).f.memory("v128.load").set(total);
    code.for(1, splits, 1, () => {
      code.increase(from, bytes);
      f.get(total);
      code.push(from).f.memory("v128.load").op("f32x4.add").set(total);
    });
    code.push(add(c, offset)).f.get(total).memory("v128.store");
  });
  for (const value of [{ local: 0 }, batch, m0, rows, n0, columns, c]) code.push(value);
  f.call(finish);
  return f;
}

/**
 * `finish(parameters, batch, m0, rows, n0, columns, tile)`: the epilogue. Stores a tile of C wherever
 * its elements go.
 */
export function emitFinish(
  module: ModuleBuilder,
  shape: ContractShape,
  names: Names,
  program: LinearScalars,
  imports: ReadonlyMap<string, FunctionIndex>,
): FunctionBuilder {
  const f = module.function(
    undefined,
    Array.from({ length: 7 }, () => "i32" as const),
  );
  const code = new IntegerCode(f, names);
  const [batch, m0, rows, n0, columns, tile] = [1, 2, 3, 4, 5, 6].map((local) => ({ local })) as [
    Variable, Variable, Variable, Variable, Variable, Variable,
  ]; // prettier-ignore
  const word = (name: string): Integer => code.word(name);
  const { axes, epilogueSteps } = shape;
  const accesses = epilogueSteps.map((_, i) => i + 2);
  const offset = (access: number, group: readonly string[], indices: readonly Variable[]) =>
    offsetOf(code, `e${access}`, group, indices);

  const batchIndices = code.decode(batch, lengthsOf(code, axes.batch));
  const bases = accesses.map((e) =>
    code.variable(add(word(`e${e}.base`), offset(e, axes.batch, batchIndices))),
  );
  const rowIndices = code.decode(m0, lengthsOf(code, axes.m));
  const firstColumn = code.decode(n0, lengthsOf(code, axes.n));
  const columnIndices = axes.n.map(() => code.variable());
  const inner = axes.n.length - 1;
  const rowStart = code.variable(tile);
  const rowBases = accesses.map(() => code.variable());
  const places = accesses.map(() => code.variable());
  const [from, left, run] = [code.variable(), code.variable(), code.variable()];
  const value = f.local("v128");
  const expressions = new Code(module, f, imports);
  const locals = new Map<number, Local>();

  code.for(0, rows, 1, () => {
    accesses.forEach((e, i) =>
      code.set(rowBases[i]!, add(bases[i]!, offset(e, axes.m, rowIndices))),
    );
    firstColumn.forEach((index, i) => code.set(columnIndices[i]!, index));
    code.set(from, rowStart);
    code.set(left, columns);
    code.while(less(0, left), () => {
      code.set(run, axes.n.length === 0 ? 1 : sub(word(`n${inner}.length`), columnIndices[inner]!));
      code.atMost(run, left);
      accesses.forEach((e, i) =>
        code.set(places[i]!, add(rowBases[i]!, offset(e, axes.n, columnIndices))),
      );
      code.set(left, sub(left, run));
      code.advance(columnIndices, lengthsOf(code, axes.n), run);
      emitRun(run);
      if (shape.view?.hasRuns) code.increase(from, word("gap"));
    });
    code.increase(rowStart, word("tile.row"));
    code.advance(rowIndices, lengthsOf(code, axes.m), 1);
  });
  return f;

  /** Stores `count` elements from `from`, four at a time, and moves everything on. */
  function emitRun(count: Variable): void {
    const stepOf = (i: number): Integer => {
      const step = epilogueSteps[i]!;
      return step >= 0 ? step * 4 : word(`e${accesses[i]!}.n${inner}`);
    };
    const output = accesses.length - 1;
    const evaluate = (): Local => {
      code.push(from).f.memory("v128.load").set(value);
      return emitEpilogue(expressions, program, { state: value, pushLoad, pushParam }, locals);
    };
    const pushLoad = (position: number): void => {
      const i = position - 2;
      code.push(places[i]!);
      f.memory(epilogueSteps[i] === 0 ? "v128.load32_splat" : "v128.load");
    };
    const pushParam = (position: number): void => {
      code.push(word(`param${position}`)).f.op("f32.reinterpret_i32");
    };
    const storeLane = (result: Local, lane: number): void => {
      code
        .push(add(places[output]!, mul(lane, stepOf(output))))
        .f.get(result)
        .memoryLane("v128.store32_lane", lane);
    };
    const whole = code.variable(sub(count, 3));
    code.while(less(0, whole), () => {
      const result = evaluate();
      if (epilogueSteps[output] === 1) {
        code.push(places[output]!).f.get(result).memory("v128.store");
      } else {
        for (let lane = 0; lane < 4; lane++) storeLane(result, lane);
      }
      code.increase(from, 16);
      places.forEach((place, i) => code.increase(place, mul(4, stepOf(i))));
      code.set(whole, sub(whole, 4));
    });
    code.set(count, and(count, 3));
    code.when(less(0, count), () => {
      const result = evaluate();
      for (let lane = 0; lane < 3; lane++) {
        code.when(less(lane, count), () => storeLane(result, lane));
      }
      code.increase(from, mul(count, 4));
    });
  }
}
