// Any state (nested lists and objects of tensors, numbers, text) as named tensors and JSON, and back.
// Checkpoints are made of it.
import { FormatError, type Tensor, isTensor } from "@flambeau/core";

/** What stands in the JSON for what JSON cannot hold. */
type Placeholder = { readonly $tensor: string } | { readonly $number: string };

/** Moves the tensors of `state` into `tensors`, under names that start with `name`; gives the rest. */
export function packState(state: unknown, name: string, tensors: Record<string, Tensor>): unknown {
  if (isTensor(state)) {
    tensors[name] = state;
    return { $tensor: name } satisfies Placeholder;
  }
  if (typeof state === "number") {
    const isPlain = Number.isFinite(state) && !Object.is(state, -0);
    return isPlain
      ? state
      : ({ $number: Object.is(state, -0) ? "-0" : String(state) } satisfies Placeholder);
  }
  if (state === null || typeof state === "string" || typeof state === "boolean") return state;
  if (Array.isArray(state)) {
    return state.map((item, i) => packState(item, `${name}.${i}`, tensors));
  }
  if (typeof state === "object" && Object.getPrototypeOf(state) === Object.prototype) {
    const entries = Object.entries(state).filter(([, value]) => value !== undefined);
    return Object.fromEntries(
      entries.map(([key, value]) => [key, packState(value, `${name}.${key}`, tensors)]),
    );
  }
  throw new FormatError(
    `checkpoint: ${name} is ${describe(state)}. A state dict may hold tensors, numbers, strings, ` +
      `booleans, null, arrays and plain objects.`,
  );
}

const describe = (value: unknown): string =>
  typeof value === "object"
    ? `a ${value!.constructor?.name ?? "special object"}`
    : `a ${typeof value}`;

/** Undoes `packState`. */
export function unpackState(packed: unknown, tensors: Readonly<Record<string, Tensor>>): unknown {
  if (typeof packed !== "object" || packed === null) return packed;
  if (Array.isArray(packed)) return packed.map((item) => unpackState(item, tensors));
  const { $tensor: name, $number: number } = packed as { $tensor?: unknown; $number?: unknown };
  if (typeof name === "string") {
    const found = Object.hasOwn(tensors, name) ? tensors[name] : undefined;
    if (found !== undefined) return found;
    throw new FormatError(`checkpoint: the tensor ${JSON.stringify(name)} is missing.`);
  }
  if (typeof number === "string") return Number(number);
  return Object.fromEntries(
    Object.entries(packed).map(([key, value]) => [key, unpackState(value, tensors)]),
  );
}
