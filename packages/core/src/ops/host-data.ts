// JavaScript values as typed arrays: nested arrays, numbers of any kind, typed arrays of other dtypes.
// The functions that make tensors of them are in creation.ts.
import {
  type ComplexNumber,
  type DType,
  type TypedArray,
  arrayType,
  isComplex,
  isComplexNumber,
  isHalf,
  realDType,
  wordsOf,
} from "../dtype.ts";
import { DTypeError, ShapeError, showShape } from "../errors.ts";
import { convert } from "../scalar/evaluate.ts";
import { encodeHalf } from "../scalar/half.ts";
import type { Shape } from "../shape.ts";

type Element = number | boolean | bigint | ComplexNumber;

/** Nested arrays of numbers, booleans, bigints or complex numbers `{ re, im }`. */
export type NestedInput = Element | readonly NestedInput[];

const arrayDTypes: { readonly [name: string]: DType } = {
  Float16Array: "float16",
  Float32Array: "float32",
  Float64Array: "float64",
  Int8Array: "int8",
  Int16Array: "int16",
  Int32Array: "int32",
  BigInt64Array: "int64",
  Uint8Array: "uint8",
  Uint8ClampedArray: "uint8",
  Uint16Array: "uint16",
  Uint32Array: "uint32",
  BigUint64Array: "uint64",
};

function dtypeOfArray(data: ArrayBufferView): DType {
  // The class of the language's own: Node's Buffer is a Uint8Array.
  const name = (data as { [Symbol.toStringTag]?: string })[Symbol.toStringTag] ?? "DataView";
  const dtype = arrayDTypes[name];
  if (dtype !== undefined) return dtype;
  throw new DTypeError(
    `tensor: ${name} has no dtype here. Expected ${Object.keys(arrayDTypes).join(", ")}.`,
  );
}

function shapeOfNested(value: NestedInput): number[] {
  const shape: number[] = [];
  for (let level = value; Array.isArray(level); level = level[0] as NestedInput) {
    shape.push(level.length);
    if (level.length === 0) break;
  }
  return shape;
}

function requireElement(value: unknown, position: number): void {
  const kind = typeof value;
  if (kind === "number" || kind === "boolean" || kind === "bigint") return;
  if (typeof value === "object" && value !== null && "re" in value && "im" in value) return;
  const got = kind === "string" ? JSON.stringify(value) : String(value);
  throw new DTypeError(
    `tensor: expected numbers, booleans, bigints or { re, im }, got ${got} at flat position ${position}.`,
  );
}

function flattenNested(value: NestedInput, shape: Shape, axis: number, into: Element[]): void {
  if (!Array.isArray(value)) {
    if (axis !== shape.length) throw ragged(shape, axis, "a number");
    requireElement(value, into.length);
    into.push(value as Element);
    return;
  }
  if (axis === shape.length || value.length !== shape[axis]) {
    throw ragged(shape, axis, `an array of ${value.length}`);
  }
  for (const item of value) flattenNested(item, shape, axis + 1, into);
}

const ragged = (shape: Shape, axis: number, got: string): ShapeError =>
  new ShapeError(
    `tensor: nested arrays must be rectangular. The first elements give shape ${showShape(shape)}, ` +
      `but at depth ${axis} there is ${got}.`,
  );

/** Numbers are float32, booleans bool, bigints int64, complex numbers complex64. */
function dtypeOfElements(elements: readonly Element[]): DType {
  const kinds = new Set(elements.map((element) => typeof element));
  if (kinds.size === 0 || kinds.has("number") || kinds.has("object")) {
    if (kinds.has("bigint")) {
      throw new DTypeError("tensor: numbers and bigints are mixed. Use one kind.");
    }
    return kinds.has("object") ? "complex64" : "float32";
  }
  return kinds.has("bigint") ? "int64" : "bool";
}

/** A number as an element of a real dtype. */
function convertElement(value: Element, dtype: DType): number | bigint {
  if (typeof value === "object") {
    throw new DTypeError(
      `tensor: expected numbers, got ${isComplexNumber(value) ? `a complex number for ${dtype}. Use complex64 or complex128` : "an object"}.`,
    );
  }
  if (typeof value === "bigint") return convert(value, "int64", dtype);
  return convert(Number(value), "float64", dtype);
}

/** An array of `dtype`; complex numbers become pairs. */
function convertElements(elements: ArrayLike<Element>, dtype: DType): TypedArray {
  const words = wordsOf(dtype);
  const data = new (arrayType(dtype))(elements.length * words);
  const part = realDType(dtype);
  for (let i = 0; i < elements.length; i++) {
    const value = elements[i]!;
    if (words === 1) data[i] = convertElement(value, dtype) as never;
    else if (isComplexNumber(value)) {
      data[2 * i] = convertElement(value.re, part) as never;
      data[2 * i + 1] = convertElement(value.im, part) as never;
    } else data[2 * i] = convertElement(value, part) as never;
  }
  return data;
}

export interface HostData {
  /** Row-major, as `data()` of the tensor gives it. */
  readonly data: TypedArray;
  readonly shape: Shape;
  readonly dtype: DType;
  /** Number of elements. */
  readonly size: number;
}

/** What a typed array is as elements of `dtype`; floats are pairs where complex numbers are asked for. */
function readArray(values: TypedArray, dtype = dtypeOfArray(values)): HostData {
  const from = dtypeOfArray(values);
  const words = wordsOf(dtype);
  const size = values.length / words;
  if (!Number.isInteger(size)) {
    throw new ShapeError(
      `tensor: ${dtype} of a typed array takes real and imaginary parts in turn, got an odd number, ` +
        `${values.length}.`,
    );
  }
  const isSame = from === realDType(dtype) && !isHalf(from);
  const data = isSame ? values : convertElements(values, realDType(dtype));
  return { data, shape: [size], dtype, size };
}

/** Nested arrays or a typed array as an array of `dtype`, by default of their own. */
export function readHostData(
  values: NestedInput | TypedArray | Uint8ClampedArray,
  dtype?: DType,
): HostData {
  if (ArrayBuffer.isView(values)) return readArray(values as TypedArray, dtype);
  const shape = shapeOfNested(values);
  const flat: Element[] = [];
  flattenNested(values, shape, 0, flat);
  const own = dtype ?? dtypeOfElements(flat);
  return { data: convertElements(flat, own), shape, dtype: own, size: flat.length };
}

/** What memory holds of an array that `data()` could have given. */
export function wordsOfArray(data: TypedArray, dtype: DType): TypedArray {
  if (!isHalf(dtype)) return data;
  return Uint16Array.from(data as Float32Array, (value) => encodeHalf(value, dtype));
}

/** Elements in an array that `data()` could have given. */
export const elementsIn = (data: TypedArray, dtype: DType): number =>
  isComplex(dtype) ? data.length / 2 : data.length;
