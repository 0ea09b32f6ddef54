// Kernels: loops over scalar expressions, or a named routine. No tensors and no ops.
// What a backend runs. The meaning of each kind is backends/reference.ts; ARCHITECTURE.md shows some.
import type { DType, TypedArray } from "../dtype.ts";
import { IndexError } from "../errors.ts";
import type { Scalar } from "../scalar/instruction.ts";
import { linearize } from "../scalar/linear.ts";

/**
 * A coordinate that may fall outside its axis: `q = (base + Σ coefficients·indices) / divisor`. The
 * element exists where the division is exact and `0 <= q < size`; then its address grows by
 * `stride · q`. Windows, padding and dilation are guards.
 */
export interface Guard {
  readonly base: number;
  /** One per loop axis. */
  readonly coefficients: readonly number[];
  readonly divisor: number;
  readonly size: number;
  readonly stride: number;
}

/** A coordinate read from an earlier integer load: the address grows by `stride · value`. */
export interface Indirection {
  /** Position of the load that holds the coordinate (int32 or int64). */
  readonly load: number;
  /** Outside `0 … size-1` the kernel reports a bad index. */
  readonly size: number;
  readonly stride: number;
  /** Negative values, from `-size`, count from the end. */
  readonly wraps?: boolean;
}

/** Where an operand's element lies, as a function of the loop indices; all in elements. */
export interface Access {
  /** Which operand of the kernel: inputs count from 0; stores count outputs from 0. */
  readonly operand: number;
  readonly dtype: DType;
  readonly offset: number;
  /** One per loop axis. */
  readonly strides: readonly number[];
  readonly guards?: readonly Guard[];
  readonly indirections?: readonly Indirection[];
}

export interface Load extends Access {
  /** The value where a guard fails; default 0. */
  readonly fill?: number;
}

export type Combine = "set" | "add" | "mul" | "max" | "min";

export interface Store extends Access {
  /** Its dtype equals the access's. */
  readonly value: Scalar;
  /** How a store meets what is there, in row-major order of the axes; default `set`. */
  readonly combine?: Combine;
}

interface Common {
  /** Loop lengths, outermost first. */
  readonly axes: readonly number[];
  readonly loads: readonly Load[];
  /** Dtypes of the numbers given at run time (`param` leaves). */
  readonly params: readonly DType[];
  readonly stores: readonly Store[];
  /** Fills outputs before the loops; needed where stores do not reach every element. */
  readonly initial?: number | bigint;
}

/** `for indices: store(value(loads, params, indices))`. */
export interface MapKernel extends Common {
  readonly kind: "map";
}

/** One component of a reduction's state. */
export interface State {
  readonly dtype: DType;
  /** A bigint where int64 holds what a number cannot. */
  readonly initial: number | bigint;
  /** Next state from `state` leaves and what the element loads. */
  readonly step: Scalar;
  /** Joins two partial states, `state` (earlier elements) and `other` (later ones). */
  readonly merge: Scalar;
}

/**
 * A map whose last `reduced` axes are folded into a tuple of states. Store accesses have stride 0 on
 * reduced axes; store values see `state` leaves and loads that do not vary along reduced axes.
 */
export interface ReduceKernel extends Common {
  readonly kind: "reduce";
  readonly reduced: number;
  readonly states: readonly State[];
}

/** One component of a scan's state; `step` reads `state` leaves, what the element loads, indices. */
export type ScanState = Omit<State, "merge">;

/**
 * A map whose last axis is walked in order, carrying a tuple of states. At each position all states
 * step, then store values see the new `state` leaves, loads and indices. Axes before it are
 * independent rows.
 */
export interface ScanKernel extends Common {
  readonly kind: "scan";
  /** From the end of the last axis to its start. */
  readonly isReversed: boolean;
  readonly states: readonly ScanState[];
}

/** One walk over the row. */
export interface RowStage {
  /**
   * Values kept for each element of the row: `kept` leaves of later stages, of this stage's steps and of
   * stores; numbered across stages.
   */
  readonly kept: readonly Scalar[];
  /**
   * Folded over the row; `state` leaves number them across stages. Steps read their own running state,
   * finished states of earlier stages, kept values.
   */
  readonly states: readonly State[];
}

/**
 * A map whose last `row` axes make up a row that is walked once per stage, then once for the stores.
 * Stores with stride 0 on the row axes are made once per row, from states and from loads that do not vary
 * along the row.
 */
export interface RowsKernel extends Common {
  readonly kind: "rows";
  readonly row: number;
  readonly stages: readonly RowStage[];
}

/**
 * `out[batch, m, n] = Σ_k a[batch, m, k] · b[batch, n, k]`. `axes` is batch ++ m ++ n ++ k; loads 0
 * and 1 are the factors (a has stride 0 on n, b on m), further loads serve the epilogue and have
 * stride 0 on k. In store values, `state 0` is the sum.
 */
export interface ContractKernel extends Common {
  readonly kind: "contract";
  /** How many of the axes are batch, m, n and k. */
  readonly groups: { readonly batch: number; readonly m: number; readonly n: number; readonly k: number }; // prettier-ignore
  /** Dtype of the sum; the factors are converted to it. */
  readonly accumulator: DType;
}

/** What a routine reads or writes. */
export interface RoutineOperand {
  readonly dtype: DType;
  readonly shape: readonly number[];
  /** Of inputs that are read as they lie, none of them negative; others are contiguous, as outputs are. */
  readonly strides?: readonly number[];
}

/** What no loop nest says well. */
export interface RoutineKernel {
  readonly kind: "routine";
  readonly name: string;
  readonly inputs: readonly RoutineOperand[];
  readonly outputs: readonly RoutineOperand[];
  /** Numbers that a native kernel of the same name needs; `run` knows them. */
  readonly attributes?: readonly number[];
  readonly run: (inputs: readonly TypedArray[], outputs: readonly TypedArray[]) => void;
}

/** The coordinate that an indirection reads; throws where it is out of range. */
export function coordinateOf(
  { size, wraps }: Indirection,
  value: number,
  index: readonly number[],
): number {
  const lowest = wraps ? -size : 0;
  if (value < lowest || value >= size) {
    throw new IndexError(
      `index ${value} at position [${index.join(", ")}] is out of range for size ${size}. ` +
        (size === 0 ? "There is nothing to index." : `Expected ${lowest} … ${size - 1}.`),
    );
  }
  return value < 0 ? value + size : value;
}

export type LoopKernel = MapKernel | ReduceKernel | ScanKernel | RowsKernel | ContractKernel;
export type Kernel = LoopKernel | RoutineKernel;

const stepAndMerge = ({ step, merge }: State): Scalar[] => [step, merge];

/**
 * Expressions of a loop kernel, in a fixed order: per stage what it keeps; per state step and merge; at
 * last store values.
 */
export function expressionsOf(kernel: LoopKernel): Scalar[] {
  const values = kernel.stores.map((store) => store.value);
  switch (kernel.kind) {
    case "scan":
      return [...kernel.states.map(({ step }) => step), ...values];
    case "reduce":
      return [...kernel.states.flatMap(stepAndMerge), ...values];
    case "rows": {
      const stages = kernel.stages.flatMap(({ kept, states }) => [
        ...kept,
        ...states.flatMap(stepAndMerge),
      ]);
      return [...stages, ...values];
    }
    default:
      return values;
  }
}

const showGuard = (g: Guard): string =>
  `guard((${g.base}+${showTerms(g.coefficients)})${g.divisor === 1 ? "" : `/${g.divisor}`}<${g.size})*${g.stride}`;

const showTerms = (strides: readonly number[]): string =>
  strides
    .map((stride, axis) => (stride === 0 ? "" : `${stride}i${axis}`))
    .filter(Boolean)
    .join("+") || "0";

function showAccess(a: Access): string {
  const parts = [a.offset === 0 ? "" : `${a.offset}`, showTerms(a.strides)].filter(Boolean);
  for (const g of a.guards ?? []) parts.push(showGuard(g));
  for (const i of a.indirections ?? []) parts.push(`load${i.load}[<${i.size}]*${i.stride}`);
  return `${a.operand}:${a.dtype}[${parts.join(" + ")}]`;
}

/** Whether neither the address nor its checks change along axes from `first` on. */
export function isFixedFrom(first: number, access: Access, loads: readonly Load[]): boolean {
  const { strides, guards = [], indirections = [] } = access;
  const isFixed = (steps: readonly number[]) =>
    steps.every((step, axis) => axis < first || step === 0);
  return (
    isFixed(strides) &&
    guards.every(({ coefficients }) => isFixed(coefficients)) &&
    indirections.every(({ load }) => isFixedFrom(first, loads[load]!, loads))
  );
}

/** Readable text of a kernel. */
export function showKernel(kernel: Kernel): string {
  if (kernel.kind === "routine") return `routine ${kernel.name}`;
  const { axes } = kernel;
  const lines = [`${kernel.kind} axes=[${axes.join(", ")}]`];
  if (kernel.kind === "reduce") lines[0] += ` reduced=${kernel.reduced}`;
  if (kernel.kind === "scan" && kernel.isReversed) lines[0] += " reversed";
  if (kernel.kind === "rows") lines[0] += ` row=${kernel.row}`;
  if (kernel.kind === "contract") {
    const { batch, m, n, k } = kernel.groups;
    lines[0] += ` batch=${batch} m=${m} n=${n} k=${k} in ${kernel.accumulator}`;
  }
  if (kernel.initial !== undefined) lines[0] += ` initial=${kernel.initial}`;
  kernel.loads.forEach((load, i) => lines.push(`  load${i} = input ${showAccess(load)}`));
  if (kernel.kind === "rows") {
    for (const { kept, states } of kernel.stages) {
      lines.push(`  stage keeps ${kept.length}, folds ${states.length}`);
    }
  }
  const { text } = linearize(expressionsOf(kernel));
  lines.push(`  ${text}`);
  for (const store of kernel.stores) {
    lines.push(`  ${store.combine ?? "set"} output ${showAccess(store)}`);
  }
  return lines.join("\n");
}
