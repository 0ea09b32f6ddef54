// Tensors inside arrays and plain objects: how traced functions take arguments and give results.
import { type Tensor, isTensor } from "../tensor.ts";

/** The same structure with every tensor replaced. */
export function mapTensors(value: unknown, replace: (tensor: Tensor) => unknown): unknown {
  if (isTensor(value)) return replace(value);
  if (Array.isArray(value)) return value.map((item) => mapTensors(item, replace));
  if (
    typeof value === "object" &&
    value !== null &&
    Object.getPrototypeOf(value) === Object.prototype
  ) {
    return Object.fromEntries(
      Object.entries(value).map(([name, item]) => [name, mapTensors(item, replace)]),
    );
  }
  return value;
}

/** Every tensor of a structure, in order. */
export function tensorsIn(value: unknown): Tensor[] {
  const found: Tensor[] = [];
  mapTensors(value, (tensor) => found.push(tensor));
  return found;
}
