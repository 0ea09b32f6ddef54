// Convolutions without im2col: the second factor seen through a view. Where its guards are stride-1
// windows, a small zero-padded copy of the input (a box), or the input itself, holds every row of the
// factor as a contiguous slice; a table has the offset of each row. Used by contract-choice.ts.
import { type Axis, type NormalAccess, sizeOf } from "./contract-axes.ts";

/** One dimension of a box, outermost first. */
export interface BoxDimension {
  readonly length: number;
  /** How the factor itself moves along it, in elements. */
  readonly stride: number;
  /** The guard whose coordinate it is. */
  readonly guard?: number;
}

/**
 * Columns are one axis, or runs of one along a second. Row r of the factor starts `offsets[r]` into the
 * view; each run lies `runStep` after the one before. All in elements.
 */
export interface View {
  readonly hasRuns: boolean;
  readonly runLength: number;
  readonly runStep: number;
  /** Rows per step of the outermost row axis, if blocks may be cut there; else all of them. */
  readonly taps: number;
  /** Strides of the row axes inside the view, and what to add so that offsets start at 0. */
  readonly rowStrides: readonly number[];
  readonly shift: number;
  /** How far below its base each guard's coordinate starts. */
  readonly guardShifts: readonly number[];
  readonly box?: readonly BoxDimension[];
  /** Elements of the box for one step of the outermost row axis. */
  readonly boxSize: number;
}

interface Extent {
  /** Columns along the inner axis and runs that one block covers. */
  readonly columns: number;
  readonly runs: number;
}

/** The guard, if any, that makes an axis a window of step 1; `undefined` where it is another. */
function windowOf(
  access: NormalAccess,
  position: number,
  axis: Axis,
  isInner: boolean,
): { guard?: number } | undefined {
  const guarded = axis.coefficients[position]!.flatMap((c, g) => (c === 0 ? [] : [g]));
  if (guarded.length === 0) return isInner && axis.strides[position] !== 1 ? undefined : {};
  const [guard] = guarded;
  if (guarded.length > 1 || axis.strides[position] !== 0) return undefined;
  if (axis.coefficients[position]![guard!] !== 1) return undefined;
  if (isInner && access.guards[guard!]!.stride !== 1) return undefined;
  return { guard };
}

/** The view of a factor whose columns lie along `columns` (one or two axes) and rows along `rows`. */
export function viewOf(
  access: NormalAccess,
  position: number,
  columns: readonly Axis[],
  rows: readonly Axis[],
  extent: Extent,
): View | undefined {
  if (columns.length < 1 || columns.length > 2 || rows.length === 0) return undefined;
  if (access.guards.some((guard) => guard.divisor !== 1)) return undefined;
  const inner = columns.at(-1)!;
  const outer = columns.length === 2 ? columns[0]! : undefined;
  const stride = (axis: Axis): number => axis.strides[position]!;
  const isGuarded = (axis: Axis): boolean => axis.coefficients[position]!.some((c) => c !== 0);
  const first = rows[0]!;
  const canCut = !isGuarded(first);
  const taps = canCut ? sizeOf(rows.slice(1)) : sizeOf(rows);
  const common = { hasRuns: outer !== undefined, runLength: inner.length, taps };

  if (access.guards.length === 0) {
    if (stride(inner) !== 1 || (outer && stride(outer) < inner.length)) return undefined;
    return {
      ...common,
      runStep: outer ? stride(outer) : 0,
      rowStrides: rows.map(stride),
      shift: 0,
      guardShifts: [],
      boxSize: 0,
    };
  }
  const innerWindow = windowOf(access, position, inner, true);
  const outerWindow = outer ? windowOf(access, position, outer, false) : {};
  if (innerWindow === undefined || outerWindow === undefined) return undefined;
  if (innerWindow.guard !== undefined && innerWindow.guard === outerWindow.guard) return undefined;
  if (outer && outerWindow.guard === undefined && extent.runs !== outer.length) return undefined;
  if (innerWindow.guard === undefined && outer === undefined && extent.columns !== inner.length) {
    return undefined;
  }
  // A row axis is a dimension of its own, or moves guarded coordinates.
  if (rows.some((axis) => isGuarded(axis) && stride(axis) !== 0)) return undefined;

  const spans = access.guards.map((_, g) =>
    rows.reduce((span, axis) => span + Math.abs(axis.coefficients[position]![g]!) * (axis.length - 1), 0),
  ); // prettier-ignore
  const guardShifts = access.guards.map((_, g) =>
    rows.reduce((low, axis) => low + Math.min(0, axis.coefficients[position]![g]! * (axis.length - 1)), 0),
  ); // prettier-ignore
  const dimension = (g: number | undefined, length: number, axis?: Axis): BoxDimension =>
    g === undefined
      ? { length, stride: axis ? stride(axis) : 0 }
      : { length: length + spans[g]!, stride: 0, guard: g };
  const free = rows.filter((axis) => !isGuarded(axis));
  const others = access.guards.flatMap((_, g) =>
    g === innerWindow.guard || g === outerWindow.guard ? [] : [dimension(g, 1)],
  );
  const box = [
    ...free.map((axis) => dimension(undefined, axis.length, axis)),
    ...others,
    ...(outer ? [dimension(outerWindow.guard, extent.runs, outer)] : []),
    dimension(innerWindow.guard, extent.columns, inner),
  ];
  const strideIn = box.map((_, i) =>
    box.slice(i + 1).reduce((size, { length }) => size * length, 1),
  );
  const strideOfGuard = (g: number): number => strideIn[box.findIndex((d) => d.guard === g)] ?? 0;
  const rowStrides = rows.map((axis) =>
    isGuarded(axis)
      ? axis.coefficients[position]!.reduce((sum, c, g) => sum + c * strideOfGuard(g), 0)
      : strideIn[free.indexOf(axis)]!,
  );
  return {
    ...common,
    runStep: outer ? strideIn[box.length - 2]! : 0,
    rowStrides,
    shift: guardShifts.reduce((sum, low, g) => sum - low * strideOfGuard(g), 0),
    guardShifts,
    box,
    boxSize: canCut ? strideIn[0]! : strideIn[0]! * box[0]!.length,
  };
}

/** Offsets of the first `count` rows. */
export function offsetsOf(view: View, rows: readonly Axis[], count: number): number[] {
  return Array.from({ length: count }, (_, row) => {
    let offset = view.shift;
    let rest = row;
    for (let axis = rows.length - 1; axis >= 0; axis--) {
      offset += (rest % rows[axis]!.length) * view.rowStrides[axis]!;
      rest = Math.floor(rest / rows[axis]!.length);
    }
    return offset;
  });
}
