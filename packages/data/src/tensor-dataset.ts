// Arrays and tensors as a data set: row i of each makes sample i. The rows lie in ordinary memory;
// a batch is one copy per row and one upload per array.
import { ShapeError, type Tensor, type TypedArray, isTensor } from "@flambeau/core";
import { type BatchOptions, type Dataset, requireIndex } from "./dataset.ts";
import {
  type HostArray, gatherRows, hostArray, isTypedArray, rowSize, upload,
} from "./host-array.ts"; // prettier-ignore

/** A tensor, a typed array of one number per sample, or a typed array with its shape. */
export type ArraySource =
  | Tensor
  | TypedArray
  | { readonly data: TypedArray; readonly shape: readonly number[] };

type Rows<Sources extends readonly ArraySource[]> = { -readonly [Key in keyof Sources]: Tensor };

function toHost(source: ArraySource): HostArray {
  if (isTypedArray(source)) return hostArray(source);
  if (!isTensor(source)) return hostArray(source.data, source.shape);
  if (source.ndim === 0) {
    throw new ShapeError(
      "TensorDataset: a 0-d tensor has no rows. Give it a first axis of samples.",
    );
  }
  return { data: source.dataSync(), shape: source.shape, dtype: source.dtype };
}

/** Samples are the rows of equally long tensors or typed arrays. */
export class TensorDataset<const Sources extends readonly ArraySource[]> implements Dataset<
  Rows<Sources>,
  Rows<Sources>
> {
  readonly length: number;
  readonly arrays: readonly HostArray[];

  constructor(...sources: Sources) {
    this.arrays = sources.map(toHost);
    this.length = this.arrays[0]?.shape[0] ?? 0;
    if (this.arrays.some(({ shape }) => shape[0] !== this.length)) {
      const shapes = this.arrays.map(({ shape }) => `[${shape.join(", ")}]`).join(", ");
      throw new ShapeError(
        `TensorDataset: the first axes count samples and must be equal, got shapes ${shapes}.`,
      );
    }
  }

  at(index: number, options: BatchOptions = {}): Rows<Sources> {
    requireIndex("TensorDataset", index, this.length);
    return this.arrays.map((array) => {
      const size = rowSize(array);
      const data = array.data.slice(index * size, (index + 1) * size);
      return upload({ data, shape: array.shape.slice(1), dtype: array.dtype }, options.device);
    }) as Rows<Sources>;
  }

  batch(indices: ArrayLike<number>, options: BatchOptions = {}): Rows<Sources> {
    for (let i = 0; i < indices.length; i++) {
      requireIndex("TensorDataset", indices[i]!, this.length);
    }
    return this.arrays.map((array) =>
      upload(gatherRows(array, indices), options.device),
    ) as Rows<Sources>;
  }
}
