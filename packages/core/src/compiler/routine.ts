// Routines read contiguous operands of the dtypes that JavaScript's typed arrays have: others are
// copied for the time of the call. 16-bit floats reach them as float32, complex numbers as pairs.
import { type DType, byteSize, isHalf, realDType, valueDType, wordsOf } from "../dtype.ts";
import type { OperandDescription } from "../operation.ts";
import type { Executable, Operand } from "../runtime/backend.ts";
import type { Device } from "../runtime/device.ts";
import { leaf, s } from "../scalar/instruction.ts";
import { sizeOf } from "../shape.ts";
import type { MapKernel, RoutineKernel } from "./kernel.ts";
import { broadcastLoad, contiguousStore } from "./lower.ts";

type Argument = RoutineKernel["inputs"][number];

/** What the routine's function sees of an operand. */
const visibleDType = (dtype: DType): DType =>
  isHalf(dtype) ? valueDType(dtype) : realDType(dtype);

const visible = ({ dtype, shape }: Argument): Argument => ({
  dtype: visibleDType(dtype),
  shape: wordsOf(dtype) === 2 ? [...shape, 2] : shape,
});

interface Copy {
  readonly bytes: number;
  readonly run: Executable;
}

const bytesOf = ({ dtype, shape }: Argument): number => sizeOf(shape) * byteSize(dtype);

/** How an operand is made contiguous and visible, or `undefined` where it is. */
function inputCopy(
  { layout, shape, dtype }: OperandDescription,
  compile: (kernel: MapKernel) => Executable,
): Copy | undefined {
  if (layout.isContiguous && !isHalf(dtype)) return undefined;
  const to = isHalf(dtype) ? valueDType(dtype) : dtype;
  const operand = { layout, shape, dtype, isNumber: false };
  const run = compile({
    kind: "map",
    axes: shape,
    loads: [broadcastLoad(0, operand, shape)],
    params: [],
    stores: [contiguousStore(shape, s.cast(leaf("load", 0, dtype), to))],
  });
  return { bytes: bytesOf({ dtype: to, shape }), run };
}

/** How a result is rounded to 16 bits, or `undefined` where it is not. */
function outputCopy(
  { dtype, shape }: Argument,
  compile: (kernel: MapKernel) => Executable,
): Copy | undefined {
  if (!isHalf(dtype)) return undefined;
  const from = valueDType(dtype);
  const size = sizeOf(shape);
  const run = compile({
    kind: "map",
    axes: [size],
    loads: [{ operand: 0, dtype: from, offset: 0, strides: [1] }],
    params: [],
    stores: [contiguousStore([size], s.cast(leaf("load", 0, from), dtype))],
  });
  return { bytes: bytesOf({ dtype: from, shape }), run };
}

/** Prepares a routine for operands of any layout and dtype. */
export function compileRoutine(
  kernel: RoutineKernel,
  inputs: readonly OperandDescription[],
  device: Device,
  compile: (kernel: MapKernel) => Executable,
): Executable {
  const run = device.backend.compile({
    ...kernel,
    inputs: kernel.inputs.map(visible),
    outputs: kernel.outputs.map(visible),
  });
  const before = inputs.map((input) => inputCopy(input, compile));
  const after = kernel.outputs.map((output) => outputCopy(output, compile));
  const words = inputs.map(({ dtype }) => wordsOf(dtype));
  const isDirect = [...before, ...after].every((copy) => copy === undefined);
  if (isDirect && !words.includes(2)) return run;
  return (operands, outputs, params) => {
    const freed: (() => void)[] = [];
    const allocate = (bytes: number): Operand => {
      const handle = device.allocate(bytes);
      freed.push(() => device.free(handle, bytes));
      return { handle, offset: 0 };
    };
    try {
      const rows = operands.map((operand, i): Operand => {
        const copy = before[i];
        if (copy === undefined) return { ...operand, offset: operand.offset * words[i]! };
        const target = allocate(copy.bytes);
        copy.run([operand], [target], []);
        return target;
      });
      const results = outputs.map((output, i) => (after[i] ? allocate(after[i].bytes) : output));
      run(rows, results, params);
      after.forEach((copy, i) => copy?.run([results[i]!], [outputs[i]!], []));
    } finally {
      for (const free of freed) free();
    }
  };
}
