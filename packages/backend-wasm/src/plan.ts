// Decides how a normal kernel runs (vectors or scalars, along which axis, how far unrolled), where its
// numbers stand in the parameter block, and the key under which its module is shared. What may differ
// between kernels with one module is data in the block; all else is in the key.
import {
  type DType,
  type Scalar,
  byteSize,
  leaf,
  linearize,
  nodesOf,
  valueDType,
} from "@flambeau/core/extension";
import { floatOnly } from "./code.ts";
import type { NormalAccess, NormalKernel } from "./normal.ts";
import { isLaneDType } from "./vector-table.ts";

/** Byte offset of a number in the parameter block. */
export type Slot = number;

/** `base + Σ coefficients · indices`, of which the block holds the numbers. */
export interface Form {
  readonly base: Slot;
  /** One per axis; undefined where the coefficient is 0. */
  readonly coefficients: readonly (Slot | undefined)[];
  /** The coefficient along the vector axis where it is known to be one element. */
  readonly unit?: number;
}

export interface PlannedGuard {
  readonly form: Form;
  readonly size: Slot;
  /** Where the divisor is not 1: itself, and the stride in bytes. */
  readonly division?: { readonly divisor: Slot; readonly stride: Slot };
}

export interface PlannedIndirection {
  readonly load: number;
  readonly size: Slot;
  /** How far below 0 values may lie, and how many values are right. */
  readonly below: Slot;
  readonly span: Slot;
  readonly stride: Slot;
  /** The coordinate is the same along the whole row: it moves the row's pointer. */
  readonly perRow: boolean;
}

export interface PlannedAccess {
  readonly dtype: DType;
  readonly pointer: Form;
  readonly guards: readonly PlannedGuard[];
  readonly indirections: readonly PlannedIndirection[];
  /** Whether the element depends on the index along each axis. */
  readonly varies: readonly boolean[];
  /** Needs a check or a coordinate per element. */
  readonly isSlow: boolean;
}

/** Which axis the lanes lie along: outputs (`map`, `columns`, `scan`) or reduced elements (`rows`). */
export type Schedule = "map" | "columns" | "rows" | "scan";

export interface Plan {
  readonly kernel: NormalKernel;
  readonly schedule: Schedule;
  readonly isVector: boolean;
  readonly vectorAxis: number;
  /** Independent vectors (or scalars) in flight. */
  readonly copies: number;
  /** Estimated nanoseconds per element (of the whole loop nest). */
  readonly cost: number;
  readonly lengths: readonly Slot[];
  readonly loads: readonly PlannedAccess[];
  readonly stores: readonly PlannedAccess[];
  readonly params: readonly Slot[];
  /** The block's first contents. */
  readonly block: Int32Array;
  readonly key: string;
}

/** Where a kernel reports a bad index: not 0 after a run means failure. */
export const errorSlot: Slot = 0;

/** Roots of the programs of a kernel, before lowering. */
export interface Programs {
  /** What is evaluated per element: stored values of a map, next states of a reduction. */
  readonly element: readonly Scalar[];
  readonly merge: readonly Scalar[];
  /** Stored values of a reduction or a scan. */
  readonly finish: readonly Scalar[];
}

export function programsOf({ states, stores }: NormalKernel): Programs {
  const values = stores.map((store) => store.value);
  if (states.length === 0) return { element: values, merge: [], finish: [] };
  return {
    element: states.map((state) => state.step),
    merge: states.flatMap((state) => ("merge" in state ? [state.merge] : [])),
    finish: values,
  };
}

/** Loads that expressions and the coordinates of accesses need, as leaves, earliest first. */
export function coordinateLoads(
  roots: readonly Scalar[],
  loads: readonly PlannedAccess[],
  stores: readonly PlannedAccess[],
): Scalar[] {
  const hasAny = (access: PlannedAccess) => access.indirections.some(({ perRow }) => !perRow);
  if (!loads.some(hasAny) && !stores.some(hasAny)) return [];
  const needed = new Set<number>();
  const visit = (access: PlannedAccess) => {
    for (const { load, perRow } of access.indirections) {
      if (perRow || needed.has(load)) continue;
      needed.add(load);
      visit(loads[load]!);
    }
  };
  for (const node of nodesOf(...roots)) if (node.op === "load") visit(loads[node.position]!);
  stores.forEach(visit);
  return [...needed].sort((a, b) => a - b).map((i) => leaf("load", i, valueDType(loads[i]!.dtype)));
}

class BlockLayout {
  readonly words: number[] = [0, 0];

  word(value: number): Slot {
    this.words.push(value | 0);
    return (this.words.length - 1) * 4;
  }

  param(): Slot {
    if (this.words.length % 2 === 1) this.words.push(0);
    this.words.push(0, 0);
    return (this.words.length - 2) * 4;
  }
}

/** Lengths from which a second and a fourth accumulator pay. */
const twoAccumulators = 32;
const fourAccumulators = 128;
/** Rows shorter than this are reduced several at a time, one to a lane. */
const shortRow = 16;

function scheduleOf(kernel: NormalKernel, isVector: boolean, used: ReadonlySet<number>): Schedule {
  const { axes, outer, loads } = kernel;
  if (kernel.isScan) return "scan";
  if (kernel.states.length === 0) return "map";
  if (!isVector) return "rows";
  const outputs = axes[outer - 1]!;
  const elements = axes.at(-1)!;
  if (outputs < 4) return "rows";
  if (elements < shortRow) return "columns";
  const misfits = (axis: number) =>
    loads.filter(({ strides }, i) => used.has(i) && strides[axis] !== 0 && strides[axis] !== 1)
      .length;
  const [alongOutputs, alongElements] = [misfits(outer - 1), misfits(axes.length - 1)];
  return alongOutputs < alongElements ? "columns" : "rows";
}

/** Lanes are rows of a scan: they pay where neighbouring rows lie next to each other. */
function hasAdjacentRows({ axes, outer, loads, stores }: NormalKernel, used: ReadonlySet<number>) {
  const accesses = [...loads.filter((_, i) => used.has(i)), ...stores];
  return axes[outer - 1]! >= 4 && accesses.every(({ strides }) => strides[outer - 1]! >>> 0 <= 1);
}

function copiesOf(
  kernel: NormalKernel,
  schedule: Schedule,
  isVector: boolean,
  isSlow: boolean,
  steps: number,
): number {
  if (isSlow) return 1;
  const lanes = isVector ? 4 : 1;
  if (schedule === "map") {
    const most = steps <= 12 ? 4 : steps <= 60 ? 2 : 1;
    return kernel.axes.at(-1)! >= 2 * most * lanes ? most : 1;
  }
  const most = kernel.states.length * steps > 60 ? 1 : kernel.states.length > 2 ? 2 : 4;
  if (schedule !== "rows") {
    const vectors = Math.floor(kernel.axes[kernel.outer - 1]! / lanes);
    return Math.min(most, vectors >= 4 ? 4 : vectors >= 2 ? 2 : 1);
  }
  const length = (kernel.axes.at(-1)! * 4) / lanes;
  return Math.min(most, length >= fourAccumulators ? 4 : length >= twoAccumulators ? 2 : 1);
}

const nanosecondsPerStep = 0.06;
/** What functions take, in steps. */
const decomposedSteps = 20;
const importedSteps = 120;
const transcendental = new Set<string>([...floatOnly.filter((op) => op !== "sqrt"), "pow"]);

/** A rough guess, fixed by the kernel: what decides whether threads share the work. */
function costOf(
  steps: readonly { op: string; dtype: DType }[],
  isVector: boolean,
  isSlow: boolean,
): number {
  let sum = 1;
  for (const { op, dtype } of steps) {
    if (!transcendental.has(op)) sum += 1;
    else sum += dtype === "float32" && op !== "pow" ? decomposedSteps : importedSteps;
  }
  return sum * nanosecondsPerStep * (isVector ? 1 : 4) * (isSlow ? 3 : 1);
}

/** Plans a kernel without empty outer axes. */
export function planKernel(kernel: NormalKernel): Plan {
  const { axes, outer } = kernel;
  const programs = programsOf(kernel);
  const every = [...programs.element, ...programs.merge, ...programs.finish];
  const program = linearize(every);
  const used = new Set<number>();
  for (const step of program.steps) if (step.op === "load") used.add(step.position!);

  const variesAlong = (access: NormalAccess, axis: number): boolean =>
    access.strides[axis] !== 0 ||
    access.guards.some((guard) => guard.coefficients[axis] !== 0) ||
    access.indirections.some(({ load }) => variesAlong(kernel.loads[load]!, axis));
  const isPerRow = (load: number): boolean => {
    const access = kernel.loads[load]!;
    if (access.guards.length > 0 || access.indirections.length > 0) return false;
    return access.strides.every((stride, axis) => axis < outer - 1 || stride === 0);
  };
  // Coordinates per element are values of the program; those per row are read on their own.
  const accesses = [...kernel.loads.filter((_, i) => used.has(i)), ...kernel.stores];
  for (const { indirections } of accesses) {
    for (const { load } of indirections) {
      if (!isPerRow(load)) used.add(load);
    }
  }
  const dtypes = [
    ...program.steps.map((step) => step.dtype),
    ...[...used].map((load) => valueDType(kernel.loads[load]!.dtype)),
  ];
  const isVector = dtypes.every(isLaneDType) && (!kernel.isScan || hasAdjacentRows(kernel, used));
  const schedule = scheduleOf(kernel, isVector, used);
  const vectorAxis = schedule === "rows" ? axes.length - 1 : outer - 1;

  const layout = new BlockLayout();
  const structure: string[] = [];
  const form = (base: number, coefficients: readonly number[], unit?: number): Form => {
    const at = layout.word(base);
    const isUnit = unit !== undefined && coefficients[vectorAxis] === unit;
    structure.push(coefficients.map((value) => (value === 0 ? "0" : "s")).join(""));
    if (isUnit) structure.push("u");
    return {
      base: at,
      coefficients: coefficients.map((value) => (value === 0 ? undefined : layout.word(value))),
      unit: isUnit ? unit : undefined,
    };
  };
  const plan = (access: NormalAccess): PlannedAccess => {
    const bytes = byteSize(access.dtype);
    structure.push(access.dtype);
    const pointer = form(0, access.strides.map((stride) => stride * bytes), bytes); // prettier-ignore
    const guards = access.guards.map((guard): PlannedGuard => {
      structure.push(guard.divisor === 1 ? "g" : "d");
      return {
        form: form(guard.base, guard.coefficients),
        size: layout.word(guard.size),
        division:
          guard.divisor === 1
            ? undefined
            : { divisor: layout.word(guard.divisor), stride: layout.word(guard.stride * bytes) },
      };
    });
    const indirections = access.indirections.map(({ load, size, stride, wraps }) => {
      const perRow = isPerRow(load);
      structure.push(`i${load}${perRow ? "r" : "e"}`);
      return {
        load,
        perRow,
        size: layout.word(size),
        below: layout.word(wraps ? size : 0),
        span: layout.word(wraps ? 2 * size : size),
        stride: layout.word(stride * bytes),
      };
    });
    return {
      dtype: access.dtype,
      pointer,
      guards,
      indirections,
      varies: axes.map((_, axis) => variesAlong(access, axis)),
      isSlow: guards.length > 0 || indirections.some(({ perRow }) => !perRow),
    };
  };
  const lengths = axes.map((length) => layout.word(length));
  const loads = kernel.loads.map((load) => {
    structure.push(`fill${load.fill}`);
    return plan(load);
  });
  const stores = kernel.stores.map((store) => {
    structure.push(store.combine);
    return plan(store);
  });
  const params = kernel.params.map((dtype) => {
    structure.push(dtype);
    return layout.param();
  });
  const isSlow =
    [...used].some((load) => loads[load]!.isSlow) ||
    stores.some((store, i) => store.isSlow || kernel.stores[i]!.combine !== "set");
  const copies = copiesOf(kernel, schedule, isVector, isSlow, program.steps.length);
  const states = kernel.states.map((state) => `${state.dtype}${state.initial}`);
  return {
    kernel,
    schedule,
    isVector,
    vectorAxis,
    copies,
    cost: costOf(program.steps, isVector, isSlow),
    lengths,
    loads,
    stores,
    params,
    block: Int32Array.from(layout.words),
    key:
      `${schedule} ${isVector ? "v" : "s"}${copies} ${axes.length}/${outer} ` +
      `${states.join()} ${structure.join(" ")} ${program.text}`,
  };
}
