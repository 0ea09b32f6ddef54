// idx, the format of MNIST: a magic number, big-endian lengths, big-endian elements.
import { type DType, FormatError, type TypedArray } from "@flambeau/core";
import type { HostArray } from "./host-array.ts";

interface Element {
  readonly dtype: DType;
  readonly bytes: number;
  read(view: DataView, count: number): TypedArray;
}

const elements: Readonly<Record<number, Element>> = {
  0x08: {
    dtype: "uint8",
    bytes: 1,
    read: (view, count) => new Uint8Array(view.buffer as ArrayBuffer, view.byteOffset, count),
  },
  0x0c: {
    dtype: "int32",
    bytes: 4,
    read: (view, count) => Int32Array.from({ length: count }, (_, i) => view.getInt32(i * 4)),
  },
  0x0d: {
    dtype: "float32",
    bytes: 4,
    read: (view, count) => Float32Array.from({ length: count }, (_, i) => view.getFloat32(i * 4)),
  },
  0x0e: {
    dtype: "float64",
    bytes: 8,
    read: (view, count) => Float64Array.from({ length: count }, (_, i) => view.getFloat64(i * 8)),
  },
};

const unsupported: Readonly<Record<number, string>> = { 0x09: "int8", 0x0b: "int16" };

const fail = (message: string): FormatError => new FormatError(`readIdx: ${message}`);
const hex = (byte: number): string => `0x${byte.toString(16).padStart(2, "0")}`;

/** The array in an idx file; for bytes it is a view on `bytes`. */
export function readIdx(bytes: Uint8Array): HostArray {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 4) {
    throw fail(`a file starts with 4 bytes of magic number; this one has ${bytes.length}.`);
  }
  if (bytes[0] === 0x1f && bytes[1] === 0x8b) {
    throw fail("these bytes are gzipped. Unpack them first.");
  }
  if (bytes[0] !== 0 || bytes[1] !== 0) {
    throw fail(
      `a file starts with two zero bytes; this one with ${hex(bytes[0]!)} ${hex(bytes[1]!)}.`,
    );
  }
  const [, , code, ndim] = bytes as unknown as [number, number, number, number];
  const element = elements[code];
  if (element === undefined) {
    const name = unsupported[code];
    throw fail(
      `element type ${hex(code)}${name === undefined ? " is unknown" : ` (${name}) is not supported`}` +
        `. Supported: ${Object.entries(elements).map(([key, { dtype }]) => `${hex(Number(key))} ${dtype}`).join(", ")}.`, // prettier-ignore
    );
  }
  if (ndim === 0) throw fail("the file claims to have no dimensions; expected at least one.");
  const start = 4 + 4 * ndim;
  if (bytes.length < start) {
    throw fail(
      `${ndim} lengths end at byte ${start}, but the file has ${bytes.length}. It is cut off.`,
    );
  }
  const shape = Array.from({ length: ndim }, (_, axis) => view.getUint32(4 + 4 * axis));
  const count = shape.reduce((size, n) => size * n, 1);
  const wanted = count * element.bytes;
  if (wanted !== bytes.length - start) {
    throw fail(
      `${element.dtype} of shape [${shape.join(", ")}] takes ${wanted} bytes, but ` +
        `${bytes.length - start} follow the header. The file is cut off or damaged.`,
    );
  }
  const body = new DataView(bytes.buffer, bytes.byteOffset + start, wanted);
  return { data: element.read(body, count), shape, dtype: element.dtype };
}
