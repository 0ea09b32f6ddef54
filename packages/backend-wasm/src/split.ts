// Long reductions run in two stages: blocks are reduced to partial states, then the partial states to
// results. Bounds the rounding error of float sums, and lets threads share reductions to few outputs.
// Where to cut follows from the shape alone.
import {
  type Access,
  type DType,
  type Executable,
  type Load,
  type Operand,
  type ReduceKernel,
  type Scalar,
  type Store,
  byteSize,
  contiguousStrides,
  leaf,
  s,
  sizeOf,
  substitute,
  valueDType,
} from "@flambeau/core/extension";
import type { WasmMemory } from "./memory.ts";

/**
 * Additions into one accumulator in a row, after which float sums are about 3e-6 off at worst; sixteen
 * accumulators share a long row.
 */
const longestChain = 512;
const longestRow = 16 * longestChain;

/** `skipped` inputs stand before those of the kernel that is split. */
type Compile = (kernel: ReduceKernel, skipped: number) => Executable<number>;

/** A reduction whose axis `axis` is cut: `blocks` blocks of `length`, the first at `start`. */
interface Part {
  readonly axis: number;
  readonly start: number;
  readonly blocks: number;
  readonly length: number;
}

/** Axes up to `axis` become outer ones; `axis` itself splits into blocks (outer) and the rest. */
function cutAxes<T>(list: readonly T[], { axis }: Part, block: T, rest: T): T[] {
  return [...list.slice(0, axis), block, rest, ...list.slice(axis + 1)];
}

function cutAccess<A extends Access>(access: A, part: Part): A {
  const { axis, start, length } = part;
  const cut = (list: readonly number[]) => cutAxes(list, part, list[axis]! * length, list[axis]!);
  return {
    ...access,
    offset: access.offset + access.strides[axis]! * start,
    strides: cut(access.strides),
    guards: access.guards?.map((guard) => ({
      ...guard,
      base: guard.base + guard.coefficients[axis]! * start,
      coefficients: cut(guard.coefficients),
    })),
  };
}

function cutIndex(e: Scalar, { axis, start, length }: Part): Scalar {
  return substitute(e, "index", (position) => {
    if (position < axis) return leaf("index", position, "int32");
    if (position > axis) return leaf("index", position + 1, "int32");
    const block = s.mul(leaf("index", axis, "int32"), length);
    return s.add(s.add(block, leaf("index", axis + 1, "int32")), start);
  });
}

/** The kernel that reduces the blocks of `part`, writing states to outputs 0, 1, …. */
function partialKernel(
  kernel: ReduceKernel,
  part: Part,
  stores: readonly { strides: readonly number[]; offset: number }[],
): ReduceKernel {
  const axes = cutAxes(kernel.axes, part, part.blocks, part.length);
  return {
    kind: "reduce",
    axes,
    reduced: kernel.axes.length - part.axis,
    loads: kernel.loads.map((load): Load => cutAccess(load, part)),
    params: kernel.params,
    states: kernel.states.map((state) => ({ ...state, step: cutIndex(state.step, part) })),
    stores: kernel.states.map(({ dtype }, operand): Store => ({
      operand,
      dtype,
      ...stores[operand]!,
      value: leaf("state", operand, dtype),
    })),
  };
}

/** The kernel that merges partial states (its first inputs) and stores the results. */
function mergeKernel(kernel: ReduceKernel, partials: number): ReduceKernel {
  const outer = kernel.axes.length - kernel.reduced;
  const axes = [...kernel.axes.slice(0, outer), partials];
  const { states } = kernel;
  const strides = contiguousStrides(axes);
  const keep = (list: readonly number[]) => [...list.slice(0, outer), 0];
  const shift = <A extends Access>(access: A, operands: number): A => ({
    ...access,
    operand: access.operand + operands,
    strides: keep(access.strides),
    guards: access.guards?.map((guard) => ({ ...guard, coefficients: keep(guard.coefficients) })),
    indirections: access.indirections?.map((indirection) => ({
      ...indirection,
      load: indirection.load + states.length,
    })),
  });
  const loadOf = (e: Scalar): Scalar =>
    substitute(e, "load", (position) =>
      leaf("load", position + states.length, valueDType(kernel.loads[position]!.dtype)),
    );
  return {
    kind: "reduce",
    axes,
    reduced: 1,
    loads: [
      ...states.map(({ dtype }, operand): Load => ({ operand, dtype, offset: 0, strides })),
      ...kernel.loads.map((load) => shift(load, states.length)),
    ],
    params: kernel.params,
    states: states.map((state) => ({
      ...state,
      step: substitute(state.merge, "other", (i) => leaf("load", i, states[i]!.dtype)),
    })),
    stores: kernel.stores.map((store): Store => ({
      ...shift(store, 0),
      value: loadOf(store.value),
    })),
  };
}

/** Whether elements lie next to each other along the last axis: then a row has many accumulators. */
function isRow(kernel: ReduceKernel): boolean {
  return kernel.axes.at(-1)! >= 128 && kernel.loads.some((load) => load.strides.at(-1) === 1);
}

/**
 * How to run `kernel` in stages; `undefined` where one stage is right. The result compiles its parts
 * with `compile` and keeps partial states in the backend's memory while it runs.
 */
export function splitReduce(
  kernel: ReduceKernel,
): ((compile: Compile, memory: WasmMemory) => Executable<number>) | undefined {
  const outer = kernel.axes.length - kernel.reduced;
  const longest = isRow(kernel) ? longestRow : longestChain;
  const reduced = kernel.axes.slice(outer);
  // A second stage pays only where it saves much.
  if (sizeOf(reduced) <= 2 * longest) return undefined;
  // Cut the outermost reduced axis below which a single step already fits.
  let axis = outer;
  let inner = sizeOf(reduced.slice(1));
  while (inner > longest) {
    axis++;
    inner /= kernel.axes[axis]!;
  }
  const length = Math.floor(longest / inner);
  const total = kernel.axes[axis]!;
  const blocks = Math.floor(total / length);
  const rest = total - blocks * length;
  const perOuter = blocks + (rest > 0 ? 1 : 0);
  const parts: Part[] = [{ axis, start: 0, blocks, length }];
  if (rest > 0) parts.push({ axis, start: blocks * length, blocks: 1, length: rest });

  // Partial states: [outer axes…, reduced axes before the cut…, blocks].
  const partialAxes = [...kernel.axes.slice(0, axis), perOuter];
  const strides = contiguousStrides(partialAxes);
  const partials = sizeOf(kernel.axes.slice(outer, axis)) * perOuter;
  const elements = sizeOf(partialAxes);
  const zeros = new Array<number>(kernel.axes.length - axis).fill(0);
  return (compile, memory) => {
    let first = 0;
    const stages = parts.map((part) => {
      const store = { offset: first, strides: [...strides, ...zeros] };
      first += part.blocks;
      return compile(
        partialKernel(
          kernel,
          part,
          kernel.states.map(() => store),
        ),
        0,
      );
    });
    const merged = mergeKernel(kernel, partials);
    // Many partial states are merged in stages themselves.
    const again = splitReduce(merged);
    const count = kernel.states.length;
    const finish =
      again === undefined
        ? compile(merged, count)
        : again((part, skipped) => compile(part, skipped + count), memory);
    const dtypes: DType[] = kernel.states.map((state) => state.dtype);
    return (inputs, outputs, params) => {
      const scratch: Operand<number>[] = [];
      try {
        for (const dtype of dtypes) {
          scratch.push({ handle: memory.allocate(elements * byteSize(dtype)), offset: 0 });
        }
        for (const stage of stages) stage(inputs, scratch, params);
        finish([...scratch, ...inputs], outputs, params);
      } finally {
        for (const { handle } of scratch) memory.free(handle);
      }
    };
  };
}
