// What came back from a buffer, in row-major order, as the typed array of its dtype.
import { type DType, type TypedArray, arrayType, byteSize, isHalf, wordDType, wordsOf } from "../dtype.ts"; // prettier-ignore
import { decodeHalf } from "../scalar/half.ts";
import type { Layout } from "../shape.ts";

/** Smallest offset that a layout reaches from its first element. */
export const lowestOffset = ({ shape, strides }: Layout): number =>
  strides.reduce((sum, stride, axis) => sum + Math.min(0, stride * (shape[axis]! - 1)), 0);

export const highestOffset = ({ shape, strides }: Layout): number =>
  strides.reduce((sum, stride, axis) => sum + Math.max(0, stride * (shape[axis]! - 1)), 0);

/** The words of a layout's elements; `bytes` starts at its lowest offset. */
export function arrangeWords(bytes: Uint8Array, dtype: DType, layout: Layout): TypedArray {
  const ArrayType = arrayType(isHalf(dtype) ? wordDType(dtype) : dtype);
  const words = wordsOf(dtype);
  const raw = new ArrayType(
    bytes.buffer,
    bytes.byteOffset,
    (bytes.byteLength / byteSize(dtype)) * words,
  );
  if (layout.isContiguous) return raw;
  const { shape, strides } = layout;
  const result = new ArrayType(layout.size * words);
  const index = new Array<number>(shape.length).fill(0);
  for (let at = 0, from = -lowestOffset(layout); at < result.length; at += words) {
    for (let word = 0; word < words; word++) result[at + word] = raw[from * words + word]!;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      from += strides[axis]!;
      if (++index[axis]! < shape[axis]!) break;
      from -= strides[axis]! * shape[axis]!;
      index[axis] = 0;
    }
  }
  return result;
}

/** Words as what `data()` gives. */
export const decodeWords = (words: TypedArray, dtype: DType): TypedArray =>
  isHalf(dtype)
    ? Float32Array.from(words as Uint16Array, (word) => decodeHalf(word, dtype))
    : words;
