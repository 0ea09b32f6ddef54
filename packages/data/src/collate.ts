// Samples to a batch, for data sets without a `batch` of their own. PyTorch's default_collate.
import {
  FlambeauError,
  ShapeError,
  type Tensor,
  type TypedArray,
  isTensor,
  scope,
  stack as stackAlong,
  tensor,
} from "@flambeau/core";
import type { BatchOptions, Collated } from "./dataset.ts";
import { dtypeOfArray, emptyLike, isTypedArray, upload } from "./host-array.ts";

/**
 * Stacks samples along a new first axis. Numbers become float32, bigints int64, booleans bool, typed
 * arrays and tensors what they are; strings a list; lists and plain objects are collated by position
 * and by key.
 */
export function collate<Sample>(
  samples: readonly Sample[],
  options: BatchOptions = {},
): Collated<Sample> {
  return stack(samples, options) as Collated<Sample>;
}

function stack(samples: readonly unknown[], options: BatchOptions): unknown {
  const [first] = samples;
  if (typeof first === "string") return [...samples];
  if (typeof first === "number" || typeof first === "bigint" || typeof first === "boolean") {
    const { device } = options;
    return tensor(samples as number[], { ...(device !== undefined && { device }) });
  }
  if (isTensor(first)) return stackTensors(samples as readonly Tensor[], options);
  if (isTypedArray(first)) {
    const rows = samples as readonly TypedArray[];
    return stackRows(rows, [first.length], dtypeOfArray(first), options);
  }
  if (Array.isArray(first)) {
    requireEqual("lists of one length", samples, (sample) => (sample as unknown[]).length);
    return first.map((_, i) =>
      stack(
        samples.map((sample) => (sample as unknown[])[i]),
        options,
      ),
    );
  }
  if (typeof first === "object" && first !== null) {
    const parts = Object.keys(first).map((key) => {
      const values = samples.map((sample) => (sample as Record<string, unknown>)[key]);
      return [key, stack(values, options)] as const;
    });
    return Object.fromEntries(parts);
  }
  throw new FlambeauError(
    `DataLoader: a sample is ${String(first)}, which does not stack. Expected numbers, typed ` +
      `arrays, tensors, or lists and objects of them; or give the loader a collate function.`,
  );
}

function requireEqual(
  expected: string,
  samples: readonly unknown[],
  measure: (sample: unknown) => number | string,
): void {
  const found = [...new Set(samples.map(measure))];
  if (found.length === 1) return;
  throw new ShapeError(
    `DataLoader: samples of one batch must be ${expected}, got ${found.slice(0, 4).join(" and ")}. ` +
      `Pad them in the data set, or give the loader a collate function.`,
  );
}

function stackTensors(samples: readonly Tensor[], { device }: BatchOptions): Tensor {
  requireEqual("tensors of one shape and dtype", samples, (sample) => {
    const { dtype, shape } = sample as Tensor;
    return `${dtype} [${shape.join(", ")}]`;
  });
  return scope(() => {
    const joined = stackAlong(samples);
    return device === undefined ? joined : joined.to(device);
  });
}

function stackRows(
  rows: readonly TypedArray[],
  shape: readonly number[],
  dtype: Tensor["dtype"],
  options: BatchOptions,
): Tensor {
  requireEqual("arrays of one length", rows, (row) => (row as TypedArray).length);
  const size = rows[0]!.length;
  const data = emptyLike(rows[0]!, rows.length * size);
  rows.forEach((row, i) => data.set(row as never, i * size));
  return upload({ data, shape: [rows.length, ...shape], dtype }, options.device);
}
