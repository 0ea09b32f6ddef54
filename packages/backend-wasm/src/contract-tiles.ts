// The inner part of a contraction's emitted code: finds or gathers the tiles of one block and calls the
// micro kernels on them, strip by strip.
import { emitGather } from "./contract-gather.ts";
import { pushTakes } from "./contract-micro.ts";
import type { FactorShape } from "./contract-factor.ts";
import type { ContractShape } from "./contract-plan.ts";
import type { FunctionBuilder } from "./encoder.ts";
import {
  type Integer, type IntegerCode, type Variable, add, atLeast, div, equal, less, mul, sub, sum,
} from "./integer.ts"; // prettier-ignore

/** A factor at one position of the batch axes: its address and the coordinates of its guards. */
export interface Position {
  readonly base: Variable;
  readonly guards: readonly Variable[];
}

export const lengthsOf = (code: IntegerCode, axes: readonly string[]): Integer[] =>
  axes.map((axis) => code.word(`${axis}.length`));

export const offsetOf = (
  code: IntegerCode,
  name: string,
  axes: readonly string[],
  indices: readonly Variable[],
): Integer => sum(...axes.map((axis, i) => mul(indices[i]!, code.word(`${name}.${axis}`))));

/** Moves a factor along some axes. */
export function emitMove(
  code: IntegerCode,
  factor: "a" | "b",
  shape: FactorShape,
  from: { base: Integer; guards: readonly Integer[] },
  axes: readonly string[],
  indices: readonly Variable[],
): Position {
  const along = (uses: (axis: string) => boolean, name: string): Integer =>
    sum(
      ...axes.map((axis, i) => (uses(axis) ? mul(indices[i]!, code.word(`${name}.${axis}`)) : 0)),
    );
  return {
    base: code.variable(
      add(
        from.base,
        along((axis) => shape.strided.includes(axis), factor),
      ),
    ),
    guards: shape.guards.map((guard, g) =>
      code.variable(
        add(
          from.guards[g]!,
          along((axis) => guard.axes.includes(axis), `${factor}.guard${g}`),
        ),
      ),
    ),
  };
}

export const factors = ["a", "b"] as const;

export interface Tile {
  readonly at: Variable;
  readonly ownStride: Integer;
  readonly kStride: Integer;
}

interface Extent {
  readonly at: Variable;
  readonly count: Variable;
}

/** Gathers a block of a factor, or finds it where it lies. */
export function emitTile(
  code: IntegerCode,
  factor: "a" | "b",
  shape: ContractShape,
  position: Position,
  own: Extent,
  k: Extent,
  scratch: Variable,
): Tile {
  const { view } = shape;
  const { gather, along } = shape[factor];
  if (factor === "b" && view) return emitView(code, shape, position, own, k, scratch);
  if (gather === undefined) {
    const [ownStride, kStride] = [code.word(`${factor}.own`), code.word(`${factor}.k`)];
    // Runs of A lie as its axes say; elsewhere k is one axis.
    const depth =
      view && shape.form === "dot"
        ? offsetOf(code, "a", shape.axes.k, code.decode(k.at, lengthsOf(code, shape.axes.k)))
        : mul(k.at, kStride);
    const at = sum(position.base, mul(own.at, ownStride), depth);
    return { at: code.variable(at), ownStride, kStride };
  }
  const at = code.variable(factor === "a" ? scratch : add(scratch, code.word("tile.b")));
  const tileStride = code.word(`tile.${factor}.row`);
  const [down, across] = along === "k" ? [own, k] : [k, own];
  emitGather(code, gather, {
    base: position.base,
    guardBases: position.guards,
    row: down.at,
    rowCount: down.count,
    column: across.at,
    columnCount: across.count,
    tile: at,
    tileStride,
  });
  return along === "k"
    ? { at, ownStride: tileStride, kStride: 4 }
    : { at, ownStride: 4, kStride: tileStride };
}

/** The view of B on one block: its box is filled, or it lies on the factor itself. */
function emitView(
  code: IntegerCode,
  shape: ContractShape,
  position: Position,
  own: Extent,
  k: Extent,
  scratch: Variable,
): Tile {
  const { box, cutAxis } = shape.view!;
  const outer = shape.form === "outer";
  const [across, down] = outer ? [own, k] : [k, own];
  const axes = outer ? shape.axes.n : shape.axes.k;
  const starts = code.decode(across.at, lengthsOf(code, axes));
  const cut =
    cutAxis === undefined ? undefined : code.variable(div(down.at, code.word("view.taps")));
  const place = emitMove(code, "b", shape.b, position, axes, starts);
  if (cut) code.increase(place.base, mul(cut, code.word(`b.${cutAxis!}`)));
  const table = code.variable(add({ local: 0 }, code.addressOf("table0")));
  if (!box) return { at: place.base, ownStride: table, kStride: table };
  const at = code.variable(add(scratch, code.word("tile.b")));
  const steps = cut ? div(down.count, code.word("view.taps")) : 1;
  emitGather(code, box, {
    base: place.base,
    guardBases: place.guards,
    row: 0,
    rowCount: code.variable(mul(steps, code.word("box.rows"))),
    column: 0,
    columnCount: code.word(`${box.columns[0]!}.length`),
    tile: at,
    tileStride: code.word("box.row"),
  });
  return { at, ownStride: table, kStride: table };
}

type Block = Record<"c" | "cRow" | "columns" | "rows" | "depth" | "accumulate", Variable>;

/** Multiplies the tiles of one block: over its columns at once, or run by run. */
export function emitBlockProduct(
  code: IntegerCode,
  shape: ContractShape,
  strips: ReadonlyMap<number, FunctionBuilder>,
  tiles: Record<"a" | "b", Tile>,
  block: Block,
): void {
  const { view, axes, epilogueSteps } = shape;
  if (!view?.hasRuns || shape.form === "dot") {
    emitStrips(code, shape, strips, tiles, block, block.columns);
    return;
  }
  const runLength = code.word(`${axes.n[1]!}.length`);
  if (!view.storesRuns) {
    // The columns between runs are computed and left behind.
    const runs = code.variable(sub(div(block.columns, runLength), 1));
    const wide = code.variable(add(mul(runs, div(code.word("view.run"), 4)), runLength));
    emitStrips(code, shape, strips, tiles, block, wide);
    return;
  }
  const at = code.variable(tiles.b.at);
  const c = code.variable(block.c);
  const length = code.variable(runLength);
  code.for(0, block.columns, length, () => {
    emitStrips(code, shape, strips, { ...tiles, b: { ...tiles.b, at } }, { ...block, c }, length);
    code.increase(at, code.word("view.run"));
    code.increase(c, code.word(`e${epilogueSteps.length + 1}.${axes.n[0]!}`));
  });
}

/** Calls the micro kernels, strip by strip. */
function emitStrips(
  code: IntegerCode,
  shape: ContractShape,
  strips: ReadonlyMap<number, FunctionBuilder>,
  { a, b }: Record<"a" | "b", Tile>,
  block: Block,
  columns: Variable,
): void {
  const { f } = code;
  const { view } = shape;
  const outer = shape.form === "outer";
  const left = code.variable(outer ? div(add(columns, 3), 4) : columns);
  const at = code.variable(b.at);
  const c = code.variable(block.c);
  // In a dot view the strip's rows of B are found in the table; elsewhere B itself moves on.
  const rowOfB = code.variable(outer ? b.kStride : b.ownStride);
  const [depth, runs, aRun, bRun] = viewRuns(code, shape, block.depth);
  code.while(less(0, left), () => {
    const taken = f.block();
    for (const [piece, micro] of strips) {
      if (outer) pushTakes(f, left.local, piece, shape.strip);
      else code.push(piece === shape.strip ? atLeast(left, piece) : equal(left, piece));
      f.if();
      const values: Integer[] = [
        a.at, a.ownStride, a.kStride, at, rowOfB, c, block.cRow,
        depth, block.accumulate, block.rows, runs, aRun, bRun,
      ]; // prettier-ignore
      for (const value of values) code.push(value);
      f.call(micro);
      if (outer) code.increase(at, piece * 16);
      else if (view) code.increase(rowOfB, piece * 4);
      else code.increase(at, mul(piece, rowOfB));
      code.increase(c, outer ? piece * 16 : 16);
      code.set(left, sub(left, piece));
      f.br(taken).end();
    }
    f.op("unreachable").end();
  });
}

/** Length, number and distances (in A and in B) of the runs of k that a dot view sums. */
function viewRuns(
  code: IntegerCode,
  { form, view, axes }: ContractShape,
  depth: Variable,
): readonly [Integer, Integer, Integer, Integer] {
  if (form === "outer" || !view?.hasRuns) return [depth, 1, 0, 0];
  const [outer, inner] = axes.k as [string, string];
  const length = code.word(`${inner}.length`);
  return [
    code.variable(length),
    code.variable(div(depth, length)),
    code.variable(code.word(`a.${outer}`)),
    code.variable(code.word("view.run")),
  ];
}
