// Copies a block of one factor into a dense tile: rows along one group of axes, columns along the
// other. Columns go in runs along their innermost axis; where a guard fails the tile holds zeros.
// Which factors are gathered, and which way round, is decided in contract-plan.ts.
import {
  type Integer, type IntegerCode, type Variable,
  add, atLeast, below, div, less, mul, outside, rem, sub, sum,
} from "./integer.ts"; // prettier-ignore

/** How many bytes past its end a row of a tile, or of an operand, may be touched. */
export const overrunBytes = 16;

/**
 * What a guard does along a run: nothing (it is the same for the whole run), `rising` by 1, `climbing`
 * by more, `falling`, or `spread`: rising by 1 with a divisor, so that only some elements exist.
 */
export type GuardSlope = "level" | "rising" | "climbing" | "falling" | "spread";

export interface GatherGuard {
  readonly slope: GuardSlope;
  readonly divided: boolean;
  /** The axes that it depends on. */
  readonly axes: readonly string[];
}

/** The structure of a gather; its numbers are parameters named by `factor` and the axes. */
export interface GatherShape {
  readonly factor: "a" | "b";
  /** Names of the axes, outermost first: "m0", "k1". */
  readonly rows: readonly string[];
  readonly columns: readonly string[];
  /** The axes whose stride is not 0. */
  readonly strided: readonly string[];
  readonly guards: readonly GatherGuard[];
  /** The next column lies 4 bytes on. */
  readonly unit: boolean;
  /** Guards change along a run in a way not named above: every element is a run of its own. */
  readonly single: boolean;
}

/** Where a block starts and ends, and where it goes. */
export interface GatherBlock {
  /** Address of the factor at the block's batch position, in bytes. */
  readonly base: Integer;
  /** Coordinate of each guard there. */
  readonly guardBases: readonly Integer[];
  readonly row: Integer;
  readonly rowCount: Integer;
  readonly column: Integer;
  readonly columnCount: Integer;
  readonly tile: Integer;
  readonly tileStride: Integer;
}

export function emitGather(code: IntegerCode, shape: GatherShape, block: GatherBlock): void {
  const { factor, rows, columns, guards } = shape;
  const lengthOf = (axis: string): Integer => code.word(`${axis}.length`);
  const strideOf = (axis: string): Integer =>
    shape.strided.includes(axis) ? code.word(`${factor}.${axis}`) : 0;
  const coefficientOf = (g: number, axis: string): Integer =>
    guards[g]!.axes.includes(axis) ? code.word(`${factor}.guard${g}.${axis}`) : 0;
  const inner = columns.length - 1;
  const innerLength: Integer = columns.length === 0 ? 1 : lengthOf(columns[inner]!);

  const rowIndices = code.decode(block.row, rows.map(lengthOf));
  const firstColumn = code.decode(block.column, columns.map(lengthOf));
  const columnIndices = columns.map(() => code.variable());
  const rowTile = code.variable(block.tile);
  const runStride = code.variable(shape.unit ? 4 : code.word(`${factor}.run`));
  const rowBase = code.variable();
  const rowGuards = guards.map(() => code.variable());
  const [to, left, run, from, low, high] = Array.from({ length: 6 }, () => code.variable()) as [
    Variable,
    Variable,
    Variable,
    Variable,
    Variable,
    Variable,
  ];
  const value = code.variable();
  const at = (indices: readonly Variable[], axes: readonly string[], g?: number): Integer =>
    sum(
      ...axes.map((axis, i) =>
        mul(indices[i]!, g === undefined ? strideOf(axis) : coefficientOf(g, axis)),
      ),
    );

  /** Narrows [low, high) to where guard `g` holds, or to nothing. */
  const applyGuard = (g: number): void => {
    const { slope, divided } = guards[g]!;
    const size = code.word(`${factor}.guard${g}.size`);
    const divisor = code.word(`${factor}.guard${g}.divisor`);
    const stride = code.word(`${factor}.guard${g}.stride`);
    code.set(value, add(rowGuards[g]!, at(columnIndices, columns, g)));
    if (slope === "spread") return;
    if (slope === "level") {
      if (divided) {
        // Truncating division takes -1 to 0: an inexact one is marked as outside instead.
        code.when(
          rem(value, divisor),
          () => code.set(value, -1),
          () => code.set(value, div(value, divisor)),
        );
      }
      code.when(outside(value, size), () => code.set(high, 0));
      code.increase(from, mul(value, stride));
      return;
    }
    code.increase(from, mul(value, stride));
    const slopeBy = coefficientOf(g, columns[inner]!);
    if (slope === "rising") {
      raise(code, low, sub(0, value));
      code.atMost(high, sub(size, value));
    } else if (slope === "climbing") {
      raise(code, low, div(sub(sub(slopeBy, 1), value), slopeBy));
      // First x with value + slope·x >= size.
      code.set(value, add(sub(size, value), sub(slopeBy, 1)));
      code.when(less(value, 0), () => code.set(value, 0));
      code.atMost(high, div(value, slopeBy));
    } else {
      const fall = sub(0, slopeBy);
      code.when(atLeast(value, size), () =>
        raise(code, low, div(add(sub(value, size), fall), fall)),
      );
      code.when(
        less(value, 0),
        () => code.set(high, 0),
        () => code.atMost(high, add(div(value, fall), 1)),
      );
    }
  };

  code.for(0, block.rowCount, 1, () => {
    code.set(rowBase, add(block.base, at(rowIndices, rows)));
    guards.forEach((_, g) =>
      code.set(rowGuards[g]!, add(block.guardBases[g]!, at(rowIndices, rows, g))),
    );
    columns.forEach((_, i) => code.set(columnIndices[i]!, firstColumn[i]!));
    code.set(to, rowTile);
    code.set(left, block.columnCount);
    code.while(less(0, left), () => {
      if (shape.single || columns.length === 0) code.set(run, 1);
      else {
        code.set(run, sub(innerLength, columnIndices[inner]!));
        code.atMost(run, left);
      }
      code.set(from, add(rowBase, at(columnIndices, columns)));
      if (guards.length > 0) {
        code.set(low, 0);
        code.set(high, run);
        guards.forEach((_, g) => applyGuard(g));
        code.when(less(high, low), () => code.set(high, low));
        code.atMost(low, run);
        code.atMost(high, run);
      }
      const spread = guards.findIndex(({ slope }) => slope === "spread");
      const end = (position: Integer): Integer => add(to, mul(position, 4));
      if (spread >= 0) {
        fillZeros(code, to, end(run));
        code.when(less(low, high), () =>
          copySpread(code, shape, spread, {
            value: add(rowGuards[spread]!, at(columnIndices, columns, spread)),
            alongAxis: strideOf(columns[inner]!),
            to,
            from,
            run,
          }),
        );
      } else if (guards.length > 0) {
        fillZeros(code, to, end(low));
        copyRun(code, shape.unit, add(from, mul(low, runStride)), runStride, end(low), end(high));
        fillZeros(code, end(high), end(run));
      } else {
        copyRun(code, shape.unit, from, runStride, to, end(run));
      }
      code.increase(to, mul(run, 4));
      code.set(left, sub(left, run));
      code.advance(columnIndices, columns.map(lengthOf), run);
    });
    code.increase(rowTile, block.tileStride);
    code.advance(rowIndices, rows.map(lengthOf), 1);
  });
}

const raise = (code: IntegerCode, variable: Variable, floor: Integer): void => {
  const other = code.variable(floor);
  code.when(less(variable, other), () => code.set(variable, other));
};

/** Zeros from `start` up to `end`, and up to 12 bytes past it. */
function fillZeros(code: IntegerCode, start: Integer, end: Integer): void {
  const limit = code.variable(end);
  const to = code.variable(start);
  code.while(below(to, limit), () => {
    code.push(to).f.i32x4(0).memory("v128.store");
    code.increase(to, 16);
  });
}

/** Copies a run; with unit stride it may write up to 12 bytes past `end`. */
function copyRun(
  code: IntegerCode,
  unit: boolean,
  source: Integer,
  stride: Integer,
  start: Integer,
  end: Integer,
): void {
  // prettier-ignore
  const from = code.variable(source);
  const limit = code.variable(end);
  const to = code.variable(start);
  if (!unit) {
    code.while(below(to, limit), () => {
      code.push(to).push(from).f.memory("f32.load").memory("f32.store");
      code.increase(from, stride);
      code.increase(to, 4);
    });
    return;
  }
  const copy = (offset: number) =>
    code.push(to).push(from).f.memory("v128.load", offset).memory("v128.store", offset);
  code.while(below(add(to, 16), limit), () => {
    copy(0);
    copy(16);
    code.increase(from, 32);
    code.increase(to, 32);
  });
  code.when(below(to, limit), () => copy(0));
}

/** Writes the elements of a run that exist: those where value + x is a multiple of the divisor. */
function copySpread(
  code: IntegerCode,
  { factor }: GatherShape,
  g: number,
  {
    value,
    alongAxis,
    to,
    from,
    run,
  }: Record<"value" | "alongAxis" | "to" | "from" | "run", Integer>,
): void {
  const [size, divisor, stride] = ["size", "divisor", "stride"].map((name) =>
    code.word(`${factor}.guard${g}.${name}`),
  ) as [Integer, Integer, Integer];
  const first = code.variable(value);
  const quotient = code.variable();
  const x = code.variable();
  code.when(
    less(first, 0),
    () => {
      code.set(x, sub(0, first));
      code.set(quotient, 0);
    },
    () => {
      code.set(quotient, div(add(first, sub(divisor, 1)), divisor));
      code.set(x, sub(mul(quotient, divisor), first));
    },
  );
  const source = code.variable(sum(from, mul(x, alongAxis), mul(quotient, stride)));
  // Along the axis itself and along the guarded coordinate.
  const step = code.variable(add(mul(divisor, alongAxis), stride));
  const { f } = code;
  const done = f.block();
  const again = f.loop();
  code.push(atLeast(x, run)).f.brIf(done);
  code.push(atLeast(quotient, size)).f.brIf(done);
  code
    .push(add(to, mul(x, 4)))
    .push(source)
    .f.memory("f32.load")
    .memory("f32.store");
  code.increase(x, divisor);
  code.increase(quotient, 1);
  code.increase(source, step);
  f.br(again).end().end();
}
