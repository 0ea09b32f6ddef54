// Data sets and loaders: what training reads. The training loop is in packages/train.
export {
  type BatchOptions, type Collated, type Dataset, Subset, TransformedDataset, randomSplit,
} from "./dataset.ts"; // prettier-ignore
export { type HostArray } from "./host-array.ts";
export { type ArraySource, TensorDataset } from "./tensor-dataset.ts";
export { type Collate, type LoaderOptions, type LoaderState, DataLoader } from "./loader.ts";
export { collate } from "./collate.ts";
export { breathe } from "./event-loop.ts";
export { shuffledOrder } from "./order.ts";
export { readIdx } from "./idx.ts";
export { type MnistOptions, mnist } from "./mnist.ts";
