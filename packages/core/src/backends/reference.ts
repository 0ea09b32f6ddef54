// The reference backend: interprets kernels one element at a time. It is the *meaning* of every
// kernel; other backends are compared with it. Clear, never fast.
import { arrayType, byteSize, dtypes, type DType, type TypedArray } from "../dtype.ts";
import { MemoryError } from "../errors.ts";
import {
  type Access,
  type Kernel,
  type Load,
  type LoopKernel,
  type MapKernel,
  type ReduceKernel,
  type RoutineOperand,
  type RowsKernel,
  type ScanKernel,
  type ScanState,
  type Store,
  coordinateOf,
  isFixedFrom,
} from "../compiler/kernel.ts";
import { contractAsReduce } from "../compiler/contract.ts";
import { spanOf } from "../compiler/routine.ts";
import type { Backend, Executable, Operand } from "../runtime/backend.ts";
import type { Scalar } from "../scalar/instruction.ts";
import { type Value, convert, evaluator, roundTo } from "../scalar/evaluate.ts";
import { linearize } from "../scalar/linear.ts";

/** A buffer: bytes, with typed views made on demand. */
export class ReferenceBuffer {
  #bytes: ArrayBuffer | undefined;
  readonly byteLength: number;
  #views = new Map<DType, TypedArray>();

  constructor(byteLength: number) {
    this.byteLength = byteLength;
    this.#bytes = new ArrayBuffer(Math.ceil(byteLength / 8) * 8);
  }

  get bytes(): ArrayBuffer {
    if (this.#bytes === undefined) throw new MemoryError("reference: the buffer was freed.");
    return this.#bytes;
  }

  view(dtype: DType): TypedArray {
    let view = this.#views.get(dtype);
    if (view === undefined) {
      view = new (arrayType(dtype))(this.bytes);
      this.#views.set(dtype, view);
    }
    return view;
  }

  release(): void {
    this.#bytes = undefined;
    this.#views.clear();
  }
}

type Buffers = readonly Operand<ReferenceBuffer>[];

/** Visits every index of a box in row-major order; `index` is reused. */
function forEachIndex(
  lengths: readonly number[],
  index: number[],
  from: number,
  visit: () => void,
) {
  const ndim = lengths.length;
  for (let axis = from; axis < ndim; axis++) {
    if (lengths[axis] === 0) return;
    index[axis] = 0;
  }
  for (;;) {
    visit();
    let axis = ndim - 1;
    while (axis >= from && ++index[axis]! === lengths[axis]) index[axis--] = 0;
    if (axis < from) return;
  }
}

/** Element address of an access, or -1 where a guard fails. */
function addressOf(
  access: Access,
  base: number,
  index: readonly number[],
  loaded: readonly Value[],
): number {
  let address = base + access.offset;
  for (let axis = 0; axis < index.length; axis++) address += access.strides[axis]! * index[axis]!;
  for (const guard of access.guards ?? []) {
    let coordinate = guard.base;
    for (let axis = 0; axis < index.length; axis++) {
      coordinate += guard.coefficients[axis]! * index[axis]!;
    }
    const quotient = coordinate / guard.divisor;
    if (!Number.isInteger(quotient) || quotient < 0 || quotient >= guard.size) return -1;
    address += guard.stride * quotient;
  }
  for (const indirection of access.indirections ?? []) {
    const value = Number(loaded[indirection.load]!);
    address += indirection.stride * coordinateOf(indirection, value, index);
  }
  return address;
}

/** What a store leaves where `before` was. */
function combined({ combine = "set", dtype }: Store, before: Value, value: Value): Value {
  if (combine === "set") return value;
  if (combine === "max") return value > before || value !== value ? value : before;
  if (combine === "min") return value < before || value !== value ? value : before;
  if (typeof value === "bigint") {
    const other = before as bigint;
    return roundTo.int64(combine === "add" ? other + value : other * value);
  }
  const other = before as number;
  if (combine === "add") return roundTo[dtype](other + value);
  return roundTo[dtype](dtype === "int32" ? Math.imul(other, value) : other * value);
}

/** Everything a loop body needs, bound to one call's operands. */
class Body {
  readonly index: number[];
  readonly loaded: Value[];
  readonly state: Value[] = [];
  readonly other: Value[] = [];
  readonly kept: Value[] = [];
  private readonly kernel: LoopKernel;
  private readonly inputs: { array: TypedArray; base: number }[];
  private readonly outputs: { array: TypedArray; base: number }[];
  private readonly params: readonly Value[];

  constructor(kernel: LoopKernel, inputs: Buffers, outputs: Buffers, params: readonly Value[]) {
    const bind = (access: Access, operands: Buffers) => {
      const { handle, offset } = operands[access.operand]!;
      return { array: handle.view(access.dtype), base: offset };
    };
    this.kernel = kernel;
    this.index = kernel.axes.map(() => 0);
    this.loaded = kernel.loads.map(() => 0);
    this.inputs = kernel.loads.map((load) => bind(load, inputs));
    this.outputs = kernel.stores.map((store) => bind(store, outputs));
    this.params = params.map((value, i) => {
      const dtype = kernel.params[i]!;
      return convert(value, typeof value === "bigint" ? "int64" : "float64", dtype);
    });
    if (kernel.initial !== undefined) this.fill(kernel.initial, outputs);
  }

  private fill(value: Value, outputs: Buffers): void {
    for (const store of this.kernel.stores) {
      const { array } = this.outputs[this.kernel.stores.indexOf(store)]!;
      const { handle, offset } = outputs[store.operand]!;
      const end = Math.floor(handle.byteLength / byteSize(store.dtype));
      (array as { fill(v: Value, from: number, to: number): void }).fill(
        convert(value, typeof value === "bigint" ? "int64" : "float64", store.dtype),
        offset,
        end,
      );
    }
  }

  /** Fetches the loads at the current index, or those that `wanted` names. */
  fetch(wanted?: ReadonlySet<Load>): void {
    this.kernel.loads.forEach((load, i) => {
      if (wanted !== undefined && !wanted.has(load)) return;
      const { array, base } = this.inputs[i]!;
      const address = addressOf(load, base, this.index, this.loaded);
      this.loaded[i] =
        address < 0 ? convert(load.fill ?? 0, "float64", load.dtype) : array[address]!;
    });
  }

  /** Prepares expressions that read this body's leaves. */
  expressions(roots: readonly Scalar[]): () => Value[] {
    const program = linearize(roots);
    const run = evaluator(program, (op, position) => {
      if (op === "load") return this.loaded[position]!;
      if (op === "param") return this.params[position]!;
      if (op === "index") return this.index[position]!;
      if (op === "state") return this.state[position]!;
      if (op === "kept") return this.kept[position]!;
      return this.other[position]!;
    });
    return () => {
      const registers = run();
      return program.results.map((at) => registers[at]!);
    };
  }

  /** Makes all stores, or those that stand at `positions`. */
  store(values: readonly Value[], positions?: readonly number[]): void {
    values.forEach((value, n) => {
      const i = positions === undefined ? n : positions[n]!;
      const store = this.kernel.stores[i]!;
      const { array, base } = this.outputs[i]!;
      const address = addressOf(store, base, this.index, this.loaded);
      if (address < 0) return;
      const before = array[address]!;
      array[address] = combined(store, before, value) as never;
    });
  }
}

function runMap(kernel: MapKernel, body: Body): void {
  const values = body.expressions(kernel.stores.map((store) => store.value));
  forEachIndex(kernel.axes, body.index, 0, () => {
    body.fetch();
    body.store(values());
  });
}

const initialOf = (states: readonly ScanState[]): Value[] =>
  states.map(({ initial, dtype }) =>
    convert(initial, typeof initial === "bigint" ? "int64" : "float64", dtype),
  );

/** Loads for what is made once per row: those that do not vary along its axes, which may be empty. */
const fixedLoads = ({ loads }: LoopKernel, outer: number): Set<Load> =>
  new Set(loads.filter((load) => isFixedFrom(outer, load, loads)));

function runReduce(kernel: ReduceKernel, body: Body): void {
  const steps = body.expressions(kernel.states.map((state) => state.step));
  const finish = body.expressions(kernel.stores.map((store) => store.value));
  const initial = initialOf(kernel.states);
  const outer = kernel.axes.slice(0, kernel.axes.length - kernel.reduced);
  const fixed = fixedLoads(kernel, outer.length);
  forEachIndex(outer, body.index, 0, () => {
    initial.forEach((value, i) => (body.state[i] = value));
    forEachIndex(kernel.axes, body.index, outer.length, () => {
      body.fetch();
      steps().forEach((value, i) => (body.state[i] = value));
    });
    for (let axis = outer.length; axis < kernel.axes.length; axis++) body.index[axis] = 0;
    body.fetch(fixed);
    body.store(finish());
  });
}

function runScan(kernel: ScanKernel, body: Body): void {
  const steps = body.expressions(kernel.states.map((state) => state.step));
  const values = body.expressions(kernel.stores.map((store) => store.value));
  const last = kernel.axes.length - 1;
  const length = kernel.axes[last]!;
  const initial = initialOf(kernel.states);
  forEachIndex(kernel.axes.slice(0, last), body.index, 0, () => {
    initial.forEach((value, i) => (body.state[i] = value));
    for (let at = 0; at < length; at++) {
      body.index[last] = kernel.isReversed ? length - 1 - at : at;
      body.fetch();
      steps().forEach((value, i) => (body.state[i] = value));
      body.store(values());
    }
  });
}

function runRows(kernel: RowsKernel, body: Body): void {
  const outer = kernel.axes.slice(0, kernel.axes.length - kernel.row);
  const fixed = fixedLoads(kernel, outer.length);
  let [keptCount, stateCount] = [0, 0];
  const stages = kernel.stages.map(({ kept, states }) => {
    const [keptAt, stateAt] = [keptCount, stateCount];
    keptCount += kept.length;
    stateCount += states.length;
    const keep = body.expressions(kept);
    const step = body.expressions(states.map((state) => state.step));
    return { keptAt, stateAt, keep, step, initial: initialOf(states) };
  });
  /** Stores made once per row, or once per element: their values, and where they stand. */
  const storing = (onceARow: boolean) => {
    const positions = [...kernel.stores.keys()].filter(
      (i) => isFixedFrom(outer.length, kernel.stores[i]!, kernel.loads) === onceARow,
    );
    const values = body.expressions(positions.map((i) => kernel.stores[i]!.value));
    return () => body.store(values(), positions);
  };
  const [storeRow, storeElement] = [storing(true), storing(false)];
  forEachIndex(outer, body.index, 0, () => {
    /** What is kept, by element of the row. */
    const kept: Value[][] = [];
    const walk = (visit: (own: Value[]) => void): void => {
      let at = 0;
      forEachIndex(kernel.axes, body.index, outer.length, () => {
        body.fetch();
        const own = (kept[at++] ??= []);
        own.forEach((value, i) => (body.kept[i] = value));
        visit(own);
      });
    };
    for (const { keptAt, stateAt, keep, step, initial } of stages) {
      initial.forEach((value, i) => (body.state[stateAt + i] = value));
      walk((own) => {
        keep().forEach((value, i) => (own[keptAt + i] = body.kept[keptAt + i] = value));
        step().forEach((value, i) => (body.state[stateAt + i] = value));
      });
    }
    walk(storeElement);
    for (let axis = outer.length; axis < kernel.axes.length; axis++) body.index[axis] = 0;
    body.fetch(fixed);
    storeRow();
  });
}

function compile(kernel: Kernel): Executable<ReferenceBuffer> {
  if (kernel.kind === "routine") {
    const view = ({ handle, offset }: Operand<ReferenceBuffer>, own: RoutineOperand) =>
      handle.view(own.dtype).subarray(offset, offset + spanOf(own));
    return (inputs, outputs) => {
      kernel.run(
        kernel.inputs.map((own, i) => view(inputs[i]!, own)),
        kernel.outputs.map((own, i) => view(outputs[i]!, own)),
      );
    };
  }
  if (kernel.kind === "map") {
    return (inputs, outputs, params) => runMap(kernel, new Body(kernel, inputs, outputs, params));
  }
  if (kernel.kind === "scan") {
    return (inputs, outputs, params) => runScan(kernel, new Body(kernel, inputs, outputs, params));
  }
  if (kernel.kind === "rows") {
    return (inputs, outputs, params) => runRows(kernel, new Body(kernel, inputs, outputs, params));
  }
  const reduction = kernel.kind === "contract" ? contractAsReduce(kernel) : kernel;
  return (inputs, outputs, params) =>
    runReduce(reduction, new Body(reduction, inputs, outputs, params));
}

/** Interprets kernels in JavaScript, on ordinary array buffers. */
export function createReferenceBackend(): Backend<ReferenceBuffer> {
  return {
    name: "reference",
    dtypes: new Set(dtypes),
    memoryLimit: 4 * 1024 ** 3,
    rows: true,
    allocate: (bytes) => new ReferenceBuffer(bytes),
    free: (buffer) => buffer.release(),
    write: (buffer, byteOffset, bytes) => new Uint8Array(buffer.bytes).set(bytes, byteOffset),
    read: (buffer, byteOffset, byteLength) =>
      new Uint8Array(buffer.bytes.slice(byteOffset, byteOffset + byteLength)),
    compile,
  };
}
