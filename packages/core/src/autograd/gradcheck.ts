// gradcheck: compares what backward says with what moving each input a little says. For tests of
// gradients, one's own and ours. Runs on any synchronous device. The walk itself is backward.ts.
import { AutogradError, showShape } from "../errors.ts";
import { isComplex, isFloat } from "../dtype.ts";
import { viewAsReal } from "../ops/complex.ts";
import { fromTypedArray, trackGradient, zerosLike } from "../ops/creation.ts";
import { scope } from "../scope.ts";
import type { Shape } from "../shape.ts";
import { type Tensor, isTensor } from "../tensor.ts";
import { grad } from "./backward.ts";

export interface GradcheckOptions {
  /** How far an input moves to each side, times `max(1, |x|)`. Default 1e-6. */
  readonly eps?: number;
  /** Accepted difference, absolute. Default 1e-5. */
  readonly atol?: number;
  /** Accepted difference, relative to the numeric derivative. Default 1e-3. */
  readonly rtol?: number;
  /** `false` returns false where a gradient is wrong instead of throwing. Default true. */
  readonly raise?: boolean;
  /** Chooses the random projection of the outputs. Default 0. */
  readonly seed?: number;
}

/** A function under check: tensors in; a tensor, an array or a plain object of tensors out. */
export type Checked = (...inputs: Tensor[]) => unknown;

interface Settings extends Required<GradcheckOptions> {
  readonly name: string;
}

const defaults = { eps: 1e-6, atol: 1e-5, rtol: 1e-3, raise: true, seed: 0 };

/**
 * Whether the gradients of `fn` at `inputs` agree with central differences, for every element of
 * every input that requires gradients; these must be float64. Outputs are folded with one random
 * projection. Throws an error naming the first wrong element. `torch.autograd.gradcheck`.
 */
export function gradcheck(
  fn: Checked,
  inputs: readonly Tensor[],
  options: GradcheckOptions = {},
): boolean {
  return check(fn, inputs, { ...defaults, ...options, name: "gradcheck" });
}

/**
 * As `gradcheck`, for gradients of gradients: checks `grad` of `fn` with respect to the inputs and
 * to the gradients of the outputs. `torch.autograd.gradgradcheck`.
 */
export function gradgradcheck(
  fn: Checked,
  inputs: readonly Tensor[],
  options: GradcheckOptions = {},
): boolean {
  const settings = { ...defaults, ...options, name: "gradgradcheck" };
  requireInputs(settings.name, inputs);
  const next = randomNumbers(settings.seed + 1);
  const seeds = scope(() =>
    outputsOf(fn(...inputs))
      .filter((output) => output.requiresGrad)
      .map((output) => trackGradient(randomLike(output, next))),
  );
  if (seeds.length === 0) return true;
  const firstOrder: Checked = (...operands) => {
    const sources = operands.slice(0, inputs.length);
    const outputs = outputsOf(fn(...sources)).filter((output) => output.requiresGrad);
    const wanted = sources.filter((source) => source.requiresGrad);
    const gradOutputs = operands.slice(inputs.length);
    const grads = grad(outputs, wanted, { gradOutputs, createGraph: true, allowUnused: true });
    return grads.filter((one) => one !== undefined);
  };
  return check(firstOrder, [...inputs, ...seeds], settings);
}

function check(fn: Checked, inputs: readonly Tensor[], settings: Settings): boolean {
  requireInputs(settings.name, inputs);
  const problem = scope(() => {
    const next = randomNumbers(settings.seed);
    const sources = inputs.map((input) => (input.requiresGrad ? leafOf(input) : input));
    const outputs = outputsOf(fn(...sources));
    if (outputs.length === 0) {
      throw new AutogradError(
        `${settings.name}: the function returned no float tensor. Expected a tensor, or an array ` +
          `or plain object of tensors.`,
      );
    }
    const projection = outputs.map((output) => randomLike(output, next));
    const weights = projection.map((one) => one.dataSync() as Float64Array);
    const unsteady = outputs.findIndex(
      (output, i) => !sameNumbers(output, outputsOf(fn(...sources))[i]),
    );
    if (unsteady >= 0) {
      return (
        `output ${unsteady} differs between two calls with the same inputs. The function must be ` +
        `deterministic: fix the seed of its random numbers.`
      );
    }
    const analytic = analyticGradients(outputs, sources, projection);
    for (let at = 0; at < sources.length; at++) {
      if (!sources[at]!.requiresGrad) continue;
      const problem = compareElements(fn, sources, at, analytic[at]!, weights, settings);
      if (problem !== undefined) return problem;
    }
    return undefined;
  });
  if (problem === undefined) return true;
  if (!settings.raise) return false;
  throw new AutogradError(`${settings.name}: ${problem}`);
}

function requireInputs(name: string, inputs: readonly Tensor[]): void {
  inputs.forEach((input, i) => {
    if (!input.requiresGrad || input.dtype === "float64") return;
    throw new AutogradError(
      `${name}: input ${i} is ${input.dtype}; central differences need float64. Create it with ` +
        `{ dtype: "float64", requiresGrad: true }.`,
    );
  });
  if (inputs.some((input) => input.requiresGrad)) return;
  throw new AutogradError(
    `${name}: no input requires gradients, so there is nothing to check. Create one with ` +
      `{ dtype: "float64", requiresGrad: true }.`,
  );
}

/** The float tensors in a result, in order; of complex ones the parts. */
function outputsOf(value: unknown): Tensor[] {
  if (isTensor(value) && isComplex(value.dtype)) return [viewAsReal(value)];
  if (isTensor(value)) return isFloat(value.dtype) ? [value] : [];
  if (typeof value !== "object" || value === null) return [];
  return Object.values(value).flatMap(outputsOf);
}

/** The same elements, with the same strides, as a leaf of its own. */
function leafOf(x: Tensor): Tensor {
  const leaf = x.alias();
  leaf.node = undefined;
  leaf.outputIndex = 0;
  return trackGradient(leaf);
}

const leafFrom = (data: Float64Array, like: Tensor): Tensor =>
  trackGradient(fromTypedArray(data, like.shape, "float64", like.device));

/** Numbers in [0, 1) that depend on the seed alone: projections need no better source. */
function randomNumbers(seed: number): () => number {
  let state = (seed * 2654435769 + 12345) | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let word = Math.imul(state ^ (state >>> 15), 1 | state);
    word = (word + Math.imul(word ^ (word >>> 7), 61 | word)) ^ word;
    return ((word ^ (word >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Values in ±[0.5, 1.5), so that no output is projected away. */
function randomLike(x: Tensor, next: () => number): Tensor {
  const data = Float64Array.from({ length: x.size }, () => {
    const size = 0.5 + next();
    return next() < 0.5 ? -size : size;
  });
  const projection = fromTypedArray(data, x.shape, "float64", x.device);
  return x.dtype === "float64" ? projection : projection.cast(x.dtype);
}

function sameNumbers(a: Tensor, b: Tensor | undefined): boolean {
  if (b === undefined || a.size !== b.size) return false;
  const [x, y] = [a.dataSync(), b.dataSync()];
  return x.every((value: number | bigint, i: number) => Object.is(value, y[i]));
}

/** Gradients by backward; zeros where an input does not reach the outputs. */
function analyticGradients(
  outputs: readonly Tensor[],
  sources: readonly Tensor[],
  projection: readonly Tensor[],
): Float64Array[] {
  const reached = outputs.flatMap((output, i) => (output.requiresGrad ? [i] : []));
  const wanted = sources.filter((source) => source.requiresGrad);
  const grads =
    reached.length === 0
      ? []
      : grad(
          reached.map((i) => outputs[i]!),
          wanted,
          { gradOutputs: reached.map((i) => projection[i]!), allowUnused: true },
        );
  let next = 0;
  return sources.map((source) => {
    const found = source.requiresGrad ? grads[next++] : undefined;
    return (found ?? zerosLike(source)).dataSync() as Float64Array;
  });
}

function compareElements(
  fn: Checked,
  sources: readonly Tensor[],
  at: number,
  analytic: Float64Array,
  weights: readonly Float64Array[],
  { eps, atol, rtol }: Settings,
): string | undefined {
  const source = sources[at]!;
  const values = source.dataSync() as Float64Array;
  const valuesAt = (element: number, value: number): Float64Array[] =>
    scope(() => {
      const moved = leafFrom(values.with(element, value), source);
      return outputsOf(fn(...sources.map((other, i) => (i === at ? moved : other)))).map((output) =>
        Float64Array.from(output.dataSync() as Float64Array),
      );
    });
  for (let element = 0; element < values.length; element++) {
    const x = values[element]!;
    const step = eps * Math.max(1, Math.abs(x));
    const [above, below] = [x + step, x - step];
    const { difference, rounding } = projected(valuesAt(element, above), valuesAt(element, below), weights); // prettier-ignore
    const numeric = difference / (above - below);
    const expected = analytic[element]!;
    const accepted = atol + rtol * Math.abs(numeric) + rounding / (above - below);
    if (Math.abs(numeric - expected) <= accepted) continue;
    return (
      `input ${at} at ${showShape(positionOf(element, source.shape))} (value ${x}): the numeric ` +
      `derivative is ${numeric}, the analytic one ${expected}. Accepted difference: ${atol} + ` +
      `${rtol} · |numeric|. The gradient is wrong, or the function is not smooth there.`
    );
  }
  return undefined;
}

/**
 * Σ weight · (above - below): subtracted before summed, so that large outputs do not drown small.
 * `rounding` is what the last bits of the outputs may contribute to it.
 */
function projected(
  above: readonly Float64Array[],
  below: readonly Float64Array[],
  weights: readonly Float64Array[],
): { readonly difference: number; readonly rounding: number } {
  let difference = 0;
  let rounding = 0;
  weights.forEach((weight, output) => {
    for (let i = 0; i < weight.length; i++) {
      const [a, b] = [above[output]![i]!, below[output]![i]!];
      if (Number.isFinite(a)) rounding += Math.abs(weight[i]! * a) * 4 * Number.EPSILON;
      // Unchanged outputs count as 0, also where both are infinite.
      if (a !== b) difference += weight[i]! * (a - b);
    }
  });
  return { difference, rounding };
}

/** Indices along each axis of a row-major position. */
function positionOf(element: number, shape: Shape): number[] {
  const position: number[] = [];
  let rest = element;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    position.unshift(rest % shape[axis]!);
    rest = Math.floor(rest / shape[axis]!);
  }
  return position;
}
