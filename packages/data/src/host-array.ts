// Rows of numbers in ordinary memory, from which batches are copied before they go to a device.
import {
  type DType, DTypeError, type Device, ShapeError, type Tensor, type TypedArray, tensor,
} from "@flambeau/core"; // prettier-ignore

/** A row-major array; its first axis counts samples. */
export interface HostArray {
  readonly data: TypedArray;
  readonly shape: readonly number[];
  readonly dtype: DType;
}

const dtypesOfArrays = [
  [Float32Array, "float32"],
  [Float64Array, "float64"],
  [Int32Array, "int32"],
  [BigInt64Array, "int64"],
  [Uint8Array, "uint8"],
] as const;

export const isTypedArray = (value: unknown): value is TypedArray =>
  dtypesOfArrays.some(([ArrayType]) => value instanceof ArrayType);

export function dtypeOfArray(data: TypedArray): DType {
  for (const [ArrayType, dtype] of dtypesOfArrays) if (data instanceof ArrayType) return dtype;
  throw new DTypeError(
    `expected ${dtypesOfArrays.map(([{ name }]) => name).join(", ")}, got ` +
      `${(data as object).constructor.name}.`,
  );
}

const sizeOf = (shape: readonly number[]): number => shape.reduce((size, n) => size * n, 1);

/** Elements of one row. */
export const rowSize = ({ shape }: HostArray): number => sizeOf(shape.slice(1));

/** An array of its own type with `length` elements. */
export const emptyLike = <A extends TypedArray>(data: A, length: number): A =>
  new (data.constructor as new (length: number) => A)(length);

export function hostArray(data: TypedArray, shape: readonly number[] = [data.length]): HostArray {
  if (shape.length === 0 || sizeOf(shape) !== data.length) {
    throw new ShapeError(
      `shape [${shape.join(", ")}] does not describe rows of ${data.length} elements. Its lengths ` +
        `must multiply to ${data.length}; the first counts samples.`,
    );
  }
  return { data, shape, dtype: dtypeOfArray(data) };
}

/** The rows at `indices`, in that order. */
export function gatherRows(source: HostArray, indices: ArrayLike<number>): HostArray {
  const { data, shape, dtype } = source;
  const size = rowSize(source);
  const rows = emptyLike(data, indices.length * size);
  for (let i = 0; i < indices.length; i++) {
    const from = indices[i]! * size;
    if (size === 1) rows[i] = data[from]!;
    else rows.set(data.subarray(from, from + size) as never, i * size);
  }
  return { data: rows, shape: [indices.length, ...shape.slice(1)], dtype };
}

export const upload = (
  { data, shape, dtype }: HostArray,
  device: Device | string | undefined,
): Tensor => tensor(data, { shape, dtype, ...(device !== undefined && { device }) });
