// Turns a choice (contract-choice.ts) into what emitted code needs: its structure, by which modules are
// shared, and its numbers, the parameter block. Work is cut into units by shape alone, never by the
// number of threads.
import { type Axis, type NormalAccess, type NormalContract, sizeOf } from "./contract-axes.ts";
import {
  type Choice,
  chooseWay,
  largestBox,
  dotTile,
  flatStride,
  outerTile,
  widestGap,
} from "./contract-choice.ts";
import { type FactorShape, type Layout, describeFactor } from "./contract-factor.ts";
import type { GatherShape } from "./contract-gather.ts";
import { balancedPieces } from "./contract-micro.ts";
import { scratchBytes } from "./worker-source.ts";
import { type View, offsetsOf, viewOf } from "./contract-view.ts";

/** B through a view. */
export interface ViewShape {
  readonly hasRuns: boolean;
  /** How its box is filled; without one the view is on the factor itself. */
  readonly box?: GatherShape;
  /** The length of the runs of k that a dot product sums, if it is short. */
  readonly runLength?: number;
  /** Blocks start at multiples of `view.taps` rows, along this axis. */
  readonly cutAxis?: string;
  /** Runs are stored one by one, without the columns between them. */
  readonly storesRuns: boolean;
}

/** What the emitted code depends on; equal shapes share a module. */
export interface ContractShape {
  readonly form: "outer" | "dot";
  /** Rows of a tile, and the row counts that occur. */
  readonly tile: number;
  readonly rows: readonly number[];
  /** Vectors (outer) or columns (dot) of a strip, and the counts that occur. */
  readonly strip: number;
  readonly strips: readonly number[];
  readonly a: FactorShape;
  readonly b: FactorShape;
  readonly view?: ViewShape;
  /** Names of the axes of each group, outermost first; `outer` are the k axes outside blocks. */
  readonly axes: Readonly<Record<"batch" | "outer" | "m" | "n" | "k", readonly string[]>>;
  /** Blocks whose width is a multiple of four are stored without a tile of C. */
  readonly storesDirectly: boolean;
  /** Units sum parts of k and a second job merges them. */
  readonly splits: boolean;
  /** How each access of the epilogue moves along the innermost n axis, in elements; -1: otherwise. */
  readonly epilogueSteps: readonly number[];
}

export interface ContractPlan {
  readonly shape: ContractShape;
  /** The parameter block; operand addresses (`a.base`, …) are 0 until a call fills them. */
  readonly words: ReadonlyMap<string, number>;
  /** The normal form's accesses in the order `a`, `b`, epilogue loads, stores. */
  readonly accesses: readonly NormalAccess[];
  readonly units: number;
  readonly unitsPerChunk: number;
  /** Units of the merging job; 0 without one. */
  readonly mergeUnits: number;
  readonly partialBytes: number;
}

const ceilTo = (x: number, multiple: number): number => Math.ceil(x / multiple) * multiple;

/** Cuts `size` into equal blocks of at most `most`, each a multiple of `multiple` but the last. */
function evenBlocks(size: number, most: number, multiple: number): number {
  const count = Math.ceil(size / Math.max(most, multiple));
  return Math.min(size, ceilTo(Math.ceil(size / count), multiple));
}

interface Blocks {
  readonly mc: number;
  readonly nc: number;
  readonly kc: number;
  /** Parts of k summed apart. */
  readonly splits: number;
  /** Runs of a view in a block. */
  readonly runs: number;
}

/** Multiplications that keep one unit busy for about a millisecond. */
const unitWork = 2e7;
/** A chunk below this is not worth handing to another thread. */
const chunkWork = 6e5;
/** With this many units there is something for every thread. */
const enoughUnits = 16;

function chooseBlocks(
  { groups, form, view }: Choice,
  [tile, strip]: readonly [number, number],
): Blocks {
  const [M, N, K] = [sizeOf(groups.m), sizeOf(groups.n), sizeOf(groups.k)];
  const [batches, outer] = [sizeOf(groups.batch), sizeOf(groups.outer)];
  const columns = form === "outer" ? strip * 4 : 4;
  const depth = K * outer;
  let runs = view?.runs ?? 1;
  const runLength = view?.columns ?? 1;
  let kc: number;
  let nc: number;
  if (view === undefined) {
    // With hardly a row of A, a large B streams from memory: few of its rows at a time, far along.
    const streams = form === "outer" && M < 3 && N >= 512 && N * K > 2 ** 18;
    kc = evenBlocks(K, streams ? 8 : K <= 384 ? 384 : 256, 4);
    nc = evenBlocks(N, Math.min(512, Math.max(240, Math.round(30000 / kc))), columns);
  } else if (form === "outer") {
    kc = view.rows;
    nc = runs * runLength;
  } else {
    kc = runs * runLength;
    nc = view.rows;
  }
  let mc = evenBlocks(M, 192, tile);
  // Shrink blocks until there are enough units for several threads, or they become too small.
  const count = (): number => batches * Math.ceil(M / mc) * Math.ceil(N / nc);
  const isTooLarge = (): boolean => {
    const work = mc * nc * depth;
    return work > unitWork || (count() < enoughUnits && work > 2 * chunkWork);
  };
  if (view === undefined) {
    while (isTooLarge() && nc >= 96) nc = ceilTo(nc / 2, columns);
  } else if (form === "outer") {
    while (isTooLarge() && runs > 4) {
      runs = Math.ceil(runs / 2);
      nc = runs * runLength;
    }
  }
  while (isTooLarge() && mc >= 64) mc = ceilTo(mc / 2, tile);
  // Tiles of A, B and C must fit into scratch memory together; boxes are limited apart.
  const widest = (): number => nc * (view ? 1 + widestGap / runLength : 1) + 64;
  const tiles = (): number =>
    (mc + 64) * (kc + 64) + (view ? 0 : (kc + 64) * widest()) + mc * widest();
  while (tiles() * 4 > scratchBytes - largestBox) {
    if (view && form === "outer" && runs > 1) {
      runs = Math.ceil(runs / 2);
      nc = runs * runLength;
    } else if (mc > tile) mc = ceilTo(mc / 2, tile);
    else break;
  }
  const steps = Math.ceil(K / kc) * outer;
  const work = mc * nc * depth;
  const splits =
    count() < enoughUnits && work > 4 * chunkWork
      ? Math.max(1, Math.min(32, steps, Math.floor(work / (2 * chunkWork))))
      : 1;
  return { mc, nc, kc, splits, runs };
}

const groupNames = ["batch", "outer", "m", "n", "k"] as const;

export interface PlanOptions {
  /** The sums are stored as they are. */
  readonly isPlain: boolean;
  /** How many run-time numbers the epilogue has. */
  readonly params: number;
  readonly relaxed: boolean;
}

/** Plans a contraction; `undefined` where its tiles would not fit into scratch memory. */
export function planContract(
  contract: NormalContract,
  { isPlain, params, relaxed }: PlanOptions,
): ContractPlan | undefined {
  const choice = chooseWay(contract);
  const { form, groups } = choice;
  const M = sizeOf(groups.m);
  const [tile, strip] = form === "outer" ? outerTile(M, relaxed) : dotTile(M);
  const blocks = chooseBlocks(choice, [tile, strip]);
  const { mc, nc, kc } = blocks;
  const [N, K] = [sizeOf(groups.n), sizeOf(groups.k)];
  const words = new Map<string, number>();
  const named = new Map<string, Axis>();
  for (const group of groupNames) groups[group].forEach((axis, i) => named.set(group + i, axis));
  const axes = Object.fromEntries(
    groupNames.map((group) => [group, groups[group].map((_, i) => group + i)]),
  ) as Record<(typeof groupNames)[number], string[]>;

  const [mBlocks, nBlocks, kBlocks] = [Math.ceil(M / mc), Math.ceil(N / nc), Math.ceil(K / kc)];
  const steps = kBlocks * sizeOf(groups.outer);
  const stepsPerSplit = Math.ceil(steps / blocks.splits);
  const splits = Math.ceil(steps / stepsPerSplit);
  const sizes = { mode: 0, M, N, K, mc, nc, kc, mBlocks, nBlocks, kBlocks, steps, stepsPerSplit, splits, partials: 0 }; // prettier-ignore
  for (const [name, value] of Object.entries(sizes)) words.set(name, value);
  for (const [name, axis] of named) words.set(`${name}.length`, axis.length);

  const accesses = [
    contract.accesses[choice.a]!,
    contract.accesses[choice.b]!,
    ...contract.accesses.slice(2),
  ];
  const layoutOf = (factor: "a" | "b"): Layout => {
    const own = factor === "a" ? axes.m : axes.n;
    const along = factor === "a" ? choice.alongA : form === "dot" ? "k" : "own";
    const isDirect = factor === "a" ? choice.directA : choice.directB || choice.view !== undefined;
    const [rows, columns] = along === "k" ? [own, axes.k] : [axes.k, own];
    return { along, rows, columns, gathers: !isDirect };
  };
  const a = describeFactor(words, "a", accesses[0]!, choice.a, named, layoutOf("a"));
  const b = describeFactor(words, "b", accesses[1]!, choice.b, named, layoutOf("b"));
  const flat = (group: readonly Axis[], at: number): number => (flatStride(group, at) ?? 0) * 4;
  words.set("a.own", flat(groups.m, choice.a));
  words.set("a.k", flat(groups.k, choice.a));
  words.set("b.own", flat(groups.n, choice.b));
  words.set("b.k", flat(groups.k, choice.b));

  // Epilogue accesses: "e2", "e3", …, by position.
  const inner = groups.n.at(-1);
  const epilogueSteps: number[] = [];
  for (let i = 2; i < accesses.length; i++) {
    words.set(`e${i}.base`, 0);
    for (const [name, axis] of named) words.set(`e${i}.${name}`, axis.strides[i]! * 4);
    const step = inner?.strides[i] ?? 1;
    epilogueSteps.push(step === 0 || step === 1 ? step : -1);
  }
  const output = accesses.length - 1;
  words.set("output.row", flat(groups.m, output));
  for (let i = 0; i < params; i++) words.set(`param${i}`, 0);
  const storesPlainly =
    isPlain &&
    splits === 1 &&
    epilogueSteps.at(-1) === 1 &&
    flatStride(groups.m, output) !== undefined;

  const viewed = planView(words, choice, blocks, contract.accesses[choice.b]!, storesPlainly);
  const { view, columnsOf } = viewed;
  const widest = columnsOf(nc);
  const tileColumns = ceilTo(widest, 4);
  words.set("tile.row", tileColumns * 4);

  // Where the tiles lie in a thread's scratch memory.
  const padded = (columns: number): number => ceilTo(columns, 4) + 4 + (columns % 64 < 8 ? 16 : 0);
  const aRow = padded(a.along === "k" ? kc : mc);
  const bRow = padded(b.along === "k" ? kc : nc);
  const aBytes = a.gather ? aRow * (a.along === "k" ? mc : kc) * 4 + 64 : 0;
  const bBytes = b.gather ? bRow * (b.along === "k" ? nc : kc) * 4 + 64 : viewed.boxBytes;
  words.set("tile.a.row", aRow * 4);
  words.set("tile.b.row", bRow * 4);
  words.set("tile.b", ceilTo(aBytes, 64));
  const tileC = ceilTo(aBytes, 64) + ceilTo(bBytes, 64);
  words.set("tile.c", tileC);
  if (tileC + mc * tileColumns * 4 > scratchBytes) return undefined;
  // Last, because its length differs between kernels of one structure.
  viewed.table.forEach((offset, i) => words.set(`table${i}`, offset * 4));

  const batches = sizeOf(groups.batch);
  const units = batches * mBlocks * nBlocks * splits;
  const pieces = (columns: number): number[] =>
    form === "outer" ? balancedPieces(Math.ceil(columns / 4), strip) : dotPieces(columns, strip);
  const unique = (lists: number[][]): number[] =>
    [...new Set(lists.flat())].toSorted((x, y) => y - x);
  return {
    shape: {
      form,
      tile,
      rows: unique([balancedPieces(mc, tile), balancedPieces(M - (mBlocks - 1) * mc, tile)]),
      strip,
      strips: unique([pieces(widest), pieces(columnsOf(N - (nBlocks - 1) * nc))]),
      a,
      b,
      ...(view && { view }),
      axes,
      storesDirectly:
        storesPlainly &&
        !(view?.hasRuns && form === "outer") &&
        flatStride(groups.n, output) !== undefined,
      splits: splits > 1,
      epilogueSteps,
    },
    words,
    accesses,
    units,
    unitsPerChunk: Math.max(1, Math.floor(chunkWork / (mc * nc * stepsPerSplit * kc))),
    mergeUnits: splits > 1 ? batches * mBlocks * nBlocks : 0,
    partialBytes: splits > 1 ? units * mc * tileColumns * 4 : 0,
  };
}

const dotPieces = (total: number, most: number): number[] => [
  ...(total >= most ? [most] : []),
  ...(total % most > 0 ? [total % most] : []),
];

interface PlannedView {
  readonly view?: ViewShape;
  /** How many columns of a tile hold so many columns of C. */
  readonly columnsOf: (columns: number) => number;
  readonly boxBytes: number;
  readonly table: readonly number[];
}

function planView(
  words: Map<string, number>,
  { form, groups, b, view: cut }: Choice,
  blocks: Blocks,
  access: NormalAccess,
  storesPlainly: boolean,
): PlannedView {
  words.set("gap", 0);
  if (cut === undefined) return { columnsOf: (columns) => columns, boxBytes: 0, table: [] };
  const [columnGroup, rowGroup] = form === "outer" ? (["n", "k"] as const) : (["k", "n"] as const);
  const [columns, rows] = [groups[columnGroup], groups[rowGroup]];
  const extent = { columns: cut.columns, runs: blocks.runs };
  const view = viewOf(access, b, columns, rows, extent) as View;
  const { hasRuns, runLength, runStep, taps } = view;
  const storesRuns =
    form === "outer" && hasRuns && storesPlainly && runLength % 4 === 0 && runLength >= 8;
  words.set("view.taps", taps);
  words.set("view.run", runStep * 4);
  if (!storesRuns && form === "outer" && hasRuns) words.set("gap", (runStep - runLength) * 4);
  const blockRows = form === "outer" ? blocks.kc : blocks.nc;
  const isCut = rows[0]!.coefficients[b]!.every((c) => c === 0);
  const shape = {
    hasRuns,
    storesRuns,
    ...(form === "dot" && hasRuns && runLength <= 32 && { runLength }),
    ...(isCut && { cutAxis: `${rowGroup}0` }),
  };
  const table = offsetsOf(view, rows, blockRows);
  const columnsOf = (count: number): number => {
    if (form === "dot" || !hasRuns) return count;
    return storesRuns ? runLength : (count / runLength - 1) * runStep + runLength;
  };
  if (view.box === undefined) return { view: shape, columnsOf, boxBytes: 0, table };

  const names = view.box.map((_, i) => `box${i}`);
  view.box.forEach(({ length, stride }, i) => {
    words.set(`box${i}.length`, length);
    words.set(`b.box${i}`, stride * 4);
    access.guards.forEach((_, g) => words.set(`b.guard${g}.box${i}`, 1));
  });
  access.guards.forEach(({ base }, g) =>
    words.set(`b.guard${g}.base`, base + view.guardShifts[g]!),
  );
  const rowLength = view.box.at(-1)!.length;
  words.set("box.row", rowLength * 4);
  words.set("box.rows", view.boxSize / rowLength);
  const last = view.box.length - 1;
  const box: GatherShape = {
    factor: "b",
    rows: names.slice(0, -1),
    columns: names.slice(-1),
    strided: names.filter((_, i) => view.box![i]!.stride !== 0),
    guards: access.guards.map((_, g) => {
      const at = view.box!.findIndex((dimension) => dimension.guard === g);
      return { slope: at === last ? "rising" : "level", divided: false, axes: [`box${at}`] };
    }),
    unit: true,
    single: false,
  };
  words.set("b.run", 4);
  const boxBytes = (view.boxSize * (blockRows / taps) + 32) * 4;
  return { view: { ...shape, box }, columnsOf, boxBytes, table };
}
