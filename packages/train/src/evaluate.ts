// evaluate and predict: forward passes only, in evaluation mode, without gradients.
import {
  FlambeauError,
  type Tensor,
  type TypedArray,
  isTensor,
  noGrad,
  scope,
  settle,
  tensor,
} from "@flambeau/core";
import { breathe } from "@flambeau/data";
import type { Logs } from "./history.ts";
import { type Metric, addMeasured } from "./metric.ts";
import { type Batches, type LossFunction, type Model, switchMode } from "./model.ts";
import { RunningMean } from "./running-mean.ts";

export interface EvaluateOptions {
  readonly loss?: LossFunction;
  readonly metrics?: readonly Metric[];
  /** Aborting it ends the evaluation after the running batch; the means are of what was seen. */
  readonly signal?: AbortSignal;
}

/** Means of loss and metrics over all samples. Keras's `model.evaluate`. */
export async function evaluate(
  model: Model,
  data: Batches,
  { loss, metrics = [], signal }: EvaluateOptions,
): Promise<Logs> {
  const measures: Metric[] = loss === undefined ? [] : [{ name: "loss", measure: loss }];
  measures.push(...metrics);
  const means = measures.map(() => new RunningMean());
  const restoreMode = switchMode(model, false);
  try {
    for await (const [input, target] of data) {
      const measured = scope(() =>
        noGrad(() => {
          const output = model(input);
          return measures.map(({ measure }) => measure(output, target).detach());
        }),
      );
      for (const [i, mean] of means.entries()) {
        await addMeasured(mean, measured[i]!, target);
        measured[i]!.dispose();
      }
      if (signal?.aborted) break;
      await settle();
      await breathe();
    }
  } finally {
    restoreMode();
  }
  const logs: Logs = {};
  for (const [i, mean] of means.entries()) logs[measures[i]!.name] = await mean.result();
  return logs;
}

type Inputs =
  | AsyncIterable<Tensor | readonly [Tensor, ...unknown[]]>
  | Iterable<Tensor | readonly [Tensor, ...unknown[]]>;

interface Part {
  readonly data: TypedArray;
  readonly rows: number;
}

/**
 * The model's outputs for all batches, joined along the first axis. Batches may be inputs, or pairs
 * whose targets are ignored. Keras's `model.predict`.
 */
export async function predict(model: Model, data: Inputs): Promise<Tensor> {
  const parts: Part[] = [];
  let last: Tensor | undefined;
  const restoreMode = switchMode(model, false);
  try {
    for await (const batch of data) {
      const input = isTensor(batch) ? batch : batch[0];
      const output = scope(() => noGrad(() => model(input).detach()));
      if (output.ndim === 0) {
        throw new FlambeauError(
          "predict: the model gave a 0-d tensor; expected one row per sample.",
        );
      }
      parts.push({ data: await output.data(), rows: output.shape[0]! });
      output.dispose();
      last = output;
      await settle();
      await breathe();
    }
  } finally {
    restoreMode();
  }
  if (last === undefined) throw new FlambeauError("predict: there are no batches.");
  return join(parts, last);
}

/** Joins outputs that have the dtype, device and row shape of `like`. */
function join(parts: readonly Part[], like: Tensor): Tensor {
  const length = parts.reduce((sum, { data }) => sum + data.length, 0);
  const rows = parts.reduce((sum, part) => sum + part.rows, 0);
  const joined = new (parts[0]!.data.constructor as new (length: number) => TypedArray)(length);
  let at = 0;
  for (const { data } of parts) {
    joined.set(data as never, at);
    at += data.length;
  }
  const { dtype, device, shape } = like;
  return tensor(joined, { dtype, device, shape: [rows, ...shape.slice(1)] });
}
