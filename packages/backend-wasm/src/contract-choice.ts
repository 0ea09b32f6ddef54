// Chooses how a contraction runs among the ways that are right: which factor is the rows, which micro
// kernel, which axes move out of blocks, which factors are gathered or seen through a view. Costs are
// estimates in nanoseconds from measured rates. contract-plan.ts turns the choice into numbers.
import {
  type Axis,
  type NormalAccess,
  type NormalContract,
  sizeOf,
  stepOf,
} from "./contract-axes.ts";
import { type View, viewOf } from "./contract-view.ts";

export type Groups = Readonly<Record<"batch" | "outer" | "m" | "n" | "k", readonly Axis[]>>;

export interface Choice {
  readonly form: "outer" | "dot";
  readonly groups: Groups;
  /** Positions of the factors among the accesses. */
  readonly a: number;
  readonly b: number;
  /** In which direction each factor is contiguous, and whether it is read where it lies. */
  readonly alongA: "own" | "k";
  readonly directA: boolean;
  readonly directB: boolean;
  /** Block sizes that the view allows, if there is one. */
  readonly view?: ViewBlocks;
  readonly cost: number;
}

/** How a view is cut: runs (or columns, without runs) and rows of B in one block. */
export interface ViewBlocks {
  readonly runs: number;
  readonly columns: number;
  readonly rows: number;
}

/** Rows of a tile, and vectors of a strip, of the outer form. */
export const outerTile = (m: number, relaxed: boolean): readonly [tile: number, strip: number] =>
  m === 1 ? [1, 8] : m === 3 ? [3, 3] : relaxed || m === 2 ? [2, 4] : [4, 2];
/** Rows and columns of a tile of the dot form. */
export const dotTile = (m: number): readonly [tile: number, strip: number] => [Math.min(m, 2), 4];

const outerRate = (m: number): number => (m > 1 ? 46 : 33);
const dotRate = (m: number): number => (m > 1 ? 43 : 30);

/** The one stride with which an access walks several axes, if there is one. */
export function flatStride(axes: readonly Axis[], position: number): number | undefined {
  const step = axes.at(-1)?.strides[position] ?? 0;
  let expected = step;
  for (const axis of axes.toReversed()) {
    if (axis.strides[position] !== expected) return undefined;
    expected *= axis.length;
  }
  return step;
}

/** Nanoseconds to gather one element in runs along the last of `axes`. */
function gatherCost(access: NormalAccess, position: number, axes: readonly Axis[]): number {
  const inner = axes.at(-1);
  const step = inner && stepOf(access, position, inner);
  const perRun = (8 + 4 * access.guards.length) / (inner?.length ?? 1);
  if (step === undefined) return 2.5 + perRun;
  return (step === 1 ? 0.2 : 0.9) + perRun;
}

interface Sizes {
  readonly M: number;
  readonly N: number;
  readonly K: number;
}

const roundUp = (x: number, multiple: number): number => Math.ceil(x / multiple) * multiple;

/** What the micro kernels need for a block without a view. */
function denseCost(form: "outer" | "dot", { M, N, K }: Sizes): number {
  if (form === "dot") {
    return (2 * M * N * roundUp(K, 4)) / dotRate(M) + M * N;
  }
  const width = roundUp(N, 4);
  const rate = outerRate(M) * (width === 4 && M > 1 ? 0.7 : 1);
  return (2 * M * width * K) / rate + (M * width) / 6;
}

/** Bytes of a box, and rows of B, that one block may have. */
export const largestBox = 192 * 1024;
const mostRows = 600;
/** The most columns between two runs of a view: blocks are sized for it. */
export const widestGap = 64;

/** Blocks of B seen through a view: as many whole runs as fit. */
function cutView(
  access: NormalAccess,
  position: number,
  columns: readonly Axis[],
  rows: readonly Axis[],
): { view: View; blocks: ViewBlocks } | undefined {
  const inner = columns.at(-1)?.length ?? 0;
  let runs = columns.length === 2 ? columns[0]!.length : 1;
  for (;;) {
    const view = viewOf(access, position, columns, rows, { columns: inner, runs });
    if (view === undefined) return undefined;
    const steps = sizeOf(rows) / view.taps;
    const most = Math.min(
      Math.floor(mostRows / view.taps),
      view.boxSize === 0 ? Infinity : Math.floor(largestBox / 4 / view.boxSize),
    );
    if (most >= Math.min(steps, runs > 4 ? 8 : 1)) {
      const count = Math.ceil(steps / Math.ceil(steps / Math.max(most, 1)));
      return { view, blocks: { runs, columns: inner, rows: count * view.taps } };
    }
    if (runs <= 1) return undefined;
    runs = Math.ceil(runs / 2);
  }
}

function evaluate(
  contract: NormalContract,
  groups: Groups,
  form: "outer" | "dot",
  [a, b]: readonly [number, number],
  useView: boolean,
): Choice | undefined {
  const [first, second] = [contract.accesses[a]!, contract.accesses[b]!];
  const { m, n, k } = groups;
  const sizes = { M: sizeOf(m), N: sizeOf(n), K: sizeOf(k) };
  const { M, N, K } = sizes;
  const repeats = sizeOf(groups.batch) * sizeOf(groups.outer);
  const ownA = first.guards.length === 0 ? flatStride(m, a) : undefined;
  const depthA = first.guards.length === 0 ? flatStride(k, a) : undefined;
  const [columns, rows] = form === "outer" ? [n, k] : [k, n];
  // Adding to C once for each outer step, and the fixed work of a block.
  let cost = M * N * 0.4 + 80;

  const [ownB, depthB] = [flatStride(n, b), flatStride(k, b)];
  const isFlat = second.guards.length === 0 && ownB !== undefined && depthB !== undefined;

  if (useView) {
    if (isFlat) return undefined;
    cost += 200;
    const cut = cutView(second, b, columns, rows);
    if (cut === undefined) return undefined;
    const { view, blocks } = cut;
    const outerLength = view.hasRuns ? columns[0]!.length : 1;
    const blockCount = Math.ceil(outerLength / blocks.runs);
    if (view.box) {
      const perElement = 0.25 + 10 / view.box.at(-1)!.length;
      cost += view.boxSize * (sizeOf(rows) / view.taps) * blockCount * perElement;
    }
    if (form === "dot") {
      // Runs of A must be contiguous too.
      if (first.guards.length > 0 || ownA === undefined || k.at(-1)!.strides[a] !== 1) {
        return undefined;
      }
      cost += (2 * M * N * outerLength * roundUp(view.runLength, 4)) / dotRate(M);
      cost += (M * N * outerLength) / 4 + M * N;
    } else {
      if (ownA === undefined) return undefined;
      // Tiles of C hold the columns between runs: only as many as the blocks' sizes allow for.
      if (view.hasRuns && view.runStep > view.runLength + widestGap) return undefined;
      const length = view.hasRuns && view.runLength % 4 !== 0 ? view.runStep : view.runLength;
      cost += denseCost(form, { M, N: length * outerLength, K });
      if (depthA !== 1) cost += gatherCost(first, a, k) * M * K * blockCount;
    }
    const directA = form === "dot" || depthA === 1;
    return {
      form, groups, a, b, alongA: "k", directA, directB: false, view: blocks, cost: cost * repeats,
    }; // prettier-ignore
  }

  const [costAlongK, costAlongM] = [gatherCost(first, a, k), gatherCost(first, a, m)];
  let directA = false;
  let alongA: "own" | "k" = form === "dot" || costAlongK <= costAlongM ? "k" : "own";
  if (ownA !== undefined && depthA !== undefined) {
    if (depthA === 1 || K === 1) [directA, alongA] = [true, "k"];
    else if (form === "outer" && (ownA === 1 || M === 1)) [directA, alongA] = [true, "own"];
  }
  if (!directA) cost += (alongA === "k" ? costAlongK : costAlongM) * M * K * Math.ceil(N / 256);
  let directB = isFlat && (form === "dot" ? depthB === 1 || K === 1 : ownB === 1 || N === 1);
  const copyCost = gatherCost(second, b, columns) * N * K * Math.ceil(M / 192);
  if (!directB) cost += copyCost;
  // Long strides fall on the same few cache sets: many rows of A pay for a dense copy of B.
  if (directB && form === "outer" && depthB! >= 512 && K >= 64 && M >= 96) {
    directB = false;
    cost += copyCost;
  }
  cost += denseCost(form, sizes);
  return { form, groups, a, b, alongA, directA, directB, cost: cost * repeats };
}

/** How many of a group's innermost axes may stay inside blocks. */
const splits = (axes: readonly Axis[]): number[] =>
  axes.length <= 1 ? [axes.length] : axes.map((_, i) => axes.length - i);

/** The cheapest way, by estimate. */
export function chooseWay(contract: NormalContract): Choice {
  const { batch, m, n, k } = contract.groups;
  let best: Choice | undefined;
  for (const keepM of splits(m)) {
    for (const keepN of splits(n)) {
      for (const keepK of splits(k)) {
        const cut = (axes: readonly Axis[], keep: number): [readonly Axis[], readonly Axis[]] => [
          axes.slice(0, axes.length - keep),
          axes.slice(axes.length - keep),
        ];
        const [outerM, innerM] = cut(m, keepM);
        const [outerN, innerN] = cut(n, keepN);
        const [outer, innerK] = cut(k, keepK);
        const common = { batch: [...batch, ...outerM, ...outerN], outer, k: innerK };
        for (const form of ["outer", "dot"] as const) {
          for (const useView of [false, true]) {
            for (const [a, b] of [
              [0, 1],
              [1, 0],
            ] as const) {
              const groups =
                a === 0 ? { ...common, m: innerM, n: innerN } : { ...common, m: innerN, n: innerM };
              const choice = evaluate(contract, groups, form, [a, b], useView);
              if (choice && (best === undefined || choice.cost < best.cost)) best = choice;
            }
          }
        }
      }
    }
  }
  return best!;
}
