// Row programs for backends that do not take them, and for rows too long to stay in a cache: each stage
// becomes a reduction and the stores a map; what they pass on stands in temporaries.
import { type DType, byteSize } from "../dtype.ts";
import {
  type Scalar,
  constant,
  leaf,
  mapOperands,
  nodesOf,
  operandsOf,
  transform,
} from "../scalar/instruction.ts";
import { linearize } from "../scalar/linear.ts";
import { contiguousStrides, sizeOf } from "../shape.ts";
import { type Access, type Load, type LoopKernel, type MapKernel, type ReduceKernel, type RowsKernel, type State, type Store, expressionsOf, isFixedFrom } from "./kernel.ts"; // prettier-ignore

interface Temporary {
  readonly dtype: DType;
  /** In elements. */
  readonly length: number;
}

/** Kernels that together mean what a row program means. */
export interface RowSteps {
  /** In order. */
  readonly kernels: readonly LoopKernel[];
  /** Operands after the row program's own, which may be more inputs or outputs than it reads or writes. */
  readonly temporaries: readonly Temporary[];
  readonly inputs: number;
  readonly outputs: number;
}

/** Reading a value back is cheaper than these. */
const costly = new Set<string>([
  "exp", "expm1", "log", "log1p", "sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "tanh",
  "asinh", "acosh", "atanh", "erf", "pow", "atan2",
]); // prettier-ignore

/** After which stage a value is known that is the same for the whole row. */
const always = -1;
const never = Infinity;

const countOperands = (accesses: readonly Access[]): number =>
  accesses.reduce((most, { operand }) => Math.max(most, operand + 1), 0);

class Decomposition {
  readonly #kernel: RowsKernel;
  /** How many axes are not of the row. */
  readonly #outer: number;
  readonly #inputs: number;
  readonly #outputs: number;
  /** Of each kept value its expression and stage. */
  readonly #kept: readonly { readonly value: Scalar; readonly stage: number }[];
  readonly #stageOfState: readonly number[];
  readonly #temporaries: (Temporary & { readonly strides: readonly number[] })[] = [];
  /** Temporaries of kept values that are written down. */
  readonly #written = new Map<number, number>();
  /** What each stage leaves once per row for later ones, and in which temporary. */
  readonly #left: { readonly value: Scalar; readonly temporary: number }[][];
  readonly #temporaryOf = new Map<string, number>();
  readonly #known = new Map<Scalar, number>();

  constructor(kernel: RowsKernel) {
    this.#kernel = kernel;
    this.#outer = kernel.axes.length - kernel.row;
    this.#inputs = countOperands(kernel.loads);
    this.#outputs = countOperands(kernel.stores);
    this.#kept = kernel.stages.flatMap(({ kept }, stage) =>
      kept.map((value) => ({ value, stage })),
    );
    this.#stageOfState = kernel.stages.flatMap(({ states }, stage) => states.map(() => stage));
    this.#left = kernel.stages.map(() => []);
  }

  steps(): RowSteps {
    const { stages, stores, initial } = this.#kernel;
    const lastFold = stages.findLastIndex(({ states }) => states.length > 0);
    const isOncePerRow = ({ strides }: Store) =>
      strides.every((stride, axis) => axis < this.#outer || stride === 0);
    // A value that is known early is stored early.
    const storedAfter = ({ value }: Store) => {
      const stage = this.#knownAfter(value);
      return stage === always || stage === never ? lastFold : stage;
    };
    this.#chooseWritten();
    // Backwards, so that later kernels can ask earlier ones for what they need.
    const kernels: LoopKernel[] = [];
    const elements = stores.filter((store) => !isOncePerRow(store));
    if (elements.length > 0) kernels.unshift(this.#map(elements, stages.length));
    for (let stage = stages.length - 1; stage >= 0; stage--) {
      const perRow = stores.filter((store) => isOncePerRow(store) && storedAfter(store) === stage);
      if (stages[stage]!.states.length > 0) kernels.unshift(this.#fold(stage, perRow));
      const written = [...this.#written]
        .filter(([position]) => this.#kept[position]!.stage === stage)
        .map(([position, temporary]) => this.#store(temporary, this.#kept[position]!.value));
      if (written.length > 0) kernels.unshift(this.#map(written, stage));
    }
    if (initial !== undefined) kernels.unshift(this.#fill(initial));
    return {
      kernels,
      temporaries: this.#temporaries,
      inputs: this.#inputs,
      outputs: this.#outputs,
    };
  }

  /** Writes down the kept values that cost much and that several kernels read. */
  #chooseWritten(): void {
    const { axes, stages, stores } = this.#kernel;
    const readers = this.#kept.map(() => new Set<number>());
    const read = (roots: readonly Scalar[], by: Iterable<number>) => {
      for (const node of nodesOf(...roots)) {
        if (node.op === "kept") for (const reader of by) readers[node.position]!.add(reader);
      }
    };
    stages.forEach(({ states }, stage) => {
      const steps = states.map(({ step }) => step);
      read(steps, [stage]);
    });
    const values = stores.map(({ value }) => value);
    read(values, [stages.length]);
    for (let position = this.#kept.length - 1; position >= 0; position--) {
      const { value, stage } = this.#kept[position]!;
      const isCostly = nodesOf(value).some(({ op }) => costly.has(op));
      if (isCostly && readers[position]!.size > 1) {
        this.#written.set(position, this.#temporary(value.dtype, axes.length));
        read([value], [stage]);
      } else read([value], readers[position]!);
    }
  }

  /** A temporary with one element for each index of the first `ndim` axes. */
  #temporary(dtype: DType, ndim: number): number {
    const axes = this.#kernel.axes.slice(0, ndim);
    const strides = this.#kernel.axes.map((_, axis) => contiguousStrides(axes)[axis] ?? 0);
    return this.#temporaries.push({ dtype, length: sizeOf(axes), strides }) - 1;
  }

  #loadOf(temporary: number, dtype: DType): Scalar {
    return leaf("load", this.#kernel.loads.length + temporary, dtype);
  }

  #store(temporary: number, value: Scalar): Store {
    const { dtype, strides } = this.#temporaries[temporary]!;
    return { operand: this.#outputs + temporary, dtype, offset: 0, strides, value };
  }

  #knownAfter(e: Scalar): number {
    for (const node of nodesOf(e)) {
      if (!this.#known.has(node)) this.#known.set(node, this.#nodeKnownAfter(node));
    }
    return this.#known.get(e)!;
  }

  #nodeKnownAfter(node: Scalar): number {
    const { loads } = this.#kernel;
    switch (node.op) {
      case "index":
        return node.position < this.#outer ? always : never;
      case "load":
        return isFixedFrom(this.#outer, loads[node.position]!, loads) ? always : never;
      case "state":
        return this.#stageOfState[node.position]!;
      case "kept":
      case "other":
        return never;
      default:
        return operandsOf(node).reduce(
          (latest, operand) => Math.max(latest, this.#known.get(operand)!),
          always,
        );
    }
  }

  /** An expression as the kernel of `stage` computes it: what earlier stages left is loaded. */
  #within(e: Scalar, stage: number, done = new Map<Scalar, Scalar>()): Scalar {
    let result = done.get(e);
    if (result === undefined) {
      result = this.#nodeWithin(e, stage, (node) => this.#within(node, stage, done));
      done.set(e, result);
    }
    return result;
  }

  #nodeWithin(node: Scalar, stage: number, go: (node: Scalar) => Scalar): Scalar {
    const after = this.#knownAfter(node);
    if (after !== always && after < stage) return this.#leave(node, after);
    if (node.op === "kept") {
      const temporary = this.#written.get(node.position);
      if (temporary !== undefined) return this.#loadOf(temporary, node.dtype);
      return go(this.#kept[node.position]!.value);
    }
    if (node.op === "state" || node.op === "other") {
      const first = this.#stageOfState.indexOf(stage);
      return leaf(node.op, node.position - first, node.dtype);
    }
    return mapOperands(node, go);
  }

  /** Has the fold of `stage` store a value for later kernels. */
  #leave(value: Scalar, stage: number): Scalar {
    const key = linearize([value]).text;
    let temporary = this.#temporaryOf.get(key);
    if (temporary === undefined) {
      temporary = this.#temporary(value.dtype, this.#outer);
      this.#temporaryOf.set(key, temporary);
      this.#left[stage]!.push({ value, temporary });
    }
    return this.#loadOf(temporary, value.dtype);
  }

  #storesWithin(stores: readonly Store[], stage: number): Store[] {
    return stores.map((store) => ({ ...store, value: this.#within(store.value, stage) }));
  }

  #map(stores: readonly Store[], stage: number): MapKernel {
    const { axes, params } = this.#kernel;
    return this.#withLoads({
      kind: "map",
      axes,
      loads: [],
      params,
      stores: this.#storesWithin(stores, stage),
    });
  }

  #fold(stage: number, perRow: readonly Store[]): ReduceKernel {
    const { axes, params, row, stages } = this.#kernel;
    const left = this.#left[stage]!.map(({ temporary, value }) => this.#store(temporary, value));
    return this.#withLoads({
      kind: "reduce",
      axes,
      reduced: row,
      loads: [],
      params,
      states: stages[stage]!.states.map((state): State => ({
        ...state,
        step: this.#within(state.step, stage),
        merge: this.#within(state.merge, stage),
      })),
      stores: this.#storesWithin([...perRow, ...left], stage),
    });
  }

  /** Gives a kernel the loads that its expressions and accesses name. */
  #withLoads<K extends MapKernel | ReduceKernel>(kernel: K): K {
    const all: Load[] = [
      ...this.#kernel.loads,
      ...this.#temporaries.map(({ dtype, strides }, i) => ({
        operand: this.#inputs + i,
        dtype,
        offset: 0,
        strides,
      })),
    ];
    const places = new Map<number, number>();
    const loads: Load[] = [];
    const place = (position: number): number => {
      let at = places.get(position);
      if (at === undefined) {
        // What a load's address depends on stands before it.
        const load = relocated(all[position]!, place);
        at = loads.push(load) - 1;
        places.set(position, at);
      }
      return at;
    };
    for (const node of nodesOf(...expressionsOf(kernel))) {
      if (node.op === "load") place(node.position);
    }
    const moved = (e: Scalar): Scalar =>
      transform(e, (node) =>
        node.op === "load" ? { ...node, position: place(node.position) } : node,
      );
    const stores = kernel.stores.map((store) => ({
      ...relocated(store, place),
      value: moved(store.value),
    }));
    if (kernel.kind === "map") return { ...kernel, loads, stores };
    const states = kernel.states.map((state) => ({ ...state, step: moved(state.step) }));
    return { ...kernel, loads, stores, states };
  }

  /** Visits nothing: fills the outputs. */
  #fill(initial: number | bigint): MapKernel {
    const stores = this.#kernel.stores.map(({ operand, dtype, offset, value }) => ({
      operand,
      dtype,
      offset,
      strides: [0],
      value: constant(0, value.dtype),
    }));
    return { kind: "map", axes: [0], loads: [], params: this.#kernel.params, stores, initial };
  }
}

/** The access where loads have moved. */
const relocated = <A extends Access>(access: A, place: (position: number) => number): A =>
  access.indirections === undefined
    ? access
    : {
        ...access,
        indirections: access.indirections.map((indirection) => ({
          ...indirection,
          load: place(indirection.load),
        })),
      };

/** The kernels of a row program, of dtypes that backends have. */
export const stepsOfRows = (kernel: RowsKernel): RowSteps => new Decomposition(kernel).steps();

/** What a core's second-level cache holds beside what else is going on. */
const cachedBytes = 2 ** 20;

/** Whether a row, and what is kept of it, stays in a cache between one walk and the next. */
export function fitsCache({ axes, row, loads, stages }: RowsKernel): boolean {
  const outer = axes.length - row;
  const varying = loads.filter((load) => !isFixedFrom(outer, load, loads));
  const dtypes = [...varying, ...stages.flatMap(({ kept }) => kept)].map(({ dtype }) => dtype);
  const perElement = dtypes.reduce((sum, dtype) => sum + byteSize(dtype), 0);
  return sizeOf(axes.slice(outer)) * perElement <= cachedBytes;
}
