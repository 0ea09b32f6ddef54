// Normal form of a contract kernel: axes of length 1 dropped, guards that always hold folded into
// strides, broadcast batch axes moved to m or n, and neighbouring axes merged where every access
// walks them as one. Strides here are in elements.
import type { Access, ContractKernel } from "@flambeau/core/extension";

/** A loop axis and what each access does along it. */
export interface Axis {
  readonly length: number;
  /** One per access. */
  readonly strides: readonly number[];
  /** One list per access: the coefficient in each of its guards. */
  readonly coefficients: readonly (readonly number[])[];
}

export interface NormalGuard {
  readonly base: number;
  readonly divisor: number;
  readonly size: number;
  readonly stride: number;
}

export interface NormalAccess {
  readonly operand: number;
  readonly offset: number;
  readonly guards: readonly NormalGuard[];
}

export type GroupName = "batch" | "m" | "n" | "k";

/** Accesses are the two factors, further loads, then stores. */
export interface NormalContract {
  readonly accesses: readonly NormalAccess[];
  readonly groups: Readonly<Record<GroupName, readonly Axis[]>>;
}

export const sizeOf = (axes: readonly Axis[]): number =>
  axes.reduce((product, axis) => product * axis.length, 1);

/** `undefined` where nothing fast is known: empty axes, indirections, guards beyond the factors. */
export function normalize(kernel: ContractKernel): NormalContract | undefined {
  const { axes, groups } = kernel;
  if (axes.includes(0)) return undefined;
  const folded = [...kernel.loads, ...kernel.stores].map((access) => fold(access, axes));
  if (folded.some((access, i) => access === undefined || (i > 1 && access.guards.length > 0))) {
    return undefined;
  }
  const accesses = folded as Folded[];
  const all = axes.map((length, axis): Axis => ({
    length,
    strides: accesses.map((access) => access.strides[axis]!),
    coefficients: accesses.map((access) => access.guards.map((g) => g.coefficients[axis]!)),
  }));
  let from = 0;
  const take = (count: number): Axis[] =>
    all.slice(from, (from += count)).filter((axis) => axis.length > 1);
  const [batch, m, n, k] = [groups.batch, groups.m, groups.n, groups.k].map(take) as [
    Axis[], Axis[], Axis[], Axis[],
  ]; // prettier-ignore
  // A batch axis along which one factor stands still belongs to the other factor's rows.
  const still = (axis: Axis, access: number): boolean =>
    axis.strides[access] === 0 && axis.coefficients[access]!.every((c) => c === 0);
  const moved = {
    batch: batch.filter((axis) => !still(axis, 0) && !still(axis, 1)),
    m: [...batch.filter((axis) => still(axis, 1)), ...m],
    n: [...batch.filter((axis) => !still(axis, 1) && still(axis, 0)), ...n],
    k,
  };
  return {
    accesses,
    groups: {
      batch: merge(moved.batch),
      m: merge(preferInner(moved.m, accesses, [0])),
      n: merge(preferInner(moved.n, accesses, [1])),
      k: merge(preferInner(moved.k, accesses, [0, 1])),
    },
  };
}

interface Folded extends NormalAccess {
  readonly strides: readonly number[];
  readonly guards: readonly (NormalGuard & { readonly coefficients: readonly number[] })[];
}

/** Folds guards that cannot fail into offset and strides; `undefined` with indirections. */
function fold(access: Access, axes: readonly number[]): Folded | undefined {
  if ((access.indirections?.length ?? 0) > 0) return undefined;
  let { offset } = access;
  const strides = [...access.strides];
  const guards: Folded["guards"][number][] = [];
  for (const guard of access.guards ?? []) {
    const { base, divisor, size, stride } = guard;
    const coefficients = guard.coefficients.map((c, axis) => (axes[axis] === 1 ? 0 : c));
    const extents = coefficients.map((c, axis) => c * (axes[axis]! - 1));
    const least = base + extents.reduce((total, x) => total + Math.min(x, 0), 0);
    const most = base + extents.reduce((total, x) => total + Math.max(x, 0), 0);
    const exact = [base, ...coefficients].every((x) => x % divisor === 0);
    if (exact && least >= 0 && most / divisor < size) {
      offset += (base / divisor) * stride;
      coefficients.forEach((c, axis) => (strides[axis]! += (c / divisor) * stride));
    } else {
      guards.push({ base, divisor, size, stride, coefficients });
    }
  }
  return { operand: access.operand, offset, strides, guards };
}

/** By how much an access moves along an axis, where that is the same everywhere inside its guards. */
export function stepOf(access: NormalAccess, position: number, axis: Axis): number | undefined {
  let step = axis.strides[position]!;
  for (let g = 0; g < access.guards.length; g++) {
    const coefficient = axis.coefficients[position]![g]!;
    const { divisor, stride } = access.guards[g]!;
    if (coefficient === 0) continue;
    if (divisor !== 1) return undefined;
    step += coefficient * stride;
  }
  return step;
}

/** Puts an axis along which one of the accesses is contiguous innermost, if the last one is not. */
function preferInner(
  axes: readonly Axis[],
  accesses: readonly NormalAccess[],
  positions: readonly number[],
): readonly Axis[] {
  const unit = (axis: Axis): boolean =>
    positions.some((position) => stepOf(accesses[position]!, position, axis) === 1);
  if (axes.length < 2 || unit(axes.at(-1)!)) return axes;
  const contiguous = axes.findLast(unit);
  if (contiguous === undefined) return axes;
  return [...axes.filter((axis) => axis !== contiguous), contiguous];
}

/** Merges neighbours that every access walks as one axis. */
function merge(axes: readonly Axis[]): Axis[] {
  const result: Axis[] = [];
  for (const axis of axes) {
    const outer = result.at(-1);
    const follows = (x: number, y: number): boolean => x === y * axis.length;
    if (
      outer &&
      outer.strides.every((stride, i) => follows(stride, axis.strides[i]!)) &&
      outer.coefficients.every((list, i) =>
        list.every((c, g) => follows(c, axis.coefficients[i]![g]!)),
      )
    ) {
      result[result.length - 1] = { ...axis, length: outer.length * axis.length };
    } else {
      result.push(axis);
    }
  }
  return result;
}
