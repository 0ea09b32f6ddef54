// What layers share: how their parameters and buffers are made and filled.
import {
  type DType,
  type Device,
  Parameter,
  type Shape,
  type Tensor,
  eagerly,
  scope,
  zeros,
} from "@flambeau/core";
import * as init from "../init.ts";

/** Where a layer's parameters live, and what draws their first values. */
export interface LayerOptions extends init.InitOptions {
  /** Default float32. */
  readonly dtype?: DType;
  readonly device?: Device | string;
}

/** State is made for real, also by modules that are built inside a trace. */
export const stateOf = <T>(make: () => T): T => eagerly(() => scope(make));

const place = ({ dtype, device, generator }: LayerOptions) => ({
  dtype: dtype ?? "float32",
  device: generator?.device ?? device,
});

/** A parameter of zeros. */
export const parameter = (shape: Shape, options: LayerOptions): Parameter =>
  stateOf(() => new Parameter(zeros(shape, place(options))));

/** A tensor of zeros, for buffers. Call it inside `stateOf`. */
export const zerosFor = (shape: Shape, options: LayerOptions): Tensor =>
  zeros(shape, place(options));

/** Linear layers and convolutions: weight and bias uniform within ±1/√fanIn. */
export function fillWeights(
  weight: Parameter,
  bias: Parameter | undefined,
  options: LayerOptions,
): void {
  init.kaimingUniform(weight, { ...options, a: Math.sqrt(5) });
  if (bias === undefined) return;
  const bound = 1 / Math.sqrt(init.fans(weight).fanIn);
  init.uniform(bias, { ...options, low: -bound, high: bound });
}
