// From a kernel of any dtype to something callable: realized for the backend, and staged through
// float32 copies where 16-bit floats meet matrix products (whose fast paths read float32) or stores
// that combine. Routines are in routine.ts.
import { type DType, byteSize, isHalf, valueDType, wordsOf } from "../dtype.ts";
import type { OperandDescription } from "../operation.ts";
import type { Executable, Operand } from "../runtime/backend.ts";
import type { Device } from "../runtime/device.ts";
import { leaf, s } from "../scalar/instruction.ts";
import type { Layout } from "../shape.ts";
import type { Access, Kernel, Load, LoopKernel, MapKernel, Store } from "./kernel.ts";
import { needsRealizing, realize } from "./realize.ts";
import { compileRoutine } from "./routine.ts";

/** The stretch of a buffer that a layout reaches, counted from its first element. */
export interface Extent {
  readonly lowest: number;
  readonly length: number;
}

export function extentOf({ shape, strides, size }: Layout): Extent {
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

/** Prepares a kernel. `inputs` are its tensors, `outputs` how its results lie. */
export function compileKernel(
  kernel: Kernel,
  inputs: readonly OperandDescription[],
  outputs: readonly Layout[],
  device: Device,
): Executable {
  if (kernel.kind === "routine") {
    const compile = (copy: MapKernel) => compileKernel(copy, [], [], device);
    return compileRoutine(kernel, inputs, device, compile);
  }
  if (!needsRealizing(kernel)) return device.backend.compile(kernel);
  const wide = kernel.stores.find(needsWideOutput);
  if (wide !== undefined) return withWideOutput(kernel, wide, inputs, outputs, device);
  if (kernel.kind === "contract") {
    const half = kernel.loads.slice(0, 2).find(({ dtype }) => isHalf(dtype));
    if (half !== undefined) return withWideInput(kernel, half, inputs, outputs, device);
  }
  const run = device.backend.compile(realize(kernel));
  return withWordOffsets(kernel, run);
}

/** Offsets of complex operands count elements; the realized kernel counts their parts. */
function withWordOffsets({ loads, stores }: LoopKernel, run: Executable): Executable {
  const wordsPerOperand = (accesses: readonly Access[]): number[] => {
    const words: number[] = [];
    for (const { operand, dtype } of accesses) words[operand] = wordsOf(dtype);
    return words;
  };
  const [inWords, outWords] = [wordsPerOperand(loads), wordsPerOperand(stores)];
  if (![...inWords, ...outWords].includes(2)) return run;
  const scaled = (operands: readonly Operand[], words: readonly number[]) =>
    operands.map(({ handle, offset }, i) => ({ handle, offset: offset * (words[i] ?? 1) }));
  return (inputs, outputs, params) =>
    run(scaled(inputs, inWords), scaled(outputs, outWords), params);
}

/** Runs `body` with a buffer of `length` elements of `dtype`. */
function withScratch(
  device: Device,
  length: number,
  dtype: DType,
  body: (handle: unknown) => void,
): void {
  const bytes = length * byteSize(dtype);
  const handle = device.allocate(bytes);
  try {
    body(handle);
  } finally {
    device.free(handle, bytes);
  }
}

/** Reads one factor, of 16-bit floats, as float32. Epilogues still read the operand itself. */
function withWideInput(
  kernel: LoopKernel,
  { operand, dtype }: Load,
  inputs: readonly OperandDescription[],
  outputs: readonly Layout[],
  device: Device,
): Executable {
  const { lowest, length } = extentOf(inputs[operand]!.layout);
  const value = valueDType(dtype);
  const convert = compileKernel(conversion(length, dtype, value), [], [], device);
  const copy = { dtype: value, operand: inputs.length };
  const wide: LoopKernel = {
    ...kernel,
    ...(kernel.kind === "contract" && { accumulator: valueDType(kernel.accumulator) }),
    loads: kernel.loads.map((load, i) =>
      i < 2 && load.operand === operand ? { ...load, ...copy } : load,
    ),
  };
  const run = compileKernel(wide, [...inputs, inputs[operand]!], outputs, device);
  return (given, targets, params) =>
    withScratch(device, length, value, (handle) => {
      const { handle: from, offset } = given[operand]!;
      convert([{ handle: from, offset: offset + lowest }], [{ handle, offset: 0 }], []);
      run([...given, { handle, offset: -lowest }], targets, params);
    });
}

/** Lets stores combine in a wider dtype, and rounds once at the end. */
function withWideOutput(
  kernel: LoopKernel,
  { operand, dtype }: Store,
  inputs: readonly OperandDescription[],
  outputs: readonly Layout[],
  device: Device,
): Executable {
  const { lowest, length } = extentOf(outputs[operand]!);
  const value = valueDType(dtype);
  const stores = kernel.stores.map((store) =>
    store.operand === operand
      ? { ...store, dtype: value, value: s.cast(store.value, value) }
      : store,
  );
  const run = compileKernel({ ...kernel, stores }, inputs, outputs, device);
  const read = compileKernel(conversion(length, dtype, value), [], [], device);
  const write = compileKernel(conversion(length, value, dtype), [], [], device);
  return (given, targets, params) =>
    withScratch(device, length, value, (handle) => {
      const target = targets[operand]!;
      const region = { handle: target.handle, offset: target.offset + lowest };
      if (kernel.initial === undefined) read([region], [{ handle, offset: 0 }], []);
      run(given, targets.with(operand, { handle, offset: -lowest }), params);
      write([{ handle, offset: 0 }], [region], []);
    });
}
