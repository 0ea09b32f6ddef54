// New tensors: from JavaScript data, filled, ranges.
import { apply } from "../apply.ts";
import { contiguousStore, generateKernel } from "../compiler/lower.ts";
import { LeafNode } from "../autograd/tape.ts";
import {
  type ComplexNumber,
  type DType,
  type TypedArray,
  isComplexNumber,
  isContinuous,
  isDType,
  realDType,
} from "../dtype.ts";
import { AutogradError, DTypeError, ShapeError, showShape } from "../errors.ts";
import type { Operation, TensorLike } from "../operation.ts";
import { type Device, defaultDevice, device as findDevice } from "../runtime/device.ts";
import { Storage } from "../runtime/storage.ts";
import { leaf, s } from "../scalar/instruction.ts";
import { type Shape, layoutOf, sizeOf } from "../shape.ts";
import { type Tensor, isTensor, makeTensor } from "../tensor.ts";
import { primitive } from "./define.ts";
import { type NestedInput, readHostData, wordsOfArray } from "./host-data.ts";

export type { NestedInput } from "./host-data.ts";

export interface TensorOptions {
  readonly dtype?: DType;
  readonly device?: Device | string;
  /** Whether `backward` fills `.grad` of this tensor. */
  readonly requiresGrad?: boolean;
}

const deviceOption = (device: Device | string | undefined): Device =>
  device === undefined ? defaultDevice() : typeof device === "string" ? findDevice(device) : device;

/** Marks a leaf whose gradient is wanted. @internal */
export function trackGradient(x: Tensor): Tensor {
  if (!isContinuous(x.dtype)) {
    throw new AutogradError(
      `requiresGrad: only float tensors have gradients, got ${x.dtype}. Cast with to("float32").`,
    );
  }
  if (x.node === undefined) x.node = new LeafNode(x);
  return x;
}

const finish = (x: Tensor, options: TensorOptions): Tensor =>
  options.requiresGrad ? trackGradient(x) : x;

/** Uploads elements as memory holds them, row-major. @internal */
export function fromBytes(bytes: Uint8Array, shape: Shape, dtype: DType, device: Device): Tensor {
  device.requireDType(dtype);
  const storage = Storage.allocate(device, bytes.length);
  device.backend.write(storage.handle, 0, bytes);
  return makeTensor(dtype, layoutOf(shape), storage);
}

/** Uploads row-major data of the typed array that `data()` gives. @internal */
export function fromTypedArray(
  data: TypedArray,
  shape: Shape,
  dtype: DType,
  device: Device,
): Tensor {
  const { buffer, byteOffset, byteLength } = wordsOfArray(data, dtype);
  return fromBytes(new Uint8Array(buffer, byteOffset, byteLength), shape, dtype, device);
}

/**
 * A tensor of nested arrays or a typed array (with `shape` for more than one dimension). Numbers are
 * float32, booleans bool, bigints int64, `{ re, im }` complex64, typed arrays what they are; `dtype`
 * converts. A typed array for complex numbers holds real and imaginary parts in turn.
 */
export function tensor(
  values: NestedInput | TypedArray | Uint8ClampedArray | Tensor,
  options: TensorOptions & { readonly shape?: Shape } = {},
): Tensor {
  if (isTensor(values)) {
    throw new DTypeError(
      "tensor: got a tensor. Use clone() to copy it, detach() to cut its history.",
    );
  }
  const target = deviceOption(options.device);
  if (options.dtype !== undefined && !isDType(options.dtype)) {
    throw new DTypeError(`tensor: unknown dtype ${JSON.stringify(options.dtype)}.`);
  }
  const { data, shape, dtype, size } = readHostData(values, options.dtype);
  if (options.shape !== undefined && sizeOf(options.shape) !== size) {
    throw new ShapeError(
      `tensor: shape ${showShape(options.shape)} holds ${sizeOf(options.shape)} elements, got ${size}.`,
    );
  }
  return finish(fromTypedArray(data, options.shape ?? shape, dtype, target), options);
}

interface FillAttributes {
  readonly [name: string]: readonly number[] | string;
  readonly shape: readonly number[];
  readonly dtype: DType;
  readonly device: string;
}

function requireShape(name: string, shape: Shape): void {
  if (Array.isArray(shape) && shape.every((n) => Number.isInteger(n) && n >= 0)) return;
  throw new ShapeError(
    `${name}: expected a shape, an array of non-negative integers, got ${JSON.stringify(shape)}.`,
  );
}

const fillOperation = /* @__PURE__ */ primitive<FillAttributes>({
  name: "full",
  infer: (_, { shape, dtype }) => [{ shape, dtype }],
  lower(inputs, { shape, dtype }) {
    const axes = [sizeOf(shape)];
    if (inputs.length === 1) return generateKernel(axes, leaf("param", 0, dtype), [dtype]);
    // A complex number: its parts.
    const part = realDType(dtype);
    const value = s.complex(leaf("param", 0, part), leaf("param", 1, part));
    return generateKernel(axes, value, [part, part]);
  },
});

/** Creation ops have no operand to take a device from: they run on the one asked for. */
function create<A extends { readonly device: string }>(
  operation: Operation<A & { [name: string]: never }>,
  inputs: readonly TensorLike[],
  attributes: A,
): Tensor {
  return apply(operation as never, inputs, attributes as never)[0]!;
}

/** A tensor filled with one value. Without `dtype`: bool, int64 (bigint), complex64 or float32. */
export function full(
  shape: Shape,
  value: number | bigint | boolean | ComplexNumber,
  options: TensorOptions = {},
): Tensor {
  requireShape("full", shape);
  const byValue = isComplexNumber(value) ? "complex64" : typeof value === "boolean" ? "bool" : typeof value === "bigint" ? "int64" : "float32"; // prettier-ignore
  const dtype = options.dtype ?? byValue;
  if (isComplexNumber(value) && realDType(dtype) === dtype) {
    throw new DTypeError(
      `full: a complex number does not fit ${dtype}. Use complex64 or complex128.`,
    );
  }
  const device = deviceOption(options.device).name;
  const params = isComplexNumber(value) ? [value.re, value.im] : [value];
  return finish(create(fillOperation as never, params, { shape, dtype, device }), options);
}

/** A tensor of zeros. */
export const zeros = (shape: Shape, options: TensorOptions = {}): Tensor =>
  full(shape, 0, { dtype: "float32", ...options });

/** A tensor of ones. */
export const ones = (shape: Shape, options: TensorOptions = {}): Tensor =>
  full(shape, 1, { dtype: "float32", ...options });

const like = (x: Tensor, options: TensorOptions): TensorOptions => ({
  dtype: x.dtype,
  device: x.device,
  ...options,
});

/** Zeros of the shape, dtype and device of `x`. */
export const zerosLike = (x: Tensor, options: TensorOptions = {}): Tensor =>
  zeros(x.shape, like(x, options));
/** Ones of the shape, dtype and device of `x`. */
export const onesLike = (x: Tensor, options: TensorOptions = {}): Tensor =>
  ones(x.shape, like(x, options));
/** `full` of the shape, dtype and device of `x`. */
export const fullLike = (x: Tensor, value: number, options: TensorOptions = {}): Tensor =>
  full(x.shape, value, like(x, options));

interface RangeAttributes {
  readonly [name: string]: number | string;
  readonly size: number;
  readonly dtype: DType;
  readonly device: string;
}

const rangeOperation = /* @__PURE__ */ primitive<RangeAttributes>({
  name: "arange",
  infer: (_, { size, dtype }) => [{ shape: [size], dtype }],
  // start + index · step, in float64 where the result is a float.
  lower: (_, { size, dtype }) => {
    const wide = isContinuous(dtype) ? "float64" : "int64";
    const at = s.mul(s.cast(leaf("index", 0, "int32"), wide), leaf("param", 1, wide));
    const value = s.cast(s.add(leaf("param", 0, wide), at), dtype);
    return generateKernel([size], value, [wide, wide]);
  },
});

/**
 * `start, start + step, …` up to but without `end`; `arange(end)` starts at 0. int64 where every
 * number is integral, as in PyTorch, else float32.
 */
export function arange(
  start: number,
  end?: number,
  options: TensorOptions & { readonly step?: number } = {},
): Tensor {
  if (typeof options !== "object" || (end !== undefined && typeof end !== "number")) {
    throw new ShapeError(
      "arange: expected arange(start, end, { step, dtype }). The step is an option; where only the " +
        "end is given, write arange(0, end, options).",
    );
  }
  const { step = 1 } = options;
  const [from, to] = end === undefined ? [0, start] : [start, end];
  const size = Math.ceil((to - from) / step);
  if (!(Number.isFinite(size) && size >= 0)) {
    throw new ShapeError(
      `arange: from ${from} to ${to} in steps of ${step} never arrives. Give step the sign of ` +
        `end - start.`,
    );
  }
  const dtype = options.dtype ?? ([from, to, step].every(Number.isInteger) ? "int64" : "float32");
  const device = deviceOption(options.device).name;
  return finish(create(rangeOperation as never, [from, step], { size, dtype, device }), options);
}

const linspaceOperation = /* @__PURE__ */ primitive<RangeAttributes>({
  name: "linspace",
  infer: (_, { size, dtype }) => [{ shape: [size], dtype }],
  lower: (_, { size, dtype }) => {
    // Counted from both ends, as PyTorch does, so that the last value is exactly `end`.
    const start = leaf("param", 0, "float64");
    const end = leaf("param", 1, "float64");
    const step = s.div(s.sub(end, start), Math.max(size - 1, 1));
    const index = s.cast(leaf("index", 0, "int32"), "float64");
    const fromStart = s.add(start, s.mul(index, step));
    const fromEnd = s.sub(end, s.mul(s.sub(size - 1, index), step));
    const value = s.select(
      s.lt(index, Math.floor(size / 2)),
      fromStart,
      size === 1 ? start : fromEnd,
    );
    return generateKernel([size], s.cast(value, dtype), ["float64", "float64"]);
  },
});

/** `count` values from `start` to `end`, both included, at equal distances. */
export function linspace(
  start: number,
  end: number,
  count: number,
  options: TensorOptions = {},
): Tensor {
  requireShape("linspace", [count]);
  const { dtype = "float32" } = options;
  const device = deviceOption(options.device).name;
  return finish(
    create(linspaceOperation as never, [start, end], { size: count, dtype, device }),
    options,
  );
}

interface EyeAttributes {
  readonly [name: string]: number | string;
  readonly rows: number;
  readonly columns: number;
  readonly dtype: DType;
  readonly device: string;
}

const eyeOperation = /* @__PURE__ */ primitive<EyeAttributes>({
  name: "eye",
  infer: (_, { rows, columns, dtype }) => [{ shape: [rows, columns], dtype }],
  lower: (_, { rows, columns, dtype }) => {
    const isDiagonal = s.eq(leaf("index", 0, "int32"), leaf("index", 1, "int32"));
    return {
      kind: "map",
      axes: [rows, columns],
      loads: [],
      params: [],
      stores: [contiguousStore([rows, columns], s.cast(isDiagonal, dtype))],
    };
  },
});

/** The identity matrix, `rows` × `columns` (square by default). */
export function eye(rows: number, columns = rows, options: TensorOptions = {}): Tensor {
  requireShape("eye", [rows, columns]);
  const { dtype = "float32" } = options;
  const device = deviceOption(options.device).name;
  return finish(create(eyeOperation as never, [], { rows, columns, dtype, device }), options);
}
