// Kernels of any dtype become kernels of the dtypes that backends have: 16-bit floats are loaded and
// stored as words (but where the backend does so itself), complex numbers as pairs of floats. Backends see
// the result only. Expressions are
// rewritten by realize-scalar.ts; what no single kernel can say is staged by compile.ts.
import { type DType, isComplex, isHalf, valueDType, wordDType, wordsOf } from "../dtype.ts";
import { DTypeError } from "../errors.ts";
import type { Parts } from "../scalar/complex.ts";
import { encodeHalf } from "../scalar/half.ts";
import { type Scalar, constant, leaf, nodesOf } from "../scalar/instruction.ts";
import { contractAsReduce } from "./contract.ts";
import { type Access, type Load, type LoopKernel, type RowStage, type ScanState, type State, type Store, expressionsOf } from "./kernel.ts"; // prettier-ignore
import { asPairs } from "./realize-pairs.ts";
import { ScalarRealizer, fromWord, toWord, wrapped } from "./realize-scalar.ts";

/** Whether backends have the dtype as it is. */
const isPlain = (dtype: DType): boolean => valueDType(dtype) === dtype;

/** Whether a kernel mentions a dtype that backends do not have. */
export function needsRealizing(kernel: LoopKernel): boolean {
  const accesses = [...kernel.loads, ...kernel.stores];
  if (!accesses.every(({ dtype }) => isPlain(dtype)) || !kernel.params.every(isPlain)) return true;
  if (kernel.kind === "contract" && !isPlain(kernel.accumulator)) return true;
  return nodesOf(...expressionsOf(kernel)).some(({ dtype }) => !isPlain(dtype));
}

/** What memory holds for a backend that widens and narrows 16-bit floats itself, or for another. */
const memoryDType = (dtype: DType, keepsHalves: boolean): DType =>
  keepsHalves && isHalf(dtype) ? dtype : wordDType(dtype);

/** The access in words; `part` is 1 for imaginary parts. */
function wordAccess<A extends Access>(
  access: A,
  part: 0 | 1,
  loadAt: readonly number[],
  keepsHalves: boolean,
): A {
  const { dtype, offset, strides, guards, indirections } = access;
  const words = wordsOf(dtype);
  return {
    ...access,
    dtype: memoryDType(dtype, keepsHalves),
    offset: words * offset + part,
    strides: strides.map((stride) => words * stride),
    ...(guards && { guards: guards.map((guard) => ({ ...guard, stride: words * guard.stride })) }),
    ...(indirections && {
      indirections: indirections.map((indirection) => ({
        ...indirection,
        load: loadAt[indirection.load]!,
        stride: words * indirection.stride,
      })),
    }),
  };
}

/** The number whose words fill a load's gaps or an output. */
function wordOf(value: number | bigint, dtype: DType, keepsHalves: boolean): number | bigint {
  return isHalf(dtype) && !keepsHalves ? encodeHalf(Number(value), dtype) : value;
}

function wordLoad(load: Load, part: 0 | 1, loadAt: readonly number[], keepsHalves: boolean): Load {
  const access = wordAccess(load, part, loadAt, keepsHalves);
  if (load.fill === undefined) return access;
  const fill = part === 1 ? 0 : (wordOf(load.fill, load.dtype, keepsHalves) as number);
  return { ...access, fill };
}

/** What an output is filled with before the loops: one number for all words of all stores. */
function wordInitial(
  { initial, stores }: LoopKernel,
  keepsHalves: boolean,
): number | bigint | undefined {
  if (initial === undefined || Number(initial) === 0) return initial;
  const words = new Set(stores.map(({ dtype }) => wordOf(initial, dtype, keepsHalves)));
  if (words.size === 1 && !stores.some(({ dtype }) => isComplex(dtype))) return [...words][0];
  throw new DTypeError(
    `outputs of ${stores.map(({ dtype }) => dtype).join(" and ")} cannot be filled with ${initial} ` +
      `before the loops. Convert to float32 or float64 first.`,
  );
}

function requireCombine({ combine = "set", dtype }: Store): void {
  if (combine === "set" || isPlain(dtype)) return;
  const isOrdered = combine === "max" || combine === "min";
  if (isComplex(dtype) ? combine === "add" : !(dtype === "uint64" && isOrdered)) return;
  throw new DTypeError(
    `stores that combine with ${combine} do not exist for ${dtype}. Convert to another dtype first.`,
  );
}

function statesOf(kernel: LoopKernel): readonly (State | ScanState)[] {
  if (kernel.kind === "rows") return kernel.stages.flatMap(({ states }) => states);
  return kernel.kind === "reduce" || kernel.kind === "scan" ? kernel.states : [];
}

/** The rewriting of one kernel: where its loads and states went. */
class KernelRealizer {
  readonly #kernel: LoopKernel;
  readonly #keepsHalves: boolean;
  readonly #scalars: ScalarRealizer;
  /** Position of each load's first word; of each state's first part. */
  readonly #loadAt: number[] = [];
  readonly #stateAt: number[] = [];
  readonly #states: readonly (State | ScanState)[];
  /** Position of the first part of each value that row programs keep. */
  readonly #keptAt: number[] = [];

  constructor(kernel: LoopKernel, keepsHalves: boolean) {
    this.#kernel = kernel;
    this.#keepsHalves = keepsHalves;
    this.#states = statesOf(kernel);
    let at = 0;
    for (const { dtype } of kernel.loads) {
      this.#loadAt.push(at);
      at += wordsOf(dtype);
    }
    at = 0;
    for (const { dtype } of this.#states) {
      this.#stateAt.push(at);
      at += wordsOf(dtype);
    }
    at = 0;
    for (const { dtype } of kernel.kind === "rows"
      ? kernel.stages.flatMap(({ kept }) => kept)
      : []) {
      this.#keptAt.push(at);
      at += wordsOf(dtype);
    }
    // A contraction has one state, its sum.
    if (kernel.kind === "contract") this.#stateAt.push(0);
    this.#scalars = new ScalarRealizer((node) => this.#leaf(node));
  }

  #leaf(node: Scalar & { readonly position: number }): Parts {
    const { op, position, dtype } = node;
    const value = valueDType(dtype);
    switch (op as string) {
      case "load": {
        const word = (part: 0 | 1): Scalar => this.#word(position, part);
        if (isComplex(dtype)) return { re: word(0), im: word(1) };
        return { re: this.#isKept(dtype) ? word(0) : fromWord(word(0), dtype) };
      }
      case "param":
        return { re: wrapped(leaf("param", position, value), dtype) };
      case "index":
        return { re: node };
      default: {
        const at = (op === "kept" ? this.#keptAt : this.#stateAt)[position]!;
        const part = (i: number): Scalar => leaf(op as "state" | "other" | "kept", at + i, value);
        return isComplex(dtype) ? { re: part(0), im: part(1) } : { re: part(0) };
      }
    }
  }

  /** Whether the backend moves elements of the dtype between memory and float32 by itself. */
  #isKept(dtype: DType): boolean {
    return this.#keepsHalves && isHalf(dtype);
  }

  /** What a load fetches, before it is decoded. */
  #word(position: number, part: 0 | 1): Scalar {
    const word = memoryDType(this.#kernel.loads[position]!.dtype, this.#keepsHalves);
    return leaf("load", this.#loadAt[position]! + part, valueDType(word));
  }

  #toWord(value: Scalar, dtype: DType): Scalar {
    return this.#isKept(dtype) ? value : toWord(value, dtype);
  }

  loads(): Load[] {
    return this.#kernel.loads.flatMap((load) => {
      const words = wordsOf(load.dtype) === 2 ? ([0, 1] as const) : ([0] as const);
      return words.map((part) => wordLoad(load, part, this.#loadAt, this.#keepsHalves));
    });
  }

  stores(): Store[] {
    return this.#kernel.stores.flatMap((store) => {
      requireCombine(store);
      const { dtype, value } = store;
      const put = (part: 0 | 1, word: Scalar): Store => ({
        ...wordAccess(store, part, this.#loadAt, this.#keepsHalves),
        value: word,
      });
      // Copies move words as they are.
      if (value.op === "load" && this.#kernel.loads[value.position]!.dtype === dtype) {
        if (!isComplex(dtype)) return [put(0, this.#word(value.position, 0))];
      }
      // Storing rounds: a cast to the same dtype need not do so before.
      const plain = isHalf(dtype) && value.op === "cast" && !isComplex(value.x.dtype);
      if (plain && valueDType(value.x.dtype) === "float32") {
        return [put(0, this.#toWord(this.#scalars.real(value.x), dtype))];
      }
      const { re, im } = this.#scalars.parts(value);
      if (!isComplex(dtype)) return [put(0, this.#toWord(re, dtype))];
      return [put(0, re), put(1, im ?? constant(0, re.dtype))];
    });
  }

  stages(stages: readonly RowStage[]): RowStage[] {
    return stages.map(({ kept, states }) => ({
      kept: kept.flatMap((value) => this.#parts(value)),
      states: this.states(states, (state, part) => ({ merge: this.merge(state, part) })),
    }));
  }

  #parts(e: Scalar): readonly Scalar[] {
    const { re, im } = this.#scalars.parts(e);
    return isComplex(e.dtype) ? [re, im ?? constant(0, re.dtype)] : [re];
  }

  /** States with one component each; `complete` adds what a kind of kernel has besides. */
  states<T extends State | ScanState>(
    states: readonly T[],
    complete: (state: T, part: number) => Omit<T, keyof ScanState>,
  ): T[] {
    return states.flatMap((state) =>
      this.#parts(state.step).map(
        (step, part) =>
          ({
            dtype: valueDType(state.dtype),
            initial: part === 0 ? state.initial : 0,
            step,
            ...complete(state, part),
          }) as T,
      ),
    );
  }

  merge(state: State, part: number): Scalar {
    return this.#parts(state.merge)[part]!;
  }
}

/**
 * A kernel that backends have, or one that `keepsHalves`. Contractions of what they cannot add up become
 * reductions.
 */
export function realize(given: LoopKernel, keepsHalves = false): LoopKernel {
  const pairs = asPairs(given);
  if (pairs !== undefined) return pairs;
  const isFast = (kernel: LoopKernel): boolean =>
    kernel.kind !== "contract" ||
    [kernel.accumulator, ...kernel.loads.slice(0, 2).map(({ dtype }) => dtype)].every(
      (dtype) => isPlain(dtype) || (keepsHalves && isHalf(dtype)),
    );
  const kernel = given.kind === "contract" && !isFast(given) ? contractAsReduce(given) : given;
  const realizer = new KernelRealizer(kernel, keepsHalves);
  const initial = wordInitial(kernel, keepsHalves);
  const common = {
    axes: kernel.axes,
    loads: realizer.loads(),
    params: kernel.params.map(valueDType),
    stores: realizer.stores(),
    ...(initial !== undefined && { initial }),
  };
  switch (kernel.kind) {
    case "map":
      return { kind: "map", ...common };
    case "contract":
      return { ...kernel, ...common, accumulator: valueDType(kernel.accumulator) };
    case "reduce": {
      const states = realizer.states(kernel.states, (state, part) => ({
        merge: realizer.merge(state, part),
      }));
      return { ...kernel, ...common, states };
    }
    case "rows":
      return { ...kernel, ...common, stages: realizer.stages(kernel.stages) };
    case "scan":
      return { ...kernel, ...common, states: realizer.states(kernel.states, () => ({})) };
  }
}
