// What a kernel of any dtype comes to on a backend: kernels that it has, in order, with temporaries between
// them. Single calls run the stages (compile.ts); traced functions put those of many calls into programs
// (graph/plan.ts).
import { type DType, byteSize, isHalf, valueDType } from "../dtype.ts";
import type { OperandDescription } from "../operation.ts";
import type { Backend } from "../runtime/backend.ts";
import { leaf, s } from "../scalar/instruction.ts";
import { type Layout, sizeOf } from "../shape.ts";
import type { Access, Kernel, Load, LoopKernel, MapKernel, RoutineKernel, Store } from "./kernel.ts"; // prettier-ignore
import { needsRealizing, realize } from "./realize.ts";
import { contiguousCopy, visible } from "./routine.ts";
import { fitsCache, stepsOfRows } from "./rows.ts";

/** Where an operand of a stage starts: bytes from an operand of the kernel, or from a temporary. */
export interface StageRef {
  readonly space: "input" | "output" | "temporary";
  readonly index: number;
  readonly bytes: number;
}

export interface Stage {
  readonly kernel: Kernel;
  readonly inputs: readonly StageRef[];
  readonly outputs: readonly StageRef[];
}

/** A stage whose kernel has params takes all of the kernel's, in order. */
export interface Stages {
  readonly list: readonly Stage[];
  /** Their sizes in bytes. */
  readonly temporaries: readonly number[];
}

type Staged = Pick<Backend, "rows" | "loadsHalves">;

/** Bytes of the elements that a kernel counts offsets of each operand in; 1 where it touches none. */
export function elementSizes(kernel: Kernel): {
  readonly inputs: readonly number[];
  readonly outputs: readonly number[];
} {
  if (kernel.kind === "routine") {
    const sizes = (list: RoutineKernel["inputs"]) => list.map(({ dtype }) => byteSize(dtype));
    return { inputs: sizes(kernel.inputs), outputs: sizes(kernel.outputs) };
  }
  const sizes = (accesses: readonly Access[]): number[] => {
    const found: number[] = [];
    for (const { operand, dtype } of accesses) found[operand] = byteSize(dtype);
    return Array.from(found, (size) => size ?? 1);
  };
  return { inputs: sizes(kernel.loads), outputs: sizes(kernel.stores) };
}

/** The stretch of a buffer that a layout reaches, counted from its first element. */
function extentOf({ shape, strides, size }: Layout): { lowest: number; length: number } {
  if (size === 0) return { lowest: 0, length: 0 };
  let [lowest, highest] = [0, 0];
  strides.forEach((stride, axis) => {
    const reach = stride * (shape[axis]! - 1);
    if (reach < 0) lowest += reach;
    else highest += reach;
  });
  return { lowest, length: highest - lowest + 1 };
}

/** `length` neighbours converted from one dtype to another. */
const conversion = (length: number, from: DType, to: DType): MapKernel => ({
  kind: "map",
  axes: [length],
  loads: [{ operand: 0, dtype: from, offset: 0, strides: [1] }],
  params: [],
  stores: [{ operand: 0, dtype: to, offset: 0, strides: [1], value: s.cast(leaf("load", 0, from), to) }],
}); // prettier-ignore

/** Whether a store must find in memory what it combines with, where that holds words. */
const needsWideOutput = ({ combine = "set", dtype }: Store): boolean =>
  combine !== "set" &&
  (isHalf(dtype) || (dtype === "uint32" && (combine === "max" || combine === "min")));

const shifted = (ref: StageRef, bytes: number): StageRef => ({ ...ref, bytes: ref.bytes + bytes });

const refsTo = (space: StageRef["space"], count: number): StageRef[] =>
  Array.from({ length: count }, (_, index) => ({ space, index, bytes: 0 }));

/** Only the operands that the accesses name, numbered anew. */
function compact<A extends Access>(accesses: readonly A[], refs: readonly StageRef[]) {
  const used = [...new Set(accesses.map(({ operand }) => operand))];
  return {
    accesses: accesses.map((access) => ({ ...access, operand: used.indexOf(access.operand) })),
    refs: used.map((operand) => refs[operand]!),
  };
}

/** Operands of a kernel on its way: where they are, and how they lie. */
interface Operands {
  readonly sources: readonly StageRef[];
  readonly targets: readonly StageRef[];
  readonly inputs: readonly OperandDescription[];
  readonly outputs: readonly Layout[];
}

class Staging {
  readonly list: Stage[] = [];
  readonly temporaries: number[] = [];
  readonly #backend: Staged;

  constructor(backend: Staged) {
    this.#backend = backend;
  }

  #temporary(length: number, dtype: DType): StageRef {
    const index = this.temporaries.push(length * byteSize(dtype)) - 1;
    return { space: "temporary", index, bytes: 0 };
  }

  /** A kernel between two buffers. */
  #copy(kernel: MapKernel, from: StageRef, to: StageRef): void {
    this.loops(kernel, { sources: [from], targets: [to], inputs: [], outputs: [] });
  }

  /** Routines read operands of the dtypes that typed arrays have, contiguous or as they say: others are copied. */
  routine(kernel: RoutineKernel, { sources, targets, inputs }: Operands): void {
    const from = sources.map((source, i): StageRef => {
      const liesWell = kernel.inputs[i]!.strides !== undefined;
      const copy = liesWell ? undefined : inputs[i] && contiguousCopy(inputs[i]);
      if (copy === undefined) return source;
      const target = this.#temporary(sizeOf(copy.axes), copy.stores[0]!.dtype);
      this.#copy(copy, source, target);
      return target;
    });
    const to = kernel.outputs.map(({ dtype, shape }, i) =>
      isHalf(dtype) ? this.#temporary(sizeOf(shape), valueDType(dtype)) : targets[i]!,
    );
    this.list.push({
      kernel: {
        ...kernel,
        inputs: kernel.inputs.map(visible),
        outputs: kernel.outputs.map(visible),
      },
      inputs: from,
      outputs: to,
    });
    kernel.outputs.forEach(({ dtype, shape }, i) => {
      if (!isHalf(dtype)) return;
      this.#copy(conversion(sizeOf(shape), valueDType(dtype), dtype), to[i]!, targets[i]!);
    });
  }

  loops(kernel: LoopKernel, operands: Operands): void {
    if (!needsRealizing(kernel)) return this.#realized(kernel, operands);
    const wide = kernel.stores.find(needsWideOutput);
    if (wide !== undefined) return this.#withWideOutput(kernel, wide, operands);
    const keepsHalves = this.#backend.loadsHalves === true;
    if (kernel.kind === "contract" && !keepsHalves) {
      const half = kernel.loads.slice(0, 2).find(({ dtype }) => isHalf(dtype));
      if (half !== undefined) return this.#withWideInput(kernel, half, operands);
    }
    return this.#realized(realize(kernel, keepsHalves), operands);
  }

  /** A kernel that backends have; row programs as a whole where the backend takes them. */
  #realized(kernel: LoopKernel, { sources, targets }: Operands): void {
    if (kernel.kind !== "rows" || (this.#backend.rows === true && fitsCache(kernel))) {
      this.list.push({ kernel, inputs: sources, outputs: targets });
      return;
    }
    const { kernels, temporaries, inputs, outputs } = stepsOfRows(kernel);
    const own = temporaries.map(({ dtype, length }) => this.#temporary(length, dtype));
    for (const step of kernels) {
      const from = compact(step.loads, [...sources.slice(0, inputs), ...own]);
      const to = compact(step.stores, [...targets.slice(0, outputs), ...own]);
      this.list.push({
        kernel: { ...step, loads: from.accesses, stores: to.accesses },
        inputs: from.refs,
        outputs: to.refs,
      });
    }
  }

  /** Reads one factor, of 16-bit floats, as float32. Epilogues still read the operand itself. */
  #withWideInput(kernel: LoopKernel, { operand, dtype }: Load, operands: Operands): void {
    const { sources, inputs } = operands;
    const { lowest, length } = extentOf(inputs[operand]!.layout);
    const value = valueDType(dtype);
    const copy = this.#temporary(length, value);
    const source = shifted(sources[operand]!, lowest * byteSize(dtype));
    this.#copy(conversion(length, dtype, value), source, copy);
    const loads = kernel.loads.map((load, i) =>
      i < 2 && load.operand === operand ? { ...load, dtype: value, operand: sources.length } : load,
    );
    const accumulator = kernel.kind === "contract" && valueDType(kernel.accumulator);
    this.loops({ ...kernel, loads, ...(accumulator && { accumulator }) } as LoopKernel, {
      ...operands,
      sources: [...sources, shifted(copy, -lowest * byteSize(value))],
      inputs: [...inputs, inputs[operand]!],
    });
  }

  /** Lets stores combine in a wider dtype, and rounds once at the end. */
  #withWideOutput(kernel: LoopKernel, { operand, dtype }: Store, operands: Operands): void {
    const { targets, outputs } = operands;
    const { lowest, length } = extentOf(outputs[operand]!);
    const value = valueDType(dtype);
    const stores = kernel.stores.map((store) =>
      store.operand === operand
        ? { ...store, dtype: value, value: s.cast(store.value, value) }
        : store,
    );
    const sum = this.#temporary(length, value);
    const region = shifted(targets[operand]!, lowest * byteSize(dtype));
    if (kernel.initial === undefined) this.#copy(conversion(length, dtype, value), region, sum);
    this.loops(
      { ...kernel, stores },
      { ...operands, targets: targets.with(operand, shifted(sum, -lowest * byteSize(value))) },
    );
    this.#copy(conversion(length, value, dtype), sum, region);
  }
}

/** The stages of a kernel. `inputs` are its tensors, `outputs` how its results lie. */
export function stagesOf(
  kernel: Kernel,
  inputs: readonly OperandDescription[],
  outputs: readonly Layout[],
  backend: Staged,
): Stages {
  const sizes = elementSizes(kernel);
  const operands: Operands = {
    sources: refsTo("input", Math.max(sizes.inputs.length, inputs.length)),
    targets: refsTo("output", sizes.outputs.length),
    inputs,
    outputs,
  };
  const staging = new Staging(backend);
  if (kernel.kind === "routine") staging.routine(kernel, operands);
  else staging.loops(kernel, operands);
  return staging;
}
