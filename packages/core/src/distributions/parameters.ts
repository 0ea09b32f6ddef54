// Parameters of distributions: numbers and tensors brought to one dtype and shape, probabilities and
// their logits.
import { type DType, isFloat, promoteTypes } from "../dtype.ts";
import { DTypeError, FlambeauError, ShapeError, showShape } from "../errors.ts";
import { add, gt, mul, neg, sub, where } from "../ops/arithmetic.ts";
import { sigmoid, softplus } from "../ops/activation.ts";
import { cast } from "../ops/cast.ts";
import { full } from "../ops/creation.ts";
import { log, log1p } from "../ops/math.ts";
import { clamp } from "../ops/masking.ts";
import { expand } from "../ops/view.ts";
import { type Shape, broadcastShapes } from "../shape.ts";
import { type Tensor, isTensor } from "../tensor.ts";

/** What constructors accept where a parameter stands. */
export type Value = Tensor | number;

/** Values as tensors of one float dtype and shape; numbers alone become float32. */
export function aligned<K extends string>(
  name: string,
  values: { readonly [P in K]: Value },
): { readonly [P in K]: Tensor } {
  const entries = Object.entries(values) as [K, Value][];
  const tensors = entries.map(([, value]) => value).filter(isTensor);
  const dtype = floatOf(tensors);
  const device = tensors[0]?.device;
  for (const [key, value] of entries) {
    if (isTensor(value) || typeof value === "number") continue;
    throw new DTypeError(`${name}: expected ${key} as a tensor or a number, got ${String(value)}.`);
  }
  const shape = broadcastShapes(name, ...tensors.map((x) => x.shape));
  return Object.fromEntries(
    entries.map(([key, value]) => [
      key,
      isTensor(value)
        ? expand(cast(value, dtype), shape)
        : full(shape, value, { dtype, ...(device && { device }) }),
    ]),
  ) as { readonly [P in K]: Tensor };
}

function floatOf(tensors: readonly Tensor[]): DType {
  let dtype: DType | undefined;
  for (const x of tensors) {
    if (isFloat(x.dtype)) dtype = dtype === undefined ? x.dtype : promoteTypes(dtype, x.dtype);
  }
  return dtype ?? "float32";
}

/** A tensor of events whose last axes are the event: `[…batch, …event]` → the batch. */
export function batchOf(name: string, x: Tensor, eventNdim: number): Shape {
  if (x.ndim >= eventNdim) return x.shape.slice(0, x.ndim - eventNdim);
  throw new ShapeError(
    `${name}: expected at least ${eventNdim} axes, got shape ${showShape(x.shape)}. The last ` +
      `${eventNdim === 1 ? "axis holds one event" : `${eventNdim} axes hold one event`}.`,
  );
}

/** Expands the batch of a parameter. */
export const expandBatch = (x: Tensor, batch: Shape, eventNdim = 0): Tensor =>
  expand(x, [...batch, ...x.shape.slice(x.ndim - eventNdim)]);

/** Probabilities or their logarithms: exactly one is given. */
export interface Odds {
  readonly probs?: Value | undefined;
  readonly logits?: Value | undefined;
}

/** Which of the two was given; throws unless it is one. */
export function givenOdds(name: string, { probs, logits }: Odds): "probs" | "logits" {
  if ((probs === undefined) !== (logits === undefined)) {
    return probs === undefined ? "logits" : "probs";
  }
  throw new FlambeauError(
    `${name}: expected either probs or logits, got ${probs === undefined ? "neither" : "both"}. ` +
      `Pass { probs: … } or { logits: … }.`,
  );
}

/** The distance of probabilities from 0 and 1 that keeps logarithms finite. */
export const margin = (dtype: DType): number => (dtype === "float64" ? 2 ** -52 : 2 ** -23);

/** The smallest normal number: what keeps logarithms of samples finite. */
export const tiny = (dtype: DType): number => (dtype === "float64" ? 2 ** -1022 : 2 ** -126);

/** `log(p / (1 - p))`, finite. */
export function logitsOf(probs: Tensor): Tensor {
  const eps = margin(probs.dtype);
  const inside = clamp(probs, { min: eps, max: 1 - eps });
  return sub(log(inside), log1p(neg(inside)));
}

export const probsOf = (logits: Tensor): Tensor => sigmoid(logits);

/** `value · logits - log(1 + e^logits)`: the log-probability of 0 or 1, or a mix of both. */
export const bernoulliLogProb = (logits: Tensor, value: Tensor): Tensor =>
  sub(mul(value, logits), softplusOf(logits));

/** `log(1 + eˣ)`, without the threshold of `softplus`. */
export const softplusOf = (x: Tensor): Tensor => softplus(x, { threshold: Infinity });

/** `x` where the condition holds, else a number. */
export const orElse = (condition: Tensor, x: Tensor, other: number): Tensor =>
  where(condition, x, other);

/** A value for each way two limits lie: `x` where `a > limit`. */
export const above = (a: Tensor, limit: number, x: Tensor, other: number): Tensor =>
  orElse(gt(a, limit), x, other);

/** `x` moved and scaled. */
export const placed = (x: Tensor, loc: Tensor, scale: Tensor): Tensor => add(mul(x, scale), loc);
