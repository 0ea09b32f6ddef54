// Normal form of loop kernels: axes of length 1 dropped, neighbours merged where every access allows,
// guards that always hold removed, linear guards folded into strides. Two kernels with equal structure
// then share one module (plan.ts).
import {
  type Access,
  type Combine,
  type DType,
  type Guard,
  type Indirection,
  type MapKernel,
  type ReduceKernel,
  type Scalar,
  type ScanKernel,
  type ScanState,
  type State,
  constant,
  leaf,
  nodesOf,
  transform,
} from "@flambeau/core/extension";

/** As a kernel's access, but guards with divisor 1 only check: their stride is folded away. */
export interface NormalAccess {
  readonly operand: number;
  readonly dtype: DType;
  readonly offset: number;
  readonly strides: readonly number[];
  readonly guards: readonly Guard[];
  readonly indirections: readonly Indirection[];
}

export interface NormalLoad extends NormalAccess {
  readonly fill: number;
}

export interface NormalStore extends NormalAccess {
  readonly value: Scalar;
  readonly combine: Combine;
}

/** What runs as one loop nest. */
export type LoopNest = MapKernel | ReduceKernel | ScanKernel;

export interface NormalKernel {
  /** Stores stand inside the last axis, though it carries states. */
  readonly isScan: boolean;
  readonly axes: readonly number[];
  /** How many axes are not reduced and not scanned; at least one. */
  readonly outer: number;
  readonly loads: readonly NormalLoad[];
  readonly stores: readonly NormalStore[];
  readonly params: readonly DType[];
  /** Empty in maps. */
  readonly states: readonly (State | ScanState)[];
}

/** Bounds of a guard's coordinate over the whole index space. */
function boundsOf(guard: Guard, axes: readonly number[]): [number, number] {
  let [low, high] = [guard.base, guard.base];
  axes.forEach((length, axis) => {
    const reach = guard.coefficients[axis]! * (length - 1);
    if (reach < 0) low += reach;
    else high += reach;
  });
  return [low, high];
}

function normalAccess(access: Access, axes: readonly number[]): NormalAccess {
  let { offset } = access;
  const strides = [...access.strides];
  const guards: Guard[] = [];
  for (const original of access.guards ?? []) {
    let guard = original;
    const { divisor } = guard;
    if (
      divisor !== 1 &&
      [guard.base, ...guard.coefficients].every((value) => value % divisor === 0)
    ) {
      guard = {
        ...guard,
        base: guard.base / divisor,
        coefficients: guard.coefficients.map((value) => value / divisor),
        divisor: 1,
      };
    }
    if (guard.divisor === 1) {
      offset += guard.stride * guard.base;
      guard.coefficients.forEach((value, axis) => (strides[axis]! += guard.stride * value));
      const [low, high] = boundsOf(guard, axes);
      if (low >= 0 && high < guard.size) continue;
      guard = { ...guard, stride: 0 };
    }
    guards.push(guard);
  }
  const { operand, dtype, indirections = [] } = access;
  return { operand, dtype, offset, strides, guards, indirections };
}

/** Whether the loops over axes `a` and, just inside it, `b` of length `inner` can run as one. */
function canMerge(
  accesses: readonly NormalAccess[],
  indexed: ReadonlySet<number>,
  a: number,
  b: number,
  inner: number,
): boolean {
  if (indexed.has(a) || indexed.has(b)) return false;
  for (const { strides, guards } of accesses) {
    if (strides[a] !== strides[b]! * inner) return false;
    for (const { coefficients } of guards) {
      if (coefficients[a] !== coefficients[b]! * inner) return false;
    }
  }
  return true;
}

/** Drops and merges axes. No axis may be empty, except reduced ones. Scans run forward. */
export function normalize(kernel: LoopNest): NormalKernel {
  const reduced = kernel.kind === "map" ? 0 : kernel.kind === "scan" ? 1 : kernel.reduced;
  const states = kernel.kind === "map" ? [] : kernel.states;
  const boundary = kernel.axes.length - reduced;
  const isEmpty = kernel.axes.includes(0);
  const indexed = new Set<number>();
  const values = kernel.stores.map((store) => store.value);
  for (const node of nodesOf(...states.map((state) => state.step), ...values)) {
    if (node.op === "index") indexed.add(node.position);
  }
  const original = [...kernel.loads, ...kernel.stores].map((access) =>
    normalAccess(access, isEmpty ? kernel.axes.map((length) => Math.max(length, 1)) : kernel.axes),
  );

  // `kept` lists, for each new axis, the old one whose strides it has (its innermost).
  const kept: number[] = [];
  const lengths: number[] = [];
  let outer = 0;
  kernel.axes.forEach((length, axis) => {
    if (length === 1) return;
    const last = kept.at(-1);
    const sameSide = last !== undefined && last < boundary === axis < boundary;
    if (sameSide && canMerge(original, indexed, last, axis, length)) {
      kept[kept.length - 1] = axis;
      lengths[lengths.length - 1]! *= length;
    } else {
      if (axis < boundary) outer++;
      kept.push(axis);
      lengths.push(length);
    }
  });
  const pick = (list: readonly number[], from: number, to: number) =>
    kept.slice(from, to).map((axis) => list[axis]!);
  // A loop over one output, or one element, needs its axis all the same.
  const padOuter = outer === 0;
  const padInner = kernel.kind !== "map" && kept.length === outer;
  const remap = (list: readonly number[]) => [
    ...(padOuter ? [0] : pick(list, 0, outer)),
    ...pick(list, outer, kept.length),
    ...(padInner ? [0] : []),
  ];
  const axes = [
    ...(padOuter ? [1] : lengths.slice(0, outer)),
    ...lengths.slice(outer),
    ...(padInner ? [1] : []),
  ];
  const access = (i: number): NormalAccess => {
    const { operand, dtype, offset, strides, guards, indirections } = original[i]!;
    return {
      operand,
      dtype,
      offset,
      indirections,
      strides: remap(strides),
      guards: guards.map((g) => ({ ...g, coefficients: remap(g.coefficients) })),
    };
  };
  const newAxis = new Map(kept.map((axis, i) => [axis, i + (padOuter ? 1 : 0)]));
  const renumber = (e: Scalar): Scalar =>
    indexed.size === 0
      ? e
      : transform(e, (node) => {
          if (node.op !== "index") return node;
          const axis = newAxis.get(node.position);
          return axis === undefined ? constant(0, node.dtype) : leaf("index", axis, node.dtype);
        });
  return {
    isScan: kernel.kind === "scan",
    axes,
    outer: Math.max(outer, 1),
    loads: kernel.loads.map((load, i) => ({ ...access(i), fill: load.fill ?? 0 })),
    stores: kernel.stores.map((store, i) => ({
      ...access(kernel.loads.length + i),
      value: renumber(store.value),
      combine: store.combine ?? "set",
    })),
    params: kernel.params,
    states: states.map((state) => ({ ...state, step: renumber(state.step) })),
  };
}
