// The loss of sequences whose alignment with the input is unknown. The recursions are in ctc-core.ts.
import { isInteger } from "../dtype.ts";
import { DTypeError, FlambeauError, ShapeError, showShape } from "../errors.ts";
import { type Tensor, isTensor } from "../tensor.ts";
import { div, eq, where } from "./arithmetic.ts";
import { cast } from "./cast.ts";
import { full, tensor } from "./creation.ts";
import { ctcLosses } from "./ctc-core.ts";
import { type Op, composite } from "./define.ts";
import { type LossOptions, reduceLoss, requireFloatInput } from "./loss.ts";
import { clamp } from "./masking.ts";
import { reshape, unsqueeze } from "./view.ts";

/** One integer for each sequence of a batch. */
export type Lengths = Tensor | readonly number[];

export interface CtcLengths {
  /** Steps of each sequence. Default: all. */
  readonly inputLengths?: Lengths;
  /** Labels of each sequence. Default for targets `[batch, labels]`: all. */
  readonly targetLengths?: Lengths;
}

export interface CtcOptions extends LossOptions, CtcLengths {
  /** The class that stands for no label. Default 0. */
  readonly blank?: number;
  /** Sequences that cannot be aligned, being too short, count 0 in place of infinity. Default false. */
  readonly zeroInfinity?: boolean;
}

function lengthsOf(
  option: string,
  given: Lengths | undefined,
  { batch, all, like }: { readonly batch: number; readonly all: number; readonly like: Tensor },
): Tensor {
  const place = { dtype: "int32", device: like.device } as const;
  if (given === undefined) return full([batch], all, place);
  if (isTensor(given) && !isInteger(given.dtype)) {
    throw new DTypeError(`ctcLoss: ${option} are integers, got ${given.dtype}.`);
  }
  const lengths = isTensor(given) ? cast(given, "int32") : tensor([...given], place);
  const list = lengths.ndim === 0 ? reshape(lengths, [1]) : lengths;
  if (list.ndim === 1 && list.shape[0] === batch) return list;
  throw new ShapeError(
    `ctcLoss: expected ${option} for a batch of ${batch}, got shape ${showShape(lengths.shape)}.`,
  );
}

/**
 * Minus the log probability of the targets over all alignments: `logProbs` `[steps, batch, classes]` from a
 * log-softmax, targets `[batch, labels]` or all labels one after another; without a batch `[steps, classes]`
 * and `[labels]`. The mean divides each loss by its number of labels. The gradient is that of the
 * logits before the log-softmax, as PyTorch's. Graves et al., 2006.
 */
export const ctcLoss: Op<(logProbs: Tensor, targets: Tensor, options?: CtcOptions) => Tensor> =
  /* @__PURE__ */ composite(
    "ctcLoss",
    (logProbs: Tensor, targets: Tensor, options: CtcOptions = {}): Tensor => {
      requireFloatInput("ctcLoss", logProbs);
      const { blank = 0, zeroInfinity = false, reduction = "mean" } = options;
      const isBatch = logProbs.ndim === 3;
      const ranks = isBatch ? [1, 2] : [1];
      if (!isInteger(targets.dtype) || (logProbs.ndim !== 2 && !isBatch) || !ranks.includes(targets.ndim)) {
        throw new ShapeError(
          `ctcLoss: expected log probabilities [steps, batch, classes] and integer targets [batch, labels] ` +
            `or [all labels], or [steps, classes] and [labels], got ${showShape(logProbs.shape)} and ` +
            `${targets.dtype} ${showShape(targets.shape)}.`,
        );
      }
      const x = isBatch ? logProbs : unsqueeze(logProbs, 1);
      const labels = cast(isBatch ? targets : unsqueeze(targets, 0), "int32");
      const [steps, batch, classes] = x.shape as [number, number, number];
      if (!Number.isInteger(blank) || blank < 0 || blank >= classes) {
        throw new FlambeauError(`ctcLoss: blank is one of the ${classes} classes, got ${blank}.`);
      }
      if (labels.ndim === 1 && options.targetLengths === undefined) {
        throw new FlambeauError("ctcLoss: targets one after another need targetLengths.");
      }
      const inputLengths = lengthsOf("inputLengths", options.inputLengths, { batch, all: steps, like: x });
      const all = labels.shape.at(-1)!;
      const targetLengths = lengthsOf("targetLengths", options.targetLengths, { batch, all, like: x });
      const losses = ctcLosses(x, labels, inputLengths, targetLengths, { blank, zeroInfinity });
      const finite = zeroInfinity ? where(eq(losses, Infinity), 0, losses) : losses;
      const counts = clamp(targetLengths, { min: 1 });
      const each = reduction === "mean" ? div(finite, cast(counts, x.dtype)) : finite;
      return reduceLoss("ctcLoss", isBatch ? each : reshape(each, []), reduction);
    },
    {
      samples: [
        (make) => [make([5, 2, 4], -3, -0.5), make.integers([2, 2], 1, 4)],
        (make) => [make([5, 2, 4], -3, -0.5), make.integers([3], 1, 4), { targetLengths: [1, 2], inputLengths: [5, 4], reduction: "sum" }],
        (make) => [make([2, 2, 3], -3, -0.5), make.integers([2, 3], 0, 2), { blank: 2, zeroInfinity: true, reduction: "none" }],
        (make) => [make([4, 3], -3, -0.5), make.integers([2], 1, 3), { targetLengths: [2] }],
      ],
      dtypes: ["float32", "float64"],
      skips: {
        gradient: "as PyTorch's, it is the gradient of the logits before a log-softmax (ctc-loss.test.ts)",
        extreme: "not log probabilities",
      },
    },
  ); // prettier-ignore
