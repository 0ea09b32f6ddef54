// Window functions: weights that fade a stretch of a signal in and out.
import { FlambeauError } from "../../errors.ts";
import type { Tensor } from "../../tensor.ts";
import { type TensorOptions, tensor } from "../creation.ts";

export interface WindowOptions extends TensorOptions {
  /** For spectra (default): one period of a periodic function. `false`: symmetric, for filters. */
  readonly periodic?: boolean;
}

/** `at(u)` for `u` from 0 to 1, of which a periodic window leaves out the end. */
function windowOf(
  name: string,
  length: number,
  at: (u: number) => number,
  { periodic = true, dtype = "float32", ...options }: WindowOptions,
): Tensor {
  if (!Number.isInteger(length) || length < 0) {
    throw new FlambeauError(`${name}: expected a length, a non-negative integer, got ${length}.`);
  }
  const last = periodic ? length : length - 1;
  const values = Float64Array.from({ length }, (_, i) => (length === 1 ? 1 : at(i / last)));
  return tensor(values, { dtype, ...options });
}

/** `0.5 - 0.5 · cos(2πu)`. */
export const hannWindow = (length: number, options: WindowOptions = {}): Tensor =>
  windowOf("hannWindow", length, (u) => Math.sin(Math.PI * u) ** 2, options);

export interface HammingOptions extends WindowOptions {
  /** Default 0.54. */
  readonly alpha?: number;
  /** Default 0.46. */
  readonly beta?: number;
}

/** `alpha - beta · cos(2πu)`. */
export const hammingWindow = (
  length: number,
  { alpha = 0.54, beta = 0.46, ...options }: HammingOptions = {},
): Tensor =>
  windowOf("hammingWindow", length, (u) => alpha - beta * Math.cos(2 * Math.PI * u), options);

/** `0.42 - 0.5 · cos(2πu) + 0.08 · cos(4πu)`. */
export const blackmanWindow = (length: number, options: WindowOptions = {}): Tensor =>
  windowOf(
    "blackmanWindow",
    length,
    (u) => 0.42 - 0.5 * Math.cos(2 * Math.PI * u) + 0.08 * Math.cos(4 * Math.PI * u),
    options,
  );

/** A triangle: `1 - |2u - 1|`. */
export const bartlettWindow = (length: number, options: WindowOptions = {}): Tensor =>
  windowOf("bartlettWindow", length, (u) => 1 - Math.abs(2 * u - 1), options);

export interface KaiserOptions extends WindowOptions {
  /** How narrow the window is. Default 12. */
  readonly beta?: number;
}

/** The modified Bessel function I₀, by its power series: all terms are positive. */
function bessel(x: number): number {
  let [sum, term] = [1, 1];
  for (let k = 1; term > sum * 1e-17; k++) {
    term *= (x / (2 * k)) ** 2;
    sum += term;
  }
  return sum;
}

/** `I₀(beta · √(1 - (2u - 1)²)) / I₀(beta)`. */
export const kaiserWindow = (
  length: number,
  { beta = 12, ...options }: KaiserOptions = {},
): Tensor =>
  windowOf(
    "kaiserWindow",
    length,
    (u) => bessel(beta * Math.sqrt(Math.max(0, 1 - (2 * u - 1) ** 2))) / bessel(beta),
    options,
  );
