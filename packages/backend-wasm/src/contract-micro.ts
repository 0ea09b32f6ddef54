// Register-tiled inner kernels of contractions: each computes one strip of columns of a block of C, a
// few rows at a time. `outer` takes a column of A times a row of B for each k; `dot` runs along k in
// both. contract-emit.ts calls them; what tuning taught is in benchmarks/gemm.ts.
import type { FunctionBuilder, Local, ModuleBuilder } from "./encoder.ts";

/** Parameters of every micro kernel, in order; strides in bytes. */
export const microParameters = [
  "a", "aRow", "aStep", "b", "bRow", "c", "cRow", "depth", "accumulate", "rows", "runs", "aRun", "bRun",
] as const; // prettier-ignore
type Parameter = (typeof microParameters)[number];
const parameter = (name: Parameter): Local => microParameters.indexOf(name);

const range = (length: number): number[] => Array.from({ length }, (_, i) => i);

/**
 * A strip may see B through a view: `bRow` is then the address of a table of offsets, one per row of
 * B (for each k in `outer`, each column in `dot`), and `dot` sums `runs` runs of `depth` elements that
 * are `aRun` and `bRun` bytes apart.
 */
export interface StripShape {
  readonly view: boolean;
  /** Most rows at a time. */
  readonly tile: number;
  /** Row counts that occur, see `takeBalanced`. */
  readonly rows: readonly number[];
  readonly relaxed: boolean;
}

export interface OuterShape extends StripShape {
  /** Columns in vectors of four. */
  readonly vectors: number;
  /** Which direction of A is contiguous: `k` (aStep is 4) or `m` (aRow is 4). */
  readonly along: "k" | "m";
}

export interface DotShape extends StripShape {
  /** The length of a view's runs where code is written out for it. */
  readonly runLength?: number;
  /** At most four columns. */
  readonly columns: number;
}

/** How many of `left` a strip takes next: full tiles, but never leaving a lonely one at the end. */
export const takeBalanced = (left: number, tile: number): number =>
  left <= tile ? left : left === tile + 1 ? Math.ceil(left / 2) : tile;

/** The pieces `takeBalanced` cuts `total` into. */
export function balancedPieces(total: number, tile: number): number[] {
  const pieces: number[] = [];
  for (let left = total; left > 0; left -= pieces.at(-1)!) pieces.push(takeBalanced(left, tile));
  return pieces;
}

/** Pushes whether a strip with `left` to go takes `piece` next. */
export function pushTakes(f: FunctionBuilder, left: Local, piece: number, tile: number): void {
  if (piece === tile) {
    f.get(left).i32(tile).op("i32.ge_s");
    if (tile > 2)
      f.get(left)
        .i32(tile + 1)
        .op("i32.ne")
        .op("i32.and");
  } else {
    f.get(left).i32(piece).op("i32.eq");
    if (piece === Math.ceil((tile + 1) / 2)) {
      f.get(left)
        .i32(tile + 1)
        .op("i32.eq")
        .op("i32.or");
    }
  }
}

type Tile = (rows: number, as: readonly Local[]) => Local[][];

/** A function that walks down the rows; `tile` leaves the sums of one tile in locals. */
function emitStrip(
  module: ModuleBuilder,
  shape: StripShape,
  pointerCount: (rows: number) => number,
  prepare: (f: FunctionBuilder, depth: Local) => Tile,
): FunctionBuilder {
  const f = module.function(
    undefined,
    microParameters.map(() => "i32" as const),
  );
  const [a, rows, aRow] = [parameter("a"), parameter("rows"), parameter("aRow")];
  const depth = f.local("i32");
  const pointers = range(Math.max(...shape.rows.map(pointerCount))).map(() => f.local("i32"));
  const tile = prepare(f, depth);
  // Larger pieces first: pieces only shrink on the way down.
  for (const piece of shape.rows.toSorted((x, y) => y - x)) {
    const done = f.block();
    const again = f.loop();
    pushTakes(f, rows, piece, shape.tile);
    f.op("i32.eqz").brIf(done);
    const count = pointerCount(piece);
    f.get(a).set(pointers[0]!);
    for (let p = 1; p < count; p++) {
      f.get(pointers[p - 1]!)
        .get(aRow)
        .op("i32.add")
        .set(pointers[p]!);
    }
    f.get(aRow).i32(piece).op("i32.mul").get(a).op("i32.add").set(a);
    f.get(parameter("depth")).set(depth);
    writeTile(f, tile(piece, pointers.slice(0, count)));
    f.get(rows).i32(piece).op("i32.sub").set(rows);
    f.br(again).end().end();
  }
  return f;
}

/** Adds the sums to C or stores them, and moves `c` down. */
function writeTile(f: FunctionBuilder, sums: readonly (readonly Local[])[]): void {
  const [c, cRow] = [parameter("c"), parameter("cRow")];
  const body = (accumulate: boolean): void => {
    for (const row of sums) {
      row.forEach((value, v) => {
        f.get(c);
        if (accumulate)
          f.get(c)
            .memory("v128.load", v * 16)
            .get(value)
            .op("f32x4.add");
        else f.get(value);
        f.memory("v128.store", v * 16);
      });
      f.get(c).get(cRow).op("i32.add").set(c);
    }
  };
  f.get(parameter("accumulate")).if();
  body(true);
  f.else();
  body(false);
  f.end();
}

/** `accumulator += x · y`, where the two factors are on the stack after `factors`. */
function multiplyAdd(f: FunctionBuilder, sum: Local, relaxed: boolean, factors: () => void): void {
  if (relaxed) {
    factors();
    f.get(sum).op("f32x4.relaxed_madd").set(sum);
  } else {
    f.get(sum);
    factors();
    f.op("f32x4.mul").op("f32x4.add").set(sum);
  }
}

/** `while (counter >= step) { body; counter -= step }` on a local. */
function countDown(f: FunctionBuilder, counter: Local, step: number, body: () => void): void {
  f.get(counter).i32(step).op("i32.ge_s").if();
  const again = f.loop();
  body();
  f.get(counter).i32(step).op("i32.sub").tee(counter).i32(step).op("i32.ge_s").brIf(again);
  f.end().end();
}

const clear = (f: FunctionBuilder, locals: readonly Local[]): void => {
  for (const local of locals) f.i32x4(0).set(local);
};

/** Rows of B are contiguous along n and `bRow` apart along k; A is read element by element. */
export function emitOuter(module: ModuleBuilder, shape: OuterShape): FunctionBuilder {
  const { vectors, along, relaxed, view } = shape;
  return emitStrip(
    module,
    shape,
    (rows) => (along === "k" ? rows : 1),
    (f, depth) => {
      const bRow = parameter("bRow");
      const b = f.local("i32");
      const entry = f.local("i32");
      const sums = range(Math.max(...shape.rows)).map(() =>
        range(vectors).map(() => f.local("v128")),
      );
      const row = range(vectors).map(() => f.local("v128"));
      const factor = f.local("v128");
      return (rows, as) => {
        const used = sums.slice(0, rows);
        clear(f, used.flat());
        if (view) f.get(bRow).set(entry);
        else f.get(parameter("b")).set(b);
        const loadRow = (v: number) => f.get(b).memory("v128.load", v * 16);
        const step = (at: number): void => {
          if (view) {
            f.get(parameter("b"))
              .get(entry)
              .memory("i32.load", at * 4)
              .op("i32.add")
              .set(b);
          }
          if (rows > 1) for (let v = 0; v < vectors; v++) loadRow(v).set(row[v]!);
          used.forEach((sum, r) => {
            if (along === "k") f.get(as[r]!).memory("v128.load32_splat", at * 4);
            else f.get(as[0]!).memory("v128.load32_splat", r * 4);
            f.set(factor);
            for (let v = 0; v < vectors; v++) {
              multiplyAdd(f, sum[v]!, relaxed, () => {
                f.get(factor);
                if (rows > 1) f.get(row[v]!);
                else loadRow(v);
              });
            }
          });
          if (!view) f.get(b).get(bRow).op("i32.add").set(b);
          if (along === "m") f.get(as[0]!).get(parameter("aStep")).op("i32.add").set(as[0]!);
        };
        const advance = (count: number): void => {
          if (view)
            f.get(entry)
              .i32(count * 4)
              .op("i32.add")
              .set(entry);
          if (along === "k")
            for (const a of as)
              f.get(a)
                .i32(count * 4)
                .op("i32.add")
                .set(a);
        };
        // A branch after each step: within one basic block V8 puts all loads first and spills.
        const done = f.block();
        const again = f.loop();
        for (let at = 0; at < 4; at++) {
          step(at);
          if (at === 3) advance(4);
          f.get(depth).i32(1).op("i32.sub").tee(depth);
          if (at === 3) f.brIf(again);
          else f.op("i32.eqz").brIf(done);
        }
        f.end().end();
        return used;
      };
    },
  );
}

/** Rows of A (`aRow` apart) and of B (`bRow` apart) are both contiguous along k. */
export function emitDot(module: ModuleBuilder, shape: DotShape): FunctionBuilder {
  const { columns, relaxed, view, runLength } = shape;
  return emitStrip(
    module,
    shape,
    (rows) => rows,
    (f, depth) => {
      const most = Math.max(...shape.rows);
      const sums = range(most).map(() => range(columns).map(() => f.local("v128")));
      const left = range(most).map(() => f.local("v128"));
      const [right, mask, low, high] = range(4).map(() => f.local("v128")) as [
        Local,
        Local,
        Local,
        Local,
      ];
      const bs = range(columns).map(() => f.local("i32"));
      const [runs, aSkip, bSkip] = range(3).map(() => f.local("i32")) as [Local, Local, Local];
      return (rows, as) => {
        const used = sums.slice(0, rows);
        clear(f, used.flat());
        bs.forEach((b, column) => {
          if (view) {
            f.get(parameter("b"))
              .get(parameter("bRow"))
              .memory("i32.load", column * 4);
            f.op("i32.add").set(b);
          } else if (column === 0) f.get(parameter("b")).set(b);
          else
            f.get(bs[column - 1]!)
              .get(parameter("bRow"))
              .op("i32.add")
              .set(b);
        });
        const load = (from: Local, at: number, masked: boolean, to: Local): void => {
          f.get(from).memory("v128.load", at);
          if (masked) f.get(mask).op("v128.and");
          f.set(to);
        };
        const step = (at: number, masked: boolean): void => {
          as.forEach((a, r) => load(a, at, masked, left[r]!));
          bs.forEach((b, column) => {
            load(b, at, masked, right);
            used.forEach((sum, r) => {
              multiplyAdd(f, sum[column]!, relaxed, () => f.get(left[r]!).get(right));
            });
          });
        };
        const advance = (bytes: number): void => {
          for (const p of [...as, ...bs]) f.get(p).i32(bytes).op("i32.add").set(p);
        };
        const masked = (left: () => FunctionBuilder): void => {
          f.i32x4(0, 1, 2, 3);
          left().op("i32x4.splat").op("i32x4.lt_s").set(mask);
        };
        const sumRun = (): void => {
          const done = f.block();
          f.get(depth).i32(4).op("i32.lt_s").brIf(done);
          const half = f.block();
          const again = f.loop();
          const next = () => f.get(depth).i32(4).op("i32.sub").tee(depth).i32(4);
          step(0, false);
          next().op("i32.lt_s").brIf(half);
          step(16, false);
          advance(32);
          next().op("i32.ge_s").brIf(again);
          f.br(done).end().end();
          advance(16);
          f.end();
          // Lanes past the end may hold anything, NaN too: both factors are masked.
          f.get(depth).if();
          masked(() => f.get(depth));
          step(0, true);
          f.end();
        };
        const never = f.block();
        if (view && runLength !== undefined) {
          if (runLength % 4 !== 0) masked(() => f.i32(runLength % 4));
          f.get(parameter("runs")).set(runs);
          countDown(f, runs, 1, () => {
            for (let at = 0; at < runLength; at += 4) {
              // Not true of a count, but V8 cannot know.
              if (at > 0) f.get(runs).i32(-at).op("i32.eq").brIf(never);
              step(at * 4, at + 4 > runLength);
            }
            for (const a of as) f.get(a).get(parameter("aRun")).op("i32.add").set(a);
            for (const b of bs) f.get(b).get(parameter("bRun")).op("i32.add").set(b);
          });
        } else if (view) {
          const moved = (run: Local, skip: Local) =>
          f.get(run).get(parameter("depth")).i32(-4).op("i32.and").i32(2).op("i32.shl").op("i32.sub").set(skip); // prettier-ignore
          moved(parameter("aRun"), aSkip);
          moved(parameter("bRun"), bSkip);
          f.get(parameter("runs")).set(runs);
          countDown(f, runs, 1, () => {
            f.get(parameter("depth")).set(depth);
            sumRun();
            for (const a of as) f.get(a).get(aSkip).op("i32.add").set(a);
            for (const b of bs) f.get(b).get(bSkip).op("i32.add").set(b);
          });
        } else {
          sumRun();
        }
        f.end();
        for (const sum of used) acrossLanes(f, sum, low, high);
        return used.map((sum) => [sum[0]!]);
      };
    },
  );
}

/** The lane sums of up to four vectors, as one vector, left in the first: transposing adds. */
function acrossLanes(f: FunctionBuilder, sums: readonly Local[], low: Local, high: Local): void {
  const [x, y = x, z = x, w = y] = sums as [Local, Local?, Local?, Local?];
  const pair = (p: Local, q: Local, to: Local): void => {
    f.get(p).get(q).shuffle32(0, 1, 4, 5);
    f.get(p).get(q).shuffle32(2, 3, 6, 7);
    f.op("f32x4.add").set(to);
  };
  pair(x, y, low);
  pair(z, w, high);
  f.get(low).get(high).shuffle32(0, 2, 4, 6);
  f.get(low).get(high).shuffle32(1, 3, 5, 7);
  f.op("f32x4.add").set(x);
}
