// 16-bit floats in composites: converted once at each end, so that nothing between rounds.
import { isHalf } from "../dtype.ts";
import { type Tensor, isTensor } from "../tensor.ts";
import { cast } from "./cast.ts";

const isPlainObject = (value: unknown): value is { readonly [name: string]: unknown } =>
  typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype;

/** A value with its tensors replaced: itself, or those of a list or an options object. */
function mapTensors(value: unknown, change: (x: Tensor) => Tensor): unknown {
  if (isTensor(value)) return change(value);
  if (Array.isArray(value)) return value.map((item) => mapTensors(item, change));
  if (!isPlainObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, item]) => [name, mapTensors(item, change)]),
  );
}

const isHalfTensor = (x: unknown): boolean => isTensor(x) && isHalf(x.dtype);

/**
 * The `inFloat32` of composites: 16-bit floats among the arguments become float32; float32 results get
 * the dtype of the first argument, unless the caller asked for a dtype.
 */
export function inFloat32(
  inputs: readonly unknown[],
  body: (...inputs: readonly unknown[]) => unknown,
): unknown {
  const [first] = inputs;
  const asksForDType = inputs.some((input) => isPlainObject(input) && input["dtype"] !== undefined);
  if (!isHalfTensor(first) || asksForDType) return body(...inputs);
  const { dtype } = first as Tensor;
  const wide = inputs.map((input) =>
    mapTensors(input, (x) => (isHalfTensor(x) ? cast(x, "float32") : x)),
  );
  return mapTensors(body(...wide), (x) => (x.dtype === "float32" ? cast(x, dtype) : x));
}
