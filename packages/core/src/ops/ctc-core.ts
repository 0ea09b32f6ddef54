// Connectionist temporal classification: the recursions over alignments as routines, and the same in
// ops for gradients of gradients. The public loss is ctc-loss.ts.
import { apply } from "../apply.ts";
import { grad as gradients } from "../autograd/backward.ts";
import { customFunction } from "../autograd/function.ts";
import type { RoutineKernel } from "../compiler/kernel.ts";
import type { TypedArray } from "../dtype.ts";
import { IndexError } from "../errors.ts";
import { modes } from "../modes.ts";
import type { Description, OperandDescription, Operation } from "../operation.ts";
import type { Tensor } from "../tensor.ts";
import { add, eq, gt, logicalAnd, lt, minimum, mul, ne, neg, sub, where } from "./arithmetic.ts";
import { arange, full } from "./creation.ts";
import { cumsum } from "./cumulative.ts";
import { primitive } from "./define.ts";
import { gather, indexSelect } from "./indexing.ts";
import { concat, stack } from "./join.ts";
import { clamp } from "./masking.ts";
import { exp } from "./math.ts";
import { pad } from "./pad.ts";
import { sum } from "./reduction.ts";
import { logsumexp } from "./softmax.ts";
import { unbind } from "./split.ts";
import { expand, reshape, unsqueeze } from "./view.ts";

interface Attributes {
  readonly [name: string]: number | boolean;
  /** The class that stands for no label. */
  readonly blank: number;
  /** Sequences that cannot be aligned get no gradient. */
  readonly zeroInfinity: boolean;
}

const logAdd = (a: number, b: number): number => {
  const high = Math.max(a, b);
  return high === -Infinity ? high : high + Math.log(Math.exp(a - high) + Math.exp(b - high));
};

/** One sequence of a batch: its labels with blanks around each, and log probabilities by step. */
interface Sequence {
  /** Where it stands in the batch. */
  readonly position: number;
  readonly steps: number;
  /** `2 · labels + 1` classes. */
  readonly classes: readonly number[];
  readonly at: (step: number, label: number) => number;
}

function sequencesOf(
  inputs: readonly OperandDescription[],
  [logProbs, targets, inputLengths, targetLengths]: readonly TypedArray[],
  blank: number,
): Sequence[] {
  const [steps, batch, classes] = inputs[0]!.shape as [number, number, number];
  const isPadded = inputs[1]!.shape.length === 2;
  const stride = inputs[1]!.shape.at(-1)!;
  let next = 0;
  return Array.from({ length: batch }, (_, position) => {
    const [own, count] = [Number(inputLengths![position]), Number(targetLengths![position])];
    const room = isPadded ? stride : stride - next;
    if (own < 0 || own > steps || count < 0 || count > room) {
      throw new IndexError(
        `sequence ${position} has ${own} steps and ${count} labels, but there are ${steps} steps and ` +
          `${room} labels. Check inputLengths and targetLengths.`,
      );
    }
    const start = isPadded ? position * stride : next;
    next += count;
    const labels = Array.from({ length: 2 * count + 1 }, (_unused, i) => {
      if (i % 2 === 0) return blank;
      const label = Number(targets![start + (i - 1) / 2]);
      if (label >= 0 && label < classes) return label;
      throw new IndexError(
        `label ${label} of sequence ${position} is out of range for ${classes} classes. Expected ` +
          `0 … ${classes - 1}.`,
      );
    });
    const at = (step: number, label: number) =>
      Number(logProbs![(step * batch + position) * classes + label]);
    return { position, steps: own, classes: labels, at };
  });
}

/**
 * `[steps, labels]`: log probability of all ways to stand at a label at a step, from the front, or
 * (backwards) of all ways to go on from there; the step itself counts.
 */
function ways({ steps, classes, at }: Sequence, isBackward: boolean): Float64Array {
  const count = classes.length;
  const result = new Float64Array(steps * count).fill(-Infinity);
  for (let i = 0; i < steps; i++) {
    const step = isBackward ? steps - 1 - i : i;
    const from = (isBackward ? step + 1 : step - 1) * count;
    for (let j = 0; j < count; j++) {
      const label = isBackward ? count - 1 - j : j;
      const [one, two] = isBackward ? [label + 1, label + 2] : [label - 1, label - 2];
      let before = -Infinity;
      if (i === 0) before = j < 2 ? 0 : -Infinity;
      else {
        before = result[from + label]!;
        if (j > 0) before = logAdd(before, result[from + one]!);
        // Blanks are left out between different labels only.
        if (j > 1 && label % 2 === 1 && classes[label] !== classes[two]) {
          before = logAdd(before, result[from + two]!);
        }
      }
      result[step * count + label] = before + at(step, classes[label]!);
    }
  }
  return result;
}

/** Minus the log probability of all alignments. */
function lossOf({ steps, classes }: Sequence, front: Float64Array): number {
  const count = classes.length;
  if (steps === 0) return count === 1 ? 0 : Infinity;
  const end = steps * count - 1;
  return -(count === 1 ? front[end]! : logAdd(front[end]!, front[end - 1]!));
}

function routine(
  name: string,
  inputs: readonly OperandDescription[],
  outputs: readonly Description[],
  run: RoutineKernel["run"],
): RoutineKernel {
  return { kind: "routine", name, inputs, outputs, run };
}

/** Operands log probabilities `[steps, batch, classes]`, targets, both lengths `[batch]`. */
const lossOperation: Operation<Attributes> = /* @__PURE__ */ primitive({
  name: "ctcLoss",
  infer: ([x]) => [{ shape: [x!.shape[1]!], dtype: x!.dtype }],
  lower: (inputs, { blank }, outputs) =>
    routine("ctcLoss", inputs, outputs, (from, [losses]) => {
      for (const sequence of sequencesOf(inputs, from, blank)) {
        losses![sequence.position] = lossOf(sequence, ways(sequence, false));
      }
    }),
});

/** The same operands, and gradients of the losses `[batch]`. */
const gradientOperation: Operation<Attributes> = /* @__PURE__ */ primitive({
  name: "ctcLossGradient",
  infer: ([x]) => [{ shape: x!.shape, dtype: x!.dtype }],
  lower: (inputs, { blank, zeroInfinity }, outputs) =>
    routine("ctcLossGradient", inputs, outputs, (from, [result]) => {
      const [, batch, classes] = inputs[0]!.shape as [number, number, number];
      result!.fill(0 as never);
      for (const sequence of sequencesOf(inputs, from, blank)) {
        const [front, back] = [ways(sequence, false), ways(sequence, true)];
        const loss = lossOf(sequence, front);
        if (zeroInfinity && loss === Infinity) continue;
        const upstream = Number(from[4]![sequence.position]);
        for (let step = 0; step < sequence.steps; step++) {
          const row = (step * batch + sequence.position) * classes;
          for (let label = 0; label < classes; label++) {
            result![row + label] = Math.exp(sequence.at(step, label)) * upstream;
          }
          sequence.classes.forEach((label, i) => {
            const at = step * sequence.classes.length + i;
            const share = Math.exp(front[at]! + back[at]! + loss - sequence.at(step, label));
            result![row + label] = Number(result![row + label]) - share * upstream;
          });
        }
      }
    }),
});

/** Stands for -∞, whose gradients are not numbers. */
const impossible = -1e30;

/** The losses in ops on tensors, with gradients of every order. */
function lossInOps(
  logProbs: Tensor,
  labels: readonly [Tensor, Tensor, Tensor],
  blank: number,
): Tensor {
  const [targets, inputLengths, targetLengths] = labels;
  const [steps, batch] = logProbs.shape as [number, number];
  const { device } = logProbs;
  const numbers = (n: number) => arange(n, undefined, { dtype: "int32", device });
  const count = targets.shape.at(-1)!;
  let padded = targets;
  if (targets.ndim === 1) {
    const starts = unsqueeze(sub(cumsum(targetLengths, 0), targetLengths), 1);
    const places = minimum(add(starts, numbers(count)), count - 1);
    padded = reshape(indexSelect(targets, 0, reshape(places, [-1])), [batch, count]);
  }
  const blanks = (n: number) => full([batch, n], blank, { dtype: "int32", device });
  const pairs = reshape(stack([blanks(count), padded], 2), [batch, 2 * count]);
  const classes = concat([pairs, blanks(1)], 1); // [batch, 2 · count + 1]
  const size = 2 * count + 1;
  const skips = logicalAnd(
    ne(classes, blank),
    ne(classes, pad(classes, [2, -2], { value: blank })),
  );
  const index = expand(unsqueeze(classes, 0), [steps, batch, size]);
  const rows = unbind(gather(logProbs, 2, index));
  let front = where(lt(numbers(size), 2), rows[0]!, impossible);
  for (let step = 1; step < steps; step++) {
    const shifted = pad(front, [1, -1], { value: impossible });
    const skipped = where(skips, pad(front, [2, -2], { value: impossible }), impossible);
    const next = add(logsumexp(stack([front, shifted, skipped]), 0), rows[step]!);
    front = where(gt(unsqueeze(inputLengths, 1), step), next, front);
  }
  const end = unsqueeze(mul(targetLengths, 2), 1);
  const last = gather(front, 1, end);
  const before = gather(front, 1, clamp(sub(end, 1), { min: 0 }));
  const ends = concat([last, where(eq(end, 0), impossible, before)], 1);
  return neg(logsumexp(ends, 1));
}

/**
 * Losses of a batch `[batch]`: log probabilities `[steps, batch, classes]`, targets `[batch, labels]` or one
 * after another, int32 lengths `[batch]`. As PyTorch's, the gradient is that of the logits before a
 * log-softmax, which a log-softmax passes on unchanged.
 */
export const ctcLosses = /* @__PURE__ */ customFunction({
  name: "ctcLoss",
  forward: (
    logProbs: Tensor,
    targets: Tensor,
    inputLengths: Tensor,
    targetLengths: Tensor,
    attributes: { readonly blank: number; readonly zeroInfinity: boolean },
  ) => ({
    result: apply(lossOperation, [logProbs, targets, inputLengths, targetLengths], {
      ...attributes,
    })[0]!,
    saved: { logProbs, targets, inputLengths, targetLengths, attributes },
  }),
  backward: ({ logProbs, targets, inputLengths, targetLengths, attributes }, grad) => {
    const nothing = [undefined, undefined, undefined, undefined];
    if (!modes.gradient) {
      const operands = [logProbs, targets, inputLengths, targetLengths, grad];
      return [apply(gradientOperation, operands, { ...attributes })[0]!, ...nothing];
    }
    const losses = lossInOps(logProbs, [targets, inputLengths, targetLengths], attributes.blank);
    const upstream = attributes.zeroInfinity ? where(gt(losses, -impossible / 2), 0, grad) : grad;
    const [own] = gradients(losses, [logProbs], { gradOutputs: upstream, createGraph: true });
    return [sub(own!, mul(exp(logProbs), sum(own!, 2, { keepDims: true }))), ...nothing];
  },
});
